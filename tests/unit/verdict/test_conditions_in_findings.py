"""Grants under a condition: what held, what did not, and what no trace can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scanner.model import Certainty, Need, Observation, Permission
from tests.unit.cases import (
    ACCOUNT,
    NOW,
    REGION,
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
    table,
    usage,
    used,
)

GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"
UNKNOWN = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
OTHER_UNKNOWN = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
HERE = {"StringEquals": {"aws:RequestedRegion": REGION}}
ELSEWHERE = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}


def on(condition: dict[str, Any], actions: str | list[str] = GET, resources: Any = None) -> dict[str, Any]:
    return allow(actions, resources or table("t"), Condition=condition)


def outcomes_of(
    *statements: dict[str, Any], seen: Any = None, **how: Any
) -> list[tuple[str, tuple[str, ...]]]:
    """(verdict, reasons) of each finding; GetItem on the table was seen, unless said otherwise."""
    seen = seen or usage(used((GET, table("t"))))
    return outcomes(compared([policy(*statements)], [seen], **how))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # held
        (HERE, ("used", ())),
        ({"StringLike": {"aws:RequestedRegion": ["eu-*", "us-*"]}}, ("used", ())),
        ({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}, ("used", ())),
        ({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, ("used", ())),
        ({"ArnLike": {"lambda:SourceFunctionArn": function_arn("*")}}, ("used", ())),
        ({"StringEquals": {"aws:PrincipalTag/team": "a"}}, ("used", ())),
        # did not hold: the call was made with another right, of which nothing is known
        (ELSEWHERE, ("unused", ("possible",))),
        ({"StringNotEquals": {"aws:RequestedRegion": REGION}}, ("unused", ("possible",))),
        ({"StringEquals": {"aws:ResourceAccount": "999999999999"}}, ("unused", ("possible",))),
        (
            {**UNKNOWN, **ELSEWHERE} | {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
            ("unused", ("possible",)),
        ),
        # no trace tells: this grant is the only one, so that it was used
        (UNKNOWN, ("used", ())),
        ({"Bool": {"aws:SecureTransport": "true"}}, ("used", ())),
        ({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["me"]}}, ("used", ())),
        ({"StringEquals": {"aws:PrincipalTag/stage": "prod"}}, ("used", ())),  # a session may bring the tag
        ({"NoSuchOperator": {"aws:RequestedRegion": REGION}}, ("used", ())),
        ({"StringEquals": "malformed"}, ("used", ())),
    ],
)
def test_the_only_grant_of_a_call(condition: dict[str, Any], expected: tuple[str, tuple[str, ...]]) -> None:
    assert outcomes_of(on(condition), tags={"team": "a"}) == [expected]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (HERE, ("used", ())),
        (ELSEWHERE, ("unused", ())),
        (UNKNOWN, ("unused", ("condition-unknown",))),  # neither used nor unused, silently
    ],
)
@pytest.mark.parametrize("other", [allow(GET, table("t")), allow("dynamodb:*", table("t")), on(HERE)])
def test_a_grant_beside_one_that_surely_allows_the_call(
    condition: dict[str, Any], expected: tuple[str, tuple[str, ...]], other: dict[str, Any]
) -> None:
    for statements, at in (([on(condition), other], 0), ([other, on(condition)], 1)):
        found = compared([policy(*statements)], [usage(used((GET, table("t"))))]).assessments
        assert (found[at].verdict.value, found[at].reasons) == expected


def test_of_two_grants_with_conditions_of_which_no_trace_tells_both_count_as_used() -> None:
    assert outcomes_of(on(UNKNOWN), on(OTHER_UNKNOWN)) == [("used", ()), ("used", ())]


def test_a_grant_of_which_no_call_was_seen_is_unused_whatever_its_condition() -> None:
    seen = usage(services=["dynamodb"])
    assert outcomes_of(on(UNKNOWN), on(HERE, SCAN), seen=seen) == [("unused", ()), ("unused", ())]


def test_a_condition_that_no_trace_tells_may_narrow_a_wide_resource_to_what_was_used() -> None:
    assert outcomes_of(on(UNKNOWN, resources="*")) == [("broad", ("condition-unknown",))]
    assert outcomes_of(on(HERE, resources="*")) == [("broad", ())]


def test_actions_that_were_not_used_are_excess_under_any_condition() -> None:
    assert outcomes_of(on(UNKNOWN, "dynamodb:*")) == [("broad", ())]


def test_a_call_without_its_region_leaves_a_condition_on_the_region_open() -> None:
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    statement = on(ELSEWHERE, "ssm:PutParameter", arn("ssm", "parameter/a", region="*"))
    assert [verdict for verdict, _ in outcomes_of(statement, seen=seen)] == ["used"]


def test_a_bucket_names_no_region() -> None:
    seen = usage(used(("s3:DeleteObject", "arn:aws:s3:::b/*")))
    assert outcomes_of(on(ELSEWHERE, "s3:DeleteObject", "arn:aws:s3:::b/*"), seen=seen) == [("used", ())]


def test_the_function_of_a_shared_role_is_not_known() -> None:
    statement = on({"ArnEquals": {"lambda:SourceFunctionArn": function_arn("g")}})
    both = [function("f"), function("g")]
    seen = [usage(used((GET, table("t"))), name=name) for name in ("f", "g")]
    result = compared([policy(statement, allow(GET, table("t")))], seen, functions=both)
    assert outcomes(result) == [("unused", ("condition-unknown",)), ("used", ())]


def test_a_finding_shows_the_condition() -> None:
    finding = only(compared([policy(on(UNKNOWN, "dynamodb:*"))], [usage(used((GET, table("t"))))]))
    assert finding.statement.condition == UNKNOWN


def test_a_grant_that_may_have_been_used_stays_in_the_suggestion_with_its_condition() -> None:
    statements = [on(UNKNOWN, [GET]), allow([GET, SCAN], table("t"))]
    result = compared([policy(*statements)], [usage(used((GET, table("t"))))])
    assert statements_of(result) == [allow([GET], table("t")), on(UNKNOWN, [GET])]


def test_a_wildcard_under_a_condition_is_cut_to_what_was_used_under_that_condition() -> None:
    result = compared([policy(on(UNKNOWN, "dynamodb:*"))], [usage(used((GET, table("t"))))])
    assert statements_of(result) == [on(UNKNOWN, [GET])]


def test_a_use_that_may_have_been_of_a_wildcard_with_a_condition_stays_of_it() -> None:
    """Scan is surely allowed by the other grant, yet the first may have served it as well."""
    seen = usage(used((GET, table("t")), (SCAN, table("t"))))
    statements = [on(UNKNOWN, "dynamodb:*"), allow([SCAN], table("t"))]
    result = compared([policy(*statements)], [seen])
    assert on(UNKNOWN, [GET, SCAN]) in statements_of(result)


def test_log_writing_under_a_condition_is_the_platforms() -> None:
    """Lambda sends the function's ARN with it, and no trace shows that."""
    logs = arn("logs", "log-group:/aws/lambda/f:*")
    condition = {"ArnEquals": {"lambda:SourceFunctionArn": function_arn("f")}}
    assert outcomes_of(on(condition, "logs:PutLogEvents", logs), seen=usage()) == [("platform", ())]


def test_the_same_condition_in_the_older_version_of_policies_is_another_one_if_it_has_a_variable() -> None:
    """There `${aws:PrincipalAccount}` is plain text, which no account is."""
    condition = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    (new,) = policy(on(condition)).statements
    old = replace(policy(on(condition)), statements=(replace(new, variables=False),))
    result = compared([old, policy(on(condition), name="new")], [usage(used((GET, table("t"))))])
    assert [f.verdict.value for f in result.findings] == ["unused", "used"]
    assert result.suggestion is None  # no one policy can say both


# --- what a call tells beside its resource -------------------------------------------------------

START, FLOW = "states:StartExecution", arn("states", "stateMachine:flow")


def start_by(*qualifiers: str | None) -> Any:
    """Executions that were started by these aliases or versions; None: by none."""
    permissions = (
        Permission(START, FLOW, True, (("states:statemachinequalifier", (q,) if q else ()),))
        for q in qualifiers
    )
    seen = Observation(1, 1, NOW, NOW, succeeded=1)
    return usage({Need(permission, Certainty.REQUIRED): seen for permission in permissions})


def by_qualifier(test: str, *values: str) -> dict[str, Any]:
    return on({test: {"states:StateMachineQualifier": list(values)}}, START, FLOW)


PROD, DEV = by_qualifier("StringEquals", "PROD"), by_qualifier("StringEquals", "DEV")
ANY_OTHER = by_qualifier("StringNotEquals", "PROD")
UNQUALIFIED = by_qualifier("Null", "true")


@pytest.mark.parametrize(
    ("statements", "qualifiers", "expected"),
    [
        ([PROD, DEV], ["PROD"], ["used", "unused"]),
        ([PROD, DEV], ["PROD", "DEV"], ["used", "used"]),
        ([PROD, ANY_OTHER], ["PROD"], ["used", "unused"]),
        ([PROD, ANY_OTHER], [None], ["unused", "used"]),
        ([PROD, UNQUALIFIED], [None], ["unused", "used"]),
        ([PROD, UNQUALIFIED], ["PROD"], ["used", "unused"]),
        ([by_qualifier("ForAnyValue:StringEquals", "PROD", "1"), DEV], ["1"], ["used", "unused"]),
        ([by_qualifier("StringEqualsIfExists", "PROD"), DEV], [None], ["used", "unused"]),
        ([by_qualifier("StringLike", "P*"), DEV], ["PROD"], ["used", "unused"]),
    ],
)
def test_the_alias_of_a_state_machine_decides_conditions(
    statements: list[dict[str, Any]], qualifiers: list[str | None], expected: list[str]
) -> None:
    result = compared([policy(*statements)], [start_by(*qualifiers)])
    assert [item.verdict.value for item in result.assessed.assessments] == expected
    assert all(not item.reasons for item in result.assessed.assessments)
    assert not result.objections


def test_an_alias_that_no_condition_allows_is_not_understood() -> None:
    assert outcomes_of(PROD, seen=start_by("DEV")) == [("unused", ("possible",))]


def test_a_denied_alias_is_denied() -> None:
    forbids = deny(START, FLOW, Condition={"StringEquals": {"states:StateMachineQualifier": "DEV"}})
    result = compared([policy(allow(START, FLOW), forbids)], [start_by("DEV")])
    assert [call.denied for call in result.allowed_elsewhere] == [True]
