"""Runs of one scope, night after night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from scanner.ledger import Run
from scanner.report.build import report
from scanner.report.history import with_history
from scanner.report.records import History, Report
from scanner.result import RoleResult
from tests.unit.cases import NOW, allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, scan_result

DAY = 86_400.0
SCOPE = "accounts: 123456789012; regions: us-east-1"
READ, SCAN, PUT = "dynamodb:GetItem", "dynamodb:Scan", "dynamodb:PutItem"


def role(
    *granted: str, uses: Iterable[str] = (READ,), name: str = "f", seen: bool = True, readable: bool = True
) -> RoleResult:
    """The role of a function as a night finds it. Unless it was `seen`, nothing of it is confirmed."""
    usages = [usage(used(*((action, table("t")) for action in uses)), name=name)] if seen else []
    policies = [policy(allow([*granted], table("t")))]
    result = compared(policies, usages, [function(name)], readable=readable)
    renamed = replace(result.role, arn=f"arn:aws:iam::123456789012:role/{name}", name=name)
    context = replace(result.assessed.context, role=renamed)
    # ids of grants hold the role's name; here all roles have one name when ids are made
    findings = [
        replace(f, id=f"{f.id[:8]}{name:0>4}", grant_ids=tuple(f"{id_[:8]}{name:0>4}" for id_ in f.grant_ids))
        for f in result.findings
    ]
    return replace(result, assessed=replace(result.assessed, context=context), findings=findings)


@dataclass
class Nights:
    """What the ledger remembers of the runs so far."""

    runs: list[Run] = field(default_factory=list)
    at: float = NOW

    def report(self, *roles: RoleResult, scope: str = SCOPE) -> Report:
        """One night more: its report."""
        self.at += DAY
        told, record = with_history(report(scan_result(roles), COMPARE), self.runs, self.at, scope)
        self.runs.append(record.run)
        return told

    def history(self, *roles: RoleResult, scope: str = SCOPE) -> History:
        """One night more: its history."""
        history = self.report(*roles, scope=scope).history
        assert history
        return history


def numbers(history: History) -> Sequence[int]:
    """How many are new, still open, fixed, settled, undecided."""
    parts = (history.new, history.still_open, history.fixed, history.settled, history.undecided)
    return tuple(map(len, parts))
