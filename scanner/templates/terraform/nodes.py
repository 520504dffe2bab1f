"""Expressions -> the nodes that policies of all frameworks are read from, with their lines. Pure.

A node that stands elsewhere (a local value, a variable) is not `own`: others may read it too, so that nothing
of it is cut. What another file says has the line of the reference to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.templates.edits.hcl_syntax import HCL
from scanner.templates.hcl import bare, call, entries
from scanner.templates.places import ANY
from scanner.templates.steps import Steps
from scanner.templates.terraform.blocks import File, Value
from scanner.templates.terraform.values import list_of, pattern, resolved
from scanner.templates.tree import Tree
from scanner.templates.written import Source, Span, Syntax, Written

_MAX_DEPTH = 20  # of values within each other
_MAP, _LIST, _TEXT = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Mark:
    """A place of a text, as the parser of YAML has it."""

    index: int
    line: int
    column: int


class Marks(NamedTuple):
    """Where a node stands, and whether it stands where it is read."""

    start: Any
    end: Any
    own: bool = True


class Text(ScalarNode):
    """A text, known as the pattern that it comes to."""

    def __init__(self, text: str, marks: Marks) -> None:
        super().__init__(_TEXT, text, marks.start, marks.end)
        self.pattern = text
        self.own = marks.own


class Map(MappingNode):
    """A map, as one value of which the lines are known."""

    def __init__(self, pairs: Iterable[tuple[Node, Node]], marks: Marks) -> None:
        super().__init__(_MAP, list(pairs), marks.start, marks.end, flow_style=True)
        self.own = marks.own


class List(SequenceNode):
    """A list; `whole` tells that all of its items are known."""

    def __init__(self, its: Iterable[Node], marks: Marks, *, whole: bool = True) -> None:
        super().__init__(_LIST, list(its), marks.start, marks.end, flow_style=True)
        self.own = marks.own
        self.whole = whole


class HclTree(Tree):
    """A tree of such nodes. All of them stand in the text of `source`."""

    def __init__(self, root: Node, steps: Steps, path: str, syntax: Syntax = HCL) -> None:
        super().__init__(root, steps=steps, source=Source(path, syntax))

    def resolved(self, node: Node | None, depth: int = 0) -> Node | None:
        """The node itself: references are followed before."""
        return node

    def pattern(self, node: Node | None, depth: int = 0) -> str:
        """The pattern of a text, `*` for anything else."""
        return node.pattern if isinstance(node, Text) else ANY

    def written(
        self,
        node: Node,
        actions: Iterable[tuple[str, Node]] = (),
        resources: Iterable[tuple[str, Node]] = (),
    ) -> Written | None:
        """Where a node is written; of what it holds only what stands in it."""
        if not getattr(node, "own", False):
            return None
        return super().written(node, _own(actions), _own(resources))


def _own(nodes: Iterable[tuple[str, Node]]) -> list[tuple[str, Node]]:
    return [(text, node) for text, node in nodes if getattr(node, "own", False)]


def marks_of(file: File, span: Span) -> Marks:
    """The marks of some characters of a file."""
    start, end = (Mark(at, file.hcl.line(at), file.hcl.column(at)) for at in span)
    return Marks(start, end)


class Converter:
    """Makes nodes of the expressions of a document that stands in `home`."""

    def __init__(self, home: File) -> None:
        self._home = home

    def node(self, value: Value, around: Marks | None = None, depth: int = 0) -> Node:
        """The node of an expression; `around` is the reference by which it is read, if it is by one."""
        value.module.checkout.steps.spend(1)
        marks = self._marks(value, around)
        if depth > _MAX_DEPTH:
            return Text(ANY, marks)
        followed = resolved(value)
        if followed != value and followed.node.type in ("tuple", "object", "function_call"):
            return self.node(followed, marks._replace(own=False), depth + 1)
        if value.node.type == "object":
            pairs = [
                (Text(_key(value.at(key)), marks), self.node(value.at(its), around, depth + 1))
                for _, key, its in entries(value.node)
            ]
            return Map(pairs, marks)
        if value.node.type == "conditional":
            return self._conditional(value, around, depth)
        return self._list(value, marks, around, depth) or Text(pattern(value), marks)

    def _marks(self, value: Value, around: Marks | None) -> Marks:
        if around is not None and value.file.path != self._home.path:
            return around
        own = around is None or around.own
        return marks_of(value.file, value.file.hcl.span(value.node))._replace(own=own)

    def _conditional(self, value: Value, around: Marks | None, depth: int) -> Node:
        """Both branches, as those of Fn::If."""
        marks = self._marks(value, around)
        branches = [child for child in value.node.named_children if child.type == "expression"][1:]
        nodes = [self.node(value.at(branch), around, depth + 1) for branch in branches]
        return Map([(Text("Fn::If", marks), List([Text(ANY, marks), *nodes], marks))], marks)

    def _list(self, value: Value, marks: Marks, around: Marks | None, depth: int) -> Node | None:
        its = list_of(value)
        if its is not None:
            return List([self._item(item, value, marks, around, depth) for item in its], marks)
        name, arguments = call(value.file.hcl, value.node)
        if name == "flatten" and len(arguments) == 1:
            parts = [part.node for part in list_of(value.at(arguments[0])) or ()]
            return self._together(parts, value, (marks, around), depth)
        if name in ("concat", "toset", "distinct", "compact"):
            return self._together([bare(its) for its in arguments], value, (marks, around), depth)
        return None

    def _item(self, item: Value, whole: Value, marks: Marks, around: Marks | None, depth: int) -> Node:
        """An item of a list, which may stand in another one than that in which it is read."""
        return self.node(item, around if item.is_in(whole) else marks._replace(own=False), depth + 1)

    def _together(
        self, parts: Iterable[Any], value: Value, marks: tuple[Marks, Marks | None], depth: int
    ) -> Node:
        """The items of several lists, some of which are not known."""
        found: list[Node] = []
        whole = True
        for part in parts:
            node = self.node(value.at(part), marks[1], depth + 1)
            if isinstance(node, SequenceNode):
                found += node.value
                whole = whole and getattr(node, "whole", False)
            else:
                found.append(node)
                whole = False
        return List(found, marks[0], whole=whole)


def _key(value: Value) -> str:
    """A key: a bare word is its text, though it looks like a reference."""
    if value.node.type in ("variable_expr", "identifier"):
        return value.file.hcl.of(value.node)
    return pattern(value)
