"""Finding -> file and lines of the template that grants what the finding is about.

A finding is placed where exactly one statement of exactly one role fits; where several fit equally, or none,
there is no place. No guess.

What decides, in this order: which of the templates' roles can be the finding's, by the stack that made it or
else by its name and those of its workloads, where the most literal names exclude the others; the policy's
name, the statement's Sid, every action as spelled, every resource; and among those that fit, the statement
that agrees as a whole with the deployed one, then the one that stands in the same position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from scanner.iam.variables import literal
from scanner.model import Finding, Location, Policy, StackResource, Statement
from scanner.templates.candidates import Candidate, Candidates
from scanner.templates.names import is_distinctive, matches_name, matches_text
from scanner.templates.places import ANY, PolicyPlace, RolePlace, StatementPlace, Templates
from scanner.templates.steps import Steps, TooManyStepsError
from scanner.templates.written import Leaf
from scanner.text.yaml_document import Lines

MAX_COMPARISONS = 2_000_000  # of names and statements, of all findings: some seconds
_TOO_MANY = "the templates of the checkout declare too many roles that match"


class Placement(NamedTuple):
    """Where a finding is granted; without a location the note tells why, if anything is known of that.

    `policy` and `statement` are what stands there, None where several things on these lines fit; of what is
    no statement of the template, `statement` alone is None.
    """

    location: Location | None = None
    note: str = ""
    policy: PolicyPlace | None = None
    statement: StatementPlace | None = None


class _Fit(NamedTuple):
    """A place that fits a finding. The lower its rank, the more speaks for it."""

    location: Location
    rank: tuple[bool, ...]
    same_index: bool
    policy: PolicyPlace
    statement: StatementPlace | None

    @property
    def text(self) -> tuple[Leaf | None, Leaf | None]:
        """What tells it from others on the same lines."""
        statement, policy = self.statement.written if self.statement else None, self.policy.written
        return policy.leaf if policy else None, statement.leaf if statement else None


class Locator:
    """Finds what grants findings in the templates of a checkout.

    `stacks` are what the stacks that made roles say of them, by the ARN of the role: that takes the place of
    names, as do the `addresses` of roles in Terraform's state.
    """

    def __init__(
        self,
        templates: Templates,
        stacks: Mapping[str, StackResource] | None = None,
        addresses: Mapping[str, str] | None = None,
    ) -> None:
        self._steps = Steps(MAX_COMPARISONS)
        self._candidates = Candidates(templates, stacks or {}, self._steps, addresses)

    def place(self, finding: Finding, workload_names: Sequence[str]) -> Placement:
        """The lines that grant what a finding is about, none where no place or more than one can be it.

        `workload_names` are the deployed names of the workloads that use the finding's role.
        """
        try:
            candidates = self._candidates.of(finding.role, tuple(workload_names))
            fits = [fit for candidate in candidates for fit in self._fits(finding, candidate)]
        except TooManyStepsError:
            return Placement(note=_TOO_MANY)
        if fits:
            return _decide(fits)
        if candidates:
            return Placement(note=_made_by(finding, candidates) or _made_note(candidates))
        return Placement(note=self._candidates.stack_note(finding.role))

    def roles(self, role_arn: str, workload_names: Sequence[str]) -> tuple[RolePlace, ...]:
        """The roles of templates that can be a deployed one."""
        try:
            candidates = self._candidates.of(role_arn, tuple(workload_names))
        except TooManyStepsError:
            return ()
        return tuple(candidate.role for candidate in candidates)

    def template(self, role_arn: str, workload_names: Sequence[str]) -> str:
        """The only template that can declare a role, empty where none or more than one can."""
        try:
            candidates = self._candidates.of(role_arn, tuple(workload_names))
        except TooManyStepsError:
            return ""
        paths = {candidate.role.path for candidate in candidates}
        return paths.pop() if len(paths) == 1 else ""

    def _fits(self, finding: Finding, candidate: Candidate) -> Iterator[_Fit]:
        role, exact = candidate.role, candidate.exact
        for policy in role.policies:
            self._steps.spend(1)
            if not can_be_policy(policy, finding.policy):
                continue
            if policy.statements is None:
                location = Location(policy.path or role.path, *policy.lines, made_by=policy.made_by)
                rank = (True, not exact, True, bool(policy.made_by))
                yield _Fit(location, rank, same_index=False, policy=policy, statement=None)
            for statement in policy.statements or ():
                others = len(policy.statements or ()) if policy.after is not None else 0
                self._steps.spend(1 + others + len(statement.resources) * len(finding.resources))
                lines = _matching_lines(finding, statement)
                if lines is not None and not (policy.is_open and _fits_others(finding, statement)):
                    moved = policy.indexed_name not in (None, finding.policy.name)
                    rank = (False, not exact, not _agrees(statement, finding.statement), moved)
                    same_index = _has_same_index(policy, statement, finding)
                    location = Location(_path(role, policy, statement), *lines, made_by=policy.made_by)
                    yield _Fit(location, rank, same_index, policy, statement)


def _fits_others(finding: Finding, place: StatementPlace) -> bool:
    """Whether a statement fits another one of the deployed policy too: one of both stands elsewhere."""
    return any(
        other.index != finding.statement.index
        and other.allow
        and _matching_lines(
            replace(finding, statement=other, resources=tuple(other.resources), actions=finding.actions),
            place,
        )
        and {action.lower() for action in finding.actions} <= {action.lower() for action in other.actions}
        for other in finding.policy.statements
    )


def _path(role: RolePlace, policy: PolicyPlace, statement: StatementPlace) -> str:
    """The file that a statement stands in."""
    return (policy.path if statement.path is None else statement.path) or role.path


def _made_note(candidates: Sequence[Candidate]) -> str:
    """Which template makes a role that has no lines in it, empty where some do or it may be several."""
    made = {(candidate.role.path, candidate.role.made_by) for candidate in candidates}
    if len(made) > 1 or not all(by for _, by in made):
        return ""
    ((path, by),) = made
    return f"{path} makes the role by {by}: what is written before it is deployed has no line"


def _made_by(finding: Finding, candidates: Sequence[Candidate]) -> str:
    """What makes a policy that stands in no template, empty where nothing is known of that."""
    policies = (policy for candidate in candidates for policy in candidate.role.policies if policy.note)
    return next((policy.note for policy in policies if can_be_policy(policy, finding.policy)), "")


def _decide(fits: Sequence[_Fit]) -> Placement:
    best = min((fit.rank for fit in fits), default=())
    equal = [fit for fit in fits if fit.rank == best]
    locations = {fit.location for fit in equal}
    if len(locations) > 1:
        locations = {fit.location for fit in equal if fit.same_index} or locations
    if len(locations) == 1:
        chosen = [fit for fit in equal if fit.location in locations]
        unsure = next((fit.policy.unsure for fit in chosen if fit.policy.unsure), "")
        if unsure and all(fit.policy.unsure for fit in chosen):
            return Placement(
                note=f"{chosen[0].location.path}:{chosen[0].location.line} may grant it: {unsure}"
            )
        return _placed(chosen)
    return Placement(note=_named(locations) if locations else "")


def _placed(fits: Sequence[_Fit]) -> Placement:
    """The placement of fits on the same lines."""
    if len({fit.text for fit in fits}) > 1:
        fits = [fit for fit in fits if fit.same_index] or fits
    if len({fit.text for fit in fits}) > 1:
        return Placement(fits[0].location)
    return Placement(fits[0].location, "", fits[0].policy, fits[0].statement)


def _named(locations: set[Location]) -> str:
    """The places that fit equally, in a sentence."""
    one, other, *more = sorted(locations, key=lambda location: (location.path, location.line))
    rest = f", and {len(more)} more" if more else ""
    return f"{one.path}:{one.line} and {other.path}:{other.line}{rest} fit equally"


def _has_same_index(policy: PolicyPlace, statement: StatementPlace, finding: Finding) -> bool:
    """Whether a statement stands where the deployed one does, among as many."""
    if policy.after is not None:
        return _is_in_same_tail(policy, policy.after, statement, finding)
    same_count = policy.statement_count == len(finding.policy.statements)
    return same_count and statement.index == finding.statement.index


def _is_in_same_tail(policy: PolicyPlace, after: int, statement: StatementPlace, finding: Finding) -> bool:
    """Whether a statement is as far from the end as the deployed one, and those beside it are the same."""
    deployed = finding.policy.statements
    first = len(deployed) - after - (policy.statement_count or 0)
    if policy.statement_count is None or first < 0 or first + statement.index != finding.statement.index:
        return False
    return all(_agrees(place, deployed[first + place.index]) for place in policy.statements or ())


def can_be_policy(place: PolicyPlace, policy: Policy) -> bool:
    """Whether a policy of a template can be a deployed one, by its kind and name."""
    if place.kind != policy.kind:
        return False
    if place.statements is None:
        mentioned = matches_text(place.name.text, policy.arn or "") or matches_text(
            place.name.text, policy.name
        )
        return is_distinctive(place.name) and mentioned
    known = place.kind == "inline" or is_distinctive(place.name)
    return known and matches_name(place.name, policy.name)


def _matching_lines(finding: Finding, place: StatementPlace) -> Lines | None:
    """The lines of the finding's actions, if the statement fits; all of it where they cannot be read."""
    statement = finding.statement
    if (place.not_actions, place.not_resources) != (statement.not_actions, statement.not_resources):
        return None
    if (place.sid is None) != (statement.sid is None):
        return None
    if not matches_text(place.sid or "", statement.sid or ""):
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
    return all(any(matches_text(pattern, resource) for pattern in patterns) for resource in resources)


def _agrees(place: StatementPlace, statement: Statement) -> bool:
    """Whether a template's statement agrees with the deployed one in all, not only in a finding's part."""
    return (
        set(place.actions) == {literal(action.lower()) for action in statement.actions}
        and _matches_all(place.resources, statement.resources)
        and place.condition in (None, statement.condition is not None)
    )
