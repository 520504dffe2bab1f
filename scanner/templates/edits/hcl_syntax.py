"""HCL: what to cut of a text so that nodes go and all other bytes stay. Pure.

Items of lists, entries of maps and blocks go; a list, a map or an argument of which nothing would be left
stays as it is: without it, Terraform would leave alone what it made before. The comment that ends a line goes
with what the line says; those above stay, but for those directly above a statement or a block that goes. JSON
in a heredoc is cut as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from scanner.templates.edits.yaml_syntax import YAML
from scanner.templates.hcl import HclError, HclText, bare, call, hcl, heredoc, holes, is_once, named
from scanner.templates.masked import masked
from scanner.templates.written import CannotCutError, Span

if TYPE_CHECKING:
    from tree_sitter import Node

# Functions of which a part of the argument is the same part of the result
_TRANSPARENT = frozenset({"compact", "concat", "distinct", "jsonencode", "sort", "tolist", "toset"})
_ABOVE = frozenset(
    {
        *(
            "attribute",
            "block",
            "body",
            "collection_value",
            "config_file",
            "expression",
            "function_arguments",
        ),
        *("function_call", "literal_value", "object", "object_elem", "template_expr", "tuple"),
    }
)
_MAX_DEPTH = 200  # of nodes within each other
_BLANK = re.compile("[ \t]*")
_REST = re.compile(r"[ \t]*(?:(?:#|//)[^\r\n]*|/\*[^\r\n]*?\*/[ \t]*)?")  # of a line: blanks and a comment
_COMMENT = re.compile(r"[ \t]*(?:#|//)[^\r\n]*")
_COMMA = re.compile("[ \t\r\n]*,")
_BREAK = re.compile("\r?\n")
_WORD = re.compile("[A-Za-z0-9:*?/._-]+")


class HclSyntax:
    """HCL, with JSON in heredocs."""

    def cuts(self, text: str, nodes: Collection[Span]) -> tuple[Span, ...]:
        """What to cut so that nodes go: in order, disjoint. Raises CannotCutError."""
        parsed = _parsed(text)
        removed = _removed(parsed, nodes)
        spans: list[Span] = []
        for parent, its in _by_parent(removed.nodes):
            spans += _Cutter(parsed, parent).spans(its)
        for node, inner in removed.in_json.items():
            start, content = _json(parsed, node)
            spans += [Span(start + s.start, start + s.end) for s in YAML.cuts(content, inner)]
        spans.sort()
        if any(after.start < before.end for before, after in pairwise(spans)):
            raise CannotCutError("what to cut overlaps")
        return tuple(spans)

    def replaced(self, text: str, node: Span, values: Sequence[str]) -> str:
        """What to write in the place of a text, in a list an item each. Raises CannotCutError."""
        parsed = _parsed(text)
        found = parsed.node(node)
        if found is None:
            raise CannotCutError("the file has changed")
        if found.type == "heredoc_template":
            _check_above(parsed, found)
            start, content = _json(parsed, found)
            return YAML.replaced(content, Span(node.start - start, node.end - start), values)
        _check_above(parsed, found)
        if found.type != "string_lit" or not all(map(_WORD.fullmatch, (text[slice(*node)][1:-1], *values))):
            raise CannotCutError("it is not written as a plain text")
        written = ", ".join(f'"{value}"' for value in values)
        in_list = any(
            above.type == "tuple" and bare(item) == found for item, above in pairwise(_chain(found))
        )
        return written if in_list or len(values) == 1 else f"[{written}]"

    def is_without(self, text: str, nodes: Collection[Span], new: str) -> bool:
        """Whether a new text has the content of the old one without just these nodes."""
        try:
            old, parsed = _parsed(text), _parsed(new)
            removed = _removed(old, nodes)
        except CannotCutError:
            return False
        return _Comparison(old, parsed, removed).is_same(old.root, parsed.root, 0)


HCL = HclSyntax()


def _parsed(text: str) -> HclText:
    try:
        return hcl(text)
    except HclError as error:
        raise CannotCutError(f"the file {error}") from error


# --- what goes ---------------------------------------------------------------------------------------


class _Removed(NamedTuple):
    """The syntax nodes that go, and by the heredocs of JSON what goes of these, from their beginning."""

    nodes: list[Node]
    in_json: Mapping[Node, list[Span]]


def _removed(text: HclText, spans: Collection[Span]) -> _Removed:
    nodes: list[Node] = []
    in_json: dict[Node, list[Span]] = {}
    for span in sorted(spans):
        node = text.node(span)
        if node is None:
            raise CannotCutError("the file has changed")
        inner = next((its for its in _chain(node) if its.type == "heredoc_template"), None)
        _check_above(text, node if inner is None else inner)
        if inner is None:
            nodes.append(_entry(text, node))
        else:
            start, _ = _json(text, inner)
            in_json.setdefault(inner, []).append(Span(span.start - start, span.end - start))
    for parent, its in _by_parent(nodes):
        _check_rest(text, parent, its)
    return _Removed(nodes, in_json)


def _entry(text: HclText, node: Node) -> Node:
    """What a node is in the list, the map or the body that it goes from."""
    for above in _chain(node):
        if above.type in ("block", "object_elem"):
            return above
        parent = above.parent
        if above.type == "expression" and parent is not None and parent.type == "tuple":
            return above
        if parent is None or bare(parent) != bare(above):
            break
    raise CannotCutError("it is the only value of its argument")


def _chain(node: Node) -> Iterator[Node]:
    """A node and those that hold it."""
    above: Node | None = node
    while above is not None:
        yield above
        above = above.parent


def _check_above(text: HclText, node: Node) -> None:
    """Raises CannotCutError where what stands around a node makes several of it, or something else."""
    inside = node
    for above in _chain(node):
        name, _ = call(text, above)
        if name and name not in _TRANSPARENT:
            raise CannotCutError(f"it is an argument of {name[:40]}")
        if above is not node and above.type not in _ABOVE:
            raise CannotCutError("an expression decides whether it is there")
        if above.type == "block":
            _check_block(text, above, inside)
        if above.type == "attribute":
            inside = above


def _check_block(text: HclText, block: Node, inside: Node) -> None:
    if text.of(named(block)[0]) == "dynamic":
        raise CannotCutError("a dynamic block makes several of it")
    for argument in _arguments(block):
        key, value = named(argument)[0], bare(named(argument)[-1])
        if argument == inside:
            continue
        if text.of(key) == "for_each" or (text.of(key) == "count" and not is_once(text, value)):
            raise CannotCutError(f"{text.of(key)} makes several of it")


def _arguments(block: Node) -> list[Node]:
    body = next((child for child in named(block) if child.type == "body"), None)
    return [child for child in named(body) if child.type == "attribute"] if body is not None else []


def _check_rest(text: HclText, parent: Node, its: Sequence[Node]) -> None:
    """Raises CannotCutError where what remains would not say that the rest is gone."""
    starts = {node.start_byte for node in its}
    kind = text.of(named(its[0])[0]) if its[0].type == "block" else ""
    if kind == "resource":
        return
    alike = [
        child
        for child in named(parent)
        if child.type == its[0].type and (not kind or text.of(named(child)[0]) == kind)
    ]
    if all(child.start_byte in starts for child in alike):
        raise CannotCutError("nothing would be left in what holds it")


def _by_parent(nodes: Collection[Node]) -> list[tuple[Node, list[Node]]]:
    found: dict[int, tuple[Node, list[Node]]] = {}
    for node in nodes:
        if node.parent is not None:
            found.setdefault(node.parent.id, (node.parent, []))[1].append(node)
    return list(found.values())


def _json(text: HclText, node: Node) -> tuple[int, str]:
    """Where the JSON of a heredoc begins, and the JSON, in which interpolations are masked."""
    content = heredoc(text, node)
    inner = None if content is None else masked(text.text[slice(*content)], holes(text, node, content.start))
    if content is None or inner is None:
        raise CannotCutError("the heredoc is not JSON alone")
    return content.start, inner


# --- what to cut -------------------------------------------------------------------------------------


class _Cutter:
    """Cuts entries of one list, map or body, of which others stay."""

    def __init__(self, text: HclText, parent: Node) -> None:
        self._text = text.text
        self._entries = [child for child in named(parent) if not child.type.endswith(("_start", "_end"))]
        self._spans = [text.span(entry) for entry in self._entries]

    def spans(self, nodes: Sequence[Node]) -> Iterator[Span]:
        """What to cut for some entries."""
        starts = {node.start_byte for node in nodes}
        run: list[int] = []
        for index, entry in enumerate(self._entries):
            if entry.start_byte in starts:
                run.append(index)
            elif run:
                yield from self._run(run)
                run = []
        if run:
            yield from self._run(run)

    def _run(self, run: Sequence[int]) -> Iterator[Span]:
        """What to cut for entries that follow each other."""
        spans = [self._with_comma(index) for index in run]
        if all(self._begins_line(span.start) and self._ends_line(span.end) for span in spans):
            for index, span in zip(run, spans, strict=True):
                yield self._lines(span, self._entries[index])
            return
        if self._entries[run[0]].type == "block":
            raise CannotCutError("something else stands on its lines")
        yield self._within_line(run[0], run[-1], spans[-1].end)

    def _within_line(self, first: int, last: int, end: int) -> Span:
        if last + 1 < len(self._entries):
            self._check_gaps(first, last + 1)
            return Span(self._spans[first].start, self._spans[last + 1].start)
        self._check_gaps(first - 1, last)
        if (
            end > self._spans[last].end
        ):  # the comma that ends the list stays, as that of what is then the last
            return Span(self._with_comma(first - 1).end, end)
        return Span(self._spans[first - 1].end, end)

    def _check_gaps(self, first: int, last: int) -> None:
        """Raises CannotCutError where a comment stands between entries."""
        for index in range(first, last):
            gap = self._text[self._spans[index].end : self._spans[index + 1].start]
            if "#" in gap or "/" in gap:
                raise CannotCutError("a comment stands beside it")

    def _with_comma(self, index: int) -> Span:
        """An entry with the comma behind it."""
        span = self._spans[index]
        comma = _COMMA.match(self._text, span.end)
        return Span(span.start, comma.end() if comma else span.end)

    def _lines(self, span: Span, node: Node) -> Span:
        """All lines of an entry; of a statement or a block with the comments directly above."""
        begin, stop = self._line_start(span.start), self._line_end(span.end)
        if node.type == "block" or bare(node).type == "object" or node.type == "object_elem":
            begin = self._above(begin, _COMMENT)
        if node.type == "block":
            begin = self._above(begin, _BLANK, most=1)
        ending = _BREAK.match(self._text, stop)
        if ending is None:
            return Span(self._before_break(begin), stop)
        return Span(begin, ending.end())

    def _above(self, begin: int, line: re.Pattern[str], most: int = 1000) -> int:
        """The start of the lines of a kind directly above a line."""
        for _ in range(most):
            end = self._before_break(begin)
            above = self._line_start(end)
            if begin == 0 or line.fullmatch(self._text, above, end) is None:
                break
            begin = above
        return begin

    def _begins_line(self, start: int) -> bool:
        return _BLANK.fullmatch(self._text, self._line_start(start), start) is not None

    def _ends_line(self, end: int) -> bool:
        stop = self._line_end(end)
        return stop == len(self._text) or _BREAK.match(self._text, stop) is not None

    def _line_start(self, place: int) -> int:
        return self._text.rfind("\n", 0, place) + 1

    def _line_end(self, end: int) -> int:
        rest = _REST.match(self._text, end)
        return rest.end() if rest else end

    def _before_break(self, begin: int) -> int:
        return max(0, begin - (2 if self._text[max(0, begin - 2) : begin] == "\r\n" else 1))


# --- what must be the same ---------------------------------------------------------------------------


class _Comparison:
    """Compares two texts, one of which lacks what was removed of the other."""

    def __init__(self, old: HclText, new: HclText, removed: _Removed) -> None:
        self._old, self._new = old, new
        self._gone = {node.id for node in removed.nodes}
        self._in_json = {node.id: (node, spans) for node, spans in removed.in_json.items()}

    def is_same(self, old: Node | None, new: Node | None, depth: int) -> bool:
        """Whether a node is another one without the removed ones."""
        if old is None or new is None or depth > _MAX_DEPTH:
            return old is new
        if old.type != new.type:
            return False
        if old.id in self._in_json:
            return self._is_same_json(old, new)
        if old.type == "heredoc_template":
            return self._old.of(old) == self._new.of(new)
        before = [child for child in _content(old) if child.id not in self._gone]
        after = _content(new)
        if len(before) != len(after):
            return False
        if not before and not old.children:
            return self._old.of(old) == self._new.of(new)
        return all(self.is_same(*pair, depth + 1) for pair in zip(before, after, strict=True))

    def _is_same_json(self, old: Node, new: Node) -> bool:
        node, spans = self._in_json[old.id]
        try:
            content, changed = _json(self._old, node)[1], _json(self._new, new)[1]
        except CannotCutError:
            return False
        return YAML.is_without(content, spans, changed)


def _content(node: Node) -> list[Node]:
    return [child for child in node.children if child.type not in ("comment", ",")]
