"""The comment of a pull request: what is wrong, where, and what to change, in a few lines. Pure.

At most `MAX_LINES` lines stand before the first part that is folded. Up to `MOST_OPEN` findings are shown
with their changes, more as a table of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.gate.config import CONFIG_PATH
from scanner.report.markdown import words
from scanner.report.markdown.edits import compact, edits_of
from scanner.report.markdown.templates import place, template, tidy
from scanner.report.recorded import Changes
from scanner.report.records import Location
from scanner.report.view import Group, Row, View
from scanner.report.view.accept_rule import rules_text
from scanner.text.escape import markdown_text

MAX_LINES = 15
MOST_OPEN = 3
_FENCES = 2
_HEAD_OF_TABLE = 2
_MOST_FIXED = 10


@dataclass(frozen=True)
class CommentExtras:
    """What the place of publication adds.

    `note` and `footer` are Markdown. `report` is the address of the full report. `link` gives the address of
    a place in the checkout, empty where there is none. `changes` are those since `compared_with`. `title`
    takes the place of the headline.
    """

    note: str = ""
    report: str = ""
    link: Callable[[Location], str] = field(default=lambda location: "")
    changes: Changes | None = None
    compared_with: str = "the last comment"
    title: str = ""
    footer: str = ""


def comment(view: View, limit: int, extras: CommentExtras | None = None) -> str:
    """Render a view in at most `limit` characters; whole groups are left out, and counted."""
    text = ""
    content = _Content.of(view)
    for size in _sizes():
        text = _render(view, content, size, extras or CommentExtras())
        if len(text) <= limit:
            break
    return text


class _Size(NamedTuple):
    """At most so many groups in each folded table, suggested policies, lines of other parts.

    `rules` is how many characters the rules of all groups may take.
    """

    groups: int
    policies: int
    details: int
    rules: int


def _sizes() -> Iterator[_Size]:
    yield _Size(40, 3, 20, 35_000)
    for policies in (3, 1, 0):
        yield _Size(40, policies, 20, 20_000)
    yield _Size(20, 0, 10, 5_000)
    yield _Size(8, 0, 5, 1_000)
    yield _Size(0, 0, 0, 0)


@dataclass(frozen=True)
class _Content:
    """What stands before the folds, and what in them: `first` fails where anything does."""

    first: Sequence[Group]
    rest: Sequence[Group]
    doubts: Sequence[Group]

    @classmethod
    def of(cls, view: View) -> _Content:
        everything = [*view.other_groups, *view.groups, *view.doubts]
        failing = [group for group in everything if group.fails]
        return cls(
            first=failing or view.groups,
            rest=[group for group in view.groups if not group.fails] if failing else [],
            doubts=[group for group in view.doubts if not group.fails],
        )

    @property
    def open_rows(self) -> list[Row]:
        """The rows that are shown with their changes; none where there are too many."""
        rows = [row for group in self.first for row in group.rows]
        return rows if len(rows) <= MOST_OPEN else []


def _render(view: View, content: _Content, size: _Size, extras: CommentExtras) -> str:
    rows = content.open_rows
    head = words.gate_lines(view)
    never = words.never_traced(view)
    # the title, the line below it, and what follows
    since = words.since(view)
    left = MAX_LINES - 2 - len(head) - bool(never) - bool(since) - bool(extras.note)
    edits = edits_of(view, rows)
    diff = _diff(view, rows, left - len(rows))
    groups = [] if rows else content.first[: max(0, left - _HEAD_OF_TABLE - 1)]
    group_rules = [] if rows else _group_rules(view, content.first, size.rules)
    policies = [s for s in view.suggestions if s.role in {row.role.arn for row in rows}]
    fixed = extras.changes.fixed if extras.changes else ()
    if len(fixed) == 1 and words.is_fixed(view, extras.changes):
        fixed = ()  # the title says it
    return tidy(
        template("comment.md.j2").render(
            view=view,
            title=extras.title or words.title(view, extras.changes),
            sub=_sub(view, extras.changes),
            head=head,
            never=never,
            since=since,
            rows=rows,
            who_is_known=words.is_about_one(view),
            diff="\n".join(diff),
            edits=[] if diff else edits,
            groups=groups,
            folded=content.first[len(groups) :] if not rows else [],
            rest=content.rest,
            doubts=content.doubts,
            doubts_title=words.doubts(view, _shown_doubts(content)),
            policies=policies[: size.policies],
            rule=rules_text(rows, names_hidden=view.names_hidden) if rows else "",
            group_rules=group_rules,
            more_rules=0 if rows else len(content.first) - len(group_rules),
            config=CONFIG_PATH,
            calls_title=words.calls(view),
            fixed=fixed[:_MOST_FIXED],
            more_fixed=max(0, len(fixed) - _MOST_FIXED),
            size=size,
            extras=extras,
            place=lambda location: place(location, extras.link(location)),
        )
    )


def _group_rules(view: View, groups: Iterable[Group], room: int) -> list[tuple[Group, str]]:
    """What accepts each of these groups; without those for which there is no room."""
    rules = []
    for group in groups:
        text = rules_text(group.rows, names_hidden=view.names_hidden)
        if len(text) <= room:
            room -= len(text)
            rules.append((group, text))
    return rules


def _sub(view: View, changes: Changes | None) -> str:
    """The line below the title."""
    if words.is_fixed(view, changes):
        return markdown_text(view.headline)
    text = " · ".join(filter(None, (words.state(view), words.fine(view))))
    return text[:1].upper() + text[1:]


def _shown_doubts(content: _Content) -> int:
    """How many findings that are not confirmed fail the gate, and so stand with those that do."""
    failing = (group for group in content.first if not group.confirmed)
    return sum(len(row.below) or 1 for group in failing for row in group.rows)


def _diff(view: View, rows: Sequence[Row], lines: int) -> list[str]:
    """The changes of these rows, where all of them fit into so many lines."""
    changed = [line for edit in edits_of(view, rows) for line in compact(edit.difference)]
    return changed if len(changed) + _FENCES <= lines else []
