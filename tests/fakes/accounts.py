"""Accounts as teams have them, made from a seed: traces, roles and functions as files of the command line.

    files = account(functions=60, seed=1).write(folder)
    xray-privilege-scan -c --traces ... --iam ... --functions ...

Functions hold what the CDK, SAM and the Serverless Framework write, and AWS-managed policies; they use part
of it, call by call, on resources of their own. The same arguments give the same files, byte for byte.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.fakes.traces import ACCOUNT, REGION, Call, Json, Shape, function_arn, lambda_trace

NEWEST = 1_795_000_000.0  # 2026-11-18, when the newest trace began
DEPLOYED = "2026-11-17T08:00:00.000+0000"
_DAY = 86_400.0


class Grants(NamedTuple):
    """Statements of a policy, and calls that need part of them."""

    statements: list[Json]
    calls: list[Call]


def _arn(service: str, rest: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{rest}"


def _allow(actions: list[str], *resources: str, **more: Any) -> Json:
    return {"Action": actions, "Effect": "Allow", "Resource": list(resources), **more}


# --- what frameworks write -----------------------------------------------------------------------


def _cdk_read_write_data(name: str) -> Grants:
    table = _arn("dynamodb", f"table/{name}")
    actions = ["BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "DescribeTable"]
    actions += ["GetItem", "GetRecords", "GetShardIterator", "PutItem", "Query", "Scan", "UpdateItem"]
    calls = [Call("DynamoDB", verb, {"table_name": name}) for verb in ("GetItem", "PutItem", "Query")]
    return Grants([_allow([f"dynamodb:{a}" for a in actions], table, f"{table}/index/*")], calls)


def _cdk_read_bucket(name: str) -> Grants:
    bucket = f"arn:aws:s3:::{name}"
    calls = [Call("S3", "GetObject", {"bucket_name": name, "key": "a"})]
    return Grants([_allow(["s3:GetBucket*", "s3:GetObject*", "s3:List*"], bucket, f"{bucket}/*")], calls)


def _cdk_consume(name: str) -> Grants:
    actions = ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"]
    calls = [
        Call("SQS", "ReceiveMessage", {"queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"})
    ]
    return Grants([_allow([f"sqs:{a}" for a in (*actions, "ReceiveMessage")], _arn("sqs", name))], calls)


def _cdk_secret(name: str) -> Grants:
    actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    calls = [Call("SecretsManager", "GetSecretValue", {"secret_id": name})]
    return Grants([_allow(actions, _arn("secretsmanager", f"secret:{name}-??????"))], calls)


def _sam_crud(name: str) -> Grants:
    table = _arn("dynamodb", f"table/{name}")
    verbs = ["GetItem", "DeleteItem", "PutItem", "Scan", "Query", "UpdateItem", "BatchWriteItem"]
    verbs += ["BatchGetItem", "DescribeTable", "ConditionCheckItem"]
    calls = [Call("DynamoDB", verb, {"table_name": name}) for verb in ("GetItem", "Scan")]
    return Grants([_allow([f"dynamodb:{verb}" for verb in verbs], table, f"{table}/index/*")], calls)


def _sam_poller(name: str) -> Grants:
    verbs = ["ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch"]
    verbs += ["GetQueueAttributes", "ReceiveMessage"]
    return Grants([_allow([f"sqs:{verb}" for verb in verbs], _arn("sqs", name))], [])


def _serverless(name: str) -> Grants:
    logs = _arn("logs", f"log-group:/aws/lambda/{name}*:*")
    statements = [
        _allow(["logs:CreateLogStream", "logs:CreateLogGroup", "logs:TagResource"], logs),
        _allow(["logs:PutLogEvents"], f"{logs}:*"),
        _allow(["sns:*"], "*"),
    ]
    return Grants(statements, [Call("SNS", "Publish", {"topic_arn": _arn("sns", name)})])


def _by_hand(name: str) -> Grants:
    tagged = {"StringEquals": {"aws:ResourceTag/team": "orders"}}
    statements = [
        {"Sid": "Everything", **_allow(["ec2:Describe*", "iam:PassRole", "kms:Decrypt"], "*")},
        {"Sid": "Tagged", **_allow(["ssm:GetParameter*"], _arn("ssm", "parameter/*"), Condition=tagged)},
        {"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": _arn("states", "*")},
        {"Effect": "Deny", "Action": "sns:Publish", "Resource": _arn("sns", "private-*")},
        _allow(["sns:Publish"], _arn("sns", "private-x"), _arn("sns", f"{name}-${{aws:PrincipalTag/t}}")),
        _allow(
            ["lambda:InvokeFunction"], _arn("lambda", "function:app-1"), _arn("lambda", "function:app-1:*")
        ),
    ]
    denied = (
        f"User: x is not authorized to perform: sqs:SendMessage on resource: {_arn('sqs', name)} because no "
        "identity-based policy allows the sqs:SendMessage action"
    )
    calls = [
        Call("SNS", "Publish", {"topic_arn": _arn("sns", f"{name}-7")}),
        Call("Lambda", "Invoke", {"function_name": "app-1"}),
        Call(
            "SQS",
            "SendMessage",
            {"queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"},
            403,
            "AccessDenied",
            denied,
        ),
        Call("Nimbus", "Frobnicate"),
        Call("EC2", "DescribeInstances"),
    ]
    return Grants(statements, calls)


PATTERNS: tuple[Callable[[str], Grants], ...] = (
    _cdk_read_write_data,
    _cdk_read_bucket,
    _cdk_consume,
    _cdk_secret,
    _sam_crud,
    _sam_poller,
    _serverless,
    _by_hand,
)
MANAGED = (
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonDynamoDBFullAccess",
    "AmazonSQSFullAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "AdministratorAccess",
)
BOUNDARY = "PowerUserAccess"


# --- an account ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """The documents of an account: traces as BatchGetTraces answers, IAM's details, Lambda's list."""

    traces: list[Json]
    iam: Json
    functions: Json
    more: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> list[str]:
        """Write the files, and return the options of the command line that name them."""
        folder.mkdir(parents=True, exist_ok=True)
        documents = {"traces": {"Traces": self.traces}, "iam": self.iam, "functions": self.functions}
        options = ["-c"]
        for name, document in documents.items():
            path = folder / f"{name}.json"
            path.write_text(json.dumps(document), encoding="utf-8")
            options += [f"--{name}", str(path)]
        return options


def account(functions: int, seed: int = 0, *, odd: bool = False) -> Account:
    """An account of that many functions. One in seven shares its role, one in nine was never traced.

    In an `odd` one roles have boundaries and other principals, and functions published versions.
    """
    rng = random.Random(seed)
    made = [_function(number, rng) for number in range(functions)]
    roles = [role for _, role, _ in made if role is not None]
    names = {name for role in roles for name in _attached(role)}
    return Account(
        traces=[trace for _, _, traces in made for trace in traces],
        iam={
            "RoleDetailList": [_odd_role(number, role) if odd else role for number, role in enumerate(roles)],
            "Policies": [_managed(name) for name in sorted({*names, BOUNDARY})],
        },
        functions={
            "Functions": [
                version
                for function, _, _ in made
                for version in (_odd_versions(function) if odd else [function])
            ],
            "EventSourceMappings": [
                {"FunctionArn": f["FunctionArn"], "EventSourceArn": _arn("sqs", f"{f['FunctionName']}-q0")}
                for f, _, _ in made[::4]
            ],
            "FunctionEventInvokeConfigs": [],
        },
    )


def _odd_role(number: int, role: Json) -> Json:
    """One in three roles with a boundary, one in four that another account may assume."""
    more: Json = {}
    if number % 3 == 0:
        more["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": f"arn:aws:iam::aws:policy/{BOUNDARY}",
        }
    if number % 4 == 1:
        trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}}
        document = role["AssumeRolePolicyDocument"]
        statements = [*document["Statement"], {**trust, "Action": "sts:AssumeRole"}]
        more["AssumeRolePolicyDocument"] = {**document, "Statement": statements}
    return role | more


def _odd_versions(function: Json) -> list[Json]:
    """The function with a version that was published long ago, with another configuration."""
    old = {"Version": "1", "LastModified": "2026-01-01T00:00:00.000+0000", "Layers": [{"Arn": "arn:aws:x"}]}
    return [function, {**function, **old, "FunctionArn": f"{function['FunctionArn']}:1"}]


def _function(number: int, rng: random.Random) -> tuple[Json, Json | None, list[Json]]:
    """A function, its role (None where it has another one's), and its traces."""
    name = f"app-{number}"
    shares = number % 7 == 6
    grants = [
        rng.choice(PATTERNS)(f"{name}-q{place}" if place == 0 else f"{name}-{place}")
        for place in range(rng.randint(2, 4))
    ]
    role_name = f"app-{number - 1 if shares else number}-role"
    function = {
        "FunctionName": name,
        "FunctionArn": function_arn(name),
        "Role": f"arn:aws:iam::{ACCOUNT}:role/{role_name}",
        "LastModified": DEPLOYED,
        "Runtime": "python3.13",
        "TracingConfig": {"Mode": "Active"},
        "Version": "$LATEST",
        **({"VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}} if number % 5 == 0 else {}),
        **({"DeadLetterConfig": {"TargetArn": _arn("sqs", f"{name}-dead")}} if number % 6 == 0 else {}),
    }
    role = None if shares else _role(role_name, grants, rng)
    traces = [] if number % 9 == 8 else _traces(number, [c for g in grants for c in g.calls], rng)
    return function, role, traces


def _role(name: str, grants: list[Grants], rng: random.Random) -> Json:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    # the administrators among them are few
    weights = [30, 10, 15, 4, 3, 4, 3, 1, 1, 1]
    attached = sorted(set(rng.choices(MANAGED, weights, k=rng.randint(1, 2))))
    statements = [statement for grant in grants for statement in grant.statements]
    return {
        "RoleName": name,
        "Path": "/",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "RolePolicyList": [
            {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": of_aws.rpartition("/")[2], "PolicyArn": f"arn:aws:iam::aws:policy/{of_aws}"}
            for of_aws in attached
        ],
        "Tags": [{"Key": "t", "Value": "7"}],
    }


def _traces(number: int, calls: list[Call], rng: random.Random) -> list[Json]:
    name = f"app-{number}"
    start = NEWEST - number * 60
    shape = Shape(
        independent=number % 10 == 3,
        service_document=number % 11 != 5,
        extra={"aws": {"function_arn": function_arn(name), "xray": {"auto_instrumentation": True}}}
        if number % 3 == 0
        else {},
    )
    return [
        lambda_trace(
            function_arn(name),
            rng.sample(calls, k=max(1, len(calls) - place)) if calls else [],
            start - place * 600 - (_DAY * 3 if number % 8 == 7 else 0),
            seed=place,
            shape=shape,
        )
        | {"LimitExceeded": number == 4 and place == 0}
        for place in range(3)
    ]


def _attached(role: Json) -> list[str]:
    return [policy["PolicyArn"].partition(":policy/")[2] for policy in role["AttachedManagedPolicies"]]


@cache
def _of_aws() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(aws_managed_policies_data)
    return loaded


def _managed(path: str) -> Json:
    name = path.rpartition("/")[2]
    policy = _of_aws()[name]
    return {
        "PolicyName": name,
        "Arn": f"arn:aws:iam::aws:policy/{path}",
        "DefaultVersionId": "v1",
        "PolicyVersionList": [
            {
                "Document": policy["Document"],
                "VersionId": "v1",
                "IsDefaultVersion": True,
                "CreateDate": "2026-02-01T00:00:00+00:00",
            }
        ],
    }
