"""Saved traces: JSON or JSON lines, gzipped or not, single files or folders of them.

Understood: what `aws xray batch-get-traces` prints, one trace, a list of traces, bare segment documents
and lists of them, documents as JSON text or as objects.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.traces.documents import Trace
from scanner.traces.xray_api import compact, trace_from_api

Sink = Callable[[list[Trace]], None]
_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".gz"})
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass
class FilesRead:
    """What was found in the files. `unreadable` are documents that could not be understood."""

    traces: int = 0
    truncated: int = 0
    unprocessed: int = 0
    unreadable: int = 0
    seen: dict[bytes, int] = field(default_factory=dict, repr=False)


def read_files(paths: Iterable[Path], sink: Sink, warnings: Warnings) -> FilesRead:
    """Hand every saved trace to `sink`, each once.

    Documents outside a trace are put together by their trace id first. Raises ScanError for a path that
    does not exist.
    """
    read = FilesRead()
    loose: dict[str, list[Any]] = {}
    for path in _files(paths, warnings):
        try:
            for value in _values(_content(path)):
                _take(value, read, loose, sink)
        except (OSError, EOFError, zlib.error) as error:
            read.unreadable += 1
            warnings.add("file-unread", f"{path.name} could not be read: {error}")
        except orjson.JSONDecodeError as error:
            read.unreadable += 1
            warnings.add("file-unread", f"{path.name} is neither JSON nor JSON lines: {error}")
    for trace_id, documents in loose.items():
        _hand_on(Trace(trace_id, tuple(documents)), read, sink)
    return read


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


def _take(value: Any, read: FilesRead, loose: dict[str, list[Any]], sink: Sink) -> None:
    """Take what a file holds, however deep in lists, in the order in which it stands."""
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            value = _from_text(value)
        if isinstance(value, list):
            todo.extend(reversed(value))
        elif not isinstance(value, dict):
            read.unreadable += 1
        elif isinstance(value.get("Traces"), list):
            unprocessed = value.get("UnprocessedTraceIds")
            read.unprocessed += len(unprocessed) if isinstance(unprocessed, list) else 0
            todo.extend(reversed(value["Traces"]))
        elif "Document" in value and "Segments" not in value:
            todo.append(value["Document"])
        else:
            _take_trace(value, read, loose, sink)


def _take_trace(value: dict[str, Any], read: FilesRead, loose: dict[str, list[Any]], sink: Sink) -> None:
    trace = trace_from_api(value) if "Segments" in value else None
    if trace is not None:
        _hand_on(trace, read, sink)
    elif isinstance(value.get("id"), str) and ("trace_id" in value or "start_time" in value):
        loose.setdefault(str(value.get("trace_id") or value["id"]), []).append(value)
    else:
        read.unreadable += 1


def _from_text(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _id_of(document: Any) -> str:
    parsed = _from_text(document) if isinstance(document, str) else document
    return str(parsed.get("id")) if isinstance(parsed, dict) else ""


def _hand_on(trace: Trace, read: FilesRead, sink: Sink) -> None:
    key, documents = compact(trace.id), hash(frozenset(map(_id_of, trace.documents)))
    known = read.seen.get(key)
    if known is not None:
        read.unprocessed += known != documents  # this copy may hold more of the trace than was read
        return
    read.seen[key] = documents
    read.traces += 1
    read.truncated += trace.truncated
    sink([trace])
