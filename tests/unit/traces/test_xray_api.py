"""The X-Ray API as a source: its regions, what was selected, what is skipped, traces kept elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from scanner.errors import Warnings
from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.traces.source import Coverage, SkippedTraces, SourceReport, total
from scanner.traces.xray_api import XRaySource
from scanner.traces.xray_requests import Window
from tests.fakes.traces import Call, function_arn, lambda_trace
from tests.fakes.xray import DESTINATION, FakeXRay, Script

if TYPE_CHECKING:
    from mypy_boto3_xray import XRayClient

NOW = int(time.time())
WINDOW = Window(NOW - 3600, NOW)
TRACES = [
    lambda_trace(function_arn("f"), [Call("S3", "GetObject", {"bucket_name": "b"})], NOW - 60 * age)
    for age in range(1, 8)
]
IDS = tuple(trace["Id"] for trace in TRACES)


def read(
    fakes: Mapping[str, FakeXRay], selection: Window | tuple[str, ...] = WINDOW
) -> tuple[list[str], SourceReport, list[str]]:
    """The ids of the readings of some regions, the report of the source, the codes of its warnings."""
    ids, warnings, lock = list[str](), Warnings(), threading.Lock()

    def client(region: str) -> XRayClient:
        return fakes[region].client(region)

    def emit(items: Sequence[TraceReading | CallRow | RunRow]) -> None:
        with lock:
            ids.extend(item.trace_id for item in items if isinstance(item, TraceReading))

    report = XRaySource(tuple(fakes), client, selection).read(lambda _: emit, warnings)
    return sorted(ids), report, [warning.code for warning in warnings.all()]


def test_the_regions_are_read_together() -> None:
    cut_off = Script(limit_exceeded={IDS[0], IDS[6]})
    with FakeXRay(TRACES[:3], cut_off) as here, FakeXRay(TRACES[3:], cut_off) as there:
        ids, report, codes = read({"us-east-1": here, "eu-west-1": there})
    assert ids == sorted(IDS)
    regions, times = ("us-east-1", "eu-west-1"), (WINDOW.start, WINDOW.end)
    covered = tuple(Coverage(region, "xray", *times) for region in regions)
    assert report == SourceReport(
        SkippedTraces(truncated=2), regions=regions, start=WINDOW.start, end=WINDOW.end, covered=covered
    )
    assert codes == []


def test_of_single_traces_the_readings_say_when_they_were() -> None:
    with FakeXRay(TRACES) as fake:
        ids, report, _ = read({"us-east-1": fake}, IDS[2:4])
    assert ids == sorted(IDS[2:4])
    assert (report.start, report.end) == (None, None)


@pytest.mark.parametrize(
    ("script", "elsewhere", "code"),
    [
        (Script(destination=("CloudWatchLogs", "ACTIVE")), True, "transaction-search"),
        (Script(denied={DESTINATION}), False, "transaction-search-unknown"),
    ],
)
def test_traces_that_are_kept_elsewhere(script: Script, elsewhere: bool, code: str) -> None:
    with FakeXRay(TRACES, script) as fake, FakeXRay() as other:
        _, report, codes = read({"us-east-1": fake, "eu-west-1": other})
    assert (report.elsewhere, codes) == (elsewhere, [code])


def test_all_that_was_skipped() -> None:
    parts = [SkippedTraces(1, 2, 3, 4, 5), SkippedTraces(windows=1), SkippedTraces(documents=9)]
    assert total(parts) == SkippedTraces(10, 2, 3, 4, 6)
    assert total([]) == SkippedTraces()
