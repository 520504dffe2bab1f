"""Saved traces: JSON or JSON lines, gzipped or not, single files or folders of them.

Understood: what `aws xray batch-get-traces` prints, one trace, a list of traces, bare segment documents
and lists of them, documents as JSON text or as objects; spans of OpenTelemetry as `scanner.spans` reads them.
Each value says what it is, whatever its file is called. A file is never in memory as a whole.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.input.looks import OTHER_JSON, Look, look_of_head, look_of_value
from scanner.input.stream import STDIN, InputError, OpenError, opened, problem_of
from scanner.input.values import Unread, values
from scanner.model.readings import TraceReading
from scanner.spans.documents import LEAN_BEGINNING, loads, spans_in, without_time
from scanner.text.escape import counted
from scanner.traces.both_forms import CallsOfDocuments
from scanner.traces.documents import Trace, compact_id, trace_from_api
from scanner.traces.reading import read_trace
from scanner.traces.source import Emit, EmitOf, Origin, SkippedTraces, SourceReport, warn_of_sampling
from scanner.traces.span_store import SpanStore

_IN_MEMORY = 16 << 20
"""The most bytes of documents outside of traces that are not written to disk."""
_BATCH = 256
_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".gz"})
# what stands beside traces and is plainly none; whatever else is not read may have been meant: `traces.zip`
_TEXTS = frozenset({".html", ".md", ".rst"})
_NAMES_OF_TEXTS = frozenset({"LICENSE", "NOTICE", "README", "README.txt"})
_MOST_NAMED = 3  # of the files of a folder that are not read


class _File(NamedTuple):
    """A file to read. `named` tells that the user named it, not only a folder that it is in."""

    path: Path
    named: bool


@dataclass(frozen=True)
class FilesSource:
    """Saved traces in files, and in folders of them."""

    paths: tuple[Path, ...]
    name: str = "files"

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        """Hand over every saved trace, each once.

        Documents outside a trace are put together by their trace id first. Raises ScanError for a path that
        does not exist, and for a named file that is something else than saved traces.
        """
        finder = _TraceFinder(emit_of(Origin()))
        for file in _files(self.paths, warnings):
            _read(file, finder, warnings)
        finder.emit_unassigned()
        finder.emit_spans(warnings)
        return SourceReport(SkippedTraces(finder.documents, finder.truncated, finder.unprocessed))


def _files(paths: Iterable[Path], warnings: Warnings) -> Iterator[_File]:
    """The files to read: those that are named, and of a folder those that are traces by suffix or content."""
    for path in paths:
        problem = "" if path == STDIN else problem_of(path)
        if problem:
            raise ScanError(f"--traces: {path} {problem}", EXIT_USAGE)
        if path.is_dir():
            yield from _files_in(path, warnings)
        else:
            yield _File(path, named=True)


def _files_in(folder: Path, warnings: Warnings) -> Iterator[_File]:
    """The files of a folder that hold traces. Of the others, texts for people are no news."""
    others = []
    for path in sorted(p for p in folder.rglob("*") if not p.is_dir()):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if not path.is_file():
            why = "a pipe, a device or a broken link"
            warnings.add("file-ignored", f"{path.name} is no file of saved traces, but {why}")
        elif path.suffix in _SUFFIXES or _holds_traces(path):
            yield _File(path, named=False)
        elif path.suffix.lower() not in _TEXTS and path.name not in _NAMES_OF_TEXTS:
            others.append(path.name)
    if others:
        names = ", ".join(others[:_MOST_NAMED]) + (", ..." if len(others) > _MOST_NAMED else "")
        were = "was" if len(others) == 1 else "were"
        found = counted(len(others), "other file")
        warnings.add("file-ignored", f"{found} in {folder.name or folder} {were} not read: {names}")


def _holds_traces(path: Path) -> bool:
    """Whether a file that is called something else begins as one of traces does."""
    try:
        with opened(path) as stream:
            return look_of_head(without_time(stream.read())).option == "--traces"
    except InputError:
        return False


def _read(file: _File, finder: _TraceFinder, warnings: Warnings) -> None:
    """Read a file as far as it can be read. Raises ScanError for a named one that is something else."""
    name = "standard input" if file.path == STDIN else file.path.name
    finder.begin_file()
    problem, head = "", b""
    try:
        with opened(file.path) as stream:
            try:
                for value in values(stream, loads=loads, lean=LEAN_BEGINNING):
                    if isinstance(value, Unread):
                        finder.documents += 1
                        warnings.add("file-unread", f"{name} {value.why}, which was left out")
                    else:
                        finder.parse(value)
            finally:
                head = stream.head
    except InputError as error:
        if file.named and isinstance(error, OpenError):
            raise ScanError(f"--traces: {file.path} {error}", EXIT_USAGE) from None
        problem = str(error)
    look = None if finder.found or not (problem or finder.others) else finder.look or look_of_head(head)
    if look is not None and not (problem and _is_damaged(head, look)):
        if file.named:
            raise ScanError(f"--traces: {file.path} holds no traces: it {look}", EXIT_USAGE)
        problem = f"holds no traces: it {look}"
        finder.documents -= min(finder.others, 1)  # counted below
    if problem:
        finder.documents += 1
        warnings.add("file-unread", f"{name} {problem}")


def _is_damaged(head: bytes, look: Look) -> bool:
    """Whether a file that could not be read may well be one of traces."""
    return not head.strip() or look == OTHER_JSON or look.option == "--traces"


def _from_text(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _parsed(document: Any) -> Any:
    """A document as an object, so that it is parsed once; a text that holds none stays one."""
    parsed = _from_text(document) if isinstance(document, str | bytes) else None
    return parsed if isinstance(parsed, dict) else document


def _id_of(document: Any) -> str:
    return str(document.get("id")) if isinstance(document, dict) else ""


class _DocumentStore:
    """Documents by the id of their trace, in the order of the first of each; on disk where they are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - `traces` closes it
        self._places: dict[str, array[int]] = {}
        self._end = 0

    def add(self, trace_id: str, document: Any) -> None:
        """Keep a document. One that is nested too deeply comes back as one that cannot be read."""
        try:
            content = orjson.dumps(document)
        except orjson.JSONEncodeError:
            content = b""
        self._file.write(content)
        places = self._places.setdefault(trace_id, array("Q"))
        places.extend((self._end, len(content)))
        self._end += len(content)

    def traces(self) -> Iterator[Trace]:
        """The traces. Nothing is kept afterwards."""
        with self._file:
            for trace_id, places in self._places.items():
                yield Trace(trace_id, tuple(map(self._document, places[::2], places[1::2])))
        self._places.clear()

    def _document(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)


class _TraceFinder:
    """Finds the traces in JSON values. `documents` counts what is neither a trace nor a document of one."""

    def __init__(self, emit: Emit) -> None:
        self._emit_readings = emit
        self._unassigned = _DocumentStore()
        self._spans = SpanStore()
        self._calls = CallsOfDocuments()
        self._seen: dict[bytes, int] = {}
        self._hashes = array("q")
        self.documents = 0
        self.truncated = 0
        self.unprocessed = 0
        self.begin_file()

    def begin_file(self) -> None:
        """Forget what the last file was like.

        `found` tells that it held something of traces, `others` counts the values that are none. `look` is
        what these look like, where that is known.
        """
        self.found = False
        self.others = 0
        self.look: Look | None = None

    def parse(self, value: Any) -> None:
        """Take what a value holds, however deep in lists, in the order in which it stands."""
        todo = [value]
        while todo:
            value = todo.pop()
            if isinstance(value, str):
                value = _from_text(value)
            if self._take_spans(value):
                continue
            if isinstance(value, list):
                todo.extend(reversed(value))
            elif not isinstance(value, dict):
                self._leave_out(value)
            elif isinstance(value.get("Traces"), list):
                self.found = True
                unprocessed = value.get("UnprocessedTraceIds")
                self.unprocessed += len(unprocessed) if isinstance(unprocessed, list) else 0
                todo.extend(reversed(value["Traces"]))
            elif isinstance(value.get("Spans"), list):
                todo.extend(reversed(value["Spans"]))  # of `aws xray list-retrieved-traces`
            elif "Document" in value and "Segments" not in value:
                todo.append(value["Document"])
            else:
                self._parse_trace(value)

    def emit_unassigned(self) -> None:
        """Hand over the traces whose documents came one by one."""
        for trace in self._unassigned.traces():
            self._emit(trace)

    def emit_spans(self, warnings: Warnings) -> None:
        """Hand over the traces of spans."""
        batch: list[TraceReading] = []
        for of_spans in self._spans.readings():
            known = self._seen.get(compact_id(of_spans.trace_id))
            reading = of_spans if known is None else self._calls.without_known(known, of_spans)
            if reading is not None:
                batch.append(reading)
            if len(batch) == _BATCH:
                self._emit_readings(batch)
                batch = []
        if batch:
            self._emit_readings(batch)
        self._calls.close()
        warn_of_sampling(self._spans.sampled, warnings)

    def _take_spans(self, value: Any) -> bool:
        """Take the spans that a value holds. False where it is nothing of spans."""
        spans = spans_in(value)
        if spans is None:
            return False
        unread = 0
        for span in spans:
            if span is None:
                unread += 1
            else:
                self.found = True
                self._spans.add(span)
        self.documents += unread
        look = look_of_value(value) if unread and not self.found else None
        if look is not None and look.option != "--traces":
            self.others += 1  # log events of something else
            self.look = self.look or look
        return True

    def _parse_trace(self, value: dict[str, Any]) -> None:
        is_trace = "Segments" in value
        self.found = self.found or is_trace
        trace = trace_from_api(value) if is_trace else None
        if trace is not None:
            self._emit(trace)
        elif isinstance(value.get("id"), str) and ("trace_id" in value or "start_time" in value):
            self.found = True
            self._unassigned.add(str(value.get("trace_id") or value["id"]), value)
        else:
            self._leave_out(value)

    def _leave_out(self, value: Any) -> None:
        self.documents += 1
        self.others += 1
        self.look = self.look or look_of_value(value)

    def _emit(self, trace: Trace) -> None:
        trace = trace._replace(documents=tuple(map(_parsed, trace.documents)))
        key, documents = compact_id(trace.id), hash(frozenset(map(_id_of, trace.documents)))
        known = self._seen.get(key)
        if known is not None:
            self.unprocessed += (
                self._hashes[known] != documents
            )  # this copy may hold more of the trace than was read
            return
        self.truncated += trace.truncated
        reading = read_trace(trace)
        self._seen[key] = self._calls.note(reading)
        self._hashes.append(documents)
        self._emit_readings([reading])
