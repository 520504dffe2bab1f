"""Builds X-Ray traces in the shape in which BatchGetTraces answers them.

Everything is a pure function of its arguments: the same call gives the same ids, byte for byte.

    trace = lambda_trace(arn, [Call("DynamoDB", "PutItem", {"table_name": "notes"})], start=time.time())

gives ``{"Id", "Duration", "LimitExceeded", "Segments": [{"Id", "Document"}]}`` with the documents of one
Lambda invocation as X-Ray has processed them: the service's own (origin ``AWS::Lambda``), the function's
(``AWS::Lambda::Function``), and one ``inferred`` copy for each call. ``Shape`` varies all of it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

ACCOUNT = "123456789012"
REGION = "us-east-1"

_CALL_SECONDS = 0.02
_INFERRED_ORIGINS = {"DynamoDB": "AWS::DynamoDB::Table", "S3": "AWS::S3::Bucket", "SQS": "AWS::SQS::Queue"}
_NAMED_RESOURCES = ("table_name", "bucket_name")


class Call(NamedTuple):
    """One AWS call of an invocation, as a subsegment of namespace ``aws`` tells it.

    ``parameters`` stand in the ``aws`` block beside operation, region and request_id (which they may
    override; a value of None removes the key). ``status`` None means no HTTP response at all. ``error`` is
    the exception's type, ``message`` its text.
    """

    name: str
    operation: str
    parameters: Mapping[str, object] = {}
    status: int | None = 200
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class Shape:
    """Which of the many forms of a Lambda trace to build."""

    inferred: bool = True
    """the copies that X-Ray adds of each call, as documents with ``inferred: true``"""
    phases: bool = True
    """subsegments Initialization, Invocation and Overhead; the calls are nested in Invocation"""
    handlers: tuple[str, ...] = ()
    """names of ``local`` subsegments, from the outermost, around the calls"""
    function_arn: bool = True
    """``aws.function_arn`` in the function's document; without it only the parent names the function"""
    service_document: bool = True
    """the ``AWS::Lambda`` document: without it the function's document is an orphan"""
    independent: bool = False
    """calls are documents of their own (``type: subsegment``, ``parent_id``): large segments are streamed"""
    in_progress: bool = False
    """the function's document has not ended yet"""
    id_prefix: str = ""
    """the start of all segment ids (at most 8 hex digits)"""
    extra: Mapping[str, object] = field(default_factory=dict)
    """further keys of the function's document, such as ``annotations``"""


PLAIN = Shape()


def function_arn(name: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    """The ARN of the Lambda function ``name``."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def make_trace_id(epoch: float, seed: object = "") -> str:
    """A trace id of that second: ``1-<8 hex>-<24 hex>``."""
    return f"1-{int(epoch):08x}-{_hex(random.Random(f'trace {seed}'), 24)}"


def epoch_of(trace_id: str) -> int:
    """The second that stands in a trace id."""
    return int(trace_id.split("-")[1], 16)


def lambda_trace(
    arn: str,
    calls: Sequence[Call],
    start: float,
    *,
    trace_id: str | None = None,
    seed: object = "",
    shape: Shape = PLAIN,
) -> Json:
    """One Lambda invocation as a trace."""
    trace_id = trace_id or make_trace_id(start, f"{arn} {start} {seed}")
    ids = _Ids(f"{arn} {start} {seed}", shape.id_prefix)
    documents = _lambda_documents(ids, arn, calls, start, shape)
    return trace_of(trace_id, documents)


def trace_of(trace_id: str, documents: Sequence[Json], *, limit_exceeded: bool = False) -> Json:
    """Any segment documents as one trace: ``trace_id`` is put into each."""
    begin = min((d["start_time"] for d in documents if "start_time" in d), default=0.0)
    end = max((d["end_time"] for d in documents if "end_time" in d), default=begin)
    return {
        "Id": trace_id,
        "Duration": round(end - begin, 3),
        "LimitExceeded": limit_exceeded,
        "Segments": [
            {"Id": d.get("id", ""), "Document": _dumps({**d, "trace_id": trace_id})} for d in documents
        ],
    }


def documents_of(trace: Json) -> list[str]:
    """The raw documents of a trace, as PutTraceSegments takes them."""
    return [segment["Document"] for segment in trace["Segments"]]


class StoredTrace(NamedTuple):
    """A trace that was made into JSON beforehand, so that serving it costs nothing."""

    id: str
    start: float
    duration: float
    body: bytes


def bulk_traces(
    count: int,
    span: tuple[float, float],
    *,
    functions: int = 50,
    calls: int = 10,
    inferred: bool = True,
) -> Iterator[StoredTrace]:
    """Many traces, evenly spread over ``span``, of ``functions`` functions in turn.

    Each is a copy of its function's template with its own trace id, segment ids, S3 keys and times.
    """
    templates = [
        _template(number, calls, Shape(inferred=inferred, id_prefix=_TEMPLATE_PREFIX))
        for number in range(functions)
    ]
    rng = random.Random(0)
    start, end = span
    for index in range(count):
        epoch = int(start + (end - start) * index / max(count, 1))
        trace_id = f"1-{epoch:08x}-{_hex(rng, 24)}"
        body = templates[index % functions]
        for old, new in (
            (_TEMPLATE_ID, trace_id),
            (_TEMPLATE_PREFIX, f"{index:08x}"),
            (f"{_TEMPLATE_SECOND}.", f"{epoch}."),
        ):
            body = body.replace(old.encode(), new.encode())
        yield StoredTrace(trace_id, epoch + 0.25, _template_duration(calls), body)


# What stands in a template where each copy differs.
_TEMPLATE_SECOND = 1_000_000_000
_TEMPLATE_ID = f"1-{_TEMPLATE_SECOND:08x}-{'5eed' * 6}"
_TEMPLATE_PREFIX = "0b5e55ed"


def _template(number: int, calls: int, shape: Shape) -> bytes:
    """A trace of function ``number``: all times lie within one second: one replacement moves them."""
    name = f"app-{number:02d}"
    mix = _call_mix(name)
    trace = lambda_trace(
        function_arn(name),
        [mix[index % len(mix)] for index in range(calls)],
        _TEMPLATE_SECOND + 0.25,
        trace_id=_TEMPLATE_ID,
        shape=shape,
    )
    return _dumps(trace).encode()


def _template_duration(calls: int) -> float:
    return round(0.04 + calls * _CALL_SECONDS, 3)


def _call_mix(name: str) -> list[Call]:
    """Ten calls that an ordinary function makes, on resources of its own."""
    table, bucket = f"{name}-table", f"{name}-bucket"
    key = f"in/{_TEMPLATE_PREFIX}/data.json"
    queue = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}-queue"
    return [
        Call("DynamoDB", "GetItem", {"table_name": table}),
        Call("S3", "GetObject", {"bucket_name": bucket, "key": key}),
        Call("DynamoDB", "PutItem", {"table_name": table}),
        Call("SQS", "SendMessage", {"queue_url": queue}),
        Call("DynamoDB", "Query", {"table_name": table, "index_name": "by-owner"}),
        Call("SNS", "Publish", {"topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}-topic"}),
        Call("S3", "PutObject", {"bucket_name": bucket, "key": key}),
        Call("Lambda", "Invoke", {"function_name": f"{name}-worker", "invocation_type": "Event"}),
        Call("SecretsManager", "GetSecretValue"),
        Call("DynamoDB", "UpdateItem", {"table_name": table}, 400, "ConditionalCheckFailedException"),
    ]


class _Ids:
    """Segment and request ids, in an order that a seed fixes."""

    def __init__(self, seed: str, prefix: str = "") -> None:
        self._random = random.Random(seed)
        self._prefix = prefix

    def segment(self) -> str:
        return self._prefix + _hex(self._random, 16 - len(self._prefix))

    def request(self) -> str:
        digits = _hex(self._random, 32)
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _lambda_documents(ids: _Ids, arn: str, calls: Sequence[Call], start: float, shape: Shape) -> list[Json]:
    name = arn.split(":")[6]
    end = start + 0.02 + len(calls) * _CALL_SECONDS
    service_id, function_id = ids.segment(), ids.segment()
    subsegments = [_subsegment(ids, call, start + 0.01 + i * _CALL_SECONDS) for i, call in enumerate(calls)]
    function = _function_document(ids, arn, function_id, start, end, shape)
    if shape.service_document:
        function["parent_id"] = service_id
    parent_id = _nest(ids, function, [] if shape.independent else subsegments, start, end, shape)

    documents = [function]
    if shape.service_document:
        documents.insert(0, _service_document(ids, arn, name, service_id, start, end))
    if shape.independent:
        documents += [{**sub, "type": "subsegment", "parent_id": parent_id} for sub in subsegments]
    if shape.inferred:
        documents += [_inferred(ids, sub) for sub in subsegments]
    return documents


def _service_document(ids: _Ids, arn: str, name: str, id_: str, start: float, end: float) -> Json:
    return {
        "id": id_,
        "name": name,
        "start_time": _seconds(start - 0.01),
        "end_time": _seconds(end + 0.01),
        "http": {"response": {"status": 200}},
        "aws": {"request_id": ids.request()},
        "origin": "AWS::Lambda",
        "resource_arn": arn,
    }


def _function_document(ids: _Ids, arn: str, id_: str, start: float, end: float, shape: Shape) -> Json:
    parts = arn.split(":")
    aws: Json = {"account_id": parts[4], "request_id": ids.request(), "resource_names": [parts[6]]}
    if shape.function_arn:
        aws["function_arn"] = arn
    document: Json = {"id": id_, "name": parts[6], "start_time": _seconds(start), "end_time": _seconds(end)}
    if shape.in_progress:
        del document["end_time"]
        document["in_progress"] = True
    return document | {"aws": aws, "origin": "AWS::Lambda::Function"} | dict(shape.extra)


def _nest(ids: _Ids, root: Json, calls: list[Json], start: float, end: float, shape: Shape) -> str:
    """Puts the calls into the document, below its phases and handlers; the id of what holds them."""
    around = (("Invocation",) if shape.phases else ()) + shape.handlers
    holder = root
    for name in around:
        inner = _local(ids, name, start, end)
        holder["subsegments"] = [inner]
        holder = inner
    if calls:
        holder["subsegments"] = calls
    if shape.phases:
        root["subsegments"].insert(0, _local(ids, "Initialization", start - 0.005, start))
        root["subsegments"].append(_local(ids, "Overhead", end, end))
    return str(holder["id"])


def _local(ids: _Ids, name: str, start: float, end: float) -> Json:
    return {"id": ids.segment(), "name": name, "start_time": _seconds(start), "end_time": _seconds(end)}


def _subsegment(ids: _Ids, call: Call, start: float) -> Json:
    aws: Json = {"operation": call.operation, "region": REGION, "request_id": ids.request()}
    names = [call.parameters[key] for key in _NAMED_RESOURCES if key in call.parameters]
    if names:
        aws["resource_names"] = names
    aws |= call.parameters
    subsegment: Json = {
        "id": ids.segment(),
        "name": call.name,
        "start_time": _seconds(start),
        "end_time": _seconds(start + _CALL_SECONDS * 0.8),
        "aws": {key: value for key, value in aws.items() if value is not None},
        "namespace": "aws",
    }
    if call.status is not None:
        subsegment["http"] = {"response": {"status": call.status}}
    if call.error or (call.status or 200) >= 400:
        subsegment |= _failure(ids, call)
    return subsegment


def _failure(ids: _Ids, call: Call) -> Json:
    """What the Python SDK adds to a failed call: ``fault`` even for a client's error."""
    outcome: Json = {"fault": True}
    if call.status is not None and 400 <= call.status < 500:
        outcome["error"] = True
    if call.error:
        exception = {"id": ids.segment(), "message": call.message, "type": call.error, "remote": True}
        outcome["cause"] = {"working_directory": "/var/task", "exceptions": [exception]}
    return outcome


def _inferred(ids: _Ids, subsegment: Json) -> Json:
    """The document that X-Ray infers for the service that was called."""
    copied = {
        key: subsegment[key] for key in ("name", "start_time", "end_time", "http", "aws") if key in subsegment
    }
    origin = _INFERRED_ORIGINS.get(subsegment["name"], f"AWS::{subsegment['name']}")
    return {"id": ids.segment(), "parent_id": subsegment["id"], "inferred": True, "origin": origin} | copied


def _seconds(value: float) -> float:
    return round(value, 3)


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
