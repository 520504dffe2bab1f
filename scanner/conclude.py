"""Accepted assessments of a role -> its findings, and a suggestion that the evaluator has checked. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.mapping.access_denied import DenialCause, is_identity_matter
from scanner.model import Permission, Usage, Verdict, account_of
from scanner.result import RoleResult
from scanner.suggest.check import NotUnderstood, PolicyCheck
from scanner.suggest.denied import DeniedPermission, offer_for
from scanner.suggest.policy import suggested_policy
from scanner.usage.of_role import used_permission
from scanner.verdict.assessment import AssessedRole
from scanner.verdict.findings import findings_of
from scanner.verdict.grants import matches_permission


def conclude(assessed: AssessedRole) -> RoleResult:
    """The findings of a role, and the policy that is suggested for it."""
    check, usages = PolicyCheck(assessed.role), assessed.context.usages
    suggestion = suggested_policy(assessed.role, assessed.assessments)
    objections = (
        check.objections(suggestion.policy, sorted(needed_permissions(assessed))) if suggestion else []
    )
    if suggestion and objections:
        objections = check.objections(suggestion.policy, sorted(effectively_needed(assessed)))
    return RoleResult(
        assessed,
        findings_of(assessed),
        suggestion=None if objections else suggestion,
        objections=objections,
        offer=offer_for(_missing_permissions(usages, check), account_of(assessed.role.arn)),
        allowed_elsewhere=check.allowed_elsewhere(usages),
        not_understood=_not_understood(assessed),
    )


def needed_permissions(assessed: AssessedRole) -> set[Permission]:
    """What a suggestion must go on to allow: all that was seen, and what the platform itself needs."""
    context = assessed.context
    seen = {need.permission for usage in context.usages for need in usage.used if need.required}
    histories = context.records.histories.values()
    recorded = {need.permission for history in histories for need in history.used if need.required}
    of_platform = {
        Permission(use.action, use.resource, use.exact)
        for assessment in assessed.assessments
        for use in assessment.used_for
        if use.platform
    }
    return seen | recorded | of_platform


def effectively_needed(assessed: AssessedRole) -> set[Permission]:
    """The same, of what grants with an effect allow.

    What only ineffective grants name is denied today, though the evaluator may leave that open.
    """
    effective = [a.grant for a in assessed.assessments if a.verdict is not Verdict.INEFFECTIVE]
    needed = needed_permissions(assessed)
    return {permission for permission in needed if any(matches_permission(g, permission) for g in effective)}


def _not_understood(assessed: AssessedRole) -> list[NotUnderstood]:
    """The calls that succeeded though no grant was found for them, while one names their action."""
    return [
        NotUnderstood(usage.workload, need.permission.action, need.permission.resource, seen.succeeded)
        for usage in assessed.context.usages
        for need, seen in usage.used.items()
        if usage.workload and need.required and seen.succeeded
        if used_permission(need.permission) in assessed.not_understood
    ]


def _missing_permissions(usages: Iterable[Usage], check: PolicyCheck) -> set[DeniedPermission]:
    """The permissions that AWS denied since no policy of the role allows them."""
    return {
        DeniedPermission(denied.action, denied.resource)
        for usage in usages
        for denied in usage.denied
        if is_identity_matter(DenialCause(denied.cause))
        and check.is_not_granted(denied.action, denied.resource)
    }
