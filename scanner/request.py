"""What is asked of a scan, and the clients that it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import Any

from scanner.aws.api import AssumedRole, Aws, Stack
from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.gate.accept import Terms
from scanner.gate.baseline import Baseline
from scanner.gate.config import TeamConfig
from scanner.ledger import Ledger
from scanner.model import EXCESS, ScanWarning, Verdict
from scanner.model.workloads import WorkloadKindName, names_of
from scanner.traces.xray_requests import Window
from scanner.usage.evidence import EvidenceRequirements
from scanner.workloads.documents import Documents


@dataclass(frozen=True)
class ScanRequest:
    """What is to be scanned. Times are Unix seconds; the window counts for the X-Ray API only.

    Where no role can be read, a scan that compares goes on without, unless it `must_compare`.
    `source` is where traces are read ("auto", "xray", "spans", "files"); `log_groups` those of spans, none
    for the one of Transaction Search; `max_scan_gb` bounds what AWS reads of them, at `gb_price` USD each.
    `iam`, `documents` (of workloads, by kind) and `workload_config` are parsed files that stand for the
    answers of AWS.
    `regions` are those to scan, none for the configured one; `assumed_roles` are of the accounts to
    scan, none for that of the configured credentials. `evidence` names what AWS itself recorded
    (`records.aws_records.SOURCES`). `baseline_verdicts` are the verdicts that a baseline holds. `logical_ids`
    are those of `Stack`. `ledger` is what earlier scans saw, None where nothing is kept; with
    `ledger_read_only` nothing is added to it. `today` is the date in UTC, `date.min` where no rule has an
    end. `terraform_roles` are the addresses of roles in Terraform's state, by ARN. `warnings` are on what was
    asked.
    """

    start: float = 0.0
    end: float = 0.0
    now: float = 0.0
    filter: str | None = None
    compare: bool = False
    must_compare: bool = True
    traces: tuple[Path, ...] = ()
    trace_ids: tuple[str, ...] = ()
    source: str = "auto"
    log_groups: tuple[str, ...] = ()
    max_scan_gb: float = 100.0
    gb_price: float | None = None
    regions: tuple[str, ...] = ()
    assumed_roles: tuple[AssumedRole, ...] = ()
    iam: Any = None
    documents: Mapping[WorkloadKindName, Any] = field(default_factory=dict)
    workload_config: Documents | None = None
    wait: float = 0.0
    workloads: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    logical_ids: Mapping[str, str] = field(default_factory=dict)
    evidence: frozenset[str] = frozenset()
    requirements: EvidenceRequirements = field(default_factory=EvidenceRequirements)
    config: TeamConfig = field(default_factory=TeamConfig)
    config_name: str = ""
    baseline: Baseline | None = None
    baseline_verdicts: frozenset[Verdict] = frozenset(EXCESS)
    ledger: Ledger | None = None
    ledger_read_only: bool = False
    today: date = date.min
    terraform_roles: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[ScanWarning, ...] = ()

    @property
    def window(self) -> Window:
        """The time that is asked for, and which of its traces."""
        return Window(self.start, self.end, self.filter)

    @property
    def observes(self) -> bool:
        """Whether all traces of the time are read, about all workloads, so that a ledger may keep that."""
        partly = self.filter or self.trace_ids or self.workloads or self.stacks or self.traces
        return not partly and not self.ledger_read_only

    @property
    def terms(self) -> Terms:
        """What the team accepts."""
        return Terms(
            rules=self.config.ignores,
            baseline=self.baseline,
            baseline_verdicts=self.baseline_verdicts,
            logical_ids=self.logical_ids,
            today=self.today,
            every_role=not (self.workloads or self.filter),
        )


def with_stacks(request: ScanRequest, aws: Aws) -> ScanRequest:
    """The request with the functions of its stacks among its workloads. Raises ScanError.

    Where roles of accounts are assumed, a stack is that of each account which has it.
    """
    warnings = Warnings(request.warnings)
    stacks = [stack for name in request.stacks for stack in _stacks(request, aws, name, warnings)]
    logical_ids = {
        physical: logical for _, stack in stacks for physical, logical in stack.logical_ids.items()
    }
    return replace(
        request,
        workloads=(
            *request.workloads,
            *(f"{before}{escape(name)}" for before, stack in stacks for name in stack.functions),
        ),
        stacks=(),
        warnings=tuple(warnings.all()),
        logical_ids={**request.logical_ids, **logical_ids},
    )


def _stacks(request: ScanRequest, aws: Aws, name: str, warnings: Warnings) -> list[tuple[str, Stack]]:
    """The stacks of a name, each with what a pattern for its functions begins with."""
    if not request.assumed_roles:
        return [("", aws.stack(name))]
    found, errors = [], {}
    for role in request.assumed_roles:
        try:
            stack = aws.assuming(role).stack(name)
        except ScanError as error:
            errors[role.account] = error
        else:
            found.append((f"arn:*:lambda:*:{role.account}:function:", stack))
    if not found:
        raise next(iter(errors.values()))
    for account, unread in errors.items():
        if unread.exit_code == EXIT_USAGE:  # an account that cannot be read at all is named anyway
            warnings.add("stack-unread", f"account {account}: {unread}")
    return found


def is_selected(workload: str, globs: Sequence[str]) -> bool:
    """Whether the findings of a workload are asked for: one of the globs fits one of its names."""
    return not globs or any(fnmatchcase(name, glob) for name in names_of(workload) for glob in globs)
