"""Code: what to cut of a text so that literals and statements go and all other bytes stay. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from scanner.templates.code.languages import CodeError, LanguageName, field, text_of
from scanner.templates.code.text import WRAPPERS, Code
from scanner.templates.written import CannotCutError, Span

if TYPE_CHECKING:
    from tree_sitter import Node

_LISTS = ("array", "list", "object", "dictionary")
_ENTRIES = ("pair", "keyword_argument")
_BINDINGS = {"variable_declarator": "name", "assignment": "left"}
_NAMES = ("identifier", "shorthand_property_identifier")
_BLOCKS = ("program", "module", "block", "statement_block", "class_body")
_WORD = re.compile(r"[A-Za-z0-9*?:/._-]+")
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_HUMP = re.compile("([A-Z])")
_GRANT = "grant"
_BLANK = re.compile(r"[ \t]*")
_REST = re.compile(r"[ \t]*(?:(?://|#)[^\r\n]*)?")
_BREAK = re.compile(r"\r\n|\n|\r")
_COMMENT_LINE = re.compile(r"[ \t]*(?://|#)[^\r\n]*")


class CodeSyntax:
    """Items of lists, properties and named arguments with their commas, and statements with their lines."""

    def __init__(self, language: LanguageName) -> None:
        self._language: LanguageName = language

    def cuts(self, text: str, nodes: Collection[Span]) -> tuple[Span, ...]:
        """What to cut so that nodes go, and collections that would be empty with them: in order, disjoint.

        Raises CannotCutError.
        """
        code = self._code(text)
        removed = _removed(code, nodes)
        for node in removed:
            _check_name(code, node)
        by_parent: dict[int, list[Node]] = {}
        for node in removed:
            by_parent.setdefault(node.parent.id if node.parent else 0, []).append(node)
        cutter = _Cutter(code, text)
        spans: list[Span] = []
        for its in by_parent.values():
            spans += cutter.cuts(sorted(its, key=lambda node: node.start_byte))
        return tuple(_merged(sorted(spans)))

    def is_without(self, text: str, nodes: Collection[Span], new: str) -> bool:
        """Whether a new text parses, and has the content of the old one without just these nodes."""
        try:
            code, other = self._code(text), self._code(new)
            removed = {(node.start_byte, node.end_byte) for node in _removed(code, nodes)}
        except CannotCutError:
            return False
        return _are_same(code.root, other.root, removed)

    def replaced(self, text: str, node: Span, values: Sequence[str]) -> str:
        """What to write in the place of a string, in its quotes, or of a name. Raises CannotCutError."""
        found, raw = self._code(text).at(node), text[node.start : node.end]
        if found is None or not values or not all(map(_WORD.fullmatch, values)):
            raise CannotCutError("it is not written as a plain text")
        if _NAME.fullmatch(raw) and len(values) == 1 and _NAME.fullmatch(values[0]):
            return self._spelled(values[0], raw)
        quote = raw[:1]
        if quote not in ("'", '"') or _WORD.fullmatch(raw[1:-1]) is None or raw[-1:] != quote:
            raise CannotCutError("it is not written as a plain text")
        written = ", ".join(f"{quote}{value}{quote}" for value in values)
        in_list = found.parent is not None and found.parent.type in ("array", "list")
        return written if len(values) == 1 or in_list else f"[{written}]"

    def _spelled(self, name: str, other: str) -> str:
        """A name of the CDK as another one in its place: `grantRead`, `grant_read`, or `read` of a facade."""
        if name.startswith(_GRANT) and not other.startswith(_GRANT):
            name = name[len(_GRANT) :]
            name = name[:1].lower() + name[1:]
        return _HUMP.sub(r"_\1", name).lower() if self._language == "python" else name

    def _code(self, text: str) -> Code:
        try:
            return Code("", self._language, text)
        except CodeError as error:
            raise CannotCutError(str(error)) from error


TYPESCRIPT = CodeSyntax("typescript")
PYTHON = CodeSyntax("python")


def syntax_of(language: LanguageName) -> CodeSyntax:
    """The syntax of a language."""
    return PYTHON if language == "python" else TYPESCRIPT


# --- what goes ---------------------------------------------------------------------------------------


def _removed(code: Code, nodes: Collection[Span]) -> list[Node]:
    """What goes from its collection or block: nodes, or collections that would be empty without them."""
    removed = {node.id: node for node in (_entry(code.at(span)) for span in nodes)}
    todo = list(removed.values())
    while todo:
        parent = todo.pop().parent
        if parent is None or parent.type not in _LISTS or parent.id in removed:
            continue
        if all(item.id in removed for item in _items(parent)):
            entry = _entry(parent)
            removed[entry.id] = entry
            todo.append(entry)
    gone = [(node.start_byte, node.end_byte) for node in removed.values()]
    return [
        node
        for node in removed.values()
        if not any(
            start <= node.start_byte and node.end_byte <= end
            for start, end in gone
            if (start, end) != (node.start_byte, node.end_byte)
        )
    ]


def _check_name(code: Code, node: Node) -> None:
    """Raises CannotCutError where a name is bound to a literal that a node is a part of, and read twice."""
    above = node.parent
    while above is not None and above.type in (*_LISTS, *_ENTRIES, *WRAPPERS):
        above = above.parent
    if above is None or above.type not in _BINDINGS:
        return
    name = text_of(field(above, _BINDINGS[above.type]))
    todo, mentions = [code.root], 0
    while todo:
        its = todo.pop()
        todo += its.named_children
        mentions += its.type in _NAMES and text_of(its) == name
    if mentions > 2:  # the binding is one of them
        raise CannotCutError(f"{name[:100]} is read elsewhere too")


def _entry(node: Node | None) -> Node:
    """What a node goes with: its key or argument name, if it has one. Raises CannotCutError."""
    while node is not None and node.parent is not None:
        parent = node.parent
        if node.type == "keyword_argument" or parent.type in (*_LISTS, *_BLOCKS):
            return node
        same = (parent.start_byte, parent.end_byte) == (node.start_byte, node.end_byte)
        if not same and parent.type not in _ENTRIES:
            break
        node = parent
    raise CannotCutError("it is no item of a list, no property and no statement of its own")


def _items(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _are_same(old: Node, new: Node, removed: Collection[tuple[int, int]]) -> bool:
    """Whether a tree is another one without what was removed; comments and commas do not count."""
    todo = [(old, new)]
    while todo:
        one, other = todo.pop()
        if one.type != other.type:
            return False
        kept = [c for c in one.children if (c.start_byte, c.end_byte) not in removed and _counts(c)]
        others = [child for child in other.children if _counts(child)]
        if len(kept) != len(others) or (not one.children and one.text != other.text):
            return False
        todo += zip(kept, others, strict=True)
    return True


def _counts(node: Node) -> bool:
    return node.type not in ("comment", ",")


# --- what to cut -------------------------------------------------------------------------------------


class _Cutter:
    """Cuts what goes of one collection or block."""

    def __init__(self, code: Code, text: str) -> None:
        self._code = code
        self._text = text

    def cuts(self, nodes: Sequence[Node]) -> Iterator[Span]:
        """The cuts for nodes of one parent, in order."""
        parent = nodes[0].parent
        if parent is None or parent.type in _BLOCKS:
            for node in nodes:
                yield self._statement(node)
            return
        items, gone = _items(parent), {node.id for node in nodes}
        for index, item in enumerate(items):
            if item.id in gone:
                yield self._item(items, index, gone)

    def _statement(self, node: Node) -> Span:
        span = self._code.span(node)
        if not self._begins_line(span.start) or not self._ends_line(span.end):
            raise CannotCutError("something else stands on its lines")
        return self._lines(span, takes_comments=True)

    def _item(self, items: Sequence[Node], index: int, gone: Collection[int]) -> Span:
        span = self._code.span(items[index])
        comma = self._comma(items[index])
        end = span.end if comma is None else comma.end
        if self._begins_line(span.start) and self._ends_line(end):
            return self._lines(Span(span.start, end), takes_comments=False)
        following = items[index + 1] if index + 1 < len(items) else None
        if following is not None and comma is not None:
            after = self._code.span(following).start
            if _BREAK.search(self._text, end, after) is None:
                return self._checked(Span(span.start, after), end, after)
        before = next((item for item in reversed(items[:index]) if item.id not in gone), None)
        if before is None:
            return Span(span.start, end)
        of_before = self._comma(before)
        if following is None and comma is None:
            begin = self._code.span(before).end
            return self._checked(Span(begin, span.end), begin, span.start)
        begin = of_before.end if of_before else self._code.span(before).end
        return self._checked(Span(begin, end), begin, span.start)

    def _checked(self, cut: Span, start: int, end: int) -> Span:
        """A cut, if no comment stands between these places."""
        if any(mark in self._text[start:end] for mark in ("//", "/*", "#")):
            raise CannotCutError("a comment stands beside it")
        return cut

    def _comma(self, node: Node) -> Span | None:
        """The comma after an item."""
        following = node.next_sibling
        while following is not None and following.type == "comment":
            following = following.next_sibling
        return self._code.span(following) if following is not None and following.type == "," else None

    # --- lines ---

    def _lines(self, span: Span, *, takes_comments: bool) -> Span:
        begin = self._line_start(span.start)
        while takes_comments and begin:
            above = self._line_start(_before_break(self._text, begin))
            match = _COMMENT_LINE.match(self._text, above)
            if match is None or _BREAK.match(self._text, match.end()) is None:
                break
            begin = above
        rest = _REST.match(self._text, span.end)
        stop = rest.end() if rest else span.end
        ending = _BREAK.match(self._text, stop)
        if ending is None:
            return Span(_before_break(self._text, begin), stop)
        return Span(begin, ending.end())

    def _begins_line(self, start: int) -> bool:
        return _BLANK.fullmatch(self._text, self._line_start(start), start) is not None

    def _ends_line(self, end: int) -> bool:
        rest = _REST.match(self._text, end)
        stop = rest.end() if rest else end
        return stop == len(self._text) or _BREAK.match(self._text, stop) is not None

    def _line_start(self, place: int) -> int:
        return max(self._text.rfind("\n", 0, place), self._text.rfind("\r", 0, place)) + 1


def _before_break(text: str, begin: int) -> int:
    """The end of the line above, without its break, of a line that begins there."""
    return max(0, begin - (2 if text[max(0, begin - 2) : begin] == "\r\n" else 1))


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    """Cuts, those that overlap as one."""
    last: Span | None = None
    for span in spans:
        if last is None or span.start >= last.end:
            if last is not None:
                yield last
            last = span
        else:
            last = Span(last.start, max(last.end, span.end))
    if last is not None:
        yield last
