"""The report as Markdown, from a template; shortened where it must fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from scanner.iam.severity import DATA_ACCESS, SEVERITY_LEVELS
from scanner.model import Verdict
from scanner.report.view import Row, View
from scanner.text.escape import fence_for, markdown_code, markdown_text

_MOST_DANGEROUS = SEVERITY_LEVELS[: SEVERITY_LEVELS.index(DATA_ACCESS)]
_MOST_BELOW = 8  # grants of a bundle: a policy of AWS has hundreds
_ALL = 1 << 30


class Extras(NamedTuple):
    """What the place of publication adds.

    `note` and `more` (where the rest can be read) are Markdown. `place` says in plain text where a finding is
    granted, empty where that is unknown.
    """

    note: str = ""
    more: str = ""
    place: Callable[[Row], str] = lambda row: ""


def markdown(view: View, limit: int | None = None, extras: Extras | None = None) -> str:
    """Render a view, in at most `limit` characters: the most severe first, the rest is counted.

    Every text from AWS or a trace is escaped.
    """
    text = ""
    for size in _sizes():
        text = _render(view, size, extras or Extras())
        if limit is None or len(text) <= limit:
            break
    return text


class _Size(NamedTuple):
    """How much is shown: at most so many rows, suggested policies, and lines of each other part."""

    rows: int
    suggestions: int
    details: int


def _sizes() -> Iterator[_Size]:
    """From everything to nothing."""
    yield _Size(_ALL, _ALL, _ALL)
    yield _Size(_ALL, _ALL, 50)
    for suggestions in (50, 20, 10, 5, 2, 0):
        yield _Size(200, suggestions, 20)
    for rows in (100, 50, 20, 10, 5):
        yield _Size(rows, 0, 5)
    yield _Size(0, 0, 0)


def _render(view: View, size: _Size, extras: Extras) -> str:
    confirmed = min(size.rows, len(view.confirmed))
    unconfirmed = min(size.rows - confirmed, len(view.unconfirmed))
    return str(
        _template().render(
            view=view,
            rows=confirmed,
            unconfirmed_rows=unconfirmed,
            suggestions=size.suggestions,
            details=size.details,
            left_out_rows=len(view.confirmed) + len(view.unconfirmed) - confirmed - unconfirmed,
            left_out_suggestions=max(0, len(view.suggestions) - size.suggestions),
            where_more=f" ({extras.more})" if extras.more else "",
            note=extras.note,
            icon=_icon,
            claim=_claim,
            below=_below,
            place=lambda row: f" ({markdown_code(extras.place(row))})" if extras.place(row) else "",
        )
    )


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


def _claim(row: Row) -> str:
    is_code = row.finding.verdict is Verdict.BROAD and not row.below
    return markdown_code(row.claim) if is_code else markdown_text(row.claim)


def _below(row: Row) -> str:
    """The grants of a bundle, a line each."""
    more = len(row.below) - _MOST_BELOW
    return "".join(
        f"<br>{markdown_code(grant.actions)} on {markdown_code(grant.resources)}: {_claim(grant)}"
        + ("" if grant.confirmed else f" (not confirmed: {markdown_text(grant.evidence)})")
        + f" <sub>{' '.join(grant.ids)}</sub>"
        for grant in row.below[:_MOST_BELOW]
    ) + (f"<br>…and {more} more" if more > 0 else "")


def _fenced(text: str, language: str) -> str:
    fence = fence_for(text)
    return f"{fence}{language}\n{text}\n{fence}"
