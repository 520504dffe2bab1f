"""A source of traces that hands over nothing but aggregated rows, as a query over a log of spans does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scanner import read_traces
from scanner.aws.clients import Clients
from scanner.errors import Warnings
from scanner.model import EXCESS, Call, CallRow, Outcome, ScanWarning
from scanner.output.destination import Destination
from scanner.report.build import report as report_record
from scanner.report.files import REPORT, write_reports
from scanner.report.schema import validate
from scanner.request import ScanRequest
from scanner.result import ScanResult, nothing_read
from scanner.scan import scan
from scanner.traces.source import NOT_RETURNED, EmitOf, Origin, SkippedTraces, SourceReport

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:notes-app-api-test-delete"
DELETE = Call(
    workload=FUNCTION,
    service="DynamoDB",
    operation="DeleteItem",
    parameters=(("table_name", "notes"),),
    region="us-east-1",
    account="123456789012",
    outcome=Outcome.OK,
)
NOW = 1_795_500_000.0


class Rows:
    """A source of rows, without a trace."""

    name = "rows-of-a-query"

    def __init__(self, *rows: CallRow) -> None:
        self._rows = rows

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        emit_of(Origin())(self._rows)
        return SourceReport(SkippedTraces())


def scan_of(monkeypatch: pytest.MonkeyPatch, *rows: CallRow) -> tuple[ScanRequest, ScanResult]:
    monkeypatch.setattr(read_traces, "trace_source", lambda *_: Rows(*rows))
    iam, functions = (json.loads((EXAMPLES / name).read_text()) for name in ("iam.json", "functions.json"))
    request = ScanRequest(now=NOW, compare=True, iam=iam, documents={"lambda": functions})
    return request, scan(request, Clients(None, None))


def test_rows_alone_are_compared_and_confirm_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    request, result = scan_of(monkeypatch, CallRow(DELETE, 7, NOW - 900, NOW - 60))
    assert nothing_read(result, compare=True) is None
    (role,) = result.roles
    assert role.role.workloads == (FUNCTION,)
    excess = [(f.verdict, f.confirmed) for f in role.findings if f.verdict in EXCESS]
    assert excess == [("unused", False)]
    write_reports(
        report_record(result, request), result, request, Destination(tmp_path, "--output-dir", print)
    )
    report = json.loads((tmp_path / REPORT).read_text())
    validate("report", report)
    assert (report["scan"]["source"], report["scan"]["traces"], report["scan"]["calls"]) == (Rows.name, 0, 7)


def test_a_source_without_rows_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _, result = scan_of(monkeypatch)
    assert "no trace was found" in str(nothing_read(result, compare=True))


def test_where_no_trace_that_was_asked_for_came_the_message_is_about_their_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, result = scan_of(monkeypatch)
    result = replace(result, warnings=[ScanWarning(NOT_RETURNED, "1 trace not returned", 1)])
    message = str(nothing_read(result, compare=True))
    assert "--trace-ids" in message
    assert "--filter" not in message
