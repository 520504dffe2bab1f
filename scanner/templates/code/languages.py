"""The languages of code that templates are written in, and their parsers. Pure.

Parsers are imported where the first such text is read: most checkouts have none.
"""

from __future__ import annotations

import re
import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from scanner.templates.written import ParserMissingError

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

LanguageName = Literal["typescript", "python"]

MAX_CODE = 200_000  # characters: no file that people write is longer
MAX_NESTING = 300  # of brackets: beyond it parsers take long
_SMALL = 20_000  # bytes: no such text takes long
_MAX_SECONDS = 1.0
_BRACKET = re.compile(r"[][(){}]")
SUFFIXES: dict[str, LanguageName] = {
    ".ts": "typescript",
    ".mts": "typescript",
    ".js": "typescript",  # its grammar takes JavaScript too
    ".mjs": "typescript",
    ".cjs": "typescript",
    ".py": "python",
}


class CodeError(ValueError):
    """A text that is no code of its language, or is beyond the bounds."""


def language_of(path: str) -> LanguageName | None:
    """The language of the file at a path, by its suffix."""
    return next((name for suffix, name in SUFFIXES.items() if path.endswith(suffix)), None)


@lru_cache(maxsize=8)  # of a text are asked what it declares, what to cut, and what it is without that
def parsed(language: LanguageName, text: str) -> Tree:
    """The tree of a text. Raises CodeError."""
    if len(text) > MAX_CODE:
        raise CodeError("the text is too long")
    if _nesting(text) > MAX_NESTING:
        raise CodeError("the text nests too deep")
    data, parser = text.encode(), _parser(language)
    if len(data) > _SMALL:
        _check_time(parser, data)
    tree = parser.parse(data)
    if tree.root_node.has_error:
        raise CodeError("the text cannot be parsed")
    return tree


def _check_time(parser: Parser, data: bytes) -> None:
    """Raises CodeError where parsing takes long, as it does where a text can be meant in many ways."""
    deadline = time.process_time() + _MAX_SECONDS
    try:
        parser.parse(
            lambda byte, point: data[byte : byte + 4096],
            progress_callback=lambda byte, has_error: time.process_time() > deadline,
        )
    except ValueError as error:
        parser.reset()
        raise CodeError("the text takes too long to parse") from error


def _nesting(text: str) -> int:
    """About how deep brackets stand in each other: those in texts and comments are counted too."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


@cache
def _parser(language: LanguageName) -> Parser:
    """The parser of a language. Raises ParserMissingError."""
    package = f"tree-sitter-{language}"
    try:
        import tree_sitter

        if language == "python":
            import tree_sitter_python

            grammar = tree_sitter_python.language()
        else:
            import tree_sitter_typescript

            grammar = tree_sitter_typescript.language_typescript()
    except ImportError as error:
        raise ParserMissingError("TypeScript, JavaScript and Python", package) from error
    return tree_sitter.Parser(tree_sitter.Language(grammar))


def text_of(node: Node | None) -> str:
    """The characters of a node."""
    return "" if node is None or node.text is None else node.text.decode()


def field(node: Node | None, name: str) -> Node | None:
    """The child of a node that its grammar calls so."""
    return None if node is None else node.child_by_field_name(name)
