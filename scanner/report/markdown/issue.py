"""The issue of a repository: its body, made like the comment, and what a comment on it tells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scanner.report.issue_record import UNSEEN_DAYS, IssueState
from scanner.report.markdown.comment import CommentExtras, comment
from scanner.report.markdown.templates import place, template, tidy
from scanner.report.recorded import Changes, RecordedFinding, changes_of, ids_of, short_ids
from scanner.report.view import Group, Row, View
from scanner.report.view.groups import groups_of
from scanner.text.escape import counted, markdown_code

_MOST_LISTED = 10
_FOOTER = (
    "Every run brings this text up to date, and comments where something is new or fixed. The issue closes "
    "when nothing is left. Closed as <em>not planned</em> it stays closed until something new is found; "
    "closed as <em>completed</em> it opens again if a run still finds it."
)


def issue_body(view: View, limit: int, state: IssueState, extras: CommentExtras) -> str:
    """The body, in at most `limit` characters."""
    extras = replace(
        extras,
        note="\n\n".join(filter(None, (_unseen(state.unseen), extras.note))),
        changes=_changes(state),
        compared_with="the run before",
        title="" if state.seen or not state.unseen else f"⚪ {_not_seen(len(state.unseen))}",
        footer=_FOOTER,
    )
    return comment(view, limit, extras)


def _changes(state: IssueState) -> Changes | None:
    """What this run changed; where nothing is left, what was fixed last."""
    if not state.record.open:
        return changes_of(state.record)
    if not state.new and not state.fixed:
        return None
    known = len(state.seen) - len(state.new)
    return Changes(len(state.new), known, state.fixed)


def _not_seen(number: int) -> str:
    return f"{counted(number, 'finding')} that this run could not see"


def _unseen(findings: Sequence[RecordedFinding]) -> str:
    """The findings of which the scan cannot tell whether they are still there, folded."""
    if not findings:
        return ""
    lines = [f"- {_named(found)}" for found in findings[:_MOST_LISTED]]
    if len(findings) > _MOST_LISTED:
        lines.append(f"- and {len(findings) - _MOST_LISTED:,} more")
    return "\n".join(
        (
            f"<details><summary>{_not_seen(len(findings))}</summary>",
            "",
            "Their roles, or the evidence to confirm them, are not in this scan, so that they may still be "
            f"there. They are given up after {UNSEEN_DAYS} days.",
            "",
            *lines,
            "",
            "</details>",
        )
    )


def _named(found: RecordedFinding) -> str:
    """A recorded finding in a line; a record that was too long has no names."""
    what = markdown_code(found.actions) if found.actions else "a finding"
    resources = f" on {markdown_code(found.resources)}" if found.resources else ""
    return f"{what}{resources}{f' of {markdown_code(found.who)}' if found.who else ''}"


# --- the comment on it -----------------------------------------------------------------------------


def issue_news(view: View, state: IssueState, extras: CommentExtras) -> str:
    """What is new or fixed; empty where nothing is."""
    if not state.new and not state.fixed:
        return ""
    new = [_news_of(group) for group in _groups(view, state)]
    return tidy(
        template("news.md.j2").render(
            title=_news_title(state),
            new=new[:_MOST_LISTED],
            more_new=sum(number for _, number in new[_MOST_LISTED:]),
            fixed=list(map(_named, state.fixed[:_MOST_LISTED])),
            more_fixed=max(0, len(state.fixed) - _MOST_LISTED),
            left=counted(len(state.seen), "finding"),
            extras=extras,
            place=lambda location: place(location, extras.link(location)),
        )
    )


def _news_title(state: IssueState) -> str:
    parts = (
        f"{len(state.new):,} new" if state.new else "",
        f"{len(state.fixed):,} fixed" if state.fixed else "",
    )
    return ", ".join(filter(None, parts))


def _groups(view: View, state: IssueState) -> list[Group]:
    """The new findings as the body groups them; a bundle by its parts, where some of it was known."""
    new = ids_of(state.new)
    known = ids_of(state.seen) - new
    rows = []
    for whole in (*view.others, *view.confirmed, *view.unconfirmed):
        parts = whole.below if _has(whole, known) else ()
        rows += [row for row in parts or (whole,) if _has(row, new)]
    return groups_of(rows)


def _has(row: Row, ids: set[str]) -> bool:
    """Whether any of the findings of a row is among these."""
    findings = (found for part in row.below or (row,) for found in (part.finding, *part.alike))
    return any(not ids.isdisjoint(short_ids(found)) for found in findings)


def _news_of(group: Group) -> tuple[Group, int]:
    """A group, and how many findings it stands for."""
    return group, sum(len(part.ids) for row in group.rows for part in row.decided)
