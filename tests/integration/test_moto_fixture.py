"""The moto server does what the integration tests rely on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import Call, lambda_trace

READING = [
    "xray:GetTraceSummaries",
    "xray:BatchGetTraces",
    "lambda:GetFunctionConfiguration",
    "iam:GetRolePolicy",
    "iam:GetPolicy",
]


def policy(*actions: str) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"},
    }


def status(action: Callable[[], object]) -> int:
    try:
        action()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 200


def test_seeding_and_enforcing(aws: MotoAws) -> None:
    aws.reset()
    own = aws.create_policy("own", policy("s3:GetObject"))
    role = aws.create_role(
        "worker", {"calls": policy("dynamodb:GetItem")}, [own, "AWSXRayDaemonWriteAccess"], path="/team/"
    )
    arn = aws.create_function("worker", role)
    call = Call("DynamoDB", "GetItem", {"table_name": "notes"})
    now = time.time()
    trace = lambda_trace(arn, [call], now - 60)
    aws.put_traces([trace])
    allowed, refused = aws.create_user_with(READING), aws.create_user_with([])
    window = {
        "StartTime": datetime.fromtimestamp(now - 600, UTC),
        "EndTime": datetime.fromtimestamp(now, UTC),
    }

    def actions(key: str, secret: str) -> list[Callable[[], object]]:
        iam, xray = aws.client("iam", key, secret), aws.client("xray", key, secret)
        functions = aws.client("lambda", key, secret)
        return [
            lambda: xray.get_trace_summaries(**window),
            lambda: xray.batch_get_traces(TraceIds=[trace["Id"]]),
            lambda: functions.get_function_configuration(FunctionName=arn),
            lambda: iam.get_role_policy(RoleName="worker", PolicyName="calls"),
            lambda: iam.get_policy(PolicyArn=own),
            lambda: iam.list_attached_role_policies(RoleName="worker"),  # nobody was given this
        ]

    with aws.enforce_iam():
        assert [status(action) for action in actions(*allowed)] == [200] * 5 + [403]
        assert [status(action) for action in actions(*refused)] == [403] * 6
    assert [status(action) for action in actions(*refused)] == [200] * 6, "enforcing has ended"

    assert aws.client("lambda").get_function_configuration(FunctionName=arn)["Role"] == role
    documents = aws.client("xray").batch_get_traces(TraceIds=[trace["Id"]])["Traces"][0]["Segments"]
    assert sorted(d["Document"] for d in documents) == sorted(d["Document"] for d in trace["Segments"])
