"""Edits as whole lines, as a review suggests them: those that go, and those in their place. Pure.

Lines end with a line feed alone, as git has them, and are numbered from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scanner.fix.files import ChangedFile
from scanner.report.records import Fix
from scanner.text.patch import Change, changed

_CONTEXT = 3
_NEAR = 1  # lines that stay between two edits that are one


@dataclass(frozen=True)
class LineEdit:
    """Lines of a file and what is to stand in their place. `fixes` are the edits that it comes of."""

    first: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    fixes: tuple[Fix, ...]

    @property
    def end(self) -> int:
        """The number of the first line behind it."""
        return self.first + len(self.before)


def lines_of(content: bytes) -> list[bytes]:
    """The lines of a file without their line feeds."""
    lines = content.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def line_edits(file: ChangedFile) -> list[LineEdit]:
    """The edits of a file, those that share lines as one."""
    edits = (_edit(file.before, changes, fixes) for changes, fixes in _by_lines(file))
    return [edit for edit in edits if edit is not None and edit.before]


def _by_lines(file: ChangedFile) -> Iterator[tuple[list[Change], list[Fix]]]:
    """Changes of the same lines together. Both are in order."""
    content, end = file.before, 0
    changes: list[Change] = []
    fixes: list[Fix] = []
    for change, fix in zip(file.changes, file.fixes, strict=True):
        if changes and _start_of_line(content, change.start) >= end:
            yield changes, fixes
            changes, fixes = [], []
        changes.append(change)
        fixes.append(fix)
        end = _end_of_line(content, change)
    if changes:
        yield changes, fixes


def _start_of_line(content: bytes, place: int) -> int:
    return content.rfind(b"\n", 0, place) + 1


def _end_of_line(content: bytes, change: Change) -> int:
    """Where the last line of a change ends: the next one's where the two become one."""
    is_whole = change.end and content[change.end - 1 : change.end] == b"\n"
    starts_line = change.start == _start_of_line(content, change.start)
    stays_apart = change.replacement.endswith(b"\n") or (starts_line and not change.replacement)
    if is_whole and stays_apart:
        return change.end
    end = content.find(b"\n", change.end)
    return len(content) if end < 0 else end + 1


def _edit(content: bytes, changes: Sequence[Change], fixes: Sequence[Fix]) -> LineEdit | None:
    """The lines that differ; None where none does."""
    start, end = _start_of_line(content, changes[0].start), _end_of_line(content, changes[-1])
    moved = [Change(c.start - start, c.end - start, c.replacement) for c in changes]
    old = lines_of(content[start:end])
    new = lines_of(changed(content[start:end], moved))
    first = content.count(b"\n", 0, start) + 1
    while old and new and old[0] == new[0]:
        old, new, first = old[1:], new[1:], first + 1
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return LineEdit(first, tuple(old), tuple(new), tuple(fixes)) if old or new else None


def moved(edit: LineEdit, lines: Sequence[bytes], others: Sequence[bytes]) -> LineEdit | None:
    """The edit in another version of the file; None unless its lines stand there, and nowhere twice.

    They are found with the lines around them, which must be the same.
    """
    start = max(0, edit.first - 1 - _CONTEXT)
    window = lines[start : edit.end - 1 + _CONTEXT]
    here, there = (list(_places(window, its)) for its in (lines, others))
    if len(here) != 1 or len(there) != 1:
        return None
    return LineEdit(edit.first + there[0] - here[0], edit.before, edit.after, edit.fixes)


def _places(window: Sequence[bytes], lines: Sequence[bytes]) -> Iterator[int]:
    first, *others = window
    for place in range(len(lines) - len(others)):
        if lines[place] == first and list(lines[place + 1 : place + 1 + len(others)]) == others:
            yield place


def occurrence(edit: LineEdit, lines: Sequence[bytes]) -> int:
    """How often the lines of an edit stand in the file before it: what tells equal edits apart."""
    return sum(place < edit.first - 1 for place in _places(edit.before, lines))


def merged(edits: Iterable[LineEdit], lines: Sequence[bytes]) -> list[LineEdit]:
    """The edits of a file, those next to each other as one, with the line that stays between them.

    So each of those that are left can take a line beside it.
    """
    near: list[list[LineEdit]] = []
    for edit in sorted(edits, key=lambda edit: edit.first):
        if near and edit.first - near[-1][-1].end <= _NEAR:
            near[-1].append(edit)
        else:
            near.append([edit])
    return [_as_one(its, lines) for its in near]


def _as_one(edits: Sequence[LineEdit], lines: Sequence[bytes]) -> LineEdit:
    before, after = list(edits[0].before), list(edits[0].after)
    for one, other in pairwise(edits):
        between = lines[one.end - 1 : other.first - 1]
        before += [*between, *other.before]
        after += [*between, *other.after]
    fixes = tuple(dict.fromkeys(fix for edit in edits for fix in edit.fixes))
    return LineEdit(edits[0].first, tuple(before), tuple(after), fixes)


def not_empty(
    edit: LineEdit, lines: Sequence[bytes], may_take: Callable[[LineEdit], bool]
) -> LineEdit | None:
    """The edit with lines in the place of those that go: one beside it is taken along where none is left.

    None where neither of those beside it may be taken.
    """
    if edit.after:
        return edit
    candidates = []
    if edit.first > 1:
        line = lines[edit.first - 2]
        candidates.append(LineEdit(edit.first - 1, (line, *edit.before), (line,), edit.fixes))
    if edit.end <= len(lines):
        line = lines[edit.end - 1]
        candidates.append(LineEdit(edit.first, (*edit.before, line), (line,), edit.fixes))
    return next(filter(may_take, candidates), None)


def applied(lines: Sequence[bytes], edits: Sequence[LineEdit], *, ends: bool = True) -> bytes:
    """A file with edits, which are in order and disjoint; `ends`: with a line feed at its end."""
    left, place = list[bytes](), 0
    for edit in edits:
        left += [*lines[place : edit.first - 1], *edit.after]
        place = edit.end - 1
    return b"\n".join([*left, *lines[place:]]) + (b"\n" if ends else b"")
