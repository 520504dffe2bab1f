"""What the queries read is what the same records say in a file: whatever goes wrong, whatever the limit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from scanner.aws.times import Clock
from scanner.errors import ScanError, Warnings
from scanner.model import Usage
from scanner.traces.files import FilesSource
from scanner.traces.insights import orphans, query_text, requests, trees
from scanner.traces.insights.cost import Bound
from scanner.traces.insights.source import NoSpansError
from scanner.usage.builder import UsageBuilder
from tests.examples import examples
from tests.fakes.logs_insights import BROKEN, HALF, REFUSED, RESET, THROTTLED, LogsScript
from tests.unit.traces.insights.reading import emit_into, read_spans
from tests.unit.traces.insights.spans import ACCOUNT, REGION, START, Record, Spans, function_arn

NOT_ALLOWED = (
    "An error occurred (AccessDeniedException) when calling the PutItem operation: User: "
    "arn:aws:sts::123456789012:assumed-role/orders-role/orders is not authorized to perform: "
    "dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/orders because no "
    "identity-based policy allows the dynamodb:PutItem action"
)


def an_hour() -> list[Record]:
    """Records of functions, tasks and a state machine, with all outcomes."""
    spans = Spans()
    for number in range(6):
        second = number * 10 + 0.5
        run = spans.run(second, "orders")
        table = {"aws.dynamodb.table_names": ["orders", f"other-{number % 2}"]}
        call = spans.call(second + 1, run, "orders", "DynamoDB.BatchGetItem", table)
        spans.call(second + 1, run, "orders", "S3.GetObject", {"aws.s3.bucket": f"bucket-{number % 3}"})
        spans.denied(second + 2, run, "orders", "DynamoDB.PutItem", NOT_ALLOWED)
        if number == 2:
            spans.in_progress(call)
        if number == 3:
            head = {"aws.s3.bucket": "bucket-0", "http.status_code": 403}
            spans.call(second + 2, run, "orders", "S3.HeadObject", head, status="ERROR")
            failed = {"http.status_code": 500}
            spans.call(second + 2, run, "orders", "SQS.SendMessage", failed, status="ERROR")
            unsent = {"http.status_code": None, "aws.request_id": None}
            spans.call(second + 2, run, "orders", "SNS.Publish", unsent, status="ERROR")
        trace, span, resource = spans.task(second + 3, "api", f"{number:032x}")
        queue = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue"
        attributes = {
            "rpc.system.name": "aws-api",
            "rpc.method": "SQS/SendMessage",
            "server.address": queue,
            "aws.region": REGION,
            "http.response.status_code": 200,
        }
        spans.add(second + 4, trace, span, kind="PRODUCER", attributes=attributes, resource=resource)
        spans.state_machine(second + 5, "flow", {"Put": "S3.PutObject", "Get": "DynamoDB.GetItem"})
    return spans.records


RECORDS = an_hour()


def read_files(folder: Path, records: Sequence[Record]) -> UsageBuilder:
    path = folder / "spans.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    builder = UsageBuilder()
    FilesSource((path,)).read(emit_into(builder), Warnings())
    return builder


def used(usages: Sequence[Usage]) -> Mapping[str | None, Any]:
    """What is known of each workload's calls."""
    return {
        usage.workload: (
            {need: (o.count, o.succeeded, o.first_seen, o.last_seen) for need, o in usage.used.items()},
            {need: o.count for need, o in usage.attempted.items()},
            [(d.action, d.resource, d.count, d.cause, d.message) for d in usage.denied],
            usage.unmapped,
        )
        for usage in usages
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str | None, Any]:
    found = used(read_files(tmp_path_factory.mktemp("spans"), RECORDS).usages())
    assert [workload for workload in found if workload] == [
        function_arn("orders"),
        f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:flow",
        f"ecs:shop/api@{ACCOUNT}/{REGION}",
    ]
    return found


def test_a_good_day(expected: Mapping[str | None, Any]) -> None:
    read = read_spans(RECORDS)
    assert used(read.builder.usages()) == expected
    assert (read.report.skipped.windows, read.codes) == (0, [])
    orders = read.usages[function_arn("orders")]
    assert (orders.evidence.traces, len(orders.evidence.newest_complete)) == (6, 6)
    assert orders.evidence.incomplete_traces == 0
    assert orders.evidence.auto_instrumented is not None
    assert [hints.denied_role for hints in orders.hints] == ["orders-role"]


@pytest.fixture(scope="module")
def some_expected(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str | None, Any]:
    return used(read_files(tmp_path_factory.mktemp("some"), SOME).usages())


SCHEDULES = {
    "partial rows": LogsScript(scheduled=1, running=2),
    "small pages": LogsScript(page=3),
    "few at once": LogsScript(concurrent=2, running=1),
    "failed": LogsScript(endings={1: "Failed", 2: "Unknown", 3: "Cancelled"}),
    "timeouts": LogsScript(endings={1: "Timeout", 2: "Timeout", 3: "Timeout"}),
    "throttled": LogsScript(faults=dict.fromkeys(range(2, 40, 5), THROTTLED)),
    "broken": LogsScript(faults=dict.fromkeys(range(1, 40, 7), BROKEN)),
    "reset": LogsScript(faults=dict.fromkeys(range(2, 40, 6), RESET)),
    "half": LogsScript(faults=dict.fromkeys(range(1, 40, 6), HALF)),
    "refused": LogsScript(faults=dict.fromkeys(range(2, 40, 4), REFUSED)),
    "by start": LogsScript(timestamp="startTimeUnixNano"),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_faults_that_pass_change_nothing(name: str, expected: Mapping[str | None, Any]) -> None:
    read = read_spans(RECORDS, SCHEDULES[name])
    assert (used(read.builder.usages()), read.report.skipped.windows) == (expected, 0)


FAULTS = st.dictionaries(st.integers(1, 60), st.sampled_from([THROTTLED, BROKEN, RESET, HALF, REFUSED]))
ENDINGS = st.dictionaries(
    st.integers(1, 30), st.sampled_from(["Failed", "Cancelled", "Timeout", "Unknown"]), max_size=12
)
SCRIPTS = st.builds(
    LogsScript,
    limit=st.sampled_from([1, 2, 5, 12, 30, 100_000]),
    page=st.integers(1, 20),
    scheduled=st.integers(0, 2),
    running=st.integers(0, 2),
    concurrent=st.sampled_from([1, 3, 100]),
    endings=ENDINGS,
    faults=FAULTS,
    faults_from=st.none() | st.tuples(st.integers(3, 120), st.sampled_from([RESET, BROKEN, THROTTLED])),
    denied=st.just(()) | st.sets(st.sampled_from(["StopQuery", "DescribeLogGroups"])),
    timestamp=st.sampled_from(["endTimeUnixNano", "startTimeUnixNano"]),
)
BOUNDS = st.sampled_from([math.inf, 1.0, 40e-6, 300e-6])
SOME = RECORDS[: len(RECORDS) // 2]


@settings(examples(16, quick=2), phases=[Phase.explicit, Phase.generate])  # to shrink takes minutes
@given(SCRIPTS, BOUNDS)
def test_whatever_goes_wrong_the_usage_is_that_of_a_file_or_marked(
    some_expected: Mapping[str | None, Any], script: LogsScript, max_gb: float
) -> None:
    """Marked: a window is missing, which leaves every finding unconfirmed."""
    try:
        read = read_spans(SOME, script, limit=script.limit, bound=Bound(max_gb))
    except (NoSpansError, ScanError):
        return  # nothing is read, nothing is confirmed
    if not read.report.skipped.windows:
        assert used(read.builder.usages()) == some_expected
        assert read.codes in ([], ["right-missing"])
    else:
        assert {"spans-unread", "spans-cut"} & set(read.codes)


@pytest.mark.parametrize("limit", [50, 20, 12])
def test_a_limit_changes_nothing_where_no_second_holds_more(
    limit: int, expected: Mapping[str | None, Any]
) -> None:
    read = read_spans(RECORDS, limit=limit)
    assert (used(read.builder.usages()), read.report.skipped.windows) == (expected, 0)


@pytest.mark.parametrize("limit", [1, 2])
def test_seconds_with_more_rows_than_the_limit_are_marked(
    limit: int, some_expected: Mapping[str | None, Any]
) -> None:
    read = read_spans(SOME, limit=limit)
    assert used(read.builder.usages()) != some_expected
    assert read.report.skipped.windows > 0
    assert read.codes == ["spans-cut"]


@pytest.mark.parametrize("limit", range(1, 5))
def test_a_row_a_second_is_enough(limit: int, tmp_path: Path) -> None:
    spans = Spans()
    for second in range(0, 40, 4):
        run = spans.run(second, "orders")
        spans.call(second + 1, run, "orders", "S3.GetObject", {"aws.s3.bucket": f"bucket-{second % 3}"})
    expected = used(read_files(tmp_path, spans.records).usages())
    assert used(read_spans(spans.records, limit=limit).builder.usages()) == expected


def test_a_lost_call_counts_and_leaves_a_gap(tmp_path: Path) -> None:
    spans = Spans()
    for second in (1, 11):
        run = spans.run(second, "orders")
        call = spans.call(second + 1, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
    spans.lost(call)
    of_files = read_files(tmp_path, spans.records).usages()
    of_queries = read_spans(spans.records).builder.usages()
    assert {u.workload: dict(u.used).keys() for u in of_queries} == {
        u.workload: dict(u.used).keys() for u in of_files
    }
    assert [u.evidence.incomplete_traces for u in of_queries] == [1]
    assert [u.evidence.incomplete_traces for u in of_files] == [1]


# --- requests that no client recorded ----------------------------------------------------------------

_HOST = f"{{}}.{REGION}.amazonaws.com"
S3, DYNAMODB = _HOST.format("s3"), _HOST.format("dynamodb")
ORDERS = function_arn("orders")
ACCESS_POINT = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/point"
Doubts = Mapping[str | None, frozenset[str | None]]


def doubts(builder: UsageBuilder) -> Doubts:
    """The services of which each workload made calls that nobody understands."""
    found = {usage.workload: usage.evidence.unmapped_services for usage in builder.usages()}
    return {workload: services for workload, services in found.items() if services}


def signed_by_hand(spans: Spans) -> None:
    """Ten calls with a request each, and one request without a call."""
    for number in range(10):
        run = spans.run(number, "orders")
        call = spans.call(number, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
        spans.request(number, (run[0], call), S3, "orders")
    spans.request(12, run, S3, "orders")


def repeated(spans: Spans) -> None:
    """A call that was sent thirty times."""
    run = spans.run(1, "orders")
    call = spans.call(2, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
    for number in range(30):
        spans.request(2 + number, (run[0], call), S3, "orders")


def below_an_attempt(spans: Spans) -> None:
    """A request below a span below a call."""
    run = spans.run(1, "orders")
    call = spans.call(2, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
    attempt = spans.add(2, run[0], call, name="attempt", kind="INTERNAL")
    spans.request(2, (run[0], attempt), S3, "orders")


def above_a_call(spans: Spans) -> None:
    """A request that another instrumentation recorded above the call."""
    run = spans.run(1, "orders")
    request = spans.request(2, run, S3, "orders")
    spans.call(2, (run[0], request), "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})


def of_another_service(spans: Spans) -> None:
    run = spans.run(1, "orders")
    spans.call(2, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
    spans.request(2, run, DYNAMODB, "orders")


def of_whom_the_tree_tells(spans: Spans) -> None:
    """Converted spans name nobody."""
    trace, root = spans.run(1, "orders")
    inner = spans.add(2, trace, root, _aws={"xray": {"name": "x", "type": "subsegment"}}, kind="INTERNAL")
    remote = {"xray": {"name": DYNAMODB, "namespace": "remote", "type": "subsegment"}}
    spans.request(2, (trace, inner), DYNAMODB, _aws=remote)


def sent(spans: Spans, run: tuple[str, str], kind: str = "PRODUCER", **named: Any) -> None:
    """A span of a library for messages."""
    attributes = {"messaging.system": "aws_sqs", "cloud.resource_id": ORDERS, **named}
    spans.add(3, *run, kind=kind, attributes=attributes, resource={"service.name": "orders"})


def beside_a_call(spans: Spans) -> None:
    """What Python's boto3sqs adds, in one trace; in another one there is nothing that it stands beside."""
    run = spans.run(1, "orders")
    spans.call(2, run, "orders", "SQS.SendMessage")
    sent(spans, run)


def by_another_library(spans: Spans) -> None:
    beside_a_call(spans)
    sent(spans, spans.run(2, "orders"))


def handled(spans: Spans) -> None:
    """Who handles a message has not asked for it."""
    sent(spans, spans.run(2, "orders"), "CONSUMER", **{"messaging.operation": "process"})


REQUESTS: Mapping[Any, Doubts] = {
    signed_by_hand: {ORDERS: frozenset({"s3"})},
    repeated: {},
    below_an_attempt: {},
    above_a_call: {},
    of_another_service: {ORDERS: frozenset({"dynamodb"})},
    of_whom_the_tree_tells: {ORDERS: frozenset({"dynamodb"})},
    beside_a_call: {},
    by_another_library: {ORDERS: frozenset({"sqs"})},
    handled: {},
}


@pytest.mark.parametrize("made", REQUESTS)
def test_a_request_is_that_of_the_call_above_it(made: Any, tmp_path: Path) -> None:
    spans = Spans()
    made(spans)
    assert doubts(read_files(tmp_path, spans.records)) == REQUESTS[made]
    assert doubts(read_spans(spans.records).builder) == REQUESTS[made]


def test_of_too_many_requests_each_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_MOST_JOINED", 5)
    spans = Spans()
    repeated(spans)
    of_whom_the_tree_tells(spans)
    read = read_spans(spans.records)
    assert doubts(read.builder)[ORDERS] == {"s3"}
    assert read.builder.unattributed_gaps == 1  # whose the other one is, nobody knows


def test_old_names_of_calls_and_the_bucket_that_was_copied_from(tmp_path: Path) -> None:
    spans = Spans()
    run = spans.run(1, "orders")
    old = {"aws.service": "S3", "aws.operation": "GetObject", "cloud.resource_id": ORDERS}
    spans.add(2, *run, attributes=old)
    for second, source in enumerate(("from/a/key", "/from/b", "from%2Fc", f"{ACCESS_POINT}/object/d/e")):
        copied = {"aws.s3.bucket": "to", "aws.s3.copy_source": source}
        spans.call(3 + second, run, "orders", "S3.CopyObject", copied)
    expected = used(read_files(tmp_path, spans.records).usages())
    read = read_spans(spans.records)
    assert used(read.builder.usages()) == expected
    keys = str([request.body for request in read.fake.requests]) + str(read.builder.usages())
    assert "key" not in keys.replace("access_key", "")


# --- whose calls are -----------------------------------------------------------------------------------


def test_a_service_that_x_ray_made_up_takes_no_calls_from_the_workload_above(tmp_path: Path) -> None:
    spans = Spans()
    run = spans.run(1, "orders")
    named = {"aws__local__service": "orders-service", "aws__local__environment": "generic:default"}
    spans.segment_call(2, run, "S3.GetObject", aws__s3__bucket="bucket", **named)
    expected = used(read_files(tmp_path, spans.records).usages())
    assert [workload for workload, (calls, *_) in expected.items() if calls] == [ORDERS]
    assert used(read_spans(spans.records).builder.usages()) == expected


def many_traces(spans: Spans) -> None:
    """Traces of one workload, of two, of one beside a process that names none, and calls of each."""
    for number in range(4):
        spans.state_machine(number, f"flow-{number % 2}", {"Put": "S3.PutObject"})
    trace, root = spans.run(20, "orders")
    segment = {"xray": {"name": "shop", "type": "segment"}}
    other = spans.add(21, trace, root, kind="SERVER", name="shop", _aws=segment)
    spans.segment_call(22, (trace, other), "DynamoDB.GetItem", aws__dynamodb__table_names=["of-the-shop"])
    trace, root = spans.run(30, "orders")
    _, below = spans.run(31, "bills", trace, root)
    spans.segment_call(32, (trace, below), "SQS.SendMessage")


def test_many_traces_are_told_apart_by_their_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spans = Spans()
    many_traces(spans)
    expected = used(read_files(tmp_path, spans.records).usages())
    assert used(read_spans(spans.records).builder.usages()) == expected
    monkeypatch.setattr(trees, "_NAMED_TRACES", 1)
    monkeypatch.setattr(orphans, "AT_ONCE", 2)  # in parts
    monkeypatch.setattr(query_text, "IDS_A_QUERY", 1)
    assert used(read_spans(spans.records).builder.usages()) == expected


def test_of_more_traces_than_are_asked_for_it_stays_open_whose_calls_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "_NAMED_TRACES", 1)
    monkeypatch.setattr(trees, "_MOST_TREES", 0)
    spans = Spans()
    many_traces(spans)
    found = read_spans(spans.records).usages
    flow = found[f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:flow-0"]
    assert (flow.evidence.calls, flow.evidence.incomplete_traces) == (2, 0)  # these are clear all the same
    assert (found[ORDERS].evidence.calls, found[ORDERS].evidence.incomplete_traces) == (0, 2)


def test_a_workflow_of_hours_is_found_above_its_calls(tmp_path: Path) -> None:
    spans = Spans()
    spans.state_machine(1, "flow", {"Put": "S3.PutObject"})
    root = next(record for record in spans.records if record["name"] == "flow")
    root["endTimeUnixNano"] += 7_200 * 1_000_000_000  # a record stands at its end
    root["durationNano"] += 7_200 * 1_000_000_000
    expected = used(read_files(tmp_path, spans.records).usages())
    read = read_spans(spans.records, end=START + 10_000, clock=Clock(lambda: START + 20_000, lambda _: None))
    assert used(read.builder.usages()) == expected
    assert (read.builder.unattributed_gaps, read.report.skipped.windows) == (0, 0)


def test_calls_whose_workflow_is_not_found_may_be_anybodys() -> None:
    spans = Spans()
    spans.state_machine(1, "flow", {"Put": "S3.PutObject"})
    del spans.records[0]
    assert read_spans(spans.records).builder.unattributed_gaps == 1
