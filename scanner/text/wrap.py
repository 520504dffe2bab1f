"""Text in lines of a terminal: names are never broken. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

# Pieces of an ARN or a path, each with the separator that it ends in.
_PIECES = re.compile(r"[^:/,]*[:/,]+|[^:/,]+")
_LEFT_OUT = "…"


def wrapped(text: str, width: int) -> list[str]:
    """One line of text as lines of at most so many columns.

    Lines end between words. A word that is longer than a line is broken after `:`, `/` and `,`; a name
    that is even longer is shortened in its middle.
    """
    lines = [""]
    for gap, piece in _pieces(text, width):
        longer = f"{lines[-1]}{gap}{piece}"
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines if lines[0] else lines[1:]


def _pieces(text: str, width: int) -> Iterator[tuple[str, str]]:
    """The pieces that stay whole, each with what stands before it on the same line."""
    for place, word in enumerate(text.split(" ")):
        pieces = [word] if cell_len(word) <= width else _PIECES.findall(word)
        for part, piece in enumerate(pieces):
            yield " " if place and not part else "", middle_cut(piece, width)


def middle_cut(text: str, width: int) -> str:
    """Text of at most so many columns: its middle is left out."""
    if cell_len(text) <= width:
        return text
    start = _fitting(text, width // 2)
    end = _fitting(text[::-1], width - 1 - cell_len(start))[::-1]
    return f"{start}{_LEFT_OUT}{end}"


def _fitting(text: str, width: int) -> str:
    """As much of the start of a text as fits."""
    taken = 0
    for place, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[:place]
    return text
