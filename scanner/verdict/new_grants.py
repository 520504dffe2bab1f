"""Which grants are too new to be called unused. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.model import Grant, Role
from scanner.model.usage import DAY_SECONDS
from scanner.verdict.context import RoleContext
from scanner.workloads.versions import seconds_of


def is_new(grant: Grant, context: RoleContext) -> bool:
    """Whether a grant appeared within the days of grace before the scan's end.

    What a ledger noted of it counts, else when this version of its policy was made, or the role. A grant is
    never older than its role. One of unknown age is not new.
    """
    days = context.requirements.grace_days
    if not days:
        return False
    known = context.appeared.get(grant.by_name, seconds_of(grant.policy.created))
    return max(known, seconds_of(context.role.created)) > context.until - days * DAY_SECONDS


def ages_unknown(roles: Iterable[Role]) -> bool:
    """Whether there are grants of which AWS does not tell since when they are there: inline policies'."""
    return any(policy.created is None for role in roles for policy in role.policies)
