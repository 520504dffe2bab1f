"""What other sources than traces say of the permissions of one role. Pure.

Each only rescues a permission, or takes away a doubt: none can make a permission unused that traces show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scanner.iam.patterns import is_pattern
from scanner.model import Arn, Evidence
from scanner.records.cloudtrail.history import History, never_called
from scanner.records.last_accessed import LastAccessed, counts_for, tracks

LAST_ACCESSED, CLOUDTRAIL, INVOCATIONS = "last-accessed", "cloudtrail", "invocations"
SOURCES = (LAST_ACCESSED, CLOUDTRAIL, INVOCATIONS)


@dataclass(frozen=True)
class AwsRecords:
    """The sources of one role.

    `since` is the start of the scanned time, or the last change if that is earlier (Unix seconds).
    `histories` are CloudTrail's by the ARN of the workload. `workloads` are all that use the role, with the
    time of their last change. `recorded_until` is the time up to which IAM's data tells what each of them
    did, 0 where it does not reach beyond the last change of one.
    """

    last_accessed: LastAccessed | None = None
    histories: Mapping[str, History] = field(default_factory=dict)
    workloads: Mapping[str, float] = field(default_factory=dict)
    since: float = 0.0
    recorded_until: float = 0.0

    def has_recorded_since(self, evidence: Evidence, changed: float) -> bool:
        """Whether IAM's data is young enough to tell what a workload did since its last change."""
        return self.last_accessed is not None and counts_for(
            evidence.complete_starts, changed, self.last_accessed.asked
        )

    def unmapped_services(self, workload: str) -> frozenset[str | None]:
        """The services (None: an unknown one) with an event of a workload that could not be mapped."""
        history = self.histories.get(workload)
        return frozenset(unmapped.prefix for unmapped in history.unmapped) if history else frozenset()

    def never(self, action: str, pattern: str) -> bool:
        """Whether IAM says that the role never tried to use an action (in lower case) on a resource pattern.

        It says nothing of a region that it does not track.
        """
        region = _region(pattern)
        tracked = is_pattern(region) or not region or tracks(region)
        return self.last_accessed is not None and tracked and self.last_accessed.never(action)

    def source_of_absence(self, action: str, pattern: str, granted: float) -> str | None:
        """Which source says that code did not use an action on a resource pattern, traced or not.

        `granted` is when the grant was made (Unix seconds, 0 where unknown): what was seen before says
        nothing of it. What Lambda itself may do, only when an event fails, no source tells.
        """
        if self.recorded_until > granted and self.never(action, pattern):
            return LAST_ACCESSED
        return CLOUDTRAIL if self.histories and self._never_called(action, pattern, granted) else None

    def _never_called(self, action: str, pattern: str, granted: float) -> bool:
        """Whether CloudTrail shows that no workload called an action on a resource since it could."""
        region = _region(pattern)
        return bool(self.workloads) and all(
            arn in self.histories and never_called(self.histories[arn], action, region, max(changed, granted))
            for arn, changed in self.workloads.items()
        )

    def was_used_untraced(self, action: str, traced_actions: Sequence[str] | frozenset[str]) -> bool:
        """Whether IAM says that the role used an action since `since`, though no trace shows it.

        `traced_actions` (in lower case) are those that a trace shows, or that a call may have needed.
        """
        if self.last_accessed is None or action in traced_actions:
            return False
        level = self.last_accessed.accessed_since(action, self.since)
        if level == "service":  # which action it was is not known: any that was traced explains it
            prefix = action.partition(":")[0] + ":"
            return not any(traced.startswith(prefix) for traced in traced_actions)
        return level == "action"


def _region(pattern: str) -> str:
    arn = Arn.parse(pattern)
    return arn.region if arn else "*"


NO_RECORDS = AwsRecords()
