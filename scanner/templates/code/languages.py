"""The languages of code that templates are written in, and their parsers. Pure.

Parsers are imported where the first such text is read: most checkouts have none.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal

from tree_sitter import Language, Node, Parser, Tree

LanguageName = Literal["typescript", "python"]

MAX_CODE = 200_000  # characters: no file that people write is longer
MAX_NESTING = 300  # of brackets: beyond it parsers take long
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
    tree = _parser(language).parse(text.encode())
    if tree.root_node.has_error:
        raise CodeError("the text cannot be parsed")
    return tree


def _nesting(text: str) -> int:
    """About how deep brackets stand in each other: those in texts and comments are counted too."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


@cache
def _parser(language: LanguageName) -> Parser:
    if language == "python":
        import tree_sitter_python

        return Parser(Language(tree_sitter_python.language()))
    import tree_sitter_typescript

    return Parser(Language(tree_sitter_typescript.language_typescript()))


def text_of(node: Node | None) -> str:
    """The characters of a node."""
    return "" if node is None or node.text is None else node.text.decode()


def field(node: Node | None, name: str) -> Node | None:
    """The child of a node that its grammar calls so."""
    return None if node is None else node.child_by_field_name(name)
