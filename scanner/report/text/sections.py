"""What follows the findings: why not all are confirmed, what else was seen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scanner.model import Verdict
from scanner.report.text.shown import Shown
from scanner.report.view import View
from scanner.report.view.denials import first_denials, number_of_kinds
from scanner.report.view.values import Change
from scanner.text.escape import counted

_MOST = 4  # reasons, and lines of what was seen besides, where not everything is asked for
_MOST_WARNINGS = 5
_ELSEWHERE = "Allowed elsewhere (AWS did it, though the role's policies do not allow it)"


class Section(NamedTuple):
    """A title and lines below it."""

    title: str
    lines: Sequence[str]


def sections(view: View, shown: Shown) -> list[Section]:
    """The sections that hold anything; of each, what is asked for."""
    found = [
        *_since(view, shown),
        *_details(view, shown),
        Section("Not confirmed, because", _first(_reasons(view, shown), _MOST, shown)),
        *_seen_besides(view, shown),
        Section("Accepted by the team", _first(view.accepted_facts, _MOST, shown)),
        Section("Warnings", _first(view.warnings, _MOST_WARNINGS, shown)),
    ]
    return [section for section in found if section.lines]


def _first(lines: Sequence[str], most: int, shown: Shown) -> Sequence[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - most
    return lines if shown.whole or more <= 1 else [*lines[:most], f"and {more:,} more{shown.hint}"]


def _since(view: View, shown: Shown) -> Iterator[Section]:
    """What is new and what is gone since the last run."""
    since = view.since
    if since is None or not since.previous:
        return
    lists = {
        "New since the last run": since.new,
        "Fixed since the last run": since.fixed,
        "Used or accepted by now": since.settled if shown.in_detail else (),
        "Not decided in this run": since.undecided if shown.in_detail else (),
    }
    for title, changes in lists.items():
        lines = [f"{one.who}: {one.what} ({_many(one)}{one.severity}) {one.id}" for one in changes]
        yield Section(title, _first(lines, _MOST, shown))


def _many(change: Change) -> str:
    return f"{change.number:,} findings, " if change.number > 1 else ""


def _details(view: View, shown: Shown) -> Iterator[Section]:
    if shown.in_detail:
        yield Section("Workloads", _workloads(view))
        yield Section("Never traced", view.never_traced.names)
    elif not (view.groups or view.doubts):
        yield Section("Workloads", _first(_workloads(view), _MOST, shown))
    if shown.shows(Verdict.INEFFECTIVE):
        yield Section("Granted without effect", _ineffective(view))
    if shown.in_detail:
        dangers = [f"{danger.action}: {danger.gain}" for danger in view.dangers]
        yield Section("What an attacker would gain", dangers)


def _seen_besides(view: View, shown: Shown) -> Iterator[Section]:
    """What is no finding: a few lines as they are, of many only how many there are."""
    unshown = number_of_kinds(view.denials) - _most_denials(view, shown)
    many = [f"{unshown:,} more kinds of calls that AWS denied"] if unshown else []
    yield from _denials(view, shown)
    found = (
        (_ELSEWHERE, "kinds of calls that the role's policies do not allow", _allowed_elsewhere(view)),
        ("Redundant grants", "grants that others make redundant", _redundant(view)),
        ("Could not be mapped to permissions", "kinds of calls that could not be mapped", _unmapped(view)),
    )
    many += [f"{len(lines):,} {noun}" for _, noun, lines in found if not shown.whole and len(lines) > _MOST]
    yield from (Section(title, lines) for title, _, lines in found if shown.whole or len(lines) <= _MOST)
    yield Section(f"Also seen{shown.hint}", many)


def _reasons(view: View, shown: Shown) -> list[str]:
    """The reasons, most frequent first, and what removes each; in detail also what each means."""
    findings = (part.finding for row in view.unconfirmed for part in row.below or (row,))
    number = Counter(str(reason) for finding in findings for reason in finding.reasons)
    lines = sorted(view.reasons, key=lambda reason: -number[reason.code])
    return [
        f"{reason.code} ({number[reason.code]:,}): "
        + (f"{reason.meaning}. To remove it: {reason.remedy}" if shown.in_detail else reason.remedy)
        for reason in lines
    ]


def _workloads(view: View) -> list[str]:
    lines = []
    for workload in view.workloads:
        runs = workload.invocations
        total = "" if runs is None else f" of {counted(runs, 'invocation')}"
        lines.append(
            f"{workload.name}: {counted(workload.traces, 'trace')}{total}, "
            f"{counted(workload.calls, 'call')}, {counted(workload.permissions, 'permission')} used"
        )
    return lines


def _most_denials(view: View, shown: Shown) -> int:
    """How many kinds of denied calls are shown."""
    number, most = number_of_kinds(view.denials), shown.top or _MOST
    return number if shown.whole or number <= most + 1 else most


def _denials(view: View, shown: Shown) -> Iterator[Section]:
    """What AWS denied, the same of many workloads once; in plain lines that are whole, each on its own."""
    if shown.whole and not shown.on_terminal:
        yield Section("Denied by AWS", _denied(view))
        return
    for cause in first_denials(view.denials, _most_denials(view, shown)):
        lines = [f"{kind.action} on {kind.resource} ({kind.count:,}): {kind.who}" for kind in cause.kinds]
        yield Section(f"Denied by AWS ({cause.meaning})", lines)


def _denied(view: View) -> list[str]:
    return [
        f"{calls.who}: {calls.action} on {calls.resource} ({calls.count}): {calls.meaning}"
        for calls in view.denied
    ]


def _allowed_elsewhere(view: View) -> list[str]:
    return [
        f"{calls.who}: {calls.action} on {calls.resource} "
        f"({calls.count}{', and a policy even denies it' if calls.denied else ''})"
        for calls in view.allowed_elsewhere
    ]


def _redundant(view: View) -> list[str]:
    return [
        f"{grant.who}: {grant.actions} on {grant.resources}, of {grant.place}: "
        f"all that was seen of it is also allowed by {grant.also_granted_by}"
        for grant in view.redundant_grants
    ]


def _ineffective(view: View) -> list[str]:
    return [f"{grants.who}: {grants.count}: {grants.examples}" for grants in view.ineffective]


def _unmapped(view: View) -> list[str]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for calls in view.unmapped:
        counts[calls.service or "?", calls.operation or "?", calls.reason] += calls.count
    return [
        f"{service} {operation} ({count:,}): {why}" for (service, operation, why), count in counts.items()
    ]
