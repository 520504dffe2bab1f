"""The lines of a pull request's diff, on which a review can comment. Pure.

docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_HEADER = re.compile(r"@@ -\d{1,9}(?:,\d{1,9})? \+(\d{1,9})(?:,\d{1,9})? @@")


@dataclass(frozen=True)
class Hunk:
    """Lines that stand together in a diff, as the head has them: by number, those that were added too."""

    lines: Mapping[int, str]
    added: frozenset[int]

    def contains(self, first: int, lines: Sequence[str]) -> bool:
        """Whether it shows just these lines, from the number of the first. Carriage returns do not count."""
        return all(
            number in self.lines and self.lines[number].rstrip("\r") == line.rstrip("\r")
            for number, line in enumerate(lines, first)
        )


@dataclass(frozen=True)
class DiffFile:
    """A file that a pull request changes. `blob` is git's name of its content at the head.

    Without hunks GitHub shows no diff of it: it is too large, binary, or only has another name.
    """

    path: str
    blob: str
    hunks: tuple[Hunk, ...]


def hunks_of(patch: str) -> tuple[Hunk, ...]:
    """The hunks of a patch of one file. What is no patch has none."""
    hunks: list[tuple[dict[int, str], set[int]]] = []
    number = 0
    for line in patch.split("\n"):
        header = _HEADER.match(line)
        if header:
            hunks.append(({}, set()))
            number = int(header[1])
        elif hunks and line[:1] in ("+", " "):
            lines, added = hunks[-1]
            lines[number] = line[1:]
            if line[0] == "+":
                added.add(number)
            number += 1
    return tuple(Hunk(lines, frozenset(added)) for lines, added in hunks)
