"""Names of resources that cannot hold `/` or `:`: data/plain_names.csv, with a source for each row. Pure.

The ARN formats of IAM's reference say where a name stands, not what it may hold: by them alone `queue/*` is a
queue. In a row `{}` stands for a name of the `characters`, a class of a regular expression, and `*` for
anything. `actions` are those that the row is for; all, where it names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam.patterns import matches
from scanner.text.tables import rows

_ANY, _ONE = "*", "?"
_FIELDS_BEFORE_RESOURCE = 5
# What stands for a name in a format, and what the name cannot hold; private-use characters are in no ARN
_NAMES = {"\ue0f0": "/:", "\ue0f1": "/", "\ue0f2": ":", _ANY: ""}
_MARKS = {without: mark for mark, without in _NAMES.items()}
_LOOSE = dict.fromkeys(map(ord, _NAMES), _ANY)


class _Row(NamedTuple):
    """A row of the table: the format with its names marked, and patterns of the actions that it is for."""

    marked: str
    actions: tuple[str, ...]


def marked(arn: str, action: str) -> str:
    """The ARN pattern of a format of an action (lower case) with marks for the names that are plain."""
    for row in _by_format().get(arn, ()):
        if not row.actions or any(matches(pattern, action) for pattern in row.actions):
            return row.marked
    return arn


def loose(marked_arn: str) -> str:
    """The ARN pattern without its marks."""
    return marked_arn.translate(_LOOSE)


@lru_cache(maxsize=1 << 14)
def can_be(pattern: str, marked_arn: str) -> bool:
    """Whether a pattern matches an ARN of a format, the names of which hold only what they can."""
    todo, done = [(0, 0)], {(0, 0)}
    while todo:
        at, place = todo.pop()
        if at == len(pattern) and place == len(marked_arn):
            return True
        for state in _steps(pattern, at, marked_arn, place):
            if state not in done:
                done.add(state)
                todo.append(state)
    return False


def _steps(pattern: str, at: int, marked_arn: str, place: int) -> Iterable[tuple[int, int]]:
    char, form = pattern[at : at + 1], marked_arn[place : place + 1]
    if char == _ANY:
        yield at + 1, place
    if form in _NAMES:
        yield at, place + 1
        if char and char not in _NAMES[form]:
            yield at + 1, place
    elif form and char == _ANY:
        yield at, place + 1
    elif form and char in (form, _ONE):
        yield at + 1, place + 1


@cache
def _by_format() -> dict[str, list[_Row]]:
    by_format: dict[str, list[_Row]] = {}
    for row in rows("iam", "plain_names"):
        name = re.compile(f"[{row['characters']}]")
        mark = _MARKS["".join(char for char in "/:" if name.fullmatch(char) is None)]
        *fields, resource = row["resource"].split(":", _FIELDS_BEFORE_RESOURCE)
        arn = ":".join(
            [*(field.replace(_ANY, _MARKS["/:"]) for field in fields), resource.replace("{}", mark)]
        )
        by_format.setdefault(loose(arn), []).append(_Row(arn, tuple(row["actions"].lower().split())))
    return by_format
