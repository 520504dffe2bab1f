"""A scan, arranged for reading. Pure."""

from __future__ import annotations

from collections.abc import Collection

from scanner.model import EXCESS, Verdict
from scanner.report.view import parts
from scanner.report.view.bundles import in_bundles
from scanner.report.view.headline import facts, headline
from scanner.report.view.merged import merged_calls, merged_rows
from scanner.report.view.rows import rows_of
from scanner.report.view.values import View
from scanner.report.view.viewed import ViewedScan
from scanner.request import ScanRequest
from scanner.result import ScanResult
from scanner.text.redact import NO_REDACTION, Redaction


def view_of(
    result: ScanResult,
    request: ScanRequest,
    redaction: Redaction = NO_REDACTION,
    failing_ids: Collection[str] = (),
) -> View:
    """Everything that is shown of a scan: the worst first.

    `redaction` masks what must not be shown. `failing_ids` are the ids of the findings that fail the gate.
    """
    scan = ViewedScan(result, request, redaction)
    all_rows = rows_of(scan)
    rows = [row for row in all_rows if not row.finding.accepted]
    excess = [row for row in rows if row.finding.verdict in EXCESS]
    shown = in_bundles(scan, excess)
    rest = [row for row in rows if row.finding.verdict not in EXCESS]
    passing = [row for row in rest if row.finding.id not in failing_ids]
    return View(
        headline=headline(scan),
        facts=facts(result),
        others=merged_rows([row for row in rest if row.finding.id in failing_ids], redaction),
        confirmed=merged_rows([row for row in shown if row.confirmed], redaction),
        unconfirmed=merged_rows([row for row in shown if not row.confirmed], redaction),
        reasons=parts.reasons(excess),
        suggestions=parts.suggestions(scan, excess),
        unobservable=merged_rows(
            [row for row in passing if row.finding.verdict is Verdict.UNOBSERVABLE], redaction
        ),
        ineffective=parts.ineffective_grants(rows),
        traced_shares=parts.traced_shares(scan),
        accepted=merged_rows([row for row in all_rows if row.finding.accepted], redaction),
        accepted_facts=parts.accepted_facts(scan),
        redundant_grants=parts.redundant_grants(scan),
        dangers=parts.dangers(excess),
        workloads=parts.workload_counts(scan),
        denied=merged_calls(parts.denied_calls(scan)),
        allowed_elsewhere=merged_calls(parts.allowed_elsewhere(scan)),
        policies_for_denied=parts.policies_for_denied(scan),
        unmapped=parts.unmapped_calls(scan),
        warnings=parts.warnings(scan),
    )
