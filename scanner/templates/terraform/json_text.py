"""JSON in which Terraform puts values, `"${aws_sqs_queue.a.arn}"`: a text -> nodes, with their lines. Pure.

Each such part is masked by as many characters that stand for nothing else, so that all offsets stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from scanner.iam.variables import literal
from scanner.templates.places import ANY
from scanner.templates.terraform.nodes import List, Map, Marks, Text
from scanner.templates.written import Span
from scanner.templates.yaml_text import MAX_EVENTS, MAX_NESTING
from scanner.text.yaml_document import compose

_BEGIN, _MORE = "\uf8f0", "\uf8f1"  # private use
_MASKED = re.compile(f"{_BEGIN}{_MORE}*")
_INTERPOLATION = re.compile(r"(?<!\$)\$\{[^{}]*\}")

MarksOf = Callable[[Span], Marks]


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


def json_nodes(text: str, parts: Sequence[Span], patterns: Sequence[str], marks: MarksOf) -> Node | None:
    """The nodes of a JSON text, of which some parts come to patterns; None where it is none."""
    json_text = masked(text, parts)
    if json_text is None:
        return None
    try:
        json.loads(json_text)
        root = compose(json_text, max_nesting=MAX_NESTING, max_events=MAX_EVENTS)
    except (ValueError, RecursionError):
        return None
    return None if root is None else _converted(root, iter(patterns), marks)


def _converted(node: Any, patterns: Iterator[str], marks_of: MarksOf) -> Node:
    """A node with the marks of the file that the text stands in. The parser has bounded its nesting."""
    marks = marks_of(Span(node.start_mark.index, node.end_mark.index))
    if isinstance(node, MappingNode):
        pairs = [
            (_converted(key, patterns, marks_of), _converted(value, patterns, marks_of))
            for key, value in node.value
        ]
        return Map(pairs, marks)
    if isinstance(node, SequenceNode):
        return List([_converted(item, patterns, marks_of) for item in node.value], marks)
    pieces = _MASKED.split(literal(str(node.value).replace("$${", "${").replace("%%{", "%{")))
    text = pieces[0]
    for piece in pieces[1:]:
        text += next(patterns, ANY) + piece
    return Text(text, marks)
