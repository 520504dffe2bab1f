"""A role as AWS's documents have it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.roles.reader import RolesOfAws, roles_from_file
from tests.unit.cases import ROLE, allow


@pytest.mark.parametrize(
    ("details", "created"),
    [
        ({"CreateDate": "2026-11-23T08:15:00+00:00"}, datetime(2026, 11, 23, 8, 15, tzinfo=UTC)),
        ({"CreateDate": "yesterday"}, None),
        ({}, None),
    ],
)
def test_when_a_role_was_made(details: dict[str, Any], created: datetime | None) -> None:
    (role,) = roles_from_file({"RoleDetailList": [{"Arn": ROLE, **details}]}, [ROLE], Warnings())
    assert role.created == created


def test_policies_of_one_name_stay_apart_and_what_is_attached_twice_counts_once() -> None:
    def inline(action: str) -> dict[str, Any]:
        return {"PolicyName": "own", "PolicyDocument": {"Statement": [allow(action, "*")]}}

    policies = [inline("s3:GetObject"), inline("sqs:SendMessage"), inline("s3:GetObject")]
    detail = {"Arn": ROLE, "RolePolicyList": policies}
    (role,) = roles_from_file({"RoleDetailList": [detail]}, [ROLE], Warnings())
    assert len({policy.key for policy in role.policies}) == 2
    assert {s.actions for policy in role.policies for s in policy.statements} == {
        ("s3:GetObject",),
        ("sqs:SendMessage",),
    }


def test_a_role_of_another_account_is_not_the_one_of_its_name_in_this_account() -> None:
    elsewhere = ROLE.replace("123456789012", "999988887777")
    warnings = Warnings()
    client: Any = SimpleNamespace(get_role=lambda **_: {"Role": {"Arn": ROLE}})
    (role,) = RolesOfAws(client).read([elsewhere], warnings)
    assert (role.arn, role.policies) == (elsewhere, ())
    assert [warning.code for warning in warnings.all()] == ["role-elsewhere"]
