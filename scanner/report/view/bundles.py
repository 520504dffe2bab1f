"""Findings of grants that a framework writes as one: one row in the framework's words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scanner.model import BundleUse
from scanner.report.view.bundle_words import use_of_bundle
from scanner.report.view.values import Row
from scanner.report.view.viewed import ViewedScan


def in_bundles(scan: ViewedScan, rows: Sequence[Row]) -> list[Row]:
    """The rows, with those of one bundle below a row of its own, in the place of the first of them."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        finding = row.finding
        key = (finding.role, finding.policy.key, finding.bundle) if finding.bundle else finding.id
        groups.setdefault(key, []).append(row)
    return [_row_of_bundle(scan, group) for group in groups.values()]


def _row_of_bundle(scan: ViewedScan, group: Sequence[Row]) -> Row:
    first = group[0]
    bundle = first.finding.bundle
    if bundle is None:
        return first
    return replace(
        first,
        actions=scan.redaction.text(f"{bundle.framework} {bundle.name}"),
        resources=scan.resource(bundle.target),
        claim=_claim(scan, first, bundle),
        below=tuple(group),
    )


def _claim(scan: ViewedScan, row: Row, bundle: BundleUse) -> str:
    replacement = "the policy below" if _has_suggestion(scan, row) else "a policy of your own"
    return scan.redaction.text(use_of_bundle(bundle, row.confirmed, replacement))


def _has_suggestion(scan: ViewedScan, row: Row) -> bool:
    return any(
        role_result.role.arn == row.finding.role and role_result.suggestion is not None
        for role_result in scan.result.roles
    )
