"""The rule that turns findings into pass or fail. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scanner.iam.severity import SEVERITY_LEVELS
from scanner.model import Finding, Verdict
from scanner.text.escape import counted

Conclusion = Literal["success", "neutral", "failure"]
OnInsufficientEvidence = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class GatePolicy:
    """What fails: findings of these verdicts, at least so dangerous, confirmed unless `include_unconfirmed`.

    `insufficient` is what becomes of a scan whose evidence cannot carry a verdict.
    """

    fail_on: frozenset[Verdict] = frozenset()
    at_least: str | None = None
    include_unconfirmed: bool = False
    insufficient: OnInsufficientEvidence = "warn"


@dataclass(frozen=True)
class GateDecision:
    """What the gate says, and why: the findings that fail it, what was missing, which rules expired."""

    conclusion: Conclusion
    failing: Sequence[Finding]
    missing: Sequence[str]
    expired: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        """Whether the check is green."""
        return self.conclusion != "failure"

    @property
    def failing_text(self) -> str:
        """How many findings fail: "1 finding matches `fail-on`"."""
        number = len(self.failing)
        return f"{counted(number, 'finding')} {'matches' if number == 1 else 'match'} `fail-on`"


def decide(
    findings: Iterable[Finding], missing: Sequence[str], policy: GatePolicy, expired: Sequence[str] = ()
) -> GateDecision:
    """Judge the findings. `missing` says, a line each, what evidence was not there.

    `expired` are rules of the team, a line each, that matched something until their date: they fail a gate
    that can fail at all.
    """
    failed = failing(findings, policy)
    expired = expired if policy.fail_on else ()
    if failed or expired or (missing and policy.insufficient == "fail"):
        return GateDecision("failure", failed, missing, expired)
    return GateDecision("neutral" if missing and policy.insufficient == "warn" else "success", (), missing)


def failing(findings: Iterable[Finding], policy: GatePolicy) -> list[Finding]:
    """The findings that fail the gate: none that the team accepts, by a rule or in its baseline."""
    return [
        finding
        for finding in findings
        if finding.verdict in policy.fail_on
        and not finding.accepted
        and (finding.confirmed or policy.include_unconfirmed)
        and _is_dangerous_enough(finding.severity, policy.at_least)
    ]


def _is_dangerous_enough(severity: str, at_least: str | None) -> bool:
    if at_least is None or severity == SEVERITY_LEVELS[-1]:  # unknown may be anything
        return True
    return SEVERITY_LEVELS.index(severity) <= SEVERITY_LEVELS.index(at_least)
