"""The templates, and the filters that make texts harmless in them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from scanner.report.records import Location
from scanner.report.view import Group, Row
from scanner.report.view.denials import first_denials
from scanner.report.view.effects import EFFECTS, is_dangerous
from scanner.report.view.rows import is_over_days
from scanner.text.escape import fence_for, markdown_code, markdown_text, one_line

_LISTED = 3
_BLANK_LINES = re.compile(r"\n{3,}")


@cache
def template(name: str) -> Any:
    """A template of this folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701  # Markdown, escaped by the filters below
        loader=PackageLoader("scanner.report.markdown", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        code=markdown_code,
        text=markdown_text,
        fenced=_fenced,
        first_denials=first_denials,
        effect=EFFECTS.get,
        icon=icon,
        prose=prose,
        seen=seen,
        who=who,
    )
    return environment.get_template(name)


def icon(item: Row | Group) -> str:
    """How bad it is, as a coloured point; white where it is not confirmed."""
    if not item.confirmed:
        return "⚪"
    return "🔴" if is_dangerous(item.severity) else "🟠"


def who(group: Group) -> str:
    """The workloads of a group in a few words, as Markdown."""
    names = group.functions
    if len(names) <= _LISTED:
        return ", ".join(map(markdown_code, names))
    return f"{len(names):,}: {markdown_code(group.who)}"


def prose(text: str) -> str:
    """A sentence as Markdown: what it has between backticks is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return markdown_text(text)
    return "".join(
        (markdown_code if at % 2 else markdown_text)(part) for at, part in enumerate(parts) if part
    )


def seen(row: Row) -> str:
    """What was seen of a grant, and what that rests on, as Markdown."""
    claim, evidence = markdown_text(row.claim), markdown_text(row.evidence)
    if row.confirmed and row.claim == "never used":
        return f"{claim} {'for' if is_over_days(row.finding) else 'in'} {evidence}"
    return f"{claim} ({'' if row.confirmed else 'not confirmed: '}{evidence})"


def place(location: Location, url: str) -> str:
    """A place in the checkout as Markdown, linked where there is an address."""
    text = markdown_code(f"{location.path}:{location.line}")
    made_by = f", made by {markdown_text(location.made_by)}" if location.made_by else ""
    return (f"[{text}]({url})" if url else text) + made_by


def tidy(text: str) -> str:
    """Markdown without blank lines in a row."""
    return _BLANK_LINES.sub("\n\n", text).strip("\n") + "\n"


def _fenced(text: str, language: str) -> str:
    fence = fence_for(text)
    lines = "\n".join(map(one_line, text.splitlines()))
    return f"{fence}{language}\n{lines}\n{fence}"
