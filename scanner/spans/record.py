"""What is kept of a span until all of its trace is there: some 80 bytes. Pure.

Calls and sources (whose a span is) are numbered: there are few different ones. Whatever else a span says is
forgotten as soon as it was read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from scanner.mapping.partitions import service_part
from scanner.mapping.services import prefix_of
from scanner.model import Call, ObservedCall, Outcome
from scanner.model.workloads import WorkloadKey
from scanner.spans.aliases import names_of, text_of, value_of
from scanner.spans.automatic import is_automatic
from scanner.spans.calls import denied_role, observed_call, plain_request
from scanner.spans.span import Span
from scanner.spans.workloads import SpanWorkload, inherits, is_local_root, origin_of, workload_of

_FORMAT = struct.Struct("<16s8s8sddiiQIB8s")
_pack = _FORMAT.pack
_NOTHING = b"\0" * 8
_NO_END = -1.0
_MOST_CACHED = 1 << 15
# Where a workload's own code runs. A span of another origin was written by a service.
_RUNS_CODE = (
    "AWS::Lambda::Function",
    "AWS::StepFunctions::StateMachine",
    "AWS::ECS::",
    "AWS::EC2::Instance",
    "AWS::EKS::",
    "AWS::AppRunner::",
    "AWS::ElasticBeanstalk::",
    "AWS::BedrockAgentCore::",
)
_LAMBDA = ("AWS::Lambda", "AWS::Lambda::Function")
_SAMPLED_ALL = "0"


class Flags:
    """What else is known of a span."""

    IN_PROGRESS = 1
    LOCAL_ROOT = 2  # the first of its process: its parent may be elsewhere
    BOUNDARY = 4  # it is in another process than its parent
    REQUEST = 8  # a request to AWS that no AWS client recorded
    ASSUMES = 16  # it asked for other credentials
    SAMPLED = 32  # only a share of the traces was kept


class Source(NamedTuple):
    """Whose a span is: the workload that it names itself; None for none.

    `inherits` tells that it is that of the span above, where there is one. `by_service` tells that one of
    AWS's services wrote it, `only_asked` that it shows only that a function was asked to run. `function` are
    name and region of a function of which the account is unknown.
    """

    workload: SpanWorkload | None
    inherits: bool = False
    automatic: bool = False
    by_service: bool = False
    only_asked: bool = False
    function: tuple[str, str] | None = None


class Placed(NamedTuple):
    """A source with its workload, and that workload's key as text.

    `is_own` tells that it is so whatever stands above.
    """

    source: Source
    workload: SpanWorkload | None
    text: str | None
    is_own: bool = False


class _Known(NamedTuple):
    """What spans have in common that say the same: see `Record`. `message` is that of a refusal."""

    call: int
    flags: int
    message: str
    source: int


class Record(NamedTuple):
    """A span as it is kept. `call` and `source` are numbers of the table, -1 for none."""

    trace: bytes
    id: bytes
    parent: bytes
    start: float
    end: float
    call: int
    source: int
    message_at: int
    message_length: int
    flags: int
    credentials: bytes


class RecordTable:
    """The calls and sources of spans, by their numbers; makes records of spans.

    `keep_message` keeps the message of a refusal and returns where.
    """

    def __init__(self, keep_message: Callable[[bytes], int]) -> None:
        self._keep_message = keep_message
        self.calls: list[Call] = []
        self.sources: list[Source] = []
        self.sampled = 0
        self._numbers: dict[Call, int] = {}
        self._source_numbers: dict[Source, int] = {}
        self._known: dict[object, _Known] = {}
        self._access_keys = names_of("access_key")
        self._resource: object = None
        self._resource_number = 0
        self._resources: dict[object, int] = {}

    def packed(self, span: Span) -> bytes:
        """A span as it is kept."""
        known = self._known_of(span)
        credentials = span.attributes.get(self._access_keys[0])
        place = length = 0
        if known.message:
            content = known.message.encode("utf-8", "replace")
            place, length = self._keep_message(content), len(content)
        flags = known.flags
        if flags & Flags.SAMPLED:
            self.sampled += 1
        # by place: this runs for every span
        return _pack(
            bytes.fromhex(span.trace_id),
            bytes.fromhex(span.span_id),
            bytes.fromhex(span.parent_id) if span.parent_id else _NOTHING,
            span.start,
            _NO_END if span.end is None else span.end,
            known.call,
            known.source,
            place,
            length,
            flags if span.end is not None else flags | Flags.IN_PROGRESS,
            bytes.fromhex(credentials) if credentials else _NOTHING,
        )

    def _known_of(self, span: Span) -> _Known:
        """What was found out of spans that say the same."""
        resource = span.resource
        if resource is not self._resource:
            self._resource = resource
            of_resource = (span.log, *resource.items())
            self._resource_number = self._resources.setdefault(of_resource, len(self._resources))
        telling = dict(span.attributes)
        for name in self._access_keys:  # there are many, and they change nothing
            telling.pop(name, None)
        key = (
            self._resource_number,
            span.scope,
            span.kind,
            span.parent_id == "",
            span.status,
            span.error_type,
            span.message,
            "" if "rpc.method" in telling else span.name,
            *telling.items(),
        )
        known = self._known.get(key)
        if known is None:
            if len(self._known) > _MOST_CACHED:
                self._known.clear()
            known = self._known[key] = self._new(span)
        return known

    def _new(self, span: Span) -> _Known:
        source = source_of(span)
        number = self._source_numbers.setdefault(source, len(self.sources))
        if number == len(self.sources):
            self.sources.append(source)
        return _Known(*self._new_call(span), number)

    def _new_call(self, span: Span) -> tuple[int, int, str]:
        observed = observed_call(span, None)
        request = plain_request(span, None) if observed is None else None
        flags = _flags(span, is_call=observed is not None)
        if request is not None:
            flags |= Flags.REQUEST
        seen = observed or request
        if seen is None:
            return -1, flags, ""
        if seen.call.operation.startswith("AssumeRole"):
            flags |= Flags.ASSUMES
        number = self._numbers.setdefault(seen.call, len(self.calls))
        if number == len(self.calls):
            self.calls.append(seen.call)
        return number, flags, seen.message


class Lookup:
    """What records stand for."""

    def __init__(
        self,
        calls: Sequence[Call],
        sources: Sequence[Source],
        load_message: Callable[[int, int], bytes],
    ) -> None:
        self._calls = calls
        self._load_message = load_message
        self._owned: dict[tuple[int, str | None], Call] = {}
        self._same: dict[Call, Call] = {}
        self.placed = tuple(_placed(sources))

    def observed(self, record: Record, workload: str | None) -> ObservedCall:
        """The call of a record, made by a workload."""
        key = (record.call, workload)
        call = self._owned.get(key)
        if call is None:
            call = self._call(record)._replace(workload=workload)
            call = self._owned[key] = self._same.setdefault(call, call)
        return ObservedCall(call, record.start, self.message(record) if record.message_length else "")

    def message(self, record: Record) -> str:
        """The message of a refusal, empty for any other call."""
        if not record.message_length:
            return ""
        content = self._load_message(record.message_at, record.message_length)
        return content.decode("utf-8", "replace")

    def denied_role(self, record: Record) -> str:
        """The role that a refusal's message names."""
        if not record.message_length or self._call(record).outcome is not Outcome.DENIED:
            return ""
        return denied_role(self.message(record))

    def prefix(self, record: Record) -> str | None:
        """The IAM prefix of the service that a record's call is of."""
        return prefix_of(self._call(record).service)

    def names_host(self, record: Record) -> bool:
        """Whether a record's call names a host, not a service."""
        return service_part(self._call(record).service) is not None

    def _call(self, record: Record) -> Call:
        return self._calls[record.call]


def records_in(content: bytes) -> Iterator[Record]:
    """The records in bytes that were packed."""
    return map(Record._make, _FORMAT.iter_unpack(content))


def source_of(span: Span) -> Source:
    """Whose a span is, as far as it says so itself."""
    workload = workload_of(span)
    origin = origin_of(span)
    function = None
    if workload is not None and workload.key.kind == "other" and text_of("function", span):
        function = (workload.key.name, workload.key.region)
    return Source(
        workload,
        inherits=inherits(span) and not (workload is not None and workload.is_certain),
        automatic=is_automatic(span),
        by_service=origin.startswith("AWS::") and not origin.startswith(_RUNS_CODE),
        only_asked=origin == "AWS::Lambda",
        function=function,
    )


def is_sampled(span: Span) -> bool:
    """Whether a span says that only a share of the traces was kept."""
    dropped = (text_of("sampling_threshold", span) or _SAMPLED_ALL).strip("0")
    return bool(dropped) or value_of("sampled", span) in (False, "false", "0")


def _placed(sources: Sequence[Source]) -> Iterator[Placed]:
    """Whose spans of sources are; functions without an account by the only ones of their name and region.

    What a function calls at module scope, before its handler runs, has no more than its name.
    """
    functions: dict[tuple[str, str], set[WorkloadKey]] = {}
    for source in sources:
        key = source.workload.key if source.workload else None
        if key is not None and key.kind == "lambda":
            name = key.name.rpartition(":")[2]
            for region in (key.region, ""):
                functions.setdefault((name, region), set()).add(key)
    for source in sources:
        workload = source.workload
        named = functions.get(source.function, set()) if source.function else set[WorkloadKey]()
        if workload is not None and len(named) == 1:
            workload = workload._replace(key=next(iter(named)))
        is_own = workload is not None and (workload.is_certain or not source.inherits)
        yield Placed(source, workload, workload.text if workload else None, is_own)


def _flags(span: Span, *, is_call: bool) -> int:
    flags = 0
    received = is_call or text_of("messaging_operation", span) == "receive"
    if not span.parent_id or (is_local_root(span) and not (received and span.kind == "consumer")):
        flags |= Flags.LOCAL_ROOT
    of_lambda = origin_of(span) in _LAMBDA
    if not of_lambda and (text_of("segment_type", span) == "segment" or span.kind == "server"):
        flags |= Flags.BOUNDARY
    if is_sampled(span):
        flags |= Flags.SAMPLED
    return flags
