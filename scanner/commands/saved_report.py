"""The report of an earlier scan, as a command's words name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.commands import REPORT
from scanner.options.files import json_file


def report_document(path: Path) -> Any:
    """What a report.json holds; that of a folder, where one is named. Raises ScanError."""
    from scanner.input.stream import problem_of

    if path.is_dir():
        path = path / REPORT
    if problem_of(path) == "does not exist":
        where = "this folder" if path.parent == Path() else str(path.parent)
        problem = f"there is no {REPORT} in {where}" if path.name == REPORT.name else f"{path} does not exist"
        advice = "name one (or its folder), or scan first: each scan writes one"
        raise ScanError(problem, EXIT_USAGE, advice)
    return json_file(path, "--report")
