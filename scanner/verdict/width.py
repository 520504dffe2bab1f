"""Whether a grant's resource is wider than what was used of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scanner.iam import arns, catalog
from scanner.iam.limits import Limits
from scanner.model import Grant
from scanner.usage.of_role import UsedPermission
from scanner.verdict.grants import possible_resource


def is_wider(grant: Grant, action: str, used: Sequence[UsedPermission], limits: Limits) -> bool:
    """Whether a grant's resource is wider than what one of its actions was used on.

    What the boundary does not leave of it does not count. An action that knows no resources, or was called
    without one, needs `*`.
    """
    if not catalog.knows_resources(action):
        return False
    if not catalog.needs_a_resource(action) and any(use.resource == arns.ALL for use in used):
        return False
    spelled = grant.resource if grant.statement.variables else grant.pattern
    parts = limits.within_boundary(grant, (action,))
    if parts != (grant.pattern,):
        return not all(_is_used_up(part, used) for part in parts)
    if not arns.is_wide(spelled):
        return False
    return bool(grant.except_resources) or not any(_uses_all_of(grant, use) for use in used)


def may_use_up(grant: Grant, action: str, use: UsedPermission) -> bool:
    """Whether what may have been used is all of a type of resource that the grant leaves to an action.

    A grant on `*` is wider than all buckets, and leaves nothing else to an action that works on buckets.
    """
    known = catalog.action(action)
    forms = (form for kind in known.resource_types for form in kind.formats) if known else ()
    return any(
        arns.is_fully_used(pattern, use.resource) and arns.is_fully_used(pattern, grant.pattern)
        for pattern in map(arns.format_pattern, forms)
    )


def _uses_all_of(grant: Grant, use: UsedPermission) -> bool:
    """Whether a used resource is all that a grant's resource stands for."""
    if not use.exact:
        return False
    return arns.is_fully_used(grant.pattern, use.resource) or (
        grant.pattern != grant.resource and arns.is_a_value_of(grant.resource, use.resource)
    )


def _is_used_up(part: str, used: Iterable[UsedPermission]) -> bool:
    """Whether no more than what was used is in a part of a grant's resource."""
    return any(
        arns.is_fully_used(part, use.resource)
        if use.exact
        else not arns.is_wide(part) and arns.overlaps(part, possible_resource(use))
        for use in used
    )
