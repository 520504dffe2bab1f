"""Spans of time as Logs Insights takes them: whole seconds, both ends included. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

HOUR, DAY = 3_600, 86_400


class Window(NamedTuple):
    """A span of time (Unix seconds) from `start` up to `end`, which is not in it."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start

    @property
    def last(self) -> int:
        """The last second in it: what AWS takes for its end."""
        return self.end - 1


def pieces(window: Window, longest: int = DAY) -> list[Window]:
    """A window in pieces of equal length that do not overlap, none of them too long."""
    number = max(1, -(-window.seconds // longest))
    edges = [window.start + window.seconds * at // number for at in range(number + 1)]
    return [Window(start, end) for start, end in pairwise(edges) if start < end]


def by_hour(window: Window) -> list[Window]:
    """A window in pieces, one for each hour in UTC."""
    inner = range(window.start - window.start % HOUR + HOUR, window.end, HOUR)
    edges = [window.start, *inner, window.end]
    return [Window(start, end) for start, end in pairwise(edges) if start < end]


def halves(window: Window) -> tuple[Window, Window] | None:
    """The two halves of a window; None for a single second."""
    if window.seconds <= 1:
        return None
    middle = window.start + window.seconds // 2
    return Window(window.start, middle), Window(middle, window.end)


def merged(windows: Iterable[Window]) -> list[Window]:
    """Windows in their order, those that touch or overlap as one."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, window.end))
        else:
            found.append(window)
    return found
