"""A scripted stand-in for CloudWatch Logs Insights over a log group of spans, and for X-Ray's retrieval.

In a test, with the clients pointed at it::

    with FakeLogs([record(...)], LogsScript(limit=10)) as fake:
        client_of("logs", fake.url).start_query(...)
        assert fake.open_queries == []

In a process of its own (it prints its address, then runs until its standard input ends)::

    python -m tests.fakes.logs_insights --spans 10000000 --rows 3000

It answers StartQuery, GetQueryResults, StopQuery and DescribeLogGroups (JSON 1.1), and the
retrieval of X-Ray: GetTraceSegmentDestination, StartTraceRetrieval, ListRetrievedTraces (REST).
`insights_query` is the language.
A window has both ends, in seconds; values are texts, absent fields are absent; a limit cuts without a word.
``LogsScript`` holds all that may go wrong.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.fakes.insights_query import MalformedQueryError, Query, Result, flattened
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.fakes.traces import Json

GROUP, ACCOUNT = "aws/spans", "123456789012"
START_QUERY, RESULTS, STOP_QUERY, GROUPS = "StartQuery", "GetQueryResults", "StopQuery", "DescribeLogGroups"
DESTINATION = "GetTraceSegmentDestination"
THROTTLED, BROKEN, RESET, HALF, REFUSED = "throttled", "500", "reset", "half", "limit-exceeded"
_DEFAULT_LIMIT, _MOST_ROWS, _PAGE = 10_000, 100_000, 10_000
_RETRIEVED_AT_ONCE = 100

Prepared = Callable[[str, int, int], Sequence[Mapping[str, str]] | None]


@dataclass
class LogsScript:
    """How the fake behaves. It may be changed while it runs; the defaults are AWS on a good day."""

    limit: int = _MOST_ROWS
    """the most rows that any query gives, whatever it asks for: those beyond are cut without a word"""
    page: int = _PAGE
    """rows a page of results"""
    scheduled: int = 0
    """so many times a query is Scheduled when it is asked for"""
    running: int = 0
    """so many times it is then Running, with half of its rows"""
    concurrent: int = 100
    """queries that may be open at once; one more is refused"""
    endings: Mapping[int, str] = field(default_factory=dict)
    """the status in which the n-th query (from 1) ends instead of Complete, without rows; 0: every query"""
    faults: Mapping[int, str] = field(default_factory=dict)
    """what happens to the n-th request (from 1) in place of an answer: one of the words above"""
    faults_from: tuple[int, str] | None = None
    """what happens to every request from the n-th on"""
    late: Mapping[str, int] = field(default_factory=dict)
    """span id -> so many queries are started before the record is there"""
    masked: Collection[str] = ()
    """fields whose values data protection masks"""
    denied: Collection[str] = ()
    """operations that are answered with AccessDeniedException"""
    refusal: str = ""
    """what it says then, in place of the right that is missing"""
    timestamp: str = "endTimeUnixNano"
    """the time by which a record stands in a window; that of its start where it has no end"""
    created: float = 0.0
    """when the log group was made (Unix seconds)"""
    retention: int | None = None
    """days"""
    stored: int = 0
    """bytes that the group holds"""
    destination: tuple[str, str] = ("CloudWatchLogs", "ACTIVE")
    polls: int = 0
    """so many times a retrieval is RUNNING when it is asked for"""
    retrieval_ends: str = "COMPLETE"
    documents: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    """trace id ("1-...") -> the segment documents that a retrieval gives"""
    older: Sequence[Json] = ()
    """the traces that X-Ray's own store has, as BatchGetTraces gives them"""
    prepared: Prepared | None = None
    """answers a query (text, start, end) from rows that are ready, None for one that it does not know"""
    on_query: Callable[[int], None] | None = None
    """is told the number of each query that is started"""


class Asked(NamedTuple):
    """One request as it came, and how it was answered (0: the connection was closed)."""

    operation: str
    body: Json
    status: int


class _Refusal(Exception):  # noqa: N818  the name says more than an "Error" would
    def __init__(self, code: str, message: str = "", status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.body = {"__type": code, "message": message, **more}
        self.status = status


class _Record(NamedTuple):
    time: int
    """seconds"""
    span_id: str
    group: str
    account: str
    size: int
    fields: Mapping[str, Any]


@dataclass
class _Running:
    """A query that was started."""

    number: int
    rows: list[list[dict[str, str]]]
    statistics: dict[str, float]
    ending: str
    asked: int = 0


class FakeLogs:
    """The fake: a context manager that serves on a port of its own.

    ``records`` are log events of `aws/spans`; by another group or account as (group, account, record).
    """

    def __init__(
        self, records: Iterable[Json | tuple[str, str, Json]] = (), script: LogsScript | None = None
    ) -> None:
        self.script = script or LogsScript()
        self.requests: list[Asked] = []
        self.queries: list[str] = []
        self.most_open = 0
        self.scanned = 0
        self.url = ""
        self.groups = {(GROUP, ACCOUNT)}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._running: dict[str, _Running] = {}
        self._open: dict[str, bool] = {}
        self._retrievals: dict[str, list[str]] = {}
        self._retrieval_polls: Counter[str] = Counter()
        self._server: AbstractContextManager[str] | None = None
        self._records: list[_Record] = []
        self._times: list[int] = []
        self.put(records)

    # -- for tests

    def put(self, records: Iterable[Json | tuple[str, str, Json]]) -> None:
        """Add records."""
        for item in records:
            group, account, record = item if isinstance(item, tuple) else (GROUP, ACCOUNT, item)
            self.groups.add((group, account))
            self._records.append(self._stored(group, account, record))
        self._records.sort(key=lambda record: record.time)
        self._times = [record.time for record in self._records]

    def __enter__(self) -> Self:
        self._server = serving(self._answer)
        self.url = self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self._server.__exit__(kind, error, trace)

    @property
    def open_queries(self) -> list[str]:
        """The ids of the queries that still run: those nobody saw the end of, and nobody stopped."""
        return [query for query, is_open in self._open.items() if is_open]

    def count(self, operation: str) -> int:
        """How many requests of an operation came."""
        return sum(request.operation == operation for request in self.requests)

    # -- the server

    def _answer(self, request: HttpRequest) -> Answer:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2] or request.path.strip("/")
        body: Json = json.loads(request.body or b"{}")
        with self._lock:
            fault = self._fault(len(self.requests) + 1)
            if fault == RESET:
                self.requests.append(Asked(operation, body, 0))
                raise ConnectionResetError
            try:
                if fault and fault != HALF:
                    raise _fault(fault)
                if operation in self.script.denied:
                    raise _Refusal(
                        "AccessDeniedException",
                        self.script.refusal
                        or f"User: arn:aws:iam::{ACCOUNT}:user/u is not authorized to perform: {operation}",
                    )
                answer, status = self._operation(operation, body), 200
            except _Refusal as refusal:
                answer, status = refusal.body, refusal.status
            self.requests.append(Asked(operation, body, status))
        content = json.dumps(answer).encode()
        if fault == HALF:
            content = content[: len(content) // 2]
        return Answer(status, content, {"Content-Type": "application/x-amz-json-1.1"})

    def _fault(self, number: int) -> str:
        after = self.script.faults_from
        return self.script.faults.get(number, after[1] if after and number >= after[0] else "")

    def _operation(self, operation: str, body: Json) -> Json:
        operations: dict[str, Callable[[Json], Json]] = {
            START_QUERY: self._start,
            RESULTS: self._results,
            STOP_QUERY: self._stop,
            GROUPS: self._describe,
            "DescribeQueries": self._listed,
            DESTINATION: lambda _: dict(zip(("Destination", "Status"), self.script.destination, strict=True)),
            "StartTraceRetrieval": self._retrieve,
            "ListRetrievedTraces": self._retrieved,
            "CancelTraceRetrieval": self._cancel,
            "Traces": lambda body: {"Traces": [t for t in self.script.older if t["Id"] in body["TraceIds"]]},
        }
        if operation not in operations:
            raise _Refusal("AccessDeniedException", f"No right to ask for {operation}", 403)
        return operations[operation](body)

    # -- queries

    def _start(self, body: Json) -> Json:
        if sum(self._open.values()) >= self.script.concurrent:
            raise _Refusal("LimitExceededException", "Account maximum query concurrency limit reached.")
        groups = self._groups_of(body)
        start, end, limit = body["startTime"], body["endTime"], body.get("limit", _DEFAULT_LIMIT)
        if not all(isinstance(value, int) for value in (start, end, limit)) or start > end:
            raise _Refusal("InvalidParameterException", "End time should not be before start time")
        if not 1 <= limit <= _MOST_ROWS:
            raise _Refusal("InvalidParameterException", "limit must be from 1 to 100000")
        number = next(self._numbers)
        self.queries.append(body["queryString"])
        query_id = f"query-{number}"
        self._running[query_id] = self._run(number, body, groups, min(limit, self.script.limit))
        self._open[query_id] = True
        self.most_open = max(self.most_open, sum(self._open.values()))
        if self.script.on_query:
            self.script.on_query(number)
        return {"queryId": query_id}

    def _groups_of(self, body: Json) -> set[tuple[str, str]]:
        names = body.get("logGroupNames") or body.get("logGroupIdentifiers") or []
        if not names or "logGroupName" in body:
            raise _Refusal("InvalidParameterException", "one of the lists of log groups is needed")
        groups = set()
        for name in names:
            is_arn = name.startswith("arn:")
            if is_arn and ("logGroupNames" in body or name.endswith("*")):
                raise _Refusal("InvalidParameterException", f"{name} is no name of a log group")
            fields = name.split(":")
            group = (fields[6], fields[4]) if is_arn else (name, ACCOUNT)
            if group not in self.groups:
                raise _Refusal("ResourceNotFoundException", "The specified log group does not exist.")
            groups.add(group)
        return groups

    def _run(self, number: int, body: Json, groups: set[tuple[str, str]], limit: int) -> _Running:
        start, end, text = body["startTime"], body["endTime"], body["queryString"]
        ending = self.script.endings.get(number, self.script.endings.get(0, "Complete"))
        ready = self.script.prepared(text, start, end) if self.script.prepared else None
        if ready is not None:
            rows: Result = [(dict(row), 0) for row in ready]
            size, seen, aggregates = end - start + 1, len(ready), True
        else:
            try:
                query = Query(text)
            except MalformedQueryError as error:
                raise _Refusal(
                    "MalformedQueryException",
                    str(error),
                    queryCompileError={"message": str(error)},
                ) from None
            events = self._events(start, end, groups, number)
            rows, aggregates = query.run((at, record.fields) for at, record in events), query.aggregates
            size, seen = sum(record.size for _, record in events), len(events)
        self.scanned += size
        rows = [] if ending != "Complete" else rows[:limit]
        return _Running(
            number,
            [self._cells(row, "" if aggregates else f"ptr-{at}") for row, at in rows],
            statistics={
                "recordsMatched": float(len(rows)),
                "recordsScanned": float(seen),
                "bytesScanned": float(size),
                "estimatedRecordsSkipped": 0.0,
                "estimatedBytesSkipped": 0.0,
                "logGroupsScanned": float(len(groups)),
            },
            ending=ending,
        )

    def _events(
        self, start: int, end: int, groups: set[tuple[str, str]], number: int
    ) -> list[tuple[int, _Record]]:
        low, high = bisect_left(self._times, start), bisect_right(self._times, end)
        return [
            (at, record)
            for at, record in enumerate(self._records[low:high], low)
            if (record.group, record.account) in groups and number > self.script.late.get(record.span_id, 0)
        ]

    @staticmethod
    def _cells(row: Mapping[str, str], pointer: str) -> list[dict[str, str]]:
        cells = [{"field": name, "value": value} for name, value in row.items()]
        return [*cells, {"field": "@ptr", "value": pointer}] if pointer else cells

    def _results(self, body: Json) -> Json:
        running = self._running.get(body["queryId"])
        if running is None:
            raise _Refusal("ResourceNotFoundException", "no such query")
        running.asked += 1
        script, statistics = self.script, running.statistics
        if not self._open[body["queryId"]] and running.ending == "Stopped":
            return {"status": "Cancelled", "results": [], "statistics": statistics}
        if running.asked <= script.scheduled:
            return {"status": "Scheduled", "results": [], "statistics": {}}
        if running.asked <= script.scheduled + script.running:
            half = running.rows[: (len(running.rows) + 1) // 2]
            return {"status": "Running", "results": half[: script.page], "statistics": statistics}
        self._open[body["queryId"]] = False
        most = min(body.get("maxItems", script.page), script.page)
        at = int(body.get("nextToken", "0"))
        answer: Json = {
            "queryLanguage": "CWLI",
            "status": running.ending,
            "results": running.rows[at : at + most],
            "statistics": {**statistics, "resultCount": float(len(running.rows))},
        }
        if at + most < len(running.rows):
            answer["nextToken"] = str(at + most)
        return answer

    def _stop(self, body: Json) -> Json:
        running = self._running.get(body["queryId"])
        if running is None:
            raise _Refusal("ResourceNotFoundException", "no such query")
        if not self._open[body["queryId"]]:
            raise _Refusal("InvalidParameterException", "Query has already ended")
        self._open[body["queryId"]], running.ending = False, "Stopped"
        return {"success": True}

    def _listed(self, body: Json) -> Json:
        running = [
            {"queryId": query, "queryString": self.queries[self._running[query].number - 1]}
            for query in self.open_queries
        ]
        return {"queries": running if body.get("status") == "Running" else []}

    def _describe(self, body: Json) -> Json:
        prefix = body.get("logGroupNamePrefix", "")
        arns = body.get("logGroupIdentifiers")
        found = []
        for group, account in sorted(self.groups):
            arn = f"arn:aws:logs:us-east-1:{account}:log-group:{group}"
            if arn in arns if arns else account == ACCOUNT and group.startswith(prefix):
                described: Json = {
                    "logGroupName": group,
                    "logGroupArn": arn,
                    "arn": f"{arn}:*",
                    "creationTime": int(self.script.created * 1000),
                    "storedBytes": self.script.stored,
                    "logGroupClass": "STANDARD",
                }
                if self.script.retention:
                    described["retentionInDays"] = self.script.retention
                found.append(described)
        return {"logGroups": found}

    def _stored(self, group: str, account: str, record: Json) -> _Record:
        text = json.dumps(record, separators=(",", ":"))
        nanoseconds = record.get(self.script.timestamp) or record["startTimeUnixNano"]
        fields = flattened(record)
        for name in self.script.masked:
            if name in fields:
                fields[name] = "*" * len(str(fields[name]))
        fields |= {
            "@message": text,
            "@timestamp": nanoseconds // 1_000_000,
            "@log": f"{account}:{group}",
        }
        return _Record(
            nanoseconds // 1_000_000_000, str(record.get("spanId")), group, account, len(text), fields
        )

    # -- retrieval

    def _retrieve(self, body: Json) -> Json:
        if len(body["TraceIds"]) > _RETRIEVED_AT_ONCE or body["StartTime"] > body["EndTime"]:
            raise _Refusal("InvalidRequestException", "invalid request")
        token = f"retrieval-{len(self._retrievals) + 1}"
        self._retrievals[token] = body["TraceIds"]
        return {"RetrievalToken": token}

    def _retrieved(self, body: Json) -> Json:
        token = body["RetrievalToken"]
        self._retrieval_polls[token] += 1
        if self._retrieval_polls[token] <= self.script.polls:
            return {"RetrievalStatus": "RUNNING", "TraceFormat": "XRAY", "Traces": []}
        ids = [id_ for id_ in self._retrievals[token] if id_ in self.script.documents]
        at = int(body.get("NextToken") or 0)
        traces = [
            {
                "Id": id_,
                "Duration": 1.0,
                "Spans": [
                    {"Id": document["id"], "Document": json.dumps(document)}
                    for document in self.script.documents[id_]
                ],
            }
            for id_ in ids[at : at + 2]
        ]
        answer = {"RetrievalStatus": self.script.retrieval_ends, "TraceFormat": "XRAY", "Traces": traces}
        return {**answer, "NextToken": str(at + 2)} if at + 2 < len(ids) else answer

    def _cancel(self, body: Json) -> Json:
        self._retrievals.pop(body["RetrievalToken"], None)
        return {}


def _fault(fault: str) -> _Refusal:
    if fault == THROTTLED:
        return _Refusal("ThrottlingException", "Rate exceeded")
    if fault == BROKEN:
        return _Refusal("InternalFailure", "An internal error occurred", 500)
    if fault == REFUSED:
        return _Refusal("LimitExceededException", "Account maximum query concurrency limit reached.")
    return _Refusal("ServiceUnavailableException", fault, 503)


def prepared_day(rows: int, spans: int, now: float) -> tuple[list[Json], Prepared]:
    """A record for each of so many distinct rows, and what answers queries as if there were so many spans.

    The rows of a query are made once: what is measured beside them is the program.
    """
    records = list(_distinct_calls(rows, int(now) - 7200))
    events = [
        (at, {**flattened(record), "@timestamp": record["startTimeUnixNano"] // 1_000_000, "@message": "{}"})
        for at, record in enumerate(records)
    ]
    ready: dict[str, list[dict[str, str]]] = {}

    def prepared(text: str, start: int, end: int) -> list[dict[str, str]]:
        if text not in ready:
            found = [row for row, _ in Query(text).run(events)]
            ready[text] = [{**row, "n": str(int(row["n"]) * spans // rows)} for row in found]
        return ready[text]

    return records, prepared


def _distinct_calls(rows: int, start: int) -> Iterable[Json]:
    for number in range(rows):
        function, table = divmod(number, 10)
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:function-{function}"
        nanoseconds = (start + number % 3600) * 1_000_000_000
        record: Json = {
            "resource": {"attributes": {"cloud.region": "us-east-1", "service.name": f"function-{function}"}},
            "traceId": f"{number:032x}",
            "spanId": f"{number:016x}",
            "name": "DynamoDB.GetItem",
            "kind": "CLIENT",
            "startTimeUnixNano": nanoseconds,
            "endTimeUnixNano": nanoseconds + 1,
            "durationNano": 1,
            "attributes": {"cloud.resource_id": arn},
            "status": {"code": "UNSET"},
            "scope": {"name": "opentelemetry.instrumentation.botocore"},
        }
        if table == 0:
            record["kind"] = "SERVER"
        else:
            record["parentSpanId"] = f"{number - table:016x}"
            record["attributes"] |= {
                "rpc.system": "aws-api",
                "rpc.service": "DynamoDB",
                "rpc.method": "GetItem",
                "aws.region": "us-east-1",
                "aws.dynamodb.table_names": [f"table-{function % 20}-{table}"],
                "http.status_code": 200,
                "aws.request_id": "R",
            }
        yield record


def main(argv: Sequence[str] | None = None) -> None:
    """Serve a day of many spans behind few distinct rows until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.logs_insights", description=main.__doc__)
    parser.add_argument("--spans", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=3_000)
    args = parser.parse_args(argv)
    records, prepared = prepared_day(args.rows, args.spans, time.time())
    with FakeLogs(records, LogsScript(prepared=prepared)) as fake:
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
