"""One trace's segment documents -> the calls of its workloads. Pure.

Document shapes: docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html, and what
BatchGetTraces really returns: renamed services, `inferred` copies of each call, segments streamed in
pieces, in-progress documents beside the finished one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from scanner.iam.patterns import is_pattern
from scanner.mapping.parameters import NOT_RESOURCES, PRESENCE_PARAMETERS, RESOURCE_PARAMETERS
from scanner.model import Call, Outcome
from scanner.model.calls import OPENTELEMETRY
from scanner.model.workloads import workload_arn
from scanner.text.redact import redacted

Node = dict[str, Any]

_PHASES = frozenset({"Initialization", "Invocation", "Overhead"})
LAMBDA_ORIGINS = ("AWS::Lambda", "AWS::Lambda::Function")
STATE_MACHINE_ORIGIN = "AWS::StepFunctions::StateMachine"

_FAILURE_KEYS = frozenset({"error", "fault", "throttle", "cause"})
_VERSION = re.compile(r":function:[^:]+:(\d+)\Z")
_QUOTED = re.compile(r"'([^']+)'")
_MAX_NAME = 2048
_DENIED_TYPES = frozenset(
    {
        "accessdenied",
        "accessdeniedexception",
        "accessdeniedfault",
        "authorizationerror",
        "authorizationerrorexception",
        "forbidden",
        "forbiddenexception",
        "notauthorized",
        "unauthorizedaccess",
        "unauthorizedoperation",
        "403",
    }
)
# Types that say nothing: with status 403 they are refusals (a HEAD request's answer has no body).
_VAGUE_TYPES = frozenset({"clienterror", "", "unknownerror", "error"})
# Messages of refusals: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED_MESSAGE = re.compile(r"not authorized to perform|access denied|AccessDenied", re.IGNORECASE)
_AWS_HOST = re.compile(r"\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$")


class ObservedCall(NamedTuple):
    """A call with its time (Unix seconds) and, where it was refused, the error's message."""

    call: Call
    time: float
    message: str = ""


class WorkloadRun(NamedTuple):
    """A workload in one trace.

    `start` is when it started (Unix seconds). `ran` is False where the trace shows only that it was
    asked to run. `auto_instrumented` tells that all its AWS clients are instrumented automatically. `version`
    is the published version ("5") that ran, None where the trace names none, or $LATEST or an alias.
    """

    start: float
    ran: bool = False
    auto_instrumented: bool = False
    version: str | None = None


@dataclass
class TraceReading:
    """What one trace shows. `complete` is False where some of it is missing, for whatever reason."""

    trace_id: str
    documents: int = 0
    unreadable_documents: int = 0
    complete: bool = True
    start: float | None = None
    end: float | None = None
    workloads: dict[str, WorkloadRun] = field(default_factory=dict)
    calls: list[ObservedCall] = field(default_factory=list)


class Trace(NamedTuple):
    """A trace as it was fetched or saved. A document is a JSON text or what it parses to."""

    id: str
    documents: tuple[Any, ...]
    truncated: bool = False
    partial: bool = False


def read_trace(trace: Trace) -> TraceReading:
    """Read all calls of a trace and the workloads that it shows."""
    reading = TraceReading(
        trace.id, complete=bool(trace.documents) and not (trace.truncated or trace.partial)
    )
    segments = list(_parsed(trace.documents, reading))
    owners = _Owners(segments)
    seen_calls: set[str] = set()
    begun: list[tuple[Node, str | None, bool]] = []
    for segment in segments:
        owner = owners.of(segment)
        otel = _is_opentelemetry(segment)
        _note_segment(segment, owner, reading)
        for node, node_owner in _calls_below(segment, owner):
            if node.get("in_progress") is True:
                begun.append((node, node_owner, otel))  # its finished copy, if there is one, tells more
            elif _is_new(node, seen_calls):
                reading.calls.append(_seen_call(node, node_owner, otel))
    for node, node_owner, otel in begun:
        if _is_new(node, seen_calls):
            reading.complete = False
            reading.calls.append(_seen_call(node, node_owner, otel))
    if owners.dangling:
        reading.complete = False
    return reading


def _is_new(node: Node, seen: set[str]) -> bool:
    """Whether a call was not seen before: it may stand in its segment and in a document of its own."""
    node_id = node.get("id")
    if not isinstance(node_id, str):
        return True
    if node_id in seen:
        return False
    seen.add(node_id)
    return True


# --- documents -----------------------------------------------------------------------------------


def _parsed(documents: Iterable[Any], reading: TraceReading) -> Iterator[Node]:
    """The trace's own documents, finished ones first; unreadable ones are counted."""
    finished: list[Node] = []
    unfinished: list[Node] = []
    for document in documents:
        reading.documents += 1
        segment = _parse(document)
        if segment is None:
            reading.unreadable_documents += 1
            reading.complete = False
        elif segment.get("inferred") is True:
            continue  # X-Ray's copy of a call, in the name of the called service
        elif segment.get("in_progress") is True:
            unfinished.append(segment)
        else:
            finished.append(segment)
    yield from finished
    known: set[Any] = set()
    if unfinished:
        known = {node.get("id") for segment in finished for node, _ in _nodes_below(segment)}
    for segment in unfinished:
        if segment.get("id") not in known:
            reading.complete = reading.complete and _is_call(segment)  # of a call, the call says it
            yield segment


def _parse(document: Any) -> Node | None:
    if isinstance(document, str | bytes):
        try:
            document = orjson.loads(document)
        except orjson.JSONDecodeError:
            return None
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        return None
    return document


def _note_segment(segment: Node, owner: str | None, reading: TraceReading) -> None:
    start, end = _number(segment.get("start_time")), _number(segment.get("end_time"))
    if start is not None:
        reading.start = start if reading.start is None else min(reading.start, start)
        end = start if end is None else end
        reading.end = end if reading.end is None else max(reading.end, end)
    if owner is None:
        return
    known = reading.workloads.get(owner, WorkloadRun(0.0))
    # The function's own document says when it ran: Lambda's may have queued the event before, and a part
    # that was streamed begins later.
    own = segment.get("origin") != "AWS::Lambda" and segment.get("type") != "subsegment"
    reading.workloads[owner] = WorkloadRun(
        start=_start(known, start or 0.0, own),
        ran=known.ran or own,
        auto_instrumented=known.auto_instrumented or _is_auto_instrumented(segment),
        version=known.version or _version(segment),
    )


def _version(segment: Node) -> str | None:
    """The published version that a document of Lambda names.

    docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html: its ARN ends with a number.
    """
    for arn in (_dict(segment.get("aws")).get("function_arn"), segment.get("resource_arn")):
        match = _VERSION.search(arn) if isinstance(arn, str) else None
        if match:
            return match.group(1)
    return None


def _start(known: WorkloadRun, start: float, own: bool) -> float:
    """When a workload started, whatever the order of the documents."""
    if own == known.ran:
        return max(known.start, start)
    return start if own else known.start


def _is_auto_instrumented(segment: Node) -> bool:
    return _dict(_dict(segment.get("aws")).get("xray")).get("auto_instrumentation") is True


# --- whose call it is ----------------------------------------------------------------------------


class _Owners:
    """Finds the workload of a document: its own ARN, else that of the nearest parent."""

    def __init__(self, segments: list[Node]) -> None:
        self._segments = segments
        self._nodes: dict[str, tuple[Node, str | None]] | None = None
        self.dangling = False

    def of(self, segment: Node) -> str | None:
        arn = _own_arn(segment)
        if arn or segment.get("parent_id") is None:
            return arn
        return self._climb(segment)

    def _climb(self, node: Node) -> str | None:
        visited: set[int] = set()
        parent_id = node.get("parent_id")
        while id(node) not in visited:
            visited.add(id(node))
            arn = _own_arn(node)
            if arn:
                return arn
            parent, grandparent_id = self._parent(parent_id)
            if parent is None:
                # a part of a document without the document: what it belongs to did not arrive
                self.dangling |= node.get("type") == "subsegment" or "trace_id" not in node
                return None
            if _is_another_process(node, parent):
                # whose a document without an origin is cannot be told, unless a call led to it
                called = parent.get("namespace") in ("aws", "remote")
                self.dangling |= node.get("origin") is None and not called
                return None
            node, parent_id = parent, grandparent_id
        return None

    def _parent(self, node_id: Any) -> tuple[Node | None, str | None]:
        if self._nodes is None:
            self._nodes = {}
            for segment in self._segments:
                for node, parent_id in _nodes_below(segment):
                    self._nodes.setdefault(str(node.get("id")), (node, parent_id))
        return self._nodes.get(str(node_id), (None, None))


def _own_arn(node: Node) -> str | None:
    """The ARN of the workload that a document or subsegment names itself."""
    function_arn = _dict(node.get("aws")).get("function_arn")
    if isinstance(function_arn, str) and not _is_call(node):
        own = workload_arn(function_arn)
        if own:
            return own
    resource_arn = node.get("resource_arn")
    if isinstance(resource_arn, str) and node.get("origin") in (*LAMBDA_ORIGINS, STATE_MACHINE_ORIGIN):
        return workload_arn(resource_arn)
    return None


def _is_another_process(node: Node, parent: Node) -> bool:
    """Whether the step from a node to its parent leaves the process that the node ran in.

    A segment whose parent is a call was made by what was called; so was one of another origin. A document
    of Lambda's belongs to the function, and one without an origin if it is of OpenTelemetry in Lambda: it
    says so, or stands right below a document of Lambda's.
    """
    if node.get("type") == "subsegment" or "trace_id" not in node:
        return False
    origin = node.get("origin")
    if origin is not None:
        return origin not in LAMBDA_ORIGINS or parent.get("namespace") in ("aws", "remote")
    right_below = "trace_id" in parent or parent.get("name") in _PHASES
    return parent.get("namespace") in ("aws", "remote") or not (right_below or _is_opentelemetry(node))


def _is_opentelemetry(segment: Node) -> bool:
    return "opentelemetry" in _text(_dict(_dict(segment.get("aws")).get("xray")).get("sdk")).lower()


def _nodes_below(segment: Node) -> Iterator[tuple[Node, str | None]]:
    """A document and all its subsegments, each with the id of its parent."""
    todo: list[tuple[Node, str | None]] = [(segment, segment.get("parent_id"))]
    while todo:
        node, parent_id = todo.pop()
        yield node, parent_id
        todo.extend((child, node.get("id")) for child in _children(node))


# --- calls ---------------------------------------------------------------------------------------


def _calls_below(segment: Node, owner: str | None) -> Iterator[tuple[Node, str | None]]:
    """The calls in a document, each with its workload. HTTP requests below a call are part of it."""
    todo: list[tuple[Node, str | None]] = [(segment, owner)]
    while todo:
        node, node_owner = todo.pop()
        namespace = node.get("namespace")
        called = namespace == "aws"
        if called or (namespace == "remote" and _is_aws_host(_host(node))):
            yield node, node_owner
        if "subsegments" in node:
            # below a call: further calls that it made (a token, a redirect), and its own HTTP requests
            children = _aws_below(node) if called else _children(node)
            todo.extend((child, node_owner or _own_arn(child)) for child in children)


def _is_call(node: Node) -> bool:
    return node.get("namespace") == "aws"


def _aws_below(node: Node) -> list[Node]:
    """The calls below a call, however deep; plain requests there are the call itself."""
    found, todo = [], _children(node)
    while todo:
        child = todo.pop()
        if _is_call(child):
            found.append(child)
        else:
            todo.extend(_children(child))
    return found


def _is_aws_host(host: str) -> bool:
    """Whether a plain HTTP request went to AWS: its client is not instrumented."""
    return _AWS_HOST.search(host) is not None


def _host(node: Node) -> str:
    url = _dict(_dict(node.get("http")).get("request")).get("url")
    if not isinstance(url, str):
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _seen_call(node: Node, owner: str | None, opentelemetry: bool) -> ObservedCall:
    if not _is_call(node):
        call = Call(owner, _host(node), "", (), "", "", Outcome.OK)
        return ObservedCall(call, _number(node.get("start_time")) or 0.0)
    aws = _dict(node.get("aws"))
    outcome = _outcome(node, aws)
    call = Call(
        owner,
        _text(node.get("name")),
        _text(aws.get("operation")) or _text(_dict(node.get("annotations")).get("aws.remote.operation")),
        _parameters(aws),
        _text(aws.get("region")),
        _text(aws.get("account_id")),
        outcome,
        OPENTELEMETRY if opentelemetry else "",
    )
    time = _number(node.get("start_time")) or 0.0
    return ObservedCall(call, time, _message(node) if outcome is Outcome.DENIED else "")


def _parameters(aws: Node) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, value in aws.items():
        kind = _kind_of_parameter(name)
        if kind is None:
            continue
        if kind == "name":
            if isinstance(value, str) and 0 < len(value) <= _MAX_NAME and not is_pattern(value):
                found.append((name, value))
        elif kind == "tables":
            found.extend(("table_name", table) for table in _names(value))
        elif kind == "source":
            found.extend(("copy_source", bucket) for bucket in _source_bucket(value))
        elif value:
            found.append((name, "*"))
    if not found:
        found.extend(("resource_name", name) for name in _names(aws.get("resource_names")))
    found.sort()
    return tuple(found)


@lru_cache(maxsize=1 << 12)
def _kind_of_parameter(name: str) -> str | None:
    if name in RESOURCE_PARAMETERS or (name.endswith(("_arn", "_name")) and name not in NOT_RESOURCES):
        return "name"
    if name in PRESENCE_PARAMETERS:
        return "presence"
    return {"table_names": "tables", "copy_source": "source"}.get(name)


def _names(value: Any) -> list[str]:
    """Names in a list, or in the text that the Python SDK makes of one: "dict_keys(['orders'])"."""
    names: list[Any] = []
    if isinstance(value, str):
        names = _QUOTED.findall(value) or ([value] if "(" not in value else [])
    elif isinstance(value, list):
        names = value
    return [name for name in names if isinstance(name, str) and name and not is_pattern(name)]


def _source_bucket(value: Any) -> list[str]:
    """The bucket (or access point ARN) of a CopySource: text, or boto3's dictionary."""
    if isinstance(value, dict):
        value = value.get("Bucket")
    if not isinstance(value, str) or not value:
        return []
    source = unquote(value).lstrip("/")
    if source.startswith("arn:"):
        return [source.partition("/object/")[0]]
    return [source.partition("/")[0]]


def _outcome(node: Node, aws: Node) -> Outcome:
    status = _dict(_dict(node.get("http")).get("response")).get("status")
    if status == 200 and not node.keys() & _FAILURE_KEYS:
        return Outcome.OK
    failed = bool(node.get("error") or node.get("fault") or node.get("throttle"))
    if isinstance(status, int) and status < 400 and not failed:
        return Outcome.OK
    if not failed and status is None and not node.get("cause"):
        return Outcome.OK
    types = {_text(e.get("type")).lower().rpartition(".")[2] for e in _exceptions(node)}
    if types & _DENIED_TYPES or _DENIED_MESSAGE.search(_message(node)):
        return Outcome.DENIED
    if status == 403 and types <= _VAGUE_TYPES:
        return Outcome.DENIED
    if status is None and not aws.get("request_id"):
        return Outcome.NEVER_SENT
    return Outcome.FAILED


def _message(node: Node) -> str:
    message = next((_text(e.get("message")) for e in _exceptions(node) if e.get("message")), "")
    return redacted(message) if message else ""


def _exceptions(node: Node) -> list[Node]:
    cause = node.get("cause")  # may be the id of an exception elsewhere, as a string
    exceptions = _dict(cause).get("exceptions")
    return [e for e in exceptions if isinstance(e, dict)] if isinstance(exceptions, list) else []


# --- untrusted JSON ------------------------------------------------------------------------------


def _children(node: Node) -> list[Node]:
    children = node.get("subsegments")
    return [c for c in children if isinstance(c, dict)] if isinstance(children, list) else []


def _dict(value: Any) -> Node:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value[:_MAX_NAME] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
