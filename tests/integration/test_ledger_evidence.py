"""What a ledger may not make of a scan: findings that one big scan would not confirm, uses that are lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.fakes import notes
from tests.fakes.traces import Json, documents_of, lambda_trace, make_trace_id, trace_of
from tests.fakes.xray import FakeXRay
from tests.integration.test_ledger_scan import HOUR, NOW, said, scan
from tests.integration.tools import Ran, notes_call, notes_trace

DELETE = notes.function_arn("delete")


def together(trace_id: str, traces: Sequence[Json]) -> Json:
    """All documents of some traces as one trace."""
    return trace_of(trace_id, [json.loads(text) for trace in traces for text in documents_of(trace)])


def confirmed(ran: Ran, action: str = "dynamodb:GetItem") -> list[bool]:
    """Whether it is confirmed that the delete function does not use an action, finding by finding."""
    return [f["confirmed"] for f in ran.findings("unused") if f["actions"] == [action]]


def test_what_comes_late_into_a_trace_of_an_hour_long_read_is_no_less_a_use(tmp_path: Path) -> None:
    began = NOW - 10 * HOUR
    trace_id = make_trace_id(began, "retried")
    first = lambda_trace(DELETE, [notes_call("delete")], began, trace_id=trace_id)
    retried = lambda_trace(DELETE, [notes_call("get")], NOW - 600, trace_id=trace_id)
    with FakeXRay([first]) as fake:
        scan(tmp_path, fake, "-r", "24h", name="first")
    with FakeXRay([together(trace_id, [first, retried])]) as fake:
        second = scan(tmp_path, fake, "-r", "24h", name="second")
        alone = scan(tmp_path, fake, "-r", "24h", name="alone", ledger="")
    assert confirmed(alone) == []
    assert confirmed(second) == []
    assert second.used("notes-app-api-test-delete") == alone.used("notes-app-api-test-delete")


def test_a_gap_that_may_be_anyones_speaks_as_long_as_its_time_is_asked_for(tmp_path: Path) -> None:
    at = NOW - 10 * HOUR
    gap = notes_trace("get", at)
    gap["Segments"] = [{"Id": "a" * 16, "Document": "{"}]  # of whatever workload
    traces = [notes_trace("delete", NOW - 12 * HOUR), gap, notes_trace("delete", NOW - 60)]
    with FakeXRay(traces) as fake:
        first = scan(tmp_path, fake, "-r", "24h", name="first")
        second = scan(tmp_path, fake, "-r", "24h", name="second")
        later = scan(tmp_path, fake, "-r", "4h", name="later")
        alone = scan(tmp_path, fake, "-r", "24h", name="alone", ledger="")
    assert confirmed(alone) == [False]
    assert confirmed(first) == [False]
    assert confirmed(second) == [False]
    assert said(second) == said(alone)
    assert confirmed(later) == [True]
