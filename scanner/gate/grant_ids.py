"""Ids of grants, by which findings are known: from names that survive a deployment, and safe to show. Pure.

An id says which grant is meant, not what is said of it: role, policy, Sid, action, resource and the keys of
the condition, named as a baseline names them, with the account as `ACCOUNT`. The verdict, its reasons and
what shares a finding are no part of it.

Whoever sees an id may try out what it was made of. So it is made of what may be shown to everybody
(`text/redact`), and of eight bits of what may not: enough to tell a few secrets apart, too little to find
one. Grants that are equal in all of that are counted. The ids of a fixed set of grants are pinned by a test:
they must not change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from scanner.gate.extent import condition_text
from scanner.gate.stable_names import (
    logical_names,
    stable_name,
    stable_resource,
    stable_role,
    without_account,
)
from scanner.model import Grant, GrantKey, Role
from scanner.model.arn import account_of
from scanner.text.redact import PUBLIC_REDACTION, accounts_masked

DIGITS = 12


class _Named(NamedTuple):
    """A grant by its stable names. `shown` is what everybody may see; the rest orders those alike."""

    shown: str
    hidden: str
    role: str
    statement: str
    policy: str
    place: int
    key: GrantKey


def grant_ids(
    grants: Iterable[tuple[Role, Grant]], logical_ids: Mapping[str, str]
) -> dict[str, dict[GrantKey, str]]:
    """The ids of the grants of each role (by ARN).

    Of all grants of a scan at once, so that no two have one id. `logical_ids` are those of a baseline.
    """
    names = logical_names(logical_ids)
    roles: dict[str, _RoleNames] = {}
    named = []
    for role, grant in grants:
        of_role = roles.get(role.arn) or roles.setdefault(role.arn, _RoleNames(role, names))
        named.append(of_role.named(grant))
    ids: dict[str, dict[GrantKey, str]] = {arn: {} for arn in roles}
    for shown, alike in groupby(sorted(named), key=attrgetter("shown")):
        for ordinal, one_of_them in enumerate(alike, start=1):
            ids[one_of_them.role][one_of_them.key] = _digest(f"{shown}\n{ordinal}")[:DIGITS]
    return ids


class _RoleNames:
    """The stable names of what a role's policies say; each is worked out once."""

    def __init__(self, role: Role, names: Mapping[str, str]) -> None:
        self._role = role
        self._names = names
        self._account = account_of(role.arn)
        self._resources: dict[str, str] = {}
        self._statements: dict[tuple[str, int], tuple[str, str, str]] = {}

    def named(self, grant: Grant) -> _Named:
        """A grant by these names."""
        statement, policy = grant.statement, grant.policy
        place = (policy.key, statement.index)
        if place not in self._statements:
            self._statements[place] = self._of_statement(grant)
        of_policy, condition, text = self._statements[place]
        resource, action = self._resource(grant.resource), grant.action.lower()
        excepted = sorted(map(self._resource, statement.resources)) if statement.not_resources else []
        actions = sorted(map(str.lower, statement.actions)) if statement.not_actions else []
        hidden = accounts_masked(json.dumps([of_policy, resource, excepted, condition]))
        shown = [
            self._shown_role,
            _text(of_policy),
            _text(statement.sid or ""),
            [action, *actions],
            [_shown_resource(name) for name in (resource, *excepted)],
            _condition_keys(grant),
            _digest(hidden)[:2],
        ]
        return _Named(
            shown=json.dumps(shown),
            hidden=hidden,
            role=self._role.arn,
            statement=text,
            policy=policy.key,
            place=statement.index,
            key=grant.key,
        )

    @cached_property
    def _shown_role(self) -> str:
        return _text(stable_role(self._role.arn, self._names))

    def _of_statement(self, grant: Grant) -> tuple[str, str, str]:
        """Its policy's name, its condition, and all of it, in an order of its own."""
        statement, policy = grant.statement, grant.policy
        condition = without_account(self._account, condition_text(statement.condition))
        text = json.dumps([sorted(statement.actions), sorted(statement.resources), condition])
        if policy.arn is not None:
            return stable_resource(policy.arn, self._account, self._names), condition, text
        name = without_account(self._account, stable_name(policy.name, self._names))
        return name, condition, text

    def _resource(self, resource: str) -> str:
        if resource not in self._resources:
            self._resources[resource] = stable_resource(resource, self._account, self._names)
        return self._resources[resource]


def _condition_keys(grant: Grant) -> list[str]:
    """The operators of a condition with their keys, without the values."""
    blocks = (grant.statement.condition or {}).items()
    return sorted(
        _text(f"{operator} {key}")
        for operator, block in blocks
        for key in (block if isinstance(block, Mapping) else ())
    )


_CACHED = 1 << 12  # the grants of a statement share most of their names
_text: Callable[[str], str] = lru_cache(_CACHED)(PUBLIC_REDACTION.text)
_shown_resource: Callable[[str], str] = lru_cache(_CACHED)(PUBLIC_REDACTION.resource)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
