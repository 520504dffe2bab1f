"""What the evaluator says of the calls that were seen, under today's policies and a suggested one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from scanner.iam import arns
from scanner.iam.containment import allows_no_more
from scanner.iam.evaluate import Decision, Effect, Request, evaluate
from scanner.iam.policies import parse_policy, principal_of
from scanner.model import Permission, Policy, Role, Usage

_DENIED = (Effect.EXPLICITLY_DENIED, Effect.IMPLICITLY_DENIED)


class Elsewhere(NamedTuple):
    """A permission that calls of a workload used with success, though no policy of its role allows it.

    A resource policy did, or another role's credentials, or a policy that has changed since. `denied` tells
    that a policy of the role even denies it.
    """

    workload: str
    action: str
    resource: str
    calls: int
    denied: bool


class Proof:
    """Today's policies of a role, asked about permissions. Each is asked for once."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._context, self._absent = principal_of(role.arn, role.tags)
        self._decisions: dict[tuple[str, str], Decision] = {}

    def today(self, action: str, resource: str) -> Decision:
        """What today's policies and boundary say."""
        key = (action.lower(), resource)
        if key not in self._decisions:
            self._decisions[key] = self._decide(key, self._role.policies)
        return self._decisions[key]

    def is_not_granted(self, action: str, resource: str) -> bool:
        """Whether no policy of the role allows a permission, without one that denies it."""
        return self._role.readable and self.today(action, resource).effect is Effect.IMPLICITLY_DENIED

    def allowed_elsewhere(self, usages: Iterable[Usage]) -> list[Elsewhere]:
        """The permissions of calls that succeeded without a grant, of workloads that use just this role."""
        if not self._role.readable:
            return []
        found = []
        for usage in usages:
            if usage.workload is None or usage.workload in self._role.by_version_only:
                continue
            for permission, seen in usage.used.items():
                if not (permission.required and seen.succeeded):
                    continue
                effect = self.today(permission.action, _resource(permission)).effect
                if effect in _DENIED:
                    denied = effect is Effect.EXPLICITLY_DENIED
                    found.append(
                        Elsewhere(
                            usage.workload, permission.action, permission.resource, seen.succeeded, denied
                        )
                    )
        return found

    def objections(self, policy: Mapping[str, Any], used: Iterable[Permission]) -> list[str]:
        """What speaks against a suggested policy: calls that it would stop, and what it would allow anew."""
        suggested = (Policy("suggested", None, "inline", parse_policy(policy)),)
        found = []
        for permission in used:
            key = (permission.action.lower(), _resource(permission))
            before = self.today(*key).effect
            if before in _DENIED:
                continue
            after = self._decide(key, suggested).effect
            if after is not Effect.ALLOWED and not (after is before is Effect.UNDECIDED):
                found.append(f"it may no longer allow {permission.action} on {permission.resource}")
        return [
            *found,
            *(f"it would allow more: {more}" for more in allows_no_more(suggested, self._role.policies)),
        ]

    def _decide(self, key: tuple[str, str], policies: Sequence[Policy]) -> Decision:
        return evaluate(Request(*key, self._context, self._absent), policies, self._role.boundary)


def _resource(permission: Permission) -> str:
    return permission.resource if permission.exact else arns.of_any_account(permission.resource)
