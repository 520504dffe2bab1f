"""How much was seen of the workloads of a role since what matters last changed. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from scanner.model import Evidence, Function, Policy, Role
from scanner.records.aws_records import NO_RECORDS, AwsRecords


class WorkloadEvidence(NamedTuple):
    """A workload that uses the role: its evidence, and when it or the policy last changed.

    The time is in Unix seconds. `recorded` tells that IAM's last-accessed data reaches beyond that.
    """

    evidence: Evidence
    changed: float
    recorded: bool = False


@dataclass(frozen=True)
class EvidenceRequirements:
    """What the user asks of evidence."""

    min_traces: int = 1
    assume_instrumented: bool = False


def workload_evidence(
    role: Role,
    policy: Policy | None,
    evidence: Mapping[str, Evidence],
    functions: Mapping[str, Function],
    records: AwsRecords = NO_RECORDS,
) -> list[WorkloadEvidence]:
    """The workloads of a role with their evidence and the time of the last change that matters."""
    granted = policy.created.timestamp() if policy and policy.created else 0.0
    workloads = []
    for arn in role.workloads:
        seen = of_current_code(evidence.get(arn, Evidence()), functions.get(arn))
        changed = max(granted, changed_at(arn, role, functions))
        workloads.append(WorkloadEvidence(seen, changed, records.has_recorded_since(seen, changed)))
    return workloads


def of_current_code(evidence: Evidence, function: Function | None) -> Evidence:
    """The evidence with that of published versions that have the code of now.

    A version that was published before the last change runs older code: it tells nothing about the new one.
    """
    for version, own in evidence.of_versions.items():
        if _is_current(version, function):
            starts = sorted((*evidence.newest_complete, *own.newest_complete), reverse=True)
            evidence = replace(
                evidence,
                newest_complete=tuple(starts),
                last_call=_newest(evidence.last_call, own.last_call),
                auto_instrumented=_newest(evidence.auto_instrumented, own.auto_instrumented),
                services={
                    prefix: max(evidence.services.get(prefix, 0.0), own.services.get(prefix, 0.0))
                    for prefix in {**evidence.services, **own.services}
                },
            )
    return evidence


def ran_older_code(evidence: Evidence, function: Function | None) -> bool:
    """Whether a version with older code than that of now was seen to run."""
    return any(not _is_current(version, function) for version in evidence.of_versions)


def _is_current(version: str, function: Function | None) -> bool:
    if function is None or function.last_modified is None:
        return False
    return any(name == version and time >= function.last_modified for name, time in function.published)


def _newest(one: float | None, other: float | None) -> float | None:
    return max((time for time in (one, other) if time is not None), default=None)


def changed_at(arn: str, role: Role, functions: Mapping[str, Function]) -> float:
    """When a workload of a role was last deployed (Unix seconds), infinite where no trace is surely newer."""
    function = functions.get(arn)
    if function is None or function.last_modified is None or arn in role.by_version_only:
        return math.inf
    return function.last_modified.timestamp()
