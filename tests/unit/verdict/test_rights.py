"""The worst that a role allows."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Policy, Role
from scanner.verdict.rights import rights_of
from tests.unit.cases import ROLE, allow, arn, deny, policy

ADMIN, ESCALATION = "administrator", "privilege-escalation"
NOT_IAM: dict[str, Any] = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}
WEEKDAY = {"StringEquals": {"aws:PrincipalTag/day": "monday"}}
OTHER_ROLE = {"ArnEquals": {"aws:PrincipalArn": f"{ROLE}-of-others"}}


def role(*statements: dict[str, Any], boundary: Policy | None = None) -> Role:
    return Role(ROLE, "f", (policy(*statements),), boundary=boundary)


@pytest.mark.parametrize(
    ("statements", "rights"),
    [
        ([allow("*")], ADMIN),
        ([allow("*", Condition=WEEKDAY)], ADMIN),
        ([allow("*"), deny("ec2:*")], ADMIN),
        ([allow("*"), deny("iam:*", Condition=WEEKDAY)], ADMIN),
        ([allow("iam:*")], ESCALATION),
        ([NOT_IAM], ESCALATION),
        ([allow("*"), deny("iam:*")], ESCALATION),
        ([allow("iam:PutRolePolicy", arn("iam", "role/x", region=""))], ESCALATION),
        ([allow("lambda:UpdateFunctionCode", arn("lambda", "function:x"))], ESCALATION),
        ([allow("lambda:CreateFunction"), allow("iam:PassRole")], ESCALATION),
        # by themselves neither of the two gains anything
        ([allow("lambda:CreateFunction")], None),
        ([allow("iam:PassRole")], None),
        ([allow("lambda:CreateFunction"), allow("iam:PassRole"), deny("iam:PassRole")], None),
        ([allow("*", Condition=OTHER_ROLE)], None),
        ([allow("*"), deny("*")], None),
        ([allow("dynamodb:*"), allow("sqs:*")], None),
        # an action that does not work on the resource
        ([allow("iam:PutRolePolicy", arn("dynamodb", "table/x"))], None),
        ([], None),
    ],
)
def test_the_worst_that_policies_allow(statements: list[dict[str, Any]], rights: str | None) -> None:
    assert rights_of(role(*statements)) == rights


@pytest.mark.parametrize(
    ("within", "rights"),
    [([allow("*")], ADMIN), ([NOT_IAM], ESCALATION), ([allow("dynamodb:*")], None)],
)
def test_a_boundary_takes_rights_away(within: list[dict[str, Any]], rights: str | None) -> None:
    assert rights_of(role(allow("*"), boundary=policy(*within, name="boundary"))) == rights
