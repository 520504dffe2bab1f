"""How far back the newest traces are looked for."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.aws.ask import Failure
from scanner.doctor.observe import Spans, Traces, spans_of, traces_of
from tests.fakes.traces import Call, lambda_trace
from tests.unit.cases import NOW, function_arn

HOUR = 3600


class XRay:
    """An X-Ray that holds one trace, of so many hours ago."""

    def __init__(self, hours_ago: float | None) -> None:
        self._time = None if hours_ago is None else NOW - hours_ago * HOUR
        self.asked: list[float] = []

    def get_trace_summaries(self, **request: Any) -> Any:
        start, end = (request[key].timestamp() for key in ("StartTime", "EndTime"))
        assert end - start <= 6 * HOUR
        self.asked.append(NOW - start)
        is_in = self._time is not None and start <= self._time < end
        return {"TraceSummaries": [{"Id": "1-5759e988-bd862e3fe1be46a994272793"}] if is_in else []}

    def batch_get_traces(self, **request: Any) -> Any:
        return {"Traces": [{"Id": id_, "Segments": []} for id_ in request["TraceIds"]]}


@pytest.mark.parametrize(
    ("hours_ago", "hours", "most_requests"),
    [(1, 6, 1), (20, 24, 4), (31, 36, 28), (100, 102, 28), (700, 702, 120), (None, 720, 120)],
)
def test_a_day_is_looked_at_then_a_week_then_all_that_is_kept(
    hours_ago: float | None, hours: int, most_requests: int
) -> None:
    client: Any = XRay(hours_ago)
    traces = traces_of(client, NOW)
    assert isinstance(traces, Traces)
    assert (traces.listed, traces.hours) == (int(hours_ago is not None), hours)
    assert len(client.asked) <= most_requests


def test_a_failure_ends_it_at_once() -> None:
    class Broken(XRay):
        def get_trace_summaries(self, **request: Any) -> Any:
            self.asked.append(0)
            raise OSError("no route")

    client: Any = Broken(None)
    assert isinstance(traces_of(client, NOW), Failure)
    assert len(client.asked) == 1


class Logs:
    """CloudWatch Logs with the log group of spans, made so many hours ago."""

    def __init__(self, hours_ago: float | None, days: int | None = None) -> None:
        self._group = {
            "logGroupName": "aws/spans",
            "creationTime": (NOW - (hours_ago or 0) * HOUR) * 1000,
            "storedBytes": 2_000_000_000,
            **({"retentionInDays": days} if days else {}),
        }
        self._is_there = hours_ago is not None

    def describe_log_groups(self, **request: Any) -> Any:
        return {"logGroups": [self._group] if self._is_there else []}


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (Logs(None), None),
        (Logs(0.2), Spans(NOW - 0.2 * HOUR, 2.0, 1)),
        (Logs(5.5), Spans(NOW - 5.5 * HOUR, 2.0, 6)),
        (Logs(500), Spans(NOW - 500 * HOUR, 2.0, 24)),
        (Logs(500, days=7), Spans(NOW - 7 * 24 * HOUR, 2.0, 24)),
    ],
)
def test_spans_are_looked_for_a_day_back_at_most(logs: Any, expected: Spans | None) -> None:
    found = spans_of(logs, NOW)
    assert (found is None) is (expected is None)
    if isinstance(found, Spans) and expected:
        assert (round(found.since), found.gb, found.hours) == (
            round(expected.since),
            expected.gb,
            expected.hours,
        )


def test_the_kinds_of_workloads_in_the_newest_traces_are_counted() -> None:
    class Traced(XRay):
        def batch_get_traces(self, **request: Any) -> Any:
            trace = lambda_trace(
                function_arn("f"), [Call("S3", "GetObject", {"bucket_name": "b"})], NOW - HOUR
            )
            return {"Traces": [trace]}

    client: Any = Traced(1)
    traces = traces_of(client, NOW)
    assert isinstance(traces, Traces)
    assert (traces.with_calls, traces.kinds) == (1, {"lambda": 1})
