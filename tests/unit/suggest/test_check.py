"""Calls against policies: allowed elsewhere, objections to a suggestion, what to offer for a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from scanner.model import Observation, Permission, Policy, Role, Usage
from scanner.suggest.check import PolicyCheck
from tests.unit.cases import (
    NOW,
    ROLE,
    allow,
    arn,
    compared,
    deny,
    function,
    function_arn,
    of_aws,
    policy,
    statements_of,
    table,
    usage,
    used,
)

GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"
UNKNOWN = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
FOREIGN = arn("sqs", "q", account="999999999999")


def called(
    action: str,
    resource: str,
    *,
    succeeded: int = 1,
    exact: bool = True,
    required: bool = True,
    name: str = "f",
) -> Usage:
    """A function that made three calls of one permission, of which some succeeded."""
    needs = used((action, resource), exact=exact, required=required)
    return usage(dict.fromkeys(needs, Observation(3, 1, NOW, NOW, succeeded)), name=name)


# --- allowed elsewhere ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        # no policy of the role names it
        (allow("sqs:ReceiveMessage"), "allowed elsewhere"),
        (allow("sqs:SendMessage", arn("sqs", "q")), "allowed elsewhere"),
        (
            allow("sqs:SendMessage", "*", Condition={"StringEquals": {"aws:PrincipalAccount": "1"}}),
            "allowed elsewhere",
        ),
        # one does, or may
        (allow("sqs:SendMessage"), "allowed here"),
        (allow("SQS:*", FOREIGN), "allowed here"),
        (allow("sqs:SendMessage", "*", Condition=UNKNOWN), "allowed here"),
        (allow("sqs:SendMessage", arn("sqs", "${aws:PrincipalTag/queue}", account="*")), "allowed here"),
    ],
)
def test_a_call_that_succeeded_without_a_grant(statement: dict[str, Any], expected: str) -> None:
    result = compared([policy(statement)], [called("sqs:SendMessage", FOREIGN, succeeded=2)])
    found = [(e.workload, e.action, e.resource, e.calls, e.denied) for e in result.allowed_elsewhere]
    elsewhere = [(function_arn("f"), "sqs:SendMessage", FOREIGN, 2, False)]
    assert found == (elsewhere if expected == "allowed elsewhere" else [])


def test_a_call_that_succeeded_in_spite_of_a_deny() -> None:
    """With the credentials of another role, or before the Deny was written."""
    result = compared([policy(allow("sqs:*"), deny("sqs:*", FOREIGN))], [called("sqs:SendMessage", FOREIGN)])
    assert [e.denied for e in result.allowed_elsewhere] == [True]


def test_a_call_that_succeeded_outside_the_boundary() -> None:
    boundary = policy(allow("s3:*"), name="boundary")
    result = compared([policy(allow("sqs:*"))], [called("sqs:SendMessage", FOREIGN)], boundary=boundary)
    assert [e.denied for e in result.allowed_elsewhere] == [False]


def test_a_call_whose_condition_did_not_hold_was_allowed_elsewhere() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    result = compared([policy(allow(GET, table("t"), Condition=condition))], [called(GET, table("t"))])
    assert [e.action for e in result.allowed_elsewhere] == [GET]
    assert [f.verdict.value for f in result.findings] == ["unused"]


@pytest.mark.parametrize(
    ("seen", "how"),
    [
        (called("sqs:SendMessage", FOREIGN, succeeded=0), {}),  # it failed: nothing allowed it
        (called("sqs:SendMessage", FOREIGN, required=False), {}),  # it may not have been needed
        (called("sqs:SendMessage", FOREIGN), {"readable": False}),  # a policy that was not read may allow it
        (called("sqs:SendMessage", FOREIGN), {"by_version_only": ["f"]}),  # it may have run with another role
    ],
)
def test_what_is_not_called_allowed_elsewhere(seen: Usage, how: dict[str, Any]) -> None:
    assert compared([policy(allow(GET))], [seen], **how).allowed_elsewhere == []


@pytest.mark.parametrize(
    ("resource", "expected"),
    [(arn("sqs", "q"), []), (FOREIGN, []), (table("t"), ["sqs:SendMessage"])],
)
def test_an_unknown_queue_may_be_any_that_the_role_grants(resource: str, expected: list[str]) -> None:
    seen = called("sqs:SendMessage", arn("sqs", "*"), exact=False)
    result = compared([policy(allow("sqs:SendMessage", resource))], [seen])
    assert [e.action for e in result.allowed_elsewhere] == expected


def test_a_call_allowed_elsewhere_needs_no_place_in_the_suggestion() -> None:
    seen = usage({**used((GET, table("t"))), **called("sqs:SendMessage", FOREIGN).used})
    result = compared([policy(allow([GET], table("t")))], [seen])
    assert (statements_of(result), result.objections) == ([allow([GET], table("t"))], [])


# --- what speaks against a suggestion ------------------------------------------------------------


def objections(
    today: list[Policy], suggested: Iterable[dict[str, Any]], *permissions: Permission, **role: Any
) -> list[str]:
    document = {"Version": "2012-10-17", "Statement": list(suggested)}
    return PolicyCheck(Role(ROLE, "f", tuple(today), **role)).objections(document, permissions)


READ = Permission(GET, table("t"), exact=True)
TODAY = [policy(allow("dynamodb:*", table("t")), deny(SCAN, table("t")))]


@pytest.mark.parametrize(
    ("suggested", "expected"),
    [
        ([allow(GET, table("t"))], []),
        ([allow("dynamodb:Get*", table("t"))], []),
        ([allow(SCAN, table("t"))], ["no longer allow dynamodb:GetItem", "not known to be denied still"]),
        ([allow(GET, table("u"))], ["no longer allow dynamodb:GetItem", "not known to be allowed before"]),
        ([allow(GET, table("t"), Condition=UNKNOWN)], ["no longer allow dynamodb:GetItem"]),
        ([allow(GET, table("t")), deny(GET, table("t"))], ["no longer allow dynamodb:GetItem"]),
        ([allow(GET, "*")], ["not known to be allowed before"]),
        ([allow([GET, "s3:GetObject"], table("t"))], ["not known to be allowed before"]),
        ([allow("dynamodb:*", table("t"))], ["not known to be denied still"]),
    ],
)
def test_a_suggestion_that_stops_a_call_or_allows_more_is_objected_to(
    suggested: list[dict[str, Any]], expected: list[str]
) -> None:
    found = objections(TODAY, suggested, READ)
    assert len(found) == len(expected)
    assert all(part in one for part, one in zip(expected, found, strict=True)), found


def test_what_is_not_allowed_today_is_no_objection() -> None:
    assert objections(TODAY, [allow(GET, table("t"))], Permission(SCAN, table("t"), exact=True)) == []


def test_what_is_open_today_may_stay_open_and_no_worse() -> None:
    today = [policy(allow(GET, table("t"), Condition=UNKNOWN))]
    assert objections(today, [allow(GET, table("t"), Condition=UNKNOWN)], READ) == []
    assert objections(today, [allow(SCAN, table("t"), Condition=UNKNOWN)], READ) != []


def test_a_suggestion_is_tested_under_the_boundary() -> None:
    boundary = policy(allow(GET, table("t")), name="boundary")
    today = [policy(allow("*"))]
    other = Permission(SCAN, table("t"), exact=True)
    assert objections(today, [allow(GET, table("t"))], READ, other, boundary=boundary) == []


def test_a_call_without_its_resource_must_stay_allowed_wherever_it_may_have_been() -> None:
    today = [policy(allow(SCAN, "*"))]
    unknown = Permission(SCAN, table("*"), exact=False)
    assert objections(today, [allow(SCAN, arn("dynamodb", "table/*", account="*"))], unknown) == []
    assert objections(today, [allow(SCAN, table("*"))], unknown) != []  # it may be another account's


def test_policies_of_aws_count_like_ones_own() -> None:
    result = compared([of_aws("Aws", allow("sqs:*"))], [called("sqs:SendMessage", FOREIGN)])
    assert result.allowed_elsewhere == []


def test_each_workload_of_a_role_has_its_own_calls_allowed_elsewhere() -> None:
    usages = [called("sqs:SendMessage", FOREIGN, name=name) for name in ("f", "g")]
    result = compared([policy(allow(GET))], usages, functions=[function("f"), function("g")])
    assert [e.workload for e in result.allowed_elsewhere] == [function_arn("f"), function_arn("g")]


def test_a_call_that_today_denies_in_the_own_account_is_no_objection() -> None:
    """Its account is a guess, and elsewhere the policies leave it open."""
    grants = policy(
        allow("dynamodb:GetItem", table("a")),
        deny("dynamodb:GetItem", table("a")),
        allow(["sqs:DeleteMessage", "sqs:SendMessage"], arn("sqs", "q")),
    )
    seen = usage(
        {
            **used(("dynamodb:GetItem", table("a")), exact=False),
            **used(("sqs:SendMessage", arn("sqs", "q"))),
        }
    )
    found = compared([grants], [seen])
    assert found.objections == []
    assert found.suggestion is not None


def test_what_only_a_grant_names_that_is_always_denied_is_no_objection() -> None:
    grants = policy(
        allow("dynamodb:GetItem", table("a")),
        deny("dynamodb:*", arn("dynamodb", "table/*", region="*", account="*")),
        allow(["sqs:DeleteMessage", "sqs:SendMessage"], arn("sqs", "q")),
    )
    seen = usage(
        {**used(("dynamodb:GetItem", "*"), exact=False), **used(("sqs:SendMessage", arn("sqs", "q")))}
    )
    found = compared([grants], [seen])
    assert found.objections == []
    assert found.suggestion is not None
