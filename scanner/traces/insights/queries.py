"""Single queries of Logs Insights: begun, waited for, read page by page, and stopped whatever happens.

Limits: docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html and
API_GetQueryResults.html. What a query that still runs has found so far is never taken.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.aws.concurrency import ConcurrencyLimit
from scanner.aws.errors import (
    bad_credentials,
    error_code,
    is_bad_credentials,
    is_denied,
    is_missing,
    is_passing,
    what_happened,
)
from scanner.aws.failures import not_asked
from scanner.aws.logs import LogsClient
from scanner.errors import ScanError
from scanner.traces.insights.cost import Meter
from scanner.traces.insights.windows import Window

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

Row = dict[str, str]

QUERIES_AT_ONCE = 16
MOST_ROWS = 100_000
PAGE = 10_000  # also what a query gave at most before 2026: exactly so many may be cut
_LONGEST_QUERY = 3900.0  # seconds: AWS ends a query after an hour
_LAST_ANSWERS = 30.0  # seconds, for requests that are under way when the scan ends
_ATTEMPTS = 3  # of a query that ends without a result
_CONCURRENCY_PAUSES = 60  # of so many waits for a place, each of at most `Pace.longest`
_REFUSED = "the account runs as many queries as it may"
_KEY = re.compile(r"\bkms\b", re.IGNORECASE)
_WAITING = frozenset({"Scheduled", "Running"})


class Pace(NamedTuple):
    """How long (seconds) to wait: before a query is asked for first, at most, and before a request again."""

    first: float = 0.25
    longest: float = 5.0
    retries: tuple[float, ...] = (1.0, 3.0, 9.0)


class QueryError(Exception):
    """A window could not be read. The message says why."""


class TooLongError(QueryError):
    """AWS ended a query for its time: a shorter window may do."""


class BoundError(QueryError):
    """So much was read that no further query is begun."""


class StoppedError(QueryError):
    """The scan is ending."""


class DeniedError(Exception):
    """A right is missing, which the message names."""


class GroupMissingError(Exception):
    """There is no such log group."""


class Answer(NamedTuple):
    """The rows of a query; `cut` tells that there may be more than the limit let through."""

    rows: list[Row]
    cut: bool


class Queries:
    """Queries over some log groups. Safe for several threads at once; none is left open after `close`."""

    def __init__(
        self,
        client: LogsClient,
        groups: Sequence[str],
        meter: Meter,
        pace: Pace = Pace(),  # noqa: B008  # frozen
        limit: int = MOST_ROWS,
    ) -> None:
        self._client = client
        named = any(group.startswith("arn:") for group in groups)
        self._groups = {"logGroupIdentifiers" if named else "logGroupNames": list(groups)}
        self.meter = meter
        self._pace = pace
        # without a token for the next page, as old versions of botocore have it, one page is all
        self._pages = "nextToken" in _members(client, "GetQueryResults")
        self.limit = limit if self._pages else min(limit, PAGE)
        self._places = ConcurrencyLimit(QUERIES_AT_ONCE)
        self._stop = threading.Event()
        self._open: set[str] = set()
        self._running = 0
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)

    def run(self, text: str, window: Window) -> Answer:
        """The rows that a query finds in a window.

        Raises QueryError, DeniedError, GroupMissingError, and ScanError where no request can succeed.
        """
        with self._lock:
            self._running += 1
        try:
            return self._answer(text, window)
        finally:
            with self._lock:
                self._running -= 1
                self._ended.notify_all()

    def close(self) -> None:
        """Stop all queries that still run; none is begun any more.

        One that a thread is just asking for is waited for: its id is not known before AWS answers.
        """
        self._stop.set()
        with self._lock:
            left, self._open = sorted(self._open), set()
        for query in left:
            self._end(query)
        with self._lock:
            self._ended.wait_for(lambda: self._running == 0, timeout=_LAST_ANSWERS)

    # --- one query ---

    def _answer(self, text: str, window: Window) -> Answer:
        for attempt in range(_ATTEMPTS):
            with self._places.place():
                query, statistics, page = self._finished(text, window)
                status = page.get("status")
                if status == "Complete":
                    rows = self._rows(query, page)
                    found = max(len(rows), int(statistics.get("resultCount") or 0))
                    return Answer(rows, cut=found >= self.limit or found > len(rows) or found == PAGE)
            if status == "Timeout":
                raise TooLongError("AWS ended a query for its time (60 minutes)")
            if attempt + 1 < _ATTEMPTS:
                self._pause(self._pace.retries[min(attempt, len(self._pace.retries) - 1)])
        raise QueryError(f"a query ended as {status}, {_ATTEMPTS} times")

    def _finished(self, text: str, window: Window) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Begin a query and wait for its end: its id, its statistics, its first page."""
        query = self._begun(text, window)
        try:
            pause, until = self._pace.first, time.monotonic() + _LONGEST_QUERY
            while True:
                page = self._request("status", self._client.get_query_results, queryId=query, **self._page())
                statistics = page.get("statistics")
                statistics = statistics if isinstance(statistics, dict) else {}
                self.meter.note(query, statistics.get("bytesScanned"))
                if page.get("status") not in _WAITING:
                    with self._lock:
                        self._open.discard(query)
                    return query, statistics, page
                if time.monotonic() > until:
                    raise TooLongError("a query did not end within an hour")
                self._pause(pause)
                pause = min(pause * 1.6, self._pace.longest)
        finally:
            with self._lock:
                left_open = query in self._open
                self._open.discard(query)
            if left_open:
                self._end(query)

    def _begun(self, text: str, window: Window) -> str:
        request = {
            **self._groups,
            "startTime": window.start,
            "endTime": window.last,
            "queryString": text,
            "limit": self.limit,
        }
        query = str(self._request("queryId", self._start, **request)["queryId"])
        with self._lock:
            self._open.add(query)
        if self._stop.is_set():
            with self._lock:
                self._open.discard(query)
            self._end(query)
            raise StoppedError("interrupted")
        return query

    def _start(self, **request: Any) -> dict[str, Any]:
        if self.meter.bound.is_reached:
            raise BoundError(f"--max-scan-gb {self.meter.bound.gb:g} is reached")
        answer: dict[str, Any] = {}
        try:
            answer = self._client.start_query(**request)
        finally:
            if "queryId" not in answer:  # it may run all the same
                self._end_unknown(request["queryString"])
        return answer

    def _page(self) -> dict[str, Any]:
        return {"maxItems": PAGE} if self._pages else {}

    def _rows(self, query: str, page: dict[str, Any]) -> list[Row]:
        """The rows of a finished query, from its first page on."""
        rows = _rows_in(page)
        token = page.get("nextToken")
        tokens: set[str] = set()
        while token:
            if token in tokens:
                raise QueryError("AWS returned the same page token twice")
            tokens.add(token)
            page = self._request(
                "results", self._client.get_query_results, queryId=query, nextToken=token, maxItems=PAGE
            )
            rows += _rows_in(page)
            token = page.get("nextToken")
        return rows

    def _end(self, query: str) -> None:
        """Stop a query; if that fails, it ends by itself after an hour."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.stop_query(queryId=query)
        except (BotoCoreError, ClientError, ScanError, ValueError):
            return

    def _end_unknown(self, text: str) -> None:
        """Stop a query whose id never arrived, if AWS lists it."""
        try:
            for status in sorted(_WAITING):
                listed = self._client.describe_queries(status=status)
                for query in listed.get("queries", ()):
                    query_id = query.get("queryId")
                    with self._lock:
                        is_known = query_id in self._open
                    if query.get("queryString") == text and not is_known:
                        self._end(query_id)
        except Exception:  # it ends by itself after an hour
            return

    # --- one request ---

    def _request(self, key: str, method: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
        """Send a request, a few times more where that may help. The answer holds the key.

        Of JSON that breaks off botocore makes an answer with a message.
        """
        refused = 0
        retries = iter((*self._pace.retries, None))
        while True:
            answer = self._sent(method, request)
            if isinstance(answer, dict) and answer.get(key) not in (None, ""):
                return answer
            pause = None
            if answer == _REFUSED:  # others of the account query as well
                refused += 1
                if refused < _CONCURRENCY_PAUSES:
                    pause = min(self._pace.longest, self._pace.first * 1.6**refused)
            pause = pause or next(retries)
            if pause is None:
                raise QueryError(answer if isinstance(answer, str) else f"an answer without {key}")
            self._pause(pause)

    def _sent(self, method: Callable[..., dict[str, Any]], request: dict[str, Any]) -> dict[str, Any] | str:
        """The answer to a request, or what happened where the same request may succeed later."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        if self._stop.is_set():
            raise StoppedError("interrupted")
        try:
            answer = method(**request)
        except (QueryError, ScanError):
            raise
        except ClientError as error:
            what = _passing(error)
            self._places.throttled()
            return what
        except HTTPClientError as error:
            return type(error).__name__
        except BotoCoreError as error:
            raise not_asked(error) from error
        except Exception as error:  # whatever botocore's parser trips over
            return f"an answer that cannot be understood ({type(error).__name__})"
        self._places.went_well()
        return answer

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise StoppedError("interrupted")


def _passing(error: ClientError) -> str:
    """What happened, where the same request may succeed later. Raises what it means otherwise."""
    if is_bad_credentials(error):
        raise bad_credentials(error) from error
    what = what_happened(error.response)
    if is_denied(error):
        # the key of an encrypted group, of which CloudWatch Logs says so in its own refusal
        raise DeniedError("kms:Decrypt" if _KEY.search(what) else f"logs:{error.operation_name}") from error
    code = error_code(error)
    if code == "LimitExceededException":
        return _REFUSED
    if is_missing(error) and error.operation_name == "StartQuery":
        raise GroupMissingError(what) from error
    if code == "ServiceUnavailableException" or is_passing(error):
        return what
    raise QueryError(what) from error


def _rows_in(page: dict[str, Any]) -> list[Row]:
    results = page.get("results")
    if not isinstance(results, list):
        raise QueryError("the answer holds no results")
    return [
        {cell["field"]: cell["value"] for cell in cells if "field" in cell and "value" in cell}
        for cells in results
    ]


def _members(client: LogsClient, operation: str) -> frozenset[str]:
    """What an answer may hold, as far as this version of botocore knows."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    return frozenset(shape.members if shape else ())
