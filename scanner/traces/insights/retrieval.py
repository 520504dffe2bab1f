"""Traces by their ids where Transaction Search is on: X-Ray makes segment documents of the spans.

docs.aws.amazon.com/xray/latest/api/API_StartTraceRetrieval.html and API_ListRetrievedTraces.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scanner.aws.ask import Failure, attempt
from scanner.aws.times import SYSTEM_CLOCK, Clock
from scanner.errors import ScanError, Warnings
from scanner.traces.documents import Trace
from scanner.traces.reading import read_trace
from scanner.traces.source import (
    SPANS,
    EmitOf,
    Expect,
    Origin,
    SkippedTraces,
    SourceReport,
    expect_nothing,
)

if TYPE_CHECKING:
    from mypy_boto3_xray.client import XRayClient

_IDS_A_REQUEST = 100
_LONGEST_TRACE = 86_400.0  # seconds after its start at which a span of a trace is looked for
_KEPT = 30 * 86_400.0  # of a trace whose id tells no time
_POLL = 1.0
_LONGEST_WAIT = 900.0
_WAITING = ("SCHEDULED", "RUNNING")


@dataclass(frozen=True)
class RetrievalSource:
    """Some traces of a region, by their ids ("1-...-...")."""

    region: str
    client_of_region: Callable[[str], XRayClient]
    ids: tuple[str, ...]
    expect: Expect = expect_nothing
    clock: Clock = SYSTEM_CLOCK
    name: str = "spans"

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        """Read the traces. Raises ScanError where they cannot be asked for."""
        client = self.client_of_region(self.region)
        emit = emit_of(Origin(self.region, SPANS))
        ids = list(dict.fromkeys(self.ids))
        self.expect(len(ids))
        missing = set(ids)
        for at in range(0, len(ids), _IDS_A_REQUEST):
            for trace in self._retrieved(client, ids[at : at + _IDS_A_REQUEST], warnings):
                if trace.id in missing:
                    missing.discard(trace.id)
                    emit([read_trace(trace)])
        return SourceReport(SkippedTraces(unprocessed=len(missing)), regions=(self.region,))

    def _retrieved(self, client: XRayClient, ids: Sequence[str], warnings: Warnings) -> Iterator[Trace]:
        starts = [_start_of(trace_id, self.clock.now()) for trace_id in ids]
        token = _answer(
            lambda: client.start_trace_retrieval(
                TraceIds=list(ids),
                StartTime=datetime.fromtimestamp(min(starts) - 60, UTC),
                EndTime=datetime.fromtimestamp(
                    min(max(starts) + _LONGEST_TRACE, max(self.clock.now(), max(starts) + 60)), UTC
                ),
            )
        )["RetrievalToken"]
        ended = False
        try:
            page = self._finished(client, token)
            ended = True
            while True:
                yield from filter(None, map(_trace_of, page.get("Traces", ())))
                more = page.get("NextToken")
                if not more:
                    return
                page = _answer(lambda more=more: _page(client, token, more))  # type: ignore[misc]  # the loop's
        finally:
            if not ended:
                attempt(lambda: client.cancel_trace_retrieval(RetrievalToken=token))

    def _finished(self, client: XRayClient, token: str) -> dict[str, Any]:
        """The first page of a retrieval, once it is complete."""
        until = self.clock.now() + _LONGEST_WAIT
        while True:
            page = _answer(lambda: _page(client, token, ""))
            status = page.get("RetrievalStatus")
            if status == "COMPLETE":
                return page
            if status not in _WAITING or self.clock.now() > until:
                raise ScanError(f"the retrieval of traces ended as {status}: scan again")
            self.clock.sleep(_POLL)


def _page(client: XRayClient, token: str, more: str) -> Any:
    request: dict[str, Any] = {"RetrievalToken": token, "TraceFormat": "XRAY"}
    if more:
        request["NextToken"] = more
    return client.list_retrieved_traces(**request)


def _answer(request: Callable[[], Any]) -> dict[str, Any]:
    answer = attempt(request)
    if isinstance(answer, Failure):
        remedy = f"allow xray:{answer.operation}" if answer.denied else answer.message
        raise ScanError(f"traces could not be retrieved from Transaction Search: {remedy}")
    return dict(answer)


def _trace_of(raw: Any) -> Trace | None:
    """A trace as ListRetrievedTraces returns it: its spans are segment documents."""
    if not isinstance(raw, dict) or not isinstance(raw.get("Id"), str):
        return None
    spans = raw.get("Spans")
    documents = [span.get("Document") if isinstance(span, dict) else None for span in spans or [None]]
    return Trace(_xray_id(raw["Id"]), tuple(documents))


def _xray_id(trace_id: str) -> str:
    """A trace id as X-Ray writes it, also of one in 32 digits."""
    if "-" in trace_id or len(trace_id) != 32:
        return trace_id
    return f"1-{trace_id[:8]}-{trace_id[8:]}"


def _start_of(trace_id: str, now: float) -> float:
    """When a trace started, as its id tells; of ids that W3C's rules make, none does."""
    try:
        start = float(int(trace_id.split("-")[1], 16))
    except (IndexError, ValueError):
        start = 0.0
    return start if now - _KEPT < start <= now else now - _KEPT
