"""The difference of two texts, line by line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import unified_diff

from scanner.text.escape import one_line

MAX_COMPARED_LINES = 2_000
MAX_DIFF_LINES = 60
MAX_LINE = 300


def diff_lines(before: Sequence[str], after: Sequence[str], *, context: int = 3) -> list[str]:
    """The lines of a unified diff, from its first place on, without the names of files."""
    return list(unified_diff(before, after, n=context, lineterm=""))[2:]


def file_diff(before: str | None, after: str | None, name: str) -> str:
    """The difference of two versions of a file as a unified diff, "" where there is none.

    None is a file that is not there. What does not print is escaped, lines are cut at `MAX_LINE` characters.
    After `MAX_DIFF_LINES` lines only the number of the others follows.
    """
    if before == after:
        return ""
    old, new = _lines(before or ""), _lines(after or "")
    path = one_line(name)[:MAX_LINE]
    head = [
        "--- " + ("/dev/null" if before is None else f"a/{path}"),
        "+++ " + ("/dev/null" if after is None else f"b/{path}"),
    ]
    start, end = _common(old, new)
    changed = max(len(old), len(new)) - start - end
    if changed > MAX_COMPARED_LINES:
        return "\n".join([*head, f"too much to show: {changed:,} lines from line {start + 1:,} on"]) + "\n"
    skipped, kept = max(0, start - 3), max(0, end - 3)
    differing = diff_lines(*(lines[skipped : len(lines) - kept] for lines in (old, new)))
    body = [_moved(line, skipped) for line in differing[:MAX_DIFF_LINES]]
    if len(differing) > MAX_DIFF_LINES:
        body.append(f"and {len(differing) - MAX_DIFF_LINES:,} more lines")
    return "\n".join([*head, *body]) + "\n"


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*lines, last, "\\ No newline at end of file"] if last else lines


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines two texts share at their beginning, and of the rest at their end."""
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - start
    return start, next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)


_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def _moved(line: str, offset: int) -> str:
    """A line of a diff, in which hunks count from the beginning of the file."""
    match = _HUNK.fullmatch(line)
    if match:
        old, old_length, new, new_length = match.groups(default="")
        return f"@@ -{int(old) + offset}{old_length} +{int(new) + offset}{new_length} @@"
    line = one_line(line)
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 3] + "..."
