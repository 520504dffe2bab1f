"""Traces from the X-Ray API, many requests at once; what arrives is handed on, not kept.

Limits: docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html and API_BatchGetTraces.html.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from scanner.aws.concurrency import XRAY_THREADS, Pace
from scanner.aws.errors import (
    bad_credentials,
    error_code,
    is_bad_credentials,
    is_denied,
    is_passing,
    status_of,
)
from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.traces.documents import Trace
from scanner.traces.reading import read_trace

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_xray.client import XRayClient

Sink = Callable[[list[Trace]], None]

_LISTING_THREADS = 16
_LONGEST_WINDOW = 6 * 3600.0
_SHORTEST_WINDOW = 300.0
_IDS_A_REQUEST = 5
_ASKS = 6
POLL_SECONDS = 5.0
QUIET_SECONDS = 20.0


@dataclass(frozen=True)
class Clock:
    """Time and sleep, so that a test need not wait."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Fetched:
    """What became of the traces that were asked for."""

    traces: int = 0
    truncated: int = 0
    partial: int = 0
    unprocessed: int = 0
    unread_windows: int = 0
    seen: set[bytes] = field(default_factory=set, repr=False)


def windows(start: float, end: float) -> list[tuple[float, float]]:
    """A span of time in pieces that can be listed side by side, none longer than X-Ray allows."""
    length = min(_LONGEST_WINDOW, max(_SHORTEST_WINDOW, (end - start) / _LISTING_THREADS))
    pieces = []
    while start < end:
        pieces.append((start, min(start + length, end)))
        start += length
    return pieces


def read_window(
    client: XRayClient,
    start: float,
    end: float,
    filter_expression: str | None,
    sink: Sink,
    warnings: Warnings,
    *,
    wait_seconds: float = 0.0,
    clock: Clock | None = None,
) -> Fetched:
    """Fetch all traces of a span of time (Unix seconds) and hand them to `sink`, each once.

    `sink` is called from several threads at once. With `wait_seconds` the span is listed again and again
    until no new trace has come for a while. Raises ScanError where X-Ray cannot be asked at all.
    """
    clock = clock or Clock()
    reader = _Reader(client, sink, warnings, clock)
    deadline, quiet_since = clock.now() + wait_seconds, clock.now()
    while True:
        last = clock.now() >= deadline
        before = len(reader.fetched.seen)
        later = reader.read(windows(start, end), filter_expression, take_partial=last)
        if len(reader.fetched.seen) > before:
            quiet_since = clock.now()
        if last:
            return reader.fetched
        quiet = clock.now() - quiet_since >= QUIET_SECONDS and reader.fetched.seen and not later
        if quiet:
            return reader.fetched
        clock.sleep(min(POLL_SECONDS, max(0.1, deadline - clock.now())))


def read_ids(
    client: XRayClient,
    ids: Iterable[str],
    sink: Sink,
    warnings: Warnings,
    *,
    wait_seconds: float = 60.0,
    clock: Clock | None = None,
) -> Fetched:
    """Fetch exactly these traces, each waited for until it is complete, `wait_seconds` at most.

    A trace counts as complete when none of its documents is in progress and it has not grown since it was
    last asked for.
    """
    clock = clock or Clock()
    reader = _Reader(client, sink, warnings, clock)
    deadline = clock.now() + wait_seconds
    open_ids = dict.fromkeys(ids)
    sizes: dict[str, int] = {}
    while open_ids:
        last = clock.now() >= deadline
        reader.read_ids(list(open_ids), partial(_accept, sizes, last), open_ids)
        if last or not open_ids:
            break
        clock.sleep(min(POLL_SECONDS, max(0.1, deadline - clock.now())))
    reader.fetched.unprocessed += len(open_ids)
    return reader.fetched


def _accept(sizes: dict[str, int], last: bool, trace: Trace) -> Trace | None:
    """The trace if it is to be taken now, marked as partial if it is not complete."""
    size = len(trace.documents)
    stable, sizes[trace.id] = sizes.get(trace.id) == size, size
    complete = read_trace(trace).complete or trace.truncated
    if complete and (stable or last):
        return trace
    return Trace(trace.id, trace.documents, trace.truncated, partial=True) if last else None


def transaction_search(client: XRayClient) -> bool | None:
    """Whether Transaction Search keeps the spans elsewhere; None where that may not be asked.

    docs.aws.amazon.com/xray/latest/api/API_GetTraceSegmentDestination.html
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return client.get_trace_segment_destination().get("Destination") == "CloudWatchLogs"
    except (ClientError, BotoCoreError):
        return None


class _Reader:
    """Lists and fetches with a bounded number of requests at once."""

    def __init__(self, client: XRayClient, sink: Sink, warnings: Warnings, clock: Clock) -> None:
        self._client = client
        self._sink = sink
        self._warnings = warnings
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, bool]] = []
        self._room = threading.BoundedSemaphore(4 * XRAY_THREADS)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._pace = Pace(XRAY_THREADS)
        self.fetched = Fetched()

    def read(self, pieces: list[tuple[float, float]], expression: str | None, *, take_partial: bool) -> int:
        """Read all windows once. Returns how many partial traces were left for later."""
        with ThreadPoolExecutor(XRAY_THREADS) as fetchers, ThreadPoolExecutor(_LISTING_THREADS) as listers:
            listings = [
                listers.submit(self._list, piece, expression, take_partial, fetchers) for piece in pieces
            ]
            done, _ = wait(listings, return_when=FIRST_EXCEPTION)
            if any(listing.exception() for listing in done):
                self._stop.set()
            left = sum(listing.result() for listing in listings)
            with self._lock:
                rest, self._waiting = self._waiting, []
            for start in range(0, len(rest), _IDS_A_REQUEST):
                self._submit(fetchers, rest[start : start + _IDS_A_REQUEST])
        if self._failure is not None:
            raise self._failure
        return left

    def read_ids(
        self, ids: list[str], accept: Callable[[Trace], Trace | None], open_ids: dict[str, None]
    ) -> None:
        """Ask once for each of the ids; what is accepted is handed on and struck from `open_ids`."""

        def ask(batch: list[str]) -> list[Trace]:
            traces, _ = self._ask(batch)
            return [taken for taken in (accept(trace) for trace in traces) if taken is not None]

        batches = [ids[at : at + _IDS_A_REQUEST] for at in range(0, len(ids), _IDS_A_REQUEST)]
        with ThreadPoolExecutor(XRAY_THREADS) as fetchers:
            for taken in fetchers.map(ask, batches):
                fresh = [trace for trace in taken if trace.id in open_ids]
                for trace in fresh:
                    del open_ids[trace.id]
                self._hand_on(fresh)

    # --- listing ---

    def _list(
        self,
        piece: tuple[float, float],
        expression: str | None,
        take_partial: bool,
        fetchers: ThreadPoolExecutor,
    ) -> int:
        left = 0
        try:
            for summaries in self._pages(piece, expression):
                ready, later = self._new_ids(summaries, take_partial)
                left += later
                for batch in ready:
                    self._submit(fetchers, batch)
        except _GaveUpError as error:
            with self._lock:
                self.fetched.unread_windows += 1
            when = datetime.fromtimestamp(piece[0], UTC).strftime("%Y-%m-%d %H:%M")
            self._warnings.add("window-unread", f"the traces from {when} UTC on could not be listed: {error}")
        return left

    def _pages(self, piece: tuple[float, float], expression: str | None) -> Iterator[list[Any]]:
        request: dict[str, Any] = {
            "StartTime": datetime.fromtimestamp(piece[0], UTC),
            "EndTime": datetime.fromtimestamp(piece[1], UTC),
        }
        if expression:
            request["FilterExpression"] = expression
        tokens: set[str] = set()
        while not self._stop.is_set():
            page = self._patiently(
                lambda: self._client.get_trace_summaries(**request), filtered=bool(expression) and not tokens
            )
            summaries = page.get("TraceSummaries")
            if not isinstance(summaries, list):
                raise _GaveUpError("the answer holds no TraceSummaries")
            yield [summary if isinstance(summary, dict) else {} for summary in summaries]
            token = page.get("NextToken")
            if not token:
                return
            if token in tokens:
                raise _GaveUpError("X-Ray returned the same page token twice")
            tokens.add(token)  # a page without a trace is no last page: only the token tells
            request["NextToken"] = token

    def _new_ids(
        self, summaries: list[dict[str, Any]], take_partial: bool
    ) -> tuple[list[list[tuple[str, bool]]], int]:
        """Batches of ids that were not seen before, and how many partial traces are left for later."""
        batches, left = [], 0
        with self._lock:
            for summary in summaries:
                trace_id, arriving = summary.get("Id"), summary.get("IsPartial") is True
                if not isinstance(trace_id, str):
                    self._warnings.add("summary-without-id", "X-Ray listed a trace without its id")
                    continue
                key = compact(trace_id)
                if key in self.fetched.seen:
                    continue
                if arriving and not take_partial:
                    left += 1
                    continue
                self.fetched.seen.add(key)
                self._waiting.append((trace_id, arriving))
                if len(self._waiting) == _IDS_A_REQUEST:
                    batches.append(self._waiting)
                    self._waiting = []
        return batches, left

    # --- fetching ---

    def _submit(self, fetchers: ThreadPoolExecutor, batch: list[tuple[str, bool]]) -> None:
        self._room.acquire()

        def done(future: Future[None]) -> None:
            self._room.release()
            if future.exception() is not None:
                self._failure = self._failure or future.exception()
                self._stop.set()

        future = fetchers.submit(self._fetch, batch)
        future.add_done_callback(done)

    def _fetch(self, batch: list[tuple[str, bool]]) -> None:
        if self._stop.is_set():
            return
        arriving = {trace_id for trace_id, is_partial in batch if is_partial}
        ids, pause = [trace_id for trace_id, _ in batch], 0.2
        for ask in range(_ASKS):
            if ask:
                self._clock.sleep(pause)
                pause *= 2
            try:
                traces, ids = self._ask(ids)
            except _GaveUpError as error:
                self._warnings.add("traces-unread", f"traces could not be fetched: {error}", len(ids))
                break
            self._hand_on(
                [
                    Trace(t.id, t.documents, t.truncated, partial=True) if t.id in arriving else t
                    for t in traces
                ]
            )
            if not ids:
                return
        with self._lock:
            self.fetched.unprocessed += len(ids)

    def _ask(self, ids: list[str]) -> tuple[list[Trace], list[str]]:
        """One BatchGetTraces with all its pages: the traces, and the ids that X-Ray left out."""
        traces: dict[str, Trace] = {}
        request: dict[str, Any] = {"TraceIds": ids}
        while True:
            page = self._patiently(lambda: self._client.batch_get_traces(**request))
            listed = page.get("Traces")
            for raw in listed if isinstance(listed, list) else ():
                trace = trace_from_api(raw)
                if trace is not None:
                    traces[trace.id] = trace
            token = page.get("NextToken")
            if not token or token == request.get("NextToken"):
                break
            request["NextToken"] = token
        return list(traces.values()), [trace_id for trace_id in ids if trace_id not in traces]

    def _hand_on(self, traces: list[Trace]) -> None:
        if not traces:
            return
        self._sink(traces)
        with self._lock:
            self.fetched.traces += len(traces)
            self.fetched.truncated += sum(trace.truncated for trace in traces)
            self.fetched.partial += sum(trace.partial for trace in traces)

    def _patiently(self, request: Callable[[], Any], *, filtered: bool = False) -> Any:
        """Send a request that botocore has already repeated as it sees fit, a few times more."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        for pause in (1.0, 3.0, 9.0, None):
            try:
                with self._pace.place():
                    answer = request()
                if not isinstance(answer, dict):
                    raise _GaveUpError("an answer that cannot be understood")
                retried = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
                (self._pace.throttled if retried else self._pace.went_well)()
                return answer
            except _GaveUpError:
                raise
            except ClientError as error:
                _raise_if_hopeless(error, filtered)
                self._pace.throttled()
                if not is_passing(error) or pause is None:
                    raise _GaveUpError(_what_happened(error)) from error
            except HTTPClientError as error:
                if pause is None:
                    raise _GaveUpError(type(error).__name__) from error
            except BotoCoreError as error:
                raise ScanError(f"AWS cannot be asked: {error}") from error
            except Exception as error:  # whatever botocore's parser trips over
                raise _GaveUpError(f"an answer that cannot be understood ({type(error).__name__})") from error
            self._clock.sleep(pause)
        raise AssertionError("unreachable")


class _GaveUpError(Exception):
    """A request failed for good, others may succeed."""


def _what_happened(error: ClientError) -> str:
    """An error in a few words; AWS's own are of use where the request was at fault."""
    said = error.response.get("Error", {}).get("Message", "")[:200] if status_of(error) < 500 else ""
    return f"{error_code(error)} (HTTP {status_of(error)})" + (f": {said}" if said else "")


def _raise_if_hopeless(error: ClientError, filtered: bool) -> None:
    """Raise what makes every further request senseless."""
    if is_bad_credentials(error):
        raise bad_credentials(error) from error
    if is_denied(error):
        action = f"xray:{error.operation_name}"
        raise ScanError(f"{action} is denied: attach the AWS-managed policy AWSXrayReadOnlyAccess") from error
    if filtered and error_code(error) == "InvalidRequestException":
        message = error.response.get("Error", {}).get("Message", "")
        raise ScanError(f"X-Ray refuses the request, check --filter: {message}", EXIT_USAGE) from error


def trace_from_api(raw: Any) -> Trace | None:
    """A trace as BatchGetTraces returns it; a segment without its document counts as unreadable."""
    if not isinstance(raw, dict) or not isinstance(raw.get("Id"), str):
        return None
    segments = raw.get("Segments")
    documents = [
        s.get("Document", s if "id" in s else None) if isinstance(s, dict) else s
        for s in (segments if isinstance(segments, list) and segments else [None])
    ]
    return Trace(raw["Id"], tuple(documents), truncated=raw.get("LimitExceeded") is True)


def compact(trace_id: str) -> bytes:
    """A trace id in 12 bytes, the only thing kept for each trace."""
    with contextlib.suppress(ValueError):
        return bytes.fromhex(trace_id.removeprefix("1-").replace("-", ""))
    return trace_id.encode("utf-8", "replace")
