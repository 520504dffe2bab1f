"""What the page says without its script: the gate, totals, a table, what else was seen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.report.view import View
from scanner.report.view.effects import EFFECTS
from scanner.report.view.values import Change, Group
from scanner.text.escape import counted

_GATE: Mapping[str, str] = {
    "failure": "The check fails",
    "neutral": "Too little evidence",
    "success": "The check passes",
}

_MOST_ROWS = 300  # of the plain table
_MOST_LINES = 200  # of each list below


class Measure(NamedTuple):
    """A number of the head: what it counts, and a detail on it."""

    number: str
    name: str
    detail: str = ""
    alarming: bool = False


class PlainRow(NamedTuple):
    """A group in the table that needs no script."""

    severity: str
    actions: str
    resources: str
    claim: str
    evidence: str
    functions: str
    where: str


class Section(NamedTuple):
    """A list of lines below the findings, and how many there are in all."""

    title: str
    lines: Sequence[str]
    number: int


class GateState(NamedTuple):
    """What the gate says, in a few words, and which colour that has."""

    text: str
    kind: str


def state_of_gate(view: View) -> GateState | None:
    """What the gate says. Where nothing can fail it, it is no news that it passes."""
    if view.gate is None:
        return None
    if not view.gate.fail_on and view.gate.conclusion == "success":
        return GateState("Nothing is set to fail", "none")
    return GateState(_GATE[view.gate.conclusion], view.gate.conclusion)


class GateFacts(NamedTuple):
    """Why the gate says what it says: a line that is always shown, empty where there is none; the rest."""

    first: str
    rest: Sequence[str]


def facts_of_gate(view: View) -> GateFacts:
    """Why the gate says what it says. Where nothing can fail it, what evidence lacked is no headline."""
    gate = view.gate
    if gate is None:
        return GateFacts("", ())
    verdicts = ", ".join(verdict.value for verdict in gate.fail_on)
    limit = "of any severity" if gate.at_least == "all" else f"at least {gate.at_least}"
    rule = f"fail-on: {verdicts} ({limit})"
    matches = "matches" if len(gate.failing) == 1 else "match"
    count = f"{counted(len(gate.failing), 'finding')} {matches} {rule}" if gate.failing else rule
    lines = [*([count] if verdicts else []), *gate.expired, *gate.missing, *gate.notes]
    if verdicts or gate.conclusion != "success":
        return GateFacts(lines[0] if lines else "", lines[1:])
    return GateFacts("", lines)


def measures(view: View) -> list[Measure]:
    """The numbers of the head."""
    totals, unseen = view.totals, view.never_traced
    of_verdict = ", ".join(f"{count:,} {verdict}" for verdict, count in totals.by_verdict.items())
    listed = f"of {counted(unseen.listed, view.noun)}" if unseen.listed is not None else ""
    rights = Counter(rights for _, rights in unseen.dangerous)
    danger = ", ".join(f"{count:,} {kind}" for kind, count in rights.items())
    numbers = [
        Measure(f"{totals.confirmed:,}", "confirmed", of_verdict, totals.confirmed > 0),
        Measure(f"{totals.unconfirmed:,}", "not confirmed", "each says why"),
        Measure(f"{totals.excessive:,}", f"{view.noun}s hold too much", f"of {totals.functions:,} compared"),
    ]
    if unseen.names or unseen.listed is not None:
        detail = "; ".join(part for part in (listed, danger) if part)
        numbers.append(Measure(f"{len(unseen.names):,}", "never traced", detail, bool(unseen.dangerous)))
    numbers += _since(view)
    if view.delta:
        delta = view.delta
        detail = f"{delta.known:,} known, {len(delta.fixed):,} fixed since the baseline"
        numbers.append(Measure(f"+{delta.new:,}", "new", detail, delta.new > 0))
    return numbers


def _since(view: View) -> Iterable[Measure]:
    """What is new since the last run."""
    if view.since and view.since.previous:
        new = view.since.number_new
        rest = view.since.dated_text.partition(", ")[2]
        yield Measure(f"+{new:,}", "new since the last run", rest, new > 0)


class Sparkline(NamedTuple):
    """The open findings of the last runs as a line in a box: its points, the last of them, and words."""

    points: str
    last: tuple[float, float]
    text: str
    width: int
    height: int


_STEP, _HEIGHT, _EDGE = 8, 28, 3


def sparkline(view: View) -> Sparkline | None:
    """The line; None where there are no runs to compare."""
    trend = view.since.trend if view.since else None
    if trend is None:
        return None
    most = max(trend.counts) or 1
    points = [
        (_EDGE + at * _STEP, round(_HEIGHT - _EDGE - count / most * (_HEIGHT - 2 * _EDGE), 1))
        for at, count in enumerate(trend.counts)
    ]
    return Sparkline(
        points=" ".join(f"{x},{y:g}" for x, y in points),
        last=points[-1],
        text=trend.text[:1].upper() + trend.text[1:],
        width=2 * _EDGE + (len(points) - 1) * _STEP,
        height=_HEIGHT,
    )


def plain_rows(view: View) -> list[PlainRow]:
    """The groups for who runs no script."""
    return [_plain(group) for group in (*view.groups, *view.doubts)][:_MOST_ROWS]


def _plain(group: Group) -> PlainRow:
    names = group.functions
    return PlainRow(
        severity=group.severity,
        actions=group.actions,
        resources=group.resources,
        claim=group.claim,
        evidence=group.evidence if group.confirmed else f"not confirmed: {group.evidence}",
        functions=f"{len(names):,}: {group.who}" if len(names) > 1 else group.who,
        where=", ".join(f"{place.path}:{place.line}" for place in group.places[:3]),
    )


def sections(view: View) -> list[Section]:
    """What else there is to know, in lists that are folded."""
    lists = {
        **_changes(view),
        f"{view.noun.capitalize()}s that were never traced": _never_traced(view),
        "Accepted by the team, and the baseline": view.accepted_facts,
        **{
            f"Denied by AWS ({cause.meaning})": [
                f"{kind.action} on {kind.resource} ({kind.count:,}): {kind.who}" for kind in cause.kinds
            ]
            for cause in view.denials
        },
        "Allowed elsewhere: AWS did it, though the role's policies do not allow it": [
            f"{calls.who}: {calls.action} on {calls.resource} ({calls.count:,}"
            f"{', and a policy even denies it' if calls.denied else ''})"
            for calls in view.allowed_elsewhere
        ],
        "Redundant: another grant allows the same": [
            f"{grant.who}: {grant.actions} on {grant.resources}, of {grant.place}: all that was seen of it "
            f"is also allowed by {grant.also_granted_by}"
            for grant in view.redundant_grants
        ],
        "Granted without effect": [
            f"{grants.who}: {grants.count}: {grants.examples}" for grants in view.ineffective
        ],
        "Calls that could not be mapped to permissions": [
            f"{calls.service or '?'} {calls.operation or '?'} ({calls.count:,}): {calls.reason}"
            for calls in view.unmapped
        ],
        "Share of the invocations that was traced": [
            f"{share.who}: {share.traces} of {share.invocations}" for share in view.traced_shares
        ],
    }
    return [_section(title, lines) for title, lines in lists.items() if lines]


def _changes(view: View) -> dict[str, Sequence[str]]:
    """What is new, and what became of the findings of the last run that are no longer open."""
    since = view.since
    if since is None or not since.previous:
        return {}
    lists = {
        "New since the last run": since.new,
        "Fixed since the last run": since.fixed,
        "Used or accepted since the last run, and still granted": since.settled,
        "Open in the last run, and not decided in this one": since.undecided,
    }
    return {title: list(map(_line, changes)) for title, changes in lists.items()}


def _line(change: Change) -> str:
    number = f", {change.number:,} findings" if change.number > 1 else ""
    return (
        f"{change.who}: {change.what} ({EFFECTS.get(change.severity, change.severity)}{number}) {change.id}"
    )


def _section(title: str, lines: Sequence[str]) -> Section:
    more = len(lines) - _MOST_LINES
    shown = [*lines[:_MOST_LINES], f"{more:,} more in report.json"] if more > 0 else lines
    return Section(title, shown, len(lines))


def _never_traced(view: View) -> list[str]:
    dangerous = dict(view.never_traced.dangerous)
    names = sorted(view.never_traced.names, key=lambda name: (name not in dangerous, name))
    return [f"{name}: {dangerous[name]}" if name in dangerous else name for name in names]
