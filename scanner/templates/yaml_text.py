"""YAML and JSON files of a checkout -> their trees, within bounds. Pure."""

from __future__ import annotations

from functools import lru_cache

from yaml.nodes import MappingNode, Node

from scanner.templates.edits.yaml_syntax import YAML
from scanner.templates.included import IncludedFiles
from scanner.templates.steps import MAX_EVENTS, MAX_NESTING
from scanner.templates.tree import Tree
from scanner.templates.written import Checkout, Source
from scanner.text.yaml_document import compose


def yaml_tree(path: str, text: str, checkout: Checkout, included: IncludedFiles | None = None) -> Tree | None:
    """The tree of the file at a path, None where it is no mapping. Raises what parsers raise.

    `included` are the files that values of it name.
    """
    root = _root(text)
    if not isinstance(root, MappingNode):
        return None
    return Tree(root, steps=checkout.steps, source=Source(path, YAML), included=included)


def tree_of(text: str) -> Tree | None:
    """The tree of a text that is no file of the checkout."""
    root = _root(text)
    return Tree(root) if isinstance(root, MappingNode) else None


@lru_cache(maxsize=1)  # each framework that may be meant asks for it
def _root(text: str) -> Node | None:
    return compose(text, max_nesting=MAX_NESTING, max_events=MAX_EVENTS)
