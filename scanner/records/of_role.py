"""What AWS recorded of one role, as far as it tells of its workloads since their last change. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from scanner.model import Evidence, Role, Workload, region_of
from scanner.records.aws_records import AwsRecords
from scanner.records.cloudtrail.history import History
from scanner.records.last_accessed import LastAccessed, newest_recorded, tracks
from scanner.workloads.versions import changed_at, of_current_code, ran_older_code


@dataclass(frozen=True)
class TracedWorkloads:
    """What is known of workloads without AWS's records, by key: their configuration and their traces."""

    workloads: Mapping[str, Workload] = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    def changed(self, role: Role) -> dict[str, float]:
        """The times since which records tell of the code of now, by the ARN of each workload of a role.

        In Unix seconds; infinite where no record does. A record does not tell which version ran.
        """
        return {
            arn: math.inf
            if ran_older_code(self._evidence(arn), self.workloads.get(arn))
            else changed_at(arn, role, self.workloads)
            for arn in role.workloads
        }

    def newest_recorded(self, arn: str, changed: float, asked: float) -> float:
        """The start of the newest trace of which a record that was asked for at `asked` tells."""
        evidence = of_current_code(self._evidence(arn), self.workloads.get(arn))
        return newest_recorded(evidence.complete_starts, changed, asked)

    def _evidence(self, arn: str) -> Evidence:
        return self.evidence.get(arn, Evidence())


def records_of_role(
    role: Role,
    accessed: LastAccessed | None,
    histories: Mapping[str, History],
    traced: TracedWorkloads,
    since: float,
) -> AwsRecords:
    """The records of a role. `histories` are by workload, `since` is the start of the scanned time.

    A use since the last change counts, though it was before the scanned time.
    """
    changed = traced.changed(role)
    deployed = (changed_at(arn, role, traced.workloads) for arn in role.workloads)
    tracked = all(tracks(region_of(arn)) for arn in role.workloads)
    records = AwsRecords(
        last_accessed=accessed if tracked else None,
        histories={arn: histories[arn] for arn in role.workloads if arn in histories},
        workloads=changed,
        since=min((since, *deployed)),
    )
    if records.last_accessed is None or not changed:
        return records
    asked = records.last_accessed.asked
    recorded = (traced.newest_recorded(arn, time, asked) for arn, time in changed.items())
    return replace(records, recorded_until=min(recorded))
