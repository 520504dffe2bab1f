"""The values of files: lines, documents, both of any length, and flat in memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from scanner.input.elements import NotJsonError, TooLargeError
from scanner.input.stream import PIECE, ByteStream, opened
from scanner.input.values import Unread, content, document, values
from tests.unit.input.pieces import file_of, pieces_of

TRACE = {"Id": "1-1", "Segments": [{"Id": "a", "Document": json.dumps({"id": "a", "x": "y" * 3000})}]}
LINE = json.dumps(TRACE).encode()
SMALL = 6 << 20  # a limit that shows the rule of the real one in less time
PRETTY = json.dumps({"Traces": [TRACE] * 100}, indent=4).encode()


def values_of(*pieces: bytes) -> list[Any]:
    return list(values(ByteStream(pieces)))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], []),
        ([b" \n\n"], []),
        ([b"[1, 2]"], [[1, 2]]),
        ([b"1\n2\n\n", b"3"], [1, 2, 3]),
        ([b"1\n", b"2\r\n", b"nothing\n3\n"], [1, 2, Unread("has a line that is not JSON"), 3]),
        ([b'{\n"a": 1\n}\n{\n"a": 2\n}'], [{"a": 1}, {"a": 2}]),
        ([b'{"a": 1}{"a": 2}'], [{"a": 1}, {"a": 2}]),
    ],
)
def test_values_of_short_files(pieces: list[bytes], expected: list[Any]) -> None:
    assert values_of(*pieces) == expected


def test_rubbish_after_a_document_is_an_error_after_its_values() -> None:
    stream = ByteStream([b'{"a": 1} rubbish'])
    found = values(stream)
    assert next(found) == {"a": 1}
    with pytest.raises(NotJsonError):
        next(found)


def test_a_long_line_among_others_is_read_by_element() -> None:
    page = b'{"Traces": [' + b",".join([LINE] * 3000) + b"]}"
    assert len(page) > 8 << 20
    file = b"\n".join([LINE, page, LINE, b""])
    found = list(values(ByteStream(pieces_of(file, PIECE))))
    assert [value for value in found if value == TRACE] == [TRACE] * 3002


@pytest.mark.parametrize("order", [(0, 1, 1), (1, 0, 1), (1, 1)])
def test_long_lines_of_which_little_is_built_are_parsed_in_one_go(order: tuple[int, ...]) -> None:
    lines = [b'{"lean":' + b"1" * 9 + b"}", b'{"lean":"' + b"x" * SMALL + b'"}']
    parsed: list[int] = []

    def loads(text: bytes) -> Any:
        parsed.append(len(text))
        return orjson.loads(text)

    stream = ByteStream(pieces_of(b"\n".join(lines[number] for number in order), PIECE))
    found = list(values(stream, loads=loads, lean=b'{"lean":'))
    assert found == [json.loads(lines[number]) for number in order]
    assert parsed[-len(order) :] == [len(lines[number]) for number in order]


def test_a_long_line_that_is_wrong_does_not_hide_the_next_ones() -> None:
    found = values_of(LINE + b"\n" + b'["' + b"x" * (6 << 20), b"x" * (6 << 20) + b"\n" + LINE + b"\n" + LINE)
    assert found[0] == found[2] == found[3] == TRACE
    assert isinstance(found[1], Unread)
    assert len(found) == 4


def test_a_line_that_is_too_large_does_not_hide_the_next_ones() -> None:
    stream = ByteStream([LINE + b"\n", b'["', *[b"x" * (1 << 20)] * 10, b'"]\n' + LINE])
    found = list(values(stream, largest=SMALL))
    assert found == [TRACE, Unread("has a line that holds a JSON value of more than 6 MiB"), TRACE]


def lines() -> Iterator[bytes]:
    return (LINE + b"\n" for _ in range(12_000))


def compact() -> Iterator[bytes]:
    yield b'{"Traces": [' + LINE
    yield from (b", " + LINE for _ in range(11_999))
    yield b'], "UnprocessedTraceIds": []}'


def pretty() -> Iterator[bytes]:
    return (PRETTY for _ in range(120))


@pytest.mark.parametrize("shape", [lines, compact, pretty])
def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path, shape: Any) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.writelines(shape())
    tracemalloc.start()
    try:
        with opened(path) as stream:
            count = sum(value == TRACE for value in values(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 12_000
    assert peak < 20_000_000 < path.stat().st_size


def test_one_document_is_read_as_a_whole(tmp_path: Path) -> None:
    with opened(file_of(tmp_path, b'{"Functions": []}')) as stream:
        assert document(stream) == {"Functions": []}


def test_a_document_larger_than_one_value_may_be_is_read() -> None:
    role = json.dumps({"Arn": "r", "x": "y" * 999_000}).encode()
    stream = ByteStream([b'{"RoleDetailList": [', *[role + b","] * 9, role + b"]}"])
    assert len(document(stream, largest=SMALL)["RoleDetailList"]) == 10


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ([b""], "is not JSON"),
        ([b"{} {}"], "is not JSON"),
        ([b'{"a": "', *[b"x" * (1 << 20)] * 10, b'"}'], "more than 6 MiB"),
        ([b'{"a": ["x', *[b"x" * (1 << 20)] * 10, b'"]}'], "more than 6 MiB"),
        ([b'[' + b'"%s",' % (b"x" * 1_000_000) * 10 + b"1] [2]"], "2 JSON documents"),
    ],
)  # fmt: skip
def test_what_is_no_single_document_is_an_error(pieces: list[bytes], says: str) -> None:
    with pytest.raises((NotJsonError, TooLargeError), match=says):
        document(ByteStream(pieces), largest=SMALL)


def test_64_mib_are_the_limit_of_a_value() -> None:
    text = b'"' + b"x" * (1 << 20) + b'"'
    document(ByteStream([b'{"a": {"b": [', *[text + b","] * 62, text, b"]}}"]))
    with pytest.raises(TooLargeError, match="more than 64 MiB"):
        document(ByteStream([b'{"a": {"b": [', *[text + b","] * 70, text, b"]}}"]))


def test_a_text_is_limited() -> None:
    assert content(ByteStream([b"a", b"b"])) == b"ab"
    with pytest.raises(TooLargeError):
        content(ByteStream([b"x" * (1 << 20)] * 65))
