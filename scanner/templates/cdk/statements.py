"""Statements as the sources of an app write them. Pure.

Source: docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_iam.PolicyStatementProps.html
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from yaml.nodes import MappingNode, ScalarNode
from yaml.nodes import Node as YamlNode

from scanner.templates.cdk.constructs import Constructs
from scanner.templates.code.program import Call, chain_of
from scanner.templates.code.syntax import syntax_of
from scanner.templates.code.text import UNKNOWN, Code
from scanner.templates.places import StatementPlace
from scanner.templates.policies import statements
from scanner.templates.steps import Steps
from scanner.templates.tree import Tree
from scanner.templates.written import Source

if TYPE_CHECKING:
    from tree_sitter import Node

_KEYS = {
    "sid": "Sid",
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
    "conditions": "Condition",
}
_EFFECTS = {"ALLOW": "Allow", "DENY": "Deny"}


def tree_of(constructs: Constructs, code: Code, steps: Steps) -> Tree:
    """What reads literals of a file, with the resources that they refer to."""
    return Tree(code.mapping(code.root, []), constructs.resources, steps, source_of(code))


def source_of(code: Code) -> Source:
    """The text of a file."""
    return Source(code.path, syntax_of(code.language))


def statement(constructs: Constructs, of: Call, node: Node, steps: Steps) -> StatementPlace | None:
    """The Allow statement that stands in an argument of a call, None where there is none to be read.

    What another name shares is not cut: elsewhere it may mean something else.
    """
    made = constructs.call_at(of, node)
    document = None if made is None else _document(constructs, made)
    if made is None or document is None:
        return None
    tree = tree_of(constructs, of.code, steps)
    places = statements(tree, tree_list(of.code, node, [document]))
    if not places:
        return None
    place = places[0]
    own = made.node.start_byte >= node.start_byte and made.node.end_byte <= node.end_byte
    if not own or not _is_within(place, of.code, made.node):
        return replace(place, written=None)
    return place


def tree_list(code: Code, node: Node, items: list[YamlNode]) -> YamlNode:
    """A list in the place of a node."""
    return code.sequence(node, items)


def _is_within(place: StatementPlace, code: Code, node: Node) -> bool:
    """Whether all actions and resources of a statement stand in it."""
    written, around = place.written, code.span(node)
    spans = [span for its in (written.actions.values() if written else ()) for span in its]
    return all(around.start <= span.start and span.end <= around.end for span in spans)


def _document(constructs: Constructs, made: Call) -> YamlNode | None:
    """A statement as JSON would have it, None where too little of it is known."""
    code = copy(made.code)
    code.refer = lambda node: constructs.reference(made, node)
    if made.name == "fromJson" and made.receiver and made.receiver[-1] == "PolicyStatement":
        document = code.literal(constructs.at(made, made.argument(0, "obj")))
        return document if isinstance(document, MappingNode) else None
    if made.name != "PolicyStatement" or not made.makes or made.is_spread:
        return None
    effect = _effect(constructs, made)
    if effect is None:
        return None
    pairs: list[tuple[str, YamlNode]] = [("Effect", effect)]
    for name, key in _KEYS.items():
        value = code.literal(constructs.at(made, made.named.get(name)))
        if value is not None:
            pairs.append((key, value))
    return code.mapping(made.node, pairs)


def _effect(constructs: Constructs, made: Call) -> ScalarNode | None:
    given = made.named.get("effect")
    if given is None:
        return made.code.scalar(made.node, "Allow")
    chain = chain_of(constructs.at(made, given)) or ("",)
    effect = _EFFECTS.get(chain[-1].upper())
    return None if effect is None else made.code.scalar(given, effect)


def listed(constructs: Constructs, of: Call, node: Node | None) -> Iterator[Node]:
    """The items of a list that stands in an argument, or that the name in its place is bound to."""
    found = constructs.at(of, node)
    if found is not None and found.type in ("array", "list"):
        yield from (item for item in found.named_children if item.type != "comment")


def is_unknown(node: YamlNode | None) -> bool:
    """Whether nothing is known of a literal."""
    return node is None or node.tag == UNKNOWN
