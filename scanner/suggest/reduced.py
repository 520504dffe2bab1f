"""A role's policies without what findings are about: what the evaluator says of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from scanner.model import Finding, Permission, Role
from scanner.suggest.check import PolicyCheck
from scanner.suggest.statements import Json, as_written, policy_of


def objections_without(role: Role, findings: Iterable[Finding], needed: Iterable[Permission]) -> list[str]:
    """What speaks against taking away the actions of findings from the statements that grant them."""
    return PolicyCheck(role).objections(policy_without(role, findings), sorted(needed))


def policy_without(role: Role, findings: Iterable[Finding]) -> Json:
    """All that the policies of a role say, but for the actions of findings."""
    gone: dict[tuple[str, int], set[str]] = defaultdict(set)
    for finding in findings:
        key = finding.policy.key, finding.statement.index
        gone[key].update(action.lower() for action in finding.actions)
    return policy_of(list(_statements(role, gone)))


def _statements(role: Role, gone: dict[tuple[str, int], set[str]]) -> Iterator[Json]:
    for policy in role.policies:
        for statement in policy.statements:
            written, without = as_written(statement), gone.get((policy.key, statement.index))
            if without and statement.not_actions:
                continue
            if without:
                written["Action"] = [action for action in statement.actions if action.lower() not in without]
            if "NotAction" in written or written["Action"]:
                yield written
