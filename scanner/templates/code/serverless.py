"""The Serverless Framework, configured in TypeScript or JavaScript: a literal as in serverless.yml. Pure.

What is spread, called or imported is not followed. Source: serverless.com/framework/docs/guides/intro
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from yaml.nodes import MappingNode, ScalarNode

from scanner.templates import serverless
from scanner.templates.code.languages import field, text_of
from scanner.templates.code.syntax import TYPESCRIPT
from scanner.templates.code.text import UNKNOWN, Code, entries, unwrapped
from scanner.templates.framework import Declarations, DeclaredRole
from scanner.templates.steps import Steps
from scanner.templates.tree import Tree
from scanner.templates.written import Source

if TYPE_CHECKING:
    from tree_sitter import Node

_OWN_ROLES = ("iam-roles-per-function", "perFunction")  # a function that is not read may have its own
_MAX_DEPTH = 6  # of the configuration below the file: exported, and with its type


def declarations(path: str, text: str, steps: Steps) -> Declarations | None:
    """What the configuration in a text declares, None where there is none or more than one."""
    code = Code(path, "typescript", text)
    found = list(_configurations(code))
    if len(found) != 1:
        return None
    code.names = _names(code, found[0])
    root = code.literal(found[0])
    if not isinstance(root, MappingNode):
        return None
    if any(name in text for name in _OWN_ROLES):
        root = _without_unknown_functions(root)
    declared = serverless.declarations(Tree(root, steps=steps, source=Source(path, TYPESCRIPT)))
    return replace(declared, roles={id_: _open(role) for id_, role in declared.roles.items()})


def _open(role: DeclaredRole) -> DeclaredRole:
    """A role to which what is not read may add statements."""
    return role._replace(policies=tuple(replace(policy, is_open=True) for policy in role.policies))


def _configurations(code: Code) -> Iterator[Node]:
    """The objects of a file that are a service's configuration, not those within others."""
    todo = [(code.root, 0)]
    while todo:
        node, depth = todo.pop()
        if node.type == "object":
            if {"service", "provider"} <= {name for name, _ in entries(node)}:
                yield node
        elif depth < _MAX_DEPTH:
            todo += [(child, depth + 1) for child in node.named_children]


def _names(code: Code, configuration: Node) -> dict[str, Node]:
    """What the file's names mean that it binds once, and uses for the configuration alone."""
    values: dict[str, list[Node]] = {}
    elsewhere: set[str] = set()
    todo = [code.root]
    while todo:
        node = todo.pop()
        if node.id == configuration.id:
            continue
        name, value = field(node, "name"), field(node, "value")
        if node.type == "export_statement" or node.type == "export_specifier":
            elsewhere |= {
                text_of(field(child, "name"))
                for declared in node.named_children
                for child in declared.named_children
            }
        if node.type == "variable_declarator" and name is not None and value is not None:
            values.setdefault(text_of(name), []).append(unwrapped(value))
            todo.append(value)
        elif node.type in ("identifier", "shorthand_property_identifier"):
            elsewhere.add(text_of(node))
        else:
            todo += node.named_children
    return {name: its[0] for name, its in values.items() if len(its) == 1 and name not in elsewhere}


def _without_unknown_functions(root: MappingNode) -> MappingNode:
    """A configuration without the functions that are not read."""
    pairs = []
    for key, value in root.value:
        if key.value == "functions" and isinstance(value, MappingNode):
            known = [pair for pair in value.value if not _is_tagged(pair[1], UNKNOWN)]
            value = MappingNode(value.tag, known, value.start_mark, value.end_mark, flow_style=True)
        pairs.append((key, value))
    return MappingNode(root.tag, pairs, root.start_mark, root.end_mark, flow_style=True)


def _is_tagged(node: object, tag: str) -> bool:
    return isinstance(node, ScalarNode) and node.tag == tag
