"""Which roles of templates can be a deployed role. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from scanner.templates.names import (
    RoleIndex,
    Services,
    is_distinctive,
    is_spelled,
    matches_name,
    spelled_length,
)
from scanner.templates.places import ANY, Name, RolePlace, Templates
from scanner.templates.tree import Steps


class Candidate(NamedTuple):
    """A role of a template that can be a deployed one.

    `exact` tells that a name is spelled in full. `spelled` are how many characters of the role's name and of
    a workload's name the template decides.
    """

    role: RolePlace
    exact: bool
    spelled: tuple[int, int]


class Candidates:
    """The roles of a checkout's templates that can be a deployed role. Raises TooManyStepsError."""

    def __init__(self, templates: Templates, steps: Steps) -> None:
        self._index = RoleIndex(templates.roles)
        self._services = Services(role.template for role in templates.roles)
        self._truncated = templates.truncated
        self._steps = steps
        self._known: dict[tuple[str, tuple[str, ...]], tuple[Candidate, ...]] = {}

    def of(self, role_arn: str, workload_names: tuple[str, ...]) -> tuple[Candidate, ...]:
        """The candidates for a role that these workloads use, but for those that a more literal one excludes.

        Where not all templates were read, a name that is spelled in part may be another template's.
        """
        key = (role_arn, workload_names)
        if key not in self._known:
            role_name = role_arn.rpartition("/")[2]
            found = self._by_name(role_name, workload_names)
            exact = [candidate for candidate in found if candidate.exact or not self._truncated]
            self._known[key] = tuple(_most_literal(exact))
        return self._known[key]

    def _by_name(self, role_name: str, workload_names: Sequence[str]) -> Iterator[Candidate]:
        for role in self._index.of(role_name):
            self._steps.spend(1)
            names = [role.name] if role.name else []
            if not all(self._is_name(role, name, role_name) for name in names):
                continue
            self._steps.spend(len(role.workloads) * len(workload_names))
            matching = list(self._pairs(role, workload_names))
            if not _says_whose(role, workload_names, [name for name, _ in matching]):
                continue
            exact = is_spelled(names, [role_name]) or is_spelled(role.workloads, workload_names)
            of_workload = max((spelled_length(*pair) for pair in matching), default=0)
            of_role = spelled_length(role.name, role_name) if role.name else 0
            yield Candidate(role, exact, (of_role, of_workload))

    def _pairs(self, role: RolePlace, workload_names: Sequence[str]) -> Iterator[tuple[Name, str]]:
        """The template's names of workloads, each with a deployed one that it can be."""
        for name in role.workloads:
            for deployed in workload_names:
                if self._is_name(role, name, deployed):
                    yield name, deployed

    def _is_name(self, role: RolePlace, name: Name, deployed: str) -> bool:
        return matches_name(name, deployed) and self._services.may_own(role.template, name, deployed)


def _says_whose(role: RolePlace, workload_names: Sequence[str], matching: Sequence[Name]) -> bool:
    """Whether the workloads do not contradict that a role of this name is meant, and some name says it."""
    if role.name is None:
        return True
    if not role.workloads:
        return is_distinctive(role.name)
    if not workload_names:
        # A pattern may match the role of another function too.
        return role.name.derived or ANY not in role.name.text
    return bool(matching) and any(is_distinctive(name) for name in (role.name, *matching))


def _most_literal(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates but for roles of which another one spells more, and nothing less.

    What stands in for another template's role excludes nothing, and is not excluded: both grant.
    """
    candidates = list(candidates)
    most, longest = set(), -1
    declared = {candidate.spelled for candidate in candidates if candidate.role.logical_id is not None}
    for of_role, of_workload in sorted(declared, reverse=True):
        if of_workload > longest:
            most.add((of_role, of_workload))
            longest = of_workload
    return [c for c in candidates if c.role.logical_id is None or c.spelled in most]
