"""Where the traces of a region are: X-Ray's own store, or with Transaction Search on a log group of spans.

docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search.html. A region that was
switched over has older traces in X-Ray: both sides are read, and each trace counts once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from scanner.aws.ask import Failure
from scanner.aws.logs import LogsClient
from scanner.errors import ScanError, Warnings
from scanner.model import CallRow
from scanner.model.readings import TraceReading
from scanner.traces.documents import compact_id
from scanner.traces.insights.cost import Meter, cost_note
from scanner.traces.insights.retrieval import RetrievalSource
from scanner.traces.insights.source import GROUP, InsightsSource, NoSpansError, SpansRequest
from scanner.traces.insights.straddling import traces_since
from scanner.traces.insights.windows import HOUR
from scanner.traces.source import (
    Emit,
    EmitOf,
    Expect,
    Item,
    Origin,
    SkippedTraces,
    SourceReport,
    expect_nothing,
    together,
)
from scanner.traces.xray_api import XRaySource, warn_of_unknown_destination
from scanner.traces.xray_requests import Window, destination_of

_JUST_BEFORE = 1  # second: times of windows are whole ones

if TYPE_CHECKING:
    from mypy_boto3_xray.client import XRayClient


@dataclass
class AwsSource:
    """The traces of some regions, wherever they are.

    `chosen` is where the user wants them read: "xray", "spans", or "auto" for where they are. `selection`
    holds for regions without a window of their own in `windows`.

    After reading, `name` tells where they were.
    """

    regions: tuple[str, ...]
    xray: Callable[[str], XRayClient]
    logs: Callable[[str], LogsClient]
    selection: Window | tuple[str, ...]
    spans: SpansRequest
    chosen: str = "auto"
    wait_seconds: float = 0.0
    expect: Expect = expect_nothing
    windows: Mapping[str, Window] = field(default_factory=dict)
    name: str = "xray"

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        """Read one region after the other. Raises ScanError where AWS cannot be asked at all."""
        # all clients first: a region that does not exist is no reason to read another one before
        clients = {region: self.xray(region) for region in self.regions}
        reports: list[SourceReport] = []
        names: set[str] = set()
        for region, client in clients.items():
            of_region = _Region(self, region, client, emit_of, warnings)
            reports.append(_of_one_region(of_region.read()))
            names |= of_region.names
            if any(report.interrupted for report in reports):
                break
        self.name = names.pop() if len(names) == 1 else "mixed"
        return together(reports)._replace(regions=self.regions)


class _Region:
    """The traces of one region. `names` tells where they were."""

    def __init__(
        self, source: AwsSource, region: str, client: XRayClient, emit_of: EmitOf, warnings: Warnings
    ) -> None:
        self._source = source
        self._region = region
        self._client = client
        self._emit_of = emit_of
        self._warnings = warnings
        self.names: set[str] = set()

    def read(self) -> list[SourceReport]:
        """Read them from where they are."""
        source, chosen = self._source, self._source.chosen
        selection = source.windows.get(self._region, source.selection)
        if chosen == "xray":
            return [self._of_xray(selection, None)]
        if chosen == "spans" or self._source.spans.groups != (GROUP,):
            why = "--source" if chosen == "spans" else "--log-group"
            return [_note(f"{self._region}: spans, as {why} asks"), *self._of_spans(selection, pending=False)]
        destination = destination_of(self._client)
        if isinstance(destination, Failure):
            warn_of_unknown_destination(destination, self._warnings)
            return [self._of_xray(selection, elsewhere=False)]
        if not destination.is_log_group:
            note = _note(f"{self._region}: X-Ray, since Transaction Search is off")
            return [self._of_xray(selection, elsewhere=False), note]
        if isinstance(selection, Window) and selection.filter:
            note = _note(f"{self._region}: X-Ray, since spans know no --filter; Transaction Search is on")
            return [self._of_xray(selection, elsewhere=True), note]
        reports = self._of_spans(selection, pending=destination.is_pending)
        chosen = "spans, since" if "spans" in self.names else "X-Ray, since spans cannot be read, though"
        return [_note(f"{self._region}: {chosen} Transaction Search is on"), *reports]

    # --- X-Ray ---

    def _of_xray(
        self, selection: Window | tuple[str, ...], elsewhere: bool | None, late: bool = True
    ) -> SourceReport:
        """What X-Ray has. `late` tells that some of it may still arrive."""
        self.names.add("xray")
        source = XRaySource(
            (self._region,),
            lambda _: self._client,
            selection,
            wait_seconds=self._source.wait_seconds if late else 0.0,
            expect=self._source.expect,
            elsewhere=elsewhere,
        )
        return source.read(self._emit_of, self._warnings)

    # --- spans ---

    def _of_spans(self, selection: Window | tuple[str, ...], pending: bool) -> list[SourceReport]:
        if not isinstance(selection, Window):
            return self._of_ids(selection)
        request = replace(
            self._source.spans,
            start=selection.start,
            end=selection.end,
            older_elsewhere=self._source.chosen != "spans",
        )
        spans = InsightsSource(self._region, self._source.logs, request)
        try:
            report = spans.read(self._emit_of, self._warnings)
        except NoSpansError as error:
            return [self._instead_of_spans(selection, error)]
        self.names.add("spans")
        if report.interrupted or self._source.chosen == "spans":
            return [report]
        return [report, *self._before(selection, report, pending)]

    def _of_ids(self, ids: tuple[str, ...]) -> list[SourceReport]:
        """Traces by their ids: from the spans, and from X-Ray those that are older than these."""
        self.names.add("spans")
        missing, given = set(ids), self._emit_of

        def emit_of(origin: Origin) -> Emit:
            of_origin = given(origin)

            def emit(items: Sequence[Item]) -> None:
                missing.difference_update(item.trace_id for item in items if isinstance(item, TraceReading))
                of_origin(items)

            return emit

        retrieval = RetrievalSource(self._region, lambda _: self._client, ids, self._source.expect)
        report = retrieval.read(emit_of, self._warnings)
        if not missing or self._source.chosen == "spans":
            return [report]
        self._emit_of, asked = emit_of, len(missing)
        try:
            older = self._of_xray(tuple(id_ for id_ in ids if id_ in missing), elsewhere=False)
        except ScanError:  # then these are missing
            return [report]
        finally:
            self._emit_of = given
            if len(missing) == asked:
                self.names.discard("xray")
        return [report._replace(skipped=SkippedTraces()), older]

    def _instead_of_spans(self, window: Window, error: NoSpansError) -> SourceReport:
        """What X-Ray shows where the spans cannot be read."""
        if self._source.chosen == "spans" or self._source.spans.groups != (GROUP,):
            raise ScanError(f"spans cannot be read: {error}") from error
        self._warnings.add("spans-unreadable", f"Transaction Search is on, and spans cannot be read: {error}")
        return self._of_xray(window, elsewhere=True)

    def _before(self, window: Window, spans: SourceReport, pending: bool) -> list[SourceReport]:
        """What X-Ray has of the time before the first span; of all the time while a region is switched over.

        The age of the log group tells less: a region may have been switched back and on again.
        """
        if pending:
            message = f"{self._region} is being switched over to Transaction Search: traces may be in neither"
            self._warnings.add("transaction-search-pending", message)
            return [SourceReport(SkippedTraces(), elsewhere=True)]
        switched = math.ceil(spans.start or 0.0)
        if self._source.spans.groups == (GROUP,):
            switched = max(switched, math.floor(window.end if spans.first is None else spans.first))
        if switched - window.start <= _JUST_BEFORE:
            return []
        meter = Meter(self._source.spans.bound)

        @cache  # asked for where X-Ray has anything
        def known() -> frozenset[bytes]:
            return traces_since(self._source.logs(self._region), self._source.spans, switched, meter)

        found: list[int] = []
        given = self._emit_of
        self._emit_of = lambda origin: _each_once(given(origin), known, switched, found)
        try:
            until = window._replace(end=min(switched, window.end))
            report = self._of_xray(until, elsewhere=False, late=False)
        except ScanError as error:
            text = f"what X-Ray has of the time before the first span could not be read: {error}"
            self._warnings.add("x-ray-unread", text)
            report = SourceReport(SkippedTraces(), elsewhere=True)
        finally:
            self._emit_of = given
        # of the rest of the hour it has what the spans have as well
        covered = tuple(part._replace(end=max(part.end, _hour_end(switched))) for part in report.covered)
        report = report._replace(covered=covered)
        if not found:
            self.names.discard("xray")
            return [report]
        cost = cost_note(meter, self._region, self._source.spans.usd_per_gb)
        return [report, _note(f"{self._region}: X-Ray until spans were kept"), _note(cost)]


def _of_one_region(reports: Sequence[SourceReport]) -> SourceReport:
    """What the sources of a region say, as one: where any of them lacks something, nothing is whole."""
    report = together(reports)
    return report._replace(
        covered=tuple(part._replace(whole=part.whole and report.is_whole) for part in report.covered)
    )


def _hour_end(time: float) -> float:
    return math.ceil(time / HOUR) * float(HOUR)


def _note(text: str) -> SourceReport:
    return SourceReport(SkippedTraces(), notes=(text,))


def _each_once(emit: Emit, known: Callable[[], frozenset[bytes]], switched: float, found: list[int]) -> Emit:
    """Hands over readings; of traces that are known from their spans only the calls of before.

    `found` gets the number of readings in each batch.
    """
    lock = threading.Lock()

    def of_before(items: Sequence[Item]) -> None:
        with lock:
            of_spans = known()
        kept: list[Item] = []
        for item in items:
            if isinstance(item, TraceReading) and compact_id(item.trace_id) in of_spans:
                kept += [
                    CallRow(call, 1, time, time, message, trace_id=item.trace_id)
                    for call, time, message in item.calls
                    if time < switched
                ]
            else:
                kept.append(item)
        found.append(len(items))
        emit(kept)

    return of_before
