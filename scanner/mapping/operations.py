"""An operation of a service -> the IAM actions that it needs or may need.

The rule: the action has the operation's name. The exceptions are rows of data/operations.csv, each
with its source.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple

from scanner.iam import catalog
from scanner.mapping import services
from scanner.text.tables import rows

Side = Literal["", "source", "destination"]

_DATE_SUFFIX = re.compile(r"_?\d{4}_?\d{2}_?\d{2}$")


class ActionNeed(NamedTuple):
    """An action that an operation needs; `side` is the resource meant, of a call that has two."""

    action: str
    required: bool
    side: Side = ""


class _Exception(NamedTuple):
    """What an operation needs, where the name of its action is another, or is not all.

    `when` is the parameter without which the exception does not hold, empty for none.
    """

    when: str
    needs: tuple[ActionNeed, ...]


def actions_of(prefix: str, operation: str, parameters: frozenset[str]) -> tuple[ActionNeed, ...] | None:
    """The actions of an operation, given the names of its recorded parameters.

    Empty for an operation that needs no permission, None for one that cannot be mapped.
    """
    operation = _DATE_SUFFIX.sub("", operation)
    exceptions = _exceptions().get((prefix, operation.lower()), [])
    chosen = next((e for e in exceptions if not e.when or e.when in parameters), None)
    if chosen is not None and chosen.when:
        return chosen.needs
    # Not every SDK records the parameter that selects an exception: without it the exception may hold.
    possible = [need._replace(required=False) for e in exceptions if e.when for need in e.needs]
    plain = chosen.needs if chosen is not None else _by_name(prefix, operation)
    return plain if plain is None else (*plain, *possible)


def _by_name(prefix: str, operation: str) -> tuple[ActionNeed, ...] | None:
    action = catalog.action(f"{prefix}:{operation}")
    if services.needs_no_permission(prefix, operation):
        # An action of that name is not needed, and "never used" would be false of it all the same.
        return (ActionNeed(action.name, required=False),) if action else ()
    if action:
        return (ActionNeed(action.name, required=True),)
    verb = services.http_verb(operation) if prefix == "apigateway" else None
    return (ActionNeed(f"apigateway:{verb}", required=True),) if verb else None


@cache
def _exceptions() -> dict[tuple[str, str], list[_Exception]]:
    """The exceptions by prefix and lower-case operation; those with a `when` come first."""
    exceptions: dict[tuple[str, str], list[_Exception]] = {}
    for row in rows("mapping", "operations"):
        needs = (
            *(_need(text, required=True) for text in row["required"].split()),
            *(_need(text, required=False) for text in row["possible"].split()),
        )
        key = (row["service"], row["operation"].lower())
        exceptions.setdefault(key, []).append(_Exception(row["when"], needs))
    for variants in exceptions.values():
        variants.sort(key=lambda exception: not exception.when)
    return exceptions


def _need(text: str, *, required: bool) -> ActionNeed:
    action, _, side = text.partition("@")
    if side not in ("", "source", "destination"):
        raise ValueError(f"operations.csv: {text!r} names no side of a call")
    return ActionNeed(action, required, side)  # type: ignore[arg-type]  # checked above, not seen by mypy
