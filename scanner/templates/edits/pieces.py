"""What is cut of a file -> pieces that can each be cut alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from scanner.templates.written import Span


class Piece(NamedTuple):
    """Cuts that belong together, and the ids of the findings that are gone with them."""

    cuts: tuple[Span, ...]
    findings: frozenset[str]

    @property
    def span(self) -> Span:
        """From the first cut to the last."""
        return Span(self.cuts[0].start, self.cuts[-1].end)

    def replacement(self, text: str) -> str:
        """What stays of the text between its cuts."""
        return without(text, self.cuts)[self.span.start :][: self._kept]

    def distance(self, other: Piece) -> int:
        """How many characters stand between it and another one; fewer than none where they overlap."""
        return max(self.span.start - other.span.end, other.span.start - self.span.end)

    def with_other(self, other: Piece) -> Piece:
        """It and another one as one."""
        return Piece(tuple(sorted({*self.cuts, *other.cuts})), self.findings | other.findings)

    @property
    def _kept(self) -> int:
        return self.span.end - self.span.start - sum(cut.end - cut.start for cut in self.cuts)


def without(text: str, cuts: Sequence[Span]) -> str:
    """A text without the characters of spans that are in order and disjoint."""
    parts, place = [], 0
    for cut in cuts:
        parts.append(text[place : cut.start])
        place = cut.end
    return "".join([*parts, text[place:]])


def pieces(cuts: Sequence[Span], findings: Mapping[str, Collection[Span]]) -> list[Piece]:
    """The pieces of cuts: those with a node of the same finding are one, and those that lie in each other.

    A cut in which no node lies (a comma) belongs to the next one.
    """
    found: list[Piece] = []
    loose: list[Span] = []
    for cut in cuts:
        ids = {
            id_ for id_, nodes in findings.items() if any(cut.start <= node.start < cut.end for node in nodes)
        }
        if ids:
            found.append(Piece((*loose, cut), frozenset(ids)))
            loose = []
        else:
            loose.append(cut)
    if loose and found:
        found[-1] = Piece((*found[-1].cuts, *loose), found[-1].findings)
    return _merged(found)


def _merged(found: list[Piece]) -> list[Piece]:
    """Pieces of which no two share a finding, or characters."""
    merged: list[Piece] = []
    for piece in found:
        while other := next((its for its in merged if _belong_together(its, piece)), None):
            merged.remove(other)
            piece = piece.with_other(other)
        merged.append(piece)
    return sorted(merged)


def _belong_together(one: Piece, other: Piece) -> bool:
    if one.findings & other.findings:
        return True
    return one.span.start < other.span.end and other.span.start < one.span.end
