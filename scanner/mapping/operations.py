"""An operation of a service -> the IAM actions that it needs or may need.

The rule: the action has the operation's name. The exceptions are rows of data/operations.csv, each
with its source.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from scanner.iam import catalog
from scanner.mapping import services

Side = Literal["", "source", "destination"]

_DATE_SUFFIX = re.compile(r"_?\d{4}_?\d{2}_?\d{2}$")


class ActionNeed(NamedTuple):
    """An action that an operation needs; `side` tells which resource of a call that has two."""

    action: str
    required: bool
    side: Side = ""


class _Row(NamedTuple):
    when: str
    needs: tuple[ActionNeed, ...]


def actions_of(prefix: str, operation: str, parameters: frozenset[str]) -> tuple[ActionNeed, ...] | None:
    """The actions of an operation, given the names of its recorded parameters.

    Empty for an operation that needs no permission, None for one that cannot be mapped.
    """
    operation = _DATE_SUFFIX.sub("", operation)
    rows = _rows().get((prefix, operation.lower()), [])
    chosen = next((row for row in rows if not row.when or row.when in parameters), None)
    if chosen is not None and chosen.when:
        return chosen.needs
    # Not every SDK records the parameter that selects a row: without it the row may have been meant.
    maybe = [need._replace(required=False) for row in rows if row.when for need in row.needs]
    plain = chosen.needs if chosen is not None else _by_name(prefix, operation)
    return plain if plain is None else (*plain, *maybe)


def _by_name(prefix: str, operation: str) -> tuple[ActionNeed, ...] | None:
    if services.needs_no_permission(prefix, operation):
        return ()
    known = catalog.action(f"{prefix}:{operation}")
    if known:
        return (ActionNeed(known.name, required=True),)
    verb = services.http_verb(operation) if prefix == "apigateway" else None
    return (ActionNeed(f"apigateway:{verb}", required=True),) if verb else None


@cache
def _rows() -> dict[tuple[str, str], list[_Row]]:
    """The exceptions by prefix and lower-case operation; rows with a `when` come first."""
    rows: dict[tuple[str, str], list[_Row]] = {}
    with resources.files("scanner.mapping").joinpath("data/operations.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            needs = (
                *(_need(text, required=True) for text in line["required"].split()),
                *(_need(text, required=False) for text in line["possible"].split()),
            )
            key = (line["service"], line["operation"].lower())
            rows.setdefault(key, []).append(_Row(line["when"], needs))
    for variants in rows.values():
        variants.sort(key=lambda row: not row.when)
    return rows


def _need(text: str, *, required: bool) -> ActionNeed:
    action, _, side = text.partition("@")
    if side not in ("", "source", "destination"):
        raise ValueError(f"operations.csv: {text!r} names no side of a call")
    return ActionNeed(action, required, side)  # type: ignore[arg-type]  # checked above, not seen by mypy
