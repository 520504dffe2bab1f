"""Calls that had not ended when their record was written: most have a second record, some were lost."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.spans.workloads import workload_of
from scanner.traces.insights import query_text
from scanner.traces.insights.columns import call_columns
from scanner.traces.insights.queries import Queries, Row
from scanner.traces.insights.rows import call_row, span_of
from scanner.traces.insights.trees import gap, near
from scanner.traces.insights.windows import Window
from scanner.traces.insights.work import EmitIn, Gaps, Job, work

_MOST_ASKED = 10 * query_text.IDS_A_QUERY
"""Of so many spans it is asked whether they ended; of more, all count as lost."""


class Unended:
    """Finds which calls of windows never ended."""

    def __init__(self, queries: Queries, region: str, emit_in: EmitIn, gaps: Gaps) -> None:
        self._queries = queries
        self._region = region
        self._emit_in = emit_in
        self._gaps = gaps

    def read(self, window: Window, within: Window) -> None:
        """Hand over the calls of a window that never ended, and their workloads' gaps."""
        records: dict[str, Row] = {}

        def take(_: Window, rows: Iterable[Row]) -> None:
            records.update((row["spanId"], row) for row in rows if "spanId" in row)

        work(self._queries, [Job(query_text.unended_query(), window, take)], self._gaps)
        if 0 < len(records) <= _MOST_ASKED:
            for span in self._ended(sorted(records), near(window, within)):
                records.pop(span, None)
        self._emit_in(window)([item for row in records.values() for item in self._lost(row)])

    def _ended(self, spans: list[str], around: Window) -> set[str]:
        ended: set[str] = set()

        def take(_: Window, rows: Iterable[Row]) -> None:
            ended.update(row.get("spanId", "") for row in rows)

        texts = [
            query_text.ended_query(spans[at : at + query_text.IDS_A_QUERY])
            for at in range(0, len(spans), query_text.IDS_A_QUERY)
        ]
        work(self._queries, [Job(text, around, take) for text in texts], self._gaps)
        return ended

    def _lost(self, row: Row) -> Iterable[CallRow | RunRow | TraceReading]:
        span = span_of({**row, "n": "1"}, call_columns(), self._region)
        workload = workload_of(span)
        call = call_row({**row, "n": "1"}, span, workload.text if workload else None)
        if call is None:
            return
        yield call
        yield gap(workload, call) if workload else TraceReading(span.trace_id, complete=False)
