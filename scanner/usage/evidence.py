"""How much was seen of the workloads of a role since what matters last changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from scanner.model import Evidence, Policy, Role, Workload
from scanner.model.workloads import PublishedVersion
from scanner.records.aws_records import NO_RECORDS, AwsRecords
from scanner.workloads.versions import changed_at, of_current_code, of_version, older_versions, seconds_of


class WorkloadEvidence(NamedTuple):
    """A workload that uses the role: its evidence, and when it or the policy last changed.

    The time is in Unix seconds. `recorded` tells that IAM's last-accessed data reaches beyond that. `older`
    is the same of each older version that serves, `older_unknown` tells that there may be others.
    """

    evidence: Evidence
    changed: float
    recorded: bool = False
    older: tuple[WorkloadEvidence, ...] = ()
    older_unknown: bool = False


@dataclass(frozen=True)
class EvidenceRequirements:
    """What the user asks of evidence: complete traces, days with one, days that a grant is there."""

    min_traces: int = 1
    assume_instrumented: bool = False
    min_observed_days: int = 0
    grace_days: int = 0


def workload_evidence(
    role: Role,
    policy: Policy | None,
    evidence: Mapping[str, Evidence],
    workloads: Mapping[str, Workload],
    records: AwsRecords = NO_RECORDS,
) -> list[WorkloadEvidence]:
    """The workloads of a role with their evidence and the time of the last change that matters."""
    granted = max(seconds_of(policy.created if policy else None), seconds_of(role.created))
    of_role = []
    for arn in role.workloads:
        observed, workload = evidence.get(arn, Evidence()), workloads.get(arn)
        unmapped = records.unmapped_services(arn)
        if unmapped:
            observed = replace(observed, unmapped_services=observed.unmapped_services | unmapped)
        changed = max(granted, changed_at(arn, role, workloads))
        seen = with_traced_clients(of_current_code(observed, workload), workload)
        of_now = _since(changed, seen, records)
        if workload is not None:
            versions = older_versions(workload, role, observed)
            older = tuple(_of_older(v, observed, workload, granted, records) for v in versions.serving)
            of_now = of_now._replace(older=older, older_unknown=versions.unknown)
        of_role.append(of_now)
    return of_role


def _of_older(
    version: PublishedVersion, observed: Evidence, workload: Workload, granted: float, records: AwsRecords
) -> WorkloadEvidence:
    """An older version that serves: it never changes, so that its traces count from its publishing on."""
    seen = of_version(observed, workload, version.name)
    of_it = with_traced_clients(seen, replace(workload, runtime=version.runtime))
    return _since(max(granted, seconds_of(version.made)), of_it, records)


def _since(changed: float, evidence: Evidence, records: AwsRecords) -> WorkloadEvidence:
    return WorkloadEvidence(evidence, changed, records.has_recorded_since(evidence, changed))


def with_traced_clients(evidence: Evidence, workload: Workload | None) -> Evidence:
    """The evidence with when a run was last seen of which all AWS clients are traced.

    Automatic instrumentation shows that, and on Lambda one call that the X-Ray SDK for Python recorded: it
    wraps `BaseClient._make_api_call` of botocore (aws_xray_sdk/ext/botocore/patch.py), the class of all
    clients and not one of them, and each thread finds the context in the environment
    (aws_xray_sdk/core/lambda_launcher.py). Elsewhere threads lose it. aiobotocore has a class of its own.
    A state machine has no clients: its definition names all that it calls, so that a run without a call that
    traces show tells as much as one with calls.
    """
    times = [evidence.auto_instrumented]
    if workload is not None and workload.kind == "lambda":
        times.append(evidence.by_python_sdk)
        if workload.runtime.startswith("python"):
            times.append(evidence.by_xray_sdk)
    if workload is not None and workload.kind == "state-machine" and workload.defined:
        times.append(evidence.last_seen)
        evidence = replace(evidence, last_call=evidence.last_seen)
    newest = max((time for time in times if time is not None), default=None)
    return evidence if newest is None else replace(evidence, all_clients_traced=newest)
