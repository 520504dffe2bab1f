"""Findings on roles of the Serverless Framework -> their lines in serverless.yml."""

from __future__ import annotations

from textwrap import dedent

import pytest

from scanner.model import Location
from tests.unit.cases import allow, table
from tests.unit.templates.cases import (
    STAR_ACCOUNT,
    Case,
    check,
    finding,
    inline,
    locate,
    managed,
    templates,
    with_marks,
)

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
SHARED_ROLE, LIST = "notes-test-us-east-1-lambdaRole", ("notes-test-list",)
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
    Case("one action", with_marks(SHARED, 0), finding(SHARED_ROLE, "dynamodb:GetItem", STAR_ACCOUNT), LIST),
    Case(
        "several actions",
        with_marks(SHARED, 0, 1),
        finding(SHARED_ROLE, ["dynamodb:PutItem", "dynamodb:GetItem"], STAR_ACCOUNT),
        ("notes-test-list", "notes-test-fetch"),
    ),
    Case("a list in a line", with_marks(SHARED, 2), finding(SHARED_ROLE, "s3:GetObject", "*"), LIST),
    Case(
        "given function name",
        with_marks(SHARED, 2),
        finding(SHARED_ROLE, "s3:GetObject", "*"),
        ("notes-test-fetch",),
    ),
    Case("case of actions", with_marks(SHARED, 2), finding(SHARED_ROLE, "S3:getobject", "*"), LIST),
    Case("functions unknown", with_marks(SHARED), finding(SHARED_ROLE, "s3:GetObject", "*")),
    Case("another resource", with_marks(SHARED), finding(SHARED_ROLE, "dynamodb:GetItem", table("orders"))),
    Case("a wildcard is spelled", with_marks(SHARED), finding(SHARED_ROLE, "s3:*", "*"), LIST),
    Case(
        "a resource is spelled", with_marks(SHARED), finding(SHARED_ROLE, "s3:GetObject", "arn:aws:s3:::a/*")
    ),
    Case(
        "another service",
        with_marks(SHARED),
        finding("x-test-us-east-1-lambdaRole", "s3:GetObject", "*"),
        ("x-test-list",),
    ),
    Case(
        "another function",
        with_marks(SHARED),
        finding(SHARED_ROLE, "s3:GetObject", "*"),
        ("orders-test-list",),
    ),
    Case(
        "own role",
        with_marks(PER_FUNCTION, 1),
        finding("notes-test-list-us-east-1-lambdaRole", "dynamodb:Query"),
        LIST,
    ),
    Case(
        "other function, same action",
        with_marks(PER_FUNCTION, 2),
        finding("notes-test-get-us-east-1-lambdaRole", "dynamodb:Query", STAR_ACCOUNT),
        ("notes-test-get",),
    ),
    Case(
        "inherited",
        with_marks(PER_FUNCTION, 0),
        finding("notes-test-get-us-east-1-lambdaRole", "xray:PutTraceSegments", "*"),
        ("notes-test-get",),
    ),
    Case(
        "not inherited",
        with_marks(PER_FUNCTION),
        finding("notes-test-list-us-east-1-lambdaRole", "xray:PutTraceSegments", "*"),
        LIST,
    ),
    Case(
        "a name that ends like another",
        with_marks(PER_FUNCTION, 3),
        finding("notes-test-user-list-us-east-1-lambdaRole", "dynamodb:Scan", "*"),
        ("notes-test-user-list",),
    ),
    Case(
        "per function: shared",
        with_marks(V4, 1),
        finding("notes-a-list-eu-west-1-lambdaRole", "s3:ListBucket", "arn:aws:s3:::assets-a"),
        ("notes-a-list",),
    ),
    Case(
        "per function: own",
        with_marks(V4, 2),
        finding("notes-a-reader", "dynamodb:GetItem"),
        ("notes-a-get",),
    ),
    Case(
        "per function: not inherited",
        with_marks(V4),
        finding("notes-a-reader", "s3:ListBucket", "arn:aws:s3:::assets-a"),
    ),
    Case(
        "per function: managed",
        with_marks(V4, 0),
        finding(
            "notes-a-reader",
            "logs:Get*",
            "*",
            managed("arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess", allow("logs:Get*")),
        ),
        ("notes-a-get",),
    ),
    Case(
        "custom shared role",
        with_marks(CUSTOM_ROLE, 0),
        finding("notes-test-sharedRole-ABCDEFGH1234", "s3:GetObject", "*"),
        LIST,
    ),
    Case(
        "custom role by id",
        with_marks(CUSTOM_ROLE, 1),
        finding("reader", "s3:GetObject", "*"),
        ("notes-test-get",),
    ),
    Case(
        "custom role by GetAtt",
        with_marks(CUSTOM_ROLE, 2),
        finding("notes-test-putRole-ABCDEFGH1234", "s3:GetObject", "*"),
        ("notes-test-put",),
    ),
    Case("two statements fit", TWICE, finding(SHARED_ROLE, "dynamodb:GetItem"), LIST),
    Case("denied", TWICE, finding(SHARED_ROLE, "dynamodb:DeleteItem", "*"), LIST),
    Case(
        "an action that is a variable, by Sid",
        with_marks(CHOSEN, 0, 1, 2, 3),
        finding(SHARED_ROLE, "s3:GetObject", "*", inline("policy", allow("s3:GetObject", Sid="Read"))),
        LIST,
    ),
    Case(
        "actions of another key",
        with_marks(CHOSEN, 4),
        finding(SHARED_ROLE, "s3:PutObject", "*", inline("policy", allow("s3:PutObject", Sid="Write"))),
        LIST,
    ),
    Case("another Sid", with_marks(CHOSEN), finding(SHARED_ROLE, "s3:PutObject", "*"), LIST),
]


@pytest.mark.parametrize("case", SERVERLESS, ids=lambda case: case.name)
def test_serverless(case: Case) -> None:
    check(case, "serverless.yml")


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
    place = locate(
        finding(SHARED_ROLE, "s3:GetObject", "arn:aws:s3:::a/*"), LIST, templates({"serverless.yml": text})
    )
    assert place == Location("serverless.yml", 4, 4)


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
    place = locate(
        finding("notes-test-list-us-east-1-lambdaRole", "s3:GetObject", "*"),
        LIST,
        templates({"serverless.yml": text}),
    )
    assert place == Location("serverless.yml", 6, 6)
