"""The spans of a time, read as aggregated rows: who ran, and who called what."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.model import CallRow, RunRow
from scanner.model.usage import earliest
from scanner.spans.automatic import is_automatic
from scanner.spans.calls import is_call
from scanner.spans.record import is_sampled
from scanner.spans.workloads import SpanWorkload, workload_of
from scanner.traces.insights import query_text
from scanner.traces.insights.columns import call_columns, run_columns
from scanner.traces.insights.orphans import Orphans
from scanner.traces.insights.queries import Queries, Row
from scanner.traces.insights.requests import Requests
from scanner.traces.insights.rows import call_row, count_of, is_true, needs_tree, run_row, span_of
from scanner.traces.insights.unended import Unended
from scanner.traces.insights.windows import Window, by_hour, pieces
from scanner.traces.insights.work import EmitIn, Gaps, Job, work

QUERIES = 2
"""So many queries read all of the time: of calls and of runs. Others read parts of it, where need be."""

_SHORT, _FINE, _COARSE = 3 * 3600, "1m", "1h"


class SpansReader:
    """Reads windows of some log groups and hands over rows. `gaps` tells what could not be read.

    `hourly` tells that the rows of each hour stand by themselves.
    """

    def __init__(self, queries: Queries, region: str, emit_in: EmitIn, hourly: bool = False) -> None:
        self._queries = queries
        self._region = region
        self._emit_in = emit_in
        self._hourly = hourly
        self._orphans: dict[Window, int] = defaultdict(int)
        self._unended: dict[Window, int] = defaultdict(int)
        self.gaps = Gaps()
        self._requests = Requests(queries, region, emit_in, self.gaps)
        self.rows = 0
        self.sampled = 0
        self.first: float | None = None

    def read(self, window: Window, settled: float = math.inf) -> None:
        """Read a window, of which records may still arrive that are newer than `settled`.

        Raises DeniedError, GroupMissingError, ScanError, and KeyboardInterrupt.
        """
        period = _FINE if window.seconds <= _SHORT else _COARSE
        calls, runs = query_text.calls_query(), query_text.runs_query(period)
        parts = by_hour(window) if self._hourly else pieces(window)
        jobs = [
            *(Job(calls, part, self._take_calls) for part in parts),
            *(
                Job(runs, piece, self._take_runs if piece.end <= settled else self._take_new_runs)
                for part in parts
                for piece in _split(part, settled)
            ),
        ]
        work(self._queries, jobs, self.gaps)
        orphans = Orphans(self._queries, self._region, self._emit_in, self.gaps)
        for part, number in sorted(self._orphans.items()):
            orphans.read(part, number, within=window)
        unended = Unended(self._queries, self._region, self._emit_in, self.gaps)
        for part in sorted(self._unended):
            unended.read(part, within=window)
        self._requests.read(within=window)

    # --- calls ---

    def _take_calls(self, window: Window, rows: Sequence[Row]) -> None:
        found: list[CallRow | RunRow] = []
        for row in rows:
            found += self._calls_of(window, row)
        self.rows += len(rows)
        self._emit_in(window)(found)

    def _calls_of(self, window: Window, row: Row) -> Iterable[CallRow | RunRow]:
        """The calls of a row, and how their workload's code is traced."""
        span = span_of(row, call_columns(), self._region)
        self.first = earliest(self.first, span.start or None)
        if not is_call(span):
            if call_row(row, span, None) is not None:
                self._requests.add(window, count_of(row), row, span)
            return
        self._requests.add_calls(window, count_of(row))
        if not is_true(row, "ended"):
            self._unended[window] += count_of(row)
            return
        workload = workload_of(span)
        if needs_tree(row, workload):
            self._orphans[window] += count_of(row)
            return
        call = call_row(row, span, workload.text if workload else None)
        if call is not None:
            yield replace(call, version=workload.version if workload else None)
            if workload is not None and is_automatic(span):
                yield automatic_run(workload, call)

    # --- runs ---

    def _take_new_runs(self, window: Window, rows: Sequence[Row]) -> None:
        """Runs of which calls may still arrive: none of them is a complete one."""
        self._emit_in(window)([replace(run, ran=False) for run in self._runs_in(rows)])

    def _take_runs(self, window: Window, rows: Sequence[Row]) -> None:
        self._emit_in(window)(self._runs_in(rows))

    def _runs_in(self, rows: Sequence[Row]) -> list[RunRow]:
        """The runs of each period: where several records tell of the same run, the most traces count."""
        merged: dict[tuple[object, ...], RunRow] = {}
        for row in rows:
            span = span_of(row, run_columns(), self._region)
            self.first = earliest(self.first, span.start or None)
            if row.get("dropped") or is_sampled(span):
                self.sampled += count_of(row)
            run = run_row(row, span)
            if run is None:
                continue
            run = replace(run, begun=0 if is_true(row, "below") else run.traces)
            key = (run.workload, run.version, run.hints, row.get("period", ""))
            merged[key] = _together(merged[key], run) if key in merged else run
        self.rows += len(rows)
        return list(merged.values())


def _split(window: Window, at: float) -> list[Window]:
    """What of a window is before a time, and what after it."""
    if not window.start < at < window.end:
        return [window]
    return [window._replace(end=int(at)), window._replace(start=int(at))]


def automatic_run(workload: SpanWorkload, call: CallRow) -> RunRow:
    """What a call tells of how its workload's code is traced; of traces it tells nothing."""
    return RunRow(
        workload.text,
        traces=0,
        first=call.first_seen,
        last=call.last_seen,
        version=workload.version,
        auto_instrumented=True,
    )


def _together(run: RunRow, other: RunRow) -> RunRow:
    """What two rows tell of the same runs: those in which the code ran say when."""
    if run.ran != other.ran:
        own, asked = (run, other) if run.ran else (other, run)
        return replace(own, begun=max(own.begun, asked.begun))
    return replace(
        run,
        traces=max(run.traces, other.traces),
        first=min(run.first, other.first),
        last=max(run.last, other.last),
        begun=run.begun + other.begun,
        auto_instrumented=run.auto_instrumented or other.auto_instrumented,
    )
