"""Small words for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scanner.input.stream import opened


def pieces_of(content: bytes, size: int) -> Iterator[bytes]:
    """A content in pieces."""
    return (content[start : start + size] for start in range(0, len(content), size))


def file_of(folder: Path, content: bytes) -> Path:
    """A file that holds it."""
    path = folder / "file.json"
    path.write_bytes(content)
    return path


def content_of(path: Path) -> bytes:
    """What a file holds, unpacked and decoded. Raises InputError."""
    with opened(path) as stream:
        return b"".join(iter(stream.read, b""))
