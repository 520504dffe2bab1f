"""Text in lines of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from scanner.text.wrap import middle_cut, wrapped

texts = st.text(st.sampled_from("ab-_ :/,漢é…"), max_size=80)
widths = st.integers(2, 40)


@given(texts, widths)
def test_no_line_is_longer_than_the_terminal(text: str, width: int) -> None:
    assert all(cell_len(line) <= width for line in wrapped(text, width))


@given(texts, widths)
def test_a_word_that_fits_is_never_broken(text: str, width: int) -> None:
    lines = wrapped(text, width)
    for word in text.split(" "):
        if word and cell_len(word) <= width:
            assert any(f" {word} " in f" {line} " for line in lines), word


@given(texts, widths)
def test_nothing_is_lost_unless_a_name_is_longer_than_a_line(text: str, width: int) -> None:
    lines = wrapped(text, width)
    if "…" not in "".join(lines):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(texts.filter(lambda text: "…" not in text), widths)
def test_what_is_cut_keeps_both_ends(text: str, width: int) -> None:
    cut = middle_cut(text, width)
    assert cell_len(cut) <= width
    start, _, end = cut.rpartition("…") if cut != text else (text, "", "")
    assert text.startswith(start) and text.endswith(end)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("on arn:aws:s3:::bucket/key", 12, ["on arn:aws:", "s3:::bucket/", "key"]),
        ("a-name-that-is-longer", 9, ["a-na…nger"]),
        ("", 9, []),
    ],
)
def test_lines(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines
