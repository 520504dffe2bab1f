"""Who uses a role, and who else may: all its workloads, and the principals that its trust policy lets in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from scanner.errors import Warnings
from scanner.mapping.partitions import partitions
from scanner.model import Arn, Role, region_of
from scanner.model.workloads import shown_id, workload_kind
from scanner.workloads.kinds import EKS, KINDS, LAMBDA
from scanner.workloads.listing import Workloads
from scanner.workloads.trusts import principals_of

_CLUSTER = re.compile(r":oidc-provider/oidc\.eks\.[a-z0-9-]+\.")
_NOT_LISTED = "what used it there is no workload that was listed"
_STACK = "aws:cloudformation:stack-id"
_READ_REGION = "name that region too (--region), or add its {what} to the {files}"


def with_workloads(roles: Iterable[Role], workloads: Workloads, warnings: Warnings) -> list[Role]:
    """The roles with all workloads that use them.

    That these are all is known only where the workloads could be listed, each with its role, nobody but
    their platforms may assume the role, and no region is known to use it whose workloads were not listed.
    """
    using: dict[str, set[str]] = {}
    for used_role, arn in workloads.roles_of_versions:
        using.setdefault(used_role, set()).add(arn)
    regions = {region_of(workload) for workload in workloads.known} - {""}
    read_region = _where_to_add(workloads)
    shared = {**_of_candidates(workloads), **workloads.shared_roles}
    completed = []
    for role in (_without_platforms(role, workloads) for role in roles):
        in_known_region = role.last_used_region is None or role.last_used_region in regions
        unread = _named_regions(role) - regions - workloads.regions
        arns = sorted(using.get(role.arn, ()))
        if not in_known_region:
            listed = role.last_used_region in workloads.regions
            _warn_of_use_elsewhere(role, _NOT_LISTED if listed else read_region, warnings)
        if role.arn in shared:
            warnings.add("role-shared-untraced", f"{role.arn} {shared[role.arn]}")
        _warn_of_strangers(role, {workload_kind(arn) for arn in arns}, warnings)
        _warn_of_regions(role, unread - {role.last_used_region or ""}, read_region, warnings)
        completed.append(
            replace(
                role,
                workloads=tuple(arns),
                by_version_only=tuple(arn for arn in arns if workloads.known[arn].role != role.arn),
                workloads_complete=role.workloads_complete
                and (workloads.complete or not _may_be_of_functions(role))
                and role.arn not in shared
                and in_known_region
                and not unread,
                missing_permissions=tuple(sorted({*role.missing_permissions, *workloads.missing})),
            )
        )
    return completed


def _without_platforms(role: Role, workloads: Workloads) -> Role:
    """The role, of which a platform is no stranger whose workloads are all known."""
    others = tuple(name for name in role.trusted if name not in workloads.platforms)
    known = role.workloads_complete or bool(role.trusted)
    return replace(role, trusted=others, workloads_complete=known and not others)


def _may_be_of_functions(role: Role) -> bool:
    """Whether Lambda may assume the role; where its trust policy was not read, it may."""
    return not role.platforms or LAMBDA.principal in role.platforms


def _of_candidates(workloads: Workloads) -> dict[str, str]:
    """The roles that workloads may have of which it could not be told, with what there is to say of each."""
    users: dict[str, list[str]] = {}
    for workload in workloads.known.values():
        for role in workload.candidates:
            if Arn.parse(role) and (role, workload.key) not in workloads.roles_of_versions:
                users.setdefault(role, []).append(shown_id(workload.key))
    return {
        role: f"may also be used by {', '.join(sorted(names))}, whose role could not be told"
        for role, names in users.items()
    }


def _where_to_add(workloads: Workloads) -> str:
    """What to do about a region whose workloads were not listed, by the kinds that are there."""
    found = {workload.kind for workload in workloads.known.values()} & KINDS.keys()
    if not found - {LAMBDA.name}:
        return _READ_REGION.format(what="functions", files=f"file of {LAMBDA.option}")
    options = sorted({KINDS[kind].option for kind in found})
    return _READ_REGION.format(what="workloads", files=f"files of {' and '.join(options)}")


def _warn_of_use_elsewhere(role: Role, remedy: str, warnings: Warnings) -> None:
    where = role.last_used_region
    warnings.add(
        "role-used-elsewhere",
        f"{role.arn} was last used in {where}, where no workload was listed: {remedy}",
    )


def _warn_of_strangers(role: Role, kinds: Collection[str], warnings: Warnings) -> None:
    """Warn of who may assume a role beside the platforms of its workloads: those are no strangers to it.

    docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html: clusters' providers.
    """
    own = {kind.principal for kind in KINDS.values() if kind.name in kinds}
    of_cluster = EKS.name in kinds
    strangers = [
        name for name in role.trusted if name not in own and not (of_cluster and _CLUSTER.search(name))
    ]
    if strangers:
        warnings.add(
            "role-trusts-others",
            f"{role.arn} may also be assumed by {', '.join(strangers)}: what they do with it is not seen",
        )


def _named_regions(role: Role) -> set[str]:
    """The regions that a role's name holds, as frameworks write it, and that of the stack that made it.

    www.serverless.com/framework/docs/providers/aws/guide/iam (SERVICE-STAGE-REGION-lambdaRole);
    docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    stack = Arn.parse((role.tags or {}).get(_STACK, ""))
    return {*_regions().findall(role.name.lower()), *([stack.region] if stack and stack.region else [])}


@cache
def _regions() -> re.Pattern[str]:
    """Any of AWS's regions as a whole part of a name."""
    names = {region for partition in partitions() for region in partition.regions}
    either = "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))
    return re.compile(rf"(?<![a-z0-9])(?:{either})(?![a-z0-9])")


def _warn_of_regions(role: Role, regions: set[str], remedy: str, warnings: Warnings) -> None:
    for region in sorted(regions):
        warnings.add(
            "region-unread",
            f"name or stack of {role.arn} say {region}, where no workload was listed: {remedy}",
        )


def other_principals(trust: Any) -> tuple[str, ...]:
    """The principals that a trust policy lets assume the role, without Lambda.

    "?" stands for what cannot be read.
    """
    return tuple(sorted(principals_of(trust) - {LAMBDA.principal}))


def platforms_in(trust: Any) -> frozenset[str]:
    """The principals of platforms of workloads that a trust policy lets assume the role."""
    return principals_of(trust) & {kind.principal for kind in KINDS.values()}
