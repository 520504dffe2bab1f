"""Which edits of a report are meant, and what is left. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scanner.errors import EXIT_USAGE, ScanError
from scanner.report.records import Finding, Fix, Report
from scanner.report.view.viewed import is_to_act_on
from scanner.text.escape import counted

_NOT_PLACED = (
    "the report knows no line of a template: scan with `--checkout DIR`, or take the report of the action"
)
_NO_LINE = "no line of a template is known"
_REASONS_LISTED = 8


class Choice(NamedTuple):
    """The edits that are meant, and lines on what is left and why."""

    fixes: tuple[Fix, ...]
    left: tuple[str, ...] = ()


def choose(report: Report, ids: Sequence[str] = (), *, unsafe: bool = False) -> Choice:
    """The edits for findings, by their ids or the starts of these; for all where none is named.

    Raises ScanError where an id names no finding.
    """
    named = _named(report, ids)
    fixes = [fix for fix in report.fixes if not ids or named.intersection(fix.findings)]
    chosen: list[Fix] = []
    held_back = overlapping = 0
    for fix in sorted(fixes, key=lambda fix: (fix.disposition != "safe", fix.path, fix.start)):
        if fix.disposition != "safe" and not unsafe:
            held_back += 1
        elif any(_overlap(fix, other) for other in chosen):
            overlapping += 1
        else:
            chosen.append(fix)
    left = []
    if held_back:
        left.append(f"{counted(held_back, 'edit')} that {_need(held_back)} a look: `--unsafe` takes them too")
    if overlapping:
        left.append(f"{counted(overlapping, 'edit')} of lines that others change: scan again after these")
    left += _without_edit(report, named if ids else None)
    return Choice(tuple(sorted(chosen, key=lambda fix: (fix.path, fix.start))), tuple(left))


def _need(number: int) -> str:
    return "needs" if number == 1 else "need"


def _overlap(one: Fix, other: Fix) -> bool:
    return one.path == other.path and one.start < other.end and other.start < one.end


def _named(report: Report, ids: Sequence[str]) -> set[str]:
    """The ids of the findings that are named."""
    named = set()
    for id_ in ids:
        found = {
            finding.id
            for role in report.roles
            for finding in role.findings
            if any(known.startswith(id_.lower()) for known in (finding.id, *finding.grant_ids))
        }
        if not found or len(id_) < 4:  # digits
            raise ScanError(
                f"no finding of the report has the id {id_!r}",
                EXIT_USAGE,
                "`report` and report.json have them",
            )
        named |= found
    return named


def _without_edit(report: Report, named: set[str] | None) -> Iterator[str]:
    """Why there is no edit for confirmed findings, a line a reason."""
    reasons = Counter(_why(finding) for finding in _confirmed(report, named) if not finding.fixes)
    if reasons and not report.fixes and set(reasons) == {_NO_LINE}:
        yield _NOT_PLACED
        return
    for reason, number in reasons.most_common(_REASONS_LISTED):
        yield f"no edit for {counted(number, 'finding')}: {reason}"
    more = sum(reasons.values()) - sum(number for _, number in reasons.most_common(_REASONS_LISTED))
    if more:
        yield f"no edit for {counted(more, 'finding')} more: `fix_note` in report.json says why"


def _confirmed(report: Report, named: set[str] | None) -> Iterator[Finding]:
    """The findings that are named, or all that are confirmed and to be acted on."""
    for role in report.roles:
        for finding in role.findings:
            if (
                finding.id in named
                if named is not None
                else finding.confirmed and is_to_act_on(role, finding)
            ):
                yield finding


def _why(finding: Finding) -> str:
    if not finding.confirmed:
        return "it is not confirmed"
    if finding.location_note and finding.location is None:
        return finding.location_note
    return finding.fix_note or (_NO_LINE if finding.location is None else "nothing can just be removed")
