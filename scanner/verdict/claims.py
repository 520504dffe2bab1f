"""May a finding be called confirmed? The reasons of the evidence that speak against a verdict. Pure.

What speaks against a single action stands in `unseen`, what a grant's resource leaves open in `width`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scanner.model import Evidence, Policy, Role, Workload
from scanner.usage.evidence import EvidenceRequirements, WorkloadEvidence, workload_evidence
from scanner.verdict.context import RoleContext
from scanner.verdict.reasons import Reason

_Workloads = Sequence[tuple[WorkloadEvidence, set[Reason]]]
# X-Ray keeps traces for 30 days: docs.aws.amazon.com/xray/latest/devguide/xray-console-traces.html
_DOUBTED_FOR = 30 * 86_400.0


class EvidenceReasons:
    """Why the evidence of a role does not carry what is said of a service. Found once for each."""

    def __init__(self, context: RoleContext, more: frozenset[Reason] = frozenset()) -> None:
        self._context = context
        self._role_reasons = context.role_reasons | more
        self._workloads: dict[object, _Workloads] = {}
        self._reasons: dict[tuple[object, frozenset[tuple[str, bool]]], frozenset[Reason]] = {}

    def of_service(self, policy: Policy, prefix: str, never: bool) -> frozenset[Reason]:
        """Those against what is said of one service, by its prefix.

        `never` tells that IAM saw no attempt to use what is claimed of it.
        """
        return self.of_services(policy, {prefix: never})

    def of_services(self, policy: Policy, services: Mapping[str, bool]) -> frozenset[Reason]:
        """Those against what is said of several services at once."""
        key = (policy.created, frozenset(services.items()))
        if key not in self._reasons:
            by_workload = [
                evidence_doubts.union(
                    *(
                        _service_reasons(prefix, never, workload, self._context.requirements, evidence_doubts)
                        for prefix, never in services.items()
                    )
                )
                for workload, evidence_doubts in self._workloads_since(policy)
            ]
            self._reasons[key] = _of_all_workloads(by_workload) | self._role_reasons
        return self._reasons[key]

    def _workloads_since(self, policy: Policy) -> _Workloads:
        """What was seen of each workload since a policy was made, with the reasons against all of it."""
        context = self._context
        if policy.created not in self._workloads:
            workloads = workload_evidence(
                _of_code(context.role, context.workloads),
                policy,
                context.evidence,
                context.workloads,
                context.records,
            )
            self._workloads[policy.created] = [
                (workload, evidence_reasons(workload, context.requirements)) for workload in workloads
            ]
        return self._workloads[policy.created]


def is_of_code(key: str, workloads: Mapping[str, Workload]) -> bool:
    """Whether code of a workload uses its role: of what only a platform does, no trace is waited for."""
    return key not in workloads or not workloads[key].by_platform_only


def _of_code(role: Role, workloads: Mapping[str, Workload]) -> Role:
    """The role with the workloads whose code uses it."""
    return replace(role, workloads=tuple(key for key in role.workloads if is_of_code(key, workloads)))


def _of_all_workloads(by_workload: Sequence[set[Reason]]) -> frozenset[Reason]:
    """The best-seen workload speaks for the role; what is not known of another is one more reason."""
    if not by_workload:
        return frozenset({Reason.NOT_SEEN})
    best, *others = sorted(by_workload, key=lambda reasons: (len(reasons), sorted(reasons)))
    return frozenset(best | ({Reason.SHARER_NOT_SEEN} if any(others) else set()))


def evidence_reasons(workload: WorkloadEvidence, requirements: EvidenceRequirements) -> set[Reason]:
    """The reasons that hold for all that is said of one workload."""
    evidence, changed = workload.evidence, workload.changed
    reasons = set()
    observed = evidence.observed_since(changed)
    if observed.traces == 0:
        reasons.add(Reason.NOT_SEEN)
    elif observed.traces < requirements.min_traces:
        reasons.add(Reason.TOO_FEW_TRACES)
    if observed.traces and observed.days < requirements.min_observed_days:
        reasons.add(Reason.OBSERVED_TOO_SHORT)
    if observed.traces and not (evidence.last_call and evidence.last_call > changed):
        reasons.add(Reason.NO_CALLS)
    if _is_doubted(evidence, changed):
        reasons.add(Reason.INCOMPLETE_TRACES)
    if workload.older_unknown or any(evidence_reasons(older, requirements) for older in workload.older):
        reasons.add(Reason.OLDER_VERSION)
    return reasons


def _is_doubted(evidence: Evidence, changed: float) -> bool:
    """Whether an incomplete trace since the change may hide a use.

    One doubts until complete traces go on for a month after it: a scan of all that X-Ray keeps would not
    know of it either. Else one of them would doubt a ledger's findings for ever.
    """
    incomplete = evidence.last_incomplete
    if incomplete is None or incomplete <= changed:
        return False
    newest = max(evidence.newest_complete, default=0.0)
    return newest - incomplete <= _DOUBTED_FOR


def _service_reasons(
    prefix: str,
    never: bool,
    workload: WorkloadEvidence,
    requirements: EvidenceRequirements,
    evidence_doubts: set[Reason],
) -> set[Reason]:
    """The reasons that hold for all actions of one service."""
    evidence, changed = workload.evidence, workload.changed
    reasons = set()
    if None in evidence.unmapped_services or prefix in evidence.unmapped_services:
        reasons.add(Reason.UNMAPPED_OPERATION)
    traced = evidence.services.get(prefix, 0.0) > changed
    instrumented = requirements.assume_instrumented or (evidence.all_clients_traced or 0.0) > changed
    if not (
        traced
        or instrumented
        or (never and workload.recorded)
        or evidence_doubts & {Reason.NOT_SEEN, Reason.NO_CALLS}
    ):
        reasons.add(Reason.SERVICE_NOT_TRACED)
    of_older = (
        _service_reasons(prefix, never, older, requirements, evidence_reasons(older, requirements))
        for older in workload.older
    )
    if any(of_older):
        reasons.add(Reason.OLDER_VERSION)
    return reasons
