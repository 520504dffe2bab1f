"""What a report that was filtered says of itself. Pure."""

from __future__ import annotations

from scanner.report.records import Report

FILTERED = "filtered"  # the code of the warning that a filtered report holds


def filter_notice(report: Report) -> str:
    """What is shown of a filtered report, in a line: "12 of 162 findings shown: --severity write".

    Empty for a whole report.
    """
    return next((warning.message for warning in report.scan.warnings if warning.code == FILTERED), "")
