"""Rows that look the same once names are hidden: one row with the ids of all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from scanner.report.view.values import AllowedCalls, DeniedCalls, Row


def merged_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows, those that look the same as one, in the place of the first of them."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(_looks(row), []).append(row)
    return [_merged(group) for group in groups.values()]


def _looks(row: Row) -> tuple[object, ...]:
    finding = row.finding
    below = tuple(map(_looks, row.below))
    texts = (row.who, row.actions, row.resources, row.claim, row.severity, row.evidence, row.confirmed)
    return (*texts, finding.verdict, finding.location, finding.location_note, below)


def own_resources(row: Row) -> str:
    """The resources of a row, without how many findings look the same."""
    return row.resources.removesuffix(_number(1 + len(row.alike)))


def _number(findings: int) -> str:
    return f" ({findings:,} findings that look the same)"


def _merged(group: Sequence[Row]) -> Row:
    first, *others = group
    if not others:
        return first
    below = tuple(
        _merged([row, *(other.below[at] for other in others)]) for at, row in enumerate(first.below)
    )
    return replace(
        first,
        resources=first.resources + _number(len(group)),
        alike=tuple(row.finding for row in others),
        fails=any(row.fails for row in group),
        below=below,
    )


_Calls = TypeVar("_Calls", DeniedCalls, AllowedCalls)


def merged_calls(calls: Iterable[_Calls]) -> list[_Calls]:
    """The calls, those that look the same as one, with the sum of their counts."""
    sums: dict[_Calls, int] = {}
    for call in calls:
        key = replace(call, count=0)
        sums[key] = sums.get(key, 0) + call.count
    return [replace(key, count=count) for key, count in sums.items()]
