"""All that is known of one role when its grants are assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner.mapping.acts_for_caller import acts_for_caller
from scanner.model import Evidence, GrantName, Role, Usage, Workload
from scanner.records.aws_records import NO_RECORDS, AwsRecords
from scanner.usage.evidence import EvidenceRequirements
from scanner.usage.of_role import RoleUsage
from scanner.verdict.reasons import Reason


@dataclass(frozen=True)
class RoleContext:
    """A role, its workloads and what they used.

    `workloads` are those whose configuration was read, by key. `usages` are those of the role's workloads
    that were seen, `usage` is what they used together. `scan_reasons` hold for every finding of the scan.
    `until` is the end of the scanned time (Unix seconds), `appeared` since when grants are there, as far as
    a ledger tells.
    """

    role: Role
    workloads: Mapping[str, Workload]
    usages: tuple[Usage, ...]
    usage: RoleUsage
    records: AwsRecords = NO_RECORDS
    scan_reasons: frozenset[Reason] = frozenset()
    requirements: EvidenceRequirements = field(default_factory=EvidenceRequirements)
    until: float = 0.0
    appeared: Mapping[GrantName, float] = field(default_factory=dict)

    @property
    def evidence(self) -> dict[str, Evidence]:
        """The evidence of the workloads that were seen, by key."""
        return {usage.workload: usage.evidence for usage in self.usages if usage.workload}

    @property
    def role_reasons(self) -> frozenset[Reason]:
        """The reasons that hold for all that is said of the role."""
        reasons = set(self.scan_reasons)
        if not self.role.workloads_complete:
            reasons.add(Reason.ROLE_USERS_UNKNOWN)
        own = (self.workloads.get(workload) for workload in self.role.workloads)
        if any(workload.inferred for workload in own if workload):
            reasons.add(Reason.ROLE_INFERRED)
        if acts_for_caller(self.usage.required):
            reasons.add(Reason.ACTS_FOR_CALLER)
        return frozenset(reasons)
