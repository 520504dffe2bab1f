"""Whether policies are proven to allow no more than others. Each row is one rule."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.iam.containment import allows_no_more
from scanner.iam.policies import parse_policy
from scanner.model import Policy
from tests.unit.cases import allow, deny, policy, table

GET, PUT, QUERY = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"
BATCH = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"]
T, U = table("t"), table("u")
IN_VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
BY_TLS = {"Bool": {"aws:SecureTransport": "true"}}
HOME, ALL_HOMES = "arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "arn:aws:s3:::b/*"

Statements = list[dict[str, Any]]


def not_action(actions: str | list[str], effect: str = "Allow", resource: str = "*") -> dict[str, Any]:
    return {"Effect": effect, "NotAction": actions, "Resource": resource}


def not_resource(resources: str | list[str], action: str = "s3:*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "NotResource": resources}


def old_version(*statements: dict[str, Any]) -> Policy:
    return Policy("own", None, "inline", parse_policy({"Statement": list(statements)}))


def is_proven(new: Statements, old: Statements) -> bool:
    return not allows_no_more([policy(*new)], [policy(*old)])


@pytest.mark.parametrize(
    ("new", "old", "proven"),
    [
        ([], [], True),
        ([allow(GET, T)], [allow(GET, T)], True),
        ([allow(GET, T)], [allow("DynamoDB:getitem", T)], True),
        ([allow(GET, T)], [], False),
        # actions
        ([allow(GET, T)], [allow("dynamodb:*", T)], True),
        ([allow("dynamodb:Get*", T)], [allow("dynamodb:G*", T)], True),
        ([allow("dynamodb:*", T)], [allow(GET, T)], False),
        ([allow([GET, PUT], T)], [allow(GET, T), allow(PUT, T)], True),
        ([allow([GET, PUT], T)], [allow(GET, T)], False),
        ([allow(GET, T)], [allow("d*:GetItem", T)], False),  # it is unclear what that allows
        ([allow("d*:GetItem", T)], [allow("d*:GetItem", T)], True),
        # an action pattern within several grants together, for the same resource
        ([allow("dynamodb:Batch*Item", T)], [allow(BATCH, T)], True),
        ([allow("dynamodb:Batch*Item", T)], [allow(BATCH[0], T), allow(BATCH[1])], True),
        ([allow("dynamodb:Batch*Item", T)], [allow(BATCH[0], T), allow(BATCH[1], U)], False),
        ([allow("dynamodb:Batch*Item", T)], [allow(BATCH[0], T)], False),
        ([allow("unheard:Of*", T)], [allow("unheard:OfIt", T)], False),
        # resources
        ([allow(GET, T)], [allow(GET, table("*"))], True),
        ([allow(GET, table("*"))], [allow(GET, T)], False),
        ([allow(GET, [T, U])], [allow(GET, T), allow(GET, U)], True),
        ([allow(GET, T)], [allow(GET, "arn:aws:*:table/t")], False),  # it is unclear what that reaches
        ([allow(GET, "arn:aws:*:table/t")], [allow(GET, "arn:aws:*:table/t")], True),
        ([allow(GET, "arn:aws:*:table/t")], [allow(GET)], True),
        # policy variables
        ([allow("s3:*", HOME)], [allow("s3:*", HOME)], True),
        ([allow("s3:*", HOME)], [allow("s3:*", ALL_HOMES)], True),
        ([allow("s3:*", ALL_HOMES)], [allow("s3:*", HOME)], False),
        ([allow("s3:*", HOME + "/in/*")], [allow("s3:*", HOME)], True),
        ([allow("s3:*", HOME)], [allow("s3:*", HOME.replace("team", "name"))], False),
        ([allow("s3:*", "arn:aws:s3:::b/${aws:username}")], [allow("s3:*", "arn:aws:s3:::b/?")], False),
        ([allow("s3:*", "arn:aws:s3:::b/${aws:username}")], [allow("s3:*", "arn:aws:s3:::?/*")], True),
        ([allow("s3:*", "arn:aws:s3:::${aws:username}x")], [allow("s3:*", "arn:aws:s3:::${aws:username}?")],
         False),
        ([allow("s3:*", "arn:aws:s3:::b/a${*}")], [allow("s3:*", "arn:aws:s3:::b/a*")], True),
        ([allow("s3:*", "arn:aws:s3:::b/a*")], [allow("s3:*", "arn:aws:s3:::b/a${*}")], False),
        # conditions
        ([allow(GET, T, Condition=IN_VPC)], [allow(GET, T)], True),
        ([allow(GET, T, Condition=IN_VPC)], [allow(GET, T, Condition=IN_VPC)], True),
        ([allow(GET, T)], [allow(GET, T, Condition=IN_VPC)], False),
        ([allow(GET, T, Condition=BY_TLS)], [allow(GET, T, Condition=IN_VPC)], False),
        ([allow(GET, T, Condition={**BY_TLS, **IN_VPC})], [allow(GET, T, Condition=IN_VPC)], True),
        ([allow(GET, T, Condition=IN_VPC)], [allow(GET, T, Condition={**BY_TLS, **IN_VPC})], False),
        ([allow(GET, T, Condition={"StringEquals": {"aws:sourcevpc": ["vpc-1"]}})],
         [allow(GET, T, Condition=IN_VPC)], True),
        ([allow(GET, T, Condition={"Odd": 1})], [allow(GET, T, Condition={"Odd": 1})], True),
        ([allow(GET, T, Condition={"Odd": 1})], [allow(GET, T, Condition={"Odd": 2})], False),
        # NotAction, NotResource
        ([not_action("iam:*")], [not_action("iam:*")], True),
        ([not_action("iam:*")], [allow("*")], True),
        ([not_action(["iam:*", "sts:*"])], [not_action("iam:*")], True),
        ([not_action("iam:*")], [not_action(["iam:*", "sts:*"])], False),
        ([not_action("iam:*")], [allow("dynamodb:*")], False),
        ([allow(GET, T)], [not_action("iam:*")], True),
        ([allow("iam:GetUser")], [not_action("iam:*")], False),
        ([allow("dynamodb:*")], [not_action("dynamodb:Delete*"), allow("dynamodb:Delete*")], True),
        ([not_resource(ALL_HOMES)], [not_resource(ALL_HOMES)], True),
        ([not_resource(ALL_HOMES)], [allow("s3:*")], True),
        ([not_resource(["*:c", ALL_HOMES])], [not_resource(ALL_HOMES)], True),
        ([not_resource(ALL_HOMES)], [not_resource(["*:c", ALL_HOMES])], False),
        ([not_resource(HOME)], [not_resource(HOME)], True),
        ([not_resource(ALL_HOMES)], [not_resource(HOME)], False),  # without a team, nobody knows
        ([allow("s3:GetObject", "arn:aws:s3:::c/*")], [not_resource(ALL_HOMES)], True),
        ([allow("s3:GetObject", "arn:aws:s3:::*")], [not_resource(ALL_HOMES)], False),
        # denials stay, where they could meet what is allowed
        ([allow(GET), deny(GET, T)], [allow(GET), deny(GET, T)], True),
        ([allow(GET)], [allow(GET), deny(GET, T)], False),
        ([allow(GET)], [allow(GET), deny(PUT, T)], True),
        ([allow(GET, U)], [allow(GET), deny(GET, T)], True),
        ([allow(GET), deny("dynamodb:*")], [allow(GET), deny(GET, T)], True),
        ([allow(GET), deny(GET, T, Condition=IN_VPC)], [allow(GET), deny(GET, T)], False),
        ([allow(GET), deny(GET, T)], [allow(GET), deny(GET, T, Condition=IN_VPC)], True),
        ([allow(GET)], [allow(GET), not_action("iam:*", "Deny")], False),
    ],
)  # fmt: skip
def test_a_proof(new: Statements, old: Statements, proven: bool) -> None:
    assert is_proven(new, old) is proven


def test_several_policies_count_as_one() -> None:
    old = [policy(allow(GET, T), name="a"), policy(allow(PUT, T), name="b")]
    assert allows_no_more([policy(allow([GET, PUT], T))], old) == ()


def test_what_is_not_proven_is_described() -> None:
    new = [policy(allow([GET, PUT], T, Sid="Items"), not_action("iam:*"), name="new")]
    old = [policy(allow(GET, T), deny(GET, U), name="old")]
    assert allows_no_more(new, old) == (
        f"policy new, statement 0 (Items): Allow of {PUT} on {T} is not known to be allowed before",
        "policy new, statement 1: Allow of all but iam:* on * is not known to be allowed before",
        f"policy old, statement 1: Deny of {GET} on {U} is not known to be denied still",
    )


def test_in_an_older_policy_version_a_variable_is_text() -> None:
    assert allows_no_more([policy(allow("s3:*", HOME))], [old_version(allow("s3:*", HOME))]) != ()
    text = HOME.replace("$", "${$}")
    assert allows_no_more([policy(allow("s3:*", text))], [old_version(allow("s3:*", HOME))]) == ()
