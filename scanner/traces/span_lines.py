"""Lines of OTLP in files: put into a store, together with a second process where there are many."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import orjson

from scanner.errors import Warnings
from scanner.spans import otlp_lines
from scanner.spans.documents import loads, spans_in
from scanner.traces.span_store import SpanStore
from scanner.traces.span_worker import Answer, Batch, SpanWorker

_BATCH = 1 << 20
_MANY = 32 << 20
"""Bytes of lines from which on a second process is worth its start."""


class Line(NamedTuple):
    """A line of OTLP that is not parsed yet."""

    content: bytes


class SpanLines:
    """Takes lines. `unread` counts the spans and lines that cannot be read."""

    def __init__(self, store: SpanStore, warnings: Warnings) -> None:
        self._store = store
        self._warnings = warnings
        self._worker: SpanWorker | None = None
        self._lines: list[bytes] = []
        self._size = self._seen = 0
        self._name = ""
        self._in_lines = False
        self.unread = 0

    def begin_file(self, name: str) -> None:
        """Lines of a file come."""
        self._flush()
        self._name, self._in_lines = name, False

    def loads(self, content: bytes) -> Any:
        """What a JSON text of a file holds. After a line of OTLP, further ones are left for later.

        Raises orjson.JSONDecodeError.
        """
        if self._in_lines and otlp_lines.is_usual(content):
            return Line(content)
        value = loads(content)
        self._in_lines = isinstance(value, otlp_lines.Line)
        return value

    def take(self, line: Line) -> None:
        """Take a line, some time."""
        self._lines.append(line.content)
        self._size += len(line.content)
        if self._size >= _BATCH:
            self._flush()

    def finish(self) -> None:
        """Put all lines into the store."""
        self._flush()
        if self._worker is not None:
            self._keep(self._worker.answers(all_of_them=True))

    def close(self) -> None:
        """End the second process."""
        if self._worker is not None:
            self._worker.close()

    def _flush(self) -> None:
        if not self._lines:
            return
        batch = Batch(self._name, self._lines)
        self._seen += self._size
        self._lines, self._size = [], 0
        if self._worker is None and self._seen >= _MANY and _cores() > 1:
            self._worker = SpanWorker()
        if self._worker is None or not self._worker.take(batch):
            self._parse(batch)
        if self._worker is not None:
            self._keep(self._worker.answers())

    def _keep(self, answers: list[Answer]) -> None:
        for batch, packed in answers:
            if packed is None:
                self._parse(batch)
                continue
            self._store.add_packed(packed)
            self._left_out(batch.name, packed.unread, packed.broken)

    def _parse(self, batch: Batch) -> None:
        unread = broken = 0
        for line in batch.lines:
            try:
                spans = spans_in(loads(line))
            except orjson.JSONDecodeError:
                broken += 1
                continue
            for span in spans or ():
                if span is None:
                    unread += 1
                else:
                    self._store.add(span)
        self._left_out(batch.name, unread, broken)

    def _left_out(self, name: str, unread: int, broken: int) -> None:
        self.unread += unread + broken
        if broken:
            self._warnings.add(
                "file-unread", f"{name} has a line that is not JSON, which was left out", broken
            )


def _cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
