"""YAML with line numbers: what plain words mean, where things stand, what is beyond the bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml.nodes import MappingNode, Node

from scanner.text.yaml_document import Document, Lines, YamlError, compose, first_line, lines_of, read_values

NESTING = 12


def nodes_of(text: str) -> Node:
    root = compose(text, max_nesting=NESTING, max_events=10_000)
    assert root is not None
    return root


def document(text: str) -> Document:
    return read_values(nodes_of(text), max_nesting=NESTING, max_values=1_000)


def value_of(text: str) -> Any:
    return document(text).value


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # texts in YAML 1.2, something else in YAML 1.1
        ("on", "on"),
        ("No", "No"),
        ("yes", "yes"),
        ("012345678901", "012345678901"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2027-01-31", "2027-01-31"),
        # quoted
        ("'true'", "true"),
        ('"42"', "42"),
        ("!!str 42", "42"),
        ("|-\n  text", "text"),
        # the core schema
        ("42", 42),
        ("-7", -7),
        ("1.5", 1.5),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("[a, 1]", ["a", 1]),
        ("{b: }", {"b": None}),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(written: str, meant: Any) -> None:
    assert value_of(f"key: {written}\n") == {"key": meant}


def test_json_is_yaml() -> None:
    assert value_of('{"version": 1, "list": ["a", null]}') == {"version": 1, "list": ["a", None]}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n"])
def test_a_text_without_values(text: str) -> None:
    root = compose(text, max_nesting=NESTING, max_events=10)
    assert root is None or read_values(root, max_nesting=NESTING, max_values=1).value is None


def test_an_alias_has_the_value_of_what_it_names_and_its_line() -> None:
    read = document("first: &name\n  - a\nsecond: *name\n")
    assert read.value == {"first": ["a"], "second": ["a"]}
    assert read.line(("second", 0)) == 2


def test_values_and_keys_have_lines() -> None:
    read = document("a:\n  - b: 1\n    c:\n      2\n")
    assert read.lines == {(): 1, ("a",): 2, ("a", 0): 2, ("a", 0, "b"): 2, ("a", 0, "c"): 4}
    assert read.keys == {("a",): 1, ("a", 0, "b"): 2, ("a", 0, "c"): 3}
    assert read.line(("nowhere",)) == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate key `a`, first in line 1"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be a word"),
        ("a:\n  !secret b\n", 2, "the tag '!secret' is not allowed: remove it"),
        (
            "a: !!python/name:os.system b\n",
            1,
            "the tag 'tag:yaml.org,2002:python/name:os.system'",
        ),
    ],
)
def test_what_yaml_allows_and_this_reader_does_not(text: str, line: int, message: str) -> None:
    (problem,) = document(text).problems
    assert problem.line == line
    assert problem.message.startswith(message)


# --- nodes ---------------------------------------------------------------------------------------


def test_a_node_ends_where_its_last_value_ends() -> None:
    root = nodes_of("a:\n  - b: 1\n    c: 2\n\n# comment\nd: [1,\n  2]\ne: |\n  text\n  more\n")
    assert isinstance(root, MappingNode)
    assert {key.value: lines_of(value) for key, value in root.value} == {
        "a": Lines(2, 3),
        "d": Lines(6, 7),
        "e": Lines(8, 10),
    }
    assert [first_line(key) for key, _ in root.value] == [1, 6, 8]


def test_a_node_that_stands_in_itself_has_lines() -> None:
    assert lines_of(nodes_of("&a\n- 1\n- *a\n")).first == 1


# --- what is not read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: c: d\n", 2),
        ("a: 1\n\tb: x\n", 2),
        ("a: 1\n---\nb: 1\n", 2),
        ("a: 1\nb: \x00\n", 2),
        ("a: 1\nb: \ud800\n", 2),
        ("a: 1\nb: [\n", 3),
        ("a: *unknown\n", 1),
    ],
)
def test_an_error_of_syntax_names_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlError, match=r"^is not valid YAML: .") as caught:
        document(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: " + "[" * 100_000,
        "a: 1\nb: &a [*a]\n",
        "a: 1\nb: &b [1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
            for before, name in zip("bcdefghi", "cdefghij", strict=True)
        ),
        "a: 1\nb: [" + "1, " * 20_000 + "]\n",
    ],
)
def test_a_bomb_is_not_read(text: str) -> None:
    with pytest.raises(
        YamlError, match=r"nests deeper than 12 levels|nesting depth|has too many values"
    ) as caught:
        document(text)
    assert caught.value.line >= 2


@given(st.text(alphabet="-:[]{}&*!|>'\"#%@,\n ab1\t\u00e9\u2028", max_size=40))
def test_whatever_a_text_holds_it_is_read_or_is_an_error_of_one_line(text: str) -> None:
    try:
        root = compose(text, max_nesting=NESTING, max_events=10_000)
        read = read_values(root, max_nesting=NESTING, max_values=1_000) if root else None
    except YamlError as error:
        assert 1 <= error.line <= text.count("\n") + 2
        assert str(error).splitlines() == [str(error)]
    else:
        assert read is None or read.line(()) >= 1
