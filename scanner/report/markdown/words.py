"""The sentences that both forms begin with: what is wrong, whether it fails, what is new. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scanner.model import Verdict
from scanner.report.markdown.templates import prose
from scanner.report.recorded import Changes
from scanner.report.view import Row, View
from scanner.report.view.denials import number_of_kinds
from scanner.text.escape import counted, markdown_code, markdown_text

MOST_EXPIRED = 3
_MOST_MISSING = 3
_MOST_NAMED = 3
_ICONS = {"failure": "❌", "neutral": "⚠️"}


def title(view: View, changes: Changes | None = None) -> str:
    """The headline with the state of the gate, and what is new."""
    if changes and is_fixed(view, changes):
        return f"✅ Fixed: {_fixed(changes, view.noun)}"
    parts = [f"{_icon(view)} {_headline(view)}", _delta(view, changes)]
    return " · ".join(filter(None, parts))


def is_fixed(view: View, changes: Changes | None) -> bool:
    """Whether something was fixed since the last comment, and nothing is left."""
    is_open = view.confirmed or view.others or _icon(view) != "✅"
    return bool(changes and changes.fixed) and not is_open


def _icon(view: View) -> str:
    conclusion = view.gate.conclusion if view.gate else "success"
    is_clean = view.totals.functions and not view.confirmed and not view.others
    return _ICONS.get(conclusion) or ("✅" if is_clean else "⚠️")


def _headline(view: View) -> str:
    """The headline, with the name of the only role that has findings as code."""
    name = view.confirmed[0].who if view.confirmed else ""
    before, found, after = view.headline.rpartition(f" {name}") if name else ("", "", view.headline)
    if not found:
        return markdown_text(view.headline)
    return f"{markdown_text(before)} {markdown_code(name)}{markdown_text(after)}"


def is_about_one(view: View) -> bool:
    """Whether the headline names the only workloads that have findings."""
    return len({row.role.arn for row in view.confirmed}) == 1 and view.confirmed[0].who in view.headline


def _delta(view: View, changes: Changes | None) -> str:
    """What is new and fixed against the baseline, else against the last comment, else the last run."""
    if view.delta:
        new, known, fixed = view.delta.new, view.delta.known, len(view.delta.fixed)
    elif changes:
        new, known, fixed = changes.new, changes.known, len(changes.fixed)
    elif view.since and view.since.previous:
        new, known, fixed = view.since.number_new, view.since.still_open, len(view.since.fixed)
    else:
        return ""
    return f"+{new:,} new, {known:,} known, {fixed:,} fixed" if new or fixed else ""


def _fixed(changes: Changes, noun: str) -> str:
    """What was fixed, where nothing else is left."""
    names = {fixed.who for fixed in changes.fixed}
    where = markdown_code(changes.fixed[0].who) if len(names) == 1 else counted(len(names), noun)
    if len(changes.fixed) > 1:
        return f"{counted(len(changes.fixed), 'finding')} are gone from {where}"
    what = changes.fixed[0].actions
    return f"{markdown_code(what) if what else '1 finding'} is gone from {where}"


def since(view: View) -> str:
    """What changed since the last run, and the course of the last ones, in a line; empty without a ledger."""
    if view.since is None:
        return ""
    when = f" ({markdown_text(view.since.previous)})" if view.since.previous else ""
    trend = view.since.trend
    course = f" · {trend.bars} {markdown_text(trend.text)}" if trend else ""
    return f"**Since the last run**{when}: {markdown_text(view.since.text)}{course}"


# --- the gate --------------------------------------------------------------------------------------


def state(view: View) -> str:
    """What the gate says, with the names of the inputs that decide; empty where nothing is asked of it."""
    gate = view.gate
    if gate is None or not view.totals.functions:
        return _because_of(view)
    if gate.conclusion == "failure":
        return _because_of(view)
    if gate.conclusion == "neutral":
        return "the evidence is not sufficient for a verdict"
    if not gate.fail_on:
        return "fails nothing: no `fail-on` is set" if view.confirmed else ""
    if gate.notes:
        return f"does not fail: {prose('; '.join(gate.notes))}"
    return f"matches no `fail-on: {', '.join(_in_order(gate.fail_on))}`" if view.confirmed else ""


def _because_of(view: View) -> str:
    gate = view.gate
    if gate is None or gate.conclusion != "failure":
        return ""
    causes = []
    if gate.failing:
        verdicts = {str(verdict) for verdict in _failing_verdicts(view)}
        named = [str(v) for v in Verdict if v in verdicts] or _in_order(gate.fail_on)
        causes.append(f"`fail-on: {', '.join(named)}`")
    if gate.expired:
        causes.append("a rule that expired" if len(gate.expired) == 1 else "rules that expired")
    if gate.missing and not causes:
        causes.append("`on-insufficient-evidence: fail`")
    number = len(gate.failing)
    verb = f"{number:,} fail" if 1 < number < view.totals.confirmed else "fails"
    return f"{verb} because of {' and '.join(causes)}" if causes else "fails"


def _in_order(verdicts: Iterable[Verdict]) -> list[str]:
    chosen = set(verdicts)
    return [str(verdict) for verdict in Verdict if verdict in chosen]


def _failing_verdicts(view: View) -> Iterator[str]:
    for row in (*view.others, *view.confirmed, *view.unconfirmed):
        for part in row.below or (row,):
            if part.fails:
                yield part.finding.verdict


def gate_lines(view: View) -> list[str]:
    """The rules that expired, and the evidence without which the gate cannot decide, a line each."""
    gate = view.gate
    if gate is None:
        return []
    lines = _some(gate.expired, MOST_EXPIRED, "Expired: ") if gate.conclusion == "failure" else []
    if gate.conclusion == "neutral" or (gate.conclusion == "failure" and not gate.failing):
        lines += _some(gate.missing, _MOST_MISSING, "")
    return [f"⚠️ {line}" for line in lines]


def _some(texts: Iterable[str], most: int, before: str) -> list[str]:
    texts = list(texts)
    more = len(texts) - most
    lines = [f"{before}{prose(text)}" for text in texts[:most]]
    return [*lines[:-1], f"{lines[-1]}, and {more:,} more"] if more > 0 else lines


# --- how much was seen -----------------------------------------------------------------------------


def fine(view: View) -> str:
    """How many workloads have no finding, not even a doubt; empty where none has."""
    with_findings = {name for row in _all_rows(view) for name in row.functions}
    number = view.totals.functions - len(with_findings)
    if number <= 0 or not with_findings:
        return ""
    return f"{number:,} other {view.noun}{' is' if number == 1 else 's are'} fine"


def _all_rows(view: View) -> Iterator[Row]:
    yield from (*view.others, *view.confirmed, *view.unconfirmed)


def never_traced(view: View) -> str:
    """How many workloads no trace shows, and which of them hold most; empty where none."""
    never = view.never_traced
    if not never.names:
        return ""
    names = [name for name, _ in never.dangerous]
    named = ", ".join(map(markdown_code, names[:_MOST_NAMED]))
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return f"❔ **{markdown_text(never.text)}**{' · ' if named else ''}{named}{more}"


def doubts(view: View, shown: int) -> str:
    """How many findings are not confirmed, and how many of them are worst; `shown` stand elsewhere."""
    totals = view.totals.unconfirmed_by_severity
    number = view.totals.unconfirmed - shown
    worst = next(iter(totals), "")
    many = len(totals) > 1 and worst == "privilege-escalation"
    of_which = f", {totals[worst]:,} of them 🔴 {worst}" if many else ""
    return f"⚪ {number:,} not confirmed{of_which}" if number > 0 else ""


def calls(view: View) -> str:
    """How many warnings there are, and calls that no grant explains."""
    parts = [
        f"⚠️ {counted(len(view.warnings), 'warning')}" if view.warnings else "",
        counted(number_of_kinds(view.denials), "denied call") if view.denials else "",
        f"{counted(len(view.allowed_elsewhere), 'call')} allowed elsewhere" if view.allowed_elsewhere else "",
    ]
    return ", ".join(filter(None, parts))
