"""What each deployed role would remove from the texts of templates. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.iam.variables import literal
from scanner.model import Finding
from scanner.templates.edits.deployed_role import DeployedRole, is_removable, may_go_along
from scanner.templates.locate import Placement
from scanner.templates.places import PolicyPlace
from scanner.templates.written import Leaf

_CANNOT_BE_CUT = "the template does not write these actions one by one"
_NOT_CUT_OUT = "several statements stand on these lines"


class Vote(NamedTuple):
    """What may go as far as its holder is concerned: a statement or a policy, by what goes with all of it."""

    holder: Leaf
    leaf: Leaf


@dataclass(frozen=True)
class Votes:
    """What a role agrees to remove, by finding; and why there is nothing for other findings.

    `policies` are the policies of templates that the findings stand in, `holders` the statements, or else the
    policies, by what is removed with all of them.
    """

    leaves: Mapping[str, frozenset[Leaf]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, PolicyPlace] = field(default_factory=dict)
    holders: Mapping[str, Leaf] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[Vote]:
        """All that it agrees to remove, for each statement that has it."""
        return frozenset(
            Vote(self.holders[id_], leaf) for id_, leaves in self.leaves.items() for leaf in leaves
        )


def votes_of(deployed: DeployedRole) -> Votes:
    """What a role would remove."""
    leaves: dict[str, frozenset[Leaf]] = {}
    notes: dict[str, str] = {}
    policies: dict[str, PolicyPlace] = {}
    holders: dict[str, Leaf] = {}
    beside = _by_statement(deployed.findings)
    for finding in deployed.findings:
        placement = deployed.placements.get(finding.id)
        if not is_removable(finding) or placement is None or placement.location is None:
            continue
        found = _leaves(finding, placement, beside)
        if isinstance(found, str):
            notes[finding.id] = found
        elif placement.policy is not None and (holder := holder_of(placement)) is not None:
            leaves[finding.id] = found
            policies[finding.id] = placement.policy
            holders[finding.id] = holder
    objections = deployed.objections([f for f in deployed.findings if f.id in leaves]) if leaves else ()
    if objections:
        return Votes({}, {**notes, **dict.fromkeys(leaves, f"without it {objections[0]}")})
    return Votes(leaves, notes, policies, holders)


def holder_of(placement: Placement) -> Leaf | None:
    """What is removed with all of the statement, or else of the policy, that a finding stands in."""
    statement, policy = placement.statement, placement.policy
    written = statement.written if statement and statement.written else policy.written if policy else None
    return written.leaf if written else None


_OfStatements = Mapping[tuple[str, int], Sequence[Finding]]


def _by_statement(findings: Iterable[Finding]) -> _OfStatements:
    by_statement: dict[tuple[str, int], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_statement[finding.policy.key, finding.statement.index].append(finding)
    return by_statement


def _leaves(finding: Finding, placement: Placement, beside: _OfStatements) -> frozenset[Leaf] | str:
    """What to remove from the text so that a finding is gone, or why there is no such thing."""
    policy, statement = placement.policy, placement.statement
    if policy is None:
        return _NOT_CUT_OUT
    if policy.made_by:
        return f"{policy.made_by} makes it"
    if policy.no_edit:
        return policy.no_edit
    of_statement = beside[finding.policy.key, finding.statement.index]
    if statement is None or statement.written is None:
        return _whole_policy(finding, policy, beside)
    if statement.not_actions:
        keeps = [other for other in of_statement if not may_go_along(other)]
        return _needed(keeps[0]) if keeps else frozenset({statement.written.leaf})
    leaves: set[Leaf] = set()
    for action in finding.actions:
        for other in of_statement:
            if not may_go_along(other) and action.lower() in map(str.lower, other.actions):
                return _needed(other)
        of_action = statement.written.leaves(literal(action.lower()))
        if not of_action:
            return _CANNOT_BE_CUT
        leaves.update(of_action)
    return frozenset(leaves)


def _whole_policy(finding: Finding, policy: PolicyPlace, beside: _OfStatements) -> frozenset[Leaf] | str:
    if policy.written is None:
        return _CANNOT_BE_CUT
    of_policy = [f for (key, _), its in beside.items() if key == finding.policy.key for f in its]
    keeps = [other for other in of_policy if not may_go_along(other)]
    return _needed(keeps[0]) if keeps else frozenset({policy.written.leaf})


def _needed(other: Finding) -> str:
    """Why something stays: what stands with it."""
    what = f"{', '.join(other.actions[:2])} on {', '.join(other.resources[:2])}"
    return f"what is written with it must stay: {what} is {_verdict(other)}"


def _verdict(finding: Finding) -> str:
    if finding.ignored is not None:
        return "accepted"
    return finding.verdict if finding.confirmed else f"{finding.verdict}, not confirmed"
