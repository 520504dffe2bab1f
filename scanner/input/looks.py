"""What a file is, where it is not what was asked for: by how it begins, or by its keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from scanner.text.tables import rows


class Look(NamedTuple):
    """What a file looks like, and the option that takes it, empty where none does."""

    what: str
    option: str

    def __str__(self) -> str:
        advice = f": {self.option} takes it" if self.option else ""
        return f"looks like {self.what}{advice}"


OTHER_JSON = Look("JSON of another kind", "")


class _Row(NamedTuple):
    """A row of the table: what all files of a kind hold."""

    marks: tuple[bytes, ...]
    look: Look


def look_of_value(value: Any) -> Look | None:
    """What a JSON value is, by the keys of an object or of the first one in a list."""
    if isinstance(value, list):
        return next((look_of_value(item) for item in value[:1] if isinstance(item, dict)), None)
    if not isinstance(value, dict):
        return None
    return next(
        (row.look for row in _table("key") if all(mark.decode() in value for mark in row.marks)), None
    )


def look_of_head(head: bytes) -> Look:
    """What a file is that has such a beginning."""
    begin = head.lstrip().lower()
    for row in _table("begin"):
        if begin.startswith(row.marks):
            return row.look
    if begin.startswith((b"{", b"[")):
        keys = (row.look for row in _table("key") if all(b'"%s"' % mark in head for mark in row.marks))
        return next(keys, OTHER_JSON)
    return Look("binary data" if _is_binary(head) else "text that is not JSON", "")


def _is_binary(head: bytes) -> bool:
    try:
        head[:-3].decode()
    except UnicodeDecodeError:
        return True
    return b"\0" in head


@cache
def _table(test: str) -> tuple[_Row, ...]:
    return tuple(_rows(test))


def _rows(test: str) -> Iterator[_Row]:
    for row in rows("input", "looks"):
        if row["test"] == test:
            marks = tuple(
                mark.encode().decode("unicode_escape").encode("latin-1") for mark in row["marks"].split()
            )
            yield _Row(marks, Look(row["looks_like"], row["option"]))
