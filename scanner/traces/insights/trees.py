"""Whose records are that name no workload: what stands above them in their trace, by further queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.spans.span import Span
from scanner.spans.workloads import SpanWorkload, inherits, workload_of
from scanner.traces.insights import query_text
from scanner.traces.insights.columns import workload_columns
from scanner.traces.insights.queries import Queries, Row
from scanner.traces.insights.rows import begins_process, span_of
from scanner.traces.insights.windows import Window
from scanner.traces.insights.work import Gaps, Job, work

OVERLAP = 900
"""Seconds before and after a call in which most spans above it begin and end: Lambda's longest run."""
_NAMED_TRACES = 4 * query_text.IDS_A_QUERY
_MOST_TREES = 20 * query_text.IDS_A_QUERY  # of more traces it stays unknown whose their calls are


class Owner(NamedTuple):
    """The workload of the nearest span above. `known` is False where a span above was not found."""

    workload: SpanWorkload | None
    known: bool = True


_NOBODY, _NOT_KNOWN = Owner(None), Owner(None, known=False)


@dataclass
class Tree:
    """What is known of a trace: its workloads, and the parent of each span where those were asked for.

    `processes` are spans with which another process begins, which names no workload; `others` tells that
    there are such.
    """

    workloads: dict[str, SpanWorkload] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    of_spans: dict[str, SpanWorkload] = field(default_factory=dict)
    processes: set[str] = field(default_factory=set)
    others: bool = False

    @property
    def is_clear(self) -> bool:
        """Whether all of it is of one workload."""
        return len(self.workloads) == 1 and not self.others

    def owner_of(self, span: Span) -> Owner:
        """Whose a span is that names no certain workload."""
        return self.owner(span.parent_id) if inherits(span) else _NOBODY

    def owner(self, parent: str) -> Owner:
        """Whose the spans below a span are, within one process."""
        if not self.parents:
            return Owner(next(iter(self.workloads.values()))) if self.is_clear else _NOT_KNOWN
        for span in self._above(parent):
            if span in self.of_spans:
                return Owner(self.of_spans[span])
            if span in self.processes:
                return _NOBODY
            if span not in self.parents:
                return _NOT_KNOWN
        return _NOBODY

    def is_below(self, parent: str, spans: Collection[str]) -> bool:
        """Whether one of some spans is the parent, or above it."""
        return any(span in spans for span in self._above(parent))

    def _above(self, span: str) -> Iterator[str]:
        seen: set[str] = set()
        while span and span not in seen:
            yield span
            seen.add(span)
            span = self.parents.get(span, "")


class Trees:
    """Asks for what is above records of traces."""

    def __init__(self, queries: Queries, region: str, gaps: Gaps) -> None:
        self._queries = queries
        self._region = region
        self._gaps = gaps

    def of(self, records: Sequence[Row], around: Window, within: Window) -> Mapping[str, Tree]:
        """The traces of records, by id, as far as is needed to tell whose the records are.

        What is above stands near them; where it does not, as of workflows that take hours, somewhere in the
        scanned time.
        """
        parents: dict[str, set[str]] = defaultdict(set)
        for row in records:
            if "traceId" in row:
                parents[row["traceId"]].add(row.get("parentSpanId", ""))
        trees: dict[str, Tree] = defaultdict(Tree)
        unclear = set(parents)
        if len(parents) > _NAMED_TRACES:
            for row in self.rows(query_text.workloads_of_traces_query(), [around]):
                if row.get("traceId") in parents:
                    self._add(row, trees[row["traceId"]])
            unclear = {trace for trace in parents if not trees[trace].is_clear}
        self._read(unclear, trees, around)
        everything = near(within, within)
        if everything != around:
            broken = {t for t in unclear if not all(trees[t].owner(parent).known for parent in parents[t])}
            self._read(broken, trees, everything)
        return trees

    def rows(self, text: str, windows: Iterable[Window]) -> list[Row]:
        """All rows of a query, in windows as small as they must be."""
        rows: list[Row] = []
        jobs = [Job(text, window, lambda _, found: rows.extend(found)) for window in windows]
        work(self._queries, jobs, self._gaps)
        return rows

    def _read(self, traces: Collection[str], trees: dict[str, Tree], window: Window) -> None:
        ordered = sorted(traces)[:_MOST_TREES]
        for at in range(0, len(ordered), query_text.IDS_A_QUERY):
            text = query_text.tree_query(ordered[at : at + query_text.IDS_A_QUERY])
            for row in self.rows(text, [window]):
                self._add(row, trees[row.get("traceId", "")])

    def _add(self, row: Row, tree: Tree) -> None:
        span = span_of(row, workload_columns(), self._region)
        workload = workload_of(span)
        if span.span_id:
            tree.parents[span.span_id] = span.parent_id
        if workload is not None and workload.is_certain:
            tree.workloads.setdefault(workload.text, workload)
            if span.span_id:
                tree.of_spans[span.span_id] = workload
        elif begins_process(row, span):
            tree.others = True
            if span.span_id:
                tree.processes.add(span.span_id)


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


def gaps_of(tree: Tree, call: CallRow) -> list[RunRow | TraceReading]:
    """Who may have made a call of which it is not known: the workloads of its trace; without any, anybody."""
    named: list[RunRow | TraceReading] = [gap(workload, call) for workload in tree.workloads.values()]
    return named or [TraceReading(call.trace_id, complete=False)]


def near(window: Window, within: Window, seconds: int = OVERLAP) -> Window:
    """A window with what is around it, no later than the scanned time."""
    return Window(max(0, window.start - seconds), max(window.end, min(window.end + seconds, within.end)))
