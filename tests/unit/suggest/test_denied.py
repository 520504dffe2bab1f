"""What is offered for calls that AWS denied: an attacker may have chosen them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scanner.mapping.access_denied import DenialCause
from scanner.model import Denied
from scanner.suggest.denied import DeniedPermission, Offer, offer_for
from scanner.suggest.policy import MAX_INLINE_CHARACTERS
from scanner.suggest.statements import size_of
from tests.unit.cases import ACCOUNT, allow, arn, compared, deny, policy, table, usage

GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"


def offer(*denied: tuple[str, str], cause: DenialCause = DenialCause.NO_IDENTITY_POLICY, **how: Any) -> Offer:
    """What is offered to a role that may only read table t."""
    calls = tuple(Denied(action, resource, 1, "no", cause) for action, resource in denied)
    grants = policy(allow(GET, table("t")), deny("dynamodb:DeleteTable"))
    return compared([grants], [replace(usage(), denied=calls)], **how).offer


def statements(offered: Offer) -> list[dict[str, Any]]:
    return list(offered.policy["Statement"]) if offered.policy else []


def test_what_was_denied_for_lack_of_an_allow_is_offered() -> None:
    offered = offer(
        ("dynamodb:scan", table("t")),
        ("dynamodb:Query", table("t")),
        ("sqs:SendMessage", arn("sqs", "q")),
    )
    assert statements(offered) == [
        allow(["dynamodb:Query", SCAN], table("t")),
        allow(["sqs:SendMessage"], arn("sqs", "q")),
    ]
    assert offered.notes == ()


@pytest.mark.parametrize(
    "cause", [DenialCause.EXPLICIT_DENY, DenialCause.SERVICE_CONTROL_POLICY, DenialCause.RESOURCE_POLICY]
)
def test_what_another_policy_denied_is_not_offered(cause: DenialCause) -> None:
    """An Allow for the role would not help."""
    assert offer((SCAN, table("t")), cause=cause) == Offer()


@pytest.mark.parametrize(
    ("denied", "how"),
    [
        ((GET, table("t")), {}),  # granted by now
        ((GET, table("*")), {}),  # it may be the table that is granted
        (("dynamodb:DeleteTable", table("t")), {}),  # a policy of the role denies it
        ((SCAN, table("t")), {"readable": False}),  # a policy that was not read may grant it
    ],
)
def test_what_the_role_grants_or_denies_or_may_grant_is_not_offered(
    denied: tuple[str, str], how: dict[str, Any]
) -> None:
    assert offer(denied, **how) == Offer()


def test_a_name_that_holds_a_dollar_is_offered_as_it_is() -> None:
    offered = offer(("sqs:SendMessage", arn("sqs", "a${x}")))
    assert statements(offered) == [allow(["sqs:SendMessage"], arn("sqs", "a${$}{x}"))]


@pytest.mark.parametrize(
    ("action", "resource", "why"),
    [
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/f", "privilege escalation"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", "privilege escalation"),
        ("lambda:UpdateFunctionCode", arn("lambda", "function:f"), "privilege escalation"),
        ("sqs:AddPermission", arn("sqs", "q"), "permissions management"),
        ("dynamodb:NoSuchAction", table("t"), "does not know the action"),
        ("dynamodb:Scan", "*", "names the resource"),
        ("dynamodb:Query", table("*"), "names the resource"),
        ("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/*", "names the resource"),
        ("sqs:SendMessage", arn("sqs", "*"), "names the resource"),
        ("athena:GetWorkGroup", arn("athena", "workgroup/a?b"), "names the resource"),
        ("s3:PutObject", "arn:aws:s3:::*/*", "names the resource"),
        ("s3:ListBucket", "arn:aws:s3:::b*", "names the resource"),
        ("dynamodb:Scan", "arn:aws:dynamodb:us-east-1:1:table/a b", "no resource can be called so"),
        ("s3:GetObject", "arn:aws:s3:::b/<img src=x> [a](http://b)", "no resource can be called so"),
    ],
)
def test_what_would_be_dangerous_to_grant_is_held_back(action: str, resource: str, why: str) -> None:
    offered = offer_for([DeniedPermission(action, resource)], ACCOUNT)
    assert offered.policy is None
    (note,) = offered.notes
    assert "is held back" in note
    assert why in note


def test_an_action_that_knows_no_resources_is_offered_on_all() -> None:
    offered = offer_for([DeniedPermission("ec2:DescribeInstances", "*")], ACCOUNT)
    assert statements(offered) == [allow(["ec2:DescribeInstances"], "*")]


def test_an_action_that_knows_no_resources_is_offered_on_all_whatever_the_message_names() -> None:
    offered = offer_for([DeniedPermission("dynamodb:ListTables", table("*"))], ACCOUNT)
    assert statements(offered) == [allow(["dynamodb:ListTables"], "*")]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/*"),
        ("s3:GetObject", f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/a/object/*"),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:db-??????")),
        ("logs:PutLogEvents", arn("logs", "log-group:g:log-stream:*")),
    ],
)
def test_a_wildcard_in_place_of_what_is_never_kept_is_offered(action: str, resource: str) -> None:
    offered = offer_for([DeniedPermission(action, resource)], ACCOUNT)
    assert statements(offered) == [allow([action], resource)]


def test_another_account_is_named() -> None:
    queue = arn("sqs", "q", account="999988887777")
    offered = offer_for([DeniedPermission("sqs:SendMessage", queue)], ACCOUNT)
    assert statements(offered) == [allow(["sqs:SendMessage"], queue)]
    assert "of another account (999988887777)" in offered.notes[0]


def test_more_than_a_role_can_hold_is_not_offered() -> None:
    few = offer_for([DeniedPermission(SCAN, table(f"t{number}")) for number in range(20)], ACCOUNT)
    assert few.policy is not None
    assert size_of(few.policy) <= MAX_INLINE_CHARACTERS
    many = offer_for([DeniedPermission(SCAN, table(f"t{number}")) for number in range(400)], ACCOUNT)
    assert many.policy is None
    assert "400 permissions do not fit" in many.notes[0]
