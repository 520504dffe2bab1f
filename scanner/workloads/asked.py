"""What a scan asks of a kind of workloads, and which role a workload has for all that is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from scanner.model import Usage, account_of
from scanner.model.workloads import Hints, WorkloadKey
from scanner.workloads.trusts import principals_of


class RoleTrust(NamedTuple):
    """A role's ARN and its trust policy."""

    arn: str
    trust: Any


class RoleDirectory(Protocol):
    """The roles of the account: by name, and all of them with their trust policies."""

    def find(self, name: str, account: str = "") -> RoleTrust | None:
        """The role of a name, None where there is none or it may not be read."""

    def trusts(self) -> Sequence[RoleTrust]:
        """All roles, as far as they may be read."""


class NoRoles:
    """No role is known."""

    def find(self, name: str, account: str = "") -> RoleTrust | None:
        """None."""
        del name, account
        return None

    def trusts(self) -> Sequence[RoleTrust]:
        """None."""
        return ()


@dataclass(frozen=True)
class Asked:
    """What is asked of a kind: its workloads that were traced, by the text of their keys.

    `regions` are those whose workloads count as users of a role. `roles` are those of the account.
    """

    usages: Mapping[str, Usage] = field(default_factory=dict)
    regions: frozenset[str] = frozenset()
    roles: RoleDirectory = field(default_factory=NoRoles)

    def hints(self, workload: str) -> tuple[Hints, ...]:
        """What the role of a traced workload may be found by."""
        return self.usages[workload].hints if workload in self.usages else ()

    def versions(self, workload: str) -> frozenset[str]:
        """The versions of a traced workload that traces name."""
        if workload not in self.usages:
            return frozenset()
        named = {hint.revision for hint in self.hints(workload) if hint.revision}
        return frozenset(named | self.usages[workload].evidence.of_versions.keys())


class Settled(NamedTuple):
    """The role of a workload, None where it cannot be told: then it is one of the candidates, if any.

    `inferred` tells that nothing names the workload and the role together. `contradicts` is the role that a
    refusal names though the configuration names another one.
    """

    role: str | None
    candidates: tuple[str, ...] = ()
    inferred: bool = False
    contradicts: str = ""


def settled(
    candidates: Collection[str], workload: str, asked: Asked, platform: str, *, inferred: bool = False
) -> Settled:
    """Which of the candidates is the role of a workload, or which other one is, as a refusal names it.

    A refusal also names the role of other credentials, those of AssumeRole: a role counts only if it is a
    candidate, or is the account's own and lets the workload's platform assume it (the principal `platform`).
    One that could not be read may be the workload's own: then its role is inferred.
    """
    roles = tuple(dict.fromkeys(candidates))
    denied = {hint.denied_role for hint in asked.hints(workload) if hint.denied_role}
    named = tuple(role for role in roles if role.rpartition("/")[2] in denied)
    if len(named) == 1:
        return Settled(named[0])
    if named:
        return Settled(None, named)
    account = WorkloadKey.parse(workload).account
    others = _of_platform(denied, asked.roles, platform, account)
    if not roles and len(others) == 1:
        return Settled(others[0])
    if len(roles) == 1:
        unread = any(asked.roles.find(name, account) is None for name in denied)
        return Settled(roles[0], (), inferred or unread, others[0] if others else "")
    return Settled(None, (*roles, *others))


def _of_platform(
    names: Collection[str], roles: RoleDirectory, platform: str, account: str
) -> tuple[str, ...]:
    """The ARNs of the roles of these names in an account that a platform may assume."""
    found = (roles.find(name, account) for name in sorted(names))
    return tuple(
        role.arn
        for role in found
        if role and account in ("", account_of(role.arn)) and _lets_in(role.trust, platform)
    )


def _lets_in(trust: Any, platform: str) -> bool:
    return any(principal == platform or platform in principal for principal in principals_of(trust))
