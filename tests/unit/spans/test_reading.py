"""What the spans of a trace show together."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from scanner.model import Outcome
from scanner.model.readings import TraceReading
from scanner.spans.documents import loads, spans_in
from scanner.traces.span_store import SpanStore
from tests.unit.spans.documents import (
    CALL,
    END,
    FUNCTION,
    GET,
    KEY,
    ROOT,
    START,
    F,
    record,
    request,
    root,
    span,
)


def readings(*documents: Any) -> list[TraceReading]:
    """The readings of documents."""
    store = SpanStore()
    for document in documents:
        for found in spans_in(loads(json.dumps(document).encode())) or ():
            assert found is not None
            store.add(found)
    return list(store.readings())


def read(*documents: Any) -> TraceReading:
    (reading,) = readings(*documents)
    return reading


def test_the_calls_of_a_task_are_its_own() -> None:
    reading = read(request(root(), span()))
    (call,) = reading.calls
    assert (call.call.workload, call.call.operation, call.time) == (KEY, "GetObject", START / 1e9)
    run = reading.workloads[KEY]
    assert (run.ran, run.version, run.auto_instrumented, run.hints.revision) == (True, "7", True, "7")
    assert (reading.complete, reading.documents, reading.unowned) == (True, 2, 0)


def test_the_spans_of_a_trace_may_stand_anywhere() -> None:
    documents = [request(span(f"{number:016x}")) for number in range(1, 40)]
    random.Random(1).shuffle(documents)
    reading = read(*documents, request(root()))
    assert (reading.complete, len(reading.calls)) == (True, 39)


def test_what_a_function_calls_at_module_scope_is_its_own() -> None:
    handler = request(span("1" * 16, attributes={**GET, "cloud.resource_id": F}), resource=FUNCTION)
    module = request(span("2" * 16, "", traceId="1" * 32), resource=FUNCTION)
    assert {c.call.workload for reading in readings(module, handler) for c in reading.calls} == {F}


def test_a_function_of_two_accounts_is_nobodys_for_sure() -> None:
    other = F.replace("123456789012", "210987654321")
    first = request(span("1" * 16, attributes={**GET, "cloud.resource_id": F}), resource=FUNCTION)
    second = request(span("3" * 16, attributes={**GET, "cloud.resource_id": other}), resource=FUNCTION)
    module = request(span("2" * 16, ""), resource=FUNCTION)
    workloads = {call.call.workload for call in read(first, second, module).calls}
    assert workloads == {F, other, "other:orders@/eu-west-1"}


_MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"


def converted(id_: str, parent: str, type_: str = "subsegment", **more: Any) -> dict[str, Any]:
    """A record that X-Ray made of a segment or a part of one."""
    resource = more.pop("resource", {"attributes": {"cloud.provider": "aws"}})
    return record(id_, parent, **{"_aws": {"xray": {"type": type_}}, "resource": resource, **more})


def test_calls_without_a_workload_belong_to_the_one_above() -> None:
    machine = {"attributes": {"cloud.resource_id": _MACHINE, "service.name": "flow"}}
    attributes = {"aws.xray.origin": "AWS::StepFunctions::StateMachine"}
    top = converted("1" * 16, "", "segment", resource=machine, kind="SERVER", attributes=attributes)
    state = converted("2" * 16, "1" * 16, resource={}, kind="INTERNAL", attributes={})
    reading = read(top, state, converted("3" * 16, "2" * 16))
    assert [call.call.workload for call in reading.calls] == [_MACHINE]
    assert reading.complete


def test_without_what_is_above_nobody_knows_whose_a_call_is() -> None:
    reading = read(converted("3" * 16, "2" * 16))
    assert not reading.complete
    assert [call.call.workload for call in reading.calls] == [None]


def test_a_segment_of_another_process_inherits_nothing() -> None:
    machine = {"attributes": {"cloud.resource_id": _MACHINE}}
    top = converted("1" * 16, "", "segment", resource=machine, kind="SERVER", attributes={})
    gateway = converted("2" * 16, "1" * 16, "segment", kind="SERVER", attributes={})
    reading = read(top, gateway, converted("3" * 16, "2" * 16))
    assert [call.call.workload for call in reading.calls] == [None]
    assert reading.unowned == 1


def test_a_record_in_progress_is_replaced_by_the_finished_one() -> None:
    unfinished = record(endTimeUnixNano=None, durationNano=None)
    top = record(ROOT, "", {}, kind="SERVER")
    for order in ([unfinished, record()], [record(), unfinished]):
        reading = read(*order, top)
        assert (reading.complete, len(reading.calls), reading.documents) == (True, 1, 3)


def test_what_never_ended_leaves_the_trace_incomplete() -> None:
    reading = read(record(endTimeUnixNano=None, durationNano=None), record(ROOT, "", {}, kind="SERVER"))
    assert (reading.complete, len(reading.calls)) == (False, 1)


def test_a_lost_parent_leaves_the_trace_incomplete() -> None:
    assert not read(request(span())).complete
    assert not read(request(root(), span(parent="9" * 16))).complete


def test_what_called_a_process_may_be_recorded_elsewhere() -> None:
    assert read(request(root(parentSpanId="9" * 16), span())).complete


def test_a_receiving_call_is_no_first_span() -> None:
    receive = {**GET, "rpc.service": "SQS", "rpc.method": "ReceiveMessage"}
    assert not read(request(span(parent="9" * 16, attributes=receive, kind=5))).complete


def test_the_second_span_of_a_queue_and_requests_below_a_call_are_no_calls() -> None:
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    outer = span("4" * 16, attributes={"messaging.system": "aws.sqs", "messaging.url": queue}, kind=4)
    send = span(
        "5" * 16, "4" * 16, {**GET, "rpc.service": "SQS", "rpc.method": "SendMessage", "messaging.url": queue}
    )
    http = {"http.request.method": "POST", "server.address": "sqs.eu-west-1.amazonaws.com"}
    below = span("6" * 16, "5" * 16, http)
    above = span("7" * 16, attributes=http)
    again = span("8" * 16, "7" * 16)
    reading = read(request(root(), outer, send, below, above, again))
    assert sorted(call.call.operation for call in reading.calls) == ["GetObject", "SendMessage"]


def test_a_request_to_aws_without_a_client_is_a_call_without_an_operation() -> None:
    http = {
        "http.request.method": "GET",
        "url.full": "https://b.s3.eu-west-1.amazonaws.com/x?X-Amz-Signature=s",
    }
    (call,) = read(request(root(), span(attributes=http))).calls
    assert (call.call.service, call.call.operation) == ("b.s3.eu-west-1.amazonaws.com", "")


_QUEUE = {"messaging.system": "aws.sqs", "messaging.destination": "q"}


@pytest.mark.parametrize(
    ("attributes", "kind", "service"),
    [
        ({"db.system": "dynamodb", "db.operation": "GetItem"}, 3, "dynamodb"),
        ({"db.system.name": "aws.dynamodb"}, 3, "dynamodb"),
        (_QUEUE, 4, "sqs"),
        ({**_QUEUE, "messaging.system": "AmazonSQS"}, 4, "sqs"),
        ({**_QUEUE, "messaging.system": "aws_sns"}, 4, "sns"),
        ({**_QUEUE, "messaging.operation": "receive"}, 5, "sqs"),
        ({**_QUEUE, "messaging.operation": "process"}, 5, None),
        ({"db.system": "mysql"}, 3, None),
    ],
)
def test_what_other_libraries_ask_of_aws_is_a_call_without_an_operation(
    attributes: dict[str, Any], kind: int, service: str | None
) -> None:
    calls = read(request(root(), span(), span("5" * 16, attributes=attributes, kind=kind))).calls
    found = [seen.call.service for seen in calls if not seen.call.operation]
    assert found == ([service] if service else [])


def test_beside_calls_of_the_same_service_it_is_no_other_call() -> None:
    send = {**GET, "rpc.service": "SQS", "rpc.method": "SendMessageBatch"}
    outer = span("5" * 16, attributes=_QUEUE, kind=4)
    (seen,) = read(request(root(), outer, span("6" * 16, attributes=send))).calls
    assert seen.call.operation == "SendMessageBatch"


def test_the_role_that_a_refusal_names_is_a_hint() -> None:
    message = (
        "User: arn:aws:sts::123456789012:assumed-role/api-role/s is not authorized to perform: s3:GetObject"
    )
    denied = span(attributes={**GET, "http.status_code": 403}, status={"code": 2, "message": message})
    reading = read(request(root(), span("1" * 16), denied))
    assert reading.workloads[KEY].hints.denied_role == "api-role"
    assert {call.call.outcome for call in reading.calls} == {Outcome.OK, Outcome.DENIED}
    assert [call.message for call in reading.calls if call.message] == [message]


def test_services_of_which_nothing_is_known_count_where_they_call_aws() -> None:
    shop = {"service.name": "shop"}
    assert read(request(root(), resource=shop)).workloads == {}
    assert list(read(request(root(), span(), resource=shop)).workloads) == ["other:shop@/"]


# --- credentials ----------------------------------------------------------------------------------

_KEY = "aws.auth.account.access_key"
_ASSUME = {"rpc.service": "STS", "rpc.method": "AssumeRole"}


def signed(*keys: str, assume: int | None = None) -> TraceReading:
    """A trace of calls one after the other, signed with these keys; one of them may assume a role."""
    calls = [
        span(
            f"{number + 1:016x}",
            attributes={**GET, **(_ASSUME if number == assume else {}), _KEY: key},
            startTimeUnixNano=str(START + number * 1000),
            endTimeUnixNano=str(END),
        )
        for number, key in enumerate(keys)
    ]
    return read(request(root(), *calls))


def test_calls_under_other_credentials_are_counted_apart() -> None:
    for reading in (signed("A", "A", "B", assume=1), signed("A", "A", "B", "A")):
        assert reading.other_credentials == {KEY: 1}
        assert len(reading.calls) in (2, 3)


def test_after_asking_most_calls_may_be_of_the_other_role() -> None:
    reading = signed("A", "B", "B", "B", assume=0)
    assert reading.other_credentials == {KEY: 3}
    assert len(reading.calls) == 1


def test_a_key_that_takes_the_place_of_another_is_the_workloads_own() -> None:
    reading = signed("A", "A", "B", "B")
    assert (reading.other_credentials, len(reading.calls)) == ({}, 4)


def test_a_call_is_one_of_its_kind_however_many_there_are() -> None:
    one, other = (call.call for call in read(request(root(), span("1" * 16), span(CALL))).calls)
    assert one is other
