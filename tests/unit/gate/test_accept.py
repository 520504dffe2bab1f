"""What a team accepts: its rules and its baseline, and what is left for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from scanner.gate.accept import Terms, accept, baseline_entries, compared_roles
from scanner.gate.baseline import Baseline
from scanner.gate.config import TeamConfig
from scanner.gate.decide import GatePolicy, decide, failing
from scanner.gate.rules import IgnoreRule, RuleTally
from scanner.model import EXCESS, Policy, Verdict
from scanner.result import RoleResult
from tests.unit.cases import (
    ACCOUNT,
    ROLE,
    allow,
    compared,
    deny,
    function,
    function_arn,
    only,
    policy,
    statements_of,
    table,
    usage,
    used,
    with_baseline,
)

GET, SCAN, QUERY = "dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query"
TODAY = date(2026, 11, 24)
EXCESS_FAILS = GatePolicy(frozenset(EXCESS))


def accepting(*rules: IgnoreRule, today: date = TODAY) -> dict[str, Any]:
    return {"config": TeamConfig(ignores=rules), "today": today}


def rule(reason: str = "agreed", **selectors: Any) -> IgnoreRule:
    return IgnoreRule(1, reason, **selectors)


def tallied(result: RoleResult, *rules: IgnoreRule) -> RuleTally:
    """What became of the rules."""
    return accept([result.assessed], Terms(rules, today=TODAY)).rules


def ignored(result: RoleResult) -> list[tuple[tuple[str, ...], str | None]]:
    """(actions, the reason of the rule that accepts them) of each finding."""
    return [(f.actions, f.ignored) for f in result.findings]


# --- rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selectors", "is_match"),
    [
        ({}, True),
        ({"action": "dynamodb:scan"}, True),
        ({"action": "dynamodb:*"}, True),
        ({"action": "dynamodb:query"}, False),
        ({"resource": table("t")}, True),
        ({"resource": table("*")}, True),
        ({"resource": table("u")}, False),
        ({"role": "f"}, True),
        ({"role": ROLE}, True),
        ({"role": "other-*"}, False),
        ({"workload": "f"}, True),
        ({"workload": function_arn("f")}, True),
        ({"workload": "g"}, False),
        ({"sid": "Read"}, True),
        ({"sid": "read"}, False),
        ({"action": "dynamodb:scan", "resource": table("u")}, False),  # all selectors must fit
    ],
)
def test_a_rule_matches_what_fits_all_its_selectors(selectors: dict[str, str], is_match: bool) -> None:
    grant = allow(SCAN, table("t"), Sid="Read")
    finding = only(compared([policy(grant)], [usage(services=["dynamodb"])], **accepting(rule(**selectors))))
    assert finding.ignored == ("agreed" if is_match else None)
    assert failing([finding], EXCESS_FAILS) == ([] if is_match else [finding])


@pytest.mark.parametrize(
    ("grant", "selectors"),
    [
        (allow("dynamodb:*", table("t")), {"action": "dynamodb:scan"}),
        (allow("*", table("t")), {"action": "dynamodb:*"}),
        (allow(SCAN, "*"), {"resource": table("t")}),
        (allow(SCAN, table("t*")), {"resource": table("t")}),
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": table("t")}, {"action": "dynamodb:*"}),
    ],
)
def test_a_narrow_rule_never_hides_a_wider_grant(grant: dict[str, Any], selectors: dict[str, str]) -> None:
    result = compared([policy(grant)], [usage(services=["dynamodb"])], **accepting(rule(**selectors)))
    assert only(result).ignored is None


def test_a_rule_for_one_workload_does_not_speak_for_another_of_the_role() -> None:
    both, usages = [function("f"), function("g")], [usage(services=["dynamodb"], name=n) for n in ("f", "g")]
    grant = policy(allow(SCAN, table("t")))
    for_one = compared([grant], usages, functions=both, **accepting(rule(workload="f")))
    for_all = compared([grant], usages, functions=both, **accepting(rule(workload="?")))
    assert (only(for_one).ignored, only(for_all).ignored) == (None, "agreed")


def test_a_rule_splits_a_statement_into_what_it_accepts_and_the_rest() -> None:
    grants = policy(allow([GET, SCAN, QUERY], table("t")))
    result = compared([grants], [usage(services=["dynamodb"])], **accepting(rule(action="dynamodb:scan")))
    assert ignored(result) == [((GET, QUERY), None), ((SCAN,), "agreed")]


def test_what_the_team_accepts_stays_in_the_suggestion() -> None:
    grants = policy(allow([GET, SCAN, QUERY], table("t")))
    result = compared([grants], [usage(used((GET, table("t"))))], **accepting(rule(action="dynamodb:scan")))
    assert statements_of(result) == [allow([GET, SCAN], table("t"))]


def test_a_wide_grant_that_the_team_accepts_stays_whole_though_another_allows_all_that_was_seen() -> None:
    grants = policy(allow(["dynamodb:*"], "*", Sid="Wide"), allow([GET], table("t")))
    result = compared([grants], [usage(used((GET, table("t"))))], **accepting(rule(sid="Wide")))
    assert allow(["dynamodb:*"], "*") in statements_of(result)


@pytest.mark.parametrize(
    ("statements", "accepted"),
    [
        ([allow(GET, table("t"))], False),  # used
        ([allow("logs:PutLogEvents")], False),  # platform
        ([allow("iam:PassRole")], True),  # unobservable
        ([allow(SCAN), deny("*")], True),  # ineffective
        ([allow(SCAN, table("t"))], True),  # unused
        ([allow("dynamodb:*", table("t"))], True),  # broad
    ],
)
def test_only_what_may_fail_is_accepted(statements: list[dict[str, Any]], accepted: bool) -> None:
    result = compared([policy(*statements)], [usage(used((GET, table("t"))))], **accepting(rule()))
    assert (only(result).ignored is not None) is accepted


@pytest.mark.parametrize(
    ("expires", "holds"),
    [
        (None, True),
        (date(2026, 11, 25), True),
        (TODAY, True),  # through its last day
        (date(2026, 11, 23), False),
    ],
)
def test_a_rule_holds_through_its_last_day(expires: date | None, holds: bool) -> None:
    seen = usage(services=["dynamodb"])
    result = compared([policy(allow(SCAN, table("t")))], [seen], **accepting(rule(expires=expires)))
    rules = tallied(result, rule(expires=expires))
    assert (only(result).ignored is not None, bool(rules.expired)) == (holds, not holds)
    assert bool(failing(result.findings, EXCESS_FAILS)) is not holds


def test_the_first_rule_that_holds_accepts() -> None:
    rules = [
        rule("gone", expires=date(2026, 1, 1)),
        rule("other", action="s3:*"),
        rule("first"),
        rule("second"),
    ]
    result = compared([policy(allow(SCAN))], [usage(services=["dynamodb"])], **accepting(*rules))
    assert only(result).ignored == "first"
    assert not tallied(result, *rules).expired  # an expired rule that another one replaces fails nothing


def test_an_expired_rule_that_still_matches_something_fails_a_gate_that_can_fail() -> None:
    old = rule("until the migration", expires=date(2026, 1, 1))
    result = compared([policy(allow("iam:PassRole"))], [usage()], **accepting(old))
    lines = tallied(result, old).failures("least-privilege.yml")
    assert decide(result.findings, [], EXCESS_FAILS, lines).conclusion == "failure"
    assert decide(result.findings, [], GatePolicy(), lines).conclusion == "success"
    assert "until the migration" in lines[0]


# --- the baseline --------------------------------------------------------------------------------


def scanned_before(*statements: dict[str, Any], seen: Any = None, **how: Any) -> RoleResult:
    return compared([policy(*statements)], [seen or usage(used((GET, table("t"))))], **how)


def baseline_of(result: RoleResult, baseline_verdicts: frozenset[Verdict] = frozenset(EXCESS)) -> Baseline:
    """The baseline that `--update-baseline` would write."""
    return Baseline(
        tuple(sorted(baseline_entries([result.assessed], Terms(baseline_verdicts=baseline_verdicts))))
    )


def known_after(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[bool]:
    """Of each excess after a change, whether the baseline from before has it."""
    result, _ = with_baseline(scanned_before(*after), baseline_of(scanned_before(*before)))
    return [f.known for f in result.findings if f.verdict in EXCESS]


@pytest.mark.parametrize(
    ("before", "after", "known"),
    [
        ([allow(SCAN, table("t"))], [allow(SCAN, table("t"))], [True]),
        # it moved, or its neighbours changed
        (
            [allow(GET, table("t")), allow(SCAN, table("t"))],
            [allow(SCAN, table("t")), allow(GET, table("t"))],
            [True],
        ),
        ([allow([GET, SCAN], table("t"))], [allow([SCAN, "DynamoDB:getitem"], table("t"))], [True]),
        # new excess beside the old
        ([allow(SCAN, table("t"))], [allow([SCAN, QUERY], table("t"))], [True, False]),
        # wider, elsewhere, under another Sid, without its condition
        ([allow(SCAN, table("t"))], [allow("dynamodb:*", table("t"))], [False]),
        ([allow(SCAN, table("t"))], [allow(SCAN, table("u"))], [False]),
        ([allow(SCAN, table("t"), Sid="A")], [allow(SCAN, table("t"), Sid="B")], [False]),
        (
            [allow(SCAN, "*", Condition={"Bool": {"aws:SecureTransport": "true"}})],
            [allow(SCAN, "*")],
            [False],
        ),
        # it was denied then: nobody accepted that it is allowed
        ([allow(SCAN, table("t")), deny(SCAN)], [allow(SCAN, table("t"))], [False]),
        # once is not twice
        ([allow(SCAN, table("t"))], [allow(SCAN, table("t")), allow(SCAN, table("t"))], [True, False]),
    ],
)
def test_which_excess_the_baseline_has(
    before: list[dict[str, Any]], after: list[dict[str, Any]], known: list[bool]
) -> None:
    assert known_after(before, after) == known


def test_a_wildcard_that_was_unused_and_is_partly_used_now_is_the_same_excess() -> None:
    baseline = baseline_of(scanned_before(allow("dynamodb:*", table("t")), seen=usage(services=["dynamodb"])))
    result, _ = with_baseline(scanned_before(allow("dynamodb:*", table("t"))), baseline)
    assert [e.verdict for e in baseline.entries] == ["unused"]
    assert [(f.verdict.value, f.known) for f in result.findings] == [("broad", True)]


ALL_OF_TABLE = allow("dynamodb:*", table("t"))
ALL = policy(allow("*"), name="bound")
READS = policy(allow(["dynamodb:Get*", "dynamodb:Query"]), name="bound")
READS_OF_A_TABLE = policy(allow("dynamodb:Get*", table("a")), name="bound")


def growths(
    before: Sequence[dict[str, Any]],
    after: Sequence[dict[str, Any]],
    bounds: tuple[Policy | None, Policy | None] = (None, None),
    **how: Any,
) -> list[str]:
    """In which ways the excess after a change goes beyond the baseline from before, all of it new."""
    then, now = bounds
    baseline = baseline_of(scanned_before(*before, boundary=then, **how))
    result, comparison = with_baseline(scanned_before(*after, boundary=now, **how), baseline)
    assert [growth.entry for growth in comparison.grown] == list(comparison.new)
    assert comparison.fixed == ()
    assert [f.known for f in result.findings if f.verdict in EXCESS] == [not comparison.new]
    return [growth.why for growth in comparison.grown]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ([deny("dynamodb:Delete*")], [deny("dynamodb:Delete*")], ""),
        ([], [deny("dynamodb:Delete*")], ""),
        (
            [deny("dynamodb:Delete*")],
            [deny("dynamodb:*", table("u")), deny(["dynamodb:*Table", "dynamodb:D*"])],
            "",
        ),
        # the Deny is gone, narrower or conditional
        ([deny("dynamodb:Delete*")], [], "a Deny is gone or narrower: dynamodb:Delete* on *"),
        ([deny("dynamodb:Batch*")], [], "a Deny is gone or narrower: dynamodb:Batch* on *"),
        (
            [deny("dynamodb:Batch*")],
            [deny("dynamodb:BatchGetItem")],
            "a Deny is gone or narrower: dynamodb:Batch*",
        ),
        (
            [deny("dynamodb:Batch*")],
            [deny("dynamodb:Batch*", table("*"))],
            "a Deny is gone or narrower: dynamodb:B",
        ),
        (
            [deny("dynamodb:Batch*")],
            [deny("dynamodb:Batch*", Condition={"Bool": {"aws:SecureTransport": "false"}})],
            "a Deny is gone or narrower: dynamodb:Batch* on *",
        ),
        (
            [{"Effect": "Deny", "NotAction": "dynamodb:*Item", "Resource": "*"}],
            [],
            "it is permissions-management now, write was accepted",
        ),
        # one that has nothing to do with it
        ([deny("s3:*")], [], ""),
        ([deny("dynamodb:*", table("u"))], [], ""),
    ],
)
def test_excess_that_grew_behind_a_deny_is_new(
    before: list[dict[str, Any]], after: list[dict[str, Any]], why: str
) -> None:
    whys = growths([ALL_OF_TABLE, *before], [ALL_OF_TABLE, *after])
    assert [text[: len(why)] for text in whys] == ([why] if why else [])


@pytest.mark.parametrize(
    ("then", "now", "why"),
    [
        (ALL, ALL, ""),
        (None, ALL, ""),
        (ALL, READS, ""),
        (ALL, None, "the permissions boundary is gone"),
        (READS, None, "it is "),
        (READS, ALL, "it is "),
    ],
)
def test_excess_that_grew_behind_a_boundary_is_new(then: Policy | None, now: Policy | None, why: str) -> None:
    whys = growths([ALL_OF_TABLE], [ALL_OF_TABLE], (then, now))
    assert [text[: len(why)] for text in whys] == ([why] if why else [])


def test_a_boundary_also_limits_the_resources_of_an_action() -> None:
    seen, grant = usage(services=["dynamodb"]), allow(GET)
    assert growths([grant], [grant], (READS_OF_A_TABLE, None), seen=seen) == [
        "the permissions boundary is gone"
    ]
    assert growths([grant], [grant], (READS_OF_A_TABLE, READS), seen=seen) == [
        "the permissions boundary allows more: dynamodb:Get* on *"
    ]
    assert growths([grant], [grant], (READS, READS_OF_A_TABLE), seen=seen) == []


@pytest.mark.parametrize(
    ("action", "grown"),
    [
        ("dynamodb:*", []),
        # GetItem was accepted, and PutItem in use
        ("dynamodb:*tItem", ["it is write now, data-access was accepted"]),
    ],
)
def test_a_wildcard_of_which_less_is_used_is_known_unless_its_excess_is_more_dangerous(
    action: str, grown: list[str]
) -> None:
    grant, seen = allow(action, table("t")), usage(used(("dynamodb:PutItem", table("t"))))
    baseline = baseline_of(scanned_before(grant, seen=seen))
    result, comparison = with_baseline(scanned_before(grant, seen=usage(services=["dynamodb"])), baseline)
    assert [growth.why for growth in comparison.grown] == grown
    assert only(result).known is not bool(grown)


def test_a_role_that_shares_its_name_with_one_that_was_not_compared_is_not_fixed() -> None:
    result = scanned_before(allow(SCAN, table("t")))
    assert compared_roles([result.assessed], Terms(other_roles=frozenset({ROLE + "-other"}))) == {"f"}
    elsewhere = ROLE.replace(ACCOUNT, "210987654321")
    assert compared_roles([result.assessed], Terms(other_roles=frozenset({elsewhere}))) == set()
    # who else there is could not be told
    assert compared_roles([result.assessed], Terms(other_roles=None)) == {"f"}
    assert compared_roles([result.assessed], Terms(other_roles=None, every_role=False)) == set()


def test_what_is_known_fails_nothing_and_what_is_new_does() -> None:
    baseline = baseline_of(scanned_before(allow(SCAN, table("t"))))
    result, comparison = with_baseline(scanned_before(allow([SCAN, QUERY], table("t"))), baseline)
    assert [f.actions for f in failing(result.findings, EXCESS_FAILS)] == [(QUERY,)]
    assert [entry.action for entry in comparison.new] == [QUERY]
    assert comparison.fixed == ()


def test_what_is_gone_is_fixed() -> None:
    baseline = baseline_of(scanned_before(allow([SCAN, QUERY], table("t"))))
    _, comparison = with_baseline(scanned_before(allow([SCAN, GET], table("t"))), baseline)
    assert [entry.action for entry in comparison.fixed] == [QUERY]


def test_of_a_role_that_was_not_wholly_read_nothing_is_fixed() -> None:
    baseline = baseline_of(scanned_before(allow(SCAN, table("t"))))
    unread = scanned_before(allow(GET, table("t")), readable=False)
    assert compared_roles([unread.assessed], Terms()) == set()
    _, comparison = with_baseline(unread, baseline)
    assert comparison.fixed == ()


def test_what_a_rule_accepts_is_no_line_of_the_baseline() -> None:
    result = scanned_before(allow([SCAN, QUERY], table("t")), **accepting(rule(action="dynamodb:scan")))
    assert [entry.action for entry in baseline_of(result).entries] == [QUERY]


def test_other_verdicts_are_lines_where_the_gate_fails_on_them() -> None:
    result = scanned_before(allow("iam:PassRole"), allow(SCAN, table("t")))
    every = frozenset({*EXCESS, Verdict.UNOBSERVABLE})
    assert [e.action for e in baseline_of(result).entries] == [SCAN]
    assert sorted(e.action for e in baseline_of(result, every).entries) == [SCAN, "iam:PassRole"]


def test_a_baseline_changes_nothing_of_who_used_what() -> None:
    before = scanned_before(allow("dynamodb:*", table("t")))
    result, _ = with_baseline(before, baseline_of(before))
    assert [replace(f, known=False) for f in result.findings] == list(before.findings)
    assert result.findings[0].used[0].workloads == (function_arn("f"),)
