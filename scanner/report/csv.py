"""The findings as CSV: a finding a line, harmless in spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from scanner.report.records import Report
from scanner.report.view.rows import all_but, rows_of
from scanner.report.view.values import Row
from scanner.report.view.viewed import ViewedReport, bundle_of, statement_of
from scanner.text.escape import one_line

# owasp.org/www-community/attacks/CSV_Injection. Where lists are separated by semicolons, so are cells.
_FORMULA = re.compile("(^|;)(\\s*)([=+\\-@\t\r＝＋－＠])")  # noqa: RUF001  # full-width signs count too


def csv_text(report: Report) -> str:
    """The findings in the order of all outputs, after a line with the names of the columns.

    Findings are what rows show: excess, confirmed or not, accepted or not; what traces cannot show; what has
    no effect.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    viewed = ViewedReport(report)
    for row in rows_of(viewed):
        writer.writerow([cell(column(row, viewed)) for column in COLUMNS.values()])
    return text.getvalue()


def cell(text: str) -> str:
    """A text as no spreadsheet takes it for a formula: an apostrophe before the sign that makes it one."""
    return one_line(_FORMULA.sub(r"\1'\2\3", text))


def _together(texts: Iterable[str]) -> str:
    return "; ".join(texts)


def _but(key: str, row: Row) -> str:
    return all_but(key, row.role, row.finding)


def _accepted(row: Row, _: ViewedReport) -> str:
    if row.finding.accepted_reason is not None:
        return f"rule: {row.finding.accepted_reason}"
    return "baseline" if row.finding.in_baseline else ""


def _used(row: Row, _: ViewedReport) -> str:
    used = (row.role.used[position] for position in row.finding.used)
    return _together(f"{permission.action} on {permission.resource}" for permission in used)


def _bundle(row: Row, _: ViewedReport) -> str:
    bundle = bundle_of(row.role, row.finding)
    return f"{bundle.framework} {bundle.name}" if bundle else ""


def _policy(row: Row, _: ViewedReport) -> str:
    return row.role.policies[row.finding.policy].name


def _statement(row: Row, _: ViewedReport) -> str:
    return str(statement_of(row.role, row.finding).get("Sid") or row.finding.statement)


def _file(row: Row, _: ViewedReport) -> str:
    return row.finding.location.path if row.finding.location else ""


def _line(row: Row, _: ViewedReport) -> str:
    return str(row.finding.location.line) if row.finding.location else ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


COLUMNS: Final[Mapping[str, Callable[[Row, ViewedReport], str]]] = {
    "id": lambda row, _: row.finding.id,
    "verdict": lambda row, _: row.finding.verdict,
    "confirmed": lambda row, _: _yes(row.confirmed),
    "severity": lambda row, _: row.severity,
    "breadth": lambda row, _: row.finding.breadth,
    "fails": lambda row, _: _yes(row.fails),
    "accepted": _accepted,
    "workloads": lambda row, viewed: _together(viewed.names(row.role)),
    "role": lambda row, _: row.role.arn,
    "policy": _policy,
    "statement": _statement,
    "actions": lambda row, _: _but("NotAction", row) + _together(row.finding.actions),
    "resources": lambda row, _: _but("NotResource", row) + _together(row.finding.resources),
    "seen": lambda row, _: row.claim,
    "used": _used,
    "reasons": lambda row, _: _together(row.finding.reasons),
    "traces": lambda row, _: str(row.finding.traces),
    "observed_days": lambda row, _: str(row.finding.observed.days),
    "bundle": _bundle,
    "file": _file,
    "line": _line,
}
"""The columns, in their order: docs/report.md says what they hold."""
