"""The rule that turns findings into pass or fail. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from scanner.model import Finding, Verdict


def failing(findings: Iterable[Finding], fail_on: Collection[Verdict]) -> list[Finding]:
    """The findings that fail the gate: confirmed, and of a verdict that is not tolerated."""
    return [finding for finding in findings if finding.confirmed and finding.verdict in fail_on]
