"""Single requests to the X-Ray API: repeated while that may help, their answers checked.

Limits: docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html and API_BatchGetTraces.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.aws.ask import Failure, attempt
from scanner.aws.concurrency import XRAY_THREADS, ConcurrencyLimit
from scanner.aws.errors import (
    bad_credentials,
    error_code,
    is_bad_credentials,
    is_denied,
    is_passing,
    what_happened,
)
from scanner.aws.failures import not_asked
from scanner.aws.patience import Patience
from scanner.aws.times import Clock
from scanner.errors import EXIT_USAGE, ScanError
from scanner.traces.documents import Trace, trace_from_api

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_xray.client import XRayClient

RETRY_PAUSES = (1.0, 3.0, 9.0)


class Window(NamedTuple):
    """A span of time (Unix seconds), and the filter expression of the traces in it (None for all).

    Traces are in it that began then, or `updated` ones: those to which something was added then.
    """

    start: float
    end: float
    filter: str | None = None
    updated: bool = False


class GaveUpError(Exception):
    """A request failed for good, others may succeed. The message says why."""


class XRayRequests:
    """The requests to one region. Safe for several threads at once."""

    def __init__(self, client: XRayClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._limit = ConcurrencyLimit(XRAY_THREADS)
        self._patience = Patience(clock.now)

    def summaries(self, window: Window) -> Iterator[list[dict[str, Any]]]:
        """The summaries of the traces in a window, page by page.

        Raises GaveUpError, and ScanError where no request can succeed.
        """
        request: dict[str, Any] = {
            "StartTime": datetime.fromtimestamp(window.start, UTC),
            "EndTime": datetime.fromtimestamp(window.end, UTC),
        }
        if window.filter:
            request["FilterExpression"] = window.filter
        if window.updated:
            request["TimeRangeType"] = "Event"
        tokens: set[str] = set()
        while True:
            page = self._with_retries(
                lambda: self._client.get_trace_summaries(**request),
                filtered=bool(window.filter) and not tokens,
            )
            summaries = page.get("TraceSummaries")
            if not isinstance(summaries, list):
                raise GaveUpError("the answer holds no TraceSummaries")
            yield [summary if isinstance(summary, dict) else {} for summary in summaries]
            token = page.get("NextToken")
            if not token:
                return
            if token in tokens:
                raise GaveUpError("X-Ray returned the same page token twice")
            tokens.add(token)  # only the token says that a page is the last: a page may hold no trace
            request["NextToken"] = token

    def traces(self, ids: list[str]) -> list[Trace]:
        """The traces of these ids, five at most. X-Ray may leave some out.

        Raises GaveUpError, and ScanError where no request can succeed.
        """
        traces: dict[str, Trace] = {}
        request: dict[str, Any] = {"TraceIds": ids}
        while True:
            page = self._with_retries(lambda: self._client.batch_get_traces(**request))
            listed = page.get("Traces")
            for raw in listed if isinstance(listed, list) else ():
                trace = trace_from_api(raw)
                if trace is not None:
                    traces[trace.id] = trace
            token = page.get("NextToken")
            if not token or token == request.get("NextToken"):
                return list(traces.values())
            request["NextToken"] = token

    def _with_retries(self, request: Callable[[], Any], *, filtered: bool = False) -> dict[str, Any]:
        """Send a request that botocore has already repeated as it sees fit, a few times more."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        for pause in (*RETRY_PAUSES, None):
            try:
                with self._limit.place():
                    began = self._clock.now()
                    answer = request()
                if not isinstance(answer, dict):
                    raise GaveUpError("an answer that cannot be understood")
                self._patience.succeeded()
                retried = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
                (self._limit.throttled if retried else self._limit.went_well)()
                return answer
            except (GaveUpError, ScanError):
                raise
            except ClientError as error:
                _raise_if_hopeless(error, filtered)
                self._limit.throttled()
                what = what_happened(error.response)
                if not is_passing(error):
                    raise GaveUpError(what) from error
                self._wait(what, began, pause)
            except HTTPClientError as error:
                self._wait(type(error).__name__, began, pause)
            except BotoCoreError as error:
                raise not_asked(error) from error
            except Exception as error:  # whatever botocore's parser trips over
                raise GaveUpError(f"an answer that cannot be understood ({type(error).__name__})") from error
        raise AssertionError("unreachable")

    def _wait(self, what: str, began: float, pause: float | None) -> None:
        """Pause after what may pass. Raises GaveUpError after the last attempt; ScanError: see `Patience`."""
        self._patience.failed(what, began)
        if pause is None:
            raise GaveUpError(what)
        self._clock.sleep(pause)


class Destination(NamedTuple):
    """Where a region keeps spans: in X-Ray, or in a log group (Transaction Search); or is about to."""

    is_log_group: bool
    is_pending: bool = False


def destination_of(client: XRayClient) -> Destination | Failure:
    """Where the spans of a region are kept. Raises ScanError for bad credentials.

    docs.aws.amazon.com/xray/latest/api/API_GetTraceSegmentDestination.html
    """
    answer = attempt(client.get_trace_segment_destination)
    if isinstance(answer, Failure):
        # an X-Ray that does not know the operation (an emulator, another partition) has no such search
        return Destination(is_log_group=False) if answer.missing else answer
    return Destination(answer.get("Destination") == "CloudWatchLogs", answer.get("Status") == "PENDING")


def transaction_search(client: XRayClient) -> bool | Failure:
    """Whether Transaction Search keeps the spans elsewhere. Raises ScanError for bad credentials."""
    destination = destination_of(client)
    return destination if isinstance(destination, Failure) else destination.is_log_group


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
