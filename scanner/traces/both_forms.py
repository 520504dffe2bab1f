"""Traces that were saved both as segment documents and as spans: each call counts once.

exporter/awsxrayexporter of the collector gives a document the id of its span, and a trace that of its own.
"""

from __future__ import annotations

import contextlib
import tempfile
from array import array
from collections.abc import Iterator

from scanner.model.readings import TraceReading

_ID = 8
_IN_MEMORY = 8 << 20


class CallsOfDocuments:
    """The ids of the calls that were read of documents, by trace; on disk where they are many.

    A trace is numbered in the order in which it is noted.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - `close` closes it
        self._ends = array("Q", [0])
        self._shows = bytearray()

    def note(self, reading: TraceReading) -> int:
        """Note a trace; its number."""
        ids = b"".join(_ids_of_owned(reading))
        if ids:
            self._file.seek(self._ends[-1])
            self._file.write(ids)
        self._ends.append(self._ends[-1] + len(ids))
        self._shows.append(bool(reading.workloads))
        return len(self._ends) - 2

    def without_known(self, number: int, reading: TraceReading) -> TraceReading | None:
        """What the spans of a noted trace show beyond its documents; None for nothing."""
        start, end = self._ends[number], self._ends[number + 1]
        self._file.seek(start)
        content = self._file.read(end - start)
        known = {content[place : place + _ID] for place in range(0, len(content), _ID)}
        new = [
            (call, call_id)
            for call, call_id in zip(reading.calls, reading.call_ids, strict=True)
            if call_id not in known
        ]
        if self._shows[number] and not new:
            return None
        return reading._replace(calls=[call for call, _ in new], call_ids=[call_id for _, call_id in new])

    def close(self) -> None:
        """Forget all."""
        self._file.close()


def _ids_of_owned(reading: TraceReading) -> Iterator[bytes]:
    """The ids of calls of which the documents tell whose they are; of others the spans may tell."""
    for observed, call_id in zip(reading.calls, reading.call_ids, strict=True):
        if observed.call.workload is not None and len(call_id) == _ID:
            yield call_id


def id_of_document(text: object) -> bytes:
    """The id of a document in bytes, empty for one that is not in hex."""
    with contextlib.suppress(ValueError):
        return bytes.fromhex(text) if isinstance(text, str) else b""
    return b""
