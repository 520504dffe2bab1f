"""A parsed report.json -> its records. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from scanner.errors import EXIT_USAGE, ScanError
from scanner.report.records import SCHEMA_VERSION, Report
from scanner.report.upgrade import FIRST_VERSION, upgraded, with_ids


def report_of(document: Any) -> Report:
    """A parsed report.json as a record; keys that this version does not know are passed over.

    Raises ScanError where the document is something else, or was written by a later version.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version not in (FIRST_VERSION, SCHEMA_VERSION):
        raise ScanError(
            f"the report was written by another version: its `schema_version` is {version}, and this version "
            f"reads {FIRST_VERSION} and {SCHEMA_VERSION}",
            EXIT_USAGE,
        )
    try:
        current = upgraded(document) if version == FIRST_VERSION else document
        return _checked(msgspec.convert(with_ids(current), Report))
    except (msgspec.ValidationError, KeyError, IndexError, TypeError, AttributeError) as error:
        problem = str(error).replace("\n", " ")[:200]
        raise ScanError(
            f"this is no report.json, or was written by another version: {problem}", EXIT_USAGE
        ) from None


def _checked(report: Report) -> Report:
    """The report, whose positions all name something. Raises IndexError."""
    for role in report.roles:
        for finding in role.findings:
            _check(finding.statement, len(role.policies[finding.policy].statements), "statement")
            for place in finding.also_granted_by:
                _check(place.statement, len(role.policies[place.policy].statements), "statement")
            for position in finding.used:
                _check(position, len(role.used), "used")
            for position in finding.fixes:
                _check(position, len(report.fixes), "fixes")
            if finding.bundle is not None:
                _check(finding.bundle, len(role.bundles), "bundle")
        for change in role.changes:
            _check(change.statement, len(role.policies[change.policy].statements), "statement")
    return report


def _check(position: int, length: int, key: str) -> None:
    if position >= length:
        raise IndexError(f"`{key}` names position {position} of {length}")
