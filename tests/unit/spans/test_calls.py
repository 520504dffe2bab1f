"""The call that a span shows."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.mapping.permissions import required_permissions
from scanner.model import Outcome, Unmapped
from scanner.spans.aliases import aliases
from scanner.spans.calls import denied_role, observed_call, outcome_of_span, service_and_operation
from scanner.spans.span import Span
from scanner.text.tables import rows
from tests.unit.spans.spans import F, aws, call_of, span

_SNS = "arn:aws:sns:eu-west-1:123456789012:orders"
_FLOW = "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"
_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
_QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
_PLACE = {"aws__region": "eu-west-1", "aws__remote__resource__account__id": "123456789012"}
_EXACT: list[tuple[str, str, dict[str, Any], str]] = [
    ("S3", "GetObject", {"aws__s3__bucket": "b"}, "s3:GetObject arn:aws:s3:::b/*"),
    ("S3", "GetObject", {"aws__bucket__name": "b"}, "s3:GetObject arn:aws:s3:::b/*"),
    ("DynamoDB", "GetItem", {"aws__dynamodb__table_names": ["t"]}, "dynamodb:GetItem table/t"),
    ("DynamoDB", "GetItem", {"aws__dynamodb__table_names": '["t"]'}, "dynamodb:GetItem table/t"),
    ("DynamoDB", "GetItem", {"aws__dynamodb__table_names": "['t']"}, "dynamodb:GetItem table/t"),
    ("DynamoDB", "GetItem", {"aws__dynamodb__table_names__0": "t"}, "dynamodb:GetItem table/t"),
    ("DynamoDb", "GetItem", {"aws__table__name": "t"}, "dynamodb:GetItem table/t"),
    ("DynamoDB", "GetItem", {"db__name": "t"}, "dynamodb:GetItem table/t"),
    ("DynamoDB", "GetItem", {"db__namespace": "t"}, "dynamodb:GetItem table/t"),
    (
        "DynamoDB",
        "Query",
        {"aws__dynamodb__table_names": ["t"], "aws__dynamodb__index_name": "i"},
        "dynamodb:Query table/t/index/i",
    ),
    ("SQS", "SendMessage", {"aws__sqs__queue__url": _QUEUE}, "sqs:SendMessage orders"),
    ("SQS", "SendMessage", {"messaging__url": _QUEUE}, "sqs:SendMessage orders"),
    ("SQS", "SendMessage", {"url__full": _QUEUE}, "sqs:SendMessage orders"),
    ("SQS", "GetQueueUrl", {"aws__queue__name": "orders"}, "sqs:GetQueueUrl orders"),
    ("SNS", "Publish", {"aws__sns__topic__arn": _SNS}, "sns:Publish orders"),
    ("SNS", "Publish", {"messaging__destination__name": "orders"}, "sns:Publish orders"),
    ("Secrets Manager", "GetSecretValue", {"aws__secretsmanager__secret__arn": _SECRET}, _SECRET),
    ("Kinesis", "PutRecord", {"aws__kinesis__stream_name": "s"}, "kinesis:PutRecord stream/s"),
    ("Kinesis", "PutRecord", {"aws__stream__name": "s"}, "kinesis:PutRecord stream/s"),
    ("SFN", "StartExecution", {"aws__step_functions__state_machine__arn": _FLOW}, _FLOW),
    ("SFN", "StartExecution", {"aws__stepfunctions__state_machine__arn": _FLOW}, _FLOW),
    ("Lambda", "Invoke", {"faas__invoked_name": "orders"}, "lambda:InvokeFunction function:orders"),
    ("Lambda", "Invoke", {"faas__invoked_name": F + ":live"}, F + ":live"),
    (
        "Lambda",
        "Invoke",
        {"faas__invoked_name": "orders", "aws__lambda__function__name": "live"},
        "lambda:InvokeFunction function:orders:live",
    ),
    (
        "Bedrock Agent Runtime",
        "Retrieve",
        {"aws__bedrock__knowledge_base__id": "KB12345678"},
        "bedrock:Retrieve knowledge-base/KB12345678",
    ),
]


@pytest.mark.parametrize(("service", "method", "attributes", "expected"), _EXACT)
def test_a_resource_that_the_attributes_tell_is_exact(
    service: str, method: str, attributes: dict[str, Any], expected: str
) -> None:
    needs = required_permissions(call_of(aws(service, method, **attributes, **_PLACE)))
    assert not isinstance(needs, Unmapped)
    permissions = [need.permission for need in needs if need.required and need.permission.exact]
    action, _, resource = expected.rpartition(" ")
    assert any(
        permission.resource.endswith(resource) and permission.action.startswith(action)
        for permission in permissions
    ), needs


def test_what_go_calls_the_system_now_is_a_call_too() -> None:
    go = span(rpc__system__name="aws-api", rpc__method="DynamoDB/GetItem")
    assert service_and_operation(go) == ("DynamoDB", "GetItem")
    assert call_of(go).operation == "GetItem"


def test_the_address_of_go_is_the_queue() -> None:
    go = span(rpc__system__name="aws-api", rpc__method="SQS/SendMessage", server__address=_QUEUE)
    assert call_of(go).parameters == (("queue_url", _QUEUE),)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"rpc__service": "S3", "rpc__method": "GetObject"}, ("S3", "GetObject")),
        ({"rpc__service": "com.amazonaws/S3", "rpc__method": "S3/GetObject"}, ("S3", "GetObject")),
        ({"aws__service": "S3", "aws__operation": "GetObject"}, ("S3", "GetObject")),
        ({"aws__remote__service": "AWS::S3", "aws__remote__operation": "GetObject"}, ("S3", "GetObject")),
    ],
)
def test_service_and_operation_have_many_names(attributes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert service_and_operation(span(rpc__system="aws-api", **attributes)) == expected


def test_the_name_of_the_span_tells_where_nothing_else_does() -> None:
    named = span(rpc__system="aws-api")._replace(name="DynamoDB.GetItem")
    assert service_and_operation(named) == ("DynamoDB", "GetItem")


def test_the_second_span_of_a_queue_is_no_call() -> None:
    assert (
        observed_call(span(messaging__system="aws.sqs", messaging__url=_QUEUE, kind="producer"), None) is None
    )


def test_a_phone_number_is_never_a_parameter() -> None:
    for number in ("+491701234567", "491701234567", "phone_number:**"):
        call = call_of(aws("SNS", "Publish", messaging__destination__name=number))
        assert call.parameters == ()


def test_a_queue_url_keeps_nothing_but_the_queue() -> None:
    call = call_of(aws("SQS", "SendMessage", url__full=f"{_QUEUE}?X-Amz-Signature=abc#x"))
    assert call.parameters == (("queue_url", _QUEUE),)


_MESSAGE = (
    "User: arn:aws:sts::123456789012:assumed-role/orders-role/s is not authorized to perform: s3:GetObject"
)


@pytest.mark.parametrize(
    ("status", "http", "error_type", "message", "outcome"),
    [
        ("unset", 200, "", "", Outcome.OK),
        ("unset", None, "", "", Outcome.OK),
        ("ok", "200", "", "", Outcome.OK),
        ("error", 403, "botocore.errorfactory.AccessDenied", _MESSAGE, Outcome.DENIED),
        ("error", 400, "botocore.exceptions.ClientError", _MESSAGE, Outcome.DENIED),
        ("error", 400, "AccessDeniedException", "", Outcome.DENIED),
        ("error", "400", "", "ClientError: An error occurred (AccessDeniedException) when", Outcome.DENIED),
        (
            "error",
            403,
            "ClientError",
            "An error occurred (403) when calling HeadObject: Forbidden",
            Outcome.DENIED,
        ),
        ("error", 403, "Unknown", "UnknownError", Outcome.DENIED),
        ("error", 403, "software.amazon.awssdk.services.s3.model.S3Exception", "null", Outcome.DENIED),
        ("unset", 403, "", "", Outcome.DENIED),
        ("error", 403, "ExpiredToken", "The token has expired", Outcome.FAILED),
        ("error", 404, "ClientError", "Not Found", Outcome.FAILED),
        ("error", 400, "ThrottlingException", "Rate exceeded", Outcome.FAILED),
        ("error", None, "botocore.exceptions.ParamValidationError", "Invalid type", Outcome.NEVER_SENT),
    ],
)
def test_how_a_call_ended(status: Any, http: Any, error_type: str, message: str, outcome: Outcome) -> None:
    ended = aws(http__status_code=http)._replace(status=status, error_type=error_type, message=message)
    assert outcome_of_span(ended) is outcome


def test_the_role_that_a_refusal_names() -> None:
    assert denied_role(_MESSAGE) == "orders-role"
    assert denied_role("Forbidden") == ""


def test_every_alias_has_a_source_and_a_pattern_that_compiles() -> None:
    assert all(row["source"] and row["sdk"] for row in rows("spans", "aliases"))
    assert aliases()


def test_a_span_without_anything_is_no_call() -> None:
    assert observed_call(Span("t", "s"), None) is None
