"""The rule that turns findings into pass or fail. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scanner.iam.severity import DATA_ACCESS, SEVERITY_LEVELS
from scanner.model import Finding, Verdict
from scanner.text.escape import counted

Conclusion = Literal["success", "neutral", "failure"]
OnInsufficientEvidence = Literal["pass", "warn", "fail"]

# The severities that `fail-on-severity` can name: what an unknown action does is not known, and what is
# ineffective does nothing.
GATE_SEVERITIES = tuple(level for level in SEVERITY_LEVELS if level not in ("unknown", "none"))
ALL_SEVERITIES = "all"
DEFAULT_SEVERITY = DATA_ACCESS


@dataclass(frozen=True)
class GatePolicy:
    """What fails: findings of these verdicts, at least so dangerous, confirmed unless `include_unconfirmed`.

    `at_least` is one of `GATE_SEVERITIES` or `ALL_SEVERITIES`. `insufficient` is what becomes of a scan whose
    evidence cannot carry a verdict.
    """

    fail_on: frozenset[Verdict] = frozenset()
    at_least: str = DEFAULT_SEVERITY
    include_unconfirmed: bool = False
    insufficient: OnInsufficientEvidence = "warn"


@dataclass(frozen=True)
class GateDecision:
    """What the gate says, and why: the findings that fail it, what was missing, which rules expired.

    `notes` say, a line each, which findings do not fail, though their verdicts do.
    """

    conclusion: Conclusion
    failing: Sequence[Finding]
    missing: Sequence[str]
    expired: Sequence[str] = ()
    notes: Sequence[str] = ()

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
    matching = _matching(findings, policy)
    failed = failing(matching, policy)
    notes = _notes(matching, policy)
    expired = expired if policy.fail_on else ()
    if failed or expired or (missing and policy.insufficient == "fail"):
        return GateDecision(
            conclusion="failure", failing=failed, missing=missing, expired=expired, notes=notes
        )
    conclusion: Conclusion = "neutral" if missing and policy.insufficient == "warn" else "success"
    return GateDecision(conclusion, (), missing, notes=notes)


def failing(findings: Iterable[Finding], policy: GatePolicy) -> list[Finding]:
    """The findings that fail the gate: none that the team accepts, by a rule or in its baseline."""
    return [
        finding
        for finding in _matching(findings, policy)
        if _is_dangerous_enough(finding.severity, policy.at_least) and not finding.bundle_fits
    ]


def _matching(findings: Iterable[Finding], policy: GatePolicy) -> list[Finding]:
    """The findings that fail the gate if they are dangerous enough. What is ineffective is no excess."""
    return [
        finding
        for finding in findings
        if finding.verdict in policy.fail_on
        and finding.verdict is not Verdict.INEFFECTIVE
        and not finding.accepted
        and (finding.confirmed or policy.include_unconfirmed)
    ]


def _notes(matching: Sequence[Finding], policy: GatePolicy) -> list[str]:
    """Why findings that match do not fail, each counted once: nothing is to be done about remainders."""
    remainders = sum(finding.bundle_fits for finding in matching)
    below = sum(
        not finding.bundle_fits and not _is_dangerous_enough(finding.severity, policy.at_least)
        for finding in matching
    )
    lines = []
    if below:
        verb = "is" if below == 1 else "are"
        lines.append(f"{counted(below, 'finding')} {verb} below `fail-on-severity: {policy.at_least}`")
    if remainders:
        verb = "does" if remainders == 1 else "do"
        what = "what a framework's smallest fitting bundle grants beyond use"
        lines.append(f"{counted(remainders, 'finding')} {verb} not fail: {what}")
    return lines


def _is_dangerous_enough(severity: str, at_least: str) -> bool:
    if severity not in GATE_SEVERITIES:
        return severity == "unknown"  # an action that IAM does not know may be as dangerous as any
    return at_least == ALL_SEVERITIES or (GATE_SEVERITIES.index(severity) <= GATE_SEVERITIES.index(at_least))
