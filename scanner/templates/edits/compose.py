"""Actions that go -> what goes with them: statements of which nothing is left, policies without any. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from scanner.templates.places import PolicyPlace, RolePlace, StatementPlace
from scanner.templates.written import Leaf


class Composed(NamedTuple):
    """What to remove, by leaves what goes with or instead of them, and why some of it cannot be."""

    nodes: frozenset[Leaf]
    instead: dict[Leaf, set[Leaf]]
    blocked: dict[Leaf, str]


def composed(leaves: Collection[Leaf], roles: Sequence[RolePlace]) -> Composed:
    """What goes with leaves that go."""
    nodes, blocked = set(leaves), dict[Leaf, str]()
    instead: dict[Leaf, set[Leaf]] = defaultdict(set)
    for policy in (policy for role in roles for policy in role.policies if policy.statements):
        gone = [_gone(statement, leaves) for statement in policy.statements or ()]
        for statement, its in zip(policy.statements or (), gone, strict=True):
            if its and statement.written:
                nodes -= its
                nodes.add(statement.written.leaf)
                for leaf in its:
                    instead[leaf].add(statement.written.leaf)
        of_policy = frozenset().union(*gone)
        if all(gone) and of_policy and policy.other_statements == 0:
            nodes -= {s.written.leaf for s in policy.statements or () if s.written}
            if policy.written is None:
                blocked |= dict.fromkeys(of_policy, _left_empty(policy))
            else:
                nodes.add(policy.written.leaf)
                for leaf in of_policy:
                    instead[leaf].add(policy.written.leaf)
    return Composed(frozenset(nodes), instead, blocked)


def _gone(statement: StatementPlace, leaves: Collection[Leaf]) -> frozenset[Leaf]:
    """The leaves with which a whole statement goes, none where something of it stays."""
    written = statement.written
    if written is None:
        return frozenset()
    if written.leaf in leaves:
        return frozenset({written.leaf})
    its = [leaf for action in written.actions for leaf in written.leaves(action)]
    whole = bool(its) and not statement.unknown_actions and all(leaf in leaves for leaf in its)
    return frozenset(its) if whole else frozenset()


def _left_empty(policy: PolicyPlace) -> str:
    """Why all statements of a policy cannot go."""
    if policy.path and policy.after is not None:
        return f"nothing would be left of the statements in {policy.path}, which another file names"
    return f"nothing would be left of policy {policy.name.text}, a resource of its own: remove the resource"
