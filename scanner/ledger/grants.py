"""The grants of roles as a ledger names them: since when they have been there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from scanner.iam.policies import grants_of
from scanner.ledger.merge import merged
from scanner.ledger.values import Ledger, RoleRead
from scanner.model import GrantName, Policy, Role


def roles_read(roles: Iterable[Role], now: float) -> Ledger:
    """What is known of roles that were just read: of one that was read in part, nothing is."""
    return Ledger(
        roles={
            RoleRead(role.arn, now): frozenset(
                grant.by_name for policy in role.policies for grant in grants_of(policy)
            )
            for role in roles
            if role.readable
        }
    )


def appeared(ledger: Ledger, role: Role, now: float) -> dict[GrantName, float]:
    """Since when (Unix seconds) each grant of a role has been there, where a ledger tells.

    One that was there when the role was first read has been there at least since then, whenever this version
    of its policy was made.
    """
    known = _with_reading(ledger, role, now)
    first = min((read.read_at for read in known.roles), default=now)
    older = {
        grant.by_name: first
        for policy in role.policies
        for grant in grants_of(policy)
        if policy.created and policy.created.timestamp() > first
    }
    return older | known.appeared(role.arn)


def dated(ledger: Ledger, role: Role, now: float) -> Role:
    """The role with its policies as of when a grant of theirs last appeared, where a ledger tells.

    AWS does not tell when an inline policy was changed, nor when a policy was attached.
    """
    since = _with_reading(ledger, role, now).appeared(role.arn)
    return replace(role, policies=tuple(_dated(policy, since) for policy in role.policies))


def _dated(policy: Policy, since: Mapping[GrantName, float]) -> Policy:
    times = [since[grant.by_name] for grant in grants_of(policy) if grant.by_name in since]
    if not times:
        return policy
    changed = datetime.fromtimestamp(max(times), UTC)
    return replace(policy, created=max(policy.created or changed, changed))


def _with_reading(ledger: Ledger, role: Role, now: float) -> Ledger:
    """What is known of a role, with what was just read."""
    earlier = Ledger(roles={read: grants for read, grants in ledger.roles.items() if read.role == role.arn})
    return merged(earlier, roles_read([role], now))
