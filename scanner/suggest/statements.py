"""Permissions laid out as statements of a policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from scanner.iam.patterns import contains, is_pattern
from scanner.iam.policies import VARIABLES_VERSION
from scanner.model import Grant, Statement

_MOST_PAIRS = 100_000
Json = dict[str, Any]


class Allowance(NamedTuple):
    """An action on a resource to be allowed, under a condition (JSON text, empty for none)."""

    action: str
    resource: str
    condition: str = ""
    not_action: tuple[str, ...] = ()
    not_resource: tuple[str, ...] = ()


class _Layout(NamedTuple):
    """What the actions of one statement have in common."""

    not_action: tuple[str, ...]
    resources: tuple[str, ...]
    condition: str
    not_resource: tuple[str, ...]


def allowance_of(grant: Grant) -> Allowance:
    """A grant as it is."""
    statement = grant.statement
    return Allowance(
        action=grant.action,
        # in a policy of the older version a variable is no variable
        resource=grant.resource if statement.variables else literal(grant.resource),
        condition=condition_of(statement),
        not_action=statement.actions if statement.not_actions else (),
        not_resource=tuple(_named_resources(statement)) if statement.not_resources else (),
    )


def policy_of(statements: list[Json]) -> Json:
    """A policy document of statements."""
    return {"Version": VARIABLES_VERSION, "Statement": statements}


def grouped(allowances: Iterable[Allowance]) -> list[Json]:
    """Statements of allowances: actions with the same resources share one. Sorted, so that two runs agree."""
    resources_of: dict[tuple[str, tuple[str, ...], str, tuple[str, ...]], set[str]] = {}
    for item in _without_contained(allowances):
        key = (item.action, item.not_action, item.condition, item.not_resource)
        resources_of.setdefault(key, set()).add(item.resource)
    actions_of: dict[tuple[str, _Layout], list[str]] = {}
    for (action, not_action, condition, not_resource), resources in resources_of.items():
        layout = _Layout(
            not_action=not_action,
            resources=tuple(sorted(resources)),
            condition=condition,
            not_resource=not_resource,
        )
        actions_of.setdefault((action.partition(":")[0], layout), []).append(action)
    ordered = sorted(
        actions_of.items(), key=lambda entry: (entry[0][0], sorted(entry[1]), (entry[0][0], *entry[0][1]))
    )
    return [_statement(sorted(actions), layout) for (_, layout), actions in ordered]


def in_order(allowances: Sequence[Allowance], statement: Statement) -> list[Json]:
    """Statements in the place of another one, of allowances in the order in which they stand."""
    resources_of: dict[tuple[Any, ...], list[str]] = {}
    for item in allowances:
        resources_of.setdefault((item.action, item.not_action, item.not_resource), []).append(item.resource)
    actions_of: dict[_Layout, list[str]] = {}
    condition = condition_of(statement)
    for (action, not_action, not_resource), resources in resources_of.items():
        layout = _Layout(
            not_action=not_action, resources=tuple(resources), condition=condition, not_resource=not_resource
        )
        actions_of.setdefault(layout, []).append(action)
    sid = {"Sid": statement.sid} if statement.sid and len(actions_of) == 1 else {}
    return [{**sid, **_statement(actions, layout)} for layout, actions in actions_of.items()]


def as_written(statement: Statement) -> Json:
    """A statement as it is."""
    written: Json = {"Sid": statement.sid} if statement.sid else {}
    written["Effect"] = "Allow" if statement.allow else "Deny"
    written["NotAction" if statement.not_actions else "Action"] = list(statement.actions)
    named = _named_resources(statement)
    resources: Any = named[0] if len(named) == 1 else named
    written["NotResource" if statement.not_resources else "Resource"] = resources
    if statement.condition is not None:
        written["Condition"] = dict(statement.condition)
    return written


def literal(resource: str) -> str:
    """A resource in which nothing is a policy variable."""
    return resource.replace("${", "${$}{")


def condition_of(statement: Statement) -> str:
    """The condition of a statement as JSON text with sorted keys, empty without one."""
    if statement.condition is None:
        return ""
    return orjson.dumps(statement.condition, option=orjson.OPT_SORT_KEYS).decode()


def size_of(policy: Mapping[str, Any]) -> int:
    """The characters of a policy as IAM counts them: white space is not counted."""
    return len(orjson.dumps(policy))


def _without_contained(allowances: Iterable[Allowance]) -> Iterable[Allowance]:
    """The allowances without those on a resource that another one of the same action contains."""
    by_action: dict[tuple[Any, ...], list[Allowance]] = {}
    for item in allowances:
        by_action.setdefault((item.action, *item[2:]), []).append(item)
    survivors: dict[frozenset[str], frozenset[str]] = {}
    for same in by_action.values():
        resources = frozenset(item.resource for item in same)
        if resources not in survivors:  # many actions stand on the same resources
            survivors[resources] = _not_contained(resources)
        yield from (item for item in same if item.resource in survivors[resources])


def _not_contained(resources: frozenset[str]) -> frozenset[str]:
    wide = [r for r in resources if is_pattern(r) and "${" not in r]  # `${*}` is no wildcard
    if len(wide) * len(resources) > _MOST_PAIRS:
        return resources  # such a policy does not fit anyway
    return frozenset(r for r in resources if not any(_makes_redundant(other, r) for other in wide))


def _makes_redundant(resource: str, other: str) -> bool:
    """Whether a resource pattern makes another one redundant (of two that say the same, one stays)."""
    return (
        resource != other
        and contains(resource, other)
        and (not contains(other, resource) or resource < other)
    )


def _statement(actions: list[str], layout: _Layout) -> Json:
    statement: Json = {"Effect": "Allow"}
    if layout.not_action:
        statement["NotAction"] = list(layout.not_action)
    else:
        statement["Action"] = actions
    if layout.not_resource:
        statement["NotResource"] = list(layout.not_resource)
    else:
        resources = layout.resources
        statement["Resource"] = resources[0] if len(resources) == 1 else list(resources)
    if layout.condition:
        statement["Condition"] = orjson.loads(layout.condition)
    return statement


def _named_resources(statement: Statement) -> list[str]:
    """The resources of a statement as the newer policy version spells them."""
    return [r if statement.variables else literal(r) for r in statement.resources]
