"""The gate: which findings fail it, and what becomes of a scan without evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from scanner.gate.decide import (
    ALL_SEVERITIES,
    DEFAULT_SEVERITY,
    GATE_SEVERITIES,
    GatePolicy,
    decide,
    failing,
)
from scanner.model import EXCESS, BundleUse, Finding, Verdict
from tests.unit.cases import allow, arn, compared, deny, of_aws, only, policy, table, usage, used

GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"
EXCESS_FAILS = GatePolicy(frozenset(EXCESS))
ALL_FAIL = GatePolicy(frozenset(Verdict), include_unconfirmed=True)


def findings_of_each_verdict() -> Sequence[Finding]:
    """Used, unused, unused but unconfirmed, broad, platform, unobservable, ineffective."""
    grants = policy(
        allow(GET, table("t")),
        allow(SCAN, table("t")),
        allow("ssm:GetParameter", arn("ssm", "parameter/p")),
        allow("dynamodb:*Item", table("u")),
        allow("logs:PutLogEvents"),
        allow("iam:PassRole"),
        allow("sns:Publish"),
        deny("sns:*"),
    )
    seen = used((GET, table("t")), (GET, table("u")))
    return compared([grants], [usage(seen, services=["ssm"])]).findings


@pytest.mark.parametrize(
    ("gate", "failed"),
    [
        (GatePolicy(), []),
        (GatePolicy(frozenset({Verdict.UNUSED})), [SCAN]),
        (GatePolicy(frozenset({Verdict.UNUSED}), include_unconfirmed=True), [SCAN, "ssm:GetParameter"]),
        (GatePolicy(frozenset({Verdict.BROAD})), ["dynamodb:*Item"]),
        (EXCESS_FAILS, [SCAN, "dynamodb:*Item"]),
        (GatePolicy(frozenset({Verdict.UNOBSERVABLE})), ["iam:PassRole"]),
        (GatePolicy(frozenset({Verdict.INEFFECTIVE}), "all"), []),  # it allows nothing
        # at least so dangerous
        (GatePolicy(frozenset(EXCESS), "write"), ["dynamodb:*Item"]),
        (GatePolicy(frozenset(EXCESS), "data-access"), [SCAN, "dynamodb:*Item"]),
        (GatePolicy(frozenset(EXCESS), "privilege-escalation"), []),
    ],
)
def test_what_fails_the_gate(gate: GatePolicy, failed: list[str]) -> None:
    findings = findings_of_each_verdict()
    assert [f.actions[0] for f in failing(findings, gate)] == failed
    assert decide(findings, [], gate).passed is not bool(failed)


def finding_of(severity: str, **changes: Any) -> Finding:
    finding = only(compared([policy(allow(SCAN))], [usage(services=["dynamodb"])]))
    return replace(finding, severity=severity, **changes)


ORDER = (
    "privilege-escalation",
    "permissions-management",
    "destruction",
    "write",
    "data-access",
    "tagging",
    "read",
    "list",
)


def test_the_severities_from_the_worst_on() -> None:
    assert GATE_SEVERITIES == ORDER
    assert DEFAULT_SEVERITY == "data-access"


@pytest.mark.parametrize("at_least", [*ORDER, ALL_SEVERITIES])
def test_a_severity_fails_with_all_that_is_worse(at_least: str) -> None:
    gate = GatePolicy(frozenset(EXCESS), at_least)
    failed = [level for level in ORDER if failing([finding_of(level)], gate)]
    assert failed == list(ORDER if at_least == ALL_SEVERITIES else ORDER[: ORDER.index(at_least) + 1])
    assert failing([finding_of("none")], gate) == []


def test_one_line_says_how_many_findings_are_below() -> None:
    findings = [finding_of(level) for level in ("write", "read", "list")]
    findings += [finding_of("read", known=True), finding_of("read", reasons=("possible",))]
    decision = decide(findings, [], EXCESS_FAILS)
    assert decision.failing == findings[:1]
    assert decision.notes == ["2 findings are below `fail-on-severity: data-access`"]
    assert decide(findings[1:2], [], EXCESS_FAILS).notes == [
        "1 finding is below `fail-on-severity: data-access`"
    ]
    assert decide(findings, [], GatePolicy()).notes == []
    assert decide(findings, [], replace(EXCESS_FAILS, at_least=ALL_SEVERITIES)).notes == []


def test_what_the_smallest_fitting_bundle_grants_beyond_use_does_not_fail() -> None:
    bundle = BundleUse("SAM", "DynamoDBCrudPolicy", "*", fits=True)
    decision = decide([finding_of("write", bundle=bundle)], [], EXCESS_FAILS)
    assert (decision.conclusion, decision.failing) == ("success", ())
    (note,) = decision.notes
    assert note.startswith("1 finding does not fail: ")


def test_the_lines_say_of_each_finding_that_does_not_fail_why_once() -> None:
    bundle = BundleUse("CDK", "grantRead", "*", fits=True)
    findings = [finding_of("write"), finding_of("read"), *(finding_of(s, bundle=bundle) for s in ORDER)]
    decision = decide(findings, [], EXCESS_FAILS)
    below, beyond_use = decision.notes
    assert below == "1 finding is below `fail-on-severity: data-access`"
    assert beyond_use.startswith(f"{len(ORDER)} findings do not fail: ")
    assert len(decision.failing) + 1 + len(ORDER) == len(findings)


def test_an_action_that_iam_does_not_know_may_be_as_dangerous_as_any() -> None:
    finding = only(compared([policy(allow("dynamodb:NewAction"))], [usage(services=["dynamodb"])]))
    assert finding.severity == "unknown"
    gate = replace(EXCESS_FAILS, at_least=GATE_SEVERITIES[0], include_unconfirmed=True)
    assert failing([finding], gate) == [finding]


@pytest.mark.parametrize(
    ("insufficient", "conclusion", "passed"),
    [("pass", "success", True), ("warn", "neutral", True), ("fail", "failure", False)],
)
def test_what_becomes_of_a_scan_without_evidence(insufficient: Any, conclusion: str, passed: bool) -> None:
    decision = decide([], ["no trace"], replace(EXCESS_FAILS, insufficient=insufficient))
    assert (decision.conclusion, decision.passed) == (conclusion, passed)
    assert decide([], [], replace(EXCESS_FAILS, insufficient=insufficient)).conclusion == "success"


def test_a_finding_fails_though_evidence_is_missing_elsewhere() -> None:
    decision = decide(
        findings_of_each_verdict(), ["no trace of g"], replace(EXCESS_FAILS, insufficient="pass")
    )
    assert (decision.conclusion, decision.missing) == ("failure", ["no trace of g"])


def test_policies_of_aws_fail_like_ones_own_and_are_to_be_replaced() -> None:
    result = compared([of_aws("Aws", allow("dynamodb:*", "*"))], [usage(used((GET, table("t"))))])
    (finding,) = failing(result.findings, EXCESS_FAILS)
    assert finding.remedy == "replace"
    assert failing(result.findings, ALL_FAIL) == [finding]
