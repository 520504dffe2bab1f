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
from scanner.spans.record import Record, RecordTable, records_in
from scanner.spans.span import Span

_PARTS = 256
_BLOCK = 16 << 10
_IN_MEMORY = 8 << 20
"""The most bytes of records that are not written to disk; as many of messages."""


class SpanStore:
    """Takes spans in any order, gives readings of traces."""

    def __init__(self) -> None:
        self._records: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._messages: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]
        self._end = self._messages_end = 0
        self._table = RecordTable(self._keep_message, self._message)

    @property
    def spans(self) -> int:
        """How many spans were taken."""
        return self._table.spans

    @property
    def sampled(self) -> int:
        """How many of them are of traces of which only a share was kept."""
        return self._table.sampled

    def add(self, span: Span) -> None:
        """Keep what matters of a span."""
        record = self._table.packed(span)
        number = record[0] ^ record[15]
        part = self._parts[number]
        part += record
        if len(part) >= _BLOCK:
            self._write(number)

    def readings(self) -> Iterator[TraceReading]:
        """What each trace shows. Nothing is kept afterwards."""
        with self._records, self._messages:
            for number in range(_PARTS):
                traces: dict[bytes, list[Record]] = {}
                for record in records_in(self._content(number)):
                    traces.setdefault(record.trace, []).append(record)
                for trace, records in traces.items():
                    yield read_records(trace.hex(), records, self._table)

    def _write(self, number: int) -> None:
        part = self._parts[number]
        self._records.seek(self._end)
        self._records.write(part)
        self._blocks[number].append((self._end, len(part)))
        self._end += len(part)
        part.clear()

    def _content(self, number: int) -> bytes:
        """All records of a part."""
        blocks = []
        for start, length in self._blocks[number]:
            self._records.seek(start)
            blocks.append(self._records.read(length))
        return b"".join((*blocks, self._parts[number]))

    def _keep_message(self, message: bytes) -> int:
        start = self._messages_end
        self._messages.seek(start)
        self._messages.write(message)
        self._messages_end += len(message)
        return start

    def _message(self, start: int, length: int) -> bytes:
        self._messages.seek(start)
        return self._messages.read(length)
