"""A Lambda function that is instrumented with the real aws-xray-sdk; a process of its own runs it.

The environment is Lambda's: LAMBDA_TASK_ROOT, _X_AMZN_TRACE_ID, AWS_XRAY_DAEMON_ADDRESS. The SDK sends its
subsegments to that address by UDP. Refused and failed calls are part of the program.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

import boto3
from aws_xray_sdk.core import patch, xray_recorder
from botocore.exceptions import ClientError


def handler() -> None:
    """Use a table, a bucket, a queue, a topic and another function."""
    names = json.loads(os.environ["RESOURCES"])
    table = boto3.client("dynamodb")
    table.put_item(TableName=names["table"], Item={"id": {"S": "1"}})
    table.get_item(TableName=names["table"], Key={"id": {"S": "1"}})
    table.batch_get_item(RequestItems={names["table"]: {"Keys": [{"id": {"S": "1"}}]}})
    bucket = boto3.client("s3")
    bucket.put_object(Bucket=names["bucket"], Key="in/a b/ü.txt", Body=b"x")
    bucket.get_object(Bucket=names["bucket"], Key="in/a b/ü.txt")
    boto3.client("sqs").send_message(QueueUrl=names["queue"], MessageBody="x")
    boto3.client("sns").publish(TopicArn=names["topic"], Message="x")
    boto3.client("lambda").invoke(FunctionName=names["function"], InvocationType="Event", Payload=b"{}")
    boto3.client("sts").get_caller_identity()
    with xray_recorder.in_subsegment("what may go wrong"):
        failing(lambda: bucket.get_object(Bucket=names["bucket"], Key="in/missing"))
        failing(lambda: table.delete_item(TableName=names["table"], Key={"id": {"S": "1"}}))
        failing(lambda: bucket.list_objects_v2(Bucket=names["bucket"]))


def failing(call: Callable[[], Any]) -> None:
    """Make a call that is allowed to fail."""
    with contextlib.suppress(ClientError):
        call()


if __name__ == "__main__":
    patch(["botocore"])
    handler()
