"""What the issue of a repository is about, as its body records it from run to run. Pure.

The comment of a pull request is about one scan. An issue outlives many, and each change in it is a mail to
somebody: a finding that a scan could not see is neither new when a later one sees it again, nor fixed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from scanner.report.recorded import (
    Record,
    RecordedFinding,
    ids_of,
    is_in,
    marked,
    marked_as_in,
    recorded,
    short_ids,
)
from scanner.report.records import Report, Role
from scanner.report.view.viewed import ViewedReport, is_to_act_on, is_undecided

UNSEEN_DAYS = 30
"""Days after which a finding that no scan shows any more is given up: X-Ray keeps traces for as many."""

MAX_ISSUE_RECORD = 32_000
"""Characters of the line in the body of an issue, of 65,536 that it may have."""


@dataclass(frozen=True)
class IssueState:
    """What an issue is about after a scan. `record` has all of it, what the scan could not see too.

    `new` and `fixed` are what changed since the earlier record. `is_known`: there was one.
    """

    record: Record
    new: tuple[RecordedFinding, ...] = ()
    fixed: tuple[RecordedFinding, ...] = ()
    is_known: bool = True

    @property
    def seen(self) -> tuple[RecordedFinding, ...]:
        """The findings that the scan shows."""
        return tuple(found for found in self.record.open if not found.unseen_since)

    @property
    def unseen(self) -> tuple[RecordedFinding, ...]:
        """Earlier findings of which the scan cannot tell whether they are still there."""
        return tuple(found for found in self.record.open if found.unseen_since)


def issue_state(report: Report, earlier: Record | None, day: int) -> IssueState:
    """What an issue is about after a scan, and after what it recorded before. `day` counts from 1970."""
    current = tuple(_open_findings(report))
    if earlier is None:
        return IssueState(Record(current), is_known=False)
    before, now = ids_of(earlier.open), ids_of(current)
    new = tuple(found for found in current if not is_in(found, before))
    fixed, unseen = _rest(report, [found for found in earlier.open if not is_in(found, now)], day)
    if not new and not fixed:
        record = msgspec.structs.replace(earlier, open=(*marked_as_in(current, earlier), *unseen))
        return IssueState(record)
    all_open = (*(marked(found, not is_in(found, before)) for found in current), *unseen)
    return IssueState(Record(all_open, fixed, is_first=False), new, fixed)


def fix_state(
    report: Report, earlier: Record | None, day: int, offered: Collection[str], unknown: Collection[str]
) -> IssueState:
    """What a fix pull request is about after a scan: the findings that it offers edits for, by their ids.

    Of earlier ones among `unknown` the scan cannot tell whether their edits are still good. Others without an
    edit are not to be removed any more.
    """
    viewed = ViewedReport(report)
    current = tuple(
        msgspec.structs.replace(recorded(viewed, role, finding), role=_name(report, role))
        for role in report.roles
        for finding in role.findings
        if finding.id in offered
    )
    if earlier is None:
        return IssueState(Record(current), is_known=False)
    now = ids_of(current)
    rest = [found for found in earlier.open if not is_in(found, now)]
    doubts = {id_ for r in report.roles for f in r.findings if f.id in unknown for id_ in short_ids(f)}
    fixed, unseen = _rest(report, rest, day, doubts)
    return IssueState(Record((*current, *unseen), fixed, is_first=False), fixed=fixed)


def _open_findings(report: Report) -> Iterator[RecordedFinding]:
    """What somebody has to act on: confirmed excess that nobody accepts, and what fails the gate."""
    viewed = ViewedReport(report)
    for role in report.roles:
        for finding in role.findings:
            is_confirmed = is_to_act_on(role, finding) and finding.confirmed
            if is_confirmed or finding.id in viewed.failing_ids:
                found = recorded(viewed, role, finding)
                yield msgspec.structs.replace(found, role=_name(report, role))


def _name(report: Report, role: Role) -> str:
    """The name of a role; roles of several accounts may share one."""
    return f"{role.account}/{role.name}" if len(report.scan.accounts) > 1 else role.name


def _rest(
    report: Report, rest: Iterable[RecordedFinding], day: int, doubts: Collection[str] = ()
) -> tuple[tuple[RecordedFinding, ...], tuple[RecordedFinding, ...]]:
    """Earlier findings that are open no more: those that were fixed, those of which nothing is known.

    Fixed is what no policy grants any more, of a role that was read wholly. What is used now, or accepted, is
    neither.
    """
    names = [(_name(report, role), role.readable) for role in report.roles]
    readable = {name for name, _ in names} - {name for name, is_readable in names if not is_readable}
    granted = {id_ for role in report.roles for finding in role.findings for id_ in short_ids(finding)}
    doubted = set(doubts) | {
        id_
        for role in report.roles
        for finding in role.findings
        if is_undecided(role, finding)
        for id_ in short_ids(finding)
    }
    fixed, unseen = [], []
    for found in rest:
        if is_in(found, doubted) or (found.role not in readable and not is_in(found, granted)):
            since = found.unseen_since or day
            if day - since < UNSEEN_DAYS:
                unseen.append(msgspec.structs.replace(found, is_new=False, unseen_since=since))
        elif not is_in(found, granted):
            fixed.append(msgspec.structs.replace(found, is_new=False, unseen_since=0))
    return tuple(fixed), tuple(unseen)
