"""Edits as whole lines: the same file comes of them, whatever bytes they cut."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.fix.files import ChangedFile
from scanner.fix.line_edits import (
    LineEdit,
    applied,
    line_edits,
    lines_of,
    merged,
    moved,
    not_empty,
    occurrence,
)
from scanner.report.records import Fix
from scanner.text.patch import Change, changed
from tests.examples import examples


def fix(start: int) -> Fix:
    return Fix(
        path="a.yml",
        start=start,
        end=start,
        line=1,
        end_line=1,
        before="",
        replacement="",
        digest="",
        findings=(str(start),),
        disposition="safe",
        why="",
        diff=(),
    )


def file_of(content: bytes, *changes: Change) -> ChangedFile:
    return ChangedFile("a.yml", content, changes, tuple(fix(change.start) for change in changes))


def cut(content: bytes, *parts: bytes) -> ChangedFile:
    """A file of which parts go, each of which is there once."""
    found = sorted((content.index(part), len(part)) for part in parts)
    return file_of(content, *(Change(start, start + length, b"") for start, length in found))


def edits_of(content: bytes, *parts: bytes) -> list[tuple[int, tuple[bytes, ...], tuple[bytes, ...]]]:
    return [(e.first, e.before, e.after) for e in line_edits(cut(content, *parts))]


TEXT = b"a:\n  - one\n  - two\n  - three\nb: [x, y, z]\n"


@pytest.mark.parametrize(
    ("parts", "edits"),
    [
        ((b"  - two\n",), [(3, (b"  - two",), ())]),
        ((b"\n  - two",), [(3, (b"  - two",), ())]),
        ((b"x, ",), [(5, (b"b: [x, y, z]",), (b"b: [y, z]",))]),
        ((b"x, ", b"y, "), [(5, (b"b: [x, y, z]",), (b"b: [z]",))]),
        ((b"  - one\n", b"  - three\n"), [(2, (b"  - one",), ()), (4, (b"  - three",), ())]),
        ((b"wo\n  - th",), [(3, (b"  - two", b"  - three"), (b"  - tree",))]),
    ],
)
def test_lines_that_differ(parts: tuple[bytes, ...], edits: list[object]) -> None:
    assert edits_of(TEXT, *parts) == edits


@examples(400)
@given(st.randoms(use_true_random=False))
def test_whatever_is_cut_the_lines_make_the_same_file(random: Random) -> None:
    content = b"".join(
        random.choice([b"a", b"b", b"", b"  - x", b"dd"]) + random.choice([b"\n", b"\r\n"])
        for _ in range(random.randrange(1, 14))
    )
    content += random.choice([b"", b"end"])
    places = sorted(random.sample(range(len(content) + 1), k=min(len(content) + 1, random.choice([2, 4, 6]))))
    spans = list(zip(places[::2], places[1::2], strict=False))
    changes = [Change(start, end, random.choice([b"", b"", b"new"])) for start, end in spans]
    file = file_of(content, *changes)
    lines, ends = lines_of(content), content.endswith(b"\n")
    wanted = changed(content, changes)
    edits = line_edits(file)
    if any(not edit.before for edit in edits) or wanted.endswith(b"\n") != ends or not wanted.strip():
        return
    assert applied(lines, edits, ends=ends) == wanted
    few = merged(edits, lines)
    full = [its for its in (not_empty(edit, lines, lambda _: True) for edit in few) if its]
    assert len(full) == len(few)
    assert all(edit.after for edit in full), "no suggestion is empty"
    assert all(one.end <= other.first for one, other in pairwise(full)), "none overlap"
    assert applied(lines, full, ends=ends) == wanted
    assert {f for edit in full for f in edit.fixes} <= set(file.fixes)


def test_a_deletion_takes_the_line_above_or_else_the_one_below() -> None:
    lines = lines_of(TEXT)
    (edit,) = line_edits(cut(TEXT, b"  - two\n"))
    above = not_empty(edit, lines, lambda _: True)
    below = not_empty(edit, lines, lambda its: its.first >= 3)
    assert above == LineEdit(2, (b"  - one", b"  - two"), (b"  - one",), edit.fixes)
    assert below == LineEdit(3, (b"  - two", b"  - three"), (b"  - three",), edit.fixes)
    assert not_empty(edit, lines, lambda its: False) is None


def test_edits_with_one_line_between_them_are_one() -> None:
    lines = lines_of(TEXT)
    (edit,) = merged(line_edits(cut(TEXT, b"  - one\n", b"  - three\n")), lines)
    assert (edit.first, edit.before, edit.after) == (
        2,
        (b"  - one", b"  - two", b"  - three"),
        (b"  - two",),
    )
    assert len(edit.fixes) == 2


ABOVE = b"# new\n# more\n"


@pytest.mark.parametrize(
    ("other", "first"),
    [
        (TEXT, 3),
        (ABOVE + TEXT, 5),
        (TEXT + b"c: d\n", 3),
        (TEXT.replace(b"one", b"1"), None),  # within the lines around it
        (TEXT.replace(b"two", b"2"), None),
        (TEXT + TEXT, None),  # which of the two?
        (b"", None),
    ],
)
def test_an_edit_is_moved_to_where_its_lines_are(other: bytes, first: int | None) -> None:
    (edit,) = line_edits(cut(TEXT, b"  - two\n"))
    found = moved(edit, lines_of(TEXT), lines_of(other))
    assert (found and found.first) == first


def test_equal_edits_are_told_apart_by_their_number() -> None:
    lines = lines_of(TEXT + TEXT)
    edits = [LineEdit(first, (b"  - two",), (), ()) for first in (3, 8)]
    assert [occurrence(edit, lines) for edit in edits] == [0, 1]
