"""YAML, and so JSON: what to cut of a text so that nodes go and all other bytes stay. Pure.

The comment that ends a line goes with what the line says; those above stay, but for those directly above a
map of a list that goes (a statement, a policy).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from scanner.templates.edits.yaml_elements import Element, Elements, elements_of
from scanner.templates.edits.yaml_users import check_users
from scanner.templates.written import CannotCutError, Span

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # yaml.org/spec/1.1/#id871136: what ends a line
_BLANK = re.compile("[ \t]*")
_REST = re.compile("[ \t]*(?:#[^\r\n\x85\u2028\u2029]*)?")  # of a line: blanks and a comment
_COMMENT = re.compile("[ \t]*#[^\r\n\x85\u2028\u2029]*")
_SPACE = re.compile("[ \t\r\n\x85\u2028\u2029]*")


class YamlSyntax:
    """Block and flow style, and JSON, with the comments that belong to what goes."""

    def cuts(self, text: str, nodes: Collection[Span]) -> tuple[Span, ...]:
        """What to cut so that nodes go, and collections that would be empty with them: in order, disjoint.

        Raises CannotCutError.
        """
        elements = elements_of(text)
        removed = _removed(elements, nodes)
        check_users(elements.root, removed)
        spans: list[Span] = []
        for collection, indices in _by_collection(removed):
            cutter = _Cutter(text, elements, collection)
            for run in _runs(indices):
                spans += cutter.flow(run) if collection.flow else cutter.block(run)
        spans = _without_last_break(text, sorted(spans))
        if any(after.start < before.end for before, after in pairwise(spans)):
            raise CannotCutError("what to cut overlaps")
        return tuple(spans)

    def is_without(self, text: str, nodes: Collection[Span], new: str) -> bool:
        """Whether a new text parses, and has the content of the old one without just these nodes.

        Collections that are empty without them are gone too.
        """
        try:
            elements = elements_of(text)
            return _is_without(elements.root, _removed(elements, nodes), elements_of(new).root)
        except CannotCutError:
            return False

    def replaced(self, text: str, node: Span, values: Sequence[str]) -> str:
        """What to write in the place of a text, in its quotes: in a list an item each, else a list.

        Raises CannotCutError.
        """
        raw, element = text[node.start : node.end], elements_of(text).by_start.get(node.start)
        quote = raw[:1] if raw[:1] in ("'", '"') else ""
        if _WORD.fullmatch(raw.strip(quote) if quote else raw) is None or not all(
            map(_WORD.fullmatch, values)
        ):
            raise CannotCutError("it is not written as a plain text")
        if not quote and any(value.startswith(("*", "?")) for value in values):
            raise CannotCutError("it would need quotes")
        written = [f"{quote}{value}{quote}" for value in values]
        if len(values) == 1:
            return written[0]
        parent = element.parent if element else None
        if parent is None or parent.kind == "map":
            return f"[{', '.join(written)}]"
        if parent.flow:
            return ", ".join(written)
        return (_line_break(text) + _dash_before(text, node.start)).join(written)


YAML = YamlSyntax()
_WORD = re.compile(r"[A-Za-z0-9*?](?:[A-Za-z0-9:*?/._-]*[A-Za-z0-9*?/._-])?")


def _line_break(text: str) -> str:
    ending = _BREAK.search(text)
    return ending.group() if ending else "\n"


def _dash_before(text: str, start: int) -> str:
    """What stands before an item of a block list on its line. Raises CannotCutError for more than a dash."""
    before = re.split(_BREAK, text[:start])[-1]
    if not re.fullmatch(" *- +", before):
        raise CannotCutError("it does not stand on a line of its own")
    return before


# --- what goes ---------------------------------------------------------------------------------------


def _removed(elements: Elements, nodes: Collection[Span]) -> set[Element]:
    """The elements that go: the nodes, and in their place collections of which nothing would be left."""
    removed: set[Element] = set()
    for node in nodes:
        element = elements.by_start.get(node.start)
        if element is None:
            raise CannotCutError("it stands in a key, or is the whole text")
        removed.add(element)
    todo = list(removed)
    while todo:
        element = todo.pop()
        parent = element.parent
        if parent is None:
            raise CannotCutError("nothing of the text would be left")
        _check_place(element, parent)
        if all(entry.value in removed for entry in parent.entries) and parent not in removed:
            removed.add(parent)
            todo.append(parent)
    return {element for element in removed if removed.isdisjoint(list(element.chain())[1:])}


def _check_place(element: Element, parent: Element) -> None:
    """Raises CannotCutError where an element cannot go from a place alone."""
    for function in (parent.tag or "", element.key, parent.key):
        if function.startswith(("!", "Fn::")):
            raise CannotCutError(f"it is an argument of {function[:40]}")
    for above in element.chain():
        keys = [entry.key.label for entry in above.entries if entry.key] if above is not element else []
        if len(set(keys)) < len(keys):
            raise CannotCutError("a key stands twice in what holds it")


def _is_without(old: Element, removed: set[Element], new: Element) -> bool:
    """Whether an element is another one without the removed ones."""
    entries = [entry for entry in old.entries if entry.value not in removed]
    if (old.kind, old.label, old.anchor, len(entries)) != (new.kind, new.label, new.anchor, len(new.entries)):
        return False
    return all(
        _is_without(a.value, removed, b.value)
        and (a.key is b.key if a.key is None or b.key is None else _is_without(a.key, removed, b.key))
        for a, b in zip(entries, new.entries, strict=True)
    )


def _by_collection(removed: set[Element]) -> list[tuple[Element, list[int]]]:
    collections: dict[Element, list[int]] = {}
    for element in removed:
        if element.parent is not None:
            collections.setdefault(element.parent, []).append(element.index)
    return [(collection, sorted(indices)) for collection, indices in collections.items()]


class _Run(NamedTuple):
    """Entries of a collection from `first` to `last`."""

    first: int
    last: int


def _runs(indices: Sequence[int]) -> Iterator[_Run]:
    first = last = indices[0]
    for index in indices[1:]:
        if index != last + 1:
            yield _Run(first, last)
            first = index
        last = index
    yield _Run(first, last)


def _without_last_break(text: str, spans: list[Span]) -> list[Span]:
    """Cuts of which the last goes to the end of a text that has no line break there, and should get none.

    Such a cut takes the line break before it; if that goes already, those before move in the same way.
    """
    for place in range(len(spans) - 1, 0, -1):
        before, after = spans[place - 1 : place + 1]
        if before.start < after.start < before.end and _BREAK.match(text, after.start):
            spans[place - 1] = Span(_before_break(text, before.start), after.start)
    return spans


def _before_break(text: str, begin: int) -> int:
    """The end of the line above, without its break, of a line that begins there."""
    return max(0, begin - (2 if text[max(0, begin - 2) : begin] == "\r\n" else 1))


# --- what to cut -------------------------------------------------------------------------------------


class _Cutter:
    """Cuts entries of one collection, of which others stay."""

    def __init__(self, text: str, elements: Elements, collection: Element) -> None:
        self._text = text
        self._entries = collection.entries
        self._end = collection.end
        self._commas = elements

    # --- block style ---

    def block(self, run: _Run) -> Iterator[Span]:
        """The lines of entries; of those that begin on their parent's line, up to the next one."""
        first = run.first
        if not self._begins_line(self._entries[first].start):
            if first:
                raise CannotCutError("it does not begin a line")
            yield self._up_to_next(run)
            return
        for index in range(first, run.last + 1):
            entry = self._entries[index]
            takes_comments = entry.key is None and entry.value.kind == "map"
            yield self._lines(entry.start, entry.end, takes_comments)

    def _up_to_next(self, run: _Run) -> Span:
        self._check_gaps(run)
        stop = self._line_end(self._entries[run.last].end)
        space = _SPACE.match(self._text, stop)
        return Span(self._entries[run.first].start, space.end() if space else stop)

    # --- flow style ---

    def flow(self, run: _Run) -> Iterator[Span]:
        """Entries with a comma each: whole lines where they have them."""
        entries, (first, last) = self._entries, run
        commas = [self._comma_after(index) for index in range(first, last + 1)]
        ends = [
            entries[first + place].end if comma is None else comma + 1 for place, comma in enumerate(commas)
        ]
        starts = [entries[index].start for index in range(first, last + 1)]
        if all(map(self._begins_line, starts)) and all(map(self._ends_line, ends)):
            before = self._comma_after(first - 1) if first and commas[-1] is None else None
            if before is not None:
                yield Span(before, before + 1)
            yield from (self._lines(*its, takes_comments=False) for its in zip(starts, ends, strict=True))
            return
        self._check_gaps(run)
        yield self._within_line(run, ends[-1])

    def _within_line(self, run: _Run, end: int) -> Span:
        entries, (first, last) = self._entries, run
        if last + 1 < len(entries):
            following = entries[last + 1].start
            if _BREAK.search(self._text, end, following) is None:
                return Span(entries[first].start, following)
            begin = self._after_comma(first) if first else entries[first].start
            rest = _REST.match(self._text, end)
            return Span(begin, rest.end() if rest else end)
        if self._comma_after(last) is not None:
            return Span(self._after_comma(first), end)
        between = Span(entries[first - 1].end, entries[first].start)
        if "#" in self._text[between.start : between.end]:
            raise CannotCutError("a comment stands before it")
        return Span(between.start, end)

    def _comma_after(self, index: int) -> int | None:
        entries = self._entries
        end = entries[index + 1].start if index + 1 < len(entries) else self._end
        return self._commas.comma_between(entries[index].end, end)

    def _after_comma(self, index: int) -> int:
        """The end of the comma before an entry; a comment must not stand between."""
        comma = self._comma_after(index - 1)
        start = self._entries[index].start
        if comma is None or "#" in self._text[comma:start]:
            raise CannotCutError("a comment stands before it")
        return comma + 1

    # --- lines ---

    def _check_gaps(self, run: _Run) -> None:
        """Raises CannotCutError where a comment stands between entries that go together."""
        for index in range(run.first, run.last):
            if "#" in self._text[self._entries[index].end : self._entries[index + 1].start]:
                raise CannotCutError("a comment stands between what would go")

    def _lines(self, start: int, end: int, takes_comments: bool) -> Span:
        """All of the lines of some characters, with the line break that ends them.

        A text whose last line has no line break keeps none.
        """
        begin, stop = self._line_start(start), self._line_end(end)
        if takes_comments:
            begin = self._above_comments(begin)
        ending = _BREAK.match(self._text, stop)
        if ending is not None:
            return Span(begin, ending.end())
        return Span(_before_break(self._text, begin), stop)

    def _above_comments(self, begin: int) -> int:
        """The start of the lines of comments directly above a line."""
        while begin:
            above = self._line_start(_before_break(self._text, begin))
            if _COMMENT.match(self._text, above) is None:
                break
            begin = above
        return begin

    def _begins_line(self, start: int) -> bool:
        begin = self._line_start(start)
        return _BLANK.fullmatch(self._text, begin, start) is not None

    def _ends_line(self, end: int) -> bool:
        rest = _REST.match(self._text, end)
        stop = rest.end() if rest else end
        return stop == len(self._text) or _BREAK.match(self._text, stop) is not None

    def _line_start(self, place: int) -> int:
        while place and _BREAK.match(self._text, place - 1) is None:
            place -= 1
        return place

    def _line_end(self, end: int) -> int:
        """The end of the line, without its break. Raises CannotCutError where more than a comment follows."""
        if not self._ends_line(end):
            raise CannotCutError("something else stands on its last line")
        rest = _REST.match(self._text, end)
        return rest.end() if rest else end
