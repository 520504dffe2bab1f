"""Findings on roles of CloudFormation's templates -> their lines, in YAML and JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model import Location
from scanner.templates.read import read_templates
from tests.unit.cases import ACCOUNT, allow, table
from tests.unit.templates.cases import (
    BASIC,
    NOTES,
    STAR_ACCOUNT,
    USERS,
    Case,
    check,
    finding,
    finding_on_managed,
    inline,
    locate,
    managed,
    with_marks,
)

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
DELETES = inline(
    "read",
    allow("dynamodb:GetItem"),
    allow("dynamodb:DeleteItem", NOTES),
    allow("dynamodb:DeleteItem", USERS),
)
SHARED_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/notes-SharedPolicy-ABCDEFGHIJKL"
CONDITION = {"StringEquals": {"a": "b"}}
CFN_CASES = [
    Case(
        "inline", with_marks(CLOUDFORMATION, 1), finding(CFN_ROLE, "dynamodb:Query", policy="read"), CFN_LIST
    ),
    Case(
        "another policy's name",
        with_marks(CLOUDFORMATION),
        finding(CFN_ROLE, "dynamodb:Query", policy="other"),
        CFN_LIST,
    ),
    Case(
        "two fit",
        with_marks(CLOUDFORMATION),
        finding(CFN_ROLE, "dynamodb:DeleteItem", policy="read"),
        CFN_LIST,
    ),
    Case(
        "first of equals",
        with_marks(CLOUDFORMATION, 2),
        finding(CFN_ROLE, "dynamodb:DeleteItem", NOTES, DELETES, index=1),
        CFN_LIST,
    ),
    Case(
        "second of equals",
        with_marks(CLOUDFORMATION, 3),
        finding(CFN_ROLE, "dynamodb:DeleteItem", USERS, DELETES, index=2),
        CFN_LIST,
    ),
    Case(
        "wildcards",
        with_marks(CLOUDFORMATION, 4),
        finding(CFN_ROLE, "dynamodb:*", table("*"), policy="write"),
        CFN_LIST,
    ),
    Case(
        "narrower than the wildcard",
        with_marks(CLOUDFORMATION),
        finding(CFN_ROLE, "dynamodb:*", NOTES, policy="write"),
        CFN_LIST,
    ),
    Case(
        "all but",
        with_marks(CLOUDFORMATION, 5),
        finding(
            CFN_ROLE,
            "iam:*",
            "*",
            inline("write", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        ),
        CFN_LIST,
    ),
    Case("managed by ARN", with_marks(CLOUDFORMATION, 0), finding_on_managed(CFN_ROLE, BASIC), CFN_LIST),
    Case(
        "policy resource",
        with_marks(CLOUDFORMATION, 7),
        finding(GET_ROLE, "dynamodb:Query", policy="get"),
        GET,
    ),
    Case(
        "policy resource, with a condition",
        with_marks(CLOUDFORMATION, 6),
        finding(
            GET_ROLE,
            "dynamodb:Query",
            NOTES,
            inline("get", allow("dynamodb:Query", NOTES, Condition=CONDITION)),
        ),
        GET,
    ),
    Case(
        "policy of a role elsewhere",
        with_marks(CLOUDFORMATION, 8),
        finding("imported-reader", "s3:GetObject", "*", policy="more"),
    ),
    Case(
        "policy of another role",
        with_marks(CLOUDFORMATION),
        finding("imported-writer", "s3:GetObject", "*", policy="more"),
    ),
    Case(
        "managed policy resource",
        with_marks(CLOUDFORMATION, 9),
        finding("whichever", "sqs:SendMessage", "*", managed(SHARED_POLICY, allow("sqs:SendMessage"))),
    ),
    Case(
        "another managed policy",
        with_marks(CLOUDFORMATION),
        finding(
            "whichever",
            "sqs:SendMessage",
            "*",
            managed(SHARED_POLICY, allow("sqs:SendMessage"), name="other"),
        ),
    ),
    Case(
        "another function",
        with_marks(CLOUDFORMATION),
        finding(GET_ROLE, "dynamodb:Query", policy="get"),
        ("notes-PutFunction-ABCDEFGHIJKL",),
    ),
    Case(
        "another role",
        with_marks(CLOUDFORMATION),
        finding("orders-test-list", "dynamodb:Query", policy="read"),
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
    checkout = read_templates(tmp_path)
    case = finding("a-ListRole-ABCDEFGHIJKL", ["dynamodb:GetItem", "dynamodb:Query"], STAR_ACCOUNT, "read")
    assert locate(case, (), checkout) == Location("stack.json", 12, 13)
