"""What a ledger may not make of a scan: findings that one big scan would not confirm, uses that are lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from scanner.errors import Warnings
from scanner.ledger import merged
from scanner.ledger.encoding import decoded, encoded
from scanner.ledger.grants import roles_read
from scanner.roles.reader import roles_from_file
from tests.fakes import notes
from tests.fakes.traces import Json, documents_of, lambda_trace, make_trace_id, trace_of
from tests.fakes.xray import FakeXRay
from tests.integration.test_ledger_scan import HOUR, NOW, said, scan, scan_spans
from tests.integration.test_transaction_search import spans
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


def traces_of(ran: Ran) -> dict[str, object]:
    """How many traces there were of each workload."""
    return {w["name"]: (w["evidence"]["traces"], w["evidence"]["calls"]) for w in ran.report["workloads"]}


def remember(file: Path, role_file: Json, read_at: float) -> None:
    """Add to a ledger that a run of that time read the role of the delete function."""
    arn = f"arn:aws:iam::{notes.ACCOUNT}:role/{notes.role_name('delete')}"
    roles = roles_read(roles_from_file(role_file, [arn], Warnings()), read_at)
    file.write_bytes(encoded(merged(decoded(file.read_bytes()), roles)))


def without_get(document: Json) -> Json:
    """The roles of the notes application, where none may get items."""
    without: Json = json.loads(json.dumps(document).replace('"dynamodb:GetItem", ', ""))
    return without


@pytest.mark.parametrize(
    ("hours_ago", "expected"), [((11, 2), [False]), ((20, 11), [True]), ((11,), [False])]
)
def test_what_was_seen_before_a_grant_appeared_says_nothing_of_it(
    tmp_path: Path, hours_ago: tuple[int, ...], expected: list[bool]
) -> None:
    traces = [notes_trace("delete", NOW - at * HOUR) for at in (14, 10)]
    with FakeXRay(traces) as fake:
        scan(tmp_path, fake, "-r", "24h", name="first")
        for at, roles in zip(hours_ago, (without_get(notes.iam()), notes.iam()), strict=False):
            remember(tmp_path / "ledger.db", roles, NOW - at * HOUR)
        ran = scan(tmp_path, fake, "-r", "24h", name="second")
    assert confirmed(ran) == expected
    reasons = [f["reasons"] for f in ran.findings("unused") if f["actions"] == ["dynamodb:GetItem"]]
    assert reasons == [[] if expected[0] else ["not-seen"]]


def test_an_hour_counts_once_whatever_log_groups_it_was_read_from(tmp_path: Path) -> None:
    kept = ("-r", "20h", "--ledger", "../ledger.db")
    group = f"arn:aws:logs:us-east-1:{notes.ACCOUNT}:log-group:aws/spans"  # by another name
    first, _ = scan_spans(tmp_path, spans(), *kept, name="first")
    named, _ = scan_spans(tmp_path, spans(), *kept, "--log-group", group, name="named")
    alone, _ = scan_spans(tmp_path, spans(), "-r", "20h", name="alone")
    assert traces_of(first) == traces_of(alone)
    assert traces_of(named) == traces_of(alone)
