"""The formats of a report, by name. Pure.

To add one: a file of this folder that makes text of a Report, an entry here, and its name in
`options.parsers.FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scanner.report.records import Report

MAX_MARKDOWN = 500_000  # bytes: more is shown nowhere as a page


@dataclass(frozen=True)
class Rendering:
    """What a format takes besides the report.

    `code_file` is what SARIF names where the place of a finding is unknown. `explain` is the command for a
    finding, in which `ID` stands for its id. With `everything` Markdown is as long as it gets, else `more`
    says where the rest is.
    """

    code_file: str = ""
    explain: str = "xray-privilege-scan explain ID"
    everything: bool = False
    more: str = "in report.json"


def rendered(report: Report, name: str, how: Rendering | None = None) -> bytes:
    """A report in a format."""
    return _RENDERERS[name](report, how or Rendering())


def _json(report: Report, _: Rendering) -> bytes:
    from scanner.report.schema import plain, report_bytes

    return report_bytes(plain(report)) + b"\n"


def _markdown(report: Report, how: Rendering) -> bytes:
    from scanner.report.markdown import Extras, markdown
    from scanner.report.view import view_of

    limit = None if how.everything else MAX_MARKDOWN
    return markdown(view_of(report), limit, Extras(more=how.more)).encode()


def _html(report: Report, how: Rendering) -> bytes:
    from scanner.report.html import html
    from scanner.report.view import view_of

    return html(report, view_of(report), how.explain).encode()


def _csv(report: Report, _: Rendering) -> bytes:
    from scanner.report.csv import csv_text

    return csv_text(report).encode()


def _sarif(report: Report, how: Rendering) -> bytes:
    from scanner.report.sarif import sarif

    return sarif(report, how.code_file)


_RENDERERS: Mapping[str, Callable[[Report, Rendering], bytes]] = {
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "csv": _csv,
    "sarif": _sarif,
}
FORMATS = tuple(_RENDERERS)
"""Their names. Text is none of them: it depends on where it is shown."""
