"""Finding -> file and lines of the template that grants what the finding is about.

A finding is placed where exactly one statement of exactly one role fits; where several fit equally, or none,
there is no place. No guess.

What decides, in this order: whether the role can be the finding's, by its name and by the workloads that use
it; the policy's name, the statement's Sid, every action as spelled, every resource; and among those that fit,
the statement that agrees as a whole with the deployed one, then the one that stands in the same position.

Source of derived names (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html):
CloudFormation makes `STACK-LOGICALID-RANDOM`, shortened where the service's limit asks for it. Logical
ids have no `-`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scanner.iam.patterns import matches
from scanner.iam.variables import literal
from scanner.model import Finding, Location, Policy, Statement
from scanner.templates.places import ANY, Name, PolicyPlace, RolePlace, StatementPlace, Templates
from scanner.templates.tree import KEPT_OF_ID
from scanner.text.yaml_document import Lines


class _Fit(NamedTuple):
    """A place that fits a finding. The lower its rank, the more speaks for it."""

    location: Location
    rank: tuple[bool, ...]
    same_index: bool


def locate(finding: Finding, workload_names: Sequence[str], templates: Templates) -> Location | None:
    """The lines that grant what a finding is about, None where no place or more than one can be it.

    `workload_names` are the deployed names of the workloads that use the finding's role.
    """
    fits = [fit for role in templates.roles for fit in _fits(finding, workload_names, role)]
    best = min((fit.rank for fit in fits), default=())
    equal = [fit for fit in fits if fit.rank == best]
    locations = {fit.location for fit in equal}
    if len(locations) > 1:
        locations = {fit.location for fit in equal if fit.same_index}
    return locations.pop() if len(locations) == 1 else None


def _fits(finding: Finding, workload_names: Sequence[str], role: RolePlace) -> Iterator[_Fit]:
    role_name = finding.role.rpartition("/")[2]
    if not _can_be_role(role, role_name, workload_names):
        return
    names = [role.name] if role.name else []
    exact = _is_spelled(names, [role_name]) or _is_spelled(role.workloads, workload_names)
    for policy in role.policies:
        if policy.kind != finding.policy.kind or not _can_be_policy(policy, finding.policy):
            continue
        if policy.statements is None:
            yield _Fit(Location(role.path, *policy.lines), (True, not exact, True, False), same_index=False)
        for statement in policy.statements or ():
            lines = _matching_lines(finding, statement)
            if lines is not None:
                moved = policy.indexed_name not in (None, finding.policy.name)
                rank = (False, not exact, not _agrees(statement, finding.statement), moved)
                same_index = _has_same_index(policy, statement, finding)
                yield _Fit(Location(role.path, *lines), rank, same_index=same_index)


def _has_same_index(policy: PolicyPlace, statement: StatementPlace, finding: Finding) -> bool:
    """Whether a statement stands where the deployed one does, among as many."""
    same_count = policy.statement_count == len(finding.policy.statements)
    return same_count and statement.index == finding.statement.index


# ---- names -------------------------------------------------------------------------------------------------

# Words that stand in the names of roles and functions everywhere, and so do not tell whose they are.
_COMMON_WORDS = re.compile(
    "arn|aws|iam|policy|role|lambda|function|execution|service|stage|dev|test|staging|prod|[^a-z0-9]"
)
_MIN_DISTINCTIVE = 3  # characters that remain without the common words
_LONG_NAME = 60  # characters: names are cut to 64 at the most, so that a longer name than this may be cut
_MIN_RANDOM = 8  # characters of the suffix that CloudFormation makes


def _can_be_role(role: RolePlace, role_name: str, workload_names: Sequence[str]) -> bool:
    """Whether a template's role can be the deployed one: nothing contradicts it, and something says it."""
    if role.name is None:
        return True
    if not _matches_name(role.name, role_name):
        return False
    if not role.workloads:
        return _is_distinctive(role.name)
    if not workload_names:
        # A pattern may match the role of another function too.
        return role.name.derived or ANY not in role.name.text
    matching = [
        name for name in role.workloads if any(_matches_name(name, deployed) for deployed in workload_names)
    ]
    return bool(matching) and any(_is_distinctive(name) for name in (role.name, *matching))


def _can_be_policy(place: PolicyPlace, policy: Policy) -> bool:
    if place.statements is None:
        mentioned = _matches(place.name.text, policy.arn or "") or _matches(place.name.text, policy.name)
        return _is_distinctive(place.name) and mentioned
    known = place.kind == "inline" or _is_distinctive(place.name)
    return known and _matches_name(place.name, policy.name)


def _is_distinctive(name: Name) -> bool:
    """Whether a name has a part that few other names have."""
    return name.derived or len(_COMMON_WORDS.sub("", name.text.lower())) >= _MIN_DISTINCTIVE


def _matches_name(name: Name, deployed: str) -> bool:
    return _is_derived(name.text, deployed) if name.derived else _matches(name.text, deployed)


def _is_derived(logical_id: str, deployed: str) -> bool:
    """Whether CloudFormation can have made a name of a logical id: `STACK-LOGICALID-RANDOM`."""
    parts = deployed.rsplit("-", 2)
    if len(parts) != 3 or not parts[2].isalnum() or len(parts[2]) < _MIN_RANDOM:
        return False
    cut = len(deployed) > _LONG_NAME and len(parts[1]) >= KEPT_OF_ID and logical_id.startswith(parts[1])
    return cut or parts[1] == logical_id


def _is_spelled(names: Sequence[Name], deployed: Sequence[str]) -> bool:
    """Whether a template spells any of the deployed names in full."""
    return any(not name.derived and name.text == literal(text) for name in names for text in deployed)


def _matches(pattern: str, deployed: str) -> bool:
    """Whether a template's pattern matches a deployed text, in which `*` and `?` are literal."""
    return matches(pattern, literal(deployed))


# ---- statements --------------------------------------------------------------------------------------------


def _matching_lines(finding: Finding, place: StatementPlace) -> Lines | None:
    """The lines of the finding's actions, if the statement fits; all of it where they cannot be read."""
    statement = finding.statement
    if (place.not_actions, place.not_resources) != (statement.not_actions, statement.not_resources):
        return None
    if (place.sid is None) != (statement.sid is None):
        return None
    if not _matches(place.sid or "", statement.sid or ""):
        return None
    if not _matches_all(place.resources, finding.resources):
        return None
    lines = [place.actions.get(literal(action.lower())) for action in finding.actions]
    known = [line for line in lines if line is not None]
    if known and len(known) == len(lines):
        return Lines(min(known), max(known))
    # An action that is a variable: only the Sid can tell that it is this statement.
    sid_decides = place.unknown_actions and place.sid is not None and ANY not in place.sid
    return place.lines if sid_decides else None


def _matches_all(patterns: Sequence[str], resources: Sequence[str]) -> bool:
    """Whether each resource is matched by a pattern."""
    return all(any(_matches(pattern, resource) for pattern in patterns) for resource in resources)


def _agrees(place: StatementPlace, statement: Statement) -> bool:
    """Whether a template's statement agrees with the deployed one in all, not only in a finding's part."""
    return (
        set(place.actions) == {literal(action.lower()) for action in statement.actions}
        and _matches_all(place.resources, statement.resources)
        and place.condition in (None, statement.condition is not None)
    )
