"""The bytes of a named file as UTF-8, in pieces: unpacked and decoded, whatever their number."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 18
"""Bytes that are read at once."""
STDIN = Path("-")
"""Standard input as a file of an option."""

_HEAD = 4096  # enough to recognise what a file is
_LONGEST_MARK = 3
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 31  # zlib's name for gzip's format with its largest window
_RATIO_FREE = 100_000_000  # bytes that may be unpacked from any number of bytes
_RATIO = 1000  # unpacked bytes a packed one, past that
_NOT_FILES = (
    (stat.S_ISDIR, "is a folder, no file"),
    (stat.S_ISFIFO, "is a pipe, no file: name `-` and pipe the data into the command"),
    (stat.S_ISSOCK, "is a socket, no file"),
    (stat.S_ISCHR, "is a device, no file"),
    (stat.S_ISBLK, "is a device, no file"),
)


def problem_of(path: Path) -> str:
    """Why nothing can be read under a name, whatever the user wrote there; empty where there is something."""
    try:
        path.stat()
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return "does not exist"
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return ""


class InputError(Exception):
    """A file cannot be read, or not to its end. The message goes on after the file's name."""


class OpenError(InputError):
    """Nothing of a file can be read."""


class ByteStream:
    """Pieces of bytes, which can be given back. `head` is how they begin."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = filter(None, pieces)
        self._returned = b""
        self._failure: InputError | None = None
        self.head = b""

    def read(self) -> bytes:
        """The next piece, empty at the end. Raises InputError."""
        piece, self._returned = self._returned, b""
        if not piece:
            if self._failure:
                raise self._failure
            piece = next(self._pieces, b"")
            if len(self.head) < _HEAD:
                self.head += piece[: _HEAD - len(self.head)]
        return piece

    def give_back(self, piece: bytes) -> None:
        """Let the next `read` return a piece that was read."""
        self._returned = piece + self._returned

    def read_until(self, size: int) -> bytes:
        """The next pieces together: more than `size` bytes, or all that can be read.

        What ends them is raised by the next `read`.
        """
        pieces, length = [], 0
        try:
            while length <= size and (piece := self.read()):
                pieces.append(piece)
                length += len(piece)
        except InputError as error:
            self._failure = error
        return b"".join(pieces)

    def read_all(self, size: int) -> bytes | None:
        """All that there is, None (and nothing is read) where it is more. Raises InputError."""
        content = self.read_until(size)
        if len(content) > size:
            self.give_back(content)
            return None
        self.read()
        return content


@contextlib.contextmanager
def opened(path: Path) -> Iterator[ByteStream]:
    """The content of a file, of standard input for `-`. Raises OpenError; reading raises InputError."""
    with contextlib.ExitStack() as closing:
        file = _stdin() if path == STDIN else closing.enter_context(_opened(path))
        yield ByteStream(_as_utf8(_unpacked(_pieces(file))))


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise OpenError("cannot be read: there is no standard input")
    if sys.stdin.isatty():
        raise OpenError("is standard input, and nothing is piped into the command")
    return sys.stdin.buffer


def _opened(path: Path) -> BinaryIO:
    try:
        _check(path.stat().st_mode)  # some devices do things when they are opened
        # a pipe that takes the place of the file meanwhile does not block, and is refused
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        file = os.fdopen(descriptor, "rb")
    except (OSError, ValueError) as error:
        raise OpenError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        _check(os.fstat(descriptor).st_mode)
    except OpenError:
        file.close()
        raise
    return file


def _check(mode: int) -> None:
    for is_kind, what in _NOT_FILES:
        if is_kind(mode):
            raise OpenError(what)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    try:
        while piece := file.read(PIECE):
            yield piece
    except OSError as error:
        raise InputError(f"cannot be read to its end: {error.strerror or error}") from None


def _beginning(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough for every mark at the beginning of a file, and all pieces."""
    first = b""
    for piece in pieces:
        first += piece
        if len(first) >= _LONGEST_MARK:
            break
    return first, chain((first,) if first else (), pieces)


def _unpacked(packed: Iterator[bytes]) -> Iterator[bytes]:
    """The content of gzip, with all its members; anything else as it is."""
    first, pieces = _beginning(packed)
    if not first.startswith(_GZIP_MAGIC):
        yield from pieces
        return
    sizes = _Sizes()
    member = zlib.decompressobj(_GZIP)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                if member.eof:
                    member = zlib.decompressobj(_GZIP)
                unpacked = member.decompress(rest, PIECE)
                # zeros may fill up the last block of a member
                left = member.unused_data.lstrip(b"\0") if member.eof else member.unconsumed_tail
                sizes.add(len(rest) - len(left), len(unpacked))
                rest = left
                yield unpacked
        yield member.flush()
    except zlib.error as error:
        raise InputError(f"is damaged gzip: {error}") from None
    if not member.eof:
        raise InputError("is gzip that was cut off")


class _Sizes:
    """How much was unpacked from how much, and whether that may be."""

    def __init__(self) -> None:
        self._packed = self._unpacked = 0

    def add(self, packed: int, unpacked: int) -> None:
        self._packed += packed
        self._unpacked += unpacked
        if self._unpacked > max(_RATIO_FREE, _RATIO * self._packed):
            raise InputError(
                f"is gzip that unpacks to more than {_RATIO:,} times its size: no recorded data does, "
                "and the rest of it was not read"
            )


def _as_utf8(encoded: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-16 (which begins with its mark) as UTF-8, UTF-8 without its mark."""
    first, pieces = _beginning(encoded)
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield first.removeprefix(codecs.BOM_UTF8)
        next(pieces, None)
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise InputError(f"begins as UTF-16 and is not: {error}") from None
