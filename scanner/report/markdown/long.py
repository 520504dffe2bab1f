"""The whole report as Markdown; shortened where it must fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.report.markdown import words
from scanner.report.markdown.templates import place, template, tidy
from scanner.report.records import Location
from scanner.report.view import Group, View

_ALL = 1 << 30
_MOST_BELOW = 8  # grants of a bundle: a policy of AWS has hundreds


@dataclass(frozen=True)
class Extras:
    """What the place of publication adds.

    `note` and `more` (where the rest can be read) are Markdown. `link` gives the address of a place in the
    checkout, empty where there is none.
    """

    note: str = ""
    more: str = ""
    link: Callable[[Location], str] = field(default=lambda location: "")


def markdown(view: View, limit: int | None = None, extras: Extras | None = None) -> str:
    """Render a view, in at most `limit` bytes: the most severe first, whole groups and roles are left out.

    Every text from AWS or a trace is escaped. What is left out is counted.
    """
    text = ""
    for size in _sizes():
        text = _render(view, size, extras or Extras())
        if limit is None or len(text.encode("utf-8", "replace")) <= limit:
            break
    return text


class _Size(NamedTuple):
    """At most so many groups, findings of each, roles to change, whole policies, and lines of other parts."""

    groups: int
    findings: int
    edits: int
    policies: int
    details: int


def _sizes() -> Iterator[_Size]:
    """From everything to nothing."""
    yield _Size(_ALL, _ALL, _ALL, _ALL, _ALL)
    for policies in (200, 100, 50, 20, 0):
        yield _Size(_ALL, _ALL, _ALL, policies, 200)
    for edits in (200, 100, 50, 20, 0):
        yield _Size(_ALL, 200, edits, 0, 50)
    for groups, findings in ((200, 50), (100, 20), (50, 5), (20, 0), (5, 0)):
        yield _Size(groups, findings, 0, 0, 5)
    yield _Size(0, 0, 0, 0, 0)


def _render(view: View, size: _Size, extras: Extras) -> str:
    return tidy(
        template("report.md.j2").render(
            view=view,
            title=words.title(view),
            sub=". ".join(
                part[:1].upper() + part[1:] for part in (words.state(view), words.fine(view)) if part
            ),
            head=words.gate_lines(view),
            never=words.never_traced(view),
            since=words.since(view),
            totals=_totals(view),
            sections=_sections(view),
            size=size,
            most_below=_MOST_BELOW,
            where_more=f" ({extras.more})" if extras.more else "",
            extras=extras,
            place=lambda location: place(location, extras.link(location)),
        )
    )


def _sections(view: View) -> list[tuple[str, list[Group]]]:
    """The groups under their headings: what fails first."""
    everything = [*view.other_groups, *view.groups, *view.doubts]
    failing = [group for group in everything if group.fails]
    rest = [group for group in view.groups if not group.fails]
    doubts = [group for group in view.doubts if not group.fails]
    sections = [
        ("What fails the check", failing),
        ("What does not fail it" if failing else "What nobody used", rest),
        (words.doubts(view, 0), doubts),
        ("Nothing to do: bundles of frameworks, of which none that fits is smaller", list(view.remainders)),
    ]
    return [(heading, groups) for heading, groups in sections if groups]


def _totals(view: View) -> str:
    """The confirmed findings by severity, in a line."""
    return ", ".join(f"{number:,} {severity}" for severity, number in view.totals.by_severity.items())
