"""How far back the newest traces are looked for."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.aws.ask import Failure
from scanner.doctor.observe import Traces, traces_of
from tests.unit.cases import NOW

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
