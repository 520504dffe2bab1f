"""Whether the roles of changed templates are those of before, without just what was removed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from scanner.templates.places import PolicyPlace, RolePlace, StatementPlace
from scanner.templates.written import Leaf

_Shape = tuple[Any, ...]


def are_without(old: Iterable[RolePlace], leaves: Collection[Leaf], new: Iterable[RolePlace]) -> bool:
    """Whether new roles are old ones without some actions, statements and policies, and nothing else."""
    old, new = tuple(old), tuple(new)
    same = [_role(role, leaves) for role in old] == [_role(role, ()) for role in new]
    return same and _dangling(new) <= _dangling(old)


def _dangling(roles: Iterable[RolePlace]) -> set[str]:
    """The references to what is nowhere: removed is not what others refer to."""
    return {reference for role in roles for reference in role.template.dangling}


def _role(role: RolePlace, leaves: Collection[Leaf]) -> _Shape:
    policies = (_policy(policy, leaves) for policy in role.policies)
    kept = tuple(policy for policy in policies if policy is not None)
    return role.template, role.logical_id, role.name, role.workloads, kept


def _policy(policy: PolicyPlace, leaves: Collection[Leaf]) -> _Shape | None:
    if policy.written is not None and policy.written.leaf in leaves:
        return None
    known = (policy.name, policy.kind, policy.made_by, policy.other_statements)
    if policy.statements is None:
        return known
    statements = (_statement(statement, leaves) for statement in policy.statements)
    kept = tuple(statement for statement in statements if statement is not None)
    return None if policy.statements and not kept and not policy.other_statements else (*known, kept)


def _statement(statement: StatementPlace, leaves: Collection[Leaf]) -> _Shape | None:
    written = statement.written
    if written is not None and written.leaf in leaves:
        return None
    actions = frozenset(
        action
        for action in statement.actions
        if written is None or not leaves or not set(written.leaves(action) or (None,)) <= set(leaves)
    )
    if statement.actions and not actions and not statement.unknown_actions:
        return None
    return (
        *(statement.sid, actions, statement.unknown_actions, statement.not_actions),
        *(statement.resources, statement.not_resources, statement.condition),
    )
