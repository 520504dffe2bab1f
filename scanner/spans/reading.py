"""The spans of one trace -> what it shows: the workloads that ran in it, and their calls. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.model import ObservedCall
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.model.workloads import NO_HINTS
from scanner.spans.credentials import of_others
from scanner.spans.record import Flags, Record, RecordTable
from scanner.spans.workloads import SpanWorkload

_NO_PARENT = b"\0" * 8
_FREE_OF_CALLS = "other"


class _Owner(NamedTuple):
    """The workload of a span; `known` is False where what it belongs to did not arrive."""

    workload: SpanWorkload | None
    known: bool = True


class _Owned(NamedTuple):
    """A span with whose it is, as text; None for nobody's."""

    record: Record
    workload: str | None


def read_records(trace_id: str, records: Sequence[Record], table: RecordTable) -> TraceReading:
    """Read all calls of a trace and the workloads that it shows."""
    spans = _each_once(records)
    owners = _owners(spans, table)
    owned = [
        _Owned(record, owner.workload.text if owner.workload else None)
        for record, owner in zip(spans.values(), owners, strict=True)
    ]
    complete = all(owner.known for owner in owners) and not any(_is_cut_off(r, spans) for r in spans.values())
    others = of_others([item for item in owned if item.record.call >= 0])
    calls = [item for item in _calls(owned, spans) if item.record.id not in others]
    observed = [table.observed(record, workload) for record, workload in calls]
    workloads = _runs(owned, owners, table, {workload for _, workload in calls})
    return TraceReading(
        trace_id,
        documents=len(records),
        complete=complete,
        start=min((record.start for record in spans.values() if record.start), default=None),
        end=max((max(record.start, record.end) for record in spans.values()), default=0.0) or None,
        workloads=workloads,
        calls=observed,
        unowned=sum(1 for _, workload in calls if workload is None) if workloads else 0,
        foreign=not workloads and all(table.source(record).by_service for record in spans.values()),
        unanswered=() if complete else _unanswered(calls, observed, spans.values()),
        other_credentials=_counted(item.workload for item in owned if item.record.id in others),
    )


def _each_once(records: Iterable[Record]) -> dict[bytes, Record]:
    """Each span once, by its id: what was written in progress only where no finished copy came."""
    spans: dict[bytes, Record] = {}
    for record in records:
        known = spans.get(record.id)
        if known is None or (known.flags & Flags.IN_PROGRESS and not record.flags & Flags.IN_PROGRESS):
            spans[record.id] = record
    return spans


def _is_cut_off(record: Record, spans: Mapping[bytes, Record]) -> bool:
    """Whether a span shows that others are missing: it never ended, or what is above it did not arrive.

    What called a process may be recorded elsewhere, or nowhere.
    """
    if record.flags & Flags.IN_PROGRESS:
        return True
    return not record.flags & Flags.LOCAL_ROOT and record.parent not in spans


# --- whose spans are ------------------------------------------------------------------------------


def _owners(spans: Mapping[bytes, Record], table: RecordTable) -> list[_Owner]:
    known: dict[bytes, _Owner] = {}
    return [_owner(record, spans, table, known) for record in spans.values()]


def _owner(
    record: Record, spans: Mapping[bytes, Record], table: RecordTable, known: dict[bytes, _Owner]
) -> _Owner:
    """The workload that a span names, else that of the span above, within one process."""
    own = table.workload(record)
    if own is not None:
        return _Owner(own)
    passed: list[bytes] = []
    owner = _Owner(None)
    while True:
        of_span = known.get(record.id)
        if of_span is not None:
            owner = of_span
            break
        own = table.workload(record)
        if own is not None:
            owner = _Owner(own)
            break
        if record.id in passed or record.flags & Flags.BOUNDARY or not table.source(record).inherits:
            break
        passed.append(record.id)
        parent = spans.get(record.parent)
        if parent is None:
            owner = _Owner(None, known=record.parent == _NO_PARENT)
            break
        record = parent
    known.update(dict.fromkeys(passed, owner))
    return owner


# --- calls ----------------------------------------------------------------------------------------


def _calls(owned: Sequence[_Owned], spans: Mapping[bytes, Record]) -> list[_Owned]:
    """The calls of a trace. A request that stands below or above a call is that call."""
    requests = any(item.record.flags & Flags.REQUEST for item in owned)
    above_calls = {r.parent for r in spans.values() if _is_call(r)} if requests else set()
    return [
        item
        for item in owned
        if item.record.call >= 0
        and (
            _is_call(item.record)
            or not (item.record.id in above_calls or _is_below_a_call(item.record, spans))
        )
    ]


def _is_call(record: Record) -> bool:
    return record.call >= 0 and not record.flags & Flags.REQUEST


def _is_below_a_call(record: Record, spans: Mapping[bytes, Record]) -> bool:
    for _ in range(len(spans)):
        parent = spans.get(record.parent)
        if parent is None:
            return False
        if _is_call(parent):
            return True
        record = parent
    return False


def _unanswered(
    calls: Sequence[_Owned], observed: Sequence[ObservedCall], spans: Collection[Record]
) -> list[ObservedCall]:
    """The calls without a span of what was called."""
    parents = {record.parent for record in spans}
    return [call for item, call in zip(calls, observed, strict=True) if item.record.id not in parents]


# --- runs -----------------------------------------------------------------------------------------


def _runs(
    owned: Sequence[_Owned], owners: Sequence[_Owner], table: RecordTable, callers: Collection[str | None]
) -> dict[str, WorkloadRun]:
    """The workloads of a trace. Services of which nothing is known count where they call AWS."""
    runs: dict[str, WorkloadRun] = {}
    for (record, text), owner in zip(owned, owners, strict=True):
        workload = owner.workload
        if workload is None or text is None:
            continue
        if workload.key.kind == _FREE_OF_CALLS and text not in callers:
            continue
        runs[text] = _with_span(runs.get(text), record, workload, table)
    return runs


def _with_span(
    run: WorkloadRun | None, record: Record, workload: SpanWorkload, table: RecordTable
) -> WorkloadRun:
    """What is known of a run of a workload, with what a further span of it says."""
    source = table.source(record)
    role = table.denied_role(record)
    ran = not source.only_asked
    if run is None:
        hints = workload.hints._replace(denied_role=role) if role else workload.hints
        return WorkloadRun(record.start, ran, source.automatic, workload.version, hints=hints)
    start = run.start
    if ran == run.ran:
        start = min(start, record.start) or max(start, record.start)
    elif ran:
        start = record.start
    if (
        start == run.start
        and not role
        and (run.auto_instrumented or not source.automatic)
        and (ran == run.ran or not ran)
        and workload.version == run.version
        and (workload.hints == NO_HINTS or run.hints != NO_HINTS)
    ):
        return run  # most spans say nothing new
    hints = run.hints if run.hints != NO_HINTS else workload.hints
    return run._replace(
        start=start,
        ran=run.ran or ran,
        auto_instrumented=run.auto_instrumented or source.automatic,
        version=_version(run.version, workload.version),
        hints=hints._replace(denied_role=role) if role else hints,
    )


def _version(one: str | None, other: str | None) -> str | None:
    """The published version of two; else the alias, which says less."""
    named = [version for version in (one, other) if version]
    return max(named, key=lambda version: (version.isdecimal(), version), default=None)


def _counted(workloads: Iterable[str | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for workload in workloads:
        counts[workload or ""] = counts.get(workload or "", 0) + 1
    return counts
