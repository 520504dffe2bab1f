"""What OpenTelemetry leaves in segment documents: resources, workloads, calls that are written twice."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.mapping.permissions import required_permissions
from scanner.model import Need, Unmapped
from tests.unit.traces.segments import F, G, invocation, owners, read, segment, service

_OTEL = {
    "xray": {"sdk": "opentelemetry for python", "auto_instrumentation": True},
    "account_id": "123456789012",
}
_RESOURCE = {
    "otel.resource.cloud.resource_id": F,
    "otel.resource.faas.version": "5",
    "otel.resource.service.name": "f",
}
_ECS = {
    "container": "web",
    "task_arn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/158d1c80",
    "task_family": "api",
    "cluster_arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop",
}


def otel(id_: str = "o", metadata: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A document that the collector made of a span, or of a process."""
    return segment(id_, **{"aws": _OTEL, "metadata": {"default": metadata or {}}, **more})


def called(name: str, operation: str, id_: str = "c", parent: str = "o", **attributes: Any) -> dict[str, Any]:
    """The document of a call, as the collector makes it of a span."""
    default = {"rpc.system": "aws-api", "rpc.service": name} | {
        key.replace("__", "."): value for key, value in attributes.items()
    }
    aws = {**_OTEL, "operation": operation, "region": "us-east-1"}
    part = otel(id_, default, name=name, namespace="aws", type="subsegment", parent_id=parent, aws=aws)
    return {**part, "http": {"response": {"status": 200}}}


def needs(document: dict[str, Any]) -> tuple[Need, ...]:
    (observed,) = read(otel("o", _RESOURCE), document).calls
    mapped = required_permissions(observed.call)
    assert not isinstance(mapped, Unmapped)
    return mapped


@pytest.mark.parametrize(
    ("document", "resource"),
    [
        (called("S3", "GetObject", aws__s3__bucket="b"), "arn:aws:s3:::b/*"),
        (called("Kinesis", "PutRecord", aws__kinesis__stream_name="s"), ":stream/s"),
        (
            called("SNS", "Publish", aws__sns__topic__arn="arn:aws:sns:us-east-1:123456789012:t"),
            "arn:aws:sns:us-east-1:123456789012:t",
        ),
        (called("Lambda", "Invoke", faas__invoked_name="g") | {"name": "g"}, ":function:g"),
        (
            called("Lambda", "Invoke", faas__invoked_name=G + ":live", aws__lambda__function__name="live")
            | {"name": "live"},
            G + ":live",
        ),
    ],
)
def test_resources_in_attributes_are_exact(document: dict[str, Any], resource: str) -> None:
    required = [need.permission for need in needs(document) if need.required]
    assert [(permission.resource.endswith(resource), permission.exact) for permission in required] == [
        (True, True)
    ]


def test_the_name_that_a_summary_gives_an_alias_is_no_function() -> None:
    document = called("Lambda", "Invoke", faas__invoked_name=G + ":live", aws__remote__service="live")
    resources = [need.permission.resource for need in needs(document | {"name": "live"})]
    assert not [resource for resource in resources if resource.endswith("function:live")]


def test_what_was_indexed_is_read_too() -> None:
    document = called("S3", "GetObject") | {"annotations": {"aws_s3_bucket": "b"}}
    assert any(need.permission.resource == "arn:aws:s3:::b/*" for need in needs(document))


def test_what_go_calls_the_system_now_is_a_call() -> None:
    attributes = {
        "rpc.system.name": "aws-api",
        "rpc.method": "DynamoDB/GetItem",
        "aws.dynamodb.table_names": ["t"],
    }
    document = otel("c", attributes, name="DynamoDB/GetItem", type="subsegment", parent_id="o")
    (observed,) = read(otel("o", _RESOURCE), document).calls
    call = observed.call
    assert (call.service, call.operation, call.parameters) == ("DynamoDB", "GetItem", (("table_name", "t"),))


def test_a_call_that_is_its_own_root_counts_once() -> None:
    double = otel("o", {**_RESOURCE, "rpc.system": "aws-api", "rpc.method": "GetObject"}, name="f")
    reading = read(double, called("S3", "GetObject"))
    assert [observed.call.workload for observed in reading.calls] == [F]


def test_the_resource_of_a_document_names_the_function_and_its_version() -> None:
    reading = read(otel("o", _RESOURCE), called("S3", "GetObject"))
    assert [observed.call.workload for observed in reading.calls] == [F]
    assert (reading.workloads[F].version, reading.workloads[F].auto_instrumented) == ("5", True)


@pytest.mark.parametrize(
    ("aws", "key"),
    [
        ({"ecs": _ECS}, "ecs:shop/api@123456789012/eu-west-1"),
        ({"ecs": _ECS, "ec2": {"instance_id": "3d1219c7f6d04b8f"}}, "ecs:shop/api@123456789012/eu-west-1"),
        (
            {"ec2": {"instance_id": "i-0abc1234def567890", "availability_zone": "eu-west-1b"}},
            "ec2:?/f@123456789012/eu-west-1",
        ),
        ({"eks": {"cluster_name": "prod", "pod": "api-1"}}, "eks:prod/?/f@123456789012/"),
        ({"ec2": {"instance_id": "3d1219c7f6d04b8f"}}, "other:f@123456789012/"),
        ({"ecs": {"container": "7f3a"}}, "other:f@123456789012/"),
    ],
)
def test_where_code_runs_names_the_workload(aws: dict[str, Any], key: str) -> None:
    process = otel("o", {}, aws={**_OTEL, **aws})
    assert owners(
        process, called("S3", "GetObject") | {"aws": {**_OTEL, **aws, "operation": "GetObject"}}
    ) == [key]


def test_documents_of_the_xray_sdk_are_read_as_before() -> None:
    plain = invocation(
        subsegments=[{**called("S3", "GetObject"), "type": None}], metadata={"default": {"x": {"y": 1}}}
    )
    assert owners(service(), plain) == [F]


def test_calls_under_other_credentials_are_counted_apart() -> None:
    key = "aws.auth.account.access_key"
    calls = [
        called("S3", "GetObject", f"c{number}", aws__s3__bucket="b", **{key: secret})
        | {"start_time": 10.0 + number}
        for number, secret in enumerate("AABA")
    ]
    reading = read(otel("o", _RESOURCE), *calls)
    assert (len(reading.calls), reading.other_credentials) == (3, {F: 1})


def test_the_role_that_a_refusal_names_is_a_hint() -> None:
    message = (
        "User: arn:aws:sts::123456789012:assumed-role/f-role/f is not authorized to perform: s3:GetObject"
    )
    denied = called("S3", "GetObject") | {
        "error": True,
        "cause": {"exceptions": [{"type": "AccessDenied", "message": message}]},
    }
    assert read(otel("o", _RESOURCE), denied).workloads[F].hints.denied_role == "f-role"
