"""What fails by default, from the files to the exit code: examples of what teams write in their policies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fakes import notes
from tests.fakes.traces import ACCOUNT, REGION, Call, Json, function_arn, lambda_trace
from tests.integration.tools import Ran, run, write_json

DEFAULT_GATE = ("--fail-on", "unused", "broad")  # that of the action
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
BUCKET = "arn:aws:s3:::uploads"
ON_TABLE, ON_INDEXES = [TABLE], [TABLE, f"{TABLE}/index/*"]
ON_BUCKET, ON_OBJECTS = [BUCKET, f"{BUCKET}/*"], [f"{BUCKET}/*"]


def on_table(*operations: str) -> list[Call]:
    """Calls on the table, as the X-Ray SDKs record them."""
    return [Call("DynamoDB", operation, {"table_name": "orders"}) for operation in operations]


def on_bucket(*operations: str) -> list[Call]:
    """Calls on the bucket and its objects."""
    return [Call("S3", operation, {"bucket_name": "uploads", "key": "a"}) for operation in operations]


def scan(folder: Path, statement: Json, calls: list[Call], *options: object) -> Ran:
    """A function whose role has one statement, seen to make these calls in five complete traces."""
    role = f"arn:aws:iam::{ACCOUNT}:role/f-role"
    function = {
        "FunctionName": "f",
        "FunctionArn": function_arn("f"),
        "Runtime": "python3.13",
        "Role": role,
        "LastModified": "2026-01-02T00:00:00.000+0000",
        "TracingConfig": {"Mode": "Active"},
        "Version": "$LATEST",
    }
    functions = {"Functions": [function], "EventSourceMappings": [], "FunctionEventInvokeConfigs": []}
    details = {
        "Path": "/",
        "RoleName": "f-role",
        "Arn": role,
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": notes.trust(),
        "RolePolicyList": [
            {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        ],
        "AttachedManagedPolicies": [],
    }
    begin = time.time() - 120
    traces = [lambda_trace(function_arn("f"), calls, begin + n, seed=n) for n in range(5)]
    files = {
        "--iam": write_json(folder / "iam.json", {"RoleDetailList": [details], "Policies": []}),
        "--functions": write_json(folder / "functions.json", functions),
        "--traces": write_json(folder / "traces.json", {"Traces": traces}),
    }
    words = [word for option, path in files.items() for word in (option, path)]
    return run(folder / "out", "-c", *words, *options)


class Example(NamedTuple):
    """A statement, the calls that were seen, and the exit code of the default gate."""

    actions: str | list[str]
    resources: str | list[str]
    calls: list[Call]
    code: int

    @property
    def statement(self) -> Json:
        return {"Effect": "Allow", "Action": self.actions, "Resource": self.resources}


# The actions are those that the frameworks write: SAM's policy_templates.json (aws-sam-translator 1.115.0),
# aws-cdk-lib 2.276.0.
SAM_DYNAMODB_CRUD = [
    f"dynamodb:{name}"
    for name in (
        *("GetItem", "DeleteItem", "PutItem", "Scan", "Query", "UpdateItem"),
        *("BatchWriteItem", "BatchGetItem", "DescribeTable", "ConditionCheckItem"),
    )
]
CDK_GRANT_READ = ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]
CDK_GRANT_PUT = [
    *("s3:PutObject", "s3:PutObjectLegalHold", "s3:PutObjectRetention", "s3:PutObjectTagging"),
    *("s3:PutObjectVersionTagging", "s3:Abort*"),
]
CDK_GRANT_READ_WRITE = [*CDK_GRANT_READ, "s3:DeleteObject*", *CDK_GRANT_PUT]
CDK_GRANT_READ_DATA = [
    f"dynamodb:{name}"
    for name in (
        *("BatchGetItem", "GetRecords", "GetShardIterator", "Query", "GetItem", "Scan"),
        *("ConditionCheckItem", "DescribeTable"),
    )
]
ALL_OF_CRUD = on_table(
    *("GetItem", "DeleteItem", "PutItem", "Scan", "Query", "UpdateItem", "BatchWriteItem", "BatchGetItem"),
    *("DescribeTable", "TransactWriteItems"),
)

EXAMPLES = {
    "administrator": Example("*", "*", on_table("GetItem"), 1),
    "service wildcard": Example("dynamodb:*", ON_TABLE, on_table("GetItem"), 1),
    "service wildcard on everything": Example("s3:*", "*", on_bucket("GetObject"), 1),
    "SAM Crud, reads only": Example(SAM_DYNAMODB_CRUD, ON_INDEXES, on_table("GetItem", "Query"), 1),
    "SAM Crud, all of it used": Example(SAM_DYNAMODB_CRUD, ON_INDEXES, ALL_OF_CRUD, 0),
    "CDK grantReadWrite, a read only": Example(CDK_GRANT_READ_WRITE, ON_BUCKET, on_bucket("GetObject"), 1),
    "CDK grantRead, GetObject": Example(CDK_GRANT_READ, ON_BUCKET, on_bucket("GetObject"), 0),
    "CDK grantReadData, GetItem": Example(CDK_GRANT_READ_DATA, ON_TABLE, on_table("GetItem"), 0),
    "CDK grantPut, PutObject": Example(CDK_GRANT_PUT, ON_OBJECTS, on_bucket("PutObject"), 0),
    # what nobody can say with a smaller bundle, and a second table, which a bundle of its own grants
    "SAM Crud, a read and a write": Example(SAM_DYNAMODB_CRUD, ON_INDEXES, on_table("GetItem", "PutItem"), 0),
    "CDK grantReadWrite, a read and a write": Example(
        CDK_GRANT_READ_WRITE, ON_BUCKET, on_bucket("GetObject", "PutObject"), 0
    ),
    "CDK grantReadData on two tables, one used": Example(
        CDK_GRANT_READ_DATA, [TABLE, f"{TABLE}-2"], on_table("GetItem"), 1
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_fails_by_default(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    ran = scan(tmp_path, example.statement, example.calls, *DEFAULT_GATE)
    assert ran.code == example.code, ran.out + ran.err
    assert ran.code == 0 or "match" in ran.err.splitlines()[-1]


def test_the_command_line_fails_nothing_unless_it_is_asked_to(tmp_path: Path) -> None:
    assert scan(tmp_path, EXAMPLES["administrator"].statement, on_table("GetItem")).code == 0


# what describes a bucket, and what lists: neither data nor changes
HARMLESS: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
    "Resource": ON_BUCKET,
}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--fail-on", "unused"], 0),
        (["--fail-on", "unused", "--fail-on-severity", "data-access"], 0),
        (["--fail-on", "unused", "--fail-on-severity", "read"], 1),
        (["--fail-on", "unused", "--fail-on-severity", "all"], 1),
    ],
)
def test_a_severity_of_one_s_own(tmp_path: Path, options: list[str], code: int) -> None:
    statement = HARMLESS | {"Resource": BUCKET, "Action": HARMLESS["Action"][1:]}
    ran = scan(tmp_path, statement, on_bucket("GetBucketLocation"), *options)
    assert ran.code == code, ran.out + ran.err
    below = "1 finding is below `fail-on-severity: data-access`"
    assert (below in ran.err) is (code == 0)


def test_a_severity_counts_beside_the_verdicts_of_the_configuration(tmp_path: Path) -> None:
    statement = HARMLESS | {"Resource": BUCKET, "Action": HARMLESS["Action"][1:]}
    calls, config = on_bucket("GetBucketLocation"), tmp_path / "least-privilege.yml"
    config.write_text("version: 1\nfail-on: unused\n", encoding="utf-8")
    assert scan(tmp_path, statement, calls, "--config", config).code == 0
    assert scan(tmp_path, statement, calls, "--config", config, "--fail-on-severity", "all").code == 1
    config.write_text("version: 1\nfail-on: unused\nfail-on-severity: all\n", encoding="utf-8")
    assert scan(tmp_path, statement, calls, "--config", config).code == 1
    assert scan(tmp_path, statement, calls, "--config", config, "--fail-on-severity", "write").code == 0


def test_a_severity_without_verdicts_is_wrong_use(tmp_path: Path) -> None:
    ran = scan(tmp_path, HARMLESS, on_bucket("GetObject"), "--fail-on-severity", "read")
    ran.ends_with(2, "--fail-on-severity requires verdicts", "add --fail-on")
