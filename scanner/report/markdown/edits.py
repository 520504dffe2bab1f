"""What to change in a statement, in a few lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.report.view import Row, View
from scanner.report.view.values import StatementEdit

_GAP = " …"


def edits_of(view: View, rows: Sequence[Row]) -> list[StatementEdit]:
    """The edits of the statements that these rows are about, each once."""
    by_role = {suggestion.role: suggestion.edits for suggestion in view.suggestions}
    parts = [part for row in rows for part in (row.below or (row,))]
    places = dict.fromkeys((part.role.arn, part.finding.policy, part.finding.statement) for part in parts)
    edits = [
        edit
        for role, policy, statement in places
        for edit in by_role.get(role, ())
        if (edit.policy_position, edit.statement) == (policy, statement)
    ]
    # one edit of a template may be that of several statements, and of several roles
    of_templates = {(edit.template, edit.difference): edit for edit in reversed(edits) if edit.template}
    return [e for e in edits if not e.template or of_templates[e.template, e.difference] is e]


def compact(difference: str) -> list[str]:
    """The changed lines of a difference, with the key that they stand under and a line around them."""
    lines = difference.splitlines()
    kept: set[int] = set()
    for at, line in enumerate(lines):
        if line[:1] in "+-":
            kept.update({max(0, at - 1), at, min(len(lines) - 1, at + 1)}, _key_above(lines, at))
    shown: list[str] = []
    for at in range(len(lines)):
        if at in kept:
            if at - 1 not in kept and at > 0 and shown:
                shown.append(_GAP)
            shown.append(lines[at])
    return shown


def _key_above(lines: Sequence[str], at: int) -> set[int]:
    """The line above that is indented less."""
    indent = _indent(lines[at])
    above = (before for before in range(at - 1, -1, -1) if _indent(lines[before]) < indent)
    first = next(above, None)
    return set() if first is None else {first}


def _indent(line: str) -> int:
    return len(line[1:]) - len(line[1:].lstrip(" "))
