"""What would allow the calls that AWS denied. Pure.

Whoever triggers a denial writes part of this policy, so it holds back what would be dangerous to grant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern
from scanner.iam.severity import severity_of
from scanner.model import account_of
from scanner.suggest.policy import MAX_INLINE_CHARACTERS
from scanner.suggest.statements import Allowance, Json, grouped, literal, policy_of, size_of

_NAME_OF_A_RESOURCE = re.compile(r"[\w+=,.@:/*?${}!~-]+", re.ASCII)
_HELD_BACK = ("privilege-escalation", "permissions-management", "unknown")
_ACCOUNT = re.compile(r"\d{12}")
# What the program itself leaves open in the resource of a denied call. Any other wildcard is of a resource
# that nobody named, or of a name that whoever triggered the denial chose.
_LEFT_OPEN = re.compile(
    r"arn:[^:]+:(?:"
    r"s3:::[^:/*?]+/\*"  # the objects of a bucket
    r"|[a-z0-9-]+:[^:]*:[^:]*:accesspoint/[^:/*?]+/object/\*"
    r"|secretsmanager:[^:]*:[^:]*:secret:[^:*?]+-\?{6}"
    r"|logs:[^:]*:[^:]*:log-group:[^:*?]+(?::log-stream)?:\*)"
)
_FIELDS = 6


class DeniedPermission(NamedTuple):
    """A permission that AWS denied, as the message and the call name it."""

    action: str
    resource: str


@dataclass(frozen=True)
class Offer:
    """A policy that would allow denied calls (None: nothing to offer), and what is not in it, and why.

    `notes` are lines for people: what was held back, and what is another account's.
    """

    policy: Json | None = None
    notes: tuple[str, ...] = ()


def offer_for(denied: Iterable[DeniedPermission], account: str) -> Offer:
    """The policy that would allow what AWS denied to a role of an account.

    Held back are what escalates privileges or manages permissions, a resource that the message and the call
    do not name (a grant of it would be wider than what was denied), and what no resource can be called.
    """
    allowances, notes = set(), []
    for permission in sorted(set(denied)):
        action = catalog.spelled(permission.action)
        resource = permission.resource if catalog.knows_resources(action) else "*"
        objection = _objection(action, resource)
        if objection:
            notes.append(f"{action} on {resource} is held back: {objection}")
            continue
        allowances.add(Allowance(action, literal(resource)))
        owner = account_of(resource)
        if _ACCOUNT.fullmatch(owner) and owner != account:
            notes.append(f"{action} on {resource} is of another account ({owner}): is that meant?")
    if not allowances:
        return Offer(None, tuple(notes))
    policy = policy_of(grouped(allowances))
    if size_of(policy) > MAX_INLINE_CHARACTERS:
        notes.append(f"{len(allowances):,} permissions do not fit into a policy: look at the denied calls")
        return Offer(None, tuple(notes))
    return Offer(policy, tuple(notes))


def _objection(action: str, resource: str) -> str:
    """Why a denied permission is not offered, empty where it is."""
    level = severity_of(action).level
    if level in _HELD_BACK:
        return {"unknown": "IAM's reference does not know the action"}.get(
            level, f"{level.replace('-', ' ')}"
        )
    if not _NAME_OF_A_RESOURCE.fullmatch(resource):
        return "no resource can be called so"
    if catalog.knows_resources(action) and _is_open(resource):
        return "neither the message nor the call names the resource"
    return ""


def _is_open(resource: str) -> bool:
    """Whether a resource has a wildcard: a grant of it would be wider than what was denied."""
    return is_pattern(resource.split(":", _FIELDS - 1)[-1]) and _LEFT_OPEN.fullmatch(resource) is None
