"""Whether all roles that share a text agree to remove something of it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.templates.edits.deployed_role import DeployedRole
from scanner.templates.edits.votes import Vote, Votes
from scanner.templates.locate import can_be_policy
from scanner.templates.places import PolicyPlace, RolePlace
from scanner.templates.written import Leaf


class _User(NamedTuple):
    """A statement of a policy of a role, or the policy itself, that is written with a text."""

    role: RolePlace
    policy: PolicyPlace
    holder: Leaf


def disagreements(
    leaves: Iterable[Leaf], roles: Sequence[RolePlace], deployed: Sequence[tuple[DeployedRole, Votes]]
) -> dict[Leaf, str]:
    """Why some of these must stay: what speaks for a role that shares them and needs them, or may.

    A role of a template that nothing of the scan was deployed as may be alone with a text: then it is that of
    the findings. Where it shares the text, nothing is known of what it needs.
    """
    users = _users(roles)
    by_place: dict[RolePlace, list[tuple[DeployedRole, frozenset[Vote]]]] = defaultdict(list)
    for role, votes in deployed:
        for place in role.places:
            by_place[place].append((role, votes.all))
    found = {leaf: _disagreement(leaf, users[leaf], by_place) for leaf in leaves}
    return {leaf: why for leaf, why in found.items() if why}


def _users(roles: Sequence[RolePlace]) -> dict[Leaf, list[_User]]:
    users: dict[Leaf, list[_User]] = defaultdict(list)
    for role in roles:
        for policy in role.policies:
            for holder, leaf in _leaves(policy):
                users[leaf].append(_User(role, policy, holder))
    return users


def leaves_of(role: RolePlace) -> set[Leaf]:
    """All that can be removed of a role."""
    return {leaf for policy in role.policies for _, leaf in _leaves(policy)}


def _leaves(policy: PolicyPlace) -> set[Vote]:
    """What can be removed of a policy, with the statement that has it."""
    written = [s.written for s in policy.statements or () if s.written]
    found = {Vote(its.leaf, leaf) for its in written for a in its.actions for leaf in its.leaves(a)}
    for its in (*written, *([policy.written] if policy.written else [])):
        nodes = [its.node, *(node for nodes in its.resources.values() for node in nodes)]
        nodes += [its.name] if its.name else []
        found |= {Vote(its.leaf, Leaf(its.source.path, node)) for node in nodes}
    return found


def _disagreement(
    leaf: Leaf,
    users: Sequence[_User],
    by_place: Mapping[RolePlace, Sequence[tuple[DeployedRole, frozenset[Vote]]]],
) -> str:
    for user in users:
        sharing = [
            (deployed, votes)
            for deployed, votes in by_place.get(user.role, ())
            if any(can_be_policy(user.policy, policy) for policy in deployed.role.policies)
        ]
        for deployed, votes in sharing:
            if Vote(user.holder, leaf) not in votes:
                return _may_need_it(deployed, leaf, votes)
        if not sharing and len({other.role for other in users}) > 1:
            name = user.role.logical_id or (user.role.name.text if user.role.name else "another one")
            return f"role {name} of {user.role.path} is written with the same lines, and was not compared"
    return ""


def _may_need_it(deployed: DeployedRole, leaf: Leaf, votes: Iterable[Vote]) -> str:
    if any(vote.leaf == leaf for vote in votes):
        return (
            f"another statement of role {deployed.role.name} is written with the same lines, and may need it"
        )
    return f"role {deployed.role.name} is written with the same lines, and may need it"
