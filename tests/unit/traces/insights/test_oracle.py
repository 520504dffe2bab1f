"""What the queries read is what the same records say in a file: whatever goes wrong, whatever the limit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.model import Usage
from scanner.traces.files import FilesSource
from scanner.usage.builder import UsageBuilder
from tests.fakes.logs_insights import BROKEN, HALF, REFUSED, RESET, THROTTLED, LogsScript
from tests.unit.traces.insights.reading import emit_into, read_spans
from tests.unit.traces.insights.spans import ACCOUNT, REGION, Record, Spans, function_arn

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


@pytest.mark.parametrize("limit", [50, 20, 12])
def test_a_limit_changes_nothing_where_no_second_holds_more(
    limit: int, expected: Mapping[str | None, Any]
) -> None:
    read = read_spans(RECORDS, limit=limit)
    assert (used(read.builder.usages()), read.report.skipped.windows) == (expected, 0)


@pytest.mark.parametrize("limit", [1, 2])
def test_seconds_with_more_rows_than_the_limit_are_marked(
    limit: int, expected: Mapping[str | None, Any]
) -> None:
    read = read_spans(RECORDS, limit=limit)
    assert used(read.builder.usages()) != expected
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
