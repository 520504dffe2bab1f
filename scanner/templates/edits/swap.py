"""What is put in the place of something wider. Pure."""

from __future__ import annotations

from typing import NamedTuple

from scanner.templates.written import Leaf


class Swap(NamedTuple):
    """Texts to put in the place of one, the findings that are gone with it, and what to look at.

    `holder` is what the text stands in: a statement or a policy, by what is removed with all of it.
    """

    leaf: Leaf
    values: tuple[str, ...]
    findings: frozenset[str]
    why: str
    holder: Leaf
