"""How far a grant went when a team accepted it: its severity, and what limited it. Pure.

A baseline names a grant as its policy spells it. The same spelling allows more once a Deny or a boundary is
gone, so an entry holds these too. They are patterns, no lists of actions: an action that IAM adds to what a
wildcard matches changes nothing by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from scanner.gate.stable_names import stable_resource, without_account
from scanner.iam.patterns import contains, overlaps
from scanner.iam.policies import NO_RESOURCE, pattern_of
from scanner.iam.severity import SEVERITY_LEVELS
from scanner.model import Grant, Role, Statement

_EXCEPT = " except "


class Limit(NamedTuple):
    """A part of a Deny statement, or of an Allow statement of a boundary: an action on a resource.

    NotAction and NotResource are written `* except PATTERNS`. `condition` is a digest, empty without one.
    """

    action: str
    resource: str
    condition: str = ""

    @property
    def text(self) -> str:
        """As a baseline has it: `s3:Put* on arn:aws:s3:::b/*`."""
        return f"{self.action} on {self.resource}" + (f" if {self.condition}" if self.condition else "")

    @classmethod
    def parse(cls, text: str) -> Limit:
        """The limit that a text says. A text of another form is one that contains nothing else."""
        action, _, rest = text.partition(" on ")
        resource, _, condition = rest.partition(" if ")
        return cls(action, resource, condition)

    def contains(self, other: Limit) -> bool:
        """Whether this one surely says all that the other does."""
        return (
            self.condition in ("", other.condition)
            and _contains(self.action.lower(), other.action.lower())
            and _contains(self.resource, other.resource)
        )


def _contains(outer: str, inner: str) -> bool:
    return outer == inner or (_EXCEPT not in outer + inner and contains(outer, inner))


class Extent(NamedTuple):
    """How far a grant goes: one of SEVERITY_LEVELS (empty: not known), and its limits as texts, sorted.

    `denied` are the Deny statements that take a part of it away, `boundary` what the permissions boundary
    leaves of it, empty without a boundary.
    """

    severity: str = ""
    denied: tuple[str, ...] = ()
    boundary: tuple[str, ...] = ()

    def growth(self, now: Extent) -> str:
        """What `now` goes beyond this one, in words; empty where it does not, or one of them is not known."""
        if not (self.severity and now.severity):
            return ""
        if severity_rank(now.severity) < severity_rank(self.severity):
            return f"it is {now.severity} now, {self.severity} was accepted"
        lifted = [text for text in self.denied if not _is_within(text, now.denied)]
        if lifted:
            return f"a Deny is gone or narrower: {lifted[0]}"
        if self.boundary and not now.boundary:
            return "the permissions boundary is gone"
        wider = [text for text in now.boundary if not _is_within(text, self.boundary)]
        return f"the permissions boundary allows more: {wider[0]}" if self.boundary and wider else ""


def severity_rank(severity: str) -> int:
    """The place of a severity, the worst first. What IAM does not know may be the worst."""
    if severity == "unknown":
        return -1
    return SEVERITY_LEVELS.index(severity) if severity in SEVERITY_LEVELS else len(SEVERITY_LEVELS)


def _is_within(text: str, outer: Iterable[str]) -> bool:
    limit = Limit.parse(text)
    return any(other == text or Limit.parse(other).contains(limit) for other in outer)


# --- from policies -------------------------------------------------------------------------------


class GrantLimits(NamedTuple):
    """The limits of one grant, as they are deployed."""

    denied: tuple[Limit, ...] = ()
    boundary: tuple[Limit, ...] = ()


NO_LIMITS = GrantLimits()


def limits_of(role: Role, grant: Grant) -> GrantLimits:
    """What limits a grant of a role, conditions included."""
    bounds = (role.boundary,) if role.boundary else ()
    statements = [s for policy in (*role.policies, *bounds) for s in policy.statements if not s.allow]
    allowed = [s for policy in bounds for s in policy.statements if s.allow]
    return GrantLimits(
        tuple(limit for statement in statements for limit in _limits(statement, grant)),
        tuple(limit for statement in allowed for limit in _limits(statement, grant)),
    )


def _limits(statement: Statement, grant: Grant) -> Iterator[Limit]:
    """The parts of a statement that overlap a grant."""
    condition = condition_text(statement.condition)
    for action in _actions(statement, grant.action.lower()):
        for resource in _resources(statement, grant.pattern):
            yield Limit(action, resource, condition)


def _actions(statement: Statement, granted: str) -> list[str]:
    if not statement.not_actions:
        return [action for action in statement.actions if overlaps(action.lower(), granted)]
    excepted = sorted(action.lower() for action in statement.actions)
    if any(contains(pattern, granted) for pattern in excepted):
        return []
    return [f"*{_EXCEPT}{', '.join(excepted)}"]


def _resources(statement: Statement, granted: str) -> list[str]:
    meant = [(raw, pattern_of(raw, statement.variables)) for raw in statement.resources]
    if not statement.not_resources:
        return [raw for raw, pattern in meant if NO_RESOURCE not in pattern and overlaps(pattern, granted)]
    if any("${" not in raw and contains(pattern, granted) for raw, pattern in meant):
        return []
    return [f"*{_EXCEPT}{', '.join(sorted(statement.resources))}"]


def condition_text(condition: Mapping[str, Any] | None) -> str:
    """A Condition as JSON text with sorted keys and values, empty without one."""
    return json.dumps(_ordered(condition), sort_keys=True) if condition else ""


def _ordered(condition: Any) -> Any:
    """A Condition as it compares: one value is a list of one, and the order of values says nothing."""
    if isinstance(condition, Mapping):
        return {key: _ordered(value) for key, value in condition.items()}
    return sorted(map(str, condition if isinstance(condition, list) else [condition]))


# --- with names that survive a deployment --------------------------------------------------------


def stable_extent(severity: str, limits: GrantLimits, account: str, names: Mapping[str, str]) -> Extent:
    """The extent of a grant, with names as entries have them."""

    def texts(deployed: Iterable[Limit]) -> tuple[str, ...]:
        return tuple(sorted({_stable(limit, account, names).text for limit in deployed}))

    return Extent(severity, texts(limits.denied), texts(limits.boundary))


def _stable(limit: Limit, account: str, names: Mapping[str, str]) -> Limit:
    every, excepts, patterns = limit.resource.partition(_EXCEPT)
    if excepts:
        stable = sorted(stable_resource(pattern, account, names) for pattern in patterns.split(", "))
        resource = every + excepts + ", ".join(stable)
    else:
        resource = stable_resource(limit.resource, account, names)
    return Limit(limit.action, resource, digest(without_account(account, limit.condition)))


def digest(text: str) -> str:
    """A short digest of a text, empty of an empty one."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12] if text else ""
