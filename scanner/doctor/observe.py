"""What there is to scan: functions, how they are traced, and what the newest traces show."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from scanner.aws.ask import THREADS, Failure, attempt
from scanner.aws.logs import LogsClient
from scanner.model.workloads import workload_kind
from scanner.traces.documents import Node, dict_of, is_opentelemetry, parse_documents, text_of, trace_from_api
from scanner.traces.insights.group import groups_of
from scanner.traces.insights.source import GROUP
from scanner.traces.reading import read_trace

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_xray.client import XRayClient

_HOUR = 3600.0
DAY_HOURS = 24
_WINDOW_HOURS = 6  # the longest that X-Ray lists at once
# How far back is looked, in windows: a day; where nothing is newer a week, and as long as X-Ray keeps traces.
_WIDENED = (4, 28, 120)
_PAGES = 5
_AT_ONCE = 5  # docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html
_SAMPLES = 20


@dataclass(frozen=True)
class Functions:
    """The functions of a region: how many, how many with active tracing, and one of them with its role."""

    number: int = 0
    traced: int = 0
    example: str = ""
    role: str = ""


@dataclass(frozen=True)
class Traces:
    """The newest traces: how many there are at least, of how many hours, and what some of them show.

    `sdks` are names with how many documents they wrote, `kinds` those of workloads with how many of them
    these show, `read` is how many traces were looked at, `with_calls` how many of these show AWS calls.
    """

    listed: int = 0
    hours: int = _WINDOW_HOURS * _WIDENED[-1]
    read: int = 0
    with_calls: int = 0
    sdks: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Spans:
    """The log group of Transaction Search: since when it has spans (Unix seconds), how much it holds.

    `hours` is how far back a scan should go: a day, where they are older than that.
    """

    since: float
    gb: float
    hours: int


def functions_of(client: LambdaClient) -> Functions | Failure:
    """The functions of a region. Raises ScanError for bad credentials."""

    def read() -> list[Any]:
        pages = client.get_paginator("list_functions").paginate()
        return [function for page in pages for function in page["Functions"]]

    answer = attempt(read)
    if isinstance(answer, Failure):
        return answer
    traced = [function for function in answer if function.get("TracingConfig", {}).get("Mode") == "Active"]
    example: dict[str, Any] = next(iter(traced or answer), {})
    return Functions(
        len(answer), len(traced), str(example.get("FunctionName", "")), str(example.get("Role", ""))
    )


def spans_of(client: LogsClient, now: float) -> Spans | Failure | None:
    """The spans of a region, None where there is no log group of them. Raises ScanError as above."""
    answer = groups_of(client, (GROUP,))
    if isinstance(answer, Failure):
        return answer
    group = answer.get(GROUP)
    if group is None:
        return None
    since = group.since(now)
    return Spans(since, group.stored / 1e9, min(DAY_HOURS, max(1, math.ceil((now - since) / _HOUR))))


def traces_of(client: XRayClient, now: float) -> Traces | Failure:
    """The newest traces of a region. Raises ScanError for bad credentials.

    Windows of a day are asked for one after another, older ones at once: most accounts have newer traces.
    """
    asked = 0
    for windows in _WIDENED:
        for window, ids in _windows(client, now, range(asked, windows)):
            if isinstance(ids, Failure):
                return ids
            if ids:
                return _sampled(client, ids, (window + 1) * _WINDOW_HOURS)
        asked = windows
    return Traces()


def _windows(client: XRayClient, now: float, windows: range) -> Iterator[tuple[int, list[str] | Failure]]:
    """The ids of traces of each window, the newest first."""

    def ask(window: int) -> list[str] | Failure:
        end = now - window * _WINDOW_HOURS * _HOUR
        return attempt(partial(_listed, client, end - _WINDOW_HOURS * _HOUR, end))

    if not windows.start:
        yield from ((window, ask(window)) for window in windows)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        yield from zip(windows, pool.map(ask, windows), strict=True)


def _listed(client: XRayClient, start: float, end: float) -> list[str]:
    """The ids of traces of a time, of the first pages."""
    request: dict[str, Any] = {
        "StartTime": datetime.fromtimestamp(start, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
    }
    ids: list[str] = []
    for _ in range(_PAGES):
        page = client.get_trace_summaries(**request)
        ids += [summary["Id"] for summary in page["TraceSummaries"] if "Id" in summary]
        if not page.get("NextToken"):
            break
        request["NextToken"] = page["NextToken"]
    return ids


def _sampled(client: XRayClient, ids: Sequence[str], hours: int) -> Traces | Failure:
    """What some of the traces show, from all over the list."""
    chosen = ids[:: max(1, len(ids) // _SAMPLES)][:_SAMPLES]
    sdks = Counter[str]()
    workloads: set[str] = set()
    read = with_calls = 0
    for at in range(0, len(chosen), _AT_ONCE):
        some = chosen[at : at + _AT_ONCE]
        answer = attempt(partial(client.batch_get_traces, TraceIds=some))
        if isinstance(answer, Failure):
            return answer
        for trace in filter(None, map(trace_from_api, answer["Traces"])):
            read += 1
            reading = read_trace(trace)
            with_calls += bool(reading.calls)
            workloads.update(reading.workloads)
            sdks.update(filter(None, map(_sdk, parse_documents(trace.documents).segments)))
    kinds = Counter(map(workload_kind, sorted(workloads)))
    return Traces(len(ids), hours, read, with_calls, dict(sdks.most_common()), dict(kinds.most_common()))


def _sdk(segment: Node) -> str:
    """What wrote a document, as it names itself; empty for a service of AWS."""
    xray = dict_of(dict_of(segment.get("aws")).get("xray"))
    named = text_of(xray.get("sdk"))[:60] or ("OpenTelemetry" if is_opentelemetry(segment) else "")
    layer = ", all clients automatically" if xray.get("auto_instrumentation") is True else ""
    return f"{named}{layer}" if named else ""
