"""The text of a fix pull request: what its edits remove, and what that rests on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from scanner.report.markdown.templates import place, template, tidy
from scanner.report.records import Location, Report
from scanner.report.view import View, view_of
from scanner.text.escape import counted

_SIZES = (40, 20, 8, 2)
_NOTES = (
    "**Test it deployed**, before the merge or right after it: a path that no test and no user took leaves "
    "no trace.",
    "**Checks** may not run by themselves, or ask for an approval, where this was made with `GITHUB_TOKEN`: "
    "approve them, or close and reopen it, or pass the token of a GitHub App.",
    "**If it is needed after all**, close this: these edits are not offered again. Later runs update this "
    "branch as long as nobody else commits to it, and close it when nothing is left.",
)


class FixedFile(NamedTuple):
    """A file with edits, and how many."""

    path: str
    edits: int


@dataclass(frozen=True)
class FixText:
    """What a pull request is about: the ids of the findings, the files, and lines on what is left out."""

    findings: Collection[str]
    files: Sequence[FixedFile]
    left: Sequence[str] = ()
    report: str = ""
    link: Callable[[Location], str] = field(default=lambda location: "")


def fix_body(report: Report, text: FixText, limit: int, *, names_hidden: bool) -> str:
    """The text in at most `limit` characters. The report holds only what may be shown."""
    view = view_of(_only(report, text.findings), names_hidden=names_hidden)
    body = ""
    for size in _SIZES:
        for evidence in (True, False):
            body = _render(view, text, size, evidence=evidence)
            if len(body) <= limit:
                return body
    return body


def _render(view: View, text: FixText, size: int, *, evidence: bool) -> str:
    edits = counted(sum(file.edits for file in text.files), "edit")
    findings = counted(len(text.findings), "finding")
    return tidy(
        template("fix.md.j2").render(
            headline=f"{edits} for {findings}.",
            view=view,
            files=text.files,
            left=text.left,
            notes=_NOTES,
            report=text.report,
            size=size,
            evidence=evidence,
            place=lambda location: place(location, text.link(location)),
        )
    )


def _only(report: Report, findings: Collection[str]) -> Report:
    """The report with these findings alone."""
    roles = tuple(
        msgspec.structs.replace(role, findings=tuple(f for f in role.findings if f.id in findings))
        for role in report.roles
    )
    return msgspec.structs.replace(report, roles=roles, gate=None)
