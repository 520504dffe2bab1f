"""Edits of a checkout's files that take away what findings are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Disposition = Literal["safe", "needs-a-look"]


@dataclass(frozen=True)
class Fix:
    """What to put in the place of some bytes of a file, named by its path relative to the checkout.

    `start` and `end` count bytes, `line` and `end_line` are the lines of these, from 1. `before` is what
    stands there, `digest` the SHA-256 of the whole file as it was read. `findings` are the ids of those that
    are gone with it. `why` says what it does, and for one that needs a look, what to look at. `diff` are the
    lines of its difference, without the names of the file.
    """

    path: str
    start: int
    end: int
    line: int
    end_line: int
    before: str
    replacement: str
    digest: str
    findings: tuple[str, ...]
    disposition: Disposition
    why: str
    diff: tuple[str, ...] = ()
