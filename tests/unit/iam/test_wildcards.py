"""Wildcards that are no excess."""

from __future__ import annotations

import pytest

from scanner.iam import arns
from scanner.iam.wildcards import ends_with_a_secrets_name
from tests.unit.cases import arn

SECRET = arn("secretsmanager", "secret:prod")


@pytest.mark.parametrize(
    ("resource", "wide"),
    [
        # what a type needs
        (SECRET + "-??????", False),
        (arn("logs", "log-group:/app/x:*"), False),
        (arn("logs", "log-group:/app/x:log-stream:*"), False),
        (arn("lambda", "function:f:*"), False),
        (arn("dynamodb", "table/t/index/*"), False),
        # what comes and goes
        (arn("execute-api", "abc123/prod/POST/@connections/*"), False),
        (arn("execute-api", "abc123/*/*/@connections/*"), False),
        (arn("execute-api", "abc123/*"), False),
        (arn("iot", "topic/devices/*"), False),
        (arn("iot", "topic/devices/*/state"), False),
        (arn("iot", "topicfilter/devices/*"), False),
        (arn("states", "execution:flow:*"), False),
        (arn("states", "express:flow:*:*"), False),
        (arn("scheduler", "schedule/default/*"), False),
        (arn("scheduler", "schedule/group/reminder-*"), False),
        (arn("batch", "job/*"), False),
        (arn("sagemaker", "training-job/*"), False),
        (arn("ssm", "session/*"), False),
        (arn("athena", "workgroup/w/session/*"), False),
        (arn("dynamodb", "table/t/backup/*"), False),
        # an identifier that AWS makes
        (arn("cloudformation", "stack/s/*"), False),
        (arn("events", "connection/c/*"), False),
        (arn("kafka", "cluster/c/*"), False),
        (arn("lambda", "layer:l:*"), False),
        # region and account
        (arn("sqs", "q", region="*", account="*"), False),
        # all of these, and more than one
        (SECRET + "-*", True),
        (arn("execute-api", "*"), True),
        (arn("execute-api", "*/prod/POST/@connections/*"), True),
        (arn("iot", "topic/*"), True),
        (arn("states", "execution:*"), True),
        (arn("states", "execution:flow-*:*"), True),
        (arn("scheduler", "schedule/*"), True),
        (arn("scheduler", "schedule/*/reminder-*"), True),
        (arn("scheduler", "schedule-group/*"), True),
        (arn("cloudformation", "stack/s*/*"), True),
        (arn("cloudformation", "stack/*"), True),
        (arn("dynamodb", "table/*/backup/*"), True),
        (arn("lambda", "function:f*"), True),
        ("*", True),
    ],
)
def test_whether_a_resource_is_wider_than_one(resource: str, wide: bool) -> None:
    assert arns.is_wide(resource) is wide


@pytest.mark.parametrize(
    ("pattern", "used", "ends"),
    [
        (SECRET + "-*", SECRET + "-??????", True),
        (SECRET + "-*", SECRET + "-AbC123", True),
        (arn("secretsmanager", "secret:prod-*", region="*"), SECRET + "-??????", True),
        (SECRET + "-*", SECRET + "-db-??????", False),
        (SECRET + "-*", SECRET, False),
        (SECRET + "*", SECRET + "-??????", False),
        (SECRET + "-*", arn("ssm", "parameter/prod-AbC123"), False),
    ],
)
def test_a_secrets_name_ends_before_its_suffix(pattern: str, used: str, ends: bool) -> None:
    assert ends_with_a_secrets_name(pattern, used) is ends
