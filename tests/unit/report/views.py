"""A scan as it is shown."""

from __future__ import annotations

from collections.abc import Collection

from scanner.gate.decide import GateDecision, GatePolicy
from scanner.report.build import report
from scanner.report.hide import hidden
from scanner.report.view import View, view_of
from scanner.request import ScanRequest
from scanner.result import ScanResult
from scanner.text.redact import NO_REDACTION, Redaction


def viewed(
    result: ScanResult,
    request: ScanRequest,
    redaction: Redaction = NO_REDACTION,
    failing_ids: Collection[str] = (),
) -> View:
    """The view of a scan. `failing_ids` are those of the findings that fail the gate."""
    failing = [finding for finding in result.findings if finding.id in failing_ids]
    decision = GateDecision("failure" if failing else "success", failing, ())
    return view_of(
        hidden(report(result, request, GatePolicy(), decision), redaction),
        names_hidden=redaction is not NO_REDACTION,
    )
