"""The segment documents of a trace: JSON that anybody may have sent, parsed and put in order. Pure.

Document shapes: docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html, and what
BatchGetTraces really returns: renamed services, `inferred` copies of each call, segments streamed in
pieces, documents in progress next to the finished ones.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

Node = dict[str, Any]
"""A segment document, or a subsegment in one."""

_MAX_TEXT = 2048
AWS_API = "aws-api"
_PYTHON_SDK = re.compile(r"x-?ray\b.*\bpython")
_TELLING = frozenset({"aws", "annotations", "metadata"})  # where an operation stands
_ATTRIBUTES = frozenset({"annotations", "metadata"})  # where attributes of OpenTelemetry stand
_RPC_SYSTEMS = ("rpc.system", "rpc.system.name", "rpc_system")
_RPC_METHODS = ("rpc.method", "rpc_method")
# Where a workload's own code runs. A document of another origin was written by a service.
_COMPUTES = (
    "AWS::ECS::",
    "AWS::EC2::Instance",
    "AWS::EKS::",
    "AWS::AppRunner::",
    "AWS::ElasticBeanstalk::",
)
_RUNS_CODE = ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine", *_COMPUTES)


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
    return Documents(
        segments=(*finished, *unfinished), received=received, unreadable=unreadable, complete=complete
    )


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
    """Whether a node is a call of an AWS client: by its namespace, else because it names an operation.

    Exporters leave the namespace out, or write `remote`. The copy of a call in the name of the called service
    has the operation too: its origin is the service's. So has a remote call of another system (gRPC): the
    collector's awsxray exporter writes `rpc.method` as the operation.
    """
    if node.get("namespace") == "aws":
        return node.get("inferred") is not True
    if node.keys().isdisjoint(_TELLING) or node.get("inferred") is True:
        return False
    if not operation_of(node) or _rpc_system(node) not in ("", AWS_API):
        return False
    origin = node.get("origin")
    return not isinstance(origin, str) or origin.startswith(_COMPUTES)


def operation_of(node: Node) -> str:
    """The operation that a node names, empty where it names none.

    The collector writes it to `aws`; the OTLP endpoint leaves it in the annotations and the metadata.
    """
    operation = text_of(dict_of(node.get("aws")).get("operation"))
    if operation or node.keys().isdisjoint(_ATTRIBUTES):
        return operation
    annotations = dict_of(node.get("annotations"))
    is_aws = node.get("namespace") == "aws" or text_of(annotations.get("aws.remote.service")).startswith(
        "AWS::"
    )
    if is_aws and (operation := text_of(annotations.get("aws.remote.operation"))):
        return operation
    if _rpc_system(node) != AWS_API:
        return ""
    return _attribute(node, _RPC_METHODS).rpartition("/")[2]  # Go has the service before it


def service_of_node(node: Node) -> str:
    """The service that a node names; the name of the node, or where it has none, what OpenTelemetry says."""
    name = text_of(node.get("name"))
    if name:
        return name
    return text_of(dict_of(node.get("annotations")).get("aws.remote.service")).removeprefix("AWS::")


def is_written_by_a_service(segment: Node) -> bool:
    """Whether a document is one of AWS's services, in which no code of a workload runs."""
    origin = segment.get("origin")
    return isinstance(origin, str) and origin.startswith("AWS::") and not origin.startswith(_RUNS_CODE)


def _rpc_system(node: Node) -> str:
    return _attribute(node, _RPC_SYSTEMS).lower()


def _attribute(node: Node, names: Iterable[str]) -> str:
    """An attribute of OpenTelemetry in the annotations or the metadata, empty where it is not there."""
    metadata = dict_of(node.get("metadata"))
    for part in (dict_of(metadata.get("default")), metadata, dict_of(node.get("annotations"))):
        for name in names:
            if value := text_of(part.get(name)):
                return value
    return ""


def is_part(node: Node) -> bool:
    """Whether a node is a part of a document, in it or streamed on its own."""
    return node.get("type") == "subsegment" or "trace_id" not in node


def is_recorded_by_an_sdk(node: Node) -> bool:
    """Whether a call is one that an X-Ray SDK recorded, rather than code of the workload's own.

    The SDKs write the namespace and the operation of each call that they wrap.
    """
    return node.get("namespace") == "aws" and bool(dict_of(node.get("aws")).get("operation"))


def is_opentelemetry(segment: Node) -> bool:
    """Whether a document names OpenTelemetry as its SDK."""
    return "opentelemetry" in _sdk(segment)


def names_python_sdk(segment: Node) -> bool:
    """Whether a document names the X-Ray SDK for Python: as aws_xray_sdk/core/recorder.py does."""
    sdk = _sdk(segment)
    return bool(sdk) and _PYTHON_SDK.search(sdk) is not None


def _sdk(segment: Node) -> str:
    return text_of(xray_of(segment).get("sdk")).lower()


def xray_of(segment: Node) -> Node:
    """What a document says of how it was recorded."""
    return dict_of(dict_of(segment.get("aws")).get("xray"))


# --- values in untrusted JSON --------------------------------------------------------------------


def children_of(node: Node) -> list[Node]:
    """The subsegments of a node: a list of them, or whatever else holds them."""
    value = node.get("subsegments")
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    return _nodes_in(value)


def _nodes_in(value: Any) -> list[Node]:
    """The nodes in lists, in an object that holds them by name or id, and in JSON texts."""
    nodes: list[Node] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            with contextlib.suppress(orjson.JSONDecodeError):
                item = orjson.loads(item)
        if isinstance(item, list):
            todo.extend(reversed(item))
        elif isinstance(item, dict) and isinstance(item.get("name", item.get("id")), str):
            nodes.append(item)
        elif isinstance(item, dict):
            todo.extend(inner for inner in reversed(item.values()) if isinstance(inner, dict | list))
    return nodes


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
    if type(value) is float:
        return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else None
