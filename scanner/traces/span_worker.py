"""A second process that parses lines of spans: half of the work on a machine with two cores.

It gets lines and gives back records as `RecordTable` packs them, with its own numbers. Where it ends early,
its lines are parsed by who asked: it makes a scan faster, and changes nothing else.
bench row "spans from one file".
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, NamedTuple

import orjson

from scanner.model import Call
from scanner.spans import kept
from scanner.spans.documents import loads, spans_in
from scanner.spans.record import RecordTable, Source

_LENGTH = struct.Struct("<Q")
_WAITING = 2  # batches that wait for the process: it never has to
_ENDS_SOON = 5.0
_SECRETS = ("AWS_", "GITHUB_", "ACTIONS_", "INPUT_")
_COMMAND = "from scanner.traces.span_worker import serve; serve()"


class Batch(NamedTuple):
    """Lines of a file, by its name."""

    name: str
    lines: Sequence[bytes]


class Packed(NamedTuple):
    """What became of a batch: records by their part, and the calls, sources and messages that are new.

    `unread` counts spans that cannot be read, `broken` lines that are not JSON.
    """

    records: dict[int, bytes]
    calls: Sequence[Call] = ()
    sources: Sequence[Source] = ()
    messages: bytes = b""
    spans: int = 0
    sampled: int = 0
    unread: int = 0
    broken: int = 0


class Answer(NamedTuple):
    """A batch with what became of it; None where the process is gone."""

    batch: Batch
    packed: Packed | None


class SpanWorker:
    """The process, which is asked by a thread of its own."""

    def __init__(self) -> None:
        self._batches: queue.Queue[Batch | None] = queue.Queue(_WAITING)
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._open = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._ask, name="spans", daemon=True)
        self._thread.start()

    def take(self, batch: Batch) -> bool:
        """Hand over a batch. False where enough of them wait."""
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            return False
        self._open += 1
        return True

    def answers(self, *, all_of_them: bool = False) -> list[Answer]:
        """What came back by now; with `all_of_them` whatever is still open as well."""
        answers = []
        while self._open:
            try:
                answers.append(self._answers.get(block=all_of_them))
            except queue.Empty:
                break
            self._open -= 1
        return answers

    def close(self) -> None:
        """End the process."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait(_ENDS_SOON)

    def _ask(self) -> None:
        try:
            process = self._process = _started()
        except OSError:
            process = None
        while True:
            batch = self._batches.get()
            if batch is None:
                return
            packed = None
            if process is not None and process.stdin and process.stdout:
                try:
                    _write(process.stdin, pickle.dumps(batch.lines))
                    packed = pickle.loads(_read(process.stdout))  # noqa: S301 - of our own process
                except (OSError, EOFError, pickle.UnpicklingError, ValueError):
                    process.kill()
                    process = None
            self._answers.put(Answer(batch, packed))


def _started() -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-c", _COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    if process.stdin:
        _write(process.stdin, kept.salt())
    return process


def _write(file: IO[bytes], content: bytes) -> None:
    file.write(_LENGTH.pack(len(content)))
    file.write(content)
    file.flush()


def _read(file: IO[bytes]) -> bytes:
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return content


# --- in the process -------------------------------------------------------------------------------


def serve() -> None:
    """Parse what standard input holds until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked stops it
    source, target = sys.stdin.buffer, sys.stdout.buffer
    try:
        kept.use_salt(_read(source))
        packer = _Packer()
        while True:
            lines = pickle.loads(_read(source))  # noqa: S301 - of who started it
            _write(target, pickle.dumps(packer.packed(lines)))
    except (EOFError, OSError):
        return


class _Packer:
    """Parses lines, and remembers which calls and sources it gave before."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._messages_end = 0
        self.table = RecordTable(self._keep, first=1)

    def packed(self, lines: Sequence[bytes]) -> Packed:
        table = self.table
        spans, sampled = table.spans, table.sampled
        calls, sources = len(table.calls), len(table.sources)
        self._messages.clear()
        parts: dict[int, bytearray] = {}
        unread = broken = 0
        for line in lines:
            try:
                found = spans_in(loads(line))
            except orjson.JSONDecodeError:
                broken += 1
                continue
            for span in found or ():
                if span is None:
                    unread += 1
                    continue
                record = table.packed(span)
                part = parts.get(record[0] ^ record[15])
                if part is None:
                    parts[record[0] ^ record[15]] = bytearray(record)
                else:
                    part += record
        return Packed(
            {number: bytes(part) for number, part in parts.items()},
            table.calls[calls:],
            table.sources[sources:],
            b"".join(self._messages),
            spans=table.spans - spans,
            sampled=table.sampled - sampled,
            unread=unread,
            broken=broken,
        )

    def _keep(self, message: bytes) -> int:
        start = self._messages_end
        self._messages.append(message)
        self._messages_end += len(message)
        return start
