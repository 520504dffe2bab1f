"""Reading traces from an X-Ray that behaves as badly as the real one may."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.model import CallRow
from scanner.traces.reading import TraceReading
from scanner.traces.source import Emit
from scanner.traces.xray_fetch import Fetched, Waiting, pieces_of, read_ids, read_window
from scanner.traces.xray_requests import Clock, Window
from tests.fakes import notes
from tests.fakes.traces import Json, Shape, lambda_trace, make_trace_id
from tests.fakes.xray import FETCH, FOREVER, LISTING, FakeXRay, Script, _Answer, _Refusal
from tests.integration.tools import Ran, notes_call, notes_files, notes_trace, run, run_here

if TYPE_CHECKING:
    from mypy_boto3_xray.client import XRayClient

NOW = int(time.time())
START = NOW - 3600
PIECES = pieces_of(Window(START, NOW))
VERBS = tuple(notes.OPERATIONS)


def many(count: int, *, first: float = NOW - 1800, apart: float = 7) -> list[Json]:
    """Traces of the notes application's functions in turn, each with one call."""
    return [notes_trace(VERBS[n % 5], first + apart * n, seed=n) for n in range(count)]


# --- the reader by itself: no time passes ------------------------------------------------------------


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
    """What a reader handed on."""

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


def client_of(fake: FakeXRay) -> XRayClient:
    """A client that repeats nothing by itself: botocore's pauses are real."""
    return boto3.client(
        "xray",
        endpoint_url=fake.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
    )


Read = Callable[["XRayClient", Emit, Warnings, Clock], Fetched]


def reading_of(fake: FakeXRay, read: Read) -> Reading:
    """What `read` makes of the fake's traces."""
    passing, warnings, traces, lock = FakeTime(), Warnings(), list[TraceReading](), threading.Lock()

    def emit(items: Sequence[TraceReading | CallRow]) -> None:
        with lock:
            traces.extend(item for item in items if isinstance(item, TraceReading))

    fetched = read(client_of(fake), emit, warnings, passing.clock())
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
    """Every trace was handed on, once, and so each of its calls."""
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
    traces = [notes_trace("get", border, seed=border) for border in borders]
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
    traces = [notes_trace("get", NOW - days * n / 200 - 60, seed=n) for n in range(199)]
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


def test_an_x_ray_that_always_fails_is_told_window_by_window() -> None:
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


def refuse_if(refused: bool, answer: Json, status: int, code: str) -> Json:
    if refused:
        raise _Refusal(status, code, "refused by the script")
    return answer


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


class Expiring(FakeXRay):
    """Credentials that expire after some fetches."""

    fetches = 0

    def _answer(self, operation: str, body: Json) -> _Answer:
        if operation == FETCH:
            self.fetches -= 1
        if self.fetches < 0:
            raise _Refusal(
                403, "ExpiredTokenException", "The security token included in the request is expired"
            )
        return super()._answer(operation, body)


@pytest.mark.parametrize("fetches", [-1, 0, 3])
def test_credentials_that_expire_end_the_scan_whenever_that_happens(fetches: int) -> None:
    with Expiring(many(60)) as fake:
        fake.fetches = fetches
        with pytest.raises(ScanError, match="ExpiredTokenException"):
            window_of(fake)


def test_what_breaks_the_reading_of_traces_is_not_swallowed() -> None:
    def emit(items: Sequence[TraceReading | CallRow]) -> None:
        raise ZeroDivisionError("a mistake in the program")

    with FakeXRay(many(5)) as fake, pytest.raises(ZeroDivisionError):
        waiting = Waiting(clock=FakeTime().clock())
        read_window(client_of(fake), Window(START, NOW), emit, Warnings(), waiting)


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
    arn, trace_id = notes.function_arn("get"), make_trace_id(start, "growing")

    def version(calls: int, shape: Shape) -> Json:
        return lambda_trace(arn, [notes_call("get")] * calls, start, trace_id=trace_id, shape=shape)

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


# --- the whole command ------------------------------------------------------------------------------


def scan(folder: Path, fake: FakeXRay, *arguments: object) -> Ran:
    """The command with `-c` and the notes application's roles, against the fake."""
    options = notes_files(folder / "in")
    return run_here(folder, *options, *arguments, env={"AWS_ENDPOINT_URL_XRAY": fake.url})


def reasons(ran: Ran) -> list[list[str]]:
    """Why the findings of excess are not confirmed."""
    return [finding["reasons"] for finding in ran.findings("unused", "broad")]


def calls_of(ran: Ran) -> dict[str, int]:
    """How often each function's own action was used."""
    return {
        workload["name"].rpartition("-")[2]: used["count"]
        for workload in ran.report["workloads"]
        for used in workload["used"]
    }


def test_a_good_day_confirms_the_finding(tmp_path: Path) -> None:
    with FakeXRay(many(25)) as fake:
        ran = scan(tmp_path, fake)
    assert (ran.code, ran.err) == (0, "")
    assert calls_of(ran) == dict.fromkeys(VERBS, 5)
    assert reasons(ran) == [[]]
    assert (ran.skipped, ran.warnings) == ({}, {})


def test_bad_manners_of_all_kinds_at_once_change_no_count(tmp_path: Path) -> None:
    traces = many(60)
    script = Script(
        empty_pages=1,
        page_size=2,
        batch_page_size=3,
        duplicate_summaries=True,
        unprocessed={trace["Id"]: 1 for trace in traces[::7]},
        throttle_every=6,
        drop_first=1,
    )
    with FakeXRay(traces, script) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0, ran.err
    assert calls_of(ran) == dict.fromkeys(VERBS, 12)
    assert reasons(ran) == [[]]
    assert ran.skipped == {}


def test_an_x_ray_that_throttles_many_at_once_is_read_all_the_same(tmp_path: Path) -> None:
    with FakeXRay(many(300, apart=5), Script(delay=0.02, throttle_in_flight=6)) as fake:
        ran = scan(tmp_path, fake)
        throttled = fake.count(FETCH, 429) + fake.count(LISTING, 429)
    assert throttled > 0
    assert calls_of(ran) == dict.fromkeys(VERBS, 60)
    assert reasons(ran) == [[]]


def test_unprocessed_traces_leave_no_finding_confirmed(tmp_path: Path) -> None:
    traces = many(25)
    with FakeXRay(traces, Script(unprocessed={traces[0]["Id"]: FOREVER})) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.skipped == {"traces_unprocessed": 1}
    assert ran.warnings == {"traces-unprocessed": 1}
    assert reasons(ran) == [["incomplete-traces"]]
    assert "incomplete-traces" in ran.out


@pytest.mark.parametrize("verb, confirmed", [("delete", False), ("get", True)])
def test_a_truncated_trace_leaves_the_findings_of_its_own_function_unconfirmed(
    tmp_path: Path, verb: str, confirmed: bool
) -> None:
    traces = many(25)
    truncated = traces[VERBS.index(verb)]["Id"]
    with FakeXRay(traces, Script(limit_exceeded={truncated})) as fake:
        ran = scan(tmp_path, fake)
    assert ran.skipped == {"traces_truncated": 1}
    assert ran.warnings == {"traces-truncated": 1}
    assert reasons(ran) == [[] if confirmed else ["incomplete-traces"]]


def test_a_partial_trace_leaves_the_findings_of_its_function_unconfirmed(tmp_path: Path) -> None:
    traces = many(25)
    with FakeXRay(traces, Script(partial={traces[VERBS.index("delete")]["Id"]: FOREVER})) as fake:
        ran = scan(tmp_path, fake)
    assert ran.skipped == {"traces_partial": 1}
    assert reasons(ran) == [["incomplete-traces"]]


def test_transaction_search_warns_and_leaves_every_finding_unconfirmed(tmp_path: Path) -> None:
    with FakeXRay(many(25), Script(destination=("CloudWatchLogs", "ACTIVE"))) as fake:
        ran = scan(tmp_path, fake, "--fail-on", "unused")
    assert ran.code == 0
    assert ran.warnings == {"transaction-search": 1}
    assert reasons(ran) == [["traces-elsewhere"]]
    assert "Transaction Search is on" in ran.out


@pytest.mark.parametrize("script", [Script(destination=None), Script(denied=["GetTraceSegmentDestination"])])
def test_where_transaction_search_may_not_be_asked_for_the_right_is_named(
    tmp_path: Path, script: Script
) -> None:
    with FakeXRay(many(25), script) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert "xray:GetTraceSegmentDestination" in ran.warning_texts
    assert reasons(ran) == [[]]


@pytest.mark.parametrize("operation", [LISTING, FETCH])
def test_a_denied_right_ends_the_command_with_exit_code_3(tmp_path: Path, operation: str) -> None:
    with FakeXRay(many(5), Script(denied=[operation])) as fake:
        scan(tmp_path, fake).ends_with(3, f"xray:{operation}", "AWSXrayReadOnlyAccess")


@pytest.mark.parametrize("fetches", [-1, 0, 3])
def test_expired_credentials_end_the_command_with_what_to_do(tmp_path: Path, fetches: int) -> None:
    with Expiring(many(60)) as fake:
        fake.fetches = fetches
        scan(tmp_path, fake).ends_with(3, "ExpiredTokenException", "aws sso login")


def test_an_x_ray_that_cannot_be_reached_ends_the_command(tmp_path: Path) -> None:
    ran = run(tmp_path, *notes_files(tmp_path / "in"))  # nobody listens at the address
    ran.ends_with(3)
    assert "127.0.0.1" in ran.err


def test_an_empty_x_ray_ends_the_command_with_what_to_check(tmp_path: Path) -> None:
    with FakeXRay([]) as fake:
        scan(tmp_path, fake).ends_with(3, "no trace was found", "--region", "tracing")


# --- which traces -----------------------------------------------------------------------------------


@pytest.mark.parametrize("time_range", ["30d", "43200", "720", "12h", "7d"])
def test_a_long_range_is_read_in_windows_that_x_ray_allows(tmp_path: Path, time_range: str) -> None:
    with FakeXRay(many(25)) as fake:
        ran = scan(tmp_path, fake, "-r", time_range)
        assert {request.error for request in fake.requests} == {""}
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 25


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["-s", NOW - 31 * 86400], "30 days"),
        (["-r", "31d"], "30 days"),
        (["-s", "2020-01-01T00:00:00Z"], "30 days"),
        (["-s", NOW + 3600], "in the future"),
        (["-s", "2999-01-01"], "in the future"),
        (["-s", "yesterday"], "yesterday"),
        (["-s", "nan"], "nan"),
        (["-s=-inf"], "-inf"),
        (["-s", "1e999"], "1e999"),
        (["-r", "9" * 400], "30 days"),
        (["-r", "soon"], "soon"),
        (["-r", "0"], "'0'"),
        (["-r", "-5"], "-5"),
        (["--wait", "nan"], "--wait"),
        (["--min-traces", "0"], "--min-traces"),
        (["--fail-on", "everything"], "--fail-on"),
    ],
)
def test_a_time_that_makes_no_sense_is_wrong_use(tmp_path: Path, arguments: list[object], text: str) -> None:
    with FakeXRay(many(5)) as fake:
        ran = scan(tmp_path, fake, *(f"{a}" for a in arguments))
        assert fake.requests == []
    assert ran.code == EXIT_USAGE
    assert text in ran.err.splitlines()[-1]


def test_a_start_and_a_range_give_the_traces_between(tmp_path: Path) -> None:
    traces = many(5, first=NOW - 3000, apart=600)
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path / "1", fake, "-s", NOW - 2500, "-r", "10")
        iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 2500))
        same = scan(tmp_path / "2", fake, "--start-time", iso, "--time-range", "600s")
    assert ran.report["scan"]["traces"] == 1
    assert ran.report["scan"] == same.report["scan"]
    assert ran.report["scan"]["start"] == iso.replace("Z", ".000Z")


def test_the_filter_goes_to_x_ray_as_it_is(tmp_path: Path) -> None:
    expression = 'service(id(name: "notes-app-api-test-get")) AND !error = "ä"'
    with FakeXRay(many(25), Script(filter=lambda trace, _: "-get" in json.dumps(trace))) as fake:
        ran = scan(tmp_path, fake, "-f", expression)
        assert {body["FilterExpression"] for body in fake.bodies(LISTING)} == {expression}
    assert ran.report["scan"]["filter"] == expression
    assert calls_of(ran).keys() == {"get"}


def test_a_filter_that_x_ray_refuses_is_wrong_use(tmp_path: Path) -> None:
    def refuse(trace: Json, expression: str) -> bool:
        raise _Refusal(400, "InvalidRequestException", "Invalid filter expression: unexpected token")

    with FakeXRay(many(5), Script(filter=refuse)) as fake:
        scan(tmp_path, fake, "-f", "nonsense(").ends_with(2, "--filter", "unexpected token")


def test_a_refusal_that_has_nothing_to_do_with_a_filter_does_not_blame_it(tmp_path: Path) -> None:
    def mangle(operation: str, answer: Json) -> Json:
        return refuse_if(operation == LISTING, answer, 400, "InvalidRequestException")

    with FakeXRay(many(5), Script(mangle=mangle)) as fake:
        ran = scan(tmp_path, fake)
    ran.ends_with(3)
    assert "refused by the script" in ran.out + ran.err


def test_trace_ids_are_read_in_every_spelling(tmp_path: Path) -> None:
    traces = many(7)
    plain = [trace["Id"] for trace in traces]
    w3c = [trace_id.removeprefix("1-").replace("-", "") for trace_id in plain]
    lines = [
        "# what the test client sent",
        plain[0],
        f"Root={plain[1]};Sampled=1",
        f"X-Amzn-Trace-Id: Root={plain[2]};Parent=53995c3f42cd8ad8;Sampled=1  # the second test",
        f"x-amzn-trace-id: root={plain[3]};sampled=1;lineage=a87bd80c:1",
        w3c[4],
        f"traceparent: 00-{w3c[5]}-53995c3f42cd8ad8-01",
        plain[6].upper(),
        plain[0],
        "",
        "   ",
    ]
    file = tmp_path / "ids.txt"
    file.write_text("\r\n".join(lines), encoding="utf-8")
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path, fake, "--trace-ids", file, "--wait", 0)
        assert fake.count(LISTING) == 0
        assert sorted(fake.fetched()) == sorted(plain)
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 7


def test_the_root_of_a_header_is_the_trace_though_a_load_balancer_put_its_own_id_first(
    tmp_path: Path,
) -> None:
    """docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html"""
    (trace,) = many(1)
    own = make_trace_id(NOW, "the load balancer's")
    file = tmp_path / "ids.txt"
    file.write_text(f"X-Amzn-Trace-Id: Self={own};Root={trace['Id']}\n", encoding="utf-8")
    with FakeXRay([trace]) as fake:
        scan(tmp_path, fake, "--trace-ids", file, "--wait", 0)
        assert set(fake.fetched()) == {trace["Id"]}


def test_a_trace_id_file_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    with FakeXRay(many(5)) as fake:
        scan(tmp_path, fake, "--trace-ids", file).ends_with(2, "ids.txt")
        file.write_text("# nothing\n", encoding="utf-8")
        scan(tmp_path, fake, "--trace-ids", file).ends_with(2, "no trace id")
        file.write_text("1-5f84c7a6\n", encoding="utf-8")
        scan(tmp_path, fake, "--trace-ids", file).ends_with(2, "ids.txt:1: ", "1-5f84c7a6")
        assert fake.requests == []


def test_a_trace_id_that_x_ray_does_not_know_leaves_no_finding_confirmed(tmp_path: Path) -> None:
    traces = many(5)
    file = tmp_path / "ids.txt"
    file.write_text("\n".join([*ids_of(traces), make_trace_id(NOW, "never")]), encoding="utf-8")
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path, fake, "--trace-ids", file, "--wait", "0")
    assert ran.code == 0
    assert ran.skipped == {"traces_unprocessed": 1}
    assert reasons(ran) == [["incomplete-traces"]]


# --- answers that are none --------------------------------------------------------------------------


def is_told(ran: Ran) -> None:
    """The command ended in an orderly way, and nothing was called confirmed without evidence."""
    assert ran.code in (0, 3)
    assert not any(finding["confirmed"] for finding in ran.findings("unused", "broad"))
    if ran.code == 3:
        ran.ends_with(3)
    assert ran.skipped or ran.warnings or ran.code == 3


@pytest.mark.parametrize("key", ["TraceSummaries", "Segments", "Document", "Id"])
def test_answers_without_a_key_are_told_and_confirm_nothing(tmp_path: Path, key: str) -> None:
    with FakeXRay(many(5), Script(missing=[key])) as fake:
        ran = scan(tmp_path, fake)
    is_told(ran)
    assert ran.skipped or ran.warnings


def test_one_trace_without_its_segments_is_counted_and_leaves_no_finding_confirmed(tmp_path: Path) -> None:
    traces = many(25)

    def mangle(operation: str, answer: Json) -> Json:
        for trace in answer.get("Traces", []):
            if trace["Id"] == traces[4]["Id"]:
                del trace["Segments"]
        return answer

    with FakeXRay(traces, Script(mangle=mangle)) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.skipped or ran.warnings
    assert reasons(ran) == [["incomplete-traces"]]


@pytest.mark.parametrize(
    "key",
    ["ApproximateTime", "TracesProcessedCount", "IsPartial", "Duration", "LimitExceeded", "Destination"],
)
def test_answers_without_a_key_that_is_not_needed_are_read(tmp_path: Path, key: str) -> None:
    with FakeXRay(many(5), Script(missing=[key])) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 5


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


@pytest.mark.parametrize("name", ["HTML", "not UTF-8", "a list"])
def test_an_answer_that_is_none_is_told_and_confirms_nothing(tmp_path: Path, name: str) -> None:
    with FakeXRay(many(5)) as fake:
        fake.script.mangle = lambda asked, answer: BROKEN[name] if asked == LISTING else answer
        is_told(scan(tmp_path, fake))


def test_an_answer_that_is_none_for_some_traces_leaves_the_others_read(tmp_path: Path) -> None:
    traces = many(25)
    broken = traces[0]["Id"]

    def mangle(operation: str, answer: Json) -> Json | bytes:
        for trace in answer.get("Traces", []):
            if trace["Id"] == broken:
                trace["Segments"][1]["Document"] = "{broken"
        return answer

    with FakeXRay(traces, Script(mangle=mangle)) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 25
    assert ran.skipped == {"documents": 1}
    assert ran.warnings == {"documents-unreadable": 1}


class Looping(FakeXRay):
    """Every page has the same token, and the same traces."""

    def _list(self, body: Json) -> bytes:
        page = json.loads(super()._list({key: body[key] for key in body if key != "NextToken"}))
        return json.dumps(page | {"NextToken": "AAAA"}).encode()


def test_a_page_token_that_comes_again_does_not_go_on_for_ever(tmp_path: Path) -> None:
    with Looping(many(5)) as fake:
        ran = scan(tmp_path, fake)
        assert fake.count(LISTING) < 100
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 5
    assert ran.skipped["windows"] > 0
    assert "window-unread" in ran.warnings
    assert reasons(ran) == [["incomplete-traces"]]
