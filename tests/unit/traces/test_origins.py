"""Where each batch comes from, and what was covered: so that what was read can be kept by the hour."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from scanner.aws.times import Clock
from scanner.errors import Warnings
from scanner.model import Usage
from scanner.traces.auto import AwsSource
from scanner.traces.insights.source import GROUP, InsightsSource, SpansRequest
from scanner.traces.insights.windows import HOUR, Window, by_hour
from scanner.traces.source import Coverage, Emit, Item, Origin, SourceReport
from scanner.traces.xray_requests import Window as XRayWindow
from scanner.usage.builder import UsageBuilder
from tests.fakes.clients import client_of
from tests.fakes.logs_insights import FakeLogs, LogsScript
from tests.fakes.traces import Json
from tests.unit.traces.insights.reading import QUICK
from tests.unit.traces.insights.spans import REGION, START, Spans
from tests.unit.traces.test_auto import NOW, OFF, ON, aws, spans_at, traces_at

FULL_HOUR = START - START % HOUR
NIGHT = Clock(lambda: FULL_HOUR + 6 * HOUR, lambda _: None)


class Sorted:
    """What was read, by its origin."""

    def __init__(self) -> None:
        self.items: dict[Origin, list[Item]] = defaultdict(list)
        self._lock = threading.Lock()

    def emit_of(self, origin: Origin) -> Emit:
        def emit(items: Sequence[Item]) -> None:
            with self._lock:
                self.items[origin].extend(items)

        return emit

    def usages(self) -> list[Usage]:
        """What was read, as usages; each row may name an example of its own."""
        builder = UsageBuilder()
        for items in self.items.values():
            for item in items:
                builder.add(item)
        return [
            replace(usage, used={need: replace(seen, trace_ids=()) for need, seen in usage.used.items()})
            for usage in builder.usages()
        ]


def spans_of_hours(*hours: float) -> list[Json]:
    """Runs that call S3 through the workload above them, so that trees are asked for, at these hours."""
    spans = Spans()
    for hour in hours:
        second = FULL_HOUR - START + int(hour * HOUR)
        run = spans.run(second, "orders")
        spans.call(second + 1, run, "orders", "S3.GetObject", {"aws.s3.bucket": "b"})
    return spans.records


def read_hours(records: Sequence[Any], hourly: bool, **script: Any) -> tuple[Sorted, SourceReport]:
    found = Sorted()
    request = SpansRequest(FULL_HOUR - 900, FULL_HOUR + 4 * HOUR, pace=QUICK, hourly=hourly)
    with FakeLogs(records, LogsScript(**script)) as fake:
        source = InsightsSource(REGION, lambda region: client_of("logs", fake.url, region), request, NIGHT)
        return found, source.read(found.emit_of, Warnings())


@pytest.mark.parametrize(
    ("start", "end", "edges"),
    [
        (0, HOUR, [0, HOUR]),
        (10, 20, [10, 20]),
        (10, HOUR + 20, [10, HOUR, HOUR + 20]),
        (HOUR, 3 * HOUR, [HOUR, 2 * HOUR, 3 * HOUR]),
    ],
)
def test_a_window_by_the_hour(start: int, end: int, edges: list[int]) -> None:
    windows = by_hour(Window(start, end))
    assert [window.start for window in windows] + [windows[-1].end] == edges


def test_rows_of_spans_stand_by_the_hour_and_show_the_same() -> None:
    records = spans_of_hours(0.1, 0.9, 1.0, 3.5, 3.99)
    found, report = read_hours(records, hourly=True)
    hours = {origin.start // HOUR for origin, items in found.items.items() if items}
    assert hours == {FULL_HOUR // HOUR, FULL_HOUR // HOUR + 1, FULL_HOUR // HOUR + 3}
    assert all(origin.start // HOUR == origin.end // HOUR for origin in found.items)
    assert {origin[:2] for origin in found.items} == {(REGION, "spans")}
    whole, _ = read_hours(records, hourly=False)
    assert found.usages() == whole.usages()
    assert report.covered == (Coverage(REGION, "spans", FULL_HOUR - 900, FULL_HOUR + 4 * HOUR - 1),)


def test_before_a_log_group_was_made_nothing_is_missed() -> None:
    _, report = read_hours(spans_of_hours(2), hourly=True, created=FULL_HOUR + HOUR + 5)
    assert report.covered[0].start == FULL_HOUR - 900
    _, report = read_hours(
        spans_of_hours(2), hourly=True, created=FULL_HOUR - 90 * 24 * HOUR, retention=0.125
    )
    assert report.covered[0].start == FULL_HOUR + 3 * HOUR


def read_region(destination: Any, script: LogsScript, **more: Any) -> tuple[Sorted, SourceReport]:
    found, start = Sorted(), NOW - 3600
    with aws(traces_at(start + 60), spans_at(start + 1800), destination, script) as (xray, logs):
        source = AwsSource(
            regions=(REGION,),
            xray=lambda region: client_of("xray", xray.url, region),
            logs=lambda region: client_of("logs", logs.url, region),
            selection=XRayWindow(start, NOW),
            spans=SpansRequest(0, 0, groups=(GROUP,), pace=QUICK),
            **more,
        )
        return found, source.read(found.emit_of, Warnings())


def test_what_x_ray_has_is_of_a_window() -> None:
    found, report = read_region(OFF, LogsScript(), windows={REGION: XRayWindow(NOW - 3900, NOW)})
    assert list(found.items) == [Origin(REGION, "xray", NOW - 3900, NOW)]
    assert report.covered == (Coverage(REGION, "xray", NOW - 3900, NOW),)
    assert report.start == NOW - 3900


def test_a_region_that_was_switched_over_is_covered_by_both() -> None:
    found, report = read_region(ON, LogsScript(created=float(NOW - 1900)))
    stores = {covered.store: covered for covered in report.covered}
    assert set(stores) == {"xray", "spans"} == {origin.store for origin in found.items}
    assert all(covered.whole for covered in report.covered)
    # after the switch X-Ray has nothing that the spans lack: its hour is not left half covered
    assert stores["xray"].end % HOUR == 0
    assert stores["xray"].end >= NOW - 1900


def test_what_may_be_kept_elsewhere_covers_nothing_for_sure() -> None:
    _, report = read_region(ON, LogsScript(denied=("StartQuery",)))
    assert [(covered.store, covered.whole) for covered in report.covered] == [("xray", False)]
