"""Tables of what platforms need of a role, by feature of a workload's configuration: data/KIND.csv. Pure.

A feature is on, or off, or unknown: then the actions of its rows are not decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.model import PlatformNeeds, UnknownNeed
from scanner.text.tables import rows

ALL = "*"


class Feature(NamedTuple):
    """A feature that is on, and what the placeholders of its rows stand for."""

    name: str
    values: tuple[tuple[str, str], ...] = ()


class Gap(NamedTuple):
    """An unknown feature, why, and what is known for the placeholders of its rows."""

    feature: str
    cause: str
    values: tuple[tuple[str, str], ...] = ()


class Row(NamedTuple):
    """A row of a table: `kind` is what the action is where the feature is unknown."""

    action: str
    resource: str
    kind: str
    why: str


class Remedies(NamedTuple):
    """Why features of a table are unknown, and what would tell: by cause, as (cause, words) pairs."""

    by_cause: tuple[tuple[str, str], ...]


@cache
def rows_of(table: str) -> Mapping[str, tuple[Row, ...]]:
    """The rows of a table by feature."""
    by_feature: dict[str, list[Row]] = {}
    for row in rows("workloads", table):
        parsed = Row(
            action=row["action"].lower(), resource=row["resource"], kind=row["unread"], why=row["why"]
        )
        by_feature.setdefault(row["feature"], []).append(parsed)
    return {feature: tuple(of_feature) for feature, of_feature in by_feature.items()}


@cache
def features_of(table: str, reading: str) -> tuple[str, ...]:
    """The features that a reading decides, in the order of the table."""
    decided = (row["feature"] for row in rows("workloads", table) if row["reading"] == reading)
    return tuple(dict.fromkeys(decided))


@cache
def only_platform(table: str) -> frozenset[str]:
    """The actions (lower case) that code does not call: the platform alone uses them."""
    return frozenset(
        row["action"].lower() for row in rows("workloads", table) if row["only_platform"] == "yes"
    )


def required_needs(table: str, on: Iterable[Feature]) -> tuple[tuple[str, str], ...]:
    """What the features that are on need: (action, resource pattern) pairs."""
    return tuple(
        dict.fromkeys(
            (row.action, filled(row.resource, dict(feature.values)))
            for feature in on
            for row in rows_of(table).get(feature.name, ())
        )
    )


@lru_cache(maxsize=1 << 12)  # most workloads of an account have the same gaps
def unknown_needs(table: str, gaps: frozenset[Gap], remedies: Remedies) -> tuple[UnknownNeed, ...]:
    """What the features that are unknown may need."""
    words = dict(remedies.by_cause)
    return tuple(
        UnknownNeed(
            action=row.action,
            resource=filled(row.resource, dict(gap.values)),
            kind=row.kind,
            why=f"{row.why}: {words[gap.cause]}",
            feature=gap.feature,
            cause=gap.cause,
        )
        for gap in sorted(gaps)
        for row in rows_of(table).get(gap.feature, ())
    )


def needs_of(table: str, on: Iterable[Feature], gaps: Iterable[Gap], remedies: Remedies) -> PlatformNeeds:
    """What a platform needs: what is on, and what is unknown."""
    return PlatformNeeds(
        required_needs(table, on), unknown_needs(table, frozenset(gaps), remedies), only_platform(table)
    )


def union_of_needs(parts: Iterable[PlatformNeeds]) -> PlatformNeeds:
    """What a platform needs to run several configurations of a workload side by side."""
    parts = tuple(parts)
    return PlatformNeeds(
        tuple(dict.fromkeys(need for part in parts for need in part.required)),
        tuple(dict.fromkeys(need for part in parts for need in part.unknown)),
        frozenset.intersection(*(part.decided for part in parts)),
    )


def unread_needs(table: str, cause: str, remedies: Remedies) -> PlatformNeeds:
    """What a platform may need of a workload of which nothing was read."""
    gaps = frozenset(Gap(feature, cause) for feature in rows_of(table))
    return PlatformNeeds(unknown=unknown_needs(table, gaps, remedies))


def filled(template: str, values: Mapping[str, str]) -> str:
    """A row's resource; where part of it is not known, anything."""
    try:
        return template.format_map(values)
    except KeyError:
        return ALL
