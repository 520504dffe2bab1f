"""Where traces are read: X-Ray's own store, the spans of Transaction Search, or both sides of a switch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from scanner.errors import ScanError, Warnings
from scanner.model import Usage
from scanner.traces.auto import AwsSource
from scanner.traces.insights.source import SpansRequest
from scanner.traces.source import SourceReport
from scanner.traces.xray_requests import Window
from scanner.usage.builder import UsageBuilder
from tests.fakes.clients import client_of
from tests.fakes.logs_insights import FakeLogs, LogsScript
from tests.fakes.traces import Call, Json, lambda_trace
from tests.fakes.xray import FakeXRay, Script
from tests.unit.traces.insights.reading import QUICK, emit_into
from tests.unit.traces.insights.spans import REGION, Spans, function_arn

NOW = int(time.time())
START = NOW - 3600
ORDERS = function_arn("orders")
ON, OFF, PENDING = ("CloudWatchLogs", "ACTIVE"), ("XRay", "ACTIVE"), ("CloudWatchLogs", "PENDING")
WINDOW = Window(START, NOW)


class Read(NamedTuple):
    source: AwsSource
    builder: UsageBuilder
    report: SourceReport
    warnings: Warnings

    @property
    def orders(self) -> Usage | None:
        return {usage.workload: usage for usage in self.builder.usages()}.get(ORDERS)

    @property
    def used(self) -> dict[str, int]:
        """How often each bucket was read."""
        needs = self.orders.used.items() if self.orders else ()
        return {
            need.permission.resource.removeprefix("arn:aws:s3:::").removesuffix("/*"): seen.count
            for need, seen in needs
            if need.permission.action == "s3:GetObject" and need.permission.exact
        }


def spans_at(*times: float, bucket: str = "of-spans") -> list[Json]:
    spans = Spans()
    for moment in times:
        second = moment - 1_795_500_000
        run = spans.run(second, "orders")
        spans.call(second + 1, run, "orders", "S3.GetObject", {"aws.s3.bucket": bucket})
    return spans.records


def traces_at(*times: float) -> list[Json]:
    call = Call("S3", "GetObject", {"bucket_name": "of-xray", "key": "k"})
    return [lambda_trace(ORDERS, [call], moment, seed=number) for number, moment in enumerate(times)]


@contextmanager
def aws(
    traces: Sequence[Json], records: Sequence[Any], destination: Any, script: LogsScript
) -> Iterator[tuple[FakeXRay, FakeLogs]]:
    with FakeXRay(traces, Script(destination=destination)) as xray, FakeLogs(records, script) as logs:
        yield xray, logs


def read(
    traces: Sequence[Json] = (),
    records: Sequence[Any] = (),
    destination: Any = ON,
    script: LogsScript | None = None,
    **more: Any,
) -> Read:
    builder, warnings = UsageBuilder(), Warnings()
    groups = more.pop("groups", ("aws/spans",))
    with aws(traces, records, destination, script or LogsScript()) as (xray, logs):
        source = AwsSource(
            **{
                "regions": (REGION,),
                "xray": lambda region: client_of("xray", xray.url, region),
                "logs": lambda region: client_of("logs", logs.url, region),
                "selection": WINDOW,
                "spans": SpansRequest(START, NOW, groups=groups, pace=QUICK),
                **more,
            }
        )
        return Read(source, builder, source.read(emit_into(builder), warnings), warnings)


def codes(of: Read) -> list[str]:
    return [warning.code for warning in of.warnings.all()]


def test_without_transaction_search_x_ray_is_asked() -> None:
    found = read(traces_at(START + 60), spans_at(START + 60), OFF)
    assert (found.source.name, found.report.elsewhere, codes(found)) == ("xray", False, [])
    assert found.used == {"of-xray": 1}
    assert found.report.notes == (f"{REGION}: X-Ray, since Transaction Search is off",)


def test_with_transaction_search_spans_are_read_and_nothing_is_elsewhere() -> None:
    found = read(traces_at(START + 120), spans_at(START + 60))
    assert (found.source.name, found.report.elsewhere, codes(found)) == ("spans", False, [])
    assert found.used == {"of-spans": 1}
    assert f"{REGION}: spans, since Transaction Search is on" in found.report.notes


def test_x_ray_that_was_asked_for_has_traces_elsewhere() -> None:
    found = read(traces_at(START + 60), spans_at(START + 60), chosen="xray")
    assert (found.source.name, found.report.elsewhere) == ("xray", True)
    assert codes(found) == ["transaction-search"]


def test_spans_without_rights_leave_x_ray_and_name_the_right() -> None:
    found = read(traces_at(START + 60), spans_at(START + 60), script=LogsScript(denied={"StartQuery"}))
    assert (found.source.name, found.report.elsewhere, found.used) == ("xray", True, {"of-xray": 1})
    assert "logs:StartQuery is denied" in " ".join(w.message for w in found.warnings.all())


def test_spans_that_were_asked_for_end_without_rights() -> None:
    with pytest.raises(ScanError, match="logs:StartQuery is denied"):
        read(script=LogsScript(denied={"StartQuery"}), chosen="spans")


def test_log_groups_that_were_named_are_read_whatever_x_ray_says() -> None:
    records = [("own-group", "123456789012", record) for record in spans_at(START + 60)]
    found = read(traces_at(START + 60), records, OFF, groups=("own-group",))
    assert (found.source.name, found.used) == ("spans", {"of-spans": 1})


def test_both_sides_of_the_switch_are_read() -> None:
    switched = START + 1000
    found = read(
        traces_at(START + 60, START + 2000),
        spans_at(START + 1500, START + 2000),
        script=LogsScript(created=switched),
    )
    assert (found.source.name, found.report.elsewhere) == ("mixed", False)
    assert found.used == {"of-xray": 1, "of-spans": 2}
    assert (found.report.start, codes(found)) == (START, [])


@pytest.mark.parametrize("denied", [set(), {"DescribeLogGroups"}])
def test_x_ray_has_what_was_before_the_first_span_however_old_the_group_is(denied: set[str]) -> None:
    """It was switched on, back, and on again; or nobody may see how old the group is."""
    script = LogsScript(created=START + 1000 if denied else START - 86_400, denied=denied)
    found = read(traces_at(START + 60, START + 2000), spans_at(START + 1500, START + 2000), script=script)
    assert (found.source.name, found.report.elsewhere) == ("mixed", False)
    assert found.used == {"of-xray": 1, "of-spans": 2}


def test_a_trace_on_both_sides_of_the_switch_counts_once() -> None:
    switched = START + 1000
    (trace,) = traces_at(switched - 2)
    records = spans_at(switched + 1)
    for record in records:  # what of the trace came after the switch
        record["traceId"] = trace["Id"].removeprefix("1-").replace("-", "")
    found = read([trace], records, script=LogsScript(created=switched))
    assert found.builder.traces == 1
    assert found.used == {"of-xray": 1, "of-spans": 1}


def test_while_a_region_is_switched_over_nothing_is_claimed() -> None:
    found = read(traces_at(START + 60), spans_at(START + 60), PENDING)
    assert (found.report.elsewhere, codes(found)) == (True, ["transaction-search-pending"])


def test_a_filter_is_x_rays() -> None:
    found = read(traces_at(START + 60), spans_at(START + 60), selection=Window(START, NOW, "error"))
    assert (found.source.name, found.report.elsewhere) == ("xray", True)


# --- traces by their ids -----------------------------------------------------------------------------


MISSING = "1-66000000-000000000000000000000001"


def retrieved(*traces: Json, **script: Any) -> tuple[SourceReport, UsageBuilder, FakeLogs]:
    """Ask for the traces, and for one that is not there."""
    import json

    documents = {
        trace["Id"]: [json.loads(segment["Document"]) for segment in trace["Segments"]] for trace in traces
    }
    ids = (*documents, MISSING)
    builder = UsageBuilder()
    with FakeLogs((), LogsScript(documents=documents, **script)) as fake:
        client = client_of("xray", fake.url, REGION)
        source = AwsSource(
            (REGION,),
            lambda _: client,
            lambda _: client_of("logs", fake.url),
            ids,
            SpansRequest(0, 0),
        )
        return source.read(emit_into(builder), Warnings()), builder, fake


def test_named_traces_are_retrieved_from_spans() -> None:
    report, builder, fake = retrieved(*traces_at(NOW - 50, NOW - 40, NOW - 30), polls=1)
    assert (builder.traces, report.skipped.unprocessed) == (3, 1)
    assert fake.count("CancelTraceRetrieval") == 0


def test_named_traces_that_are_older_than_spans_are_x_rays() -> None:
    old, new = traces_at(NOW - 50, NOW - 40)
    report, builder, _ = retrieved(new, older=[old | {"Id": MISSING}])
    assert (builder.traces, report.skipped.unprocessed) == (2, 0)


def test_a_retrieval_that_fails_ends_the_scan_and_is_cancelled() -> None:
    with pytest.raises(ScanError, match="ended as FAILED"):
        retrieved(*traces_at(NOW - 50), retrieval_ends="FAILED")


def test_a_missing_right_to_retrieve_is_named() -> None:
    with pytest.raises(ScanError, match="allow xray:StartTraceRetrieval"):
        retrieved(*traces_at(NOW - 50), denied={"StartTraceRetrieval"})
