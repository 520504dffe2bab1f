"""The same permission granted twice: which others allow it, and which of the two could go."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Policy
from scanner.usage.evidence import EvidenceRequirements
from tests.unit.cases import (
    HOUR,
    NOW,
    REGION,
    allow,
    arn,
    compared,
    deny,
    function,
    of_aws,
    policy,
    statements_of,
    table,
    usage,
    used,
)

GET, PUT, QUERY, SCAN = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"
UNKNOWN = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
OTHER_UNKNOWN = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
HERE = {"StringEquals": {"aws:RequestedRegion": REGION}}
STAYS, GOES = "stays", "goes"


def twice(*policies: Policy, seen: Any = None, **how: Any) -> list[str]:
    """Of each grant in its order: "-" if no other allows all its uses, else whether it could go."""
    seen = seen or usage(used((GET, table("t"))))
    assessments = compared(policies, [seen], **how).assessments
    return [
        (GOES if item.redundancy.redundant else STAYS) if item.redundancy.also_granted_by else "-"
        for item in assessments
    ]


def of_one(*statements: dict[str, Any], **how: Any) -> list[str]:
    return twice(policy(*statements), **how)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        # alone
        ([allow(GET, table("t"))], ["-"]),
        ([allow(GET, table("t")), allow(SCAN, table("t"))], ["-", "-"]),
        ([allow(GET, table("t")), allow(GET, table("u"))], ["-", "-"]),
        # the same twice: the later one
        ([allow(GET, table("t")), allow(GET, table("t"))], [STAYS, GOES]),
        ([allow(GET, table("t"))] * 3, [STAYS, GOES, GOES]),
        ([allow("DYNAMODB:GetItem", table("t")), allow("dynamodb:getitem", table("t"))], [STAYS, GOES]),
        # one contains the other: whatever the order, the wide one is cut, the narrow one says it already
        ([allow("dynamodb:*", table("t")), allow(GET, table("t"))], [GOES, STAYS]),
        ([allow(GET, table("t")), allow("dynamodb:*", table("t"))], [STAYS, GOES]),
        ([allow(GET, "*"), allow(GET, table("t"))], [GOES, STAYS]),
        # where the wider one is no excess, it stays
        (
            [allow(GET, arn("dynamodb", "table/t", account="*")), allow(GET, table("t"))],
            [STAYS, GOES],
        ),
        (
            [allow(GET, table("t")), allow(GET, arn("dynamodb", "table/t", account="*"))],
            [GOES, STAYS],
        ),
        # two that overlap
        ([allow("dynamodb:Get*", table("t")), allow("dynamodb:*Item", table("t"))], [STAYS, GOES]),
        ([allow("dynamodb:*", "*"), allow(GET, "*"), allow(GET, table("t"))], [GOES, GOES, STAYS]),
    ],
)
def test_of_several_grants_of_one_use(statements: list[dict[str, Any]], expected: list[str]) -> None:
    assert of_one(*statements) == expected


def test_a_grant_of_which_one_use_is_its_own_is_no_duplicate() -> None:
    seen = usage(used((GET, table("t")), (SCAN, table("t"))))
    assert of_one(allow("dynamodb:*", table("t")), allow(GET, table("t")), seen=seen) == ["-", STAYS]


def test_a_wildcard_could_go_where_others_together_allow_all_that_it_was_used_for() -> None:
    seen = usage(used((GET, table("t")), (SCAN, table("t"))))
    statements = [allow("dynamodb:*", table("t")), allow(GET, table("t")), allow(SCAN, table("t"))]
    assert of_one(*statements, seen=seen) == [GOES, STAYS, STAYS]


def test_an_unused_grant_is_no_duplicate() -> None:
    seen = usage(services=["dynamodb"])
    assert of_one(allow(GET, table("t")), allow(GET, table("t")), seen=seen) == ["-", "-"]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        # no trace tells which of the two conditions held
        (
            [allow(GET, table("t"), Condition=UNKNOWN), allow(GET, table("t"), Condition=OTHER_UNKNOWN)],
            ["-", "-"],
        ),
        (
            [
                allow("dynamodb:*", table("t"), Condition=UNKNOWN),
                allow(GET, table("t"), Condition=OTHER_UNKNOWN),
            ],
            ["-", "-"],
        ),
        # the same condition
        (
            [allow(GET, table("t"), Condition=UNKNOWN), allow(GET, table("t"), Condition=UNKNOWN)],
            [STAYS, GOES],
        ),
        (
            [allow("dynamodb:*", table("t"), Condition=UNKNOWN), allow(GET, table("t"), Condition=UNKNOWN)],
            [GOES, STAYS],
        ),
        # one that held makes nothing without a condition redundant, but may be redundant itself
        ([allow(GET, table("t"), Condition=HERE), allow(GET, table("t"))], [GOES, "-"]),
        ([allow("dynamodb:*", table("t")), allow(GET, table("t"), Condition=HERE)], ["-", STAYS]),
    ],
)
def test_conditions(statements: list[dict[str, Any]], expected: list[str]) -> None:
    assert of_one(*statements) == expected


VARIABLE = table("${aws:PrincipalTag/team}")


@pytest.mark.parametrize(
    ("statements", "tags", "expected"),
    [
        # it may stand for another table: nothing is redundant because of it
        ([allow(GET, VARIABLE), allow(GET, table("t"))], {}, [STAYS, "-"]),
        ([allow(GET, table("t")), allow(GET, VARIABLE)], {}, ["-", STAYS]),
        ([allow("dynamodb:*", table("t")), allow(GET, VARIABLE)], {}, ["-", STAYS]),
        (
            [{"Effect": "Allow", "Action": GET, "NotResource": VARIABLE}, allow(GET, table("t"))],
            {},
            [GOES, "-"],
        ),
        # the same variable stands for the same
        ([allow(GET, VARIABLE), allow(GET, VARIABLE)], {}, [STAYS, GOES]),
        # the role settles it
        ([allow(GET, VARIABLE), allow(GET, table("t"))], {"team": "t"}, [STAYS, GOES]),
        ([allow("dynamodb:*", table("t")), allow(GET, VARIABLE)], {"team": "t"}, [GOES, STAYS]),
    ],
)
def test_variables(statements: list[dict[str, Any]], tags: dict[str, str], expected: list[str]) -> None:
    assert of_one(*statements, tags=tags) == expected


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        # all but s3 holds GetItem
        (
            [{"Effect": "Allow", "NotAction": "s3:*", "Resource": table("t")}, allow(GET, table("t"))],
            [GOES, STAYS],
        ),
        # exceptions of resources leave the table
        (
            [{"Effect": "Allow", "Action": GET, "NotResource": table("u")}, allow(GET, table("t"))],
            [GOES, STAYS],
        ),
        # or name it
        ([{"Effect": "Allow", "Action": GET, "NotResource": table("t")}, allow(GET, table("t"))], ["-", "-"]),
        # the same exceptions
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": table("t")}] * 2, [STAYS, GOES]),
    ],
)
def test_exceptions(statements: list[dict[str, Any]], expected: list[str]) -> None:
    assert of_one(*statements) == expected


def test_a_denied_grant_allows_nothing_twice() -> None:
    statements = [allow(GET, table("t")), allow(GET, table("t")), deny(GET, table("t"))]
    assert of_one(*statements) == ["-", "-"]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        # of the same in a policy of AWS and in one's own, one's own can be edited
        ([of_aws("Aws", allow(GET, table("t"))), policy(allow(GET, table("t")))], [STAYS, GOES]),
        ([policy(allow(GET, table("t"))), of_aws("Aws", allow(GET, table("t")))], [GOES, STAYS]),
        # a policy of AWS that is too wide goes as a whole
        ([of_aws("Aws", allow("dynamodb:*", "*")), policy(allow(GET, table("t")))], [GOES, STAYS]),
        # not while something else of it is in use
        (
            [
                of_aws("Aws", allow("dynamodb:*", "*"), allow("s3:DeleteObject")),
                policy(allow(GET, table("t"))),
            ],
            [STAYS, "-", STAYS],
        ),
    ],
)
def test_policies_of_aws(policies: list[Policy], expected: list[str]) -> None:
    objects = usage(used((GET, table("t")), ("s3:DeleteObject", "arn:aws:s3:::b/*")))
    assert twice(*policies, seen=objects) == expected


def test_what_lambda_itself_needs_twice() -> None:
    logs = ["logs:CreateLogStream", "logs:PutLogEvents"]
    basic = of_aws("AWSLambdaBasicExecutionRole", allow(["logs:CreateLogGroup", *logs], "*"))
    own = policy(allow(logs, arn("logs", "log-group:/aws/lambda/f:*")))
    # the wide one holds the name of the log group without its streams, too
    assert twice(basic, own, seen=usage()) == ["-", "-", "-", GOES, GOES]


def test_a_wide_grant_with_a_doubt_does_not_go() -> None:
    """Its traces are older than the function: what else it was used for, nothing tells."""
    old = usage(used((GET, table("t"))), traces=[NOW - 2 * HOUR])
    statements = [allow("dynamodb:*", table("t")), allow(GET, table("t"))]
    assert of_one(*statements, seen=old) == [STAYS, STAYS]


def test_a_grant_that_a_call_may_have_needed_for_more_does_not_go() -> None:
    seen = usage(
        used((GET, table("t"))) | used(("dynamodb:UpdateItem", table("t")), required=False),
        services=["dynamodb"],
    )
    assert of_one(allow("dynamodb:*", table("t")), allow(GET, table("t")), seen=seen) == [STAYS, STAYS]


def test_where_one_goes_the_other_stays_in_the_suggestion() -> None:
    statements = [allow("dynamodb:*", "*"), allow([GET], table("t"), Sid="Read"), allow([GET], table("t"))]
    result = compared([policy(*statements)], [usage(used((GET, table("t"))))])
    assert [i.redundancy.redundant for i in result.assessments] == [True, False, True]
    assert statements_of(result)[0] == allow([GET], table("t"))


def test_what_could_go_is_not_in_the_suggestion() -> None:
    statements = [allow([GET], table("t"), Condition=HERE), allow([GET], table("t"))]
    result = compared([policy(*statements)], [usage(used((GET, table("t"))))])
    assert [i.redundancy.redundant for i in result.assessments] == [True, False]
    assert statements_of(result) == [allow([GET], table("t"))]


def test_a_finding_names_the_others_by_policy_and_statement() -> None:
    grants = [policy(allow(GET, table("t"), Sid="Read")), of_aws("Aws", allow(PUT), allow("dynamodb:*"))]
    first, *_ = compared(grants, [usage(used((GET, table("t"))))]).findings
    assert [tuple(place) for place in first.also_granted_by] == [("arn:aws:iam::aws:policy/Aws", 1)]
    assert not first.redundant


def test_what_allows_only_a_part_of_what_lambda_needs_makes_nothing_redundant() -> None:
    interfaces = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
    more = ["ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"]
    grants = policy(
        allow("ec2:*", "*", Sid="wide"),
        allow([*interfaces, *more], arn("ec2", "subnet/*"), Sid="narrow"),
        allow(["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]),
    )
    found = compared(
        [grants],
        [usage(used((GET, table("t"))))],
        functions=[function(in_vpc=True)],
        requirements=EvidenceRequirements(assume_instrumented=True),
    )
    assert not any(item.redundancy.redundant for item in found.assessments)
    (create,) = [s for s in statements_of(found) if "ec2:CreateNetworkInterface" in s["Action"]]
    assert create["Resource"] == arn("ec2", "*/*", account="*")


def test_a_grant_that_is_not_surely_too_wide_does_not_go() -> None:
    pair = [allow("dynamodb:*", "*"), allow(GET, table("t"))]
    assert of_one(*pair) == [GOES, STAYS]
    assert of_one(*pair, workloads_complete=False) == [STAYS, STAYS]
