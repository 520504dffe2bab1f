"""Fetching traces from an X-Ray that behaves as badly as the real one may. No time passes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from scanner.aws.times import Clock
from scanner.errors import ScanError, Warnings
from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.traces.source import Emit
from scanner.traces.xray_fetch import Fetched, Waiting, pieces_of, read_ids, read_window
from scanner.traces.xray_requests import Window
from tests.fakes.traces import Call, Json, Shape, function_arn, lambda_trace, make_trace_id
from tests.fakes.xray import FETCH, FOREVER, LISTING, FakeXRay, Script
from tests.fakes.xray_faults import Expiring, refuse_if

if TYPE_CHECKING:
    from mypy_boto3_xray.client import XRayClient

NOW = int(time.time())
START = NOW - 3600
PIECES = pieces_of(Window(START, NOW))
GET_ITEM = Call("DynamoDB", "GetItem", {"table_name": "notes"})


def trace_at(start: float, seed: int) -> Json:
    """A trace with one call."""
    return lambda_trace(function_arn(f"f{seed % 5}"), [GET_ITEM], start, seed=seed)


def many(count: int, *, first: float = NOW - 1800, apart: float = 7) -> list[Json]:
    """Traces of five functions in turn, each with one call."""
    return [trace_at(first + apart * n, n) for n in range(count)]


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)


@dataclass
class Reading:
    """What was fetched."""

    fetched: Fetched
    traces: list[TraceReading]
    warnings: Counter[str]
    seconds: float

    @property
    def ids(self) -> list[str]:
        return sorted(trace.trace_id for trace in self.traces)

    @property
    def calls(self) -> int:
        return sum(len(trace.calls) for trace in self.traces)


Read = Callable[["XRayClient", Emit, Warnings, Clock], Fetched]


def reading_of(fake: FakeXRay, read: Read) -> Reading:
    """What `read` makes of the fake's traces."""
    passing, warnings, traces, lock = FakeTime(), Warnings(), list[TraceReading](), threading.Lock()

    def emit(items: Sequence[TraceReading | CallRow | RunRow]) -> None:
        with lock:
            traces.extend(item for item in items if isinstance(item, TraceReading))

    fetched = read(fake.client(), emit, warnings, passing.clock())
    codes = Counter[str]()
    for warning in warnings.all():
        codes[warning.code] += warning.count
    return Reading(fetched, traces, codes, passing.time)


def window_of(fake: FakeXRay, *, start: float = START, end: float = NOW, wait: float = 0.0) -> Reading:
    """The traces of a span of time."""
    return reading_of(
        fake,
        lambda client, emit, warnings, clock: read_window(
            client, Window(start, end), emit, warnings, Waiting(wait, clock)
        ),
    )


def these(fake: FakeXRay, ids: Iterable[str], *, wait: float = 60.0) -> Reading:
    """Exactly these traces."""
    return reading_of(
        fake,
        lambda client, emit, warnings, clock: read_ids(client, ids, emit, warnings, Waiting(wait, clock)),
    )


def ids_of(traces: Sequence[Json]) -> list[str]:
    return sorted(trace["Id"] for trace in traces)


def is_each_once(reading: Reading, traces: Sequence[Json]) -> None:
    """Every trace was handed over, once, and so each of its calls."""
    assert reading.ids == ids_of(traces)
    assert reading.calls == len(traces)
    assert reading.fetched.traces == len(traces)


def test_empty_pages_are_read_through_to_the_last_token() -> None:
    traces = many(23)
    with FakeXRay(traces, Script(empty_pages=3, page_size=4)) as fake:
        is_each_once(window_of(fake), traces)
        empty = fake.count(LISTING) - len(PIECES)
    assert empty > 20, "the fake had empty pages to read"


def test_pages_that_repeat_a_trace_do_not_count_it_twice() -> None:
    traces = many(40, apart=1)
    with FakeXRay(traces, Script(duplicate_summaries=True, page_size=3)) as fake:
        is_each_once(window_of(fake), traces)
        assert set(fake.fetched().values()) == {1}


def test_a_trace_on_the_border_of_two_windows_is_counted_once() -> None:
    borders = [piece.end for piece in PIECES]
    traces = [trace_at(border, number) for number, border in enumerate(borders)]
    with FakeXRay(traces) as fake:
        is_each_once(window_of(fake), traces)
        assert set(fake.fetched().values()) == {1}


@pytest.mark.parametrize("hours", [1, 5.99, 12, 24 * 7, 24 * 30])
def test_windows_are_never_longer_than_six_hours_and_leave_no_gap(hours: float) -> None:
    start = NOW - hours * 3600 + 0.7
    pieces = pieces_of(Window(start, NOW + 0.9))
    assert pieces[0].start == start
    assert pieces[-1].end == NOW + 0.9
    assert all(later.start == earlier.end for earlier, later in pairwise(pieces))
    assert all(0 < piece.end - piece.start <= 6 * 3600 for piece in pieces)


def test_no_request_is_one_that_x_ray_refuses() -> None:
    days = 30 * 86400
    traces = [trace_at(NOW - days * n / 200 - 60, n) for n in range(199)]
    with FakeXRay(traces, Script(page_size=10)) as fake:
        is_each_once(window_of(fake, start=NOW - days, end=NOW), traces)
        assert {request.error for request in fake.requests} == {""}
        assert max(len(body["TraceIds"]) for body in fake.bodies(FETCH)) == 5
        assert max(body["EndTime"] - body["StartTime"] for body in fake.bodies(LISTING)) <= 6 * 3600


def test_answers_in_pages_are_read_to_the_end() -> None:
    traces = many(12)
    with FakeXRay(traces, Script(batch_page_size=2)) as fake:
        is_each_once(window_of(fake), traces)


@pytest.mark.parametrize("script", [Script(fail_first=3), Script(drop_first=3)], ids=["5xx", "dropped"])
def test_requests_that_fail_at_first_are_sent_again(script: Script) -> None:
    traces = many(12)
    with FakeXRay(traces, script) as fake:
        reading = window_of(fake)
    is_each_once(reading, traces)
    assert reading.warnings == {}
    assert reading.seconds >= 1


def test_an_x_ray_that_always_fails_is_reported_window_by_window() -> None:
    with FakeXRay(many(5), Script(fail_first=10**6)) as fake:
        reading = window_of(fake)
    assert reading.traces == []
    assert reading.fetched.skipped.windows == len(PIECES)
    assert reading.warnings["window-unread"] == len(PIECES)


def test_traces_that_cannot_be_fetched_are_counted() -> None:
    traces = many(10)
    with FakeXRay(traces) as fake:
        fake.script.mangle = lambda operation, answer: refuse_if(operation == FETCH, answer, 500, "Internal")
        reading = window_of(fake)
    assert reading.traces == []
    assert reading.fetched.skipped.unprocessed == 10
    assert reading.warnings["traces-unread"] == 10


def test_ids_that_x_ray_leaves_out_are_asked_for_again() -> None:
    traces = many(12)
    with FakeXRay(traces, Script(unprocessed={trace["Id"]: 1 for trace in traces[:6]})) as fake:
        reading = window_of(fake)
        assert sorted(Counter(fake.fetched().values()).items()) == [(1, 6), (2, 6)]
    is_each_once(reading, traces)
    assert reading.fetched.skipped.unprocessed == 0


def test_ids_that_x_ray_always_leaves_out_are_counted_and_do_not_hold_up_the_scan() -> None:
    traces = many(12)
    forever = {trace["Id"]: FOREVER for trace in traces[:3]}
    with FakeXRay(traces, Script(unprocessed=forever)) as fake:
        reading = window_of(fake)
    is_each_once(reading, traces[3:])
    assert reading.fetched.skipped.unprocessed == 3
    assert reading.seconds < 60


def test_a_denied_listing_ends_the_scan_and_names_the_right() -> None:
    with FakeXRay(many(5), Script(denied=[LISTING])) as fake:
        with pytest.raises(ScanError, match="xray:GetTraceSummaries is denied"):
            window_of(fake)
        assert fake.count(LISTING) <= 2 * len(PIECES), "it is not asked again and again"


def test_a_denied_fetch_ends_the_scan_and_names_the_right() -> None:
    with (
        FakeXRay(many(5), Script(denied=[FETCH])) as fake,
        pytest.raises(ScanError, match="xray:BatchGetTraces is denied"),
    ):
        window_of(fake)


@pytest.mark.parametrize("fetches", [-1, 0, 3])
def test_credentials_that_expire_end_the_scan_whenever_that_happens(fetches: int) -> None:
    with Expiring(many(60)) as fake:
        fake.fetches = fetches
        with pytest.raises(ScanError, match="ExpiredTokenException"):
            window_of(fake)


def test_what_breaks_the_reading_of_traces_is_not_swallowed() -> None:
    def emit(items: Sequence[TraceReading | CallRow | RunRow]) -> None:
        raise ZeroDivisionError("a mistake in the program")

    with FakeXRay(many(5)) as fake, pytest.raises(ZeroDivisionError):
        waiting = Waiting(clock=FakeTime().clock())
        read_window(fake.client(), Window(START, NOW), emit, Warnings(), waiting)


def test_a_truncated_trace_is_taken_as_truncated() -> None:
    traces = many(4)
    with FakeXRay(traces, Script(limit_exceeded={traces[1]["Id"]})) as fake:
        reading = window_of(fake)
    assert reading.ids == ids_of(traces)
    assert reading.fetched.skipped.truncated == 1
    assert [trace.trace_id for trace in reading.traces if not trace.complete] == [traces[1]["Id"]]


def test_a_trace_that_is_still_arriving_is_taken_as_partial() -> None:
    traces = many(4)
    with FakeXRay(traces, Script(partial={traces[1]["Id"]: FOREVER})) as fake:
        reading = window_of(fake)
    assert reading.fetched.skipped.partial == 1
    assert [trace.trace_id for trace in reading.traces if not trace.complete] == [traces[1]["Id"]]


# --- waiting ----------------------------------------------------------------------------------------


def test_waiting_finds_traces_that_come_late_and_then_ends() -> None:
    traces = many(6)
    late = {traces[2]["Id"]: 2, traces[4]["Id"]: 3}
    with FakeXRay(traces, Script(appear_polls=late)) as fake:
        reading = window_of(fake, wait=600)
        assert set(fake.fetched().values()) == {1}
    is_each_once(reading, traces)
    assert 20 < reading.seconds < 120, "it ends when no new trace has come for a while"


def test_without_waiting_late_traces_are_not_seen() -> None:
    traces = many(6)
    with FakeXRay(traces, Script(appear_polls={traces[2]["Id"]: 2})) as fake:
        assert len(window_of(fake).traces) == 5


def test_waiting_for_traces_that_never_come_ends_at_its_limit() -> None:
    with FakeXRay([]) as fake:
        reading = window_of(fake, wait=90)
    assert reading.traces == []
    assert 90 <= reading.seconds <= 100


def test_waiting_takes_a_partial_trace_once_it_is_complete() -> None:
    traces = many(3)
    with FakeXRay(traces, Script(partial={traces[0]["Id"]: 3})) as fake:
        reading = window_of(fake, wait=600)
    is_each_once(reading, traces)
    assert reading.fetched.skipped.partial == 0


def test_waiting_for_a_trace_that_stays_partial_takes_it_as_partial_at_its_limit() -> None:
    traces = many(3)
    with FakeXRay(traces, Script(partial={traces[0]["Id"]: FOREVER})) as fake:
        reading = window_of(fake, wait=90)
    assert reading.ids == ids_of(traces)
    assert reading.fetched.skipped.partial == 1
    assert reading.seconds >= 90


def growing(start: float) -> tuple[str, list[Json]]:
    """A trace as successive fetches give it: the function's own document comes last, the calls late."""
    arn, trace_id = function_arn("f"), make_trace_id(start, "growing")

    def version(calls: int, shape: Shape) -> Json:
        return lambda_trace(arn, [GET_ITEM] * calls, start, trace_id=trace_id, shape=shape)

    running = Shape(in_progress=True, inferred=False)
    return trace_id, [
        version(0, running),
        version(1, running),
        version(2, Shape(independent=True, inferred=False)),
        version(3, Shape(independent=True, inferred=False)),
    ]


def test_a_trace_asked_for_by_id_is_waited_for_until_it_grows_no_more() -> None:
    trace_id, versions = growing(NOW - 60)
    with FakeXRay([], Script(versions={trace_id: versions})) as fake:
        reading = these(fake, [trace_id])
    assert (reading.ids, reading.calls) == ([trace_id], 3)
    assert (reading.fetched.skipped.partial, reading.fetched.skipped.unprocessed) == (0, 0)


def test_a_trace_asked_for_by_id_that_never_ends_is_taken_as_partial() -> None:
    trace_id, versions = growing(NOW - 60)
    with FakeXRay([], Script(versions={trace_id: versions[:2]})) as fake:
        reading = these(fake, [trace_id], wait=30)
    assert (reading.ids, reading.calls, reading.fetched.skipped.partial) == ([trace_id], 1, 1)
    assert 30 <= reading.seconds <= 40


def test_a_trace_asked_for_by_id_that_does_not_exist_is_counted_at_the_limit() -> None:
    traces = many(2)
    with FakeXRay(traces) as fake:
        reading = these(fake, [*ids_of(traces), make_trace_id(NOW, "never")], wait=30)
    is_each_once(reading, traces)
    assert reading.fetched.skipped.unprocessed == 1


def test_traces_asked_for_by_id_that_come_late_are_waited_for() -> None:
    traces = many(12)
    with FakeXRay(traces, Script(appear_polls={trace["Id"]: 3 for trace in traces[::2]})) as fake:
        reading = these(fake, ids_of(traces))
        assert max(len(body["TraceIds"]) for body in fake.bodies(FETCH)) == 5
    is_each_once(reading, traces)
    assert reading.fetched.skipped.unprocessed == 0


# --- answers that are none --------------------------------------------------------------------------

BROKEN: dict[str, Any] = {
    "HTML": b"<html><body>proxy login</body></html>",
    "not UTF-8": b"\xff\xfe\x00\x81",
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"hello"',
    "null": b"null",
    "half": b'{"Traces":[{"Id":"1-',
    "texts": b'{"TraceSummaries":"x","Traces":"x","NextToken":7}',
    "numbers": b'{"TraceSummaries":[1,2],"Traces":[1,2]}',
    "nulls": b'{"TraceSummaries":[null],"Traces":[null],"UnprocessedTraceIds":[null]}',
    "texts within": b'{"TraceSummaries":[{"Id":5}],"Traces":[{"Id":5,"Segments":"x"}]}',
    "nulls within": b'{"TraceSummaries":[{"Id":null}],"Traces":[{"Id":null,"Segments":null}]}',
}


@pytest.mark.parametrize("operation", [LISTING, FETCH])
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_none_is_counted(body: bytes, operation: str) -> None:
    with FakeXRay(many(5)) as fake:
        fake.script.mangle = lambda asked, answer: body if asked == operation else answer
        reading = window_of(fake)
    assert reading.calls == 0
    if operation == LISTING:
        assert reading.fetched.skipped.windows or reading.warnings
    else:
        assert reading.fetched.skipped.unprocessed == 5
