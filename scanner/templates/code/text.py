"""A text of code: its tree, the characters of its nodes, and its literals as YAML's nodes. Pure.

Literals become the nodes that templates of YAML have, so that all that is known of these holds for them. What
is no literal becomes a node of which nothing is known.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from yaml.error import Mark
from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.nodes import Node as YamlNode

from scanner.templates.code.languages import CodeError, LanguageName, field, parsed, text_of
from scanner.templates.written import Span

if TYPE_CHECKING:
    from tree_sitter import Node

UNKNOWN = "!Unknown"  # the tag of what is no literal
_OF_STATEMENTS = ("Action", "NotAction")
_MAX_NESTING = 100
_STR, _MAP, _SEQ, _BOOL = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq", "bool"))
WRAPPERS = frozenset(
    {
        *("as_expression", "satisfies_expression", "parenthesized_expression", "non_null_expression"),
        "await_expression",
    }
)
_SNAKE = re.compile("_+([a-z0-9])")


Refer = Callable[["Node"], str]


def _unknown(node: Node) -> str:
    """Nothing is known of what an expression refers to."""
    return ""


class Code:
    """A text of a language by its path. Raises CodeError where it cannot be parsed."""

    def __init__(self, path: str, language: LanguageName, text: str) -> None:
        self.path = path
        self.language = language
        self.root = parsed(language, text).root_node
        self.names: Mapping[str, Node] = {}  # what names mean in literals, as far as they are to be followed
        self.refer: Refer = _unknown  # what expressions in literals refer to, as in `${...}`
        # The byte at which each character begins; of plain ASCII they are the same.
        widths = (len(character.encode()) for character in text)
        self._starts = None if text.isascii() else [0, *accumulate(widths)]

    def span(self, node: Node) -> Span:
        """The characters of a node."""
        return Span(self._place(node.start_byte), self._place(node.end_byte))

    def at(self, span: Span) -> Node | None:
        """The node that has just these characters: the smallest one."""
        start, end = (place if self._starts is None else self._starts[place] for place in span)
        node = self.root.descendant_for_byte_range(start, end)
        return node if node is not None and (node.start_byte, node.end_byte) == (start, end) else None

    def _place(self, byte: int) -> int:
        return byte if self._starts is None else bisect_left(self._starts, byte)

    # --- literals ---

    def literal(self, node: Node | None, depth: int = 0) -> YamlNode | None:
        """A literal as a node of YAML, with its place."""
        if node is None:
            return None
        if depth > _MAX_NESTING:
            raise CodeError("literals nest too deep")
        node = unwrapped(node)
        if node.type in ("identifier", "shorthand_property_identifier"):
            node = self.names.get(text_of(node), node)
        make = _MAKERS.get(node.type)
        if make is not None:
            return make(self, node, depth)
        reference = self.refer(node)
        return self.scalar(node, f"${{{reference}}}") if reference else self.unknown(node)

    def unknown(self, node: Node) -> YamlNode:
        """A node of which nothing is known."""
        return ScalarNode(UNKNOWN, "", *self._marks(node))

    def mapping(self, node: Node, pairs: list[tuple[str, YamlNode]]) -> MappingNode:
        """A mapping in the place of a node."""
        start, end = self._marks(node)
        keys = [(ScalarNode(_STR, key, start, start), value) for key, value in pairs]
        return MappingNode(_MAP, keys, start, end, flow_style=True)

    def sequence(self, node: Node, items: list[YamlNode]) -> SequenceNode:
        """A list in the place of a node."""
        return SequenceNode(_SEQ, items, *self._marks(node), flow_style=True)

    def scalar(self, node: Node, value: str, tag: str = _STR) -> ScalarNode:
        """A text in the place of a node."""
        return ScalarNode(tag, value, *self._marks(node))

    def _marks(self, node: Node) -> tuple[Mark, Mark]:
        (line, column), (last, end) = node.start_point, node.end_point
        span = self.span(node)
        return (
            Mark(self.path, span.start, line, column, None, 0),
            Mark(self.path, span.end, last, end, None, 0),
        )

    def _text(self, node: Node, depth: int) -> YamlNode:
        value = text_value(node, refer=self.refer)
        return self.unknown(node) if value is None else self.scalar(node, value)

    def _list(self, node: Node, depth: int) -> YamlNode:
        items = [self.literal(item, depth + 1) for item in node.named_children if item.type != "comment"]
        return self.sequence(node, [item for item in items if item is not None])

    def _map(self, node: Node, depth: int) -> YamlNode:
        pairs: list[tuple[str, YamlNode]] = []
        is_spread = False
        for name, value in entries(node):
            if name is None:
                pairs = []  # what is spread over it decides these
                is_spread = True
                continue
            made = self.literal(value, depth + 1)
            pairs = [pair for pair in pairs if pair[0] != name]
            if made is not None:
                pairs.append((name, made))
        if is_spread and any(name in _OF_STATEMENTS for name, _ in pairs):
            return self.unknown(node)  # half a statement means nothing
        return self.mapping(node, pairs)

    def _true(self, node: Node, depth: int) -> YamlNode:
        return self.scalar(node, node.type, _BOOL)


_MAKERS: dict[str, Callable[[Code, Node, int], YamlNode]] = {
    **dict.fromkeys(("string", "template_string", "binary_expression", "binary_operator"), Code._text),
    **dict.fromkeys(("array", "list"), Code._list),
    **dict.fromkeys(("object", "dictionary"), Code._map),
    **dict.fromkeys(("true", "false"), Code._true),
}


def unwrapped(node: Node) -> Node:
    """A node without what says its type, or waits for it."""
    for _ in range(_MAX_NESTING):
        inner = [child for child in node.named_children if child.type != "comment"]
        if node.type not in WRAPPERS or not inner:
            break
        node = inner[0]
    return node


def text_value(node: Node, depth: int = 0, refer: Refer = _unknown) -> str | None:
    """The text of a string, with `${}` for what is no literal in it; None where nothing of it is known."""
    node = unwrapped(node)
    if node.type in ("binary_expression", "binary_operator"):
        return _joined(node, depth, refer)
    if node.type not in ("string", "template_string"):
        return None
    parts = []
    for child in node.named_children:
        if child.type in ("string_fragment", "string_content"):
            if any(part.type == "escape_sequence" for part in child.named_children):
                return None
            parts.append(text_of(child))
        elif child.type in ("template_substitution", "interpolation"):
            inner = child.named_children
            parts.append(f"${{{refer(inner[0]) if inner else ''}}}")
        elif child.type == "string_start" and set(text_of(child).lower()) & set("b"):
            return None
        elif child.type not in ("string_start", "string_end"):
            return None  # an escape
    return "".join(parts)


def _joined(node: Node, depth: int, refer: Refer) -> str | None:
    left, right = field(node, "left"), field(node, "right")
    operator = text_of(field(node, "operator"))
    if operator != "+" or left is None or right is None or depth > _MAX_NESTING:
        return None
    values = [text_value(side, depth + 1, refer) for side in (left, right)]
    known = [refer(side) for side in (left, right)]
    if not any(known) and all(value is None for value in values):
        return None
    return "".join(
        f"${{{name}}}" if value is None else value for value, name in zip(values, known, strict=True)
    )


def entries(node: Node) -> Iterator[tuple[str | None, Node]]:
    """The keys and values of an object or a dictionary; a key of None for what is spread over it."""
    for child in node.named_children:
        if child.type == "pair":
            name, value = key_name(field(child, "key")), field(child, "value")
            if name is not None and value is not None:
                yield name, value
            elif name is None:
                yield None, child  # a computed key may be any
        elif child.type == "shorthand_property_identifier":
            yield text_of(child), child
        elif child.type in ("spread_element", "dictionary_splat"):
            yield None, child


def key_name(node: Node | None) -> str | None:
    """The name of a key, None where it is computed."""
    if node is None:
        return None
    if node.type in ("property_identifier", "number"):
        return text_of(node)
    value = text_value(node) if node.type == "string" else None
    return None if value is None or "${}" in value else value


def camel(name: str) -> str:
    """A name of Python as TypeScript spells it."""
    return _SNAKE.sub(lambda match: match.group(1).upper(), name)
