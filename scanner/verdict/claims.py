"""May a finding be called confirmed? What a verdict claims, and the reasons that speak against it. Pure.

A claim (of unused or too wide permissions) is confirmed when no reason holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from scanner.usage.evidence import EvidenceRequirements, WorkloadEvidence
from scanner.verdict.reasons import ORDER, Reason


@dataclass(frozen=True)
class ServiceClaim:
    """The part of a claim that concerns one service.

    `doubts` are reasons that hold for some of its actions, `clean` tells that some action has none. `never`
    tells that IAM saw no attempt to use any of its actions.
    """

    clean: bool
    doubts: frozenset[Reason] = frozenset()
    never: bool = False

    def with_action(self, doubts: frozenset[Reason], never: bool) -> ServiceClaim:
        """The same of one more action, with its own doubts."""
        return ServiceClaim(self.clean or not doubts, self.doubts | doubts, self.never and never)

    def doubted(self, reason: Reason) -> ServiceClaim:
        """The same with a reason that holds for all of its actions."""
        return ServiceClaim(clean=False, doubts=self.doubts | {reason})


@dataclass(frozen=True)
class Claim:
    """What a finding claims of a grant, by service prefix.

    With `any_suffices` it holds as soon as one action is surely unneeded (a pattern that is too wide);
    without, all of them must be (an unused grant).
    """

    services: Mapping[str, ServiceClaim]
    any_suffices: bool


def reasons_for(
    claim: Claim,
    workloads: Sequence[WorkloadEvidence],
    role_reasons: Collection[Reason],
    requirements: EvidenceRequirements,
) -> tuple[Reason, ...]:
    """All reasons why a claim about a role is not confirmed, in the order of the table."""
    by_workload = [(workload, evidence_reasons(workload, requirements)) for workload in workloads]

    def of_services(parts: Mapping[str, ServiceClaim], doubts: Collection[Reason]) -> set[Reason]:
        reasons = [
            general.union(
                *(
                    _service_reasons(prefix, part.never, workload, requirements, general)
                    for prefix, part in parts.items()
                )
            )
            for workload, general in by_workload
        ]
        return _of_all_workloads(reasons) | set(doubts)

    if claim.any_suffices:
        each = [
            of_services({prefix: part}, () if part.clean else part.doubts)
            for prefix, part in claim.services.items()
        ]
        reasons = min(each, key=lambda reasons: (len(reasons), sorted(reasons)), default=set())
    else:
        doubts = frozenset[Reason]().union(*(part.doubts for part in claim.services.values()))
        reasons = of_services(claim.services, doubts)
    return tuple(sorted({*reasons, *role_reasons}, key=ORDER.__getitem__))


def _of_all_workloads(by_workload: Sequence[set[Reason]]) -> set[Reason]:
    """The best-seen workload speaks for the role; what is not known of another is one more reason."""
    if not by_workload:
        return {Reason.NOT_SEEN}
    best, *others = sorted(by_workload, key=lambda reasons: (len(reasons), sorted(reasons)))
    return best | ({Reason.SHARER_NOT_SEEN} if any(others) else set())


def evidence_reasons(workload: WorkloadEvidence, requirements: EvidenceRequirements) -> set[Reason]:
    """The reasons that hold for all that is said of one workload."""
    evidence, changed = workload.evidence, workload.changed
    reasons = set()
    newer = sum(1 for start in evidence.newest_complete if start > changed)
    if newer == 0:
        reasons.add(Reason.NOT_SEEN)
    elif newer < requirements.min_traces:
        reasons.add(Reason.TOO_FEW_TRACES)
    if newer and not (evidence.last_call and evidence.last_call > changed):
        reasons.add(Reason.NO_CALLS)
    if evidence.last_incomplete is not None and evidence.last_incomplete > changed:
        reasons.add(Reason.INCOMPLETE_TRACES)
    if workload.older_unknown or any(evidence_reasons(older, requirements) for older in workload.older):
        reasons.add(Reason.OLDER_VERSION)
    return reasons


def _service_reasons(
    prefix: str,
    never: bool,
    workload: WorkloadEvidence,
    requirements: EvidenceRequirements,
    general: set[Reason],
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
        or general & {Reason.NOT_SEEN, Reason.NO_CALLS}
    ):
        reasons.add(Reason.SERVICE_NOT_TRACED)
    of_older = (
        _service_reasons(prefix, never, older, requirements, evidence_reasons(older, requirements))
        for older in workload.older
    )
    if any(of_older):
        reasons.add(Reason.OLDER_VERSION)
    return reasons
