"""What was used, looked up for the grants of a role: which uses were of which grant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from scanner.iam.patterns import is_pattern, matches
from scanner.model import Grant
from scanner.usage.of_role import RoleUsage, UsedPermission
from scanner.verdict.grants import RoleGrants, matches_any, overlaps_resource
from scanner.verdict.reasons import Reason

_SingleAndPatterns = tuple[dict[str, list[UsedPermission]], tuple[UsedPermission, ...]]


class GrantUses(NamedTuple):
    """The uses that were of a grant, and those that may have been, each with the doubt about that."""

    sure: tuple[UsedPermission, ...] = ()
    unsure: Mapping[UsedPermission, Reason] = {}

    @property
    def actions(self) -> frozenset[str]:
        """The actions that were surely used."""
        return frozenset(use.action for use in self.sure)

    @property
    def of_workloads(self) -> tuple[UsedPermission, ...]:
        """The sure uses, without those of a platform."""
        return tuple(use for use in self.sure if not use.platform)


class UsesByAction:
    """What was used, by action: single resources by name, and patterns and unknown ones."""

    def __init__(self, usage: RoleUsage) -> None:
        self._by_action = {action: _by_resource(uses) for action, uses in usage.required.items()}

    def of_grant(self, grant: Grant, grants: RoleGrants) -> GrantUses:
        """The uses of a grant, among the grants of its role."""
        sure: list[UsedPermission] = []
        unsure: dict[UsedPermission, Reason] = {}
        for use in self._candidates(grant):
            if not overlaps_resource(grant, use):
                continue
            doubt = grants.doubt_of_use(grant, use)
            if doubt is not None:
                unsure[use] = doubt
            elif grants.condition_held(grant, use) is not False:
                sure.append(use)
        return GrantUses(tuple(sure), unsure)

    def _candidates(self, grant: Grant) -> Iterator[UsedPermission]:
        """What was used of the actions of a grant, without single resources that it does not name."""
        action, is_literal = grant.action.lower(), not is_pattern(grant.pattern)
        names: Iterable[str] = (action,)
        if is_pattern(action):
            names = (
                name
                for name in self._by_action
                if matches(action, name) and not matches_any(grant.except_actions, name)
            )
        for name in names:
            by_resource, patterns = self._by_action.get(name, ({}, ()))
            if not is_literal:
                yield from chain.from_iterable(by_resource.values())
            elif grant.pattern in by_resource:
                yield from by_resource[grant.pattern]
            yield from patterns


def _by_resource(uses: Iterable[UsedPermission]) -> _SingleAndPatterns:
    single: dict[str, list[UsedPermission]] = {}
    patterns = []
    for use in uses:
        if use.exact and not use.platform and not is_pattern(use.resource):
            single.setdefault(use.resource, []).append(use)
        else:
            patterns.append(use)
    return single, tuple(patterns)


def uses_without_grant(
    usage: RoleUsage, grants: RoleGrants, by_grant: Iterable[GrantUses]
) -> frozenset[UsedPermission]:
    """The calls that were answered though no grant of the role was found that allows them."""
    granted = {use for uses in by_grant for use in (*uses.sure, *uses.unsure)}
    return frozenset(
        use
        for uses in usage.required.values()
        for use in uses
        if not use.platform and (use not in granted or grants.denies(use))
    )
