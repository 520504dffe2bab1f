"""Findings on roles that SAM makes -> their lines in template.yaml."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from scanner.iam import catalog
from scanner.model import Finding
from scanner.text.tables import rows
from scanner.verdict import bundle_table
from scanner.verdict.bundle_table import bundles
from tests.unit.cases import ACCOUNT, allow, arn, table
from tests.unit.templates.cases import (
    BASIC,
    MARK,
    USERS,
    Case,
    check,
    finding,
    finding_on_managed,
    inline,
    locate,
    managed,
    marked,
    templates,
    with_marks,
)

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


def every_statement() -> list[tuple[str, int, list[str], list[str]]]:
    """The statements of all policy templates: template, index, actions and resources of a deployed one."""
    return [
        (bundle.name, index, [a.lower() for a in part.spelled], [deployed(r) for r in part.shapes[0]])
        for bundle in bundles()
        if bundle.framework == bundle_table.SAM
        for index, part in enumerate(bundle.parts)
    ]


def deployed(resource: str) -> str:
    values = {"Partition": "aws", "Region": "us-east-1", "Account": ACCOUNT}
    return re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], "given"), resource)


@pytest.mark.parametrize(
    ("template", "index", "actions", "resources"),
    every_statement(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_statement_of_every_policy_template_is_placed(
    template: str, index: int, actions: list[str], resources: list[str]
) -> None:
    """Each at its own entry, between two others."""
    parameters = ", ".join(f"{name}: given" for name in parameters_of(template))
    text = ONE_TEMPLATE % (template, f"{{ {parameters} }}", MARK)
    statements = [allow(a, r) for name, _, a, r in every_statement() if name == template]
    policy = inline("SendFunctionRolePolicy1", *statements)
    for resource in resources:
        found = finding("app-SendFunctionRole-ABCDEFGHIJKL", actions, resource, policy, index)
        check(Case("", text, found, ("app-SendFunction-Ab3dEf6hIj9k",)), "template.yaml")


def parameters_of(template: str) -> list[str]:
    (bundle,) = (b for b in bundles() if (b.framework, b.name) == (bundle_table.SAM, template))
    text = " ".join(resource for part in bundle.parts for resource in part.shapes[0])
    return sorted(set(re.findall(r"\$\{(\w+)\}", text)) - {"Partition", "Region", "Account"})


ONE_TEMPLATE = """\
    Transform: AWS::Serverless-2016-10-31
    Resources:
      SendFunction:
        Type: AWS::Serverless::Function
        Properties:
          Policies:
            - StepFunctionsCallbackPolicy: { StateMachineName: other }
            - %s: %s %s
            - SESSendBouncePolicy: { IdentityName: other }
    """


def test_a_policy_template_is_not_placed_on_what_its_parameters_do_not_name() -> None:
    text = with_marks(TEMPLATES_OF_POLICIES)
    found = finding(
        "app-SendFunctionRole-ABCDEFGHIJKL",
        "sqs:SendMessage*",
        arn("sqs", "other"),
        "SendFunctionRolePolicy0",
    )
    check(Case("", text, found, ("app-SendFunction-Ab3dEf6hIj9k",)), "template.yaml")


# --- what SAM writes for connectors, events and destinations ---------------------------------------------

MADE = """\
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Jobs: { Type: AWS::SQS::Queue }
      Notes: { Type: AWS::Serverless::SimpleTable }
      WorkFunction:
        Type: AWS::Serverless::Function
        Connectors:
          ToNotes: %s
            Properties: { Destination: { Id: Notes }, Permissions: [Read, Write] }
          ToAll: %s
            Properties: { Destination: [{ Id: Jobs }, { Id: Notes }], Permissions: [Read] }
        Properties:
          DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt Jobs.Arn } %s
          EventInvokeConfig:
            DestinationConfig:
              OnFailure: { Type: SNS, Destination: !Ref News } %s
          Events:
            Mails: %s
              Type: MQ
              Properties: { Broker: !GetAtt Broker.Arn }
            Dynamic: %s
              Type: MQ
              Properties: { Broker: !GetAtt Broker.Arn, DynamicPolicyName: true }
            First: %s
              Type: SQS
              Properties: { Queue: !GetAtt Jobs.Arn }
            Second:
              Type: SQS
              Properties: { Queue: !GetAtt Jobs.Arn }
            Stream:
              Type: Kinesis
              Properties:
                DestinationConfig:
                  OnFailure: { Type: S3, Destination: !Ref Bucket } %s
      JobsToWork:
        Type: AWS::Serverless::Connector
        Properties:
          Source: { Id: Jobs } %s
          Destination: { Id: WorkFunction }
          Permissions: [Write, Read]
    """
WORK_ROLE, WORK = "app-WorkFunctionRole-ABCDEFGHIJKL", ("app-WorkFunction-Ab3dEf6hIj9k",)
CONNECTED = table("app-Notes-1ABCDEFGH2345")


def made(policy: str, action: str, resource: str) -> Finding:
    """A finding on an inline policy that SAM made for the function's role."""
    return finding(WORK_ROLE, action, resource, policy)


def connected(policy: str, action: str, resource: str) -> Finding:
    """A finding on the managed policy of a connector."""
    name = f"app-{policy}-ABCDEFGHIJKL"
    own = managed(f"arn:aws:iam::{ACCOUNT}:policy/{name}", allow(action, resource))
    return finding(WORK_ROLE, action, resource, own)


@pytest.mark.parametrize(
    ("place", "found", "made_by"),
    [
        (
            0,
            connected("WorkFunctionToNotesPolicy", "dynamodb:PutItem", CONNECTED),
            "connector WorkFunctionToNotes",
        ),
        (
            0,
            connected("WorkFunctionToNotesPolicy", "dynamodb:Scan", f"{CONNECTED}/index/*"),
            "connector WorkFunctionToNotes",
        ),
        (
            1,
            connected("WorkFunctionToAllPolicyDestination0", "sqs:ReceiveMessage", arn("sqs", "jobs")),
            "connector WorkFunctionToAll",
        ),
        (2, made("DeadLetterQueuePolicy", "sqs:SendMessage", arn("sqs", "jobs")), "DeadLetterQueue"),
        (
            3,
            made("WorkFunctionEventInvokeConfigOnFailureSNSPolicy", "sns:publish", arn("sns", "news")),
            "OnFailure",
        ),
        (
            4,
            made("SamAutoGeneratedAMQPolicy", "mq:DescribeBroker", arn("mq", "broker:b:1")),
            "event Mails, event Dynamic",
        ),
        (
            5,
            made("WorkFunctionDynamicAMQPolicy", "mq:DescribeBroker", arn("mq", "broker:b:1")),
            "event Dynamic",
        ),
        (
            6,
            finding_on_managed(
                WORK_ROLE, "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
            ),
            "event First, event Second",
        ),
        (
            7,
            made("WorkFunctionStreamS3Policy", "s3:PutObject", "arn:aws:s3:::b/*"),
            "OnFailure of event Stream",
        ),
        (8, connected("JobsToWorkPolicy", "sqs:DeleteMessage", arn("sqs", "jobs")), "connector JobsToWork"),
    ],
)
def test_what_sam_makes_names_what_it_comes_from(place: int, found: Finding, made_by: str) -> None:
    text = with_marks(MADE, place)
    location = locate(found, WORK, templates({"template.yaml": text}))
    expected = marked("template.yaml", text)
    assert expected and location == replace(expected, made_by=made_by)


@pytest.mark.parametrize(
    "found",
    [
        connected("WorkFunctionToAllPolicyDestination0", "sqs:SendMessage", arn("sqs", "jobs")),  # Read alone
        connected("JobsToWorkPolicy", "sqs:SendMessage", arn("sqs", "jobs")),
        made("WorkFunctionEventInvokeConfigOnSuccessSNSPolicy", "sns:publish", arn("sns", "news")),
        made("WorkFunctionMailsSQSPolicy", "sqs:SendMessage", arn("sqs", "jobs")),
    ],
)
def test_what_no_event_and_no_connector_makes_has_no_place(found: Finding) -> None:
    assert locate(found, WORK, templates({"template.yaml": with_marks(MADE)})) is None


def test_what_is_written_comes_before_what_an_event_adds() -> None:
    text = """\
    Transform: AWS::Serverless-2016-10-31
    Resources:
      WorkFunction:
        Type: AWS::Serverless::Function
        Properties:
          Policies: [AWSLambdaSQSQueueExecutionRole] #!
          Events: { Jobs: { Type: SQS } }
    """
    role = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    check(Case("", text, finding_on_managed(WORK_ROLE, role), WORK), "template.yaml")


def test_made_policies_name_real_actions_and_sources() -> None:
    for row in rows("templates", "sam_made_policies"):
        assert row["source"].startswith("aws-sam-translator ")
        assert bool(row["actions"]) is (row["kind"] == "inline")
        assert all(catalog.expand(action) for action in row["actions"].split())


# --- roles and policies that SAM makes beside those of functions -------------------------------------------

BESIDE = """\
    Transform: AWS::Serverless-2016-10-31
    Globals:
      Function:
        DeadLetterQueue: { Type: SNS, TargetArn: !Ref Lost } %s
    Resources:
      Lost: { Type: AWS::SNS::Topic }
      WorkFunction:
        Type: AWS::Serverless::Function
        Properties:
          Events:
            Nightly: %s
              Type: ScheduleV2
              Properties: { ScheduleExpression: rate(1 day), DeadLetterConfig: { Type: SQS } }
            Given:
              Type: ScheduleV2
              Properties: { ScheduleExpression: rate(1 day), RoleArn: "arn:aws:iam::1:role/x" }
      Machine:
        Type: AWS::Serverless::StateMachine
        Properties:
          Events:
            Hourly: %s
              Type: Schedule
              Properties: { Schedule: rate(1 hour) }
      NotesApi:
        Type: AWS::Serverless::GraphQLApi
        Properties:
          DataSources:
            DynamoDb:
              Notes: %s
                Permissions: [Read]
    """
START = "states:StartExecution"


@pytest.mark.parametrize(
    ("place", "role", "policy", "action", "made_by"),
    [
        (0, "WorkFunctionRole", "DeadLetterQueuePolicy", "sns:Publish", "DeadLetterQueue"),
        (
            1,
            "WorkFunctionNightlyRole",
            "WorkFunctionNightlyLambdaPolicy",
            "lambda:InvokeFunction",
            "event Nightly",
        ),
        (1, "WorkFunctionNightlyRole", "WorkFunctionNightlySQSPolicy", "sqs:SendMessage", "event Nightly"),
        (2, "MachineHourlyRole", "MachineHourlyRoleStartExecutionPolicy", START, "event Hourly"),
        (None, "WorkFunctionGivenRole", "WorkFunctionGivenLambdaPolicy", "lambda:InvokeFunction", ""),
    ],
)
def test_roles_of_events_and_what_globals_add(
    place: int | None, role: str, policy: str, action: str, made_by: str
) -> None:
    text = with_marks(BESIDE, *([] if place is None else [place]))
    location = locate(
        finding(f"app-{role}-ABCDEFGHIJKL", action, "*", policy), (), templates({"template.yaml": text})
    )
    expected = marked("template.yaml", text)
    assert location == (expected and replace(expected, made_by=made_by))


def test_the_policy_of_a_data_source_of_appsync() -> None:
    text = with_marks(BESIDE, 3)
    name = "app-NotesApiNotesDynamoDBDataSourceToTableConnectorPolicy-ABCDEFGHIJKL"
    for action, is_placed in (("dynamodb:GetItem", True), ("dynamodb:PutItem", False)):
        own = managed(f"arn:aws:iam::{ACCOUNT}:policy/{name}", allow(action, CONNECTED))
        location = locate(finding("any", action, CONNECTED, own), (), templates({"template.yaml": text}))
        expected = marked("template.yaml", text)
        assert expected and location == (
            replace(expected, made_by="data source Notes") if is_placed else None
        )
