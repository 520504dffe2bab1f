"""What is told of a report: nothing where nothing changed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from scanner.report.records import Report
from scanner.report.view import View, view_of
from scanner.report.view.history import change_of
from scanner.report.view.values import Change

Conclusion = Literal["success", "neutral", "failure"]


@dataclass(frozen=True)
class Section:
    """Findings under a heading, the worst first. `kind` is for programs."""

    kind: Literal["new", "fixed", "open"]
    heading: str
    changes: Sequence[Change]

    @property
    def number(self) -> int:
        """How many findings these are."""
        return sum(change.number for change in self.changes)


@dataclass(frozen=True)
class Notice:
    """What is told. `id` is the same whenever the same is told again.

    `title` and `summary` are lines for people. `conclusion` is what the gate says, None where nobody asks it;
    `time` the end of the scanned time, `previous` when the last run was. `link` leads to the run, empty
    where it is not known. `name` is the part of the title that is a name, empty without one.
    """

    id: str
    title: str
    summary: str
    conclusion: Conclusion | None
    sections: Sequence[Section]
    facts: str
    time: str | None
    previous: str | None
    still_open: int
    confirmed: int
    unconfirmed: int
    failing: int
    link: str = ""
    name: str = ""


def notice_of(report: Report, link: str = "", *, names_hidden: bool = False) -> Notice | None:
    """What is told of a report; None where nothing is new or fixed. The report holds what may be shown.

    Where nothing is remembered, or there was no run before, it is what a run has found.
    """
    view = view_of(report, names_hidden=names_hidden)
    sections = _sections(view)
    if not sections:
        return None
    gate, history = report.gate, report.history
    return Notice(
        id=_id(report, sections),
        title=view.headline,
        summary=_summary(view),
        conclusion=gate.conclusion if gate and gate.fail_on else None,
        sections=sections,
        facts=view.facts,
        time=report.scan.end,
        previous=history.previous if history else None,
        still_open=len(history.still_open) if history else 0,
        confirmed=view.totals.confirmed,
        unconfirmed=view.totals.unconfirmed,
        failing=len(gate.failing) if gate else 0,
        link=link,
        name=_name(view),
    )


def _name(view: View) -> str:
    name = view.confirmed[0].who if view.confirmed else ""
    return name if name and f" {name}" in view.headline else ""


def _sections(view: View) -> list[Section]:
    since = view.since
    if since is None or not since.previous:
        sections = [Section("open", "Open", list(_open(view)))]
    else:
        sections = [Section("new", "New", since.new), Section("fixed", "Fixed", since.fixed)]
    return [section for section in sections if section.changes]


def _open(view: View) -> Iterator[Change]:
    """What fails, and what is confirmed: each finding once, a bundle as one."""
    failing = [row for row in view.unconfirmed if row.fails]
    for row in (*view.others, *view.confirmed, *failing):
        yield change_of(row)


def _summary(view: View) -> str:
    return view.since.dated_text if view.since else ""


def _id(report: Report, sections: Sequence[Section]) -> str:
    told = [report.scan.end or "", *(f"{s.kind} {change.id}" for s in sections for change in s.changes)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
