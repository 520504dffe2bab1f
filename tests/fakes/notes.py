"""The notes application of the walk-through: five functions, each with a role of its own.

The delete function's role also holds `dynamodb:GetItem`, which it never uses.
`python -m tests.fakes.notes FOLDER` writes it as the files of `examples/`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from tests.fakes.traces import Call, Json, lambda_trace

ACCOUNT, REGION = "123456789012", "us-east-1"
OPERATIONS = {
    "create": "PutItem",
    "get": "GetItem",
    "list": "Query",
    "update": "UpdateItem",
    "delete": "DeleteItem",
}
TABLE = f"arn:aws:dynamodb:{REGION}:*:table/notes"
DEPLOYED = "2026-11-23T08:15:30.000+0000"
FIRST_TRACE = 1795428130.0  # 2026-11-23 10:02:10 UTC, after the deployment
TRACES_EACH = 4
SERVERLESS = """\
service: notes-app-api
provider:
  name: aws
  stage: test
functions:
  delete:
    handler: delete.main
    iamRoleStatements:
      - Effect: Allow
        Action:
          - dynamodb:GetItem
          - dynamodb:DeleteItem
        Resource: "arn:aws:dynamodb:us-east-1:*:table/notes"
"""
SERVERLESS_LINE = 1 + SERVERLESS.splitlines().index("          - dynamodb:GetItem")  # of the unused grant


def function_name(verb: str) -> str:
    """The name of a function of the application."""
    return f"notes-app-api-test-{verb}"


def function_arn(verb: str) -> str:
    """The ARN of a function of the application."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name(verb)}"


def role_name(verb: str) -> str:
    """The name of a function's role."""
    return f"{function_name(verb)}-role"


def policy(verb: str) -> Json:
    """The inline policy of a function's role: its own action, log writing, trace writing."""
    own = [f"dynamodb:{OPERATIONS[verb]}"]
    if verb == "delete":
        own.insert(0, "dynamodb:GetItem")
    log_group = f"arn:aws:logs:{REGION}:*:log-group:/aws/lambda/{function_name(verb)}:*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": own, "Resource": TABLE},
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": log_group,
            },
            {
                "Effect": "Allow",
                "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                "Resource": "*",
            },
        ],
    }


def trust() -> Json:
    """The trust policy of every role: Lambda, and nobody else."""
    principal = {"Service": "lambda.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def traces(first: float = FIRST_TRACE) -> list[Json]:
    """A few traces of each function."""
    found = []
    for number, (verb, operation) in enumerate(OPERATIONS.items()):
        call = Call("DynamoDB", operation, {"table_name": "notes", "resource_names": ["notes"]})
        for repeat in range(TRACES_EACH):
            start = first + 60 * repeat + 7 * number
            found.append(lambda_trace(function_arn(verb), [call], start, seed=f"{verb} {repeat}"))
    return found


def functions() -> Json:
    """What `aws lambda list-functions` prints."""
    return {
        "Functions": [
            {
                "FunctionName": function_name(verb),
                "FunctionArn": function_arn(verb),
                "Runtime": "nodejs22.x",
                "Role": f"arn:aws:iam::{ACCOUNT}:role/{role_name(verb)}",
                "LastModified": DEPLOYED,
                "TracingConfig": {"Mode": "Active"},
                "Version": "$LATEST",
            }
            for verb in OPERATIONS
        ]
    }


def iam() -> Json:
    """What `aws iam get-account-authorization-details` prints."""
    roles: list[dict[str, Any]] = [
        {
            "Path": "/",
            "RoleName": role_name(verb),
            "Arn": f"arn:aws:iam::{ACCOUNT}:role/{role_name(verb)}",
            "CreateDate": "2026-11-23T08:15:00+00:00",
            "AssumeRolePolicyDocument": trust(),
            "RolePolicyList": [{"PolicyName": "notes", "PolicyDocument": policy(verb)}],
            "AttachedManagedPolicies": [],
        }
        for verb in OPERATIONS
    ]
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []}


def write(folder: Path) -> None:
    """Write the walk-through's files."""
    (folder / "traces").mkdir(parents=True, exist_ok=True)
    _write(folder / "iam.json", iam())
    _write(folder / "functions.json", functions())
    by_function = traces()
    for number, verb in enumerate(OPERATIONS):
        own = by_function[number * TRACES_EACH : (number + 1) * TRACES_EACH]
        _write(folder / "traces" / f"{verb}.json", {"Traces": own, "UnprocessedTraceIds": []})


def _write(path: Path, document: Any) -> None:
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
