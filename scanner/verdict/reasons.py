"""May a finding be called confirmed? The table of reasons, and when each holds. Pure.

A claim (of unused or too wide permissions) is confirmed when no reason holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scanner.usage.evidence import EvidenceRequirements, WorkloadEvidence


class Reason(StrEnum):
    """Why a finding is not confirmed. DESIGN's words, in the order in which they are reported."""

    NOT_SEEN = "not-seen"
    TOO_FEW_TRACES = "too-few-traces"
    NO_CALLS = "no-calls"
    SERVICE_NOT_TRACED = "service-not-traced"
    MAY_RUN_UNTRACED = "may-run-untraced"
    POSSIBLE = "possible"
    RESOURCE_UNKNOWN = "resource-unknown"
    CONDITION_UNKNOWN = "condition-unknown"
    ACCESSED_UNTRACED = "accessed-untraced"
    UNMAPPED_OPERATION = "unmapped-operation"
    INCOMPLETE_TRACES = "incomplete-traces"
    SHARER_NOT_SEEN = "sharer-not-seen"
    ROLE_USERS_UNKNOWN = "role-users-unknown"
    TRACES_ELSEWHERE = "traces-elsewhere"


# They question the evidence as a whole: none of them hints that just this grant is needed.
GENERAL_DOUBTS = frozenset({Reason.TOO_FEW_TRACES, Reason.INCOMPLETE_TRACES, Reason.ROLE_USERS_UNKNOWN})

# With one of these a grant may well have been used, though traces do not tell that it was this one.
MAY_BE_USED = frozenset(
    {
        Reason.POSSIBLE,
        Reason.RESOURCE_UNKNOWN,
        Reason.CONDITION_UNKNOWN,
        Reason.ACCESSED_UNTRACED,
        Reason.UNMAPPED_OPERATION,
    }
)

ORDER = {reason: place for place, reason in enumerate(Reason)}

# What each reason means and what would remove it, for the reports: said once for each.
REASON_HELP: Mapping[Reason, tuple[str, str]] = {
    Reason.NOT_SEEN: (
        "no complete trace of the workload is newer than its last change",
        "run it with tracing on after the deployment (for example by integration tests), then scan again",
    ),
    Reason.TOO_FEW_TRACES: (
        "fewer complete traces than --min-traces asks for are newer than the last change",
        "exercise the workload more, scan a longer time, or lower --min-traces",
    ),
    Reason.NO_CALLS: (
        "the workload was traced, but never with an AWS call: its AWS clients are probably not instrumented",
        "instrument its AWS clients with the X-Ray SDK or OpenTelemetry",
    ),
    Reason.SERVICE_NOT_TRACED: (
        "no call of that service was traced, and nothing shows that all clients are instrumented",
        "set --assume-instrumented if every AWS client of the workload is traced, or ask what IAM saw with "
        "--evidence last-accessed",
    ),
    Reason.MAY_RUN_UNTRACED: (
        "the action commonly runs where traces do not reach: init code, extensions, presigned URLs, "
        "destinations",
        "ask what AWS recorded with --evidence last-accessed cloudtrail, or check by hand that no such code "
        "uses it",
    ),
    Reason.POSSIBLE: (
        "a call that was seen may have needed it, depending on what the trace does not show; or a call that "
        "needs it was refused or never sent",
        "look at the call in report.json (`used` with `required` false, `denied`) and decide by hand",
    ),
    Reason.RESOURCE_UNKNOWN: (
        "calls of that action were recorded without their resource",
        "let the X-Ray SDK record the parameter that names the resource (see the README)",
    ),
    Reason.CONDITION_UNKNOWN: (
        "the grant has a condition, and traces do not tell whether it held or what it narrows the grant to",
        "check the condition by hand; a grant that another one makes needless can go",
    ),
    Reason.ACCESSED_UNTRACED: (
        "IAM's last-accessed data says that the role used it in the scanned time, and no trace shows it",
        "keep the permission, and instrument the AWS client that uses it",
    ),
    Reason.UNMAPPED_OPERATION: (
        "a call could not be mapped to permissions, and may have needed this one",
        "see `unmapped` in report.json, and report the operation to the project",
    ),
    Reason.INCOMPLETE_TRACES: (
        "traces of the workload are truncated, still arriving or unreadable",
        "scan again later, or split what makes traces too large for X-Ray (500 KB)",
    ),
    Reason.SHARER_NOT_SEEN: (
        "another workload that uses the role was not seen well enough",
        "exercise the other workloads too, or give each workload a role of its own",
    ),
    Reason.ROLE_USERS_UNKNOWN: (
        "it could not be told who else uses the role",
        "allow lambda:ListFunctions and iam:GetRole, name every region (--region), and let nothing but "
        "Lambda assume the role",
    ),
    Reason.TRACES_ELSEWHERE: (
        "Transaction Search is on: X-Ray's API shows only the traces that are indexed",
        "index all spans while testing, or scan saved traces",
    ),
}


@dataclass(frozen=True)
class ServiceClaim:
    """The part of a claim that concerns one service.

    `doubts` are reasons that hold for some of its actions, `clean` tells that some action has none. `never`
    tells that IAM saw no attempt to use any of its actions.
    """

    clean: bool
    doubts: frozenset[Reason] = frozenset()
    never: bool = False


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
    scan_reasons = [evidence_reasons(user, requirements) for user in workloads]

    def of_services(parts: Mapping[str, ServiceClaim], doubts: Collection[Reason]) -> set[Reason]:
        by_user = [
            own.union(
                *(
                    _service_reasons(prefix, part.never, user, requirements, own)
                    for prefix, part in parts.items()
                )
            )
            for user, own in zip(workloads, scan_reasons, strict=True)
        ]
        return _of_all_users(by_user) | set(doubts)

    if claim.any_suffices:
        each = [
            of_services({prefix: part}, () if part.clean else part.doubts)
            for prefix, part in claim.services.items()
        ]
        found = min(each, key=lambda reasons: (len(reasons), sorted(reasons)), default=set())
    else:
        doubts = frozenset[Reason]().union(*(part.doubts for part in claim.services.values()))
        found = of_services(claim.services, doubts)
    return tuple(sorted({*found, *role_reasons}, key=ORDER.__getitem__))


def _of_all_users(by_user: Sequence[set[Reason]]) -> set[Reason]:
    """The best-seen workload speaks for the role; what is not known of another is one more reason."""
    if not by_user:
        return {Reason.NOT_SEEN}
    best, *others = sorted(by_user, key=lambda reasons: (len(reasons), sorted(reasons)))
    return best | ({Reason.SHARER_NOT_SEEN} if any(others) else set())


def evidence_reasons(user: WorkloadEvidence, requirements: EvidenceRequirements) -> set[Reason]:
    """The reasons that hold for all that is said of one workload."""
    evidence, changed, _ = user
    found = set()
    newer = sum(1 for start in evidence.newest_complete if start > changed)
    if newer == 0:
        found.add(Reason.NOT_SEEN)
    elif newer < requirements.min_traces:
        found.add(Reason.TOO_FEW_TRACES)
    if newer and not (evidence.last_call and evidence.last_call > changed):
        found.add(Reason.NO_CALLS)
    if evidence.last_incomplete is not None and evidence.last_incomplete > changed:
        found.add(Reason.INCOMPLETE_TRACES)
    return found


def _service_reasons(
    prefix: str,
    never: bool,
    user: WorkloadEvidence,
    requirements: EvidenceRequirements,
    scan_reasons: set[Reason],
) -> set[Reason]:
    """The reasons that hold for all actions of one service."""
    evidence, changed, recorded = user
    found = set()
    if None in evidence.unmapped_services or prefix in evidence.unmapped_services:
        found.add(Reason.UNMAPPED_OPERATION)
    traced = evidence.services.get(prefix, 0.0) > changed
    instrumented = requirements.assume_instrumented or (evidence.auto_instrumented or 0.0) > changed
    if not (
        traced or instrumented or (never and recorded) or scan_reasons & {Reason.NOT_SEEN, Reason.NO_CALLS}
    ):
        found.add(Reason.SERVICE_NOT_TRACED)
    return found
