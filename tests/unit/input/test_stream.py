"""The bytes of files: unpacked, decoded, refused where they are no file or unpack to too much."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.input.stream import PIECE, ByteStream, InputError, OpenError, opened
from tests.unit.input.pieces import content_of, file_of

LONG = b"".join(b'{"line": %d}\n' % number for number in range(50_000))
PACKED = gzip.compress(LONG)


@pytest.mark.parametrize("content", [b"", b"[]", b"\x1f", LONG], ids=["empty", "short", "one byte", "long"])
def test_a_file_is_read_as_it_is(tmp_path: Path, content: bytes) -> None:
    assert content_of(file_of(tmp_path, content)) == content


@pytest.mark.parametrize(
    "packed",
    [
        PACKED,
        gzip.compress(LONG[:9]) + gzip.compress(b"") + gzip.compress(LONG[9:]),
        PACKED + bytes(1000),
        gzip.compress(LONG.decode().encode("utf-16")),
        LONG.decode().encode("utf-16"),
        b"\xfe\xff" + LONG.decode().encode("utf-16-be"),
        b"\xef\xbb\xbf" + LONG,
    ],
    ids=["gzip", "members", "padded gzip", "gzip of UTF-16", "UTF-16", "UTF-16 of the other order", "UTF-8"],
)
def test_packed_and_encoded_files_are_read(tmp_path: Path, packed: bytes) -> None:
    assert content_of(file_of(tmp_path, packed)) == LONG


@given(st.text(max_size=50))
def test_utf_16_is_read_whatever_it_says(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("utf16")
    assert content_of(file_of(folder, text.encode("utf-16"))).decode() == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (PACKED[:-1], "cut off"),
        (PACKED[:5], "cut off"),
        (PACKED + b"rubbish", "damaged gzip"),
        (PACKED[:-8] + bytes(8), "damaged gzip"),
        (LONG.decode().encode("utf-16")[:-1], "UTF-16"),
        (b"\xff\xfe\x00\xd8\x00\x00", "UTF-16"),
    ],
    ids=[
        "no end",
        "header only",
        "rubbish behind",
        "wrong checksum",
        "odd UTF-16",
        "half a pair",
    ],  # gzip has a time
)
def test_a_damaged_file_gives_what_comes_before_the_damage(tmp_path: Path, content: bytes, says: str) -> None:
    read = b""
    with pytest.raises(InputError, match=says), opened(file_of(tmp_path, content)) as stream:
        while piece := stream.read():
            read += piece
    assert LONG.startswith(read)


def test_gzip_that_unpacks_to_1000_times_its_size_is_not_read_on(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    content = b"".join(packer.compress(bytes(1_000_000)) for _ in range(120)) + packer.flush()
    size = 0
    with (
        pytest.raises(InputError, match="1,000 times its size"),
        opened(file_of(tmp_path, content)) as stream,
    ):
        while piece := stream.read():
            size += len(piece)
            assert len(piece) <= PIECE
    assert 99_000_000 < size < 110_000_000


def test_gzip_of_less_than_100_mb_may_be_as_small_as_it_likes(tmp_path: Path) -> None:
    assert len(content_of(file_of(tmp_path, gzip.compress(bytes(99_000_000))))) == 99_000_000


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path, says in (
        (tmp_path / "pipe", "is a pipe.*`-`"),
        (tmp_path / "link", "is a pipe"),
        (Path("/dev/zero"), "is a device"),
        (tmp_path, "is a folder"),
        (tmp_path / "none", "cannot be read: No such file"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(OpenError, match=says):
            content_of(path)


def test_a_failure_is_raised_after_what_was_read_before_it() -> None:
    def failing() -> Iterator[bytes]:
        yield b"ab"
        raise InputError("fails")

    stream = ByteStream(failing())
    assert stream.read_until(100) == b"ab"
    stream.give_back(b"ab")
    assert stream.read() == b"ab"
    for _ in range(2):
        with pytest.raises(InputError):
            stream.read()
