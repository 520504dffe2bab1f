"""The documents of policies: jsonencode, data documents, heredocs and files of JSON. Pure.

Sources: developer.hashicorp.com/terraform/language/functions/jsonencode, and
registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from yaml.nodes import MappingNode, Node

from scanner.templates.edits.yaml_syntax import YAML
from scanner.templates.hcl import call, heredoc, named
from scanner.templates.masked import interpolations
from scanner.templates.places import ANY, Name, PolicyKind, PolicyPlace
from scanner.templates.policies import policy
from scanner.templates.terraform.blocks import Block, File, Module, Value, argument
from scanner.templates.terraform.json_text import json_nodes
from scanner.templates.terraform.nodes import Converter, HclTree, List, Map, Mark, Marks, Text, marks_of
from scanner.templates.terraform.values import exact, list_of, pattern, reference, resolved, shared_on_the_way
from scanner.templates.written import Span, Syntax
from scanner.text.yaml_document import Lines

if TYPE_CHECKING:
    from tree_sitter import Node as SyntaxNode

_DATA = "aws_iam_policy_document"
_MAX_SOURCES = 5  # documents that name each other
_FIELDS = {
    "sid": "Sid",
    "effect": "Effect",
    "actions": "Action",
    "not_actions": "NotAction",
    "resources": "Resource",
    "not_resources": "NotResource",
    "condition": "Condition",
}
_SOURCES = ("source_policy_documents", "override_policy_documents", "source_json", "override_json")


class Policy(NamedTuple):
    """What a policy is called, its kind, and why nothing of its document is cut, if that is so."""

    name: Name
    kind: PolicyKind
    no_edit: str = ""


class _Document(NamedTuple):
    """The node of a document in the file that it stands in.

    `whole` tells that its statements are the deployed ones, in their order.
    """

    path: str
    root: Node
    whole: bool = True
    syntax: Syntax | None = None
    no_edit: str = ""


def policies(value: Value | None, its: Policy, entry: Span | None = None) -> tuple[PolicyPlace, ...]:
    """The policy of a document, once for each document that it is made of; empty where none can be read.

    `entry` is what to remove so that the policy is gone, if it is all in one place.
    """
    if value is None:
        return ()
    documents = list(_documents(value))
    return tuple(_place(document, value, its, entry, alone=len(documents) == 1) for document in documents)


def _place(document: _Document, value: Value, its: Policy, entry: Span | None, *, alone: bool) -> PolicyPlace:
    syntax = {"syntax": document.syntax} if document.syntax is not None else {}
    tree = HclTree(document.root, value.module.checkout.steps, document.path, **syntax)
    no_edit = its.no_edit or document.no_edit
    place = replace(policy(tree, its.name, its.kind, document.root), path=document.path, no_edit=no_edit)
    start = document.root.start_mark.index if document.path == value.file.path else -1
    if entry is not None and alone and entry.start <= start < entry.end:
        place = replace(place, written=tree.written(Map([], marks_of(value.file, entry))))
    statements = tree.fields(document.root).get("Statement")
    whole = document.whole and alone and getattr(statements, "whole", True)
    return place if whole else replace(place, statement_count=None, other_statements=1)


def _documents(value: Value, depth: int = 0) -> Iterator[_Document]:
    shared = shared_on_the_way(value)
    value = resolved(value)
    for document in _of_expression(value, depth):
        yield document._replace(no_edit=shared or document.no_edit)


def _of_expression(value: Value, depth: int) -> Iterator[_Document]:
    parts = reference(value)
    if parts[:2] == ("data", _DATA) and len(parts) == 4 and parts[3] in ("json", "minified_json"):
        block = value.module.block(*parts[:3])
        if block is not None and depth < _MAX_SOURCES:
            name, shared = ".".join(parts[:3]), value.module.several(block)
            if value.module.mentions(name) > 1:
                shared = f"{name[:100]} is read elsewhere too"
            for document in _data_documents(value.module, block, depth):
                yield document._replace(no_edit=shared or document.no_edit)
        return
    name, arguments = call(value.file.hcl, value.node)
    if name == "jsonencode" and len(arguments) == 1:
        inner = resolved(value.at(arguments[0]))
        root = Converter(inner.file).node(inner)
        yield _Document(inner.file.path, root, no_edit=shared_on_the_way(value.at(arguments[0])))
    elif name in ("file", "templatefile") and arguments:
        yield from _of_file(value, exact(value.at(arguments[0])))
    elif value.node.type == "heredoc_template":
        yield from _of_heredoc(value)


# --- data documents ----------------------------------------------------------------------------------


def _data_documents(module: Module, block: Block, depth: int) -> Iterator[_Document]:
    others = [value for name in _SOURCES if (value := argument(module, block, name)) is not None]
    statements = [its for its in block.blocks if its.kind in ("statement", "dynamic")]
    whole = not others and all(its.kind == "statement" for its in statements)
    nodes = [_statement(module, its) for its in statements if its.labels in ((), ("statement",))]
    marks = marks_of(block.file, block.file.hcl.span(block.node))
    if nodes or whole:
        root = Map([(Text("Statement", marks), List(nodes, marks))], marks)
        yield _Document(block.file.path, root, whole)
    for value in others:
        for item in list_of(value) or [value]:
            for document in _documents(item, depth + 1):
                yield document._replace(whole=False)


def _statement(module: Module, block: Block) -> Node:
    """The node of a statement. Of a dynamic one nothing is cut: it becomes several."""
    content = block
    marks = marks_of(block.file, block.file.hcl.span(block.node))
    if block.kind == "dynamic":
        content = next((its for its in block.blocks if its.kind == "content"), block)
        marks = marks._replace(own=False)
    return statement_node(
        {name: value for name in _FIELDS if (value := argument(module, content, name)) is not None},
        marks,
        block.file,
        has_condition=any("condition" in (its.kind, *its.labels) for its in content.blocks),
    )


def statement_node(
    arguments: Mapping[str, Value], marks: Marks, home: File, *, has_condition: bool = False
) -> Node:
    """The node of a statement with the arguments of a data document, in the words of a policy."""
    converter = Converter(home)
    fields = {_FIELDS[name]: converter.node(value) for name, value in arguments.items() if name in _FIELDS}
    if has_condition:
        fields["Condition"] = Text(ANY, marks)
    if isinstance(sid := fields.get("Sid"), Text) and not sid.pattern:
        del fields["Sid"]
    for name in ("Resource", "NotResource"):
        _use_dollars(fields.get(name))
    return Map([(Text(name, marks), node) for name, node in fields.items()], marks)


def _use_dollars(node: Node | None) -> None:
    """`&{aws:username}` in a data document becomes `${aws:username}`."""
    for item in [node, *(node.value if isinstance(node, List) else ())]:
        if isinstance(item, Text):
            item.pattern = item.pattern.replace("&{", "${")


# --- JSON --------------------------------------------------------------------------------------------


def _of_heredoc(value: Value) -> Iterator[_Document]:
    file, content = value.file, heredoc(value.file.hcl, value.node)
    if content is None:
        return
    start, end = content
    holes = [child for child in named(value.node) if child.type == "template_interpolation"]
    parts = [Span(s.start - start, s.end - start) for s in map(file.hcl.span, holes)]
    patterns = [_hole(value, hole) for hole in holes]
    root = json_nodes(
        file.hcl.text[start:end],
        parts,
        patterns,
        lambda span: marks_of(file, Span(start + span.start, start + span.end)),
    )
    if isinstance(root, MappingNode):
        yield _Document(file.path, root)


def _hole(value: Value, hole: SyntaxNode) -> str:
    inner = [child for child in named(hole) if child.type == "expression"]
    return pattern(value.at(inner[0])) if inner else ANY


def _of_file(value: Value, name: str | None) -> Iterator[_Document]:
    path = None if name is None else posixpath.normpath(name)
    text = None if path is None or path.startswith(("/", "..")) else value.module.checkout.text(path)
    if text is None or path is None:
        return
    value.module.checkout.steps.spend(1 + len(text) // 100)
    parts = interpolations(text)
    breaks = [place for place, character in enumerate(text) if character == "\n"]

    def mark(place: int) -> Mark:
        line = bisect_left(breaks, place)
        return Mark(place, line, place - (breaks[line - 1] + 1 if line else 0))

    root = json_nodes(text, parts, [ANY] * len(parts), lambda span: Marks(mark(span.start), mark(span.end)))
    if isinstance(root, MappingNode):
        folder, file = posixpath.split(path)
        shared = ""
        if value.module.mentions(file) > 1 or not f"{folder}/".startswith(
            f"{value.module.folder}/".lstrip("/")
        ):
            shared = "other modules may read the file too"
        elif parts:
            shared = "the file is a template"
        yield _Document(path, root, syntax=YAML, no_edit=shared)


def lines_of_block(block: Block) -> Lines:
    """The first line of a block."""
    line = block.file.hcl.line(block.file.hcl.span(block.node).start) + 1
    return Lines(line, line)


def lines_of_value(value: Value) -> Lines:
    """The lines of an expression."""
    span = value.file.hcl.span(value.node)
    return Lines(value.file.hcl.line(span.start) + 1, value.file.hcl.line(max(span.start, span.end - 1)) + 1)
