"""JSON in pieces: the elements of lists one by one, the same as those of the whole document."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import ijson
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.input.elements import LARGEST, NotJsonError, TooLargeError, elements
from tests.unit.input.pieces import pieces_of

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SMALL = 4 << 20  # a limit that shows the rule of the real one in less time
PAGES = ("Traces", "resourceSpans", "results")
KEYS = st.sampled_from([*PAGES, "Id", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


def elements_of(value: Any) -> Iterator[Any]:
    """What `Elements` says of a whole document."""
    if isinstance(value, list):
        for item in value:
            yield from elements_of(item)
    elif isinstance(value, dict):
        pages = [name for name in value if name in PAGES and isinstance(value[name], list)]
        for item in (item for name in pages for item in value[name]):
            yield from [item] if isinstance(item, list) else elements_of(item)
        yield {**value, **{name: [] for name in pages}}
    else:
        yield value


def flat(values: Any) -> list[Any]:
    """Without the empty list that stands for a list that was given by element."""
    return [value for value in values if value != []]


@given(st.lists(JSON, min_size=1, max_size=3), st.integers(1, 40), st.sampled_from([None, 2]))
def test_elements_are_those_of_the_whole_documents(
    documents: list[Any], size: int, indent: int | None
) -> None:
    text = "\n".join(json.dumps(document, indent=indent) for document in documents)
    expected = [element for document in documents for element in elements_of(document)]
    assert flat(elements(pieces_of(text.encode(), size))) == flat(expected)


@given(JSON, st.integers(1, 40))
def test_a_whole_document_is_put_together(document: Any, size: int) -> None:
    content = json.dumps(document).encode()
    assert list(elements(pieces_of(content, size), whole=True)) == [orjson.loads(content)]


def test_numbers_are_those_of_other_files() -> None:
    text = b"[1, -2.5, 1e3, 18446744073709551615, 184467440737095516150, 1e400, -%s]" % (b"9" * 400)
    numbers = flat(elements([text]))
    assert numbers == [1, -2.5, 1000.0, 2**64 - 1, 184467440737095516150.0, math.inf, -math.inf]
    assert all(type(number) in (int, float) for number in numbers)


def test_the_last_of_equal_keys_counts() -> None:
    assert list(elements([b'{"a": 1, "a": 2}'])) == [{"a": 2}]


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (b'{"a": [5', "cut off"),
        (b'{"a": NaN}', "invalid char"),
        (b"rubbish", "invalid char"),
        (b'"\xff\xfe"', "UTF8"),
        (b"5" * 5000 + b"]", "too many digits"),
        (b"1.5e" + b"9" * 30, "too many digits"),
        (b"[" * 100_000, "more than 1,000 levels"),
        (b'{"a":' * 100_000, "more than 1,000 levels"),
        (b"// comment", "comment"),
    ],
)
def test_what_comes_before_an_error_is_given(rest: bytes, says: str) -> None:
    given: list[Any] = []
    with pytest.raises(NotJsonError, match=says):
        collect(elements([b'{"Traces": [{"a": 1}, {"a": 2}, ', rest]), given)
    assert given == [{"a": 1}, {"a": 2}]


def collect(values: Iterator[Any], given: list[Any]) -> None:
    """Put the values into a list, those before an error too."""
    given.extend(values)


@pytest.mark.parametrize(
    ("piece", "largest"),
    [
        (b'"%s", ' % (b"x" * 60_000), LARGEST),
        (b"[], ", SMALL),
        (b'{"key": 1}, ', SMALL),
    ],
    ids=["long texts", "empty lists", "objects"],
)
def test_a_value_that_is_too_large_ends_the_document(piece: bytes, largest: int) -> None:
    def endless() -> Iterator[bytes]:
        yield b'[{"a": 1}, {"Id": ['
        while True:
            yield piece * (60_000 // len(piece) or 1)

    given: list[Any] = []
    with pytest.raises(TooLargeError, match=f"more than {largest >> 20} MiB"):
        collect(elements(endless(), largest=largest), given)
    assert given == [{"a": 1}]


def test_an_object_of_too_many_keys_is_too_large() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"a": 1'
        for number in range(10_000_000):
            yield b', "%d": "%s"' % (number, b"x" * 10_000)

    with pytest.raises(TooLargeError):
        list(elements(endless(), largest=SMALL))


def test_the_limit_counts_for_each_element() -> None:
    element = b'{"a": "%s"}' % (b"x" * 1_000_000)
    count = SMALL // 1_000_000 + 5
    document = [b'{"RoleDetailList": [', *[element + b","] * count, element + b"]}"]
    (whole,) = elements(document, whole=True, largest=SMALL)
    assert len(whole["RoleDetailList"]) == count + 1
    listed = elements([b"[", *[element + b","] * count, element, b"]"], largest=SMALL)
    assert sum(1 for _ in listed) == count + 2


def test_the_fast_parser_is_there() -> None:
    assert ijson.backend_name == "yajl2_c"


def test_the_spans_of_one_resource_have_no_end() -> None:
    span = {"traceId": "5" * 32, "name": "x" * 1000}
    spans = [{**span, "spanId": f"{number:016x}"} for number in range(20_000)]
    scopes = [{"scope": {"name": name}, "spans": spans} for name in "ab"]
    document = {"resourceSpans": [{"resource": {"attributes": [1]}, "scopeSpans": scopes}, {"x": 1}]}
    *parts, other, last = elements(pieces_of(json.dumps(document).encode(), 1 << 16), largest=12 << 20)
    assert (other, last) == ({"x": 1}, {"resourceSpans": []})
    assert len(parts) > 4
    assert {part["resource"]["attributes"][0] for part in parts} == {1}
    given = [
        (scope["scope"]["name"], span)
        for part in parts
        for scope in part["scopeSpans"]
        for span in scope["spans"]
    ]
    assert given == [(name, span) for name in "ab" for span in spans]


def test_spans_without_a_resource_before_them_are_not_parted() -> None:
    document = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x" * 1000}] * 20_000}], "resource": {}}]
    }
    with pytest.raises(TooLargeError):
        list(elements(pieces_of(json.dumps(document).encode(), 1 << 16), largest=12 << 20))
