"""The findings that the last comment was about, as the comment itself records them. Pure.

A comment holds, in a line that is not shown, the ids of the open findings, with the names that the comment
may show. So the next run says what is new and what was fixed, without a baseline. The line holds what the
comment before it held, too: a run that finds the same says the same.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from scanner.report.records import Finding, Report, Role
from scanner.report.view.viewed import ViewedReport, is_to_act_on, listed, short

MAX_RECORD = 16_000
"""Characters of the line in the comment; a record that is larger leaves out ids, then names, then all."""

_MAX_DECODED = 4_000_000
_FEW_IDS = 8  # of a finding: a statement with `NotAction` has hundreds, which do not compress
_ID_DIGITS = 8  # of 12: enough to tell the findings of an account apart
_LINE = re.compile(r'<!-- xray-privilege-scan recorded="([A-Za-z0-9+/=]{1,40000})" -->')


class RecordedFinding(msgspec.Struct, frozen=True, array_like=True):
    """A finding, by the beginnings of the ids of its grants. `is_new`: the comment before did not have it.

    `unseen_since`: the day (since 1970) of the first scan that could not tell any more whether it is
    there; 0 where the last scan shows it.
    """

    role: str
    who: str
    ids: tuple[str, ...]
    actions: str = ""
    resources: str = ""
    is_new: bool = False
    unseen_since: int = 0


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What a comment was about. `fixed` are findings that the comment before it had.

    `is_first`: there was none, so that nothing is new.
    """

    open: tuple[RecordedFinding, ...]
    fixed: tuple[RecordedFinding, ...] = ()
    is_first: bool = True


@dataclass(frozen=True)
class Changes:
    """What changed since the comment before: how many findings are new and known, which were fixed."""

    new: int
    known: int
    fixed: tuple[RecordedFinding, ...]


def record_of(report: Report, earlier: Record | None) -> Record:
    """What a comment on a report records, after an earlier one. The report holds only what may be shown."""
    current = tuple(_open_findings(report))
    if earlier is None:
        return Record(current)
    before, now = ids_of(earlier.open), ids_of(current)
    if all(is_in(found, before) for found in current) and all(is_in(found, now) for found in earlier.open):
        return msgspec.structs.replace(earlier, open=marked_as_in(current, earlier))
    gone = tuple(marked(found, False) for found in _gone(earlier.open, report))
    return Record(tuple(marked(f, not is_in(f, before)) for f in current), gone, is_first=False)


def changes_of(record: Record) -> Changes | None:
    """What changed, as a record has it; None where there was no comment before."""
    if record.is_first:
        return None
    new = sum(found.is_new for found in record.open)
    return Changes(new, len(record.open) - new, record.fixed)


def _open_findings(report: Report) -> Iterator[RecordedFinding]:
    viewed = ViewedReport(report)
    for role in report.roles:
        for finding in role.findings:
            if is_to_act_on(role, finding) and finding.confirmed:
                yield recorded(viewed, role, finding)


def recorded(viewed: ViewedReport, role: Role, finding: Finding) -> RecordedFinding:
    """A finding of a role as it is recorded."""
    return RecordedFinding(
        role=role.name,
        who=viewed.who(role),
        ids=short_ids(finding),
        actions=listed(finding.actions),
        resources=listed(map(short, finding.resources)),
    )


def _gone(earlier: Iterable[RecordedFinding], report: Report) -> Iterator[RecordedFinding]:
    """Those of which no grant is left, in roles that this scan read.

    What is used now, accepted or no longer confirmed is still granted, and so is not fixed.
    """
    granted = {id_ for role in report.roles for finding in role.findings for id_ in short_ids(finding)}
    readable = _readable(report.roles)
    for found in earlier:
        if found.role in readable and not granted.intersection(found.ids):
            yield found


def _readable(roles: Iterable[Role]) -> set[str]:
    """The names of the roles that were wholly read; roles of several accounts may share one."""
    roles = list(roles)
    return {role.name for role in roles} - {role.name for role in roles if not role.readable}


def short_ids(finding: Finding) -> tuple[str, ...]:
    """The beginnings of the ids of its grants."""
    return tuple(id_[:_ID_DIGITS] for id_ in (finding.grant_ids or (finding.id,)))


def ids_of(findings: Iterable[RecordedFinding]) -> set[str]:
    """The ids of all of them."""
    return {id_ for found in findings for id_ in found.ids}


def is_in(found: RecordedFinding, ids: set[str]) -> bool:
    """Whether any of its grants is among these."""
    return not ids.isdisjoint(found.ids)


def marked(found: RecordedFinding, is_new: bool) -> RecordedFinding:
    """The same, new or not."""
    return msgspec.structs.replace(found, is_new=is_new)


def marked_as_in(findings: Iterable[RecordedFinding], earlier: Record) -> tuple[RecordedFinding, ...]:
    """The same, each as new as an earlier record has it: nothing changed since."""
    new = ids_of(found for found in earlier.open if found.is_new)
    return tuple(marked(found, is_in(found, new)) for found in findings)


# --- the line in the comment -----------------------------------------------------------------------


def line_of(record: Record, limit: int = MAX_RECORD) -> str:
    """The line that records it; empty where it would be too long."""
    for shortened in (_unchanged, _with_few_ids, _with_one_id, _without_names):
        of_all = _with_each(record, shortened)
        packed = base64.b64encode(zlib.compress(msgspec.json.encode(of_all), 9)).decode()
        line = f'<!-- xray-privilege-scan recorded="{packed}" -->'
        if len(line) <= limit:
            return line
    return ""


def _with_each(record: Record, change: Callable[[RecordedFinding], RecordedFinding]) -> Record:
    """The record with all of its findings changed."""
    return msgspec.structs.replace(
        record, open=tuple(map(change, record.open)), fixed=tuple(map(change, record.fixed))
    )


def _unchanged(found: RecordedFinding) -> RecordedFinding:
    return found


def _with_few_ids(found: RecordedFinding) -> RecordedFinding:
    return msgspec.structs.replace(found, ids=found.ids[:_FEW_IDS])


def _with_one_id(found: RecordedFinding) -> RecordedFinding:
    return msgspec.structs.replace(found, ids=found.ids[:1])


def _without_names(found: RecordedFinding) -> RecordedFinding:
    return msgspec.structs.replace(_with_one_id(found), actions="", resources="")


def recorded_in(body: str, masked: Callable[[str], str]) -> Record | None:
    """What a comment records; None where it records nothing. `masked` hides what may no longer be shown.

    People with write access can edit the comment: it is bounded, and nothing but texts is taken from it.
    """
    match = _LINE.search(body)
    if match is None:
        return None
    try:
        decoder = zlib.decompressobj()
        text = decoder.decompress(base64.b64decode(match[1], validate=True), _MAX_DECODED)
        record = msgspec.json.decode(text, type=Record)
    except (binascii.Error, zlib.error, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return _with_each(record, lambda found: _masked(found, masked))


def _masked(found: RecordedFinding, masked: Callable[[str], str]) -> RecordedFinding:
    return msgspec.structs.replace(
        found,
        role=masked(found.role),
        who=masked(found.who),
        actions=masked(found.actions),
        resources=masked(found.resources),
    )
