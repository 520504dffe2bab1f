"""The verdict of a wildcard is that of its actions, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam import catalog
from scanner.mapping.services import names_something
from scanner.model import Usage, Verdict
from scanner.result import RoleResult
from scanner.verdict.assessment import Assessment
from tests.examples import examples
from tests.unit.cases import NOW, allow, arn, compared, outcomes, policy, statements_of, table, usage, used

FLOW, GROUP = arn("states", "stateMachine:flow"), arn("logs", "log-group:/app/x:*")
FUNCTION, QUEUE = arn("lambda", "function:other"), arn("sqs", "q")
SUCCESS, FAILURE = "states:SendTaskSuccess", "states:SendTaskFailure"


def compare(called: Usage, *statements: dict[str, Any]) -> RoleResult:
    return compared([policy(*statements)], [called])


@pytest.mark.parametrize("pattern", ["states:*", "states:S*", "states:SendTask*", "*", SUCCESS])
def test_a_call_that_names_something_may_be_of_any_grant(pattern: str) -> None:
    seen = usage(used((SUCCESS, "*")), auto_instrumented=NOW)
    result = compare(seen, allow(pattern, FLOW), allow(SUCCESS, "*"))
    item = result.assessed.assessments[0]
    assert SUCCESS.lower() not in item.excess or item.reasons
    assert (item.verdict, item.reasons) != (Verdict.UNUSED, ())
    assert allow([SUCCESS], "*") in statements_of(result)


@pytest.mark.parametrize(
    ("pattern", "resource", "action"),
    [
        ("dynamodb:*", table("t"), "dynamodb:ListTables"),
        ("states:*", FLOW, "states:ListStateMachines"),
        ("lambda:*", FUNCTION, "lambda:ListFunctions"),
        ("sqs:*", QUEUE, "sqs:ListQueues"),
        ("cloudwatch:*", arn("cloudwatch", "alarm:a"), "cloudwatch:PutMetricData"),
        ("s3:*", "arn:aws:s3:::b", "s3:ListAllMyBuckets"),
    ],
)
def test_a_call_that_names_nothing_is_of_grants_on_everything(
    pattern: str, resource: str, action: str
) -> None:
    result = compare(usage(used((action, "*"))), allow(pattern, resource), allow(action, "*"))
    kept = [s for s in statements_of(result) if resource in s["Resource"]]
    assert not any(action in statement["Action"] for statement in kept)
    assert not result.assessed.assessments[0].reasons


@pytest.mark.parametrize(
    ("pattern", "resource", "action"),
    [
        ("logs:*", GROUP, "logs:PutIndexPolicy"),
        ("lambda:*", FUNCTION, "lambda:CreateEventSourceMapping"),
        ("sns:*", arn("sns", "topic"), "sns:SetEndpointAttributes"),
        ("glue:*", arn("glue", "job/j"), "glue:ResetJobBookmark"),
    ],
)
def test_what_such_a_call_names_may_be_of_a_wildcard(pattern: str, resource: str, action: str) -> None:
    result = compare(usage(used((action, "*"))), allow(pattern, resource), allow(action, "*"))
    item = result.assessed.assessments[0]
    assert (item.verdict, item.reasons) == (Verdict.BROAD, ())
    assert (action.lower(), resource) in {(use.action, use.resource) for use in item.may_need}
    by_name = compare(usage(used((action, "*"))), allow(action, resource), allow(action, "*"))
    assert outcomes(by_name)[0] == ("unused", ("possible",))


@pytest.mark.parametrize("pattern", ["dynamodb:*", "dynamodb:Associate*", "*"])
def test_what_no_program_calls_by_itself_may_be_needed_of_a_wildcard_by_another_call(pattern: str) -> None:
    replica = ("dynamodb:AssociateTableReplica", table("t"))
    result = compare(usage(used(replica, required=False), services=["dynamodb"]), allow(pattern, table("t")))
    item = result.assessed.assessments[0]
    assert item.verdict is not Verdict.UNUSED or item.reasons
    assert "dynamodb:associatetablereplica" not in item.excess


def test_of_less_use_no_weaker_finding_follows() -> None:
    more = compare(usage(used((SUCCESS, "*"))), allow("states:*", FLOW), allow("states:SendTask*"))
    less = compare(usage(services=["states"]), allow("states:*", FLOW), allow("states:SendTask*"))
    assert outcomes(more)[0] == ("broad", ())
    assert outcomes(less)[0] == ("unused", ())
    assert more.assessed.assessments[0].excess <= less.assessed.assessments[0].excess


# --- property ------------------------------------------------------------------------------------

PLACES = [("states", FLOW), ("dynamodb", table("t")), ("logs", GROUP), ("lambda", FUNCTION), ("sqs", QUEUE)]
DECIDED = {Verdict.UNUSED, Verdict.INEFFECTIVE}


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, str, list[str], Usage]:
    """A service's wildcard on a resource, some of its actions, and calls of some of these."""
    service, resource = draw(st.sampled_from(PLACES))
    actions = sorted(map(catalog.spelled, catalog.expand(f"{service}:*")))
    some = draw(st.lists(st.sampled_from(actions), min_size=1, max_size=4, unique=True))
    called = draw(st.lists(st.sampled_from(some), unique=True))
    on = {action: resource if catalog.knows_resources(action) else "*" for action in called}
    required = draw(st.booleans())
    return service, resource, some, usage(used(*on.items(), required=required), services=[service])


@given(situations(), st.booleans())
@examples(150)
def test_a_wildcard_claims_no_more_than_its_actions_by_name(
    situation: tuple[str, str, list[str], Usage], elsewhere: bool
) -> None:
    service, resource, actions, seen = situation
    others = [allow(action, "*") for action in actions] if elsewhere else []
    wildcard = compare(seen, allow(f"{service}:*", resource), *others).assessed.assessments[0]
    by_name = {
        action: compare(seen, allow(action, resource), *others).assessed.assessments[0] for action in actions
    }
    for action, item in by_name.items():
        if action.lower() in wildcard.excess and not wildcard.reasons:
            assert item.verdict in DECIDED and not item.reasons, action
        if _stands(item) and _is_by_a_call(action, seen):
            assert wildcard.verdict is not Verdict.UNUSED or wildcard.reasons, action


def _stands(item: Assessment) -> bool:
    """Whether a grant of one action is used, or was perhaps used."""
    return item.verdict not in DECIDED or bool(item.reasons)


def _is_by_a_call(action: str, seen: Usage) -> bool:
    """Whether a call may have been of a grant on one resource, by what it names."""
    called = any(need.permission.action == action for need in seen.used)
    return called and (catalog.knows_resources(action) or names_something(action.lower()))
