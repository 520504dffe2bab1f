"""Patterns of actions are judged action by action, and as dangerous as what is not needed of them."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Used
from tests.unit.cases import (
    NOW,
    allow,
    arn,
    compared,
    only,
    outcomes,
    policy,
    statements_of,
    table,
    usage,
    used,
)

OBJECTS = "arn:aws:s3:::b/*"
LIST = used(("s3:ListAllMyBuckets", "*"))
KEY = arn("kms", "key/1")


def assessed(statement: dict[str, Any], seen: Any) -> Any:
    (item,) = compared([policy(statement)], [seen]).assessments
    return item


@pytest.mark.parametrize(
    ("statement", "seen", "excess", "kept"),
    [
        (
            allow("s3:*"),
            usage(LIST),
            {"s3:deletebucket", "s3:putbucketpolicy"},
            {"s3:GetObject", "s3:PutObject"},
        ),
        (allow("ssm:*"), usage(services=["ssm"]), {"ssm:putparameter"}, {"ssm:GetParameter"}),
        (allow("iam:*"), usage(services=["iam"]), {"iam:createuser"}, {"iam:PassRole"}),
        (
            allow("kms:*", KEY),
            usage(services=["kms"]),
            {"kms:putkeypolicy"},
            {"kms:Decrypt", "kms:CreateGrant"},
        ),
    ],
)
def test_doubtful_actions_stay_and_only_these(
    statement: dict[str, Any], seen: Any, excess: set[str], kept: set[str]
) -> None:
    result = compared([policy(statement)], [seen])
    assert outcomes(result) == [("broad", ())]
    (item,) = result.assessments
    assert excess <= item.excess
    assert item.excess.isdisjoint(action.lower() for action in kept)
    stays = {action for s in statements_of(result) for action in s["Action"]}
    assert kept <= stays
    assert item.excess.isdisjoint(action.lower() for action in stays)
    assert not any("*" in action for action in stays)


@pytest.mark.parametrize(
    ("service", "data_plane"),
    [
        ("healthlake", ["healthlake:ReadResource", "healthlake:SearchWithPost"]),
        ("medical-imaging", ["medical-imaging:GetDICOMInstance"]),
        ("kinesisvideo", ["kinesisvideo:ConnectAsViewer", "kinesisvideo:PutMedia"]),
        ("transcribe", ["transcribe:StartStreamTranscriptionWebSocket"]),
        ("codecommit", ["codecommit:GitPull", "codecommit:GitPush"]),
        ("codeartifact", ["codeartifact:ReadFromRepository"]),
        ("mediapackagev2", ["mediapackagev2:GetObject"]),
        ("s3tables", ["s3tables:GetTableData", "s3tables:PutTableData"]),
        ("osis", ["osis:Ingest"]),
        ("aps", ["aps:RemoteWrite", "aps:ListAlertManagerAlerts"]),
        ("bedrock-agentcore", ["bedrock-agentcore:InvokeGateway"]),
        ("sagemaker", ["sagemaker:CallMlflowAppApi"]),
        ("emr-serverless", ["emr-serverless:AccessLivyEndpoints"]),
        ("ec2-instance-connect", ["ec2-instance-connect:OpenTunnel"]),
        ("chime", ["chime:Connect"]),
        ("rds", ["rds:DownloadCompleteDBLogFile"]),
        ("execute-api", ["execute-api:Invoke"]),
        ("es", ["es:ESHttpGet", "es:ESHttpPost"]),
        ("aoss", ["aoss:APIAccessAll"]),
        ("appsync", ["appsync:GraphQL"]),
        ("elasticache", ["elasticache:Connect"]),
        ("memorydb", ["memorydb:Connect"]),
        ("dsql", ["dsql:DbConnect"]),
        ("dax", ["dax:GetItem", "dax:ConditionCheckItem"]),
        ("cassandra", ["cassandra:Select", "cassandra:Modify"]),
        ("iot", ["iot:Connect", "iot:Receive"]),
        ("managedblockchain", ["managedblockchain:Invoke"]),
        ("neptune-db", ["neptune-db:connect", "neptune-db:ReadDataViaQuery"]),
        ("logs", ["logs:CreateLogDelivery"]),
        ("ssm", ["ssm:UpdateInstanceInformation"]),
        ("redshift", ["redshift:GetClusterCredentials", "redshift:DescribeClusters"]),
        ("polly", ["polly:SynthesizeSpeech"]),
    ],
)
def test_data_planes_are_never_cut_from_a_wildcard(service: str, data_plane: list[str]) -> None:
    result = compared([policy(allow(f"{service}:*"))], [usage(services=[service], auto_instrumented=NOW)])
    (item,) = result.assessments
    assert item.verdict.value == "broad"
    assert item.excess.isdisjoint(map(str.lower, data_plane))
    stays = {action for s in statements_of(result) for action in s["Action"]}
    assert set(data_plane) <= stays


def test_without_a_call_of_its_service_nothing_of_a_wildcard_is_confirmed_and_all_stays() -> None:
    result = compared([policy(allow("s3:*"))], [usage(services=["sqs"])])
    assert outcomes(result) == [("broad", ("service-not-traced",))]
    assert statements_of(result) == [allow(["s3:*"])]


def test_everything_is_confirmed_of_the_services_that_were_traced_only() -> None:
    item = assessed(allow("*"), usage(used(("dynamodb:Query", table("t")))))
    assert (item.verdict.value, item.reasons) == ("broad", ())
    assert {action.partition(":")[0] for action in item.excess} == {"dynamodb"}
    assert "iam:createuser" in item.unshown
    sure = assessed(allow("*"), usage(used(("dynamodb:Query", table("t"))), auto_instrumented=NOW))
    assert "iam:createuser" in sure.excess
    assert not sure.unshown


def test_a_suggestion_for_everything_keeps_doubts_of_the_services_in_use_only() -> None:
    result = compared([policy(allow("*"))], [usage(LIST, auto_instrumented=NOW)])
    stays = {a for s in statements_of(result) for a in s["Action"] if not a.startswith(("logs:", "xray:"))}
    assert stays == {"s3:ListAllMyBuckets", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}


def test_an_action_that_no_sdk_has_is_neither_in_excess_nor_kept() -> None:
    result = compared([policy(allow("dynamodb:*", table("t")))], [usage(services=["dynamodb"])])
    assert outcomes(result) == [("unused", ())]
    assert "dynamodb:createtablereplica" not in result.assessments[0].excess


# --- how dangerous -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "permissions", "severity"),
    [
        # the rest reads too
        (allow("s3:GetObject*", OBJECTS), [("s3:GetObject", OBJECTS)], "data-access"),
        (allow("dynamodb:Batch*Item", table("t")), [("dynamodb:BatchWriteItem", table("t"))], "data-access"),
        (allow("dynamodb:Batch*Item", table("t")), [("dynamodb:BatchGetItem", table("t"))], "write"),
        # other tables are read, written
        (allow("dynamodb:GetItem", table("*")), [("dynamodb:GetItem", table("t"))], "data-access"),
        (allow("dynamodb:PutItem", table("*")), [("dynamodb:PutItem", table("t"))], "write"),
        # used on one table, and the rest of the actions on none
        (allow("dynamodb:Batch*Item", table("*")), [("dynamodb:BatchWriteItem", table("t"))], "write"),
        (allow("dynamodb:ListTables"), [], "list"),
    ],
)
def test_a_finding_is_as_dangerous_as_what_is_not_needed(
    statement: dict[str, Any], permissions: list[tuple[str, str]], severity: str
) -> None:
    seen = usage(used(*permissions), services=["dynamodb", "s3"])
    assert only(compared([policy(statement)], [seen])).severity == severity


def test_a_finding_holds_grants_of_one_severity() -> None:
    actions = ["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:PutItem", "dynamodb:TagResource"]
    result = compared([policy(allow(actions, table("t")))], [usage(services=["dynamodb"])])
    assert [(f.severity, f.actions) for f in result.findings] == [
        ("data-access", ("dynamodb:GetItem", "dynamodb:Scan")),
        ("write", ("dynamodb:PutItem",)),
        ("tagging", ("dynamodb:TagResource",)),
    ]


# --- how wide ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "pattern", "resource", "expected"),
    [
        # its actions need no resource, or were called without one
        ("cloudwatch:PutMetricData", "*", "*", ("used", ())),
        ("dynamodb:ListTables", "*", "*", ("used", ())),
        # what comes and goes
        (
            "execute-api:ManageConnections",
            "a1/*/*/@connections/*",
            "a1/prod/POST/@connections/*",
            ("used", ()),
        ),
        ("iot:Publish", "topic/devices/*", "topic/devices/1/state", ("used", ())),
        ("scheduler:CreateSchedule", "schedule/default/*", "schedule/default/x", ("used", ())),
        # a secret's name, ended or not
        ("secretsmanager:PutSecretValue", "secret:prod-??????", "secret:prod-??????", ("used", ())),
        ("secretsmanager:PutSecretValue", "secret:prod-*", "secret:prod-??????", ("used", ())),
        ("secretsmanager:PutSecretValue", "secret:prod-*", "secret:prod-db-??????", ("broad", ())),
        ("secretsmanager:PutSecretValue", "secret:prod-*", "secret:*", ("broad", ("resource-unknown",))),
        ("secretsmanager:PutSecretValue", "secret:prod-??????", "secret:*", ("used", ())),
    ],
)
def test_a_wildcard_that_is_needed_is_not_wide(
    action: str, pattern: str, resource: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    service = action.partition(":")[0]
    granted, touched = (text if text == "*" else arn(service, text) for text in (pattern, resource))
    seen = usage(used((action, touched), exact=not touched.endswith(("secret:*", "connections/*"))))
    assert outcomes(compared([policy(allow(action, granted))], [seen])) == [expected]


def test_a_write_to_any_account_is_noted_and_no_finding() -> None:
    grants = policy(allow("sqs:SendMessage", arn("sqs", "q", account="*")))
    finding = only(compared([grants], [usage(used(("sqs:SendMessage", arn("sqs", "q"))))]))
    assert (finding.verdict.value, bool(finding.note)) == ("used", True)
    grants = policy(allow("sqs:SendMessage", arn("sqs", "q")))
    assert only(compared([grants], [usage(used(("sqs:SendMessage", arn("sqs", "q"))))])).note == ""


def test_what_workloads_used_is_named_before_what_lambda_itself_needs() -> None:
    finding = only(compared([policy(allow("*"))], [usage(used(("sqs:SendMessage", arn("sqs", "q"))))]))
    assert finding.used[0][:2] == ("sqs:SendMessage", arn("sqs", "q"))
    assert {use.action.partition(":")[0] for use in finding.used[1:]} == {"logs", "xray"}
    assert all(isinstance(use, Used) and not use.workloads for use in finding.used[1:])
