"""Traces from the X-Ray API, many requests at once; what arrives is handed over, not kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.aws.concurrency import XRAY_THREADS
from scanner.aws.times import SYSTEM_CLOCK, Clock
from scanner.errors import Warnings
from scanner.traces.documents import Trace, compact_id
from scanner.traces.reading import read_trace
from scanner.traces.source import WINDOW_UNREAD, Emit, Expect, SkippedTraces, expect_nothing, total
from scanner.traces.xray_requests import GaveUpError, Window, XRayRequests

if TYPE_CHECKING:
    from mypy_boto3_xray.client import XRayClient

POLL_SECONDS = 5.0
QUIET_SECONDS = 20.0
_LISTING_THREADS = 16
_LONGEST_WINDOW = 6 * 3600.0
_SHORTEST_WINDOW = 300.0
_IDS_A_REQUEST = 5
_FETCH_ATTEMPTS = 6

_Listed = tuple[str, bool]
"""The id of a trace, and whether it was still arriving when it was listed."""


@dataclass(frozen=True)
class Waiting:
    """How long (seconds) to wait for traces that are still arriving, at most, and by which clock.

    `expect` is told how many are waited for.
    """

    seconds: float = 0.0
    clock: Clock = SYSTEM_CLOCK
    expect: Expect = expect_nothing

    def pause(self, deadline: float) -> None:
        """Sleep until the next poll, and not much longer than the deadline."""
        self.clock.sleep(min(POLL_SECONDS, max(0.1, deadline - self.clock.now())))


class Fetched(NamedTuple):
    """How many traces were handed over, and what was skipped."""

    traces: int
    skipped: SkippedTraces


def pieces_of(window: Window) -> list[Window]:
    """A window in pieces that can be listed side by side, none longer than X-Ray allows."""
    start, end = window.start, window.end
    length = min(_LONGEST_WINDOW, max(_SHORTEST_WINDOW, (end - start) / _LISTING_THREADS))
    pieces = []
    while start < end:
        pieces.append(window._replace(start=start, end=min(start + length, end)))
        start += length
    return pieces


def read_window(
    client: XRayClient, window: Window, emit: Emit, warnings: Warnings, waiting: Waiting
) -> Fetched:
    """Fetch all traces of a window and hand them to `emit`, each once.

    A window of `updated` traces is listed both ways: what just began may not be known as an update yet.
    `emit` is called from several threads at once. With a time to wait the window is listed again and
    again until no new trace has come for a while. Raises ScanError where X-Ray cannot be asked at all.
    """
    clock = waiting.clock
    fetcher = _Fetcher(client, emit, warnings, waiting)
    deadline, quiet_since = clock.now() + waiting.seconds, clock.now()
    pieces = [
        piece for updated in {False, window.updated} for piece in pieces_of(window._replace(updated=updated))
    ]
    while True:
        last = clock.now() >= deadline
        before = fetcher.listed
        arriving = fetcher.read(pieces, take_partial=last)
        if fetcher.listed > before:
            quiet_since = clock.now()
        quiet = clock.now() - quiet_since >= QUIET_SECONDS and fetcher.listed and not arriving
        if last or quiet:
            fetcher.warn_of_unlisted()
            return fetcher.fetched
        waiting.pause(deadline)


def read_ids(
    client: XRayClient, ids: Iterable[str], emit: Emit, warnings: Warnings, waiting: Waiting
) -> Fetched:
    """Fetch exactly these traces, each waited for until it is complete.

    A trace counts as complete when none of its documents is in progress and it has not grown since it was
    last asked for.
    """
    fetcher = _Fetcher(client, emit, warnings, waiting)
    deadline = waiting.clock.now() + waiting.seconds
    missing = list(dict.fromkeys(ids))
    waiting.expect(len(missing))
    arrivals = _Arrivals()
    while missing:
        last = waiting.clock.now() >= deadline
        arrived = fetcher.read_ids(missing, arrivals.last_chance if last else arrivals.settled)
        missing = [trace_id for trace_id in missing if trace_id not in arrived]
        if last or not missing:
            break
        waiting.pause(deadline)
    traces, skipped = fetcher.fetched
    return Fetched(traces, skipped._replace(unprocessed=skipped.unprocessed + len(missing)))


class _Arrivals:
    """Tells traces that have arrived from those that still do, by how much of them came before."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def settled(self, trace: Trace) -> Trace | None:
        """The trace if it is complete and has not grown."""
        size = len(trace.documents)
        stable, self._sizes[trace.id] = self._sizes.get(trace.id) == size, size
        return trace if stable and _is_complete(trace) else None

    def last_chance(self, trace: Trace) -> Trace:
        """The trace, marked as partial if it is not complete."""
        return trace if _is_complete(trace) else trace._replace(partial=True)


def _is_complete(trace: Trace) -> bool:
    return trace.truncated or read_trace(trace).complete


class _Fetcher:
    """Lists and fetches with a bounded number of requests at once."""

    def __init__(self, client: XRayClient, emit: Emit, warnings: Warnings, waiting: Waiting) -> None:
        self._requests = XRayRequests(client, waiting.clock)
        self._emit_readings = emit
        self._warnings = warnings
        self._clock = waiting.clock
        self._expect = waiting.expect
        self._lock = threading.Lock()
        self._seen: set[bytes] = set()
        self._unassigned: list[_Listed] = []
        self._unlisted: dict[str, set[float]] = {}
        self._room = threading.BoundedSemaphore(4 * XRAY_THREADS)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._traces = 0
        self._skipped = SkippedTraces()

    @property
    def listed(self) -> int:
        """How many traces were listed so far, each once."""
        return len(self._seen)

    @property
    def fetched(self) -> Fetched:
        """What became of the traces so far."""
        return Fetched(self._traces, self._skipped)

    def read(self, windows: list[Window], *, take_partial: bool) -> int:
        """Read all windows once. Returns how many partial traces were left for later."""
        with ThreadPoolExecutor(XRAY_THREADS) as fetchers, ThreadPoolExecutor(_LISTING_THREADS) as listers:
            listings = [listers.submit(self._list, window, take_partial, fetchers) for window in windows]
            done, _ = wait(listings, return_when=FIRST_EXCEPTION)
            if any(listing.exception() for listing in done):
                self._stop.set()
            left = sum(listing.result() for listing in listings)
            with self._lock:
                rest, self._unassigned = self._unassigned, []
            for start in range(0, len(rest), _IDS_A_REQUEST):
                self._submit(fetchers, rest[start : start + _IDS_A_REQUEST])
        if self._failure is not None:
            raise self._failure
        return left

    def read_ids(self, ids: list[str], accept: Callable[[Trace], Trace | None]) -> set[str]:
        """Ask once for each of the ids, hand over the traces that are accepted and return their ids."""

        def ask(batch: list[str]) -> list[Trace]:
            accepted = (accept(trace) for trace in self._requests.traces(batch) if trace.id in expected)
            return [trace for trace in accepted if trace is not None]

        expected = frozenset(ids)
        batches = [ids[at : at + _IDS_A_REQUEST] for at in range(0, len(ids), _IDS_A_REQUEST)]
        arrived: set[str] = set()
        with ThreadPoolExecutor(XRAY_THREADS) as fetchers:
            for traces in fetchers.map(ask, batches):
                fresh = [trace for trace in traces if trace.id not in arrived]
                arrived.update(trace.id for trace in fresh)
                self._emit(fresh)
        return arrived

    # --- listing ---

    def _list(self, window: Window, take_partial: bool, fetchers: ThreadPoolExecutor) -> int:
        """List the traces of a window and fetch them. Returns how many are left for later."""
        left = 0
        try:
            for summaries in () if self._stop.is_set() else self._requests.summaries(window):
                batches, later = self._new_ids(summaries, take_partial)
                left += later
                for batch in batches:
                    self._submit(fetchers, batch)
                if self._stop.is_set():
                    break
        except GaveUpError as error:
            self._skip(SkippedTraces(windows=1))
            with self._lock:
                self._unlisted.setdefault(str(error), set()).add(window.start)
        return left

    def warn_of_unlisted(self) -> None:
        """Warn of the windows that could not be listed, once for each cause."""
        for cause, starts in self._unlisted.items():
            when = datetime.fromtimestamp(min(starts), UTC).strftime("%Y-%m-%d %H:%M")
            spans = f", {len(starts)} spans of time in all," if len(starts) > 1 else ""
            message = f"the traces from {when} UTC on{spans} could not be listed: {cause}"
            self._warnings.add(WINDOW_UNREAD, message, len(starts))

    def _new_ids(
        self, summaries: list[dict[str, Any]], take_partial: bool
    ) -> tuple[list[list[_Listed]], int]:
        """Batches of ids that were not seen before, and how many partial traces are left for later."""
        batches, left = [], 0
        with self._lock:
            before = self.listed
            for summary in summaries:
                trace_id, arriving = summary.get("Id"), summary.get("IsPartial") is True
                if not isinstance(trace_id, str):
                    self._warnings.add("summary-without-id", "X-Ray listed a trace without its id")
                    continue
                key = compact_id(trace_id)
                if key in self._seen:
                    continue
                if arriving and not take_partial:
                    left += 1
                    continue
                self._seen.add(key)
                self._unassigned.append((trace_id, arriving))
                if len(self._unassigned) == _IDS_A_REQUEST:
                    batches.append(self._unassigned)
                    self._unassigned = []
            listed = self.listed - before
        self._expect(listed)
        return batches, left

    # --- fetching ---

    def _submit(self, fetchers: ThreadPoolExecutor, batch: list[_Listed]) -> None:
        self._room.acquire()

        def done(future: Future[None]) -> None:
            self._room.release()
            if future.exception() is not None:
                self._failure = self._failure or future.exception()
                self._stop.set()

        future = fetchers.submit(self._fetch, batch)
        future.add_done_callback(done)

    def _fetch(self, batch: list[_Listed]) -> None:
        """Fetch traces, again and again those that X-Ray leaves out."""
        if self._stop.is_set():
            return
        arriving = {trace_id for trace_id, is_partial in batch if is_partial}
        ids, pause = [trace_id for trace_id, _ in batch], 0.2
        for attempt in range(_FETCH_ATTEMPTS):
            if attempt:
                self._clock.sleep(pause)
                pause *= 2
            try:
                traces = self._requests.traces(ids)
            except GaveUpError as error:
                self._warnings.add("traces-unread", f"traces could not be fetched: {error}", len(ids))
                break
            self._emit([t._replace(partial=True) if t.id in arriving else t for t in traces])
            returned = {trace.id for trace in traces}
            ids = [trace_id for trace_id in ids if trace_id not in returned]
            if not ids:
                return
        self._skip(SkippedTraces(unprocessed=len(ids)))

    def _emit(self, traces: list[Trace]) -> None:
        if not traces:
            return
        self._emit_readings([read_trace(trace) for trace in traces])
        with self._lock:
            self._traces += len(traces)
        truncated, partial = (sum(t.truncated for t in traces), sum(t.partial for t in traces))
        if truncated or partial:
            self._skip(SkippedTraces(truncated=truncated, partial=partial))

    def _skip(self, skipped: SkippedTraces) -> None:
        with self._lock:
            self._skipped = total([self._skipped, skipped])
