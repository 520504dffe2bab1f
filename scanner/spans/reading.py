"""The spans of one trace -> what it shows: the workloads that ran in it, and their calls. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from scanner.model import ObservedCall
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.model.workloads import NO_HINTS
from scanner.spans.credentials import SignedCall, of_others
from scanner.spans.record import Flags, Lookup, Placed, Record, Source
from scanner.spans.workloads import SpanWorkload

_NO_PARENT = b"\0" * 8
_NO_CREDENTIALS = b"\0" * 8
_NO_OTHERS: Mapping[str, int] = MappingProxyType({})
_FREE_OF_CALLS = "other"


class _Owner(NamedTuple):
    """The workload of a span; `known` is False where what it belongs to did not arrive."""

    workload: SpanWorkload | None
    text: str | None
    known: bool = True


class _Owned(NamedTuple):
    """A span with whose it is, as text; None for nobody's."""

    record: Record
    workload: str | None


_NOBODY = _Owner(None, None)
_NOT_KNOWN = _Owner(None, None, known=False)


def read_records(trace_id: str, records: Sequence[Record], table: Lookup) -> TraceReading:
    """Read all calls of a trace and the workloads that it shows."""
    spans = _each_once(records)
    placed = table.placed
    owned: list[_Owned] = []
    complete = True
    climb = _Climb(spans, placed)
    runs = _Runs(table)
    for record in spans.values():
        source = placed[record.source]
        owner: Placed | _Owner = source if source.is_own else climb.owner(record)
        owned.append(_Owned(record, owner.text))
        if owner.workload is not None:
            runs.add(record, source.source, owner.workload, owner.text or "")
        elif owner is _NOT_KNOWN:
            complete = False
        if record.flags & Flags.IN_PROGRESS or not (
            record.flags & Flags.LOCAL_ROOT or record.parent in spans
        ):
            complete = False  # it never ended, or what is above it in its process did not arrive
    others = of_others(_signed(owned)) if len({record.credentials for record in spans.values()}) > 2 else ()
    calls = [item for item in _calls(owned, spans, table) if item.record.id not in others]
    observed = [table.observed(record, workload) for record, workload in calls]
    workloads = runs.those_that_count({workload for _, workload in calls})
    return TraceReading(
        trace_id,
        documents=len(records),
        complete=complete,
        start=min([record.start for record in spans.values() if record.start], default=None),
        end=max([max(record.start, record.end) for record in spans.values()], default=0.0) or None,
        workloads=workloads,
        calls=observed,
        unowned=sum(1 for _, workload in calls if workload is None) if workloads else 0,
        foreign=not workloads and all(placed[r.source].source.by_service for r in spans.values()),
        unanswered=() if complete else _unanswered(calls, observed, spans.values()),
        other_credentials=_counted(item.workload for item in owned if item.record.id in others)
        if others
        else _NO_OTHERS,
        call_ids=[record.id for record, _ in calls],
    )


def _signed(owned: Sequence[_Owned]) -> list[SignedCall]:
    """The calls of which the credentials are known."""
    return [
        SignedCall(
            record.id, workload, record.credentials, record.start, asks=bool(record.flags & Flags.ASSUMES)
        )
        for record, workload in owned
        if record.call >= 0 and record.credentials != _NO_CREDENTIALS
    ]


def _each_once(records: Iterable[Record]) -> dict[bytes, Record]:
    """Each span once, by its id: what was written in progress only where no finished copy came."""
    spans: dict[bytes, Record] = {}
    for record in records:
        known = spans.get(record.id)
        if known is None or (known.flags & Flags.IN_PROGRESS and not record.flags & Flags.IN_PROGRESS):
            spans[record.id] = record
    return spans


# --- whose spans are ------------------------------------------------------------------------------


class _Climb:
    """Finds whose the spans of a trace are that name nobody: those above them, within one process."""

    def __init__(self, spans: Mapping[bytes, Record], placed: Sequence[Placed]) -> None:
        self._spans = spans
        self._placed = placed
        self._known: dict[bytes, _Owner] = {}

    def owner(self, record: Record) -> _Owner:
        """Whose a span is: of the nearest one above that surely says so, else of the nearest one named."""
        passed: list[bytes] = []
        while True:
            if record.id in self._known:
                owner = self._known[record.id]
                break
            source = self._placed[record.source]
            if source.is_own:
                owner = _Owner(source.workload, source.text)
                break
            if record.id in passed:
                owner = _NOBODY
                break
            passed.append(record.id)
            if record.flags & Flags.BOUNDARY or not source.source.inherits:
                owner = _NOBODY
                break
            parent = self._spans.get(record.parent)
            if parent is None:
                owner = _NOBODY if record.parent == _NO_PARENT else _NOT_KNOWN
                break
            record = parent
        for span in reversed(passed):
            source = self._placed[self._spans[span].source]
            if source.workload is not None and not (owner.workload and owner.workload.is_certain):
                owner = _Owner(source.workload, source.text)
            self._known[span] = owner
        return owner


# --- calls ----------------------------------------------------------------------------------------


def _calls(owned: Sequence[_Owned], spans: Mapping[bytes, Record], table: Lookup) -> list[_Owned]:
    """The calls of a trace. A request that stands below or above a call is that call.

    So is one that only a library for messages or databases tells of, where an AWS client recorded calls of
    the same service: Python's boto3sqs has spans that stand beside those.
    """
    calls = [item for item in owned if item.record.call >= 0]
    if not any(item.record.flags & Flags.REQUEST for item in calls):
        return calls
    of_clients = [item for item in calls if _is_call(item.record)]
    above = {item.record.parent for item in of_clients}
    services = {(item.workload, table.prefix(item.record)) for item in of_clients}
    return [
        item
        for item in calls
        if _is_call(item.record)
        or not (
            item.record.id in above
            or _is_below_a_call(item.record, spans)
            or (not table.names_host(item.record) and (item.workload, table.prefix(item.record)) in services)
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


class _Runs:
    """The workloads that ran in a trace."""

    def __init__(self, table: Lookup) -> None:
        self._table = table
        self._runs: dict[str, WorkloadRun] = {}
        self._seen: set[tuple[int, str]] = set()
        self._kinds: dict[str, str] = {}

    def add(self, record: Record, source: Source, workload: SpanWorkload, text: str) -> None:
        """Note a span of a workload."""
        run = self._runs.get(text)
        role = self._table.denied_role(record) if record.message_length else ""
        if run is not None and not role and (record.source, text) in self._seen and run.start <= record.start:
            return  # most spans say nothing new
        self._seen.add((record.source, text))
        if run is None:
            self._kinds[text] = workload.key.kind
            run = WorkloadRun(record.start)
        ran = not source.only_asked
        hints = run.hints if run.hints != NO_HINTS else workload.hints
        self._runs[text] = run._replace(
            start=_start(run, record.start, ran),
            ran=run.ran or ran,
            auto_instrumented=run.auto_instrumented or source.automatic,
            version=_version(run.version, workload.version),
            hints=hints._replace(denied_role=role) if role else hints,
        )

    def those_that_count(self, callers: Collection[str | None]) -> dict[str, WorkloadRun]:
        """The runs, by key. Services of which nothing is known count where they call AWS."""
        return {
            text: run
            for text, run in self._runs.items()
            if self._kinds[text] != _FREE_OF_CALLS or text in callers
        }


def _start(run: WorkloadRun, start: float, ran: bool) -> float:
    """When a workload began to run: what asked it to may have waited before."""
    if ran != run.ran:
        return start if ran else run.start
    return min(run.start, start) or max(run.start, start)


def _version(one: str | None, other: str | None) -> str | None:
    """The published version of two; else the alias, which says less."""
    named = [version for version in (one, other) if version]
    return max(named, key=lambda version: (version.isdecimal(), version), default=None)


def _counted(workloads: Iterable[str | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for workload in workloads:
        counts[workload or ""] = counts.get(workload or "", 0) + 1
    return counts
