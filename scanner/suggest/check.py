"""What the evaluator says of the calls that were seen, under today's policies and a suggested one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from scanner.iam import arns
from scanner.iam.containment import allows_no_more
from scanner.iam.evaluate import AccessRequest, Effect, about, evaluate, is_unclear_resource
from scanner.iam.patterns import is_pattern
from scanner.iam.policies import parse_policy
from scanner.model import ConditionValues, Permission, Policy, Role, Statement, Usage, account_of
from scanner.usage.of_role import UsedPermission
from scanner.verdict.grants import context_of

_DENIED = (Effect.EXPLICITLY_DENIED, Effect.IMPLICITLY_DENIED)
# An action in lower case, its resource, and what is known of conditions
_Key = tuple[str, str, ConditionValues]


class AllowedElsewhere(NamedTuple):
    """A permission that calls of a workload used with success, though no policy of its role allows it.

    A resource policy did, or another role's credentials, or a policy that has changed since. `denied` tells
    that a policy of the role even denies it.
    """

    workload: str
    action: str
    resource: str
    calls: int
    denied: bool


class NotUnderstood(NamedTuple):
    """A permission that calls used with success though no grant was found for it, while one names its action.

    The program may not know how IAM allowed it, so that no grant that names the action is confirmed.
    """

    workload: str
    action: str
    resource: str
    calls: int


class _Asked:
    """Policies that are asked about many requests: what is about an action is sorted out once."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = policies
        self._about: dict[str, tuple[Policy, ...]] = {}
        statements = [statement for policy in policies for statement in policy.statements]
        self._plain = (
            {pair for statement in statements for pair in _plain_grants(statement)}
            if all(statement.allow for statement in statements)
            else set()
        )

    def plainly_allow(self, action: str, resource: str) -> bool:
        """Whether just this action on just this resource is allowed, and no statement denies anything.

        So it is with most of what was seen, and it need not be worked out.
        """
        return (action, resource) in self._plain

    def about(self, action: str) -> tuple[Policy, ...]:
        if action not in self._about:
            self._about[action] = about(self.policies, action)
        return self._about[action]


def _plain_grants(statement: Statement) -> Iterator[tuple[str, str]]:
    """The (action in lower case, resource) pairs that a statement surely allows as they are spelled."""
    if statement.condition is not None or statement.not_actions or statement.not_resources:
        return
    for resource in statement.resources:
        if "${" not in resource and not is_unclear_resource(resource, variables=False):
            yield from ((action.lower(), resource) for action in statement.actions)


class PolicyCheck:
    """Today's policies of a role, asked about permissions. Each is asked for once."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._own = _Asked(role.policies)
        self._decisions: dict[_Key, Effect] = {}

    def today(self, action: str, resource: str, condition_values: ConditionValues = ()) -> Effect:
        """What today's policies and boundary say."""
        key = (action.lower(), resource, condition_values)
        if key not in self._decisions:
            self._decisions[key] = self._decide(key, self._own)
        return self._decisions[key]

    def is_not_granted(self, action: str, resource: str) -> bool:
        """Whether no policy of the role allows a permission, without one that denies it."""
        return self._role.readable and self.today(action, resource) is Effect.IMPLICITLY_DENIED

    def allowed_elsewhere(self, usages: Iterable[Usage]) -> list[AllowedElsewhere]:
        """The permissions of calls that succeeded without a grant, of workloads that use just this role."""
        if not self._role.readable:
            return []
        found = []
        for usage in usages:
            if usage.workload is None or usage.workload in self._role.by_version_only:
                continue
            for need, seen in usage.used.items():
                permission = need.permission
                if not (need.required and seen.succeeded):
                    continue
                effect = self.today(*_key_of(permission))
                if effect in _DENIED:
                    denied = effect is Effect.EXPLICITLY_DENIED
                    found.append(
                        AllowedElsewhere(
                            workload=usage.workload,
                            action=permission.action,
                            resource=permission.resource,
                            calls=seen.succeeded,
                            denied=denied,
                        )
                    )
        return found

    def objections(self, policy: Mapping[str, Any], used: Iterable[Permission]) -> list[str]:
        """What speaks against a suggested policy: calls that it would stop, and what it would allow anew."""
        suggested = _Asked(
            (Policy(name="suggested", arn=None, kind="inline", statements=parse_policy(policy)),)
        )
        found = []
        for permission in used:
            key = _key_of(permission)
            before, values = self.today(*key), permission.condition_values
            if before in _DENIED or self.today(permission.action, permission.resource, values) in _DENIED:
                continue
            after = self._decide(key, suggested)
            if after is not Effect.ALLOWED and not (after is before is Effect.UNDECIDED):
                found.append(f"it may no longer allow {permission.action} on {permission.resource}")
        return [
            *found,
            *(
                f"it would allow more: {more}"
                for more in allows_no_more(suggested.policies, self._role.policies)
            ),
        ]

    def _decide(self, key: _Key, asked: _Asked) -> Effect:
        action, resource, values = key
        if self._role.boundary is None and asked.plainly_allow(action, resource):
            return Effect.ALLOWED
        use = UsedPermission(action, resource, exact=_names_account(resource), condition_values=values)
        context, absent = context_of(self._role, use)
        request = AccessRequest(action, resource, context, absent)
        return evaluate(request, asked.about(request.action), self._role.boundary).effect


def _key_of(permission: Permission) -> _Key:
    resource = permission.resource if permission.exact else arns.of_any_account(permission.resource)
    return permission.action.lower(), resource, permission.condition_values


def _names_account(resource: str) -> bool:
    """Whether a resource names its account, so that no part of its place is a guess (see `_resource`)."""
    account = account_of(resource)
    return bool(account) and not is_pattern(account)
