"""What a role really allows: boundary, Deny, policy variables, grants that allow nothing."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from tests.unit.cases import (
    ACCOUNT,
    allow,
    arn,
    compared,
    deny,
    function,
    function_arn,
    only,
    outcomes,
    policy,
    statements_of,
    summaries,
    table,
    usage,
    used,
)

GET, QUERY, PUT, SCAN = "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:Scan"
LOGS = arn("logs", "log-group:/aws/lambda/f:*")


def all_but(
    actions: str | list[str], resources: str | list[str] = "*", effect: str = "Deny"
) -> dict[str, Any]:
    return {"Effect": effect, "NotAction": actions, "Resource": resources}


def elsewhere(actions: str | list[str], resources: str | list[str], effect: str = "Deny") -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, "NotResource": resources}


def bounded(*statements: dict[str, Any], by: list[dict[str, Any]], seen: Any = None, **how: Any) -> Any:
    """(verdict, actions, resources, reasons) of each finding of a role under a boundary."""
    boundary = policy(*by, name="boundary")
    return summaries(compared([policy(*statements)], [seen or usage()], boundary=boundary, **how))


# --- the boundary --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boundary", "verdict"),
    [
        # it leaves the grant, in whole or in part
        (allow("*"), "used"),
        (allow("dynamodb:*"), "used"),
        (allow(GET, table("t")), "used"),
        (allow("DYNAMODB:getitem", table("*")), "used"),
        (all_but("iam:*", effect="Allow"), "used"),
        (elsewhere("dynamodb:*", table("secret"), effect="Allow"), "used"),
        # it names another action, or another resource
        (allow("s3:*"), "ineffective"),
        (allow(QUERY, table("t")), "ineffective"),
        (allow(GET, table("u")), "ineffective"),
        (all_but("dynamodb:*", effect="Allow"), "ineffective"),
        (elsewhere("dynamodb:*", table("*"), effect="Allow"), "ineffective"),
        # under a condition it may leave it
        (allow(GET, table("t"), Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "used"),
        # a variable in it may stand for the table
        (allow(GET, table("${aws:PrincipalTag/team}")), "used"),
    ],
)
def test_a_boundary_leaves_what_it_names_and_no_more(boundary: dict[str, Any], verdict: str) -> None:
    found = bounded(allow(GET, table("t")), by=[boundary], seen=usage(used((GET, table("t")))))
    assert [f.verdict for f in found] == [verdict]


def test_a_boundary_grants_nothing() -> None:
    assert bounded(by=[allow("*")], seen=usage(used((GET, table("t"))))) == []


def test_a_deny_in_a_boundary_denies() -> None:
    found = bounded(allow(GET, table("t")), by=[allow("*"), deny(GET)], seen=usage(used((GET, table("t")))))
    assert [f.verdict for f in found] == ["ineffective"]


def test_a_wildcard_is_not_blamed_for_actions_outside_the_boundary() -> None:
    grant = allow("dynamodb:*", table("t"))
    seen = usage(used((GET, table("t")), (QUERY, table("t"))))
    assert bounded(grant, by=[allow([GET, QUERY])], seen=seen)[0].verdict == "used"
    assert bounded(grant, by=[allow([GET, QUERY, SCAN])], seen=seen)[0].outcome == ("broad", ())


def test_of_a_wildcard_only_the_actions_that_the_boundary_leaves_there_count() -> None:
    """Elsewhere the boundary leaves more: that is no excess of this grant."""
    boundary = [allow(GET, table("t")), allow("dynamodb:*", table("u"))]
    found = bounded(allow("dynamodb:*", table("t")), by=boundary, seen=usage(used((GET, table("t")))))
    assert [f.verdict for f in found] == ["used"]


@pytest.mark.parametrize(
    ("within", "verdict"),
    [
        ([table("t")], "used"),
        ([table("t"), arn("dynamodb", "table/t", account="*")], "used"),
        ([arn("dynamodb", "table/t", region="*", account="*")], "used"),
        ([table("t"), table("u")], "broad"),  # two tables, one of which was used
        ([table("t*")], "broad"),
        (["*"], "broad"),
    ],
)
def test_a_wide_resource_counts_as_far_as_the_boundary_leaves_it(within: list[str], verdict: str) -> None:
    found = bounded(allow(GET, "*"), by=[allow("dynamodb:*", within)], seen=usage(used((GET, table("t")))))
    assert [finding.outcome for finding in found] == [(verdict, ())]


def test_a_call_without_its_resource_leaves_open_which_part_of_the_boundary_it_used() -> None:
    seen = usage(used((SCAN, table("*")), exact=False))
    two = bounded(allow(SCAN, "*"), by=[allow(SCAN, [table("t"), table("u")])], seen=seen)
    one = bounded(allow(SCAN, "*"), by=[allow(SCAN, table("t"))], seen=seen)
    assert [f.verdict for f in one] == ["used"]
    assert all(f.verdict == "used" or f.reasons for f in two)  # never too wide with confidence


def test_the_suggestion_counts_on_the_boundary_for_nothing() -> None:
    boundary = policy(allow("dynamodb:*", table("t")), name="boundary")
    result = compared([policy(allow([GET, SCAN], "*"))], [usage(used((GET, table("t"))))], boundary=boundary)
    assert statements_of(result) == [allow([GET], "*")]  # the boundary narrows it to the one table


# --- Deny ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("denial", "verdict"),
    [
        # it covers the grant wholly
        (deny(GET, table("t")), "ineffective"),
        (deny("DynamoDB:Get*", "*"), "ineffective"),
        (deny("*", "*"), "ineffective"),
        (deny([PUT, GET], [table("u"), table("*")]), "ineffective"),
        # another action, another resource, a part of what a pattern stands for
        (deny(QUERY, table("t")), "used"),
        (deny(GET, table("t") + "/index/*"), "used"),
        (deny(GET, arn("dynamodb", "table/t", region="eu-west-1")), "used"),
        # it may not apply
        (deny(GET, table("t"), Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}), "used"),
        (deny(GET, table("${aws:PrincipalTag/team}")), "used"),
        (deny(GET, table("t${*}")), "used"),
        # all but some actions
        (all_but("iam:*"), "ineffective"),
        (all_but([QUERY, "s3:*"]), "ineffective"),
        (all_but("dynamodb:*"), "used"),
        (all_but("DYNAMODB:GET*"), "used"),
        (all_but("iam:*", table("u")), "used"),
        # all but some resources
        (elsewhere(GET, table("u")), "ineffective"),
        (elsewhere("*", ["arn:aws:s3:::*", table("u")]), "ineffective"),
        (elsewhere(GET, table("t")), "used"),
        (elsewhere(GET, table("*")), "used"),
        (elsewhere(GET, table("${aws:PrincipalTag/team}")), "used"),  # may be this table
        (elsewhere(QUERY, table("u")), "used"),
        # all but some actions, on all but some resources
        ({"Effect": "Deny", "NotAction": "iam:*", "NotResource": table("u")}, "ineffective"),
        ({"Effect": "Deny", "NotAction": "iam:*", "NotResource": table("t")}, "used"),
        ({"Effect": "Deny", "NotAction": GET, "NotResource": table("u")}, "used"),
    ],
)
def test_a_deny_takes_away_what_it_surely_covers(denial: dict[str, Any], verdict: str) -> None:
    grants = [policy(allow(GET, table("t"))), policy(denial, name="other")]
    result = compared(grants, [usage(used((GET, table("t"))))])
    assert only(result).verdict.value == verdict


def test_a_deny_on_one_table_leaves_the_wildcard_its_other_tables() -> None:
    grants = policy(allow(GET, [table("*"), table("t")]), deny(GET, table("t")))
    found = summaries(compared([grants], [usage(used((GET, table("u"))))]))
    assert found == [
        ("broad", (GET,), (table("*"),), ()),
        ("ineffective", (GET,), (table("t"),), ()),
    ]


def test_several_denials_together_deny_all_actions_of_a_wildcard() -> None:
    grants = policy(
        allow("dynamodb:Batch*Item", table("t")),
        deny("dynamodb:BatchGet*"),
        deny("dynamodb:BatchWrite*", table("*")),
    )
    assert only(compared([grants], [usage()])).verdict.value == "ineffective"


def test_denied_actions_are_no_excess_of_all_but_some() -> None:
    grants = policy(all_but(["iam:*", "sts:*"], table("t"), effect="Allow"), all_but([GET, QUERY]))
    found = summaries(compared([grants], [usage(used((GET, table("t")), (QUERY, table("t"))))]))
    assert [f.verdict for f in found] == ["used"]


def test_what_is_denied_is_no_reason_to_hold_back_a_finding() -> None:
    """GetParameter may run in init code; here it can run nowhere."""
    grants = policy(allow("ssm:*Parameter", arn("ssm", "parameter/p")), deny("ssm:GetParameter"))
    seen = usage(services=["ssm"])
    assert outcomes(compared([grants], [seen]))[0] == ("unused", ())


def test_what_lambda_needs_and_may_not_do_is_no_platform_permission() -> None:
    grants = policy(allow("logs:PutLogEvents", LOGS), deny("logs:*"))
    assert only(compared([grants], [usage()])).verdict.value == "ineffective"


def test_a_deny_stays_in_the_suggestion_in_its_own_words() -> None:
    denials = [all_but(["dynamodb:*"]), elsewhere([PUT], table("t")), deny([SCAN], Sid="NoScan")]
    grants = policy(allow([GET, QUERY], table("t")), *denials)
    statements = statements_of(compared([grants], [usage(used((GET, table("t"))))]))
    assert [s for s in statements if s["Effect"] == "Deny"] == [
        all_but(["dynamodb:*"]),
        elsewhere([PUT], table("t")),
        {"Sid": "NoScan", **deny([SCAN])},
    ]


def test_a_sid_that_two_policies_use_stands_once_in_the_suggestion() -> None:
    """IAM refuses a policy in which a Sid stands twice."""
    grants = [
        policy(allow([GET], table("t")), deny(["s3:*"], Sid="Never"), name="one"),
        policy(deny(["sqs:*"], Sid="Never"), name="other"),
    ]
    statements = statements_of(compared(grants, [usage(used((GET, table("t"))))]))
    assert [s.get("Sid") for s in statements] == [None, "Never", None]
    assert [s["Action"] for s in statements if s["Effect"] == "Deny"] == [["s3:*"], ["sqs:*"]]


# --- how wide a grant is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "touched"),
    [
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:db-??????")),
        ("ssm:GetParameter", arn("ssm", "parameter/p")),
        ("s3:GetObject", "arn:aws:s3:::b/*"),
    ],
)
def test_an_action_that_may_run_untraced_may_have_used_more_than_was_seen(action: str, touched: str) -> None:
    """The handler reads one secret; what init code or a presigned URL reads, no trace shows."""
    result = compared([policy(allow([action], "*"))], [usage(used((action, touched)))])
    assert summaries(result) == [("broad", (action,), ("*",), ("may-run-untraced",))]
    assert statements_of(result) == [allow([action], "*")]


def test_all_but_one_bucket_surely_served_a_call_on_another() -> None:
    """The grant of a prefix may have served it too, or may not."""
    grants = policy(
        elsewhere("s3:DeleteObject", "arn:aws:s3:::secret/*", effect="Allow"),
        allow("s3:DeleteObject", "arn:aws:s3:::b/in/*"),
    )
    found = summaries(compared([grants], [usage(used(("s3:DeleteObject", "arn:aws:s3:::b/*")))]))
    assert [finding.outcome for finding in found] == [("broad", ()), ("unused", ("resource-unknown",))]


def test_all_but_one_prefix_of_a_bucket_may_not_have_served_a_call_on_it() -> None:
    grants = policy(
        elsewhere("s3:DeleteObject", "arn:aws:s3:::b/in/*", effect="Allow"),
        allow("s3:DeleteObject", "arn:aws:s3:::b/in/*"),
    )
    found = summaries(compared([grants], [usage(used(("s3:DeleteObject", "arn:aws:s3:::b/*")))]))
    assert [finding.outcome for finding in found] == [("unused", ("resource-unknown",))] * 2


# --- policy variables ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "verdict"),
    [
        # settled by the role
        (table("${aws:PrincipalTag/team}"), "used"),
        (table("${AWS:principaltag/TEAM}"), "used"),
        (table("${aws:PrincipalTag/stage}"), "unused"),
        (arn("dynamodb", "table/t", account="*"), "used"),
        (table("${aws:PrincipalAccount}"), "unused"),
        # not known: it may stand for anything
        (table("${aws:PrincipalTag/other}"), "used"),
        (table("${aws:userid}"), "used"),
        (table("${aws:PrincipalTag/other}-x"), "unused"),
        # a default
        (table("${aws:username, 't'}"), "used"),
        (table("${aws:username, 'u'}"), "unused"),
        # a role has no user name: nothing is ever allowed
        (table("${aws:username}"), "ineffective"),
        (table("${aws:username}-${aws:PrincipalTag/team}"), "ineffective"),
        # the characters themselves
        (table("${*}"), "unused"),
        (table("${?}"), "unused"),
    ],
)
def test_a_variable_stands_for_what_the_role_settles(resource: str, verdict: str) -> None:
    tags = {"team": "t", "stage": "dev"}
    result = compared([policy(allow(GET, resource))], [usage(used((GET, table("t"))))], tags=tags)
    assert only(result).verdict.value == verdict


def test_in_the_older_version_of_policies_a_variable_is_plain_text() -> None:
    document = {"Version": "2008-10-17", "Statement": allow(GET, table("${aws:PrincipalTag/team}"))}
    old = Policy("old", None, "inline", parse_policy(document))
    found = compared([old], [usage(used((GET, table("t"))))], tags={"team": "t"})
    assert only(found).verdict.value == "unused"


def test_a_variable_in_not_resource_may_except_anything_so_it_excepts_nothing_surely() -> None:
    statement = elsewhere(GET, table("${aws:PrincipalTag/team}"), effect="Allow")
    result = compared([policy(statement)], [usage(used((GET, table("t"))))], tags={"team": "t"})
    assert only(result).verdict.value != "unused"


NEVER_THERE, HERE = "${aws:username}", f"arn:aws:dynamodb:*:{ACCOUNT}"
LIMITS = [
    # a variable that a role never has: NotResource applies, Resource does not
    (elsewhere(GET, table(NEVER_THERE)), "ineffective"),
    (elsewhere(GET, [table(NEVER_THERE), table("u")]), "ineffective"),
    (elsewhere(GET, [table(NEVER_THERE), table("t")]), "used"),
    (deny(GET, table(NEVER_THERE)), "used"),
    (elsewhere(GET, table("${aws:username, 't'}")), "used"),
    (elsewhere(GET, table("${aws:username, 'u'}")), "ineffective"),
    # one that the role settles, and one that only a request tells
    (elsewhere(GET, table("${aws:PrincipalTag/stage}")), "ineffective"),
    (elsewhere(GET, table("${aws:PrincipalTag/team}")), "used"),
    (deny(GET, table("${aws:PrincipalTag/team}")), "ineffective"),
    (elsewhere(GET, table("${aws:PrincipalTag/other}")), "used"),
    (deny(GET, table("${aws:PrincipalTag/other}")), "used"),
    # incomplete ARNs
    (deny(GET, HERE), "ineffective"),
    (deny(GET, "arn:aws:dynamodb:eu-*"), "used"),
    (elsewhere(GET, HERE), "used"),
    (elsewhere(GET, "arn:aws:dynamodb:eu-*"), "ineffective"),
    # what no page explains takes nothing away
    (deny(GET, "arn:aws:dynamodb:*:table/t"), "used"),
    (deny(GET, "arn:aws:d*"), "used"),
    (deny("d*:GetItem"), "used"),
    (all_but("d*:GetItem"), "used"),
]


@pytest.mark.parametrize("in_boundary", [False, True])
@pytest.mark.parametrize(("statement", "verdict"), LIMITS)
def test_what_a_deny_names_or_excepts(statement: dict[str, Any], verdict: str, in_boundary: bool) -> None:
    """docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value"""
    result = compared(
        [policy(allow(GET, table("t")), *([] if in_boundary else [statement]))],
        [usage(used((GET, table("t"))))],
        tags={"team": "t", "stage": "dev"},
        boundary=policy(allow("*"), *([statement] if in_boundary else []), name="boundary"),
    )
    assert only(result).verdict.value == verdict


@pytest.mark.parametrize("granted", [allow("dynamodb:*"), allow(GET), allow("*", table("*"))])
def test_a_deny_but_for_what_a_role_never_has_leaves_nothing(granted: dict[str, Any]) -> None:
    grants = policy(granted, elsewhere("*", table(NEVER_THERE)))
    assert only(compared([grants], [usage(services=["dynamodb"])])).verdict.value == "ineffective"


@pytest.mark.parametrize(
    ("boundary", "verdict"), [(HERE, "used"), ("arn:aws:dynamodb:eu-*", "ineffective"), (table("t"), "used")]
)
def test_a_boundary_may_name_an_incomplete_arn(boundary: str, verdict: str) -> None:
    found = bounded(allow(GET, table("t")), by=[allow(GET, boundary)], seen=usage(used((GET, table("t")))))
    assert [f.verdict for f in found] == [verdict]


# --- grants that allow nothing -------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        all_but("*", effect="Allow"),
        all_but([GET, "*"], table("t"), effect="Allow"),
        elsewhere(GET, "*", effect="Allow"),
        elsewhere(GET, [table("u"), "*"], effect="Allow"),
    ],
)
def test_all_but_everything_is_nothing(statement: dict[str, Any]) -> None:
    result = compared([policy(statement)], [usage(used((GET, table("t"))))])
    assert only(result).verdict.value == "ineffective"


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ({"ArnEquals": {"lambda:SourceFunctionArn": function_arn("g")}}, "ineffective"),
        ({"ArnEquals": {"lambda:SourceFunctionArn": function_arn("f")}}, "used"),
        ({"StringEquals": {"aws:PrincipalAccount": "999999999999"}}, "ineffective"),
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, "used"),
        ({"StringEquals": {"aws:username": "alice"}}, "ineffective"),
        ({"Null": {"aws:username": "true"}}, "used"),
        ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "used"),
        # not met here, but it may be met elsewhere
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, "unused"),
    ],
)
def test_a_condition_that_the_role_never_meets_makes_a_grant_ineffective(
    condition: dict[str, Any], verdict: str
) -> None:
    grants = policy(allow(GET, table("t"), Condition=condition))
    assert only(compared([grants], [usage(used((GET, table("t"))))])).verdict.value == verdict


@pytest.mark.parametrize(
    "condition",
    [
        # AWS's own pattern against leaked credentials, the wrong way round: all but the function's code
        {"ArnNotEquals": {"lambda:SourceFunctionArn": function_arn("f")}},
        {"Null": {"lambda:SourceFunctionArn": "true"}},
        {"ArnEqualsIfExists": {"lambda:SourceFunctionArn": function_arn("g")}},
    ],
)
def test_lambda_itself_makes_requests_without_the_arn_of_the_function(condition: dict[str, Any]) -> None:
    """To join a VPC or to read a queue: such a grant is in use, though not by the function's code."""
    grants = policy(allow("ec2:DescribeNetworkInterfaces", "*", Condition=condition))
    result = compared([grants], [usage()], functions=[function(in_vpc=True)])
    assert only(result).verdict.value == "platform"


def test_what_another_user_of_the_role_may_meet_is_not_ineffective() -> None:
    condition = {"ArnEquals": {"lambda:SourceFunctionArn": function_arn("g")}}
    grants = policy(allow(GET, table("t"), Condition=condition))
    unknown = compared([grants], [usage(services=["dynamodb"])], workloads_complete=False)
    assert outcomes(unknown)[0] == ("unused", ("role-users-unknown",))
    shared = compared([grants], [usage(services=["dynamodb"])], functions=[function("f"), function("g")])
    assert outcomes(shared)[0] == ("unused", ("sharer-not-seen",))


def test_an_ineffective_grant_is_reported_and_claims_no_excess() -> None:
    grants = policy(allow([GET, SCAN], table("t")), deny(SCAN), allow(PUT, table("t"), Sid="Gone"), deny(PUT))
    result = compared([grants], [usage(used((GET, table("t"))))])
    ineffective = [f for f in result.findings if f.verdict.value == "ineffective"]
    assert [(f.actions, f.reasons, f.remedy) for f in ineffective] == [
        ((SCAN,), (), None),
        ((PUT,), (), None),
    ]
    assert statements_of(result) == [allow([GET], table("t")), deny([SCAN]), deny([PUT])]
