"""The formats of a report, by name. Pure.

To add one: a file of this folder that makes text of a Report, an entry here, and its name in
`options.parsers.FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scanner.report.records import Report


def rendered(report: Report, name: str, code_file: str = "") -> bytes:
    """A report in a format. `code_file` is what SARIF names where the place of a finding is unknown."""
    return _RENDERERS[name](report, code_file)


def _json(report: Report, _: str) -> bytes:
    from scanner.report.schema import plain, report_bytes

    return report_bytes(plain(report)) + b"\n"


def _markdown(report: Report, _: str) -> bytes:
    from scanner.report.markdown import markdown
    from scanner.report.view import view_of

    return markdown(view_of(report)).encode()


def _html(report: Report, _: str) -> bytes:
    from scanner.report.html import html
    from scanner.report.view import view_of

    return html(report, view_of(report)).encode()


def _csv(report: Report, _: str) -> bytes:
    from scanner.report.csv import csv_text

    return csv_text(report).encode()


def _sarif(report: Report, code_file: str) -> bytes:
    from scanner.report.sarif import sarif

    return sarif(report, code_file)


_RENDERERS: Mapping[str, Callable[[Report, str], bytes]] = {
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "csv": _csv,
    "sarif": _sarif,
}
FORMATS = tuple(_RENDERERS)
"""Their names. Text is none of them: it depends on where it is shown."""
