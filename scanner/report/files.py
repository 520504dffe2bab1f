"""The report files, validated before they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scanner.errors import EXIT_USAGE, ScanError
from scanner.report.build import excessive_permissions, report, workload_policies
from scanner.report.markdown import markdown
from scanner.report.schema import json_bytes, plain, validate
from scanner.report.view import View
from scanner.request import ScanRequest
from scanner.result import ScanResult

REPORT = "report.json"
EXCESSIVE = "excessive_permissions.json"


def write_reports(result: ScanResult, request: ScanRequest, folder: Path) -> list[Path]:
    """Write the JSON files of a scan and return their paths. A stale list of excess is removed.

    Raises ScanError where the folder cannot be written to.
    """
    documents: dict[str, Any] = {REPORT: plain(report(result, request)), **workload_policies(result)}
    validate("report", documents[REPORT])
    excessive = excessive_permissions(result, request) if request.compare else ()
    if excessive:
        documents[EXCESSIVE] = plain(excessive)
        validate("excessive_permissions", documents[EXCESSIVE])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (folder / name).write_bytes(json_bytes(document) + b"\n")
        if request.compare and not excessive:
            (folder / EXCESSIVE).unlink(missing_ok=True)
    except OSError as error:
        raise ScanError(f"--output-dir: {error}", EXIT_USAGE) from None
    return [folder / name for name in documents]


def write_markdown(view: View, path: Path) -> None:
    """Write the report as Markdown. Raises ScanError where that cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(markdown(view), encoding="utf-8")
    except OSError as error:
        raise ScanError(f"--markdown: {error}", EXIT_USAGE) from None
