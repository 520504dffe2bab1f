"""A scripted stand-in for the X-Ray API, over real HTTP.

In a test, with the clients pointed at it::

    with FakeXRay([lambda_trace(...)], Script(empty_pages=2)) as fake:
        fake.client().batch_get_traces(TraceIds=[...])
        assert fake.count("BatchGetTraces") == 1

In a process of its own (it prints its address, then runs until its standard input ends or it is terminated)::

    python -m tests.fakes.xray --traces 5000 --delay 0.05

It answers GetTraceSummaries, BatchGetTraces and GetTraceSegmentDestination as X-Ray does, and tells
whose the credentials are, as STS does: windows by the second that stands in the trace id, both ends included
(by the last end of a document for `TimeRangeType` "Event"); newest first; at most 6 hours and 5 ids a
request.
``Script`` holds all that may go wrong. Every other service is refused, so that a client whose
requests all come here (``AWS_ENDPOINT_URL``) never leaves the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import sys
import threading
import time
import traceback
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from tests.fakes.clients import client_of
from tests.fakes.traces import REGION, Json, StoredTrace, bulk_traces, epoch_of

if TYPE_CHECKING:
    from mypy_boto3_xray import XRayClient

LISTING, FETCH, DESTINATION = "GetTraceSummaries", "BatchGetTraces", "GetTraceSegmentDestination"
IDENTITY = "GetCallerIdentity"
ACCOUNT = "123456789012"
FOREVER = float("inf")

_OPERATIONS = {b"/TraceSummaries": LISTING, b"/Traces": FETCH, b"/GetTraceSegmentDestination": DESTINATION}


@dataclass
class Script:
    """How the fake behaves. It may be changed while it runs; the defaults are X-Ray on a good day."""

    delay: float = 0.0
    """seconds before each answer"""
    page_size: int = 100
    """summaries a page"""
    batch_page_size: int = 0
    """traces a BatchGetTraces answer, the rest behind a NextToken; 0: all at once"""
    window_limit: float = 6 * 3600
    """the longest window, in seconds"""
    max_ids: int = 5
    filter: Callable[[Json, str], bool] | None = None
    """whether a trace matches a FilterExpression; without it every expression matches everything"""

    empty_pages: int = 0
    """so many empty pages with a NextToken before each page that holds something, and one at the end"""
    duplicate_summaries: bool = False
    """each further page of a listing repeats the last summary of the page before"""
    partial: Mapping[str, float] = field(default_factory=dict)
    """trace id -> in so many listings (first pages whose window holds it) its summary says IsPartial"""
    appear_after: Mapping[str, float] = field(default_factory=dict)
    """trace id -> seconds after the fake's start before which the trace does not exist"""
    appear_polls: Mapping[str, int] = field(default_factory=dict)
    """trace id -> how many listings (as above) and fetches of it find nothing"""
    versions: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    """trace id -> what successive fetches of it give; the last one stays"""
    unprocessed: Mapping[str, float] = field(default_factory=dict)
    """trace id -> in so many fetches it comes back as unprocessed (FOREVER: in all)"""
    limit_exceeded: Collection[str] = ()
    """trace ids that are answered with LimitExceeded, holding only their first document"""

    throttle_every: int = 0
    """every Nth request is throttled"""
    throttle_in_flight: int = 0
    """a request is throttled while so many others are being answered (this takes a delay)"""
    throttle_per_second: int = 0
    """a request is throttled when so many were answered within the last second"""
    fail_first: int = 0
    """the first k requests are answered with status 500"""
    drop_first: int = 0
    """the connections of the first k requests are dropped without an answer"""
    denied: Collection[str] = ()
    """operations that are answered with AccessDeniedException"""
    destination: tuple[str, str] | None = ("XRay", "ACTIVE")
    """destination and status of the trace segments; None: the operation does not exist (404)"""

    missing: Collection[str] = ()
    """keys that are left out of answers, wherever they stand: Traces, Segments, Document, Id, ..."""
    mangle: Callable[[str, Json], Json | bytes] | None = None
    """replaces the answer of an operation: by another, or by raw bytes that need not be JSON"""


class Request(NamedTuple):
    """One request as it came, and how it was answered (status 0: the connection was dropped)."""

    operation: str
    body: Json
    time: float
    status: int
    error: str


class _Answer(NamedTuple):
    status: int
    body: bytes
    error: str = ""


class _Cursor(NamedTuple):
    """Where a listing stands, and which listing it is: what a NextToken holds."""

    start: float
    end: float
    expression: str
    position: int
    empties: int
    last_id: str

    def token(self) -> str:
        return base64.b64encode(json.dumps(self).encode()).decode()


class _Refusal(Exception):  # noqa: N818  the name says more than an "Error" would
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = _Answer(status, json.dumps({"__type": code, "Message": message}).encode(), code)


class _QueryRefusal(_Refusal):
    """For the services that speak XML: IAM, STS."""

    def __init__(self) -> None:
        super().__init__(403, "AccessDenied", "")
        error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>No right</Message></Error>"
        self.answer = self.answer._replace(body=f"<ErrorResponse>{error}</ErrorResponse>".encode())


def _identity() -> _Answer:
    """What STS says of the credentials: it needs no right."""
    account = f"<Arn>arn:aws:iam::{ACCOUNT}:user/u</Arn><UserId>u</UserId><Account>{ACCOUNT}</Account>"
    result = f"<GetCallerIdentityResult>{account}</GetCallerIdentityResult>"
    return _Answer(200, f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>".encode())


class _Drop(Exception):  # noqa: N818  it tells the server what to do, and is no error
    """The connection is to be closed without an answer."""


class FakeXRay:
    """The fake: a context manager that serves on a port of its own, in a thread of its own.

    ``url`` is its address; ``requests`` holds what was asked, in order; ``in_flight_max`` the highest number
    of requests that were being answered at once. ``script`` may be changed while it runs.
    """

    def __init__(self, traces: Iterable[Json | StoredTrace] = (), script: Script | None = None) -> None:
        self.script = script or Script()
        self.requests: list[Request] = []
        self.in_flight_max = 0
        self.url = ""
        stored = sorted(
            (_stored(trace) for trace in traces), key=lambda trace: (epoch_of(trace.id), trace.id)
        )
        self._traces = stored
        self._epochs = [epoch_of(trace.id) for trace in stored]
        self._by_update = sorted(stored, key=_updated)
        self._by_id = {trace.id: trace for trace in stored}
        self._started = time.monotonic()
        self._listings: Counter[str] = Counter()
        self._fetches: Counter[str] = Counter()
        self._asked = 0
        self._in_flight = 0
        self._answered: deque[float] = deque()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-xray", daemon=True)
        self._connections: set[asyncio.Transport] = set()

    # -- for tests

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def client(self, region: str = REGION) -> XRayClient:
        """A client that repeats nothing by itself, for 64 requests at once."""
        client: XRayClient = client_of("xray", self.url, region)
        return client

    def count(self, operation: str, status: int | None = None) -> int:
        """How many requests of an operation came (and were answered with that status)."""
        return sum(r.operation == operation and status in (None, r.status) for r in self.requests)

    def bodies(self, operation: str) -> list[Json]:
        """The bodies of the requests of an operation, in order."""
        return [request.body for request in self.requests if request.operation == operation]

    def fetched(self) -> Counter[str]:
        """How often each trace id was asked for in requests that were answered."""
        return Counter(
            id_
            for r in self.requests
            if r.operation == FETCH and r.status == 200
            for id_ in r.body["TraceIds"]
        )

    # -- the server

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Http(self), "127.0.0.1", 0, backlog=512)
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started = time.monotonic()
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for transport in list(self._connections):
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def connected(self, transport: asyncio.Transport) -> None:
        """A connection was opened."""
        self._connections.add(transport)

    def disconnected(self, transport: asyncio.Transport) -> None:
        """A connection was closed."""
        self._connections.discard(transport)

    def handle(self, transport: asyncio.Transport, path: bytes, raw: bytes) -> None:
        """Answers one request, after the scripted delay."""
        self._in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self._in_flight)
        operation = _OPERATIONS.get(path, path.decode("latin-1"))
        body: Json = {}
        try:
            answer: _Answer | None
            if b"Action=GetCallerIdentity" in raw:
                operation, answer = IDENTITY, _identity()
            elif raw.startswith(b"Action="):
                raise _QueryRefusal
            else:
                body = json.loads(raw or b"{}")
                answer = self._answer(operation, body)
        except _Refusal as denial:
            answer = denial.answer
        except _Drop:
            answer = None
        except Exception:  # a mistake in a test's filter or mangle: say so instead of hanging the client
            answer = _Answer(500, json.dumps({"Message": traceback.format_exc()}).encode(), "FakeXRayBroken")
        status, error = (answer.status, answer.error) if answer else (0, "")
        self.requests.append(Request(operation, body, time.monotonic() - self._started, status, error))
        if self.script.delay:
            self._loop.call_later(self.script.delay, self._finish, transport, answer)
        else:
            self._finish(transport, answer)

    def _finish(self, transport: asyncio.Transport, answer: _Answer | None) -> None:
        self._in_flight -= 1
        if answer is None:
            transport.abort()
        elif not transport.is_closing():
            transport.write(_http_response(answer))

    # -- the API

    def _answer(self, operation: str, body: Json) -> _Answer:
        self._misbehave(operation)
        if operation == LISTING:
            answer = self._list(body)
        elif operation == FETCH:
            answer = self._fetch(body)
        elif operation == DESTINATION and self.script.destination:
            answer = _dumps(dict(zip(("Destination", "Status"), self.script.destination, strict=True)))
        elif operation == DESTINATION:
            raise _Refusal(404, "UnknownOperationException", "Not found")
        else:
            raise _Refusal(403, "AccessDeniedException", f"No right to ask for {operation}")
        return _Answer(200, self._mangled(operation, answer))

    def _misbehave(self, operation: str) -> None:
        script = self.script
        self._asked += 1
        if self._asked <= script.drop_first:
            raise _Drop
        if self._asked <= script.fail_first:
            raise _Refusal(500, "InternalFailure", "An internal error occurred")
        if self._throttled():
            raise _Refusal(429, "ThrottledException", "Rate exceeded")
        if operation in script.denied:
            message = f"User: arn:aws:iam::123456789012:user/u is not authorized to perform: xray:{operation}"
            raise _Refusal(403, "AccessDeniedException", message)

    def _throttled(self) -> bool:
        script = self.script
        if script.throttle_every and self._asked % script.throttle_every == 0:
            return True
        if script.throttle_in_flight and self._in_flight > script.throttle_in_flight:
            return True
        if not script.throttle_per_second:
            return False
        now = time.monotonic()
        while self._answered and self._answered[0] <= now - 1:
            self._answered.popleft()
        if len(self._answered) >= script.throttle_per_second:
            return True
        self._answered.append(now)
        return False

    def _mangled(self, operation: str, answer: bytes) -> bytes:
        script = self.script
        if not script.missing and script.mangle is None:
            return answer
        document = _without(json.loads(answer), script.missing)
        result = script.mangle(operation, document) if script.mangle else document
        return result if isinstance(result, bytes) else _dumps(result)

    # -- GetTraceSummaries

    def _list(self, body: Json) -> bytes:
        start, end = self._window(body)
        traces, low, high = self._traces, bisect_left(self._epochs, start), bisect_right(self._epochs, end)
        if body.get("TimeRangeType") == "Event":
            traces = self._by_update
            low, high = bisect_left(traces, start, key=_updated), bisect_right(traces, end, key=_updated)
        cursor = _Cursor(start, end, body.get("FilterExpression", ""), high - 1, 0, "")
        if body.get("NextToken"):
            cursor = _continued(cursor, body["NextToken"])
        else:
            self._listings.update(trace.id for trace in traces[low:high])
        if cursor.empties < self.script.empty_pages:
            return _listing([], cursor._replace(empties=cursor.empties + 1))

        page, position = self._page(traces, cursor, low)
        if body.get("Sampling"):
            page = page[::2]
        summaries = [self._summary(trace) for trace in page]
        if self.script.duplicate_summaries and cursor.last_id:
            summaries.insert(0, self._summary(self._by_id[cursor.last_id]))
        more = position >= low or bool(page and self.script.empty_pages)
        last_id = page[-1].id if page else cursor.last_id
        return _listing(
            summaries, cursor._replace(position=position, empties=0, last_id=last_id) if more else None
        )

    def _window(self, body: Json) -> tuple[float, float]:
        start, end = body.get("StartTime"), body.get("EndTime")
        if not isinstance(start, int | float) or not isinstance(end, int | float) or start > end:
            raise _Refusal(400, "InvalidRequestException", "Invalid time range")
        if end - start > self.script.window_limit:
            hours = self.script.window_limit / 3600
            raise _Refusal(
                400, "InvalidRequestException", f"Time range cannot be longer than {hours:g} hours"
            )
        return start, end

    def _page(
        self, traces: Sequence[StoredTrace], cursor: _Cursor, low: int
    ) -> tuple[list[StoredTrace], int]:
        """The next traces of a listing, from its position downwards, and the position after them."""
        page: list[StoredTrace] = []
        position = cursor.position
        while position >= low and len(page) < self.script.page_size:
            trace = traces[position]
            if self._visible(trace.id) and self._matches(trace, cursor.expression):
                page.append(trace)
            position -= 1
        return page, position

    def _visible(self, trace_id: str) -> bool:
        script = self.script
        if script.appear_after and time.monotonic() - self._started < script.appear_after.get(trace_id, 0):
            return False
        polls = self._listings[trace_id] + self._fetches[trace_id] if script.appear_polls else 0
        return polls > script.appear_polls.get(trace_id, -1)

    def _matches(self, trace: StoredTrace, expression: str) -> bool:
        if not expression or self.script.filter is None:
            return True
        return self.script.filter(json.loads(trace.body), expression)

    def _summary(self, trace: StoredTrace) -> str:
        partial = bool(self.script.partial) and self._listings[trace.id] <= self.script.partial.get(
            trace.id, 0
        )
        return (
            f'{{"Id":"{trace.id}","StartTime":{trace.start},"Duration":{trace.duration},"ResponseTime":{trace.duration},'
            '"HasFault":false,"HasError":false,"HasThrottle":false,"Http":{"HttpStatus":200},"Annotations":{},'
            f'"Users":[],"ServiceIds":[],"IsPartial":{"true" if partial else "false"}}}'
        )

    # -- BatchGetTraces

    def _fetch(self, body: Json) -> bytes:
        ids = body.get("TraceIds") or []
        if not ids:
            raise _Refusal(400, "InvalidRequestException", "TraceIds must not be empty")
        if len(ids) > self.script.max_ids:
            raise _Refusal(
                400, "InvalidRequestException", f"At most {self.script.max_ids} trace ids a request"
            )
        token = ""
        if size := self.script.batch_page_size:
            first = int(body.get("NextToken") or 0)
            token = str(first + size) if first + size < len(ids) else ""
            ids = ids[first : first + size]
        self._fetches.update(ids)
        unprocessed = [id_ for id_ in ids if self._fetches[id_] <= self.script.unprocessed.get(id_, 0)]
        found = [self._trace(id_) for id_ in ids if id_ not in unprocessed]
        parts = [b'{"Traces":[', b",".join(found_ for found_ in found if found_)]
        parts += [b'],"UnprocessedTraceIds":', _dumps(unprocessed)]
        return b"".join([*parts, b',"NextToken":' + _dumps(token) if token else b"", b"}"])

    def _trace(self, trace_id: str) -> bytes:
        """The trace as JSON; nothing where there is none: X-Ray leaves unknown ids out, silently."""
        script = self.script
        versions = script.versions.get(trace_id)
        if versions:
            return _dumps(versions[min(self._fetches[trace_id], len(versions)) - 1])
        trace = self._by_id.get(trace_id)
        if trace is None or not self._visible(trace_id):
            return b""
        if trace_id in script.limit_exceeded:
            document = json.loads(trace.body)
            return _dumps({**document, "LimitExceeded": True, "Segments": document["Segments"][:1]})
        return trace.body


class _Http(asyncio.Protocol):
    """As much of HTTP/1.1 as botocore speaks: one request after the other on a connection that is kept."""

    def __init__(self, fake: FakeXRay) -> None:
        self._fake = fake
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._fake.connected(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fake.disconnected(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:head_end]
            body_start = head_end + 4
            body_end = body_start + _content_length(head)
            if len(self._buffer) < body_end:
                return
            body, self._buffer = self._buffer[body_start:body_end], self._buffer[body_end:]
            self._fake.handle(self._transport, head.split(b" ", 2)[1], body)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def _http_response(answer: _Answer) -> bytes:
    error = f"x-amzn-ErrorType: {answer.error}\r\n" if answer.error else ""
    head = (
        f"HTTP/1.1 {answer.status} {'Error' if error else 'OK'}\r\nContent-Type: application/json\r\n{error}"
        f"Content-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode() + answer.body


def _listing(summaries: list[str], cursor: _Cursor | None) -> bytes:
    token = f',"NextToken":"{cursor.token()}"' if cursor else ""
    return (
        f'{{"ApproximateTime":{int(time.time())},"TracesProcessedCount":{len(summaries)},'
        f'"TraceSummaries":[{",".join(summaries)}]{token}}}'
    ).encode()


def _continued(listing: _Cursor, token: str) -> _Cursor:
    """The cursor that a token holds. A token that belongs to another listing is refused."""
    try:
        cursor = _Cursor(*json.loads(base64.b64decode(token, validate=True)))
    except (ValueError, TypeError):
        cursor = None
    if cursor is None or cursor[:3] != listing[:3]:
        raise _Refusal(400, "InvalidRequestException", "Invalid NextToken")
    return cursor


def _updated(trace: StoredTrace) -> float:
    """When something was added to a trace last."""
    return trace.start + trace.duration


def _stored(trace: Json | StoredTrace) -> StoredTrace:
    if isinstance(trace, StoredTrace):
        return trace
    return StoredTrace(trace["Id"], epoch_of(trace["Id"]), trace.get("Duration", 0.0), _dumps(trace))


def _without(value: object, keys: Collection[str]) -> Json:
    """A JSON object without these keys, at whatever depth."""

    def strip(item: object) -> object:
        if isinstance(item, dict):
            return {key: strip(inner) for key, inner in item.items() if key not in keys}
        return [strip(inner) for inner in item] if isinstance(item, list) else item

    result = strip(value)
    assert isinstance(result, dict)
    return result


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def main(argv: Sequence[str] | None = None) -> None:
    """Serves many generated traces until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.xray", description=main.__doc__)
    parser.add_argument("--traces", type=int, default=5000)
    parser.add_argument("--functions", type=int, default=50)
    parser.add_argument("--calls", type=int, default=10, help="AWS calls a trace")
    parser.add_argument(
        "--no-inferred", action="store_true", help="leave out X-Ray's inferred copies of the calls"
    )
    parser.add_argument("--hours", type=float, default=12, help="how far the traces are spread")
    parser.add_argument("--margin", type=float, default=120, help="seconds that are left free at both ends")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds a request")
    parser.add_argument("--page-size", type=int, default=100)
    parser.add_argument("--throttle-in-flight", type=int, default=0)
    parser.add_argument("--throttle-per-second", type=int, default=0)
    args = parser.parse_args(argv)

    now = time.time()
    traces = bulk_traces(
        args.traces,
        (now - args.hours * 3600 + args.margin, now - args.margin),
        functions=args.functions,
        calls=args.calls,
        inferred=not args.no_inferred,
    )
    script = Script(
        delay=args.delay,
        page_size=args.page_size,
        throttle_in_flight=args.throttle_in_flight,
        throttle_per_second=args.throttle_per_second,
    )
    with FakeXRay(traces, script) as fake:
        gc.freeze()  # the traces live for ever: looking through them again and again would cost time
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
