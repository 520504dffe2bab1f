"""What is known of a watch: frozen, and replaced as a whole, so that each request sees one state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.report.records import Report
from scanner.report.view.viewed import is_to_act_on

SUCCESS, FAILURE = "success", "failure"
OUTCOMES = (SUCCESS, FAILURE)


class Kind(NamedTuple):
    """What findings are counted by."""

    verdict: str
    severity: str
    confirmed: bool


@dataclass(frozen=True)
class Numbers:
    """What is counted in a report.

    `findings` are those of the report's own totals: excess that nobody accepts, and that could be removed.
    """

    findings: Mapping[Kind, int] = field(default_factory=dict)
    failing: int = 0
    accepted: int = 0
    traces: int = 0
    warnings: int = 0


@dataclass(frozen=True)
class Status:
    """The state of a watch. Times are Unix seconds; None where there is none yet.

    `numbers` and `page` (the HTML report) are of the last scan that succeeded, `duration` of the last one.
    """

    started: float
    scanning: bool = False
    next_scan: float | None = None
    scans: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    failures_in_a_row: int = 0
    last_success: float | None = None
    duration: float | None = None
    numbers: Numbers | None = None
    page: bytes | None = None

    def counted(self, outcome: str) -> dict[str, int]:
        """The scans by outcome, with one more."""
        return {**self.scans, outcome: self.scans[outcome] + 1}


class Board:
    """Where the loop puts the state, and the server takes it from."""

    def __init__(self, status: Status) -> None:
        self.status = status


def numbers_of(report: Report) -> Numbers:
    """What is counted in a report."""
    found = [(role, finding) for role in report.roles for finding in role.findings]
    return Numbers(
        findings=Counter(
            Kind(str(finding.verdict), finding.severity, finding.confirmed)
            for role, finding in found
            if is_to_act_on(role, finding)
        ),
        failing=len(report.gate.failing) if report.gate else 0,
        accepted=sum(finding.accepted for _, finding in found),
        traces=report.scan.traces,
        warnings=len(report.scan.warnings),
    )
