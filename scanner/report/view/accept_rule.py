"""The rules of a configuration that accept findings, ready to be copied. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from scanner.report.records import Finding, Role
from scanner.report.view.values import Row
from scanner.report.view.viewed import statement_of
from scanner.text.escape import counted

MOST_RULES = 500  # of a configuration
_MOST_VALUES = 500  # of a selector
_REASON = "say here why it is needed"
_HEAD = ("version: 1", "ignore:")
# What YAML takes for text without quotes.
_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z_][\w./-]*(?::[\w./-]+)*", re.IGNORECASE)
# A placeholder of hidden names: an account may be any, all else has to be filled in.
_ACCOUNT = re.compile(r"\bACCOUNT_ID\b")
_HIDDEN = re.compile(r"\b(?:SECRET_NAME|PARAMETER_NAME|KEY_ID|OBJECT_KEY|HIDDEN|UUID)\b")


class _Grants(NamedTuple):
    """What a rule accepts, but for the roles: actions on resources, as the policy spells them."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    sid: str


def rule_lines(rows: Iterable[Row], *, names_hidden: bool = False) -> list[str]:
    """A configuration that accepts the findings of these rows, and of their roles nothing wider.

    Grants on the same resources share a rule, and so do roles with the same grants. With `names_hidden` the
    account in an ARN may be any.
    """
    roles_of: dict[_Grants, dict[str, None]] = {}
    for role, grants in _grants_of(rows):
        roles_of.setdefault(grants, {})[role] = None
    rules = [
        rule for grants, roles in roles_of.items() for rule in _rules(grants, tuple(roles), names_hidden)
    ]
    if not rules:
        return []
    more = len(rules) - MOST_RULES
    lines = [*_HEAD, *(line for rule in rules[:MOST_RULES] for line in rule)]
    return [*lines, f"  # and {counted(more, 'rule')} of this kind"] if more > 0 else lines


def rules_text(rows: Iterable[Row], *, names_hidden: bool = False) -> str:
    """The same as a text."""
    return "\n".join(rule_lines(rows, names_hidden=names_hidden))


def _grants_of(rows: Iterable[Row]) -> Iterator[tuple[str, _Grants]]:
    """The grants of these rows with the names of their roles; all actions on the same resources are one."""
    actions_of: dict[tuple[str, _Grants], dict[str, None]] = {}
    for part in (part for row in rows for part in (row.below or (row,))):
        for finding in (part.finding, *part.alike):
            grants = _grants(part.role, finding)
            place = (part.role.name, grants._replace(actions=()))
            actions_of.setdefault(place, {}).update(dict.fromkeys(grants.actions))
    for (role, grants), actions in actions_of.items():
        yield role, grants._replace(actions=tuple(actions))


def _grants(role: Role, finding: Finding) -> _Grants:
    statement = statement_of(role, finding)
    no_actions, no_resources = (key in statement for key in ("NotAction", "NotResource"))
    return _Grants(
        actions=() if no_actions else finding.actions,
        not_actions=finding.actions if no_actions else (),
        resources=() if no_resources else finding.resources,
        not_resources=finding.resources if no_resources else (),
        sid=str(statement.get("Sid") or ""),
    )


def _rules(grants: _Grants, roles: Sequence[str], names_hidden: bool) -> Iterator[list[str]]:
    """A rule; several where a selector would hold too much."""
    names = [_ACCOUNT.sub("*", role) if names_hidden else role for role in roles]
    for some_roles in _chunks(names):
        for actions in _chunks(grants.actions):
            for resources in _chunks(grants.resources):
                selectors = {
                    "role": list(map(_scalar, some_roles)),
                    "action": list(map(_scalar, actions)),
                    "not-action": list(map(_scalar, grants.not_actions)),
                    "resource": [_resource(resource, names_hidden) for resource in resources],
                    "not-resource": [_exception(text, names_hidden) for text in grants.not_resources],
                    "sid": [_scalar(grants.sid)] if grants.sid else [],
                    "reason": [_REASON],
                }
                lines = [line for key, values in selectors.items() for line in _selector(key, values)]
                yield [f"  - {lines[0].lstrip()}", *lines[1:]]


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    """The values in parts that a selector can hold; a part without any stands for no selector."""
    return [values[at : at + _MOST_VALUES] for at in range(0, len(values) or 1, _MOST_VALUES)]


def _selector(key: str, values: Sequence[str]) -> list[str]:
    if len(values) == 1:
        return [f"    {key}: {values[0]}"]
    return [f"    {key}:", *(f"      - {value}" for value in values)] if values else []


def _resource(resource: str, names_hidden: bool) -> str:
    if not names_hidden:
        return _scalar(resource)
    note = "  # hidden here: put in the name" if _HIDDEN.search(resource) else ""
    return _scalar(_ACCOUNT.sub("*", resource)) + note


def _exception(resource: str, names_hidden: bool) -> str:
    """A resource that a statement excepts. The account may not be any: that would except more."""
    is_hidden = names_hidden and (_HIDDEN.search(resource) or _ACCOUNT.search(resource))
    return _scalar(resource) + ("  # hidden here: put in the name" if is_hidden else "")


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.isascii() else json.dumps(text).replace("<", "\\u003c")
