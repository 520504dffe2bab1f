"""What AWS may check of the caller beside the actions of a call."""

from __future__ import annotations

import pytest

from scanner.mapping.acts_for_caller import acts_for_caller
from scanner.mapping.permissions import required_permissions
from scanner.model import Call, Certainty, Outcome, Unmapped
from tests.unit.cases import function_arn


def possible(service: str, operation: str, *parameters: tuple[str, str]) -> set[tuple[str, str]]:
    call = Call(function_arn("f"), service, operation, parameters, "us-east-1", "", Outcome.OK)
    needs = required_permissions(call)
    assert not isinstance(needs, Unmapped)
    return {need.permission[:2] for need in needs if need.certainty is Certainty.POSSIBLE}


@pytest.mark.parametrize(
    ("service", "operation", "actions"),
    [
        ("DynamoDB", "RestoreTableFromBackup", {"dynamodb:PutItem", "dynamodb:BatchWriteItem"}),
        ("DynamoDB", "RestoreTableToPointInTime", {"dynamodb:UpdateItem", "dynamodb:Scan"}),
        ("Auto Scaling", "CreateAutoScalingGroup", {"ec2:RunInstances", "iam:CreateServiceLinkedRole"}),
        ("Scheduler", "DeleteScheduleGroup", {"scheduler:DeleteSchedule"}),
        # what services do in others with the caller's rights, as their guides say
        ("EC2", "CopyImage", {"s3:CreateBucket", "s3:GetBucketAcl", "ec2:CreateTags"}),
        ("EC2", "CreateRestoreImageTask", {"ebs:StartSnapshot", "s3:ListBucket"}),
        ("EFS", "CreateMountTarget", {"ec2:CreateNetworkInterface", "ec2:DescribeSubnets"}),
        ("ServiceDiscovery", "RegisterInstance", {"route53:ChangeResourceRecordSets"}),
        ("Application Auto Scaling", "PutScalingPolicy", {"cloudwatch:PutMetricAlarm", "ecs:UpdateService"}),
        ("Bedrock Runtime", "Converse", {"aws-marketplace:Subscribe", "sagemaker:InvokeEndpoint"}),
        ("DynamoDB", "UpdateTable", {"dynamodb:CreateTableReplica", "dynamodb:PutItem"}),
        ("WAFV2", "PutLoggingConfiguration", {"logs:PutResourcePolicy", "s3:PutBucketPolicy"}),
        # tags of what is created
        ("IAM", "CreateRole", {"iam:TagRole"}),
        ("ECS", "RegisterTaskDefinition", {"ecs:TagResource"}),
        ("Batch", "SubmitJob", {"batch:TagResource"}),
        ("Scheduler", "CreateScheduleGroup", {"scheduler:TagResource"}),
        # clean-ups
        ("S3", "PutObject", {"s3:AbortMultipartUpload"}),
        ("S3", "CreateMultipartUpload", {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}),
        ("CloudWatch Logs", "StartQuery", {"logs:StopQuery"}),
    ],
)
def test_actions_beside_an_operation_are_possible(service: str, operation: str, actions: set[str]) -> None:
    assert {action for action, _ in possible(service, operation)} >= actions


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("DynamoDB", "PutItem"),
        ("SQS", "SendMessage"),
        ("Step Functions", "StartExecution"),
        ("ECS", "TagResource"),
    ],
)
def test_a_call_that_takes_no_tags_for_what_it_creates_needs_no_tagging(service: str, operation: str) -> None:
    actions = {action for action, _ in possible(service, operation)}
    assert not any(":Tag" in action or ":AddTags" in action for action in actions)


def test_a_restore_writes_into_a_table_that_the_call_need_not_name() -> None:
    needs = possible("DynamoDB", "RestoreTableFromBackup", ("table_name", "source"))
    assert ("dynamodb:PutItem", "*") in needs


@pytest.mark.parametrize(
    ("action", "acts"),
    [
        ("cloudformation:createstack", True),
        ("cloudformation:executechangeset", True),
        ("cloudformation:updateresource", True),
        ("servicecatalog:provisionproduct", True),
        ("ssm:startautomationexecution", True),
        ("cloudformation:describestacks", False),
        ("cloudformation:getresource", False),
        ("cloudformation:validatetemplate", False),
        ("ssm:sendcommand", False),
    ],
)
def test_operations_after_which_aws_acts_with_the_callers_rights(action: str, acts: bool) -> None:
    assert acts_for_caller(["dynamodb:getitem", action]) is acts
