"""Calls whose record names no workload: joined with the spans above them, by trace and parent.

Spans that X-Ray made of segment documents name the workload on the first one only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scanner.model import CallRow, RunRow
from scanner.spans.workloads import SpanWorkload, workload_of
from scanner.traces.insights import query_text
from scanner.traces.insights.columns import orphan_columns, workload_columns
from scanner.traces.insights.queries import Queries, Row
from scanner.traces.insights.rows import begins_process, call_row, count_of, is_strong, span_of
from scanner.traces.insights.windows import Window, pieces
from scanner.traces.insights.work import Gaps, Job, work
from scanner.traces.source import Emit

OVERLAP = 900
"""Seconds before and after a call in which the spans above it begin and end: Lambda's longest run."""
_AT_ONCE = 50_000  # calls that are held
_NAMED_TRACES = 4 * query_text.IDS_A_QUERY


@dataclass
class _Trace:
    """What is known of a trace: its workloads, and with a tree the parent of each span.

    `processes` are spans with which another process begins, which names no workload.
    """

    workloads: dict[str, SpanWorkload] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    of_spans: dict[str, SpanWorkload] = field(default_factory=dict)
    processes: set[str] = field(default_factory=set)

    def owner(self, parent: str) -> SpanWorkload | None:
        """The workload of the nearest span above, within one process; without a tree the only one."""
        if not self.parents:
            return next(iter(self.workloads.values())) if len(self.workloads) == 1 else None
        seen: set[str] = set()
        while parent and parent not in seen:
            if parent in self.of_spans:
                return self.of_spans[parent]
            if parent in self.processes:
                return None
            seen.add(parent)
            parent = self.parents.get(parent, "")
        return None


class Orphans:
    """Finds whose the calls of windows are."""

    def __init__(self, queries: Queries, region: str, emit: Emit, gaps: Gaps) -> None:
        self._queries = queries
        self._region = region
        self._emit = emit
        self._gaps = gaps

    def read(self, window: Window, number: int, within: Window) -> None:
        """Read the calls of a window, about so many. Spans above them are looked for near it."""
        longest = max(1, window.seconds * _AT_ONCE // max(number, _AT_ONCE))
        found = 0
        for part in pieces(window, longest):
            calls = self._rows(query_text.calls_of_traces_query(), [part])
            found += sum(map(count_of, calls))
            if calls:
                self._resolve(calls, near(part, within))
        if found < number:  # a row that is read one way and asked for another: nothing may be lost in silence
            self._gaps.add_unread(window, f"{number - found} calls were not found again")

    def _resolve(self, calls: Sequence[Row], around: Window) -> None:
        ids = {row["traceId"] for row in calls if "traceId" in row}
        traces = self._traces(ids, around)
        found: list[CallRow | RunRow] = []
        for row in calls:
            trace = traces.get(row.get("traceId", ""), _Trace())
            found += self._attributed(row, trace)
        self._emit(found)

    def _traces(self, ids: set[str], around: Window) -> Mapping[str, _Trace]:
        """The traces, with the tree of those that need it."""
        traces: dict[str, _Trace] = defaultdict(_Trace)
        unclear = ids
        if len(ids) > _NAMED_TRACES:
            for row in self._rows(query_text.workloads_of_traces_query(), [around]):
                if row.get("traceId") in ids:
                    self._add(row, traces[row["traceId"]])
            unclear = {trace for trace in ids if len(traces[trace].workloads) > 1}
        ordered = sorted(unclear)
        for at in range(0, len(ordered), query_text.IDS_A_QUERY):
            text = query_text.tree_query(ordered[at : at + query_text.IDS_A_QUERY])
            for row in self._rows(text, [around]):
                self._add(row, traces[row.get("traceId", "")])
        return traces

    def _add(self, row: Row, trace: _Trace) -> None:
        span = span_of(row, workload_columns(), self._region)
        workload = workload_of(span)
        if span.span_id:
            trace.parents[span.span_id] = span.parent_id
        if workload is not None and is_strong(workload):
            trace.workloads.setdefault(workload.text, workload)
            if span.span_id:
                trace.of_spans[span.span_id] = workload
        elif span.span_id and begins_process(row, span):
            trace.processes.add(span.span_id)

    def _attributed(self, row: Row, trace: _Trace) -> Iterable[CallRow | RunRow]:
        """The calls of a row, with the workload that the trace tells; a gap for each that it may be of."""
        span = span_of(row, orphan_columns(), self._region)
        owner = trace.owner(span.parent_id)
        named = owner or workload_of(span)
        call = call_row(row, span, named.text if named else None)
        if call is None:
            return
        yield replace(call, version=named.version if named else None, trace_id=span.trace_id)
        if owner is None:
            for workload in trace.workloads.values():
                yield gap(workload, call)

    def _rows(self, text: str, windows: Sequence[Window]) -> list[Row]:
        """All rows of a query, in windows as small as they must be."""
        rows: list[Row] = []
        jobs = [Job(text, window, lambda _, found: rows.extend(found)) for window in windows]
        work(self._queries, jobs, self._gaps)
        return rows


def gap(workload: SpanWorkload, call: CallRow) -> RunRow:
    """A run of a workload of which calls may be missing."""
    return RunRow(
        workload.text,
        traces=1,
        first=call.first_seen,
        last=call.last_seen,
        complete=False,
        version=workload.version,
    )


def near(window: Window, within: Window) -> Window:
    """A window with what is around it, no later than the scanned time."""
    return Window(max(0, window.start - OVERLAP), max(window.end, min(window.end + OVERLAP, within.end)))
