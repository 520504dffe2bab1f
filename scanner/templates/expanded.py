"""What CloudFormation writes before it deploys a template: loops, macros, fragments and modules.

The text that is deployed stands in no file: of such roles it is known which template makes them, by what.

Sources, under docs.aws.amazon.com/AWSCloudFormation/latest/:
TemplateReference/intrinsic-function-reference-foreach.html, TemplateReference/transform-aws-include.html,
UserGuide/template-macros.html, UserGuide/modules.html (the logical id of a module comes before those of its
resources); for `!Rain::Module` github.com/aws-cloudformation/rain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from yaml.nodes import Node, ScalarNode, SequenceNode

from scanner.iam.variables import literal
from scanner.templates.framework import Attachment, Declarations, DeclaredRole
from scanner.templates.places import ANY, Name
from scanner.templates.tree import MAX_TEXT, Tree

_LOOP = "Fn::ForEach::"
_MAX_LOOPS = 5  # within each other: AWS allows no more
_STEPS_OF_AN_ENTRY = 20  # CloudFormation deploys 500 resources at the most
_SAM = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
_INCLUDE = "AWS::Include"
_NAME = re.compile(r"[0-9A-Za-z:_-]{1,255}")


def with_expansions(tree: Tree, declared: Declarations) -> Declarations:
    """What a template declares, with what is expanded in it."""
    macros = [name for name in _transforms(tree, tree.top.get("Transform")) if not name.startswith("AWS::")]
    if macros:
        return _without_lines(declared, f"macro {_shown(macros[0])}")
    roles, apart = dict(declared.roles), list(declared.attachments)
    for logical_id, by in _snippets(tree):
        for role_id in (logical_id, f"{logical_id}Role"):
            if role_id in roles:
                # What AWS::Include adds stands beside what is written; a macro may change that.
                kept = roles[role_id].policies if by == _INCLUDE else ()
                roles[role_id] = roles[role_id]._replace(policies=kept, made_by=_macro(by))
    for name, by in _expanded(tree, tree.top.get("Resources")):
        if name.derived:
            roles.setdefault(name.text, DeclaredRole(name, made_by=by))
        else:
            apart.append(Attachment(None, DeclaredRole(name, made_by=by)))
    return replace(declared, roles=roles, attachments=tuple(apart))


# --- macros ---


def _without_lines(declared: Declarations, by: str) -> Declarations:
    """The same roles, of which a macro may have changed anything."""
    return replace(
        declared,
        roles={id_: role._replace(policies=(), made_by=by) for id_, role in declared.roles.items()},
        attachments=(),
    )


def _transforms(tree: Tree, node: Node | None) -> Iterator[str]:
    """The names of the macros of a `Transform`: texts, or mappings with a name."""
    for item in tree.items(node):
        yield tree.pattern(tree.fields(item).get("Name", item))


def _snippets(tree: Tree) -> Iterator[tuple[str, str]]:
    """The resources with a macro among their properties: logical id, name of the macro."""
    for logical_id, resource in tree.resources.items():
        todo, seen = [resource.properties], set[int]()
        while todo:
            node = tree.resolved(todo.pop())
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            fields = tree.fields(node)
            if "Fn::Transform" in fields or node.tag == "!Transform":
                yield from (
                    (logical_id, name) for name in _transforms(tree, fields.get("Fn::Transform", node))
                )
            todo += fields.values() if fields else tree.items(node) if isinstance(node, SequenceNode) else ()


def _macro(name: str) -> str:
    return name if name == _INCLUDE else f"macro {_shown(name)}"


# --- loops and modules ---


class _Loop(NamedTuple):
    """A loop of a template: `variable` stands for each of the values in what it repeats."""

    name: str
    variable: str
    values: Sequence[str]
    body: Node


class _Entry(NamedTuple):
    """A resource, or a loop, by its key: in loops `by`, with the values of their variables."""

    key: str
    node: Node
    by: str = ""
    values: tuple[tuple[str, str], ...] = ()

    @property
    def logical_id(self) -> str:
        """The key with the values of variables; `&{x}` keeps letters and digits alone."""
        text = literal(self.key)
        for variable, value in self.values:
            plain = value if value == ANY else "".join(filter(str.isalnum, value))
            text = text.replace(f"${{{variable}}}", value).replace(f"&{{{variable}}}", plain)[:MAX_TEXT]
        return text


def _expanded(tree: Tree, section: Node | None) -> Iterator[tuple[Name, str]]:
    """The names of the roles that loops and modules among resources make, each with what makes it."""
    todo = [_Entry(key, node) for key, node in tree.fields(section).items()]
    while todo:
        entry = todo.pop()
        tree.spend(1)
        loop = _loop(tree, entry) if len(entry.values) < _MAX_LOOPS else None
        if loop is not None:
            for key, node in tree.fields(loop.body).items():
                tree.spend(_STEPS_OF_AN_ENTRY * len(loop.values))
                todo += [
                    _Entry(key, node, entry.by or loop.name, (*entry.values, (loop.variable, value)))
                    for value in loop.values
                ]
            continue
        fields = tree.fields(entry.node)
        kind = fields.get("Type")
        if kind is not None and _is_module(kind):
            yield Name(f"*-{entry.logical_id}*-*"), f"module {_shown(entry.key)}"
        elif entry.by and isinstance(kind, ScalarNode):
            names = _role_name(tree, entry.logical_id, kind.value, fields.get("Properties"))
            yield from ((name, entry.by) for name in names)


def _loop(tree: Tree, entry: _Entry) -> _Loop | None:
    parts = tree.resolved(entry.node)
    if not entry.key.startswith(_LOOP) or not isinstance(parts, SequenceNode) or len(parts.value) != 3:
        return None
    variable, collection, body = parts.value
    values = [tree.pattern(item) for item in tree.items(collection)]
    known = isinstance(collection, SequenceNode) and bool(values)
    name = f"loop {_shown(entry.key.removeprefix(_LOOP))}"
    return _Loop(name, tree.pattern(variable), values if known else [ANY], body)


def _role_name(tree: Tree, logical_id: str, kind: str, properties: Node | None) -> Iterator[Name]:
    fields = tree.fields(properties)
    if kind in _SAM and "Role" not in fields:
        logical_id, given = f"{logical_id}Role", None
    elif kind == "AWS::IAM::Role":
        given = fields.get("RoleName")
    else:
        return
    if given is not None:
        yield Name(tree.pattern(given))
    else:
        yield Name(f"*-{logical_id}-*") if ANY in logical_id else Name(logical_id, derived=True)


def _is_module(kind: Node) -> bool:
    text = kind.value if isinstance(kind, ScalarNode) else ""
    return text.endswith("::MODULE") or kind.tag == "!Rain::Module"


def _shown(name: str) -> str:
    """A name as it is shown; what cannot be one is not."""
    return name if _NAME.fullmatch(name) else "?"
