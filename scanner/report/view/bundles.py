"""Findings of grants that a framework writes as one: one row in the framework's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.report.view.bundle_words import use_of_bundle
from scanner.report.view.values import Row
from scanner.report.view.viewed import bundle_of, short


def in_bundles(rows: Iterable[Row]) -> list[Row]:
    """The rows, with those of one bundle below a row of its own, in the place of the first of them."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        finding = row.finding
        is_part = finding.bundle is not None
        key = (row.role.arn, finding.policy, finding.bundle) if is_part else finding.id
        groups.setdefault(key, []).append(row)
    return [_row_of_bundle(group) for group in groups.values()]


def _row_of_bundle(group: Sequence[Row]) -> Row:
    first = group[0]
    bundle = bundle_of(first.role, first.finding)
    if bundle is None:
        return first
    return replace(
        first,
        actions=f"{bundle.framework} {bundle.name}",
        resources=short(bundle.target),
        claim=use_of_bundle(bundle, first.confirmed, _replacement(first)),
        fails=any(row.fails for row in group),
        below=tuple(group),
    )


def _replacement(row: Row) -> str:
    return "the suggested policy" if row.role.suggested_policy else "a policy of your own"
