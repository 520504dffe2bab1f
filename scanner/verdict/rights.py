"""The worst that a role allows: everything, or to gain rights that it does not have. Pure.

Judged by what its policies allow at the most: a condition counts where it may hold, a Deny and the
permissions boundary where they always take away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from scanner.iam import arns
from scanner.iam.evaluate import is_everything
from scanner.iam.fit import fits
from scanner.iam.severity import escalating, needs_pass_role
from scanner.model import Grant, Role
from scanner.verdict.grants import RoleGrants, named_actions

Rights = Literal["administrator", "privilege-escalation"]
WORST_FIRST: tuple[Rights, ...] = ("administrator", "privilege-escalation")

# What lets a role that allows everything give itself back whatever a Deny or a boundary takes away.
_OF_AN_ADMINISTRATOR = frozenset({"iam:attachrolepolicy", "iam:putrolepolicy"})
_PASSING = "iam:passrole"


def rights_of(role: Role) -> Rights | None:
    """What a role allows at the worst, as far as it was read; None for anything less."""
    of_role = RoleGrants(role)
    allowed = frozenset[str]()
    for grant in of_role.grants:
        if of_role.is_never_allowed(grant):
            continue
        actions = _escalating(of_role, grant)
        if _is_of_everything(grant) and not actions.isdisjoint(_OF_AN_ADMINISTRATOR):
            return "administrator"
        allowed |= actions
    return "privilege-escalation" if _escalates(allowed) else None


def _escalating(of_role: RoleGrants, grant: Grant) -> frozenset[str]:
    """The actions of a grant (lower case) that escalate privileges and may work on its resource."""
    named = named_actions(grant) & escalating()
    if not named:
        return named
    fitting = fits(named, grant.pattern)
    return of_role.limits.without_denied(
        fitting.works | fitting.unknown | fitting.account_wide, grant.pattern
    )


def _is_of_everything(grant: Grant) -> bool:
    """Whether a grant allows all actions on all resources, whatever its condition."""
    return (
        is_everything(grant.action)
        and grant.pattern == arns.ALL
        and not grant.except_actions
        and not grant.except_resources
    )


def _escalates(actions: Iterable[str]) -> bool:
    """Whether one of the actions escalates privileges by itself, or with iam:PassRole among them."""
    allowed = frozenset(actions)
    return any(_PASSING in allowed or not needs_pass_role(action) for action in allowed - {_PASSING})
