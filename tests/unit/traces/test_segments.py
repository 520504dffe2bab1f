"""Documents of a trace -> calls: whose they are, how they ended, what is no call of the function."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Outcome
from scanner.traces.documents import Trace
from scanner.traces.reading import TraceReading, read_trace

F = "arn:aws:lambda:us-east-1:123456789012:function:f"
G = "arn:aws:lambda:us-east-1:123456789012:function:g"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


def segment(id_: str, origin: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"id": id_, "name": "f", "trace_id": "1-5-5", "start_time": 10.0, "end_time": 11.0, **more}
    return {**found, "origin": origin} if origin else found


def call(id_: str, operation: str = "GetItem", **more: Any) -> dict[str, Any]:
    aws = {"operation": operation, "region": "us-east-1", "table_name": "t"}
    return {
        "id": id_,
        "name": "DynamoDB",
        "namespace": "aws",
        "start_time": 10.5,
        "http": {"response": {"status": 200}},
        "aws": aws,
        **more,
    }


def invocation(arn: str = F, id_: str = "b", parent: str = "a", **more: Any) -> dict[str, Any]:
    """The document of a function that ran."""
    return segment(id_, "AWS::Lambda::Function", parent_id=parent, aws={"function_arn": arn}, **more)


def service(arn: str = F, id_: str = "a", **more: Any) -> dict[str, Any]:
    """The document of the Lambda service."""
    return segment(id_, "AWS::Lambda", resource_arn=arn, **more)


def read(*documents: Any, **more: Any) -> TraceReading:
    return read_trace(Trace("1-5-5", documents, **more))


def owners(*documents: Any) -> list[str | None]:
    return [seen.call.workload for seen in read(*documents).calls]


def test_a_call_belongs_to_the_function_that_its_document_names() -> None:
    assert owners(service(), invocation(subsegments=[call("c")])) == [F]


def test_a_nested_call_belongs_to_it_too() -> None:
    handler = {"id": "h", "name": "## handler", "subsegments": [{"id": "i", "subsegments": [call("c")]}]}
    assert owners(service(), invocation(subsegments=[handler])) == [F]


def test_without_a_function_arn_the_parents_resource_tells() -> None:
    ran = segment("b", "AWS::Lambda::Function", parent_id="a", subsegments=[call("c")])
    assert owners(ran, service()) == [F]


def test_versions_and_aliases_are_one_function() -> None:
    assert owners(service(), invocation(F + ":PROD", subsegments=[call("c")])) == [F]


def test_streamed_subsegments_belong_to_the_function_however_deep() -> None:
    handler = {"type": "subsegment", "trace_id": "1-5-5", "id": "h", "name": "handler", "parent_id": "b"}
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "h", **call("c")}
    assert owners(streamed, handler, invocation(), service()) == [F]


def test_a_document_of_opentelemetry_without_an_origin_belongs_to_the_function() -> None:
    otel = segment("o", parent_id="b", subsegments=[call("c")])
    assert owners(service(), invocation(), otel) == [F]


def test_a_function_called_by_a_function_has_its_own_calls() -> None:
    invoke = call("i", "Invoke", name="Lambda", aws={"operation": "Invoke", "function_name": "g"})
    caller = invocation(subsegments=[invoke])
    callee = [service(G, "x", parent_id="i"), invocation(G, "y", "x", subsegments=[call("c")])]
    assert sorted(str(o) for o in owners(service(), caller, *callee)) == [F, G]


def test_what_a_called_service_does_is_not_the_functions_doing() -> None:
    request = {"id": "r", "name": "api.example.com", "namespace": "remote"}
    other = segment("o", parent_id="r", subsegments=[call("c")])
    assert owners(service(), invocation(subsegments=[request]), other) == [None]


def test_a_segment_of_another_kind_of_compute_is_no_function() -> None:
    container = segment("e", "AWS::ECS::Container", parent_id="b", subsegments=[call("c")])
    assert owners(service(), invocation(), container) == [None]


def test_api_gateways_own_call_belongs_to_no_function() -> None:
    invoke = call("i", "Invoke", name="Lambda", aws={"operation": "Invoke", "function_name": "f"})
    stage = segment("s", "AWS::ApiGateway::Stage", subsegments=[invoke])
    assert owners(stage, service(parent_id="i"), invocation(subsegments=[call("c")])) == [None, F]


def test_a_state_machines_calls_are_its_own() -> None:
    machine = segment("m", "AWS::StepFunctions::StateMachine", resource_arn=MACHINE, subsegments=[call("c")])
    assert owners(machine) == [MACHINE]


def test_a_loop_of_parents_ends() -> None:
    assert owners(segment("a", parent_id="b", subsegments=[call("c")]), segment("b", parent_id="a")) == [None]


def test_inferred_copies_are_no_calls() -> None:
    copy = segment("z", "AWS::DynamoDB::Table", parent_id="c", inferred=True, aws=call("c")["aws"])
    assert len(read(service(), invocation(subsegments=[call("c")]), copy).calls) == 1


def test_a_call_that_stands_in_two_documents_counts_once() -> None:
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c")}
    assert len(read(service(), invocation(subsegments=[call("c")]), streamed).calls) == 1


def test_a_finished_document_replaces_the_one_in_progress() -> None:
    reading = read(invocation(in_progress=True, subsegments=[call("c")]), invocation(), service())
    assert reading.complete
    assert reading.calls == []


def test_a_document_in_progress_with_none_to_replace_it_leaves_the_trace_incomplete() -> None:
    reading = read(invocation(in_progress=True, subsegments=[call("c")]), service())
    assert not reading.complete
    assert len(reading.calls) == 1


def test_a_function_that_was_only_asked_to_run_did_not_run() -> None:
    assert not read(service()).workloads[F].ran
    assert read(service(), invocation()).workloads[F].ran


def test_truncated_and_unreadable_traces_are_incomplete() -> None:
    assert not read(service(), truncated=True).complete
    broken = read(service(), "{")
    assert (broken.complete, broken.unreadable_documents) == (False, 1)


def test_a_plain_request_to_aws_is_a_call_of_an_unknown_operation() -> None:
    url = "https://bucket.s3.us-east-1.amazonaws.com/key"
    request = {"id": "r", "name": "s3", "namespace": "remote", "http": {"request": {"url": url}}}
    (seen,) = read(service(), invocation(subsegments=[request])).calls
    assert (seen.call.service, seen.call.operation) == ("bucket.s3.us-east-1.amazonaws.com", "")


def test_the_request_of_an_instrumented_client_is_no_second_call() -> None:
    request = {
        "id": "r",
        "namespace": "remote",
        "http": {"request": {"url": "https://dynamodb.amazonaws.com"}},
    }
    assert len(read(service(), invocation(subsegments=[call("c", subsegments=[request])])).calls) == 1


def test_calls_that_a_call_made_count_too() -> None:
    token = call("t", "AssumeRole", name="STS", aws={"operation": "AssumeRole"})
    outer = call("c", subsegments=[{"id": "x", "name": "retry", "subsegments": [token]}])
    assert len(read(service(), invocation(subsegments=[outer])).calls) == 2


def test_a_part_whose_document_did_not_arrive_leaves_the_trace_incomplete() -> None:
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "lost", **call("c")}
    assert not read(service(), invocation(), streamed).complete


def test_a_segment_of_a_plain_server_below_the_function_is_not_the_function() -> None:
    custom = {"id": "u", "name": "my step"}
    server = segment("o", parent_id="u", subsegments=[call("c")])
    assert owners(service(), invocation(subsegments=[custom]), server) == [None]


def test_the_finished_copy_of_a_call_tells_how_it_ended() -> None:
    begun = call("c", in_progress=True, http={})
    ended = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c", error=True)}
    ended["http"] = {"response": {"status": 403}}
    (seen,) = read(service(), invocation(subsegments=[begun]), ended).calls
    assert seen.call.outcome is Outcome.DENIED


def test_attempts_are_no_runs() -> None:
    attempt = {"id": "x", "name": "Attempt #1"}
    assert not read(service(subsegments=[attempt])).workloads[F].ran


def test_a_function_started_when_its_own_document_says() -> None:
    late = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c", start_time=900.0)}
    assert read(service(), invocation(), late).workloads[F].start == 10.0


def failure(type_: str = "", message: str = "") -> dict[str, Any]:
    return {"exceptions": [{"id": "e", "type": type_, "message": message}]}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, Outcome.OK),
        ({"http": {}}, Outcome.OK),
        (
            {"error": True, "http": {"response": {"status": 404}}, "cause": failure("NoSuchKey")},
            Outcome.FAILED,
        ),
        ({"error": True, "fault": True, "http": {"response": {"status": 400}}}, Outcome.FAILED),
        ({"fault": True, "http": {"response": {"status": 500}}}, Outcome.FAILED),
        ({"throttle": True, "http": {"response": {"status": 429}}}, Outcome.FAILED),
        ({"error": True, "http": {"response": {"status": 403}}}, Outcome.DENIED),
        (
            {"error": True, "http": {"response": {"status": 403}}, "cause": failure("ClientError")},
            Outcome.DENIED,
        ),
        (
            {"error": True, "http": {"response": {"status": 400}}, "cause": failure("AccessDeniedException")},
            Outcome.DENIED,
        ),
        (
            {
                "error": True,
                "http": {"response": {"status": 400}},
                "cause": failure("X", "User: u is not authorized to perform: s3:GetObject"),
            },
            Outcome.DENIED,
        ),
        (
            {"error": True, "http": {"response": {"status": 403}}, "cause": failure("ExpiredToken")},
            Outcome.FAILED,
        ),
        (
            {"error": True, "http": {"response": {"status": 403}}, "cause": failure("InvalidObjectState")},
            Outcome.FAILED,
        ),
        ({"fault": True, "http": {}, "cause": failure("ParamValidationError")}, Outcome.NEVER_SENT),
        ({"fault": True, "http": {}, "cause": "53995c3f42cd8ad8"}, Outcome.NEVER_SENT),
    ],
)
def test_outcomes(how: dict[str, Any], expected: Outcome) -> None:
    (seen,) = read(service(), invocation(subsegments=[call("c", **how)])).calls
    assert seen.call.outcome is expected


@pytest.mark.parametrize(
    ("aws", "expected"),
    [
        ({"table_names": "dict_keys(['a', 'b'])"}, (("table_name", "a"), ("table_name", "b"))),
        ({"table_names": ["a"]}, (("table_name", "a"),)),
        ({"copy_source": "from/a/b.txt", "bucket": "to"}, (("bucket", "to"), ("copy_source", "from"))),
        ({"copy_source": "/from/a?versionId=1"}, (("copy_source", "from"),)),
        ({"copy_source": {"Bucket": "from", "Key": "k"}}, (("copy_source", "from"),)),
        ({"bucket_name": "b", "key": "k", "version_id": "v"}, (("bucket_name", "b"), ("version_id", "*"))),
        ({"resource_names": ["t"]}, (("resource_name", "t"),)),
        ({"table_name": "t", "resource_names": ["t"]}, (("table_name", "t"),)),
        ({"table_name": 7, "message_id": "m", "consumed_capacity": {}}, ()),
    ],
)
def test_only_what_names_a_resource_is_kept(aws: dict[str, Any], expected: Any) -> None:
    (seen,) = read(invocation(subsegments=[call("c", aws=aws)])).calls
    assert seen.call.parameters == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "namespace",
                    "aws",
                    "subsegments",
                    "http",
                    "response",
                    "status",
                    "cause",
                    "exceptions",
                    "parent_id",
                    "origin",
                    "resource_arn",
                    "function_arn",
                    "operation",
                    "region",
                    "in_progress",
                    "inferred",
                    "start_time",
                    "table_name",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4))
def test_no_document_however_odd_stops_the_reading(documents: list[Any]) -> None:
    texts = [
        orjson.dumps(d, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")
        for d in documents
        if _fits(d)
    ]
    reading = read_trace(Trace("1-5-5", tuple(texts)))
    assert reading.documents == len(texts)


def _fits(document: Any) -> bool:
    try:
        orjson.dumps(document)
    except (TypeError, orjson.JSONEncodeError):
        return False
    return True
