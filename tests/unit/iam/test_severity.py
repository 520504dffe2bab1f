"""How dangerous actions are, and that the file that says so agrees with IAM."""

import csv
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern
from scanner.iam.severity import SEVERITY_LEVELS, Severity, named, severity_of, worst

PLACE = {level: place for place, level in enumerate(SEVERITY_LEVELS)}


@pytest.mark.parametrize(
    ("action", "access_level", "level"),
    [
        # what lets its user do more than the role may do
        ("iam:PassRole", "write", "privilege-escalation"),
        ("iam:CreatePolicyVersion", "permissions-management", "privilege-escalation"),
        ("iam:AttachRolePolicy", "permissions-management", "privilege-escalation"),
        ("iam:PutUserPolicy", "permissions-management", "privilege-escalation"),
        ("iam:DeleteRolePermissionsBoundary", "permissions-management", "privilege-escalation"),
        ("sts:AssumeRole", "write", "privilege-escalation"),
        ("lambda:UpdateFunctionCode", "write", "privilege-escalation"),
        ("ssm:SendCommand", "write", "privilege-escalation"),
        ("kms:CreateGrant", "permissions-management", "privilege-escalation"),
        # what cannot be undone
        ("dynamodb:DeleteTable", "write", "destruction"),
        ("kms:ScheduleKeyDeletion", "write", "destruction"),
        ("cloudtrail:StopLogging", "write", "destruction"),
        ("s3:DeleteObject", "write", "destruction"),
        # what reads data or credentials
        ("s3:GetObject", "read", "data-access"),
        ("ssm:GetParametersByPath", "read", "data-access"),
        ("secretsmanager:GetSecretValue", "read", "data-access"),
        ("dynamodb:Scan", "read", "data-access"),
        ("cognito-idp:ListUsers", "list", "data-access"),
        # a row never lowers what IAM says
        ("kms:Decrypt", "write", "write"),
        ("rds-data:ExecuteStatement", "write", "write"),
        ("rds-db:connect", "permissions-management", "permissions-management"),
        ("s3:BypassGovernanceRetention", "permissions-management", "permissions-management"),
        # no row: an application's daily writes, and what tells about things but not what is in them
        ("dynamodb:PutItem", "write", "write"),
        ("dynamodb:DeleteItem", "write", "write"),
        ("sqs:DeleteMessage", "write", "write"),
        ("iam:CreateServiceLinkedRole", "write", "write"),
        ("s3:GetObjectTagging", "read", "read"),
        ("s3:GetBucketLocation", "read", "read"),
        ("s3:ListBucket", "list", "list"),
        ("s3:PutObjectTagging", "tagging", "tagging"),
        ("sns:AddPermission", "permissions-management", "permissions-management"),
        ("s3:NoSuchAction", "unknown", "unknown"),
    ],
)
def test_the_level_of_an_action(action: str, access_level: str, level: str) -> None:
    assert catalog.access_level(action) == access_level
    assert severity_of(action.lower()).level == level
    assert severity_of(action) == severity_of(action.lower())


def test_it_says_why_and_who_says_so() -> None:
    assert severity_of("lambda:updatefunctioncode") == (
        "privilege-escalation",
        "new code runs with the function's role",
        "pathfinding.cloud/paths/lambda-003",
    )
    assert severity_of("s3:listbucket") == ("list", None, None)
    assert severity_of("kms:decrypt").why == "decrypts data"


def test_the_worst_of_some_actions() -> None:
    assert worst(["s3:listbucket", "dynamodb:deletetable", "s3:getobject"]) == severity_of(
        "dynamodb:deletetable"
    )
    assert worst(["s3:putobject", "kms:decrypt"]) == severity_of(
        "kms:decrypt"
    )  # of two writes, what is known
    assert worst(["sts:assumerole", "iam:passrole"]) == severity_of("iam:passrole")
    assert worst([]) == Severity("unknown", None, None)


def test_what_is_named() -> None:
    actions = [
        "s3:listbucket",
        "s3:getobject",
        "kms:decrypt",
        "dynamodb:deletetable",
        "iam:passrole",
        "IAM:PassRole",
    ]
    assert [action for action, _ in named(actions)] == [
        "iam:PassRole",
        "dynamodb:DeleteTable",
        "kms:Decrypt",
        "s3:GetObject",
    ]
    assert ("s3:GetObject", "reads objects") in named(actions)
    assert named(["s3:putobject"]) == ()


SOME_ACTIONS = st.sets(
    st.sampled_from(
        ["s3:getobject", "s3:listbucket", "s3:putobject", "kms:decrypt", "iam:passrole", "no:such"]
    )
)


@given(SOME_ACTIONS, SOME_ACTIONS)
def test_more_actions_are_never_less_dangerous(some: set[str], more: set[str]) -> None:
    assert PLACE[worst(some | more).level] <= PLACE[worst(some).level]
    assert set(named(some)) <= set(named(some | more))
    assert worst(sorted(some)) == worst(sorted(some, reverse=True))


def test_no_action_is_less_dangerous_than_its_access_level() -> None:
    for action in catalog.expand("*"):
        assert PLACE[severity_of(action).level] <= PLACE[catalog.access_level(action)], action


def test_the_levels_are_those_of_iam_and_three_more_in_order() -> None:
    assert set(SEVERITY_LEVELS) - set(catalog.ACCESS_LEVELS) == {
        "privilege-escalation",
        "destruction",
        "data-access",
    }
    assert (
        tuple(level for level in SEVERITY_LEVELS if level in catalog.ACCESS_LEVELS) == catalog.ACCESS_LEVELS
    )


# ---- severity.csv

FILE = resources.files("scanner.iam").joinpath("data/severity.csv").read_text(encoding="ascii")
ROWS = list(csv.DictReader(FILE.splitlines()))


def test_the_file_has_these_columns() -> None:
    assert FILE.splitlines()[0] == "action,level,why,source"


def test_rows_are_complete() -> None:
    for row in ROWS:
        assert None not in row and None not in row.values(), row
        assert row["level"] in {"privilege-escalation", "destruction", "data-access"}, row
        assert row["why"] and not row["why"].endswith("."), row
        host, _, page = row["source"].partition("/")
        assert "." in host and page, row


def test_actions_are_told_once_and_in_order() -> None:
    actions = [row["action"].lower() for row in ROWS]
    assert actions == sorted(set(actions))


def test_actions_exist_as_iam_spells_them() -> None:
    exact = [row["action"] for row in ROWS if not is_pattern(row["action"])]
    assert [
        action for action in exact if (known := catalog.action(action)) is None or known.name != action
    ] == []


def test_patterns_name_their_service_and_match_something() -> None:
    patterns = [row["action"] for row in ROWS if is_pattern(row["action"])]
    assert [p for p in patterns if is_pattern(p.partition(":")[0]) or not catalog.expand(p)] == []


def test_every_row_is_heard() -> None:
    """A row that a more dangerous one always hides would be dead."""
    for row in ROWS:
        assert any(severity_of(action).why == row["why"] for action in catalog.expand(row["action"])), row
