"""Findings of grants that a framework writes as one: one row in the framework's words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scanner.model import BundleUse
from scanner.report.view.values import Row
from scanner.report.view.viewed import ViewedScan, listed
from scanner.verdict.bundle_use import OF_AWS


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
    if not bundle.used:
        unused = "never used" if row.confirmed else "not surely used"
        return f"{unused}; detach it" if bundle.framework == OF_AWS and row.confirmed else unused
    names = [scan.redaction.text(action.partition(":")[2]) for action in bundle.used]
    used = f"only {listed(names)} {'was' if len(names) == 1 else 'were'} used"
    return f"{used}; {_what_fits(bundle, _has_suggestion(scan, row))}"


def _what_fits(bundle: BundleUse, has_suggestion: bool) -> str:
    if bundle.framework == OF_AWS:
        return "replace by the policy below" if has_suggestion else "replace by a policy of your own"
    if bundle.smaller is None:
        return "no smaller one fits" if bundle.fits else "a policy of your own fits"
    if not bundle.unless:
        return f"{bundle.smaller} fits"
    names = [action.partition(":")[2] for action in bundle.unless]
    return f"{bundle.smaller} fits unless {listed(names)} {'is' if len(names) == 1 else 'are'} needed unseen"


def _has_suggestion(scan: ViewedScan, row: Row) -> bool:
    return any(
        role_result.role.arn == row.finding.role and role_result.suggestion is not None
        for role_result in scan.result.roles
    )
