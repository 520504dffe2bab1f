"""The sticky comment: which comment is the action's own, and what becomes of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.github.comment import (
    COMMENT_CHARACTERS,
    NOTE,
    CommentMode,
    RunId,
    comment_action,
    encoded_key,
    find,
    full_body,
    marker,
    run_of,
    text_of,
)
from scanner.github.model import Comment
from tests.unit.github.tools import draft

BOT = "github-actions[bot]"
KEYS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(["-", "--", "->", ">", '"', "%", "%2D", "~", "\n", " ", "a", "é", "key="])).map(
        "".join
    ),
    st.text(min_size=180),
)


def comment(body: str, number: int = 1, author: str | None = BOT, is_bot: bool = True) -> Comment:
    return Comment(number, body, author, is_bot, f"https://example.com/{number}")


# -- the marker


@given(KEYS, st.integers(0, 10**19), st.integers(0, 10**8))
def test_a_marker_is_one_comment_that_nothing_breaks_out_of(key: str, run: int, attempt: int) -> None:
    line = marker(key, (run, attempt))
    assert line.startswith("<!-- ") and line.endswith(" -->")
    inside = line[len("<!--") : -len("-->")]
    assert "--" not in inside and ">" not in inside and "<" not in inside
    assert line.count('"') == 4
    assert "\n" not in line and line.isascii() and line.isprintable()
    assert len(line) < 320
    assert run_of(f"{line}\ntext") == (run, attempt)


@given(KEYS, KEYS)
def test_different_keys_never_collide(one: str, other: str) -> None:
    assert (encoded_key(one) == encoded_key(other)) == (one == other)
    body = marker(one, (1, 1)) + "\ntext"
    assert bool(find([comment(body)], other, BOT)) == (one == other)


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        ("CI/test", "CI%2Ftest"),
        ("a-b", "a-b"),
        ("a--b", "a-%2Db"),
        ("---", "-%2D-"),
        ('" -->', "%22%20-%2D%3E"),
        ("a-%2Db", "a-%252Db"),
        ("", ""),
        ("x" * 200, "x" * 200),
    ],
)
def test_encoded_key(key: str, encoded: str) -> None:
    assert encoded_key(key) == encoded


def test_long_keys_that_begin_alike_are_told_apart() -> None:
    one, other = encoded_key("x" * 300 + "1"), encoded_key("x" * 300 + "2")
    assert one != other
    assert len(one) == len(other) == 200
    assert one.split("~")[0] == other.split("~")[0]


def test_a_key_that_looks_like_a_shortened_one_is_another() -> None:
    shortened = encoded_key("x" * 300)
    assert encoded_key(shortened) != shortened


# -- which comment


@pytest.mark.parametrize(
    ("body", "author", "is_bot", "viewer", "own"),
    [
        (marker("k", (1, 1)) + "\ntext", BOT, True, "github-actions", True),
        (marker("k", (1, 1)) + "\ntext", "GitHub-Actions[bot]", True, BOT, True),
        (marker("k", (1, 1)) + "\ntext", "my-bot", False, "My-Bot", True),
        (marker("k", (1, 1)) + "\ntext", "mallory", False, BOT, False),
        (marker("k", (1, 1)) + "\ntext", "other[bot]", True, BOT, False),
        (marker("k", (1, 1)) + "\ntext", None, False, BOT, False),
        (marker("k", (1, 1)) + "\ntext", "other[bot]", True, None, True),
        (marker("k", (1, 1)) + "\ntext", "mallory", False, None, False),
        (marker("other", (1, 1)) + "\ntext", BOT, True, BOT, False),
        ("as it says: " + marker("k", (1, 1)), BOT, True, BOT, False),
        ("\n" + marker("k", (1, 1)), BOT, True, BOT, False),
        ("text\n" + marker("k", (1, 1)), BOT, True, BOT, False),
        ('<!-- xray-privilege-scan key="k" -->', BOT, True, BOT, False),
        ("", BOT, True, BOT, False),
    ],
)
def test_find(body: str, author: str | None, is_bot: bool, viewer: str | None, own: bool) -> None:
    assert bool(find([comment(body, 1, author, is_bot)], "k", viewer)) == own


def test_of_several_the_oldest_comes_first() -> None:
    body = marker("k", (1, 1))
    found = find([comment(body, 2), comment(body, 9), comment("x", 11), comment(body, 5)], "k", BOT)
    assert [c.id for c in found] == [2, 5, 9]


# -- what becomes of it

OLD = marker("k", (7, 2)) + "\nold text\n"


@pytest.mark.parametrize(
    ("existing", "text", "run", "mode", "has_findings", "kind"),
    [
        (None, "new", (8, 1), "on-findings", True, "create"),
        (None, "new", (8, 1), "on-findings", False, "skip"),
        (None, "new", (8, 1), "always", False, "create"),
        (None, "new", (8, 1), "never", True, "skip"),
        (OLD, "new", (8, 1), "on-findings", True, "update"),
        (OLD, "resolved", (8, 1), "on-findings", False, "update"),
        (OLD, "resolved", (8, 1), "always", False, "update"),
        (OLD, "new", (8, 1), "never", True, "skip"),
        (OLD, "new", (7, 2), "on-findings", True, "update"),
        (OLD, "new", (7, 3), "on-findings", True, "update"),
        (OLD, "new", (7, 1), "on-findings", True, "keep"),
        (OLD, "new", (6, 9), "on-findings", True, "keep"),
        (OLD, "new", (10, 1), "on-findings", True, "update"),
        (OLD, "old text", (8, 1), "on-findings", True, "keep"),
        (OLD, "old text\r\n", (8, 1), "always", False, "keep"),
        (OLD.replace("\n", "\r\n"), "old text", (8, 1), "always", False, "keep"),
    ],
)
def test_what_becomes_of_the_comment(
    existing: str | None, text: str, run: RunId, mode: CommentMode, has_findings: bool, kind: str
) -> None:
    there = None if existing is None else comment(existing)
    action = comment_action(there, draft(text, run, mode=mode, has_findings=has_findings))
    assert action.kind == kind
    assert action.reason


def test_runs_are_compared_as_numbers() -> None:
    nine = comment(marker("k", (999, 1)) + "\nold")
    assert comment_action(nine, draft("new", (1000, 1))).kind == "update"
    tenth = comment(marker("k", (5, 10)) + "\nold")
    assert comment_action(tenth, draft("new", (5, 9))).kind == "keep"


def test_the_text_is_compared_without_the_marker_only() -> None:
    assert text_of(marker("k", (1, 1)) + "\na\n") == "a"
    assert text_of("a\n" + marker("k", (1, 1))) != "a"


def test_the_line_on_the_last_run_alone_is_no_news() -> None:
    since = "**Since the last run** (2026-11-26 05&#58;17 UTC): 1 new, 2 still open · ▁█ open findings"
    assert (
        text_of(f"a\n{since}\nb") == text_of("a\n**Since the last run**: the first run\nb") != text_of("a\nc")
    )


# -- its length


@pytest.mark.parametrize("character", ["x", "ß", "🔴"])
def test_characters_count_not_bytes(character: str) -> None:
    first = marker("k", (1, 1)) + "\n"
    room = COMMENT_CHARACTERS - len(first)
    assert full_body(draft(character * room)) == first + character * room
    lines = "\n".join([character * 99] * 700)
    cut = full_body(draft(lines))
    assert COMMENT_CHARACTERS - 250 < len(cut) <= COMMENT_CHARACTERS
    assert cut.startswith(first + character) and cut.endswith(f"{character}\n\n{NOTE}")


def test_a_table_an_open_fence_and_details_are_closed() -> None:
    body = "# Title\n\n<details>\n\n```diff\n" + "- x\n" * 30_000 + "```\n\n</details>\n"
    cut = full_body(draft(body))
    assert len(cut) <= COMMENT_CHARACTERS
    assert re.search(r"- x\n```\n\n</details>\n\n\*The rest did not fit", cut)


def test_one_line_that_is_too_long_leaves_the_note() -> None:
    assert full_body(draft("x" * 70_000)) == marker("k", (1, 1)) + "\n" + NOTE
