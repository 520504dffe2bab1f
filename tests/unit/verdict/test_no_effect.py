"""Grants that allow nothing, and calls that succeeded without a grant: neither is an excess."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.suggest.edits import edits
from tests.unit.cases import (
    NOW,
    allow,
    arn,
    compared,
    deny,
    only,
    outcomes,
    policy,
    statements_of,
    summaries,
    table,
    usage,
    used,
)

GET, PUT, QUERY = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"
CRUD = [GET, PUT, "dynamodb:UpdateItem", "dynamodb:DeleteItem", QUERY, "dynamodb:Scan"]
FLOW = arn("states", "stateMachine:flow")
SENT = usage(
    services=["s3", "dynamodb", "lambda", "states", "logs", "sqs", "kms", "kinesis", "sns"],
    auto_instrumented=NOW,
)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(PUT, table("t/index/*")), "ineffective"),
        (allow("s3:ListBucket", "arn:aws:s3:::b/*"), "ineffective"),
        (allow("s3:GetObject", "arn:aws:s3:::b"), "ineffective"),
        (allow("s3:DeleteObject*", "arn:aws:s3:::b"), "ineffective"),
        (allow("dynamodb:Put*", table("t/index/i")), "ineffective"),
        (allow("kms:Decrypt", arn("kms", "alias/a")), "ineffective"),
        (allow("sqs:DeleteMessageBatch", arn("sqs", "q")), "ineffective"),
        (allow("kinesis:PutRecord", arn("kinesis", "stream/s/consumer/*")), "ineffective"),
        (allow("sqs:SendMessage", arn("sqs", "q/*")), "ineffective"),
        (allow("sns:Publish", arn("sns", "topic:*")), "ineffective"),
        (allow("lambda:CreateAlias", arn("lambda", "function:g:*")), "ineffective"),
        (allow("dynamodb:*Item", table("t/*")), "ineffective"),
        # part of it works
        (allow("dynamodb:*", table("t/index/*")), "unused"),
        (allow("s3:*Tagging", "arn:aws:s3:::b"), "unused"),
        # either spelling of a log group
        (allow("logs:FilterLogEvents", arn("logs", "log-group:/app/x")), "unused"),
        (allow("logs:FilterLogEvents", arn("logs", "log-group:/app/x:*")), "unused"),
        (allow("logs:GetLogEvents", arn("logs", "log-group:/app/x")), "unused"),
    ],
)
def test_an_action_that_does_not_work_there_has_no_effect(statement: dict[str, Any], expected: str) -> None:
    finding = only(compared([policy(statement)], [SENT]))
    assert finding.verdict.value == expected
    if expected == "ineffective":
        assert (finding.severity, finding.severe, finding.reasons) == ("none", (), ())
        assert finding.why


@pytest.mark.parametrize(
    ("actions", "excepted", "expected"),
    [
        ("sqs:PurgeQueue", "arn:aws:sqs", "ineffective"),
        ("sqs:Purge*", "arn:aws:sqs:*:*:*", "ineffective"),
        (PUT, ["arn:aws:dynamodb:*:*:table/*", "arn:aws:sqs:*:*:*"], "ineffective"),
        (PUT, "arn:aws:dynamodb:us-east-1:*:table/*", "unused"),
        (PUT, "arn:aws-cn:dynamodb:*:*:*", "unused"),
        ("dynamodb:ListTables", "arn:aws:dynamodb:*:*:*", "unused"),  # on `*`, which is no such ARN
        ("dynamodb:*", "arn:aws:dynamodb:*:*:table/*/index/*", "unused"),
    ],
)
def test_an_action_of_which_not_resource_excepts_all_has_no_effect(
    actions: str, excepted: str | list[str], expected: str
) -> None:
    statement = {"Effect": "Allow", "Action": actions, "NotResource": excepted}
    assert only(compared([policy(statement)], [SENT])).verdict.value == expected


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("states:SendTaskSuccess", FLOW),
        ("states:SendTask*", FLOW),
        ("dynamodb:ListTables", table("t")),
        ("dynamodb:Unheardof", table("t")),
        ("nosuchservice:*", "*"),
        (GET, arn("dynamodb", "tabel/t")),
    ],
)
def test_what_the_reference_does_not_know_is_not_confirmed_and_kept(action: str, resource: str) -> None:
    result = compared([policy(allow(action, resource))], [SENT])
    assert outcomes(result) == [("unused", ("possible",))]
    assert statements_of(result) == [allow([action], resource)]


def test_what_has_no_effect_is_in_no_suggestion_and_no_reason_to_edit() -> None:
    statement = allow(CRUD, [table("t"), table("t/index/*")])
    seen = usage(used(*((action, table("t")) for action in CRUD), (QUERY, table("t/index/i"))))
    result = compared([policy(statement)], [seen])
    granted = {
        (action, resource)
        for s in statements_of(result)
        for action in s["Action"]
        for resource in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])
    }
    assert {(action, table("t")) for action in CRUD} <= granted
    assert not {(PUT, table("t/index/*")), (GET, table("t/index/*"))} & granted
    assert edits(result.role, [i for i in result.assessments if i.verdict.value != "unused"]) == []


# --- calls without a grant -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "call"),
    [
        ([allow(GET, table("t"))], (GET, table("u"))),
        ([allow("states:SendTaskSuccess", FLOW)], ("states:SendTaskSuccess", "*")),
        ([allow("states:SendTask*", FLOW)], ("states:SendTaskSuccess", "*")),
        ([allow(PUT, table("t/index/*"))], (PUT, table("t"))),  # else without effect
        ([allow("dynamodb:PutI*", table("t/index/*"))], (PUT, table("t"))),
    ],
)
def test_a_call_that_no_grant_allows_doubts_the_grants_that_name_its_action(
    statements: list[dict[str, Any]], call: tuple[str, str]
) -> None:
    result = compared([policy(*statements)], [usage(used(call), auto_instrumented=NOW)])
    assert outcomes(result)[0] == ("unused", ("possible",))
    assert {use.action for use in result.assessed.not_understood} == {call[0].lower()}
    assert statements_of(result) == [
        {**s, "Action": [s["Action"]] if isinstance(s["Action"], str) else s["Action"]} for s in statements
    ]


def test_a_call_without_a_grant_leaves_its_action_out_of_the_excess_of_a_wildcard() -> None:
    result = compared([policy(allow("dynamodb:*", table("t")))], [usage(used((GET, table("u"))))])
    (item,) = result.assessments
    assert (item.verdict.value, item.reasons) == ("broad", ())
    assert GET.lower() not in item.excess
    assert PUT.lower() in item.excess
    assert statements_of(result) == [allow([GET], table("t"))]


def test_a_call_that_may_be_of_a_wildcard_keeps_it_though_its_action_is_unobservable() -> None:
    grants = policy(allow("s3:*", "arn:aws:s3:::b"), allow("s3:*"))
    seen = usage(
        used(("s3:GetReplicationConfiguration", "arn:aws:s3:::*"), exact=False), auto_instrumented=NOW
    )
    (item, _) = compared([grants], [seen]).assessments
    assert (item.verdict.value, item.reasons) == ("broad", ())
    assert {use.action for use in item.may_need} == {"s3:getreplicationconfiguration"}


def test_a_call_that_a_deny_forbids_confirms_nothing_of_what_names_it() -> None:
    grants = policy(allow(GET, "*"), deny(GET, table("t")))
    (finding,) = compared([grants], [usage(used((GET, table("t"))))]).findings
    assert (finding.verdict.value, finding.reasons) == ("broad", ("possible",))


def test_calls_that_a_grant_allows_are_understood() -> None:
    grants = policy(allow(GET, table("t")), allow(GET, table("u")))
    result = compared([grants], [usage(used((GET, table("t"))))])
    assert [s.outcome for s in summaries(result)] == [("used", ()), ("unused", ())]
    assert not result.assessed.not_understood
