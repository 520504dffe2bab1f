"""What a scan reads beside traces: roles, and what AWS itself recorded; and what it warns of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any

from scanner.aws.api import Aws
from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.model import Role, Usage
from scanner.model.workloads import noun_of, short_name, shown_id, workload_kind
from scanner.progress import Progress
from scanner.records.read import RecordsRequest
from scanner.request import ScanRequest, is_selected
from scanner.result import RoleResult, Traced
from scanner.roles.reader import RolesOfAws, RoleSource, roles_from_file
from scanner.roles.trust import with_workloads
from scanner.text.escape import counted
from scanner.verdict.new_grants import ages_unknown
from scanner.workloads.listing import Workloads

# X-Ray shows a trace some seconds after it ended, seldom minutes.
_JUST_NOW = 300.0  # seconds


_NAMED = 3  # roles, and actions of each, in a warning


def warn_of_assumed_roles(usages: Iterable[Usage], warnings: Warnings) -> None:
    """Warn where calls of a workload may have been made with another role."""
    for usage in usages:
        assumed = [need for need in usage.used if need.permission.action.startswith("sts:AssumeRole")]
        if usage.workload and assumed and not usage.other_credentials:
            warnings.add(
                "role-assumed",
                f"{shown_id(usage.workload)} assumes another role: calls made with that role count as its "
                "own here",
            )


def warn_of_calls_not_understood(roles: Iterable[RoleResult], warnings: Warnings) -> None:
    """Warn of calls that succeeded though no grant was found for them, while one names their action."""
    affected = [role_result for role_result in roles if role_result.not_understood]
    if not affected:
        return
    named = [f"{r.role.name} ({_some({call.action for call in r.not_understood})})" for r in affected]
    verb = "has" if len(affected) == 1 else "have"
    warnings.add(
        "not-understood",
        f"{counted(len(affected), 'role')} {verb} calls that succeeded without a grant that allows them, "
        f"though one names the action: {_some(named, '; ')}: no such grant is confirmed (see "
        "`not_understood` in report.json)",
        len(affected),
    )


def _some(texts: Iterable[str], separator: str = ", ") -> str:
    """The first few of the texts, in their order, and how many more there are."""
    ordered = sorted(texts)
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return f"{separator.join(ordered[:_NAMED])}{more}"


# --- roles ---


def warn_of_late_traces(
    request: ScanRequest, traced: Traced, workloads: Workloads, warnings: Warnings
) -> None:
    """Warn where some workloads have no trace yet, right after the others ran.

    Where most have none, they did not run: that is no matter of waiting, unless they are asked for by name.
    """
    seen = traced.evidence
    newest = max((e.last_seen or 0.0 for e in seen.values()), default=0.0)
    if request.wait or traced.source != "xray" or request.now - newest > _JUST_NOW:
        return
    asked = [arn for arn in workloads.known if is_selected(arn, request.workloads)]
    late = [arn for arn in asked if arn not in seen or not seen[arn].was_seen]
    if late and (request.workloads or 2 * len(late) <= len(asked)):
        noun = noun_of(map(workload_kind, asked))
        names = ", ".join(sorted(map(short_name, late))[:3]) + (", ..." if len(late) > 3 else "")
        warnings.add(
            "traces-late",
            f"{len(late)} of {counted(len(asked), noun)} not traced yet ({names}): if "
            "they have just run, try --wait 60",
        )


def role_source(request: ScanRequest, aws: Aws, progress: Progress) -> RoleSource:
    """What reads roles: the file that stands for IAM, or IAM, where a client is made when it is asked."""
    if request.iam is not None:
        return partial(_roles_from_file, request.iam)
    of_aws = cache(lambda: RolesOfAws(aws.iam(), progress))
    return lambda arns, warnings: of_aws().read(arns, warnings) if arns else []


def _roles_from_file(document: Any, arns: Sequence[str], warnings: Warnings) -> list[Role]:
    try:
        return roles_from_file(document, arns, warnings)
    except ValueError as error:
        raise ScanError(f"the file of --iam cannot be used: {error}", EXIT_USAGE) from None


def read_roles(source: RoleSource, workloads: Workloads, warnings: Warnings) -> list[Role]:
    """The roles to compare, with the workloads that use them. Raises ScanError."""
    roles = source(workloads.compared_roles, warnings)
    return sorted(with_workloads(roles, workloads, warnings), key=lambda role: role.arn)


def warn_of_unknown_ages(request: ScanRequest, roles: Sequence[Role], warnings: Warnings) -> None:
    """Warn that AWS does not tell the age of some grants, where it is asked how new grants are."""
    if request.requirements.grace_days and request.ledger is None and ages_unknown(roles):
        warnings.add(
            "grant-age-unknown",
            "--grace-days: AWS does not tell when a grant of an inline policy was added, so that it counts "
            "as old as its role: only a --ledger tells more, once several scans have written to it",
        )


def uncompared(usages: Sequence[Usage], roles: Sequence[Role], request: ScanRequest) -> list[str]:
    """The workloads that were seen and asked for, though no role of theirs is known."""
    compared = {arn for role in roles for arn in role.workloads}
    seen = [usage.workload for usage in usages if usage.workload]
    return [arn for arn in seen if arn not in compared and is_selected(arn, request.workloads)]


# --- what AWS recorded ---------------------------------------------------------------------------


def _asked_from(request: ScanRequest, traced: Traced) -> float:
    start = traced.start or 0.0
    return min(start, request.start) if traced.from_ledger and request.start else start


def records_request(request: ScanRequest, traced: Traced) -> RecordsRequest:
    """What is asked of AWS's records: about the scanned time."""
    return RecordsRequest(
        sources=request.evidence,
        # a scan with a ledger may read less than is asked for
        start=_asked_from(request, traced),
        end=traced.end or request.now,
        now=request.now,
        regions=request.regions,
    )
