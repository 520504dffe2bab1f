"""The JSON values of a file: a document, JSON lines, or documents one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from scanner.input.elements import LARGEST, NotJsonError, TooLargeError, elements
from scanner.input.stream import ByteStream

_AT_ONCE = 4 << 20
"""The most bytes that are parsed in one go; longer documents and lines are parsed by element."""
_LEAN_AT_ONCE = 24 << 20
"""As much of lines of which little is built: 8,192 spans, which a collector writes at once, are 16 MB."""


Loads = Callable[[bytes], Any]
"""Parses a JSON text; raises orjson.JSONDecodeError where it is none."""


class Unread(NamedTuple):
    """A value that could not be read. `why` goes on after the file's name."""

    why: str


def values(
    stream: ByteStream, *, largest: int = LARGEST, loads: Loads = orjson.loads, lean: bytes | None = None
) -> Iterator[Any]:
    """The values of a file in its order; of a long document the elements (see `Elements`).

    `loads` parses what is parsed in one go; lines that begin with `lean` it parses without building much.

    Raises InputError after the values that could be read.
    """
    at_once = _AT_ONCE
    head = stream.read_until(at_once)
    if _is_lean(head, lean) and len(head) > at_once and b"\n" not in head:
        at_once = _LEAN_AT_ONCE
        stream.give_back(head)
        head = stream.read_until(at_once)
    if len(head) <= at_once:
        loaded = _loaded(head, loads)
        if loaded is not None:
            yield loaded.value
        if loaded is not None or not head.strip():
            stream.read()  # it raises what ended the file
            return
    line, newline, _ = head.lstrip().partition(b"\n")
    stream.give_back(head)
    in_lines = newline and _loaded(line, loads) is not None
    del head, line  # they may be long, and what follows takes a while
    if in_lines:
        yield from _lines(stream, largest, loads, lean)
    else:
        yield from elements(iter(stream.read, b""), largest=largest)


def document(stream: ByteStream, *, largest: int = LARGEST) -> Any:
    """The one value of a file, of whatever size; the limit counts for the elements of its lists.

    Raises InputError where it is something else.
    """
    text = stream.read_all(largest)
    if text is not None:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise NotJsonError(f"is not JSON: {error}") from None
    documents = list(elements(iter(stream.read, b""), whole=True, largest=largest))
    if len(documents) != 1:
        raise NotJsonError(f"holds {len(documents)} JSON documents, not one")
    return documents[0]


def content(stream: ByteStream) -> bytes:
    """All of a file that is no document of values. Raises InputError where it is too large."""
    text = stream.read_all(LARGEST)
    if text is None:
        raise TooLargeError(f"holds more than {LARGEST >> 20} MiB")
    return text


class _Loaded(NamedTuple):
    value: Any


def _loaded(content: bytes, loads: Loads) -> _Loaded | None:
    """The JSON value of a text, None where it is not one."""
    try:
        return _Loaded(loads(content))
    except orjson.JSONDecodeError:
        return None


def _is_lean(beginning: bytes, lean: bytes | None) -> bool:
    return lean is not None and beginning.startswith(lean)


def _lines(stream: ByteStream, largest: int, loads: Loads, lean: bytes | None) -> Iterator[Any]:
    pieces: list[bytes] = []  # of a line whose end was not read yet
    size = 0
    while piece := stream.read():
        if b"\n" in piece:
            first, *lines = piece.split(b"\n")
            lines.insert(0, b"".join((*pieces, first)))
            piece = lines.pop()
            pieces, size = [], 0
            for line in lines:
                yield from _line(line, loads)
        pieces.append(piece)
        size += len(piece)
        if size > (_LEAN_AT_ONCE if _is_lean(pieces[0], lean) else _AT_ONCE):
            yield from _long_line(b"".join(pieces), stream, largest)
            pieces, size = [], 0
    yield from _line(b"".join(pieces), loads)


def _line(line: bytes, loads: Loads) -> Iterator[Any]:
    if not line or line.isspace():
        return
    loaded = _loaded(line, loads)
    yield Unread("has a line that is not JSON") if loaded is None else loaded.value


def _long_line(beginning: bytes, stream: ByteStream, largest: int) -> Iterator[Any]:
    """The elements of a line that is not read to its end yet."""
    pieces = _until_newline(beginning, stream)
    try:
        yield from elements(pieces, largest=largest)
    except (NotJsonError, TooLargeError) as error:
        yield Unread(f"has a line that {error}")
        for _ in pieces:
            pass  # the next line may be read


def _until_newline(beginning: bytes, stream: ByteStream) -> Iterator[bytes]:
    piece = beginning
    while piece:
        line, newline, after = piece.partition(b"\n")
        yield line
        if newline:
            stream.give_back(after)
            return
        piece = stream.read()
