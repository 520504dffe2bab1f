"""JSON in which Terraform puts values, `"${aws_sqs_queue.a.arn}"`: text -> nodes with their lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from scanner.iam.variables import literal
from scanner.templates.masked import MASKED, masked
from scanner.templates.places import ANY
from scanner.templates.steps import MAX_EVENTS, MAX_NESTING
from scanner.templates.terraform.nodes import List, Map, Marks, Text
from scanner.templates.written import Span
from scanner.text.yaml_document import compose

MarksOf = Callable[[Span], Marks]


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
    pieces = MASKED.split(literal(str(node.value).replace("$${", "${").replace("%%{", "%{")))
    text = pieces[0]
    for piece in pieces[1:]:
        text += next(patterns, ANY) + piece
    return Text(text, marks)
