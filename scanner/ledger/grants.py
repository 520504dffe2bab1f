"""The grants of roles as a ledger names them: since when they have been there. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.iam.policies import grants_of
from scanner.ledger.merge import merged
from scanner.ledger.values import Ledger, RoleRead
from scanner.model import GrantName, Role


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
    """Since when (Unix seconds) each grant of a role has been there, where a ledger tells."""
    earlier = Ledger(roles={read: grants for read, grants in ledger.roles.items() if read.role == role.arn})
    return merged(earlier, roles_read([role], now)).appeared(role.arn)
