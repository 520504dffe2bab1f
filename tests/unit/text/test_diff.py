"""The difference of two versions of a file: short, and harmless to show."""

from __future__ import annotations

import pytest

from scanner.text.diff import MAX_DIFF_LINES, diff_lines, file_diff


def test_a_difference_with_as_many_lines_around_it_as_asked_for() -> None:
    before, after = ["a", "b", "c", "d"], ["a", "b", "c", "D"]
    assert diff_lines(before, after, context=4) == ["@@ -1,4 +1,4 @@", " a", " b", " c", "-d", "+D"]
    assert diff_lines(before, after, context=1) == ["@@ -3,2 +3,2 @@", " c", "-d", "+D"]
    assert diff_lines(before, before) == []


def numbered(count: int, **changed: str) -> str:
    return "".join(f"{changed.get(f'at{n}', f'line {n}')}\n" for n in range(1, count + 1))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a\n", "a\n", ""),
        (None, None, ""),
        (None, "a\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n"),
        ("a\n", None, "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"),
        ("a\nb\n", "a\nc\n", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
        ("a\n", "a", "--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n a\n+\\ No newline at end of file\n"),
        ("a\r\n", "a\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\\r\n+a\n"),
        (
            numbered(20),
            numbered(20, at10="changed"),
            "--- a/f\n+++ b/f\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+changed\n"
            " line 11\n line 12\n line 13\n",
        ),
    ],
)
def test_the_difference_of_two_versions(before: str | None, after: str | None, expected: str) -> None:
    assert file_diff(before, after, "f") == expected


def test_a_long_difference_is_cut_and_says_so() -> None:
    lines_of_diff = file_diff("", numbered(100), "f").splitlines()
    assert len(lines_of_diff) == 2 + MAX_DIFF_LINES + 1
    assert lines_of_diff[-1] == "and 41 more lines"
    huge = file_diff(numbered(5), numbered(5) + numbered(5_000, at1="x"), "f")
    assert huge == "--- a/f\n+++ b/f\ntoo much to show: 5,000 lines from line 6 on\n"
    assert len(file_diff("", "x" * 10_000, "f")) < 400


def test_a_change_in_a_huge_file_is_lines_of_diff_all_the_same() -> None:
    lines_of_diff = file_diff(numbered(100_000), numbered(100_000, at50000="changed"), "f")
    assert "@@ -49997,7 +49997,7 @@" in lines_of_diff
    assert "+changed" in lines_of_diff


def test_what_a_change_holds_cannot_hide_lines() -> None:
    lines_of_diff = file_diff("", "a\rb\x1b[2K\u202e\n", "f\n+x")
    assert lines_of_diff.splitlines()[1:] == ["+++ b/f\\n+x", "@@ -0,0 +1 @@", "+a\\rb\\x1b[2K\\u202e"]
