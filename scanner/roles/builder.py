"""A role while it is read: its parts, and what went wrong on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar

from scanner.aws.ask import Failure, attempt, warn_of_denial
from scanner.aws.times import time_of
from scanner.errors import Warnings
from scanner.iam.policies import NotAPolicyError, parse_policy
from scanner.model import Policy, Role
from scanner.roles.trust import other_principals, platforms_in

T = TypeVar("T")

_DETAILS = "iam:GetRole"


class PolicyVersion(NamedTuple):
    """A policy's document and when that was made, as AWS's answers or files have them."""

    document: Any
    created: Any = None


class RoleBuilder:
    """Collects what a role is made of. What is missing is noted in the role and warned of, never raised."""

    def __init__(self, arn: str, warnings: Warnings) -> None:
        self.arn = arn
        self._warnings = warnings
        self._policies: list[Policy] = []
        self._missing: set[str] = set()
        self._problems: list[str] = []
        self._trusted: tuple[str, ...] | None = None
        self._platforms = frozenset[str]()
        self._boundary: Policy | None = None
        self._tags: Mapping[str, str] | None = None
        self._created: datetime | None = None
        self._last_used_region: str | None = None

    def add_details(self, details: Mapping[str, Any]) -> str | None:
        """Note what a role says of itself, and return the ARN of its boundary."""
        self._trusted = other_principals(details.get("AssumeRolePolicyDocument"))
        self._platforms = platforms_in(details.get("AssumeRolePolicyDocument"))
        self._created = time_of(details.get("CreateDate"))
        region = _mapping(details.get("RoleLastUsed")).get("Region")
        self._last_used_region = region if isinstance(region, str) else None
        tags = details.get("Tags")
        self._tags = {
            str(tag.get("Key")): str(tag.get("Value"))
            for tag in (tags if isinstance(tags, list) else ())
            if isinstance(tag, Mapping)
        }
        boundary = _mapping(details.get("PermissionsBoundary")).get("PermissionsBoundaryArn")
        return boundary if isinstance(boundary, str) else None

    def add_inline(self, name: str, document: Any) -> None:
        """Add a policy that is the role's own."""
        self._add(self._parsed(name, None, "inline", PolicyVersion(document)))

    def add_managed(self, name: str, arn: str, version: PolicyVersion) -> None:
        """Add a policy that is attached to the role."""
        self._add(self._parsed(name, arn, "managed", version))

    def set_boundary(self, arn: str, document: Any) -> None:
        """Note the permissions boundary."""
        self._boundary = self._parsed(arn.rpartition("/")[2], arn, "managed", PolicyVersion(document))

    def _add(self, policy: Policy | None) -> None:
        if policy:
            self._policies.append(policy)

    def _parsed(
        self, name: str, arn: str | None, kind: Literal["inline", "managed"], version: PolicyVersion
    ) -> Policy | None:
        try:
            return Policy(
                name=name,
                arn=arn,
                kind=kind,
                statements=parse_policy(version.document),
                created=time_of(version.created),
            )
        except NotAPolicyError as error:
            self.problem("policy-unread", f"policy {name} of role {self.arn} cannot be understood: {error}")
            return None

    def problem(self, code: str, message: str) -> None:
        """Note why the role is not wholly read, and warn of it."""
        self._problems.append(message)
        self._warnings.add(code, message)

    def mappings(self, value: Any) -> list[Mapping[str, Any]]:
        """The objects of a list of policies; what is none is a problem."""
        values = value if isinstance(value, list) else [] if value is None else [value]
        objects = [entry for entry in values if isinstance(entry, Mapping)]
        if len(objects) < len(values) or not isinstance(value, list | None):
            self.problem("policy-unread", f"a policy of role {self.arn} cannot be understood")
        return objects

    def ask(self, request: Callable[[], T]) -> T | None:
        """AWS's answer; without it the role is not wholly read. Raises ScanError on bad credentials."""
        answer = attempt(request)
        if not isinstance(answer, Failure):
            return answer
        if answer.denied:
            self._deny(answer, "roles cannot be read")
        elif answer.missing:
            self.problem("role-missing", f"role {self.arn} or a policy of it does not exist")
        else:
            self._unread(answer)
        return None

    def ask_details(self, request: Callable[[], T]) -> T | None:
        """AWS's answer about the role itself, which a role's policies can be read without."""
        answer = attempt(request)
        if not isinstance(answer, Failure):
            return answer
        if answer.denied:
            self._deny(answer, "who may assume a role, and its boundary, are unknown")
        elif not answer.operation:
            self._unread(answer)
        return None

    def _deny(self, failure: Failure, means: str) -> None:
        action = f"iam:{failure.operation}"
        self._missing.add(action)
        warn_of_denial(action, means, self._warnings)

    def _unread(self, failure: Failure) -> None:
        self.problem("role-unread", f"role {self.arn} could not be read: {failure.detail}")

    def role(self) -> Role:
        """The role, as far as it was read."""
        return Role(
            arn=self.arn,
            name=self.arn.rpartition("/")[2],
            policies=_in_order(self._policies),
            workloads_complete=self._trusted == (),
            trusted=self._trusted or (),
            boundary=self._boundary,
            tags=self._tags,
            created=self._created,
            last_used_region=self._last_used_region,
            readable=not self._missing - {_DETAILS} and not self._problems,
            missing_permissions=tuple(sorted(self._missing)),
            problems=tuple(self._problems),
            platforms=self._platforms,
        )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """The policies, inline ones first, by name: reports do not depend on the order of AWS's answers.

    What is attached twice counts once. Different policies of one name, which only a file can hold, stay
    apart.
    """
    ordered = sorted(policies, key=lambda policy: (policy.kind, policy.name, policy.key, repr(policy)))
    distinct = [policy for policy, before in zip(ordered, [None, *ordered], strict=False) if policy != before]
    twins = Counter[str]()
    told_apart = []
    for policy in distinct:
        told_apart.append(replace(policy, twin=twins[policy.key]))
        twins[policy.key] += 1
    return tuple(told_apart)
