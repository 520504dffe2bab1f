"""A node of a document -> a call: what it called, with which parameters, and how it ended."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from scanner.mapping.permissions import required_permissions
from scanner.model import Outcome, Unmapped
from tests.unit.traces.segments import F, G, call, invocation, read, segment, service


def test_a_plain_request_to_aws_is_a_call_of_an_unknown_operation() -> None:
    url = "https://bucket.s3.us-east-1.amazonaws.com/key"
    request = {"id": "r", "name": "s3", "namespace": "remote", "http": {"request": {"url": url}}}
    (observed,) = read(service(), invocation(subsegments=[request])).calls
    assert (observed.call.service, observed.call.operation) == ("bucket.s3.us-east-1.amazonaws.com", "")


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
    (observed,) = read(service(), invocation(subsegments=[call("c", **how)])).calls
    assert observed.call.outcome is expected


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
    (observed,) = read(invocation(subsegments=[call("c", aws=aws)])).calls
    assert observed.call.parameters == expected


# --- what is a call --------------------------------------------------------------------------------


def spelled(namespace: str | None = None, **more: Any) -> dict[str, Any]:
    """A call whose namespace is missing, or another one."""
    node = {**call("c"), **more, "namespace": namespace}
    return {key: value for key, value in node.items() if value is not None}


@pytest.mark.parametrize("namespace", [None, "remote", "aws", "AWS", "", "local"])
def test_what_names_an_operation_is_a_call_whatever_its_namespace(namespace: str | None) -> None:
    (observed,) = read(service(), invocation(subsegments=[spelled(namespace)])).calls
    assert (observed.call.workload, observed.call.operation) == (F, "GetItem")


@pytest.mark.parametrize(
    "more",
    [
        {"inferred": True},
        {"inferred": True, "namespace": "aws"},
        {"metadata": {"default": {"rpc.system": "grpc"}}},
        {"annotations": {"rpc_system": "grpc"}},
        {"aws": {"operation": ""}},
        {"aws": {"region": "us-east-1"}},
        {"aws": None},
    ],
)
def test_a_copy_and_a_call_of_another_system_are_none(more: dict[str, Any]) -> None:
    assert read(service(), invocation(subsegments=[{**spelled(), **more}])).calls == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"origin": "AWS::DynamoDB::Table"}, 0),
        ({"origin": "AWS::S3"}, 0),
        ({"origin": "AWS::Lambda"}, 0),
        ({"origin": "AWS::ECS::Fargate"}, 1),
        ({"origin": "AWS::EC2::Instance"}, 1),
        ({}, 1),
    ],
)
def test_a_document_of_the_called_service_is_no_second_call(more: dict[str, Any], expected: int) -> None:
    document = {"trace_id": "1-5-5", "parent_id": "elsewhere", **spelled(), **more}
    assert len(read(document).calls) == expected


@pytest.mark.parametrize("origin", ["AWS::Lambda", "AWS::ApiGateway::Stage", "AWS::AppSync::GraphQLAPI"])
def test_steps_that_a_service_made_itself_are_no_calls(origin: str) -> None:
    document = segment("s", origin, subsegments=[spelled()])
    assert read(document).calls == []
    assert len(read(segment("s", origin, subsegments=[call("c")])).calls) == 1


def test_a_streamed_call_without_namespace_belongs_to_its_function() -> None:
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **spelled()}
    reading = read(service(), invocation(), streamed)
    assert [observed.call.workload for observed in reading.calls] == [F]
    assert reading.complete


def test_the_request_below_a_call_without_namespace_is_no_second_call() -> None:
    url = "https://dynamodb.us-east-1.amazonaws.com"
    request = {"id": "r", "namespace": "remote", "http": {"request": {"url": url}}}
    assert len(read(service(), invocation(subsegments=[spelled(subsegments=[request])])).calls) == 1


def test_a_call_in_progress_is_counted_once() -> None:
    begun = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **spelled(in_progress=True)}
    ended = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **spelled()}
    assert len(read(service(), invocation(), begun, ended).calls) == 1


def test_the_function_that_a_call_invoked_has_its_own_calls() -> None:
    invoke = {"id": "i", "name": "Lambda", "aws": {"operation": "Invoke", "function_name": "g"}}
    callee = [service(G, "x", parent_id="i"), invocation(G, "y", "x", subsegments=[spelled()])]
    reading = read(service(), invocation(subsegments=[invoke]), *callee)
    assert sorted(str(observed.call.workload) for observed in reading.calls) == [F, G]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"annotations": {"aws.remote.service": "AWS::S3", "aws.remote.operation": "GetObject"}},
            "GetObject",
        ),
        ({"metadata": {"default": {"rpc.system": "aws-api", "rpc.method": "PutObject"}}}, "PutObject"),
        ({"metadata": {"rpc.system": "aws-api", "rpc.method": "PutObject"}}, "PutObject"),
    ],
)
def test_opentelemetry_names_the_operation_elsewhere(more: dict[str, Any], expected: str) -> None:
    node = spelled("remote", aws={"region": "us-east-1"}, name="S3", **more)
    (observed,) = read(service(), invocation(subsegments=[node])).calls
    assert (observed.call.service, observed.call.operation) == ("S3", expected)


def remote(**more: Any) -> dict[str, Any]:
    return {"id": "r", "name": "S3", "namespace": "remote", **more}


@pytest.mark.parametrize(
    ("node", "service_name"),
    [
        (remote(annotations={"rpc.system": "aws-api", "rpc.service": "SQS"}), "SQS"),
        (remote(annotations={"rpc_system": "aws-api"}), "S3"),
        (remote(annotations={"rpc.service": "S3", "rpc.method": "GetObject"}), "S3"),
        (remote(annotations={"rpc_method": "GetObject"}), "S3"),
        (remote(annotations={"aws.remote.service": "AWS::DynamoDB"}), "DynamoDB"),
        (remote(annotations={"aws_remote_service": "AWS::New"}), "New"),
        (remote(metadata={"otel": {"rpc.system": "aws-api", "rpc.method": "GetObject"}}), "S3"),
        (remote(metadata={"default": {"aws.request_id": "r"}}), "S3"),
        (remote(metadata={"aws.requestId": "r"}), "S3"),
        (remote(metadata={"default": {"aws.dynamodb.table_names": ["t"]}}, name="orders"), "orders"),
        (remote(annotations={"aws.table.name": "t"}), "S3"),
        (remote(annotations={"aws.s3.bucket": "b"}), "S3"),
        (remote(annotations={"aws.service": "S3", "aws.operation": "GetObject"}), "S3"),
        (remote(aws={"table_name": "t"}), "S3"),
        (remote(aws={"request_id": "r", "xray": {}}), "S3"),
        (remote(aws={"region": "us-east-1"}, name="?"), "?"),
    ],
)
def test_a_remote_request_with_signs_of_a_client_cannot_be_mapped(
    node: dict[str, Any], service_name: str
) -> None:
    (observed,) = read(service(), invocation(subsegments=[node])).calls
    assert (observed.call.workload, observed.call.service, observed.call.operation) == (F, service_name, "")
    assert isinstance(required_permissions(observed.call), Unmapped)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"annotations": {"rpc.system": "grpc", "rpc.service": "S3", "rpc.method": "Get"}},
        {"annotations": {"rpc.service": "routeguide.RouteGuide", "rpc.method": "Get"}, "name": "routes"},
        {"annotations": {"aws.remote.service": "example.com:443", "aws.remote.operation": "GET /"}},
        {"annotations": {"aws.local.service": "f", "aws.span.kind": "CLIENT", "aws.local.operation": "x"}},
        {"metadata": {"default": {"aws.ecs.cluster.arn": "a", "aws.log.group.names": "g"}}},
        {"metadata": {"default": {"otel.resource.aws.ecs.task.arn": "a"}}},
        {"aws": {"xray": {"sdk": "X-Ray"}, "account_id": "1", "ecs": {}, "function_arn": F}},
        {"aws": "text", "annotations": ["x"], "metadata": 5},
        {"inferred": True, "aws": {"table_name": "t"}},
        {"origin": "AWS::DynamoDB::Table", "aws": {"table_name": "t"}},
        {"namespace": "local", "annotations": {"aws_request_id": "r"}},
        {"http": {"request": {"url": "https://example.com/"}}, "annotations": {"user": "u"}},
    ],
)
def test_a_remote_request_without_such_signs_is_no_doubt(more: dict[str, Any]) -> None:
    assert read(service(), invocation(subsegments=[{**remote(), **more}])).calls == []


def test_the_request_below_a_call_is_no_doubt() -> None:
    request = remote(annotations={"rpc.service": "S3"})
    assert len(read(service(), invocation(subsegments=[call("c", subsegments=[request])])).calls) == 1


def test_a_call_that_names_no_service_is_not_dropped() -> None:
    (observed,) = read(service(), invocation(subsegments=[spelled(name=None)])).calls
    assert isinstance(required_permissions(observed.call), Unmapped)


@pytest.mark.parametrize(
    "subsegments",
    [
        call("c"),
        {"0": call("c")},
        {"c": call("c"), "d": {}},
        {"subsegment": [call("c")]},
        [[call("c")]],
        [orjson.dumps(call("c")).decode()],
        orjson.dumps([call("c")]).decode(),
        {"only": {"id": "h", "name": "handler", "subsegments": {"c": call("c")}}},
    ],
)
def test_subsegments_in_other_shapes_than_a_list(subsegments: Any) -> None:
    assert len(read(service(), invocation(subsegments=subsegments)).calls) == 1


@pytest.mark.parametrize("subsegments", [None, {}, [], "", "{", 5, [None, 5, "x"], {"a": 5}])
def test_what_holds_no_subsegments(subsegments: Any) -> None:
    assert read(service(), invocation(subsegments=subsegments)).calls == []
