"""A service's name, however an instrumentation spells it -> its IAM prefix."""

from __future__ import annotations

import pytest

from scanner.mapping.permissions import required_permissions
from scanner.mapping.services import prefix_of
from scanner.model import Call, Outcome, Unmapped


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("S3", "s3"),
        ("Amazon S3", "s3"),
        ("AWS.SDK.S3", "s3"),
        ("AWSSDK.S3", "s3"),
        ("AWS::S3", "s3"),
        ("aws.s3", "s3"),
        ("S3Client", "s3"),
        ("AmazonS3Client", "s3"),
        ("S3AsyncClient", "s3"),
        ("Aws::S3::Client", "s3"),
        ("@aws-sdk/client-s3", "s3"),
        ("boto3.s3", "s3"),
        ("LambdaClient", "lambda"),
        ("AWSLambdaClient", "lambda"),
        ("DynamoDBClient", "dynamodb"),
        ("DynamoDbAsyncClient", "dynamodb"),
        ("com.amazonaws.services.dynamodbv2.AmazonDynamoDBClient", "dynamodb"),
        ("software.amazon.awssdk.services.dynamodb", "dynamodb"),
        ("github.com/aws/aws-sdk-go-v2/service/dynamodb", "dynamodb"),
        ("AmazonSimpleNotificationServiceClient", "sns"),
        ("CloudWatchLogsClient", "logs"),
        ("SFNClient", "states"),
        ("TranscribeStreamingClient", "transcribe"),
        ("ThinClient", "thinclient"),
        ("AWS", None),
        ("AWS SDK", None),
        ("client", None),
        ("sdk", None),
        ("", None),
        ("orders", None),
        ("orders.Config", None),
    ],
)
def test_names_of_services(name: str, prefix: str | None) -> None:
    assert prefix_of(name) == prefix


@pytest.mark.parametrize("name", ["notify", "events", "S3Client", "EmailClient"])
def test_a_function_may_be_named_like_a_service(name: str) -> None:
    call = Call(None, name, "Invoke", (), region="us-east-1", account="1" * 12, outcome=Outcome.OK)
    needs = required_permissions(call)
    assert not isinstance(needs, Unmapped)
    named = f"arn:aws:lambda:us-east-1:{'1' * 12}:function:{name}"
    assert next(n.permission.resource for n in needs).startswith(named)


@pytest.mark.parametrize("name", ["Lambda", "LambdaClient", "AWS.SDK.Lambda"])
def test_the_lambda_service_is_no_function(name: str) -> None:
    parameters = (("function_name", "g"),)
    call = Call(None, name, "Invoke", parameters, region="us-east-1", account="1" * 12, outcome=Outcome.OK)
    needs = required_permissions(call)
    assert not isinstance(needs, Unmapped)
    assert [need.permission.resource for need in needs if need.required] == [
        f"arn:aws:lambda:us-east-1:{'1' * 12}:function:g"
    ]


@pytest.mark.parametrize("service", ["S3.GetObject", "AWS.SDK.S3.GetObject", "com.amazonaws.s3.GetObject"])
def test_the_operation_may_stand_behind_the_service(service: str) -> None:
    needs = required_permissions(Call("f", service, "GetObject", (), "us-east-1", "", Outcome.OK))
    assert not isinstance(needs, Unmapped)
    assert "s3:GetObject" in {need.permission.action for need in needs}


def test_an_operation_behind_an_unknown_service_is_unmapped() -> None:
    needs = required_permissions(Call("f", "Shop.GetObject", "GetObject", (), "us-east-1", "", Outcome.OK))
    assert isinstance(needs, Unmapped)
