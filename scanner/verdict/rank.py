"""The order of findings: by what a grant spans, how dangerous it is, and how many roles have it.

Pure. The gate does not use it: that goes by severity alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from scanner.iam import arns, catalog
from scanner.iam.patterns import is_pattern
from scanner.iam.severity import NONE, PRIVILEGE_ESCALATION, SEVERITY_LEVELS, reads_secrets
from scanner.model import Grant


class Breadth(StrEnum):
    """How much a grant spans, the most first."""

    EVERYTHING = "everything"
    ESCALATION = "privilege-escalation"
    SERVICE = "service-everywhere"
    SECRETS = "secrets"
    ACTIONS_EVERYWHERE = "actions-everywhere"
    ACTION_EVERYWHERE = "action-everywhere"
    SERVICE_ON_RESOURCES = "service"
    ACTIONS_ON_RESOURCES = "actions"
    ACTION_ON_PATTERN = "action-on-pattern"
    ACTION_ON_RESOURCE = "action"
    NOTHING = "nothing"


BREADTHS = tuple(Breadth)
_PLACE = {breadth: place for place, breadth in enumerate(Breadth)}
_SEVERITY_PLACE = {level: place for place, level in enumerate((*SEVERITY_LEVELS, NONE))}
Rank = tuple[int, int, int]


def breadth_of(grant: Grant, in_question: frozenset[str], level: str) -> Breadth:
    """How much a grant spans; `in_question` are the actions that make it dangerous, of a severity."""
    spelled = _spelled_breadth(grant.action, bool(grant.except_actions), grant.pattern)
    if spelled is not Breadth.EVERYTHING and level == PRIVILEGE_ESCALATION:
        return Breadth.ESCALATION
    if _PLACE[spelled] > _PLACE[Breadth.SECRETS] and reads_secrets(in_question):
        return Breadth.SECRETS
    return spelled


@lru_cache(maxsize=1 << 12)
def _spelled_breadth(action: str, is_exception: bool, pattern: str) -> Breadth:
    service, _, name = action.partition(":")
    everywhere = pattern == arns.ALL
    if is_exception or is_pattern(service):
        return Breadth.EVERYTHING if everywhere else Breadth.SERVICE_ON_RESOURCES
    if name == "*":
        return Breadth.SERVICE if everywhere else Breadth.SERVICE_ON_RESOURCES
    if is_pattern(name):
        return Breadth.ACTIONS_EVERYWHERE if everywhere else Breadth.ACTIONS_ON_RESOURCES
    if everywhere and catalog.knows_resources(action):
        return Breadth.ACTION_EVERYWHERE
    is_wide = not everywhere and arns.is_wide(pattern)
    return Breadth.ACTION_ON_PATTERN if is_wide else Breadth.ACTION_ON_RESOURCE


def widest(breadths: Iterable[Breadth]) -> Breadth:
    """The breadth that spans the most."""
    return min(breadths, key=_PLACE.__getitem__, default=Breadth.NOTHING)


class Ranked(Protocol):
    """A finding, as far as its rank goes by it."""

    @property
    def verdict(self) -> str:
        """What the comparison says."""

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions, as the policy spells them."""

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources, likewise."""

    @property
    def breadth(self) -> str:
        """How much they span."""

    @property
    def severity(self) -> str:
        """How dangerous they are."""


def ranking(findings: Iterable[tuple[str, Ranked]]) -> Callable[[Ranked], Rank]:
    """The rank of each of some findings, given with their roles: the lowest is shown first."""
    roles = Counter(key for _, key in {(role, _grants(finding)) for role, finding in findings})

    def rank(finding: Ranked) -> Rank:
        return *place_of(finding.breadth, finding.severity), -roles[_grants(finding)]

    return rank


def place_of(breadth: str, severity: str) -> tuple[int, int]:
    """The place of a breadth and a severity in the order of findings, the worst first."""
    return _PLACE[Breadth(breadth)], _SEVERITY_PLACE[severity]


def _grants(finding: Ranked) -> tuple[object, ...]:
    """What the findings of several roles have in common: one policy or template made them."""
    return finding.verdict, finding.actions, finding.resources
