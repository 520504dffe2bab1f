"""The segment documents of a trace: JSON that anybody may have sent, parsed and put in order. Pure.

Document shapes: docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html, and what
BatchGetTraces really returns: renamed services, `inferred` copies of each call, segments streamed in
pieces, documents in progress next to the finished ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

Node = dict[str, Any]
"""A segment document, or a subsegment in one."""

_MAX_TEXT = 2048


class Trace(NamedTuple):
    """A trace as it was fetched or saved. A document is a JSON text or what it parses to."""

    id: str
    documents: tuple[Any, ...]
    truncated: bool = False
    partial: bool = False


def trace_from_api(raw: Any) -> Trace | None:
    """A trace as BatchGetTraces returns it; a segment without its document counts as unreadable."""
    if not isinstance(raw, dict) or not isinstance(raw.get("Id"), str):
        return None
    segments = raw.get("Segments")
    documents = map(_document_in, segments if isinstance(segments, list) and segments else [None])
    return Trace(raw["Id"], tuple(documents), truncated=raw.get("LimitExceeded") is True)


def _document_in(segment: Any) -> Any:
    if not isinstance(segment, dict):
        return segment
    return segment.get("Document", segment if "id" in segment else None)


def compact_id(trace_id: str) -> bytes:
    """A trace id in 12 bytes, the only thing kept for each trace."""
    with contextlib.suppress(ValueError):
        return bytes.fromhex(trace_id.removeprefix("1-").replace("-", ""))
    return trace_id.encode("utf-8", "replace")


class Documents(NamedTuple):
    """The documents of a trace.

    `segments` are those that show the trace itself, finished ones first. `received` and `unreadable`
    count all that came. `complete` is False where one is unreadable, or in progress without a finished copy.
    """

    segments: tuple[Node, ...]
    received: int
    unreadable: int
    complete: bool


def parse_documents(documents: Iterable[Any]) -> Documents:
    """Parse the documents of a trace, and leave out what others replace."""
    finished: list[Node] = []
    in_progress: list[Node] = []
    received = unreadable = 0
    for document in documents:
        received += 1
        segment = _parse(document)
        if segment is None:
            unreadable += 1
        elif segment.get("inferred") is True:
            continue  # X-Ray's copy of a call, in the name of the called service
        elif segment.get("in_progress") is True:
            in_progress.append(segment)
        else:
            finished.append(segment)
    unfinished: list[Node] = []
    if in_progress:
        nodes = (node.get("id") for segment in finished for node, _ in nodes_below(segment))
        ids = {node_id for node_id in nodes if isinstance(node_id, str)}
        unfinished = [segment for segment in in_progress if segment["id"] not in ids]
    # whether a call in progress leaves a gap, the calls of the trace say
    complete = not unreadable and all(is_call(segment) for segment in unfinished)
    return Documents((*finished, *unfinished), received, unreadable, complete)


def _parse(document: Any) -> Node | None:
    if isinstance(document, str | bytes):
        try:
            document = orjson.loads(document)
        except orjson.JSONDecodeError:
            return None
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        return None
    return document


def nodes_below(segment: Node) -> Iterator[tuple[Node, str | None]]:
    """A document and all its subsegments, each with the id of its parent."""
    todo: list[tuple[Node, str | None]] = [(segment, segment.get("parent_id"))]
    while todo:
        node, parent_id = todo.pop()
        yield node, parent_id
        todo.extend((child, node.get("id")) for child in children_of(node))


def is_call(node: Node) -> bool:
    """Whether a node is a call of an instrumented AWS client."""
    return node.get("namespace") == "aws"


def is_opentelemetry(segment: Node) -> bool:
    """Whether a document names OpenTelemetry as its SDK."""
    return "opentelemetry" in text_of(dict_of(dict_of(segment.get("aws")).get("xray")).get("sdk")).lower()


# --- values in untrusted JSON --------------------------------------------------------------------


def children_of(node: Node) -> list[Node]:
    """The subsegments of a node."""
    return dicts_in(node.get("subsegments"))


def dicts_in(value: Any) -> list[Node]:
    """The objects in a value that is a list, none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def dict_of(value: Any) -> Node:
    """A value that is an object, empty where it is none."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """A value that is a text, cut to a length that names have; empty where it is none."""
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def number_of(value: Any) -> float | None:
    """A value that is a number, None where it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
