"""HCL, the language of Terraform and OpenTofu: a text -> its syntax nodes, within bounds. Pure.

The parser is tree-sitter's, which recovers from errors: a text with errors is not read at all. Its offsets
are bytes, those of this module characters.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from scanner.templates.written import ParserMissingError, Span

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_CHARACTERS = 200_000  # of a file: ten times of what people write
_MAX_SECONDS = 1.0  # of parsing a text: a file of people takes some milliseconds
# What stands around a value and says nothing
_WRAPPERS = frozenset({"expression", "literal_value", "template_expr", "collection_value"})


class HclError(ValueError):
    """A text that is no HCL, or is beyond the bounds."""


class HclText:
    """A parsed text: `root` is its body, None where it is empty."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._data = text.encode()
        root = _root(self._data)
        self._tree = root
        self.size = root.descendant_count
        self.root = next((child for child in root.named_children if child.type == "body"), None)
        # the bytes that begin no character
        self._inner = [] if text.isascii() else [i for i, b in enumerate(self._data) if b & 0xC0 == 0x80]
        self._breaks = [i for i, character in enumerate(text) if character == "\n"]

    def span(self, node: Node) -> Span:
        """The characters of a node."""
        return Span(self._character(node.start_byte), self._character(node.end_byte))

    def node(self, span: Span) -> Node | None:
        """The innermost node of just these characters; in a heredoc, that of any of its characters."""
        start, end = (len(self.text[:place].encode()) for place in span)
        node = self._tree.named_descendant_for_byte_range(start, end)
        while node is not None and node.parent is not None and _holds_in_heredoc(node):
            node = node.parent
        exact = node is not None and (node.start_byte, node.end_byte) == (start, end)
        return node if exact or (node is not None and node.type == "heredoc_template") else None

    def of(self, node: Node) -> str:
        """The text of a node."""
        return self._data[node.start_byte : node.end_byte].decode()

    def line(self, place: int) -> int:
        """The line of a character, from 0."""
        return bisect_left(self._breaks, place)

    def column(self, place: int) -> int:
        """How many characters of its line stand before a character."""
        line = self.line(place)
        return place - (self._breaks[line - 1] + 1 if line else 0)

    def _character(self, byte: int) -> int:
        return byte - bisect_left(self._inner, byte)


@lru_cache(maxsize=16)  # a module's files are read for each file of it
def hcl(text: str) -> HclText:
    """A parsed text. Raises HclError, and ParserMissingError."""
    if len(text) > MAX_CHARACTERS:
        raise HclError(f"has more than {MAX_CHARACTERS:,} characters")
    return HclText(text)


def _root(data: bytes) -> Node:
    deadline = time.process_time() + _MAX_SECONDS
    parser = _parser()
    try:
        tree = parser.parse(
            lambda byte, point: data[byte : byte + 4096],
            progress_callback=lambda byte, has_error: time.process_time() > deadline,
        )
    except ValueError as error:
        parser.reset()
        raise HclError("takes too long to parse") from error
    if tree.root_node.has_error:
        raise HclError("is not valid HCL")
    return tree.root_node


@cache
def _parser() -> Parser:
    try:
        import tree_sitter
        import tree_sitter_hcl
    except ImportError as error:
        raise ParserMissingError("Terraform", "tree-sitter-hcl") from error
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))


def _holds_in_heredoc(node: Node) -> bool:
    """Whether a node is a part of a heredoc's text."""
    return (
        node.type == "template_literal" and node.parent is not None and node.parent.type == "heredoc_template"
    )


def bare(node: Node) -> Node:
    """The value in an expression: without what only stands around it, parentheses included."""
    while node.type in _WRAPPERS:
        inner = named(node)
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def named(node: Node) -> list[Node]:
    """The named nodes in a node, without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def items(node: Node) -> Iterator[Node]:
    """The expressions of a tuple, or the arguments of a call."""
    for child in named(node):
        if child.type == "function_arguments":
            yield from items(child)
        elif child.type == "expression":
            yield child


def entries(node: Node) -> Iterator[tuple[Node, Node, Node]]:
    """The entries of an object: each with its key and its value."""
    for child in named(node):
        pair = named(child) if child.type == "object_elem" else []
        if len(pair) == 2:
            yield child, pair[0], pair[1]


def traversal(text: HclText, node: Node) -> tuple[str, ...]:
    """The names of a reference such as `aws_iam_role.a[0].arn`, without indices; empty for anything else."""
    if node.type == "variable_expr":
        return (text.of(node),)
    parts: list[str] = []
    for child in named(node) if node.type == "expression" else ():
        if child.type == "variable_expr" and not parts:
            parts.append(text.of(child))
        elif child.type == "get_attr" and parts:
            parts.append(text.of(child).lstrip(". \t\r\n"))
        elif child.type != "index" or not parts:
            return ()
    return tuple(parts)


def call(text: HclText, node: Node) -> tuple[str, list[Node]]:
    """The name of a function and its arguments; no name where the node calls none."""
    if node.type != "function_call":
        return "", []
    children = named(node)
    return text.of(children[0]), list(items(node))


def heredoc(text: HclText, node: Node) -> Span | None:
    """The characters between the two words of a heredoc."""
    words = [child for child in node.children if child.type == "heredoc_identifier"]
    return Span(text.span(words[0]).end, text.span(words[1]).start) if len(words) == 2 else None


def holes(text: HclText, node: Node, start: int) -> list[Span]:
    """The interpolations of a heredoc, counted from a character of the text."""
    spans = [text.span(child) for child in named(node) if child.type == "template_interpolation"]
    return [Span(span.start - start, span.end - start) for span in spans]


def is_once(text: HclText, value: Node) -> bool:
    """Whether a number is at most one: `1`, or `var.enabled ? 1 : 0`."""
    if value.type == "conditional":
        return {text.of(bare(branch)) for branch in named(value)[1:]} <= {"0", "1"}
    return text.of(value) in ("0", "1")
