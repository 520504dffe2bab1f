"""A scan with what the gate says of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.action.trusted_files import FileChange
from scanner.gate.decide import GateDecision, GatePolicy
from scanner.ledger import Ledger
from scanner.model import EXCESS, Finding
from scanner.report.records import Report
from scanner.request import ScanRequest
from scanner.result import ScanResult, nothing_read


def _is_to_act_on(finding: Finding) -> bool:
    """Whether it is excess that nobody accepts, and that could be removed: a bundle that fits could not."""
    return finding.verdict in EXCESS and not finding.accepted and not finding.bundle_fits


@dataclass(frozen=True)
class ActionResult:
    """A scan with what the gate says of it. `scan` is None where it could not even begin.

    `changes` are what a pull request changes in the team's files, which count as they are in its base.
    `report` is the scan as report.json has it, `files` are the reports that were written.
    `addition` is what the run adds to its ledger.
    """

    scan: ScanResult | None
    request: ScanRequest
    gate: GatePolicy
    decision: GateDecision
    changes: Sequence[FileChange] = ()
    report: Report | None = None
    files: Sequence[Path] = ()
    addition: Ledger | None = None

    @property
    def failing_ids(self) -> frozenset[str]:
        """The ids of the findings that fail the gate."""
        return frozenset(finding.id for finding in self.decision.failing)

    @property
    def findings(self) -> list[Finding]:
        """The findings of excess that the team does not accept, and those that fail the gate."""
        failing = self.failing_ids
        return [f for f in self._every if _is_to_act_on(f) or f.id in failing]

    @property
    def new(self) -> int:
        """The number of findings of excess that neither a rule nor the baseline accepts."""
        return sum(map(_is_to_act_on, self._every))

    @property
    def accepted(self) -> int:
        """The number of findings that a rule or the baseline accepts."""
        return sum(bool(finding.accepted) for finding in self._every)

    @property
    def fixed(self) -> int:
        """The number of grants of the baseline that are gone."""
        against = self.scan.against_baseline if self.scan else None
        return len(against.fixed) if against else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was compared, so that an earlier comment may still be valid."""
        if self.scan is None or not self.request.compare:
            return True
        return nothing_read(self.scan, self.request.compare) is not None

    @property
    def needs_attention(self) -> bool:
        """Whether a reviewer should see it."""
        return bool(self.findings or self.changes or self.decision.expired)

    @property
    def _every(self) -> list[Finding]:
        return self.scan.findings if self.scan else []
