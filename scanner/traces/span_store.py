"""Spans until all of their traces are there: small records, on disk where they are many.

The spans of a trace may stand in any line of any file. Records are put into a fixed number of parts by their
trace's id; a part is small enough to be sorted in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

from scanner.model.readings import TraceReading
from scanner.spans.reading import read_records
from scanner.spans.record import Lookup, Record, RecordTable, records_in
from scanner.spans.span import Span

_PARTS = 256
_BLOCK = 16 << 10
_IN_MEMORY = 8 << 20
"""The most bytes of records that are not written to disk; as many of messages."""


class SpanStore:
    """Takes spans in any order, gives readings of traces."""

    def __init__(self) -> None:
        self._records = _file()
        self._messages = _Messages()
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]
        self._end = 0
        self._table = RecordTable(self._messages.keep)

    @property
    def sampled(self) -> int:
        """How many spans are of traces of which only a share was kept."""
        return self._table.sampled

    def add(self, span: Span) -> None:
        """Keep what matters of a span."""
        record = self._table.packed(span)
        number = record[0] ^ record[15]
        part = self._parts[number]
        part += record
        if len(part) >= _BLOCK:
            self._records.seek(self._end)
            self._records.write(part)
            self._blocks[number].append((self._end, len(part)))
            self._end += len(part)
            part.clear()

    def readings(self) -> Iterator[TraceReading]:
        """What each trace shows. Nothing is kept afterwards."""
        lookup = Lookup(self._table.calls, self._table.sources, self._messages.load)
        with self._records, self._messages.file:
            for number in range(_PARTS):
                traces: dict[bytes, list[Record]] = {}
                for record in records_in(self._content(number)):
                    traces.setdefault(record.trace, []).append(record)
                for trace, records in traces.items():
                    yield read_records(trace.hex(), records, lookup)

    def _content(self, number: int) -> bytes:
        """All records of a part."""
        blocks = []
        for start, length in self._blocks[number]:
            self._records.seek(start)
            blocks.append(self._records.read(length))
        return b"".join((*blocks, self._parts[number]))


class _Messages:
    """Messages of refusals, one after the other."""

    def __init__(self) -> None:
        self.file = _file()
        self._end = 0

    def keep(self, message: bytes) -> int:
        start = self._end
        self.file.seek(start)
        self.file.write(message)
        self._end += len(message)
        return start

    def load(self, start: int, length: int) -> bytes:
        self.file.seek(start)
        return self.file.read(length)


def _file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)
