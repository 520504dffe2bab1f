"""Which roles of templates can be a deployed role. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from scanner.model import StackResource
from scanner.templates.deployed import deployed_template
from scanner.templates.names import (
    RoleIndex,
    Services,
    is_distinctive,
    is_spelled,
    matches_name,
    spelled_length,
)
from scanner.templates.places import ANY, Name, RolePlace, Templates
from scanner.templates.steps import Steps

NO_SERVICES = Services(())  # where the stack tells whose a name is


class Candidate(NamedTuple):
    """A role of a template that can be a deployed one.

    `exact` tells that a name is spelled in full. `spelled` are how many characters of the role's name and of
    a workload's name the template decides.
    """

    role: RolePlace
    exact: bool
    spelled: tuple[int, int]


class Candidates:
    """The roles of a checkout's templates that can be a deployed role. Raises TooManyStepsError.

    `stacks` are what the stacks that made roles say of them, by the ARN of the role; `addresses` those of
    Terraform's state.
    """

    def __init__(
        self,
        templates: Templates,
        stacks: Mapping[str, StackResource],
        steps: Steps,
        addresses: Mapping[str, str] | None = None,
    ) -> None:
        self._stacks = stacks
        self._addresses = addresses or {}
        self._deployed = {
            resource.stack: deployed_template(resource.template) for resource in stacks.values()
        }
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
            self._known[key] = tuple(_most_literal(self._found(role_arn, workload_names)))
        return self._known[key]

    def stack_note(self, role_arn: str) -> str:
        """What is known of a role that none of the templates declares, empty where nothing is."""
        resource = self._stacks.get(role_arn)
        if resource is None and role_arn in self._addresses:
            return f"the role is {self._addresses[role_arn]} of Terraform, of which no file was found"
        if resource is None:
            return ""
        construct = self._deployed[resource.stack].constructs.get(resource.logical_id)
        if construct:
            return f"the CDK makes the role: construct {construct} of stack {resource.stack}"
        if resource.module:
            return f"module {resource.module} of stack {resource.stack} makes the role"
        return f"the role is {resource.logical_id} of stack {resource.stack}, of which no template was found"

    def _found(self, role_arn: str, workload_names: Sequence[str]) -> Iterator[Candidate]:
        role_name, resource = role_arn.rpartition("/")[2], self._stacks.get(role_arn)
        places = self._index.of(role_name)
        address = self._addresses.get(role_arn)
        if address is not None:
            apart = (place for place in places if place.logical_id is None)
            yield from self._at_address(address, role_name, workload_names)
            found = self._by_name(apart, role_name, workload_names, self._services)
        elif resource is None:
            found = self._by_name(places, role_name, workload_names, self._services)
        else:
            # What stands in for the role in other templates is known by names alone.
            apart = (place for place in places if place.logical_id is None)
            yield from self._of_stack(resource, role_name, workload_names)
            found = self._by_name(apart, role_name, workload_names, self._services)
        yield from (candidate for candidate in found if candidate.exact or not self._truncated)

    def _at_address(self, address: str, role_name: str, workload_names: Sequence[str]) -> Iterator[Candidate]:
        """The roles of an address; where several modules have it, the names decide."""
        places = [
            place
            for place in self._index.declared(address)
            if place.name is not None and matches_name(place.name, role_name)
        ]
        self._steps.spend(len(places))
        if len(places) == 1:
            yield Candidate(places[0], exact=True, spelled=(0, 0))
        else:
            yield from self._by_name(places, role_name, workload_names, NO_SERVICES)

    def _of_stack(
        self, resource: StackResource, role_name: str, workload_names: Sequence[str]
    ) -> Iterator[Candidate]:
        """The roles that the stack's template declares under the logical id.

        A template with just the resources of the deployed one is that one. Where none is, as after a change,
        the names decide among those that declare the logical id.
        """
        places = [
            place
            for place in self._index.declared(resource.logical_id)
            if self._services.may_own_stack(place.template, resource.stack)
            and place.name is not None
            and matches_name(place.name, role_name)
        ]
        self._steps.spend(len(places))
        deployed = self._deployed[resource.stack].resources
        same = [place for place in places if deployed and place.template.resources == deployed]
        for place in same:
            yield Candidate(place, exact=True, spelled=(0, 0))
        if not same:
            named = self._by_name(places, role_name, workload_names, NO_SERVICES)
            yield from (candidate for candidate in named if candidate.exact or not self._truncated)

    def _by_name(
        self,
        places: Iterable[RolePlace],
        role_name: str,
        workload_names: Sequence[str],
        services: Services,
    ) -> Iterator[Candidate]:
        for role in places:
            self._steps.spend(1)
            names = [role.name] if role.name else []
            if not all(_can_name(role, name, role_name, services) for name in names):
                continue
            self._steps.spend(len(role.workloads) * len(workload_names))
            matching = list(_pairs(role, workload_names, services))
            if not _says_whose(role, workload_names, [name for name, _ in matching]):
                continue
            exact = is_spelled(names, [role_name]) or is_spelled(role.workloads, workload_names)
            of_workload = max((spelled_length(*pair) for pair in matching), default=0)
            of_role = spelled_length(role.name, role_name) if role.name else 0
            yield Candidate(role, exact, (of_role, of_workload))


def _pairs(role: RolePlace, workload_names: Sequence[str], services: Services) -> Iterator[tuple[Name, str]]:
    """The template's names of workloads, each with a deployed one that it can be."""
    for name in role.workloads:
        for deployed in workload_names:
            if _can_name(role, name, deployed, services):
                yield name, deployed


def _can_name(role: RolePlace, name: Name, deployed: str, services: Services) -> bool:
    return matches_name(name, deployed) and services.may_own(role.template, name, deployed)


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
