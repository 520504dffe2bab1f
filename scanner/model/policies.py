"""Roles and what their policies say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from scanner.model.arn import account_of


@dataclass(frozen=True)
class Statement:
    """A statement of a policy. `index` counts from 0 in its policy.

    With `not_actions` (`not_resources`) the patterns are those of NotAction (NotResource).
    `condition` is the statement's Condition block, untouched, or None.
    """

    index: int
    sid: str | None
    allow: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    condition: Mapping[str, Any] | None = None
    variables: bool = False


@dataclass(frozen=True)
class Policy:
    """A policy of a role. `created` is when this version was made, where known (managed ones).

    `twin` counts the policies of the role that came before it under the same name: a file may hold several.
    """

    name: str
    arn: str | None
    kind: Literal["inline", "managed"]
    statements: tuple[Statement, ...]
    created: datetime | None = None
    twin: int = 0

    @property
    def key(self) -> str:
        """What tells the policy from the others of its role: its ARN, or the name of an inline one."""
        name = self.arn or self.name
        return f"{name}\n{self.twin}" if self.twin else name


def is_managed_by_aws(policy: Policy) -> bool:
    """Whether a policy is one of AWS's own, which nobody else can edit.

    docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html: such a policy's ARN has
    `aws` in the place of the account.
    """
    return account_of(policy.arn or "") == "aws"


@dataclass(frozen=True)
class Role:
    """An IAM role, with what could be read of it.

    `workloads` are the keys (`WorkloadKey.text`) of all workloads known to use it; `workloads_complete` tells
    whether there can be no others. `by_version_only` are those of them that use it only in a published
    version, so that their traces do not tell whether they ran with it. `trusted` are the principals but
    Lambda that may assume it. `boundary` is its permissions boundary, `tags` its tags, None where they are
    not known. `created` is when the role was made, where known.
    `last_used_region` is where it was last used, as far as IAM tells. `missing_permissions` are the
    IAM actions that the scan lacked, and `problems` what could not be understood. `readable` is True when
    every policy was read. `platforms` are the principals of platforms that may assume it, Lambda's too.
    """

    arn: str
    name: str
    policies: tuple[Policy, ...] = ()
    workloads: tuple[str, ...] = ()
    workloads_complete: bool = False
    by_version_only: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    boundary: Policy | None = None
    tags: Mapping[str, str] | None = None
    created: datetime | None = None
    readable: bool = True
    last_used_region: str | None = None
    missing_permissions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()


class GrantKey(NamedTuple):
    """What tells a grant from the others of its role: where it stands, and how it is spelled.

    `policy` is the policy's key, `statement` the index of the statement in it.
    """

    policy: str
    statement: int
    action: str
    resource: str


class GrantName(NamedTuple):
    """A grant by what it says, wherever in its policy it stands: so it is known again in a later scan."""

    policy: str
    action: str
    resource: str


class Grant(NamedTuple):
    """One action pattern on one resource pattern of one Allow statement.

    `action` and `resource` are spelled as in the policy, `pattern` is the resource pattern that this means.
    A statement with NotAction (NotResource) has one grant of `*` that excepts the patterns it names.
    """

    policy: Policy
    statement: Statement
    action: str
    resource: str
    pattern: str
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()

    @property
    def key(self) -> GrantKey:
        """What tells the grant from the others of its role."""
        return GrantKey(self.policy.key, self.statement.index, self.action, self.resource)

    @property
    def by_name(self) -> GrantName:
        """What tells it from the others of its role in a later scan."""
        action = f"all but {', '.join(self.except_actions)}" if self.except_actions else self.action
        resource = f"all but {', '.join(self.except_resources)}" if self.except_resources else self.resource
        return GrantName(self.policy.key, action, resource)
