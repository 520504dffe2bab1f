"""Requests to AWS that no AWS client recorded, told from those that stand below a recorded call.

Some languages record the HTTP requests of a call as spans of their own below it. How many there are shows
nothing: what matters is what each stands below. So they are joined with the calls, by their parents. What
a library for messages or databases tells of stands beside them: `spans.reading` has the same rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter

from scanner.mapping.partitions import service_part
from scanner.mapping.services import prefix_of
from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.spans.aliases import text_of
from scanner.spans.calls import plain_request
from scanner.spans.span import Span
from scanner.spans.workloads import workload_of
from scanner.traces.insights import query_text
from scanner.traces.insights.columns import call_span_columns, request_columns
from scanner.traces.insights.orphans import in_parts
from scanner.traces.insights.queries import Queries, Row
from scanner.traces.insights.rows import call_row, needs_tree, span_of
from scanner.traces.insights.trees import Owner, Tree, Trees, gap, gaps_of, near
from scanner.traces.insights.windows import Window
from scanner.traces.insights.work import EmitIn, Gaps

_MOST_JOINED = 1_000_000
"""So many calls and requests are joined; of more requests, each leaves a doubt of its service."""
_CALL = 60  # seconds around a request in which its call stands


class Requests:
    """Counts requests, and finds those of which no call was recorded."""

    def __init__(self, queries: Queries, region: str, emit_in: EmitIn, gaps: Gaps) -> None:
        self._trees = Trees(queries, region, gaps)
        self._region = region
        self._emit_in = emit_in
        self._gaps = gaps
        self._rows: dict[Window, list[tuple[Row, Span]]] = defaultdict(list)
        self._calls: dict[Window, int] = defaultdict(int)
        self._requests: dict[Window, int] = defaultdict(int)

    def add_calls(self, window: Window, number: int) -> None:
        """Count calls of AWS clients."""
        self._calls[window] += number

    def add(self, window: Window, number: int, row: Row, span: Span) -> None:
        """Count requests, which a row has in common."""
        self._requests[window] += number
        self._rows[window].append((row, span))

    def read(self, within: Window) -> None:
        """Hand over the requests of which no call was recorded."""
        joined = sum(self._requests.values()) + sum(self._calls[window] for window in self._requests)
        if joined > _MOST_JOINED:
            for window, rows in sorted(self._rows.items(), key=itemgetter(0)):
                self._emit_in(window)([item for row, span in rows for item in _doubt(row, span, Tree())])
            return
        for window, number in sorted(self._requests.items()):
            found = 0
            for part in in_parts(window, max(number, self._calls[window])):
                requests = self._trees.rows(query_text.requests_query(), [part])
                found += len(requests)
                if requests:
                    self._resolve(requests, part, within)
            if not found:  # a span may have several records, so their number says nothing
                self._gaps.add_unread(window, "requests were not found again")

    def _resolve(self, requests: Sequence[Row], part: Window, within: Window) -> None:
        rows = self._trees.rows(query_text.call_spans_query(), [near(part, within, _CALL)])
        calls = {row["spanId"] for row in rows if "spanId" in row}
        above = {row.get("parentSpanId", "") for row in rows}
        left = [
            (row, span_of(row, request_columns(), self._region))
            for row in requests
            if row.get("parentSpanId") not in calls and row.get("spanId") not in above
        ]
        if any(not _names_host(span) for _, span in left):
            services = {_service(span_of(row, call_span_columns(), self._region)) for row in rows}
            left = [(row, span) for row, span in left if _names_host(span) or _service(span) not in services]
        if left:
            self._emit_doubts(left, calls, part, within)

    def _emit_doubts(
        self, left: Sequence[tuple[Row, Span]], calls: Collection[str], part: Window, within: Window
    ) -> None:
        trees = self._trees.of([row for row, _ in left], near(part, within), within)
        doubts: list[CallRow | RunRow | TraceReading] = []
        for row, span in left:
            tree = trees.get(span.trace_id, Tree())
            if not tree.is_below(span.parent_id, calls):
                doubts += _doubt(row, span, tree)
        self._emit_in(part)(doubts)


def _names_host(span: Span) -> bool:
    """Whether a request names a host, not a service."""
    request = plain_request(span, None)
    return request is None or service_part(request.call.service) is not None


def _service(span: Span) -> tuple[str, str | None, str | None]:
    """The trace of a call or request, who made it as far as it says so itself, and of which service it is."""
    request = plain_request(span, None)
    service = request.call.service if request else text_of("service", span)
    workload = workload_of(span)
    return span.trace_id, workload.text if workload else None, prefix_of(service)


def _doubt(row: Row, span: Span, tree: Tree) -> Iterable[CallRow | RunRow | TraceReading]:
    """A request as a call of which only the service is known, made by its workload or whoever it may be."""
    named = workload_of(span)
    owner = tree.owner_of(span) if needs_tree(row, named) else Owner(named)
    named = owner.workload or named
    call = call_row(row, span, named.text if named else None)
    if call is None:
        return
    version = named.version if named else None
    call = replace(call, version=version, trace_id=span.trace_id or call.trace_id)
    yield call
    if not owner.known:
        yield from gaps_of(tree, call)
    elif named is None:
        for workload in tree.workloads.values():
            yield gap(workload, call)
