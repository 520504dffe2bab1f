"""The call that a span shows."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.mapping.permissions import required_permissions
from scanner.model import Outcome, Unmapped
from scanner.spans.aliases import aliases
from scanner.spans.calls import (
    denied_role,
    observed_call,
    outcome_of_span,
    plain_request,
    service_and_operation,
)
from scanner.spans.kept import kept_attributes
from scanner.spans.span import Span
from scanner.text.tables import rows
from tests.unit.spans.spans import F, aws, call_of, dotted, span

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
    ("SQS", "SendMessage", {"net__peer__name": _QUEUE}, "sqs:SendMessage orders"),
    ("DynamoDB", "GetItem", {"aws__table_name": "t"}, "dynamodb:GetItem table/t"),
    (
        "S3",
        "CopyObject",
        {"aws__s3__bucket": "b", "aws__s3__copy_source": "src/k"},
        "s3:GetObject arn:aws:s3:::src/*",
    ),
    ("SNS", "Publish", {"messaging__destination": "orders"}, "sns:Publish orders"),
    (
        "Bedrock Agent Runtime",
        "Retrieve",
        {"aws__bedrock__knowledgebase__id": "KB12345678"},
        "bedrock:Retrieve knowledge-base/KB12345678",
    ),
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
    kept = kept_attributes(dotted({**attributes, **_PLACE}))
    needs = required_permissions(call_of(aws(service, method, **kept)))
    assert not isinstance(needs, Unmapped)
    permissions = [need.permission for need in needs if need.required and need.permission.exact]
    action, _, resource = expected.rpartition(" ")
    assert any(
        permission.resource.endswith(resource) and permission.action.startswith(action)
        for permission in permissions
    ), needs


@pytest.mark.parametrize("name", ["messaging__destination__name", "messaging__destination"])
def test_a_topic_without_its_arn_may_be_of_any_account(name: str) -> None:
    """Go and Ruby leave what follows the last colon of the ARN."""
    call = call_of(aws("SNS", "Publish", aws__region="eu-west-1", **{name: "orders"}))
    needs = required_permissions(call._replace(workload=F))
    assert not isinstance(needs, Unmapped)
    permission = needs[0].permission
    assert (permission.resource, permission.exact) == ("arn:aws:sns:eu-west-1:*:orders", False)


def test_what_ruby_calls_a_message_to_a_phone_is_no_topic() -> None:
    assert call_of(aws("SNS", "Publish", messaging__destination="phone_number")).parameters == ()


def test_a_name_that_was_cut_is_none() -> None:
    kept = kept_attributes({"aws.s3.bucket": "b" * 5000})
    assert call_of(aws("S3", "GetObject", **kept)).parameters == ()


def test_the_key_of_a_copied_object_is_never_kept() -> None:
    source = "arn%3Aaws%3As3%3Aeu-west-1%3A123456789012%3Aaccesspoint/ap/object/secret"
    kept = kept_attributes({"aws.s3.copy_source": source})
    assert kept == {"aws.s3.copy_source": "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap"}


def test_before_there_was_a_system_service_and_operation_made_a_call() -> None:
    net = span(aws__service="DynamoDB", aws__operation="GetItem", aws__table_name="t")
    assert (call_of(net).operation, call_of(net).parameters) == ("GetItem", (("table_name", "t"),))
    assert observed_call(span(aws__operation="GetItem"), None) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"http__host": "dynamodb.eu-west-1.amazonaws.com:443"},
        {"server__address": "dynamodb.eu-west-1.amazonaws.com"},
        {"net__peer__name": "https://dynamodb.eu-west-1.amazonaws.com/"},
        {"url__full": "https://dynamodb.eu-west-1.amazonaws.com:8443/x?y"},
    ],
)
def test_a_request_to_aws_is_known_by_its_host(attributes: dict[str, Any]) -> None:
    request = plain_request(span(http__method="POST", **attributes), None)
    assert request is not None
    assert request.call.service == "dynamodb.eu-west-1.amazonaws.com"


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


_GO_FORBIDDEN = (
    "operation error S3: HeadObject, https response error StatusCode: 403, RequestID: X, "
    "api error Forbidden: Forbidden"
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
        ("error", 403, "*smithy.OperationError", _GO_FORBIDDEN, Outcome.DENIED),
        ("error", None, "", _GO_FORBIDDEN, Outcome.DENIED),
        (
            "error",
            None,
            "",
            "operation error SQS: SendMessage, https response error StatusCode: 400, x: slow",
            Outcome.FAILED,
        ),
        (
            "error",
            None,
            "",
            "operation error S3: GetObject, get identity: no IMDS role found",
            Outcome.NEVER_SENT,
        ),
        (
            "error",
            None,
            "Aws\\S3\\Exception\\S3Exception",
            "Client error: `HEAD https://b` resulted in a `403 Forbidden` response",
            Outcome.DENIED,
        ),
        ("error", 403, "Aws::S3::Errors::Forbidden", "", Outcome.DENIED),
        ("error", 403, "Amazon.S3.AmazonS3Exception", "Forbidden", Outcome.DENIED),
        (
            "error",
            403,
            "com.amazonaws.services.s3.model.AmazonS3Exception",
            "Forbidden (Service: Amazon S3; Status Code: 403; Error Code: 403 Forbidden; Request ID: X)",
            Outcome.DENIED,
        ),
        (
            "error",
            403,
            "software.amazon.awssdk.services.s3.model.S3Exception",
            "The provided token has expired. (Service: S3, Status Code: 403, Request ID: X)",
            Outcome.FAILED,
        ),
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
