"""Rules of a team: which grants they match, when they expire, what is said of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from scanner.gate.rules import (
    GrantFacts,
    IgnoreRule,
    grant_facts,
    matching_rule,
    open_rules,
    tally_rules,
)
from scanner.iam.policies import grants_of
from tests.unit.cases import ROLE, allow, function_arn, policy

TODAY = date(2027, 1, 31)
LONG_AGO = date(2026, 1, 1)
NOTES_ROLE = "arn:aws:iam::123456789012:role/app/notes-role"
NOTES_GET = (function_arn("notes-get"),)
ECS = "ecs:shop/api@123456789012/us-east-1"
NOTES_GET_AND_PUT = (*NOTES_GET, function_arn("notes-put"))


def rule(line: int = 1, **selectors: Any) -> IgnoreRule:
    return IgnoreRule(line, "agreed", **selectors)


def facts(
    action: str = "s3:DeleteObject",
    resource: str = "arn:aws:s3:::bucket/*",
    workloads: tuple[str, ...] = NOTES_GET,
    sid: str | None = "Legacy",
    **excepted: tuple[str, ...],
) -> GrantFacts:
    return GrantFacts(
        role=NOTES_ROLE,
        workloads=workloads,
        action=action,
        resource=resource,
        pattern=resource,
        sid=sid,
        **excepted,
    )


@pytest.mark.parametrize(
    ("selectors", "granted", "is_match"),
    [
        # the rule's pattern contains what is granted
        ({"action": "s3:delete*"}, facts(), True),
        ({"action": "s3:deleteobject"}, facts("S3:DeleteObject"), True),
        ({"action": "s3:delete*"}, facts("s3:Delete*"), True),
        ({"action": "*"}, facts("*"), True),
        ({"resource": "arn:aws:s3:::bucket/*"}, facts(), True),
        ({"resource": "arn:aws:s3:::*"}, facts(), True),
        # a narrow rule never hides a wider grant
        ({"action": "s3:delete*"}, facts("s3:*"), False),
        ({"action": "s3:delete*"}, facts("*"), False),
        ({"action": "s3:deleteobject"}, facts("s3:DeleteObject*"), False),
        ({"resource": "arn:aws:s3:::bucket/*"}, facts(resource="arn:aws:s3:::*"), False),
        ({"resource": "arn:aws:s3:::bucket/*"}, facts(resource="*"), False),
        ({"resource": "arn:aws:s3:::BUCKET/*"}, facts(), False),  # resources are case-sensitive
        # role and workload by name or ARN
        ({"role": "notes-*"}, facts(), True),
        ({"role": NOTES_ROLE}, facts(), True),
        ({"role": "other-*"}, facts(), False),
        ({"workload": "notes-*"}, facts(), True),
        ({"workload": "arn:aws:lambda:*:function:notes-get"}, facts(), True),
        # a rule for one function does not hide the grants of another one that shares the role
        ({"workload": "notes-get"}, facts(workloads=NOTES_GET_AND_PUT), False),
        ({"workload": "notes-*"}, facts(workloads=NOTES_GET_AND_PUT), True),
        ({"workload": "*"}, facts(workloads=()), False),
        # a workload without an ARN by name, id or whole key
        ({"workload": "shop/api"}, facts(workloads=(ECS,)), True),
        ({"workload": "ecs:shop/*"}, facts(workloads=(ECS,)), True),
        ({"workload": ECS}, facts(workloads=(ECS,)), True),
        ({"workload": "ec2:shop/*"}, facts(workloads=(ECS,)), False),
        ({"workload": "ecs:shop/*"}, facts(workloads=(ECS, *NOTES_GET)), False),
        # a Sid is exact
        ({"sid": "Legacy"}, facts(), True),
        ({"sid": "legacy"}, facts(), False),
        ({"sid": "Legacy"}, facts(sid=None), False),
        # one of several patterns must fit
        ({"action": ("s3:get*", "s3:delete*")}, facts(), True),
        ({"action": ("s3:get*", "s3:put*")}, facts(), False),
        ({"role": ("other-*", "notes-*"), "resource": ("arn:aws:s3:::bucket/*",)}, facts(), True),
        ({"workload": ("notes-get", "notes-put")}, facts(workloads=NOTES_GET_AND_PUT), True),
        ({"workload": ("notes-get", "other")}, facts(workloads=NOTES_GET_AND_PUT), False),
        # a statement must except all that the rule does
        ({"not_action": ("iam:*",)}, facts(except_actions=("iam:*", "sts:*")), True),
        ({"not_action": "iam:*"}, facts(except_actions=("IAM:*",)), True),
        ({"not_action": ("iam:*", "sts:*")}, facts(except_actions=("iam:*",)), False),
        ({"not_action": "iam:*"}, facts(except_actions=("iam:Get*",)), False),
        ({"not_action": "iam:get*"}, facts(except_actions=("iam:*",)), True),
        ({"not_action": "iam:*"}, facts(), False),
        ({"not_resource": "arn:aws:s3:::b"}, facts(except_resources=("arn:aws:s3:::b",)), True),
        ({"not_resource": "arn:aws:s3:::b"}, facts(except_resources=("arn:aws:s3:::c",)), False),
        # all selectors must fit
        ({"sid": "Legacy", "action": "s3:get*"}, facts(), False),
        ({"sid": "Legacy", "role": "notes-*", "workload": "notes-*", "action": "s3:*"}, facts(), True),
    ],
)
def test_what_a_rule_matches(selectors: dict[str, Any], granted: GrantFacts, is_match: bool) -> None:
    assert rule(**selectors).matches(granted) is is_match


@pytest.mark.parametrize(
    ("selectors", "both_match"),
    [
        ({"role": "f"}, [True, True]),
        ({"action": "*"}, [True, True]),
        ({"action": "s3:*"}, [False, True]),
        ({"resource": "*"}, [True, True]),
        ({"resource": "arn:aws:s3:::b/*"}, [True, False]),
    ],
)
def test_everything_but_something_is_matched_by_what_selects_everything(
    selectors: dict[str, Any], both_match: list[bool]
) -> None:
    but_s3 = {"Effect": "Allow", "NotAction": "s3:*", "Resource": "arn:aws:s3:::b/*"}
    but_one = {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::b/*"}
    grants = grants_of(policy(but_s3, but_one))
    assert [rule(**selectors).matches(grant_facts(ROLE, NOTES_GET, grant)) for grant in grants] == both_match


def test_a_policy_variable_may_stand_for_anything() -> None:
    (grant,) = grants_of(policy(allow("s3:GetObject", "arn:aws:s3:::b/${aws:PrincipalTag/team}")))
    granted = grant_facts(ROLE, NOTES_GET, grant)
    assert rule(resource="arn:aws:s3:::b/*").matches(granted)
    as_spelled = rule(resource="arn:aws:s3:::b/${aws:PrincipalTag/team}")
    assert as_spelled.matches(granted)
    assert not rule(resource="arn:aws:s3:::b/$*").matches(granted)


def test_a_rule_holds_through_its_last_day() -> None:
    assert not rule(expires=TODAY).is_expired(TODAY)
    assert rule(expires=TODAY).is_expired(TODAY + timedelta(days=1))
    assert not rule().is_expired(date.max)


def test_a_rule_that_still_holds_comes_before_an_expired_one() -> None:
    expired = rule(1, sid="Legacy", expires=LONG_AGO)
    other = rule(2, sid="x")
    holds = rule(3, role="*")
    assert matching_rule([expired, other, holds], facts(), TODAY) == holds
    assert matching_rule([expired, other], facts(), TODAY) == expired
    assert matching_rule([other], facts(), TODAY) is None


def test_what_is_reported_of_the_rules() -> None:
    used = rule(3, role="*")
    idle = rule(5, sid="x")
    expired = rule(7, sid="Legacy", expires=LONG_AGO, owner="@team\n")
    gone = rule(9, sid="y", expires=LONG_AGO)
    counts = tally_rules([used, idle, expired, gone], [(used, 2), (expired, 1), (used, 1), (idle, 0)], TODAY)
    assert counts.hiding == ((used, 3),)  # an expired rule hides nothing
    assert counts.notes("c.yml") == [
        "c.yml:5: this rule matches nothing, or only what an earlier one matches: remove it",
        "c.yml:9: this rule matches nothing, or only what an earlier one matches: remove it",
    ]
    assert counts.failures("c.yml") == [
        "c.yml:7: the rule expired after 2026-01-01 and still matches 1 grant: agreed (owner: @team\\n)"
    ]


@pytest.mark.parametrize(
    ("selectors", "is_open"),
    [
        ({"workload": "ecs:shop/api"}, False),
        ({"workload": "ec2:*/api"}, True),
        ({"sid": "BreakGlass"}, True),
        ({"role": "*-migration-role"}, True),
        ({"role": "arn:aws:iam::123456789012:role/*"}, True),
        ({"workload": "notes-*"}, True),
        ({"sid": "BreakGlass", "role": "*-migration-role"}, True),
        ({"action": "*", "sid": "BreakGlass"}, True),
        ({"resource": "*", "role": "notes-?"}, True),
        ({"action": "*"}, True),
        ({"resource": "arn:aws:*:*:*:*", "sid": "S"}, True),
        # what it accepts is bounded
        ({"sid": "BreakGlass", "action": "ssm:*"}, False),
        ({"role": "*-migration-role", "resource": "arn:aws:s3:::b/*"}, False),
        ({"action": "s3:getobject"}, False),
        # one that the team knows by name
        ({"role": "notes-role"}, False),
        ({"role": "arn:aws:iam::*:role/app/notes-role"}, False),
        ({"workload": "arn:aws:lambda:*:function:notes-get", "sid": "BreakGlass"}, False),
    ],
)
def test_a_rule_that_names_alone_decide_is_open(selectors: dict[str, str], is_open: bool) -> None:
    lines = open_rules([rule(7, **selectors)], "least-privilege.yml")
    assert rule(7, **selectors).is_open is bool(lines) is is_open
    assert all(line.startswith("least-privilege.yml:7: this rule accepts every action on") for line in lines)
