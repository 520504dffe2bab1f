"""Saved traces: JSON or JSON lines, gzipped or not, single files or folders of them.

Understood: what `aws xray batch-get-traces` prints, one trace, a list of traces, bare segment documents
and lists of them, documents as JSON text or as objects.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.traces.documents import Trace, compact_id, trace_from_api
from scanner.traces.reading import read_trace
from scanner.traces.source import Emit, SkippedTraces, SourceReport

_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".gz"})
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class FilesSource:
    """Saved traces in files, and in folders of them."""

    paths: tuple[Path, ...]
    name: str = "files"

    def read(self, emit: Emit, warnings: Warnings) -> SourceReport:
        """Hand over every saved trace, each once.

        Documents outside a trace are put together by their trace id first. Raises ScanError for a path that
        does not exist.
        """
        reader = _TraceFinder(emit)
        for path in _files(self.paths, warnings):
            try:
                for value in _values(_content(path)):
                    reader.parse(value)
            except (OSError, EOFError, zlib.error) as error:
                reader.documents += 1
                warnings.add("file-unread", f"{path.name} could not be read: {error}")
            except orjson.JSONDecodeError as error:
                reader.documents += 1
                warnings.add("file-unread", f"{path.name} is neither JSON nor JSON lines: {error}")
        reader.emit_unassigned()
        return SourceReport(SkippedTraces(reader.documents, reader.truncated, reader.unprocessed))


def _files(paths: Iterable[Path], warnings: Warnings) -> Iterator[Path]:
    """The files to read: those that are named, and of a folder those whose suffix is one of saved traces."""
    for path in paths:
        if path.is_dir():
            for inner in sorted(p for p in path.rglob("*") if p.is_file()):
                hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
                if inner.suffix in _SUFFIXES and not hidden:
                    yield inner
                elif not hidden:
                    warnings.add("file-ignored", f"{inner.name} is no file of saved traces, by its suffix")
        elif path.exists():
            yield path
        else:
            raise ScanError(f"--traces: {path} does not exist", EXIT_USAGE)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    content = gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    return content.removeprefix(codecs.BOM_UTF8)


def _values(content: bytes) -> Iterator[Any]:
    """The JSON values of a file: one, or one a line. Raises JSONDecodeError where not even one is."""
    if not content.strip():
        return
    try:
        yield orjson.loads(content)
        return
    except orjson.JSONDecodeError:
        first, _, rest = content.lstrip().partition(b"\n")
        yield orjson.loads(first)
    for line in rest.splitlines():
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                yield None  # counted as unreadable


def _from_text(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _id_of(document: Any) -> str:
    parsed = _from_text(document) if isinstance(document, str) else document
    return str(parsed.get("id")) if isinstance(parsed, dict) else ""


class _TraceFinder:
    """Finds the traces in JSON values. `documents` counts what is neither a trace nor a document of one."""

    def __init__(self, emit: Emit) -> None:
        self._emit_readings = emit
        self._unassigned: dict[str, list[Any]] = {}
        self._seen: dict[bytes, int] = {}
        self.documents = 0
        self.truncated = 0
        self.unprocessed = 0

    def parse(self, value: Any) -> None:
        """Take what a value holds, however deep in lists, in the order in which it stands."""
        todo = [value]
        while todo:
            value = todo.pop()
            if isinstance(value, str):
                value = _from_text(value)
            if isinstance(value, list):
                todo.extend(reversed(value))
            elif not isinstance(value, dict):
                self.documents += 1
            elif isinstance(value.get("Traces"), list):
                unprocessed = value.get("UnprocessedTraceIds")
                self.unprocessed += len(unprocessed) if isinstance(unprocessed, list) else 0
                todo.extend(reversed(value["Traces"]))
            elif "Document" in value and "Segments" not in value:
                todo.append(value["Document"])
            else:
                self._parse_trace(value)

    def emit_unassigned(self) -> None:
        """Hand over the traces whose documents came one by one."""
        for trace_id, documents in self._unassigned.items():
            self._emit(Trace(trace_id, tuple(documents)))

    def _parse_trace(self, value: dict[str, Any]) -> None:
        trace = trace_from_api(value) if "Segments" in value else None
        if trace is not None:
            self._emit(trace)
        elif isinstance(value.get("id"), str) and ("trace_id" in value or "start_time" in value):
            self._unassigned.setdefault(str(value.get("trace_id") or value["id"]), []).append(value)
        else:
            self.documents += 1

    def _emit(self, trace: Trace) -> None:
        key, documents = compact_id(trace.id), hash(frozenset(map(_id_of, trace.documents)))
        known = self._seen.get(key)
        if known is not None:
            self.unprocessed += known != documents  # this copy may hold more of the trace than was read
            return
        self._seen[key] = documents
        self.truncated += trace.truncated
        self._emit_readings([read_trace(trace)])
