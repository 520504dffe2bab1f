"""Large JSON documents, parsed while they arrive: the elements of their lists one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import ijson

from scanner.input.stream import PIECE, InputError

LARGEST = 64 << 20
"""The most bytes that one JSON value may have."""

_PART = 64  # bytes of memory that each part of a value takes at least
_DEEPEST = 1000  # levels; orjson has a limit near it
_PAGES = frozenset({"Traces", "resourceSpans", "resource_spans", "batches", "results"})
# What objects are repeated with for the parts of a list that may have no end: the spans of one resource.
# Who writes them puts first whose they are: opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
_PARTED = "spans"
_PARTED_AFTER = "resource"
_ENOUGH = 8 << 20
"""The size from which on such a list is given in parts."""
_NEW: Mapping[str, Callable[[], Any]] = {"start_map": dict, "start_array": list}
_ENDS = frozenset({"end_map", "end_array"})
_OF_64_BITS = 1 << 64


class NotJsonError(InputError):
    """What is not JSON, or not to its end."""


class TooLargeError(InputError):
    """A JSON value that is too large to be taken."""


def elements(pieces: Iterable[bytes], *, whole: bool = False, largest: int = LARGEST) -> Iterator[Any]:
    """The elements of JSON documents that stand one after the other: see `Elements`.

    Raises NotJsonError and TooLargeError after the elements that came before.
    """
    parser = Elements(whole=whole, largest=largest)
    for piece in pieces:
        for start in range(0, len(piece), PIECE):
            yield from parser.feed(piece[start : start + PIECE])
    yield from parser.end()


class Elements:
    """Finds the elements in pieces of JSON documents.

    The elements are those of the outermost lists, of lists in these, and of pages (`Traces`, `resourceSpans`)
    in objects of these; an object that held a page follows with an empty list in its place. So is a value
    outside of a list. An element with very many spans of one resource is given in several, each with some of
    them. None may take more than `largest` bytes. With `whole` the documents themselves are given, and the
    limit counts for the elements of the lists of an object each.
    """

    def __init__(self, *, whole: bool = False, largest: int = LARGEST) -> None:
        self._whole = whole
        self._largest = largest
        self._events = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._events, multiple_values=True)
        self._containers: list[Any] = []
        self._keys: list[str] = [""]  # of the value that comes next, by depth
        self._outer = 0  # how many containers are open whose values are given one by one
        self._size = 0
        self._blank = True

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The elements that end in a piece."""
        if self._size > self._largest:
            raise TooLargeError(f"holds a JSON value of more than {self._largest >> 20} MiB")
        self._blank = self._blank and not piece.strip()
        self._size += len(piece)
        yield from self._parsed(lambda: self._parser.send(piece))

    def end(self) -> Iterator[Any]:
        """The elements that end where the documents do."""
        if not self._blank:
            yield from self._parsed(self._parser.close)

    def _parsed(self, step: Callable[[], object]) -> Iterator[Any]:
        """The elements that end with a step of the parser. Raises NotJsonError after them."""
        problem = ""
        try:
            step()
        except ijson.JSONError as error:
            text = str(error).removeprefix("b'").replace("\\n", "\n").partition("\n")[0]
            problem = "it was cut off" if "premature EOF" in text else text
        except (SystemError, ValueError, ArithmeticError):
            # ijson leaves the number in the list, without its value
            del self._events[-1:]
            problem = "a number has too many digits"
        self._size += _PART * len(self._events)
        yield from self._built()
        self._events.clear()
        if problem:
            raise NotJsonError(f"is not JSON: {problem}")

    def _built(self) -> Iterator[Any]:
        """The elements that end in the events."""
        for event, value in self._events:
            if event == "map_key":
                self._keys[-1] = value
            elif event in _NEW:
                self._open(_NEW[event]())
            else:
                if event in _ENDS:
                    value = self._close()
                elif event == "number":
                    value = _number(value)
                if not self._containers or not self._keep(value, self._containers[-1]):
                    self._size = 0
                    yield value
                elif self._size > _ENOUGH and self._may_be_parted():
                    self._size = 0
                    yield self._part()

    def _keep(self, value: Any, container: Any) -> bool:
        """Put a value into its list or object. False where it is an element instead."""
        in_element = len(self._containers) > self._outer
        if isinstance(container, dict):
            container[self._keys[-1]] = value
        elif in_element or self._whole:
            container.append(value)
        else:
            return False
        if self._whole and not in_element:
            self._size = 0
        return True

    def _may_be_parted(self) -> bool:
        """Whether a value was put into a list of an element that is given in parts."""
        return (
            not self._whole
            and len(self._containers) > self._outer + 1
            and isinstance(self._containers[-1], list)
            and self._keys[-2] == _PARTED
            and any(_PARTED_AFTER in c for c in self._containers[self._outer :] if isinstance(c, dict))
        )

    def _part(self) -> Any:
        """The element that is open, with what its open lists hold so far; these are emptied."""
        part: Any = None
        for container, key in zip(
            reversed(self._containers[self._outer :]), reversed(self._keys[self._outer + 1 :]), strict=True
        ):
            if isinstance(container, list):
                part = [*container] if part is None else [*container, part]
                container.clear()
            else:
                part = {**container, key: part}
        return part

    def _open(self, container: Any) -> None:
        """Begin a list or an object."""
        depth = len(self._containers)
        if depth == _DEEPEST:
            raise NotJsonError(f"holds a JSON value of more than {_DEEPEST:,} levels")
        if depth == self._outer and self._is_outer(container):
            self._outer += 1
        self._containers.append(container)
        self._keys.append("")

    def _close(self) -> Any:
        """End the innermost list or object."""
        container = self._containers.pop()
        self._keys.pop()
        self._outer = min(self._outer, len(self._containers))
        return container

    def _is_outer(self, container: Any) -> bool:
        if not self._containers or isinstance(self._containers[-1], list):
            in_page = len(self._keys) > 1 and self._keys[-2] in _PAGES
            return not self._containers or not (self._whole or in_page)
        return isinstance(container, list) and (self._whole or self._keys[-1] in _PAGES)


def _number(value: Any) -> int | float:
    """A number as orjson gives it: floating-point where it has a fraction or more than 64 bits."""
    if isinstance(value, int) and abs(value) < _OF_64_BITS:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
