"""The report as Markdown, from a template."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from scanner.model import Verdict
from scanner.report.clean import fence_for, markdown_code, markdown_text
from scanner.report.view import Row, View

_MOST_DANGEROUS = ("permissions-management", "write")


def markdown(view: View) -> str:
    """Render a view. Every text from AWS or a trace is escaped."""
    return str(_template().render(view=view, icon=_icon, seen=_seen))


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701  # Markdown, escaped by the filters below
        loader=PackageLoader("scanner.report", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(code=markdown_code, fenced=_fenced, text=markdown_text)
    return environment.get_template("markdown.md.j2")


def _icon(row: Row) -> str:
    return "🔴" if row.severity in _MOST_DANGEROUS else "🟠"


def _seen(row: Row) -> str:
    return markdown_code(row.claim) if row.finding.verdict is Verdict.BROAD else row.claim


def _fenced(policy: dict[str, Any]) -> str:
    text = orjson.dumps(policy, option=orjson.OPT_INDENT_2).decode()
    fence = fence_for(text)
    return f"{fence}json\n{text}\n{fence}"
