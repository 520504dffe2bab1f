"""Calls whose record names no workload: joined with the spans above them, by trace and parent.

Spans that X-Ray made of segment documents name the workload on the first one only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.spans.workloads import workload_of
from scanner.traces.insights import query_text
from scanner.traces.insights.columns import orphan_columns
from scanner.traces.insights.queries import Queries, Row
from scanner.traces.insights.rows import call_row, count_of, span_of
from scanner.traces.insights.trees import Tree, Trees, gap, gaps_of, near
from scanner.traces.insights.windows import Window, pieces
from scanner.traces.insights.work import EmitIn, Gaps

AT_ONCE = 50_000
"""So many calls are held at once."""


class Orphans:
    """Finds whose the calls of windows are."""

    def __init__(self, queries: Queries, region: str, emit_in: EmitIn, gaps: Gaps) -> None:
        self._trees = Trees(queries, region, gaps)
        self._region = region
        self._emit_in = emit_in
        self._gaps = gaps

    def read(self, window: Window, number: int, within: Window) -> None:
        """Read the calls of a window, about so many. Spans above them are looked for near it first."""
        found = 0
        for part in in_parts(window, number):
            calls = self._trees.rows(query_text.calls_of_traces_query(), [part])
            found += sum(map(count_of, calls))
            if calls:
                self._resolve(calls, part, within)
        if found < number:  # a row that is read one way and asked for another: nothing may be lost in silence
            self._gaps.add_unread(window, f"{number - found} calls were not found again")

    def _resolve(self, calls: Sequence[Row], part: Window, within: Window) -> None:
        trees = self._trees.of(calls, near(part, within), within)
        found: list[CallRow | RunRow | TraceReading] = []
        for row in calls:
            found += self._attributed(row, trees.get(row.get("traceId", ""), Tree()))
        self._emit_in(part)(found)

    def _attributed(self, row: Row, tree: Tree) -> Iterable[CallRow | RunRow | TraceReading]:
        """The calls of a row, with the workload that the trace tells; a gap for each that it may be of."""
        span = span_of(row, orphan_columns(), self._region)
        owner = tree.owner_of(span)
        named = owner.workload or workload_of(span)
        call = call_row(row, span, named.text if named else None)
        if call is None:
            return
        call = replace(call, version=named.version if named else None, trace_id=span.trace_id)
        yield call
        if not owner.known:
            yield from gaps_of(tree, call)
        elif named is None:
            for workload in tree.workloads.values():
                yield gap(workload, call)


def in_parts(window: Window, number: int) -> list[Window]:
    """A window with so many rows in parts that hold no more than are held at once."""
    return pieces(window, max(1, window.seconds * AT_ONCE // max(number, AT_ONCE)))
