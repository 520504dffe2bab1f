"""JSON in which values are put, `"${aws_sqs_queue.a.arn}"`: masked, so that it can be parsed. Pure.

Each such part is masked by as many characters that stand for nothing else, so that all offsets stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.templates.written import Span

_BEGIN, _MORE = "\uf8f0", "\uf8f1"  # private use
MASKED = re.compile(f"{_BEGIN}{_MORE}*")
_INTERPOLATION = re.compile(r"(?<!\$)\$\{[^{}]*\}")


def interpolations(text: str) -> list[Span]:
    """The interpolations of a text that is a template by itself."""
    return [Span(*match.span()) for match in _INTERPOLATION.finditer(text)]


def masked(text: str, parts: Sequence[Span]) -> str | None:
    """A text of which some parts are masked, None where that cannot be JSON."""
    if _BEGIN in text or _MORE in text or "%{" in text.replace("%%{", ""):
        return None
    pieces, place, quoted = [], 0, False
    for part in parts:
        before = text[place : part.start]
        quoted ^= len(re.findall(r'(?<!\\)(?:\\\\)*"', before)) % 2 == 1
        length = part.end - part.start
        mask = _BEGIN + _MORE * (length - 1)
        pieces += [before, mask if quoted else f'"{mask[:-2]}"']
        place = part.end
    return "".join([*pieces, text[place:]]).replace("\t", " ")
