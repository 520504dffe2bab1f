"""Whether policies allow anything that other policies do not: what a suggestion must never do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from scanner.iam import catalog
from scanner.iam.arns import completed
from scanner.iam.conditions import values_of
from scanner.iam.evaluate import is_everything, is_unclear_action, is_unclear_resource
from scanner.iam.patterns import contains, is_pattern, overlaps
from scanner.iam.policies import pattern_of
from scanner.iam.variables import names_of, replaced
from scanner.model import Policy, Statement

_FIRST_SYMBOL = 0xE100  # private use, and no character that variables.literal makes


class _Part(NamedTuple):
    """One action on one resource of a statement; None for all that its NotAction (NotResource) names."""

    statement: Statement
    action: str | None
    resource: str | None


def allows_no_more(new: Sequence[Policy], old: Sequence[Policy]) -> tuple[str, ...]:
    """What the new policies allow, or no longer deny, without proof that the old ones did. Empty: proven.

    Each action on each resource of an Allow must be within one of the old: its action and its resource by
    pattern, its condition the same or with more tests. An action pattern may also be within several old ones
    together, for the actions that IAM has today. A Deny of the old policies must be kept where it could meet
    what the new ones allow, so `new` and `old` are all policies of a role. NotAction and NotResource are
    within the same ones, or in what obviously contains them. What cannot be proven is described, in a line
    each, sorted; that it allows more is not said.
    """
    granted = _Statements(s for p in old for s in p.statements if s.allow)
    allowed = [s for p in new for s in p.statements if s.allow]
    kept = _Statements(s for p in new for s in p.statements if not s.allow)
    unproven = set()
    for policy in new:
        for part in _parts(s for s in policy.statements if s.allow):
            if not granted.contain(part):
                unproven.add(f"{_described(policy, part)} is not known to be allowed before")
    for policy in old:
        for part in _parts(s for s in policy.statements if not s.allow):
            if not kept.contain(part) and any(_may_overlap(part, other) for other in _parts(allowed)):
                unproven.add(f"{_described(policy, part)} is not known to be denied still")
    return tuple(sorted(unproven))


def _parts(statements: Iterable[Statement]) -> Iterable[_Part]:
    for statement in statements:
        actions = (None,) if statement.not_actions else statement.actions
        resources = (None,) if statement.not_resources else statement.resources
        yield from (_Part(statement, action, resource) for action, resource in product(actions, resources))


def _described(policy: Policy, part: _Part) -> str:
    statement = part.statement
    effect = "Allow" if statement.allow else "Deny"
    action = part.action or f"all but {', '.join(statement.actions)}"
    resource = part.resource or f"all but {', '.join(statement.resources)}"
    sid = f" ({statement.sid})" if statement.sid else ""
    return f"policy {policy.name}, statement {statement.index}{sid}: {effect} of {action} on {resource}"


class _Statements:
    """Statements of one effect. Many parts name the same action: it is looked for once."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._all = list(statements)
        self._by_action: dict[str | tuple[str, ...], list[Statement]] = {}
        self._literal: dict[str, list[Statement]] = {}
        self._varying: list[Statement] = []
        for statement in self._all:
            if statement.not_actions or any(is_pattern(action) for action in statement.actions):
                self._varying.append(statement)
            else:
                for action in {action.lower() for action in statement.actions}:
                    self._literal.setdefault(action, []).append(statement)
        self._as_they_are = {_spelling(part) for part in _parts(self._all) if part.resource and part.action}

    def contain(self, part: _Part) -> bool:
        """Whether the statements, all of the part's effect, surely apply wherever it does."""
        if part.resource and part.action and _spelling(part) in self._as_they_are:
            return True
        key = part.statement.actions if part.action is None else part.action
        if key not in self._by_action:
            same = self._literal.get(part.action.lower(), []) if part.action is not None else []
            self._by_action[key] = [*same, *(s for s in self._varying if _has_action_of(s, part))]
        if any(_has_condition_of(s, part) and _has_resource_of(s, part) for s in self._by_action[key]):
            return True
        if part.action is None or not is_pattern(part.action):
            return False
        near = [s for s in self._all if _has_condition_of(s, part) and _has_resource_of(s, part)]
        return _has_actions_together(near, part)


def _spelling(part: _Part) -> tuple[object, ...]:
    """All that makes out a part: two that share it are the same."""
    statement = part.statement
    condition = repr(statement.condition) if statement.condition else ""
    return part.action, part.resource, condition, statement.variables


# --- actions -------------------------------------------------------------------------------------


def _has_action_of(outer: Statement, part: _Part) -> bool:
    theirs = [action.lower() for action in outer.actions]
    if part.action is not None:
        action = part.action.lower()
        if outer.not_actions:
            return not any(overlaps(excepted, action) for excepted in theirs)
        return any(_contains_action(pattern, action) for pattern in theirs)
    if not outer.not_actions:
        return any(is_everything(pattern) for pattern in theirs)
    except_actions = [action.lower() for action in part.statement.actions]
    return all(any(_contains_action(pattern, action) for pattern in except_actions) for action in theirs)


def _contains_action(outer: str, inner: str) -> bool:
    return outer == inner or (not is_unclear_action(outer) and contains(outer, inner))


def _has_actions_together(statements: Iterable[Statement], part: _Part) -> bool:
    if part.action is None or not is_pattern(part.action):
        return False
    left = catalog.expand(part.action)
    if not left:
        return False
    for statement in statements:
        if statement.not_actions:
            left &= _expanded(statement.actions)
        else:
            left -= _expanded(a for a in statement.actions if not is_unclear_action(a.lower()))
    return not left


def _expanded(patterns: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(catalog.expand(pattern) for pattern in patterns))


# --- resources -----------------------------------------------------------------------------------


def _has_resource_of(outer: Statement, part: _Part) -> bool:
    inner = part.statement
    if not outer.not_resources:
        if part.resource is None:
            return any(is_everything(resource) for resource in outer.resources)
        return any(
            _contains_resource(resource, outer.variables, part.resource, inner.variables)
            for resource in outer.resources
        )
    if part.resource is None and _same_resources(outer, inner):
        return True
    if any(names_of(resource, outer.variables) for resource in outer.resources):
        return False  # what NotResource excepts then, only a request tells
    excepted = [pattern_of(resource, outer.variables) for resource in outer.resources]
    if part.resource is not None:
        pattern = pattern_of(part.resource, inner.variables)
        return not any(overlaps(other, pattern) for other in excepted)
    return all(
        any(_contains_resource(r, inner.variables, other, outer.variables) for r in inner.resources)
        for other in outer.resources
    )


def _same_resources(one: Statement, other: Statement) -> bool:
    same_words = one.variables == other.variables or not any("${" in r for r in one.resources)
    return same_words and set(one.resources) == set(other.resources)


def _contains_resource(outer: str, outer_variables: bool, inner: str, inner_variables: bool) -> bool:
    """Whether a resource surely matches all that another does, whatever the variables in both stand for."""
    if outer == inner and (outer_variables == inner_variables or "${" not in outer):
        return True
    if is_unclear_resource(outer, outer_variables):
        return False
    symbols: dict[str, str] = {}
    wide = _with_symbols(outer, outer_variables, symbols)
    named_by_outer = bool(symbols)
    narrow = _with_symbols(inner, inner_variables, symbols)
    if not symbols or "?" not in wide:
        # A variable is one symbol: `*` stands for it, as for any value. `?` would too, but not for a value.
        return contains(wide, narrow)
    return not named_by_outer and contains(wide, pattern_of(inner, inner_variables))


def _with_symbols(resource: str, variables: bool, symbols: dict[str, str]) -> str:
    """The pattern of a resource, with one character of its own for each variable."""
    resource = completed(resource)
    if not variables or "${" not in resource:
        return resource
    return replaced(resource, lambda name: symbols.setdefault(name, chr(_FIRST_SYMBOL + len(symbols))))


# --- conditions ----------------------------------------------------------------------------------

_Test = tuple[str, str, tuple[str, ...]]


def _has_condition_of(outer: Statement, part: _Part) -> bool:
    """Whether a statement asks for nothing that the part does not ask for: all tests must hold (AND)."""
    inner = part.statement
    if not outer.condition:
        return True
    if not inner.condition:
        return False
    if outer.condition == inner.condition and outer.variables == inner.variables:
        return True
    outer_tests, inner_tests = _tests(outer.condition), _tests(inner.condition)
    if outer.variables != inner.variables and any("${" in value for test in outer_tests for value in test[2]):
        return False
    return bool(outer_tests) and outer_tests <= inner_tests


def _tests(condition: Mapping[str, Any]) -> frozenset[_Test]:
    """The tests of a Condition block: operator, key, values. None of one that is malformed."""
    tests = set()
    for operator, block in condition.items():
        for key, raw in block.items() if isinstance(block, Mapping) else [("", None)]:
            values = values_of(raw)
            if values is None:
                return frozenset()
            tests.add((operator, str(key).lower(), tuple(sorted(set(values)))))
    return frozenset(tests)


# --- denials -------------------------------------------------------------------------------------


def _may_overlap(denied: _Part, allowed: _Part) -> bool:
    """Whether what is denied and what is allowed may have a request in common."""
    return _texts_may_overlap(denied.action, allowed.action) and _texts_may_overlap(
        denied.resource and pattern_of(denied.resource, denied.statement.variables),
        allowed.resource and pattern_of(allowed.resource, allowed.statement.variables),
    )


def _texts_may_overlap(denied: str | None, allowed: str | None) -> bool:
    return denied is None or allowed is None or overlaps(denied.lower(), allowed.lower())
