"""The text of a YAML or JSON file as elements that know their characters: what an edit cuts between. Pure.

Unlike a node of `yaml.compose`, an element ends where its content does, and an alias is one of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import yaml

from scanner.templates.written import CannotCutError
from scanner.text.yaml_document import LOADER


@dataclass(eq=False)
class Entry:
    """An item of a list, or a key of a map with its value. It starts with its dash, or else its content."""

    key: Element | None
    value: Element
    start: int

    @property
    def end(self) -> int:
        """The end of its content."""
        return max(self.value.end, self.key.end if self.key else 0)


@dataclass(eq=False)
class Element:
    """A scalar, an alias or a collection, from its anchor or tag to the end of its content.

    `label` is what it says besides its entries: tag, text and style. `parent` is the collection that it is
    a value of.
    """

    kind: Literal["scalar", "alias", "list", "map"]
    start: int
    end: int
    label: tuple[Any, ...]
    anchor: str | None = None
    flow: bool = True
    entries: list[Entry] = field(default_factory=list)
    parent: Element | None = None

    @property
    def tag(self) -> str | None:
        """Its tag, if it has one."""
        tag: str | None = self.label[0]
        return tag

    @property
    def text(self) -> str:
        """The text of a scalar, the name of an alias."""
        return str(self.label[1]) if self.kind in ("scalar", "alias") else ""

    @property
    def index(self) -> int:
        """Its place among the entries of its parent."""
        entries = self.parent.entries if self.parent else []
        return next(place for place, entry in enumerate(entries) if entry.value is self)

    @property
    def key(self) -> str:
        """The key that it is the value of, empty for an item of a list."""
        key = self.parent.entries[self.index].key if self.parent else None
        return key.text if key else ""

    def chain(self) -> Iterator[Element]:
        """It, its parent, and so on."""
        element: Element | None = self
        while element is not None:
            yield element
            element = element.parent


@dataclass(frozen=True)
class Elements:
    """A text's elements: its root, and those that stand as values by their start. `commas` are in order."""

    root: Element
    by_start: dict[int, Element]
    commas: list[int]

    def comma_between(self, start: int, end: int) -> int | None:
        """The place of the first comma between two places."""
        place = bisect_left(self.commas, start)
        return self.commas[place] if place < len(self.commas) and self.commas[place] < end else None


@lru_cache(maxsize=8)  # of a text are asked what to cut, and what it is without that
def elements_of(text: str) -> Elements:
    """The elements of a text. Raises CannotCutError where it is none, or several documents."""
    try:
        dashes: list[int] = []
        commas: list[int] = []
        for token in yaml.scan(text, Loader=LOADER):
            if isinstance(token, yaml.BlockEntryToken):
                dashes.append(token.start_mark.index)
            elif isinstance(token, yaml.FlowEntryToken):
                commas.append(token.start_mark.index)
        builder = _Builder(text, dashes)
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        raise CannotCutError("the text is no YAML") from error
    if len(builder.roots) != 1:
        raise CannotCutError("the text is not one document")
    return Elements(builder.roots[0], builder.by_start, commas)


class _Builder:
    """Makes elements of a parser's events."""

    def __init__(self, text: str, dashes: list[int]) -> None:
        self.roots: list[Element] = []
        self.by_start: dict[int, Element] = {}
        self._text = text
        self._dashes = dashes
        self._open: list[Element] = []
        self._keys: list[Element | None] = []

    def take(self, event: Any) -> None:
        """Take an event."""
        if isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.NodeEvent):
            element = self._element(event)
            if element.kind in ("list", "map"):
                self._open.append(element)
                self._keys.append(None)
            else:
                self._place(element)

    def _element(self, event: Any) -> Element:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return Element("alias", start, end, (None, event.anchor))
        if isinstance(event, yaml.ScalarEvent):
            if event.style in ("|", ">"):
                end = start + len(self._text[start:end].rstrip(" \t\r\n"))
            return Element("scalar", start, end, (event.tag, event.value, event.style), event.anchor)
        kind: Literal["list", "map"] = "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
        flow = bool(event.flow_style)
        return Element(kind, start, end, (event.tag, kind, flow), event.anchor, flow)

    def _close(self, event: Any) -> None:
        element = self._open.pop()
        self._keys.pop()
        if element.flow:
            element.end = event.end_mark.index
        elif element.entries:
            element.end = element.entries[-1].end
        self._place(element)

    def _place(self, element: Element) -> None:
        if not self._open:
            self.roots.append(element)
            return
        parent = self._open[-1]
        if parent.kind == "map" and self._keys[-1] is None:
            self._keys[-1] = element
            return
        key = self._keys[-1]
        start = key.start if key else element.start
        if parent.kind == "list" and not parent.flow:
            start = self._dashes[bisect_left(self._dashes, max(element.start, parent.start + 1)) - 1]
        parent.entries.append(Entry(key, element, start))
        element.parent = parent
        if element.end > element.start:
            self.by_start[element.start] = element
        self._keys[-1] = None
