"""Workloads that no trace shows, and what their roles allow at the worst.

They take no part in the comparison, unless they were asked for by name: nothing is known of what they use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.errors import Warnings
from scanner.model import Role, region_of
from scanner.request import ScanRequest, is_selected
from scanner.result import NeverTraced, Traced
from scanner.roles.reader import RoleSource
from scanner.text.escape import counted
from scanner.verdict.rights import rights_of
from scanner.workloads.listing import Workloads

MAX_ROLES = 500  # read one by one: IAM allows some 20 requests a second, and a role takes four or more
_MISSING_RIGHT, _UNREAD = "right-missing", "never-traced-unread"


def never_traced(request: ScanRequest, traced: Traced, workloads: Workloads) -> NeverTraced:
    """The workloads that were asked for, and that no trace shows; their rights are still open.

    There is no such list where not all traces of a time were read.
    """
    if request.filter or request.trace_ids:
        return NeverTraced(why_not="filter" if request.filter else "trace-ids")
    # of other regions no traces were asked for
    regions = None if request.traces else frozenset(traced.regions)
    asked_for = [
        arn
        for arn, workload in workloads.known.items()
        if is_selected(arn, request.workloads)
        and not workload.by_platform_only
        and (regions is None or region_of(arn) in regions)
    ]
    seen = {usage.workload for usage in traced.usages if usage.evidence.was_seen}
    complete = _are_all_listed(request, workloads, regions)
    return NeverTraced(
        arns=tuple(sorted(arn for arn in asked_for if arn not in seen)),
        listed=len(asked_for) if complete else None,
        why_not=None if complete else "unread",
    )


def of_all_accounts(parts: Sequence[NeverTraced], is_any_unread: bool) -> NeverTraced:
    """Those of several accounts together: all are listed only where those of each account are."""
    if len(parts) == 1 and not is_any_unread:
        return parts[0]
    why_not = next((part.why_not for part in parts if part.listed is None), None)
    if is_any_unread or why_not == "usage-only":
        why_not = "unread"
    return NeverTraced(
        arns=tuple(sorted(arn for part in parts for arn in part.arns)),
        listed=None if why_not else sum(part.listed or 0 for part in parts),
        why_not=why_not,
        rights={arn: rights for part in parts for arn, rights in part.rights.items()},
    )


def _are_all_listed(request: ScanRequest, workloads: Workloads, regions: frozenset[str] | None) -> bool:
    if request.documents or request.workload_config or regions is None:
        return workloads.complete
    return regions <= workloads.regions


def with_rights(
    unseen: NeverTraced,
    workloads: Workloads,
    compared: Sequence[Role],
    source: RoleSource,
    warnings: Warnings,
) -> NeverTraced:
    """The same with what the roles of these workloads allow at the worst.

    Roles that are not compared are read for that, each once. Where none of the compared ones could be read,
    neither can these. Raises ScanError.
    """
    role_of = {arn: workloads.known[arn].role for arn in unseen.arns}
    by_arn = {role.arn: role for role in compared}
    if any(role.readable for role in compared):
        others = sorted({role for role in role_of.values() if role} - by_arn.keys())
        by_arn |= {role.arn: role for role in _read(others, source, warnings)}
    of_role = {role: rights_of(by_arn[role]) for role in sorted(by_arn.keys() & set(role_of.values()))}
    worst = {arn: of_role.get(role or "") for arn, role in role_of.items()}
    return replace(unseen, rights={arn: rights for arn, rights in worst.items() if rights})


def limited_source(request: ScanRequest, source: RoleSource) -> RoleSource:
    """The same source, of which MAX_ROLES roles are read at most, where it is IAM and no file."""
    if request.iam is not None:
        return source

    def read(arns: Sequence[str], warnings: Warnings) -> list[Role]:
        if len(arns) > MAX_ROLES:
            warnings.add(
                _UNREAD,
                f"workloads that were never traced have {len(arns):,} roles, of which {MAX_ROLES:,} were "
                "read to spare IAM: a file of `aws iam get-account-authorization-details` holds all of them",
            )
        return source(arns[:MAX_ROLES], warnings)

    return read


def _read(arns: Sequence[str], source: RoleSource, warnings: Warnings) -> Iterable[Role]:
    """Roles that are not compared: a right that is missing is named, all else that fails is counted."""
    own = Warnings()
    roles = source(arns, own)
    for warning in own.all():
        if warning.code in (_MISSING_RIGHT, _UNREAD):
            warnings.add(warning.code, warning.message)
    unread = sum(not role.readable for role in roles)
    if unread:
        warnings.add(
            _UNREAD,
            f"{counted(unread, 'role')} of workloads that were never traced could not be read wholly: "
            "whether they hold administrator's rights is not known",
            unread,
        )
    return roles
