"""What the Deny statements and the permissions boundary of a role leave of its grants. Pure.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: an explicit Deny wins; a
boundary grants nothing, and what it does not allow is denied:
docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from scanner.iam import catalog
from scanner.iam.arns import completed
from scanner.iam.evaluate import is_unclear_action, is_unclear_resource
from scanner.iam.patterns import contains, matches, overlaps
from scanner.iam.policies import NO_RESOURCE, Principal, deny_statements, grants_of, principal_of
from scanner.iam.variables import meaning_of
from scanner.model import Grant, Role, Statement


class _Denial(NamedTuple):
    """A Deny statement and the patterns of what it surely names, or what its NotResource may except."""

    statement: Statement
    patterns: tuple[str, ...]


class Limits:
    """The unconditional Deny statements of a role and the grants of its boundary, None without one.

    A condition is not looked at: a conditional Deny takes nothing away, a conditional Allow of a boundary
    leaves all that it may leave.
    """

    def __init__(self, role: Role) -> None:
        bounds = (role.boundary,) if role.boundary else ()
        principal = principal_of(role)
        self._denials = [
            _Denial(statement, _patterns_of_denial(statement, principal))
            for statement in deny_statements((*role.policies, *bounds))
        ]
        self._ceiling = [g for bound in bounds for g in grants_of(bound, principal)] if bounds else None

    @property
    def are_none(self) -> bool:
        """Whether there is neither a Deny statement nor a boundary."""
        return not self._denials and self._ceiling is None

    def always_deny(self, action: str, pattern: str) -> bool:
        """Whether an action (or action pattern, in lower case) is never allowed on a resource pattern."""
        if NO_RESOURCE in pattern or any(_denies(denial, action, pattern) for denial in self._denials):
            return True
        return self._ceiling is not None and not any(
            _overlaps_action(grant, action) and _overlaps_resource(grant, pattern) for grant in self._ceiling
        )

    def without_denied(self, actions: frozenset[str], pattern: str) -> frozenset[str]:
        """Those of the actions (lower case) that are not always denied on a resource pattern."""
        for denial in self._denials:
            actions = _without_denied(actions, denial, pattern)
        if self._ceiling is None:
            return actions
        overlapping = [grant for grant in self._ceiling if _overlaps_resource(grant, pattern)]
        return frozenset(a for a in actions if any(_matches_action(g, a) for g in overlapping))

    def within_boundary(self, grant: Grant, actions: Iterable[str]) -> tuple[str, ...]:
        """The parts of a grant's resource pattern that the boundary leaves to the actions.

        Only where each of these is a part of it; else the pattern itself.
        """
        if self._ceiling is None:
            return (grant.pattern,)
        named = list(actions)
        parts = {
            g.pattern
            for g in self._ceiling
            if _overlaps_resource(g, grant.pattern) and any(_matches_action(g, action) for action in named)
        }
        narrower = parts and all(contains(grant.pattern, part) for part in parts)
        return tuple(sorted(parts)) if narrower else (grant.pattern,)


def _overlaps_resource(grant: Grant, pattern: str) -> bool:
    """Whether a grant reaches a part of a resource pattern."""
    return overlaps(grant.pattern, pattern) and not any(contains(e, pattern) for e in grant.except_resources)


def _overlaps_action(grant: Grant, action: str) -> bool:
    """Whether a grant names an action, or a part of an action pattern."""
    excepted = any(contains(pattern, action) for pattern in grant.except_actions)
    return overlaps(grant.action.lower(), action) and not excepted


def _matches_action(grant: Grant, action: str) -> bool:
    return matches(grant.action.lower(), action) and not any(
        matches(pattern, action) for pattern in grant.except_actions
    )


def _patterns_of_denial(statement: Statement, principal: Principal) -> tuple[str, ...]:
    """What a Deny statement surely names; with NotResource, what it may except.

    A variable that the role never has matches nothing, so that NotResource applies to all that it would
    except; one that only the request tells may match anything, and surely nothing:
    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
    """
    patterns = []
    for resource in statement.resources:
        meaning = meaning_of(completed(resource), statement.variables, principal.context, principal.absent)
        unsure = bool(meaning.unknown) or is_unclear_resource(resource, statement.variables)
        if not meaning.missing and (statement.not_resources or not unsure):
            patterns.append(meaning.pattern)
    return tuple(patterns)


def _named_by_denial(statement: Statement) -> tuple[str, ...]:
    """The actions (lower case) that a Deny statement surely names, or that its NotAction may except."""
    patterns = tuple(action.lower() for action in statement.actions)
    if statement.not_actions:
        return patterns
    return tuple(pattern for pattern in patterns if not is_unclear_action(pattern))


def _without_denied(actions: frozenset[str], denial: _Denial, pattern: str) -> frozenset[str]:
    """The actions without those that a Deny statement takes away on all of a resource pattern."""
    if not _denies_resource(denial, pattern):
        return actions
    named = _named_actions(_named_by_denial(denial.statement))
    return actions & named if denial.statement.not_actions else actions - named


@lru_cache(maxsize=1 << 12)
def _named_actions(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(catalog.expand(pattern) for pattern in patterns))


def _denies(denial: _Denial, action: str, resource: str) -> bool:
    """Whether a Deny statement covers an action (pattern) on a resource pattern entirely."""
    patterns = _named_by_denial(denial.statement)
    if denial.statement.not_actions:
        action_denied = not any(overlaps(p, action) for p in patterns)
    else:
        action_denied = any(contains(p, action) for p in patterns)
    return action_denied and _denies_resource(denial, resource)


def _denies_resource(denial: _Denial, resource: str) -> bool:
    if denial.statement.not_resources:
        return not any(overlaps(pattern, resource) for pattern in denial.patterns)
    return any(contains(pattern, resource) for pattern in denial.patterns)
