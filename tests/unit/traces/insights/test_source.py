"""The source of spans: how it ends, what it costs, what it says."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from scanner.aws.times import Clock
from scanner.errors import EXIT_USAGE, ScanError
from scanner.traces.insights.cost import Bound
from scanner.traces.insights.source import NoSpansError
from tests.fakes.logs_insights import RESET, START_QUERY, LogsScript
from tests.unit.traces.insights.reading import SECONDS, read_spans
from tests.unit.traces.insights.spans import START, Record, Spans, function_arn

ORDERS = function_arn("orders")


def records(number: int = 6) -> list[Record]:
    """Runs of a function with a call each, ten seconds apart."""
    spans = Spans()
    for run_number in range(number):
        second = run_number * 10
        run = spans.run(second, "orders")
        spans.call(second + 1, run, "orders", "S3.GetObject", {"aws.s3.bucket": f"bucket-{run_number}"})
    return spans.records


RECORDS = records()

# --- how it ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_what_was_read_and_no_query(number: signal.Signals) -> None:
    script = LogsScript(running=1)

    def interrupt(query: int) -> None:
        if query == 12:
            os.kill(os.getpid(), number)

    script.on_query = interrupt
    read = read_spans(RECORDS, script, limit=2)  # two rows at most: many queries
    assert read.report.interrupted
    assert read.report.skipped.windows > 0
    assert "spans-unread" in read.codes
    assert "interrupted" in read.warnings.all()[0].message


def everything() -> list[Record]:
    """Records for which all queries are needed: of the tree, of requests, of calls that never ended."""
    spans = Spans()
    run = spans.run(1, "orders")
    spans.call(2, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
    spans.request(2, run, "s3.eu-west-1.amazonaws.com", "orders")
    spans.state_machine(3, "flow", {"Put": "S3.PutObject"})
    spans.lost(spans.call(4, run, "orders", "SQS.SendMessage"))
    return spans.records


def test_whenever_it_is_interrupted_no_query_is_left_and_it_is_said() -> None:
    asked = read_spans(everything(), bound=Bound(1)).fake.count(START_QUERY)
    assert asked > 6
    for number in range(2, asked + 1):  # the first one is of the estimate

        def interrupt(query: int, number: int = number) -> None:
            if query == number:
                os.kill(os.getpid(), signal.SIGINT)

        read = read_spans(everything(), LogsScript(running=2, on_query=interrupt), bound=Bound(1))
        assert (read.report.interrupted, read.report.skipped.windows > 0) == (True, True), number


def test_an_interruption_of_the_estimate_ends_it_all() -> None:
    script = LogsScript(running=2, on_query=lambda _: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        read_spans(everything(), script, bound=Bound(1))


def test_a_network_that_is_lost_leaves_what_was_read() -> None:
    read = read_spans(RECORDS, LogsScript(faults_from=(12, RESET)), limit=3)
    assert not read.report.interrupted
    assert read.report.skipped.windows > 0
    assert "spans-unread" in read.codes


def test_nothing_read_at_all_is_no_spans() -> None:
    with pytest.raises(NoSpansError, match="ConnectionClosedError"):
        read_spans(RECORDS, LogsScript(faults_from=(1, RESET)))


@pytest.mark.parametrize("operation", ["StartQuery", "GetQueryResults"])
def test_a_missing_right_is_named(operation: str) -> None:
    with pytest.raises(NoSpansError, match=f"logs:{operation} is denied"):
        read_spans(RECORDS, LogsScript(denied={operation}))


def test_a_right_that_only_tells_since_when_is_a_warning() -> None:
    read = read_spans(RECORDS, LogsScript(denied={"DescribeLogGroups"}))
    assert read.usages[ORDERS].evidence.traces == 6
    assert read.codes == ["right-missing"]


def test_no_group_is_no_spans() -> None:
    with pytest.raises(NoSpansError, match="no log group elsewhere"):
        read_spans(RECORDS, groups=("elsewhere",))


# --- cost -------------------------------------------------------------------------------------------


def test_a_scan_that_would_read_too_much_is_not_begun() -> None:
    with pytest.raises(ScanError, match=r"would read about .* kB .*--max-scan-gb 1e-06") as raised:
        read_spans(RECORDS, bound=Bound(1e-6))
    assert raised.value.exit_code == EXIT_USAGE


def test_what_a_group_holds_counts_where_a_minute_says_nothing() -> None:
    late = [record for record in RECORDS if record["startTimeUnixNano"] > (START + 50) * 1_000_000_000]
    script = LogsScript(created=START - 100, stored=10_000_000_000)
    with pytest.raises(ScanError, match="--max-scan-gb 1 allows"):
        read_spans(late, script, bound=Bound(1))


def test_at_the_bound_no_query_is_begun() -> None:
    read = read_spans(RECORDS, LogsScript(), limit=2, bound=Bound(20e-6))
    assert read.report.skipped.windows > 0
    assert "--max-scan-gb" in read.warnings.all()[0].message
    assert read.fake.scanned < 30e-6 * 1e9


def test_the_bound_is_for_all_that_are_read() -> None:
    """Each account and region alone would read less."""
    script = LogsScript(created=START - 100, stored=10**9)
    any_amount = Bound(100)
    read_spans(RECORDS, script, bound=any_amount)
    bound = Bound(any_amount.expect(0) * 1.5)
    read_spans(RECORDS, script, bound=bound)
    with pytest.raises(ScanError, match=r"begun elsewhere, more than --max-scan-gb") as raised:
        read_spans(RECORDS, script, bound=bound)
    assert raised.value.exit_code == EXIT_USAGE


def test_what_is_read_elsewhere_counts_towards_the_bound() -> None:
    bound = Bound(20e-6)
    bound.add(20_000)
    with pytest.raises(NoSpansError, match="--max-scan-gb"):
        read_spans(RECORDS, bound=bound)


def test_all_that_was_read_is_shown_with_its_price() -> None:
    read = read_spans(RECORDS, bound=Bound(1), usd_per_gb=1000.0)
    (note,) = read.report.notes
    assert f"read {read.fake.scanned / 1e3:,.0f} kB in {read.fake.count(START_QUERY)} queries" in note
    assert f"about {read.fake.scanned / 1e6:,.2f} USD at 1000 USD per GB" in note


# --- when -------------------------------------------------------------------------------------------


def test_the_last_minutes_are_left_and_said() -> None:
    read = read_spans(RECORDS, clock=Clock(lambda: START + 330, lambda _: None))
    assert read.report.end == START + 30
    assert read.usages[ORDERS].evidence.traces == 3
    assert "--wait 634 reads all" in read.report.notes[0]


def test_a_wait_reads_them() -> None:
    now = [float(START + SECONDS)]
    clock = Clock(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    read = read_spans(RECORDS, clock=clock, wait=1200)
    assert (read.report.end, now[0]) == (START + SECONDS, START + SECONDS + 900)
    assert len(read.usages[ORDERS].evidence.newest_complete) == 6
    assert len(read.report.notes) == 1  # of the cost


@pytest.mark.parametrize(("age", "complete"), [(301, 0), (830, 0), (880, 5), (900, 6)])
def test_what_ran_of_late_shows_what_it_used_and_no_absence(age: int, complete: int) -> None:
    """Its records may still arrive: AWS says nothing of how long they take."""
    clock = Clock(lambda: START + SECONDS + age, lambda _: None)
    read = read_spans(RECORDS, clock=clock)
    evidence = read.usages[ORDERS].evidence
    assert (evidence.traces, evidence.calls, evidence.incomplete_traces) == (6, 6, 0)
    assert len(evidence.newest_complete) == complete
    assert any("confirms nothing yet" in note for note in read.report.notes) == (complete < 6)


def test_what_was_before_the_group_is_not_claimed() -> None:
    read = read_spans(RECORDS, LogsScript(created=START + 25))
    assert (read.report.start, read.codes) == (START + 25, ["spans-since"])
    assert read.usages[ORDERS].evidence.traces == 3


def test_what_is_no_longer_kept_is_not_claimed() -> None:
    clock = Clock(lambda: START + 86_400 + 35, lambda _: None)
    read = read_spans(RECORDS, LogsScript(created=1.0, retention=1), clock=clock)
    assert read.report.start == START + 35


def test_records_that_come_later_leave_no_complete_run_behind() -> None:
    spans = Spans()
    run = spans.run(1, "orders")
    call = spans.call(2, run, "orders", "S3.GetObject", {"aws.s3.bucket": "bucket"})
    clock = Clock(lambda: START + SECONDS + 600, lambda _: None)
    evidence = read_spans(spans.records, LogsScript(late={call: 100}), clock=clock).usages[ORDERS].evidence
    assert (evidence.traces, evidence.calls, evidence.newest_complete) == (1, 0, ())


# --- what records say -------------------------------------------------------------------------------


def test_a_monitoring_account_tells_workloads_by_their_accounts() -> None:
    spans, others = Spans(), Spans()
    run = spans.run(1, "orders")
    spans.call(2, run, "orders", "S3.GetObject", {"aws.s3.bucket": "own"})
    outside = {"faas.name": "orders", "service.name": "orders", "cloud.region": "eu-west-1"}
    others.add(
        3,
        others.trace(),
        attributes={"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": "PutObject"},
        resource=outside,
    )
    other = "210987654321"
    groups = tuple(
        f"arn:aws:logs:us-east-1:{account}:log-group:aws/spans" for account in ("123456789012", other)
    )
    read = read_spans(
        [*spans.records, *(("aws/spans", other, record) for record in others.records)], groups=groups
    )
    assert {workload for workload in read.usages if workload} == {ORDERS, function_arn("orders", other)}


def test_masked_values_name_no_resource() -> None:
    read = read_spans(RECORDS, LogsScript(masked={"attributes.aws.s3.bucket"}))
    resources = {need.permission.resource for need in read.usages[ORDERS].used}
    assert not any("bucket" in resource for resource in resources)


def test_more_tables_than_are_read_are_no_tables() -> None:
    spans = Spans()
    run = spans.run(1, "orders")
    tables = {"aws.dynamodb.table_names": [f"table-{number}" for number in range(12)]}
    spans.call(2, run, "orders", "DynamoDB.BatchGetItem", tables)
    (need,) = read_spans(spans.records).usages[ORDERS].used
    assert (need.permission.exact, need.permission.resource.rpartition("/")[2]) == (False, "*")


@pytest.mark.parametrize(
    "said",
    [
        {"traceState": "vendor=1,ot=rv:1;th:0c"},
        {"attributes": {"cloud.resource_id": ORDERS, "aws.trace.flag.sampled": False}},
    ],
)
def test_spans_that_say_that_others_were_never_recorded(said: Record) -> None:
    spans = Spans()
    spans.run(1, "orders")
    assert read_spans(spans.records).codes == []
    spans.records[0] |= {"traceState": "ot=th:0", "attributes": {"cloud.resource_id": ORDERS}}
    assert read_spans(spans.records).codes == []
    spans.records[0] |= said
    assert read_spans(spans.records).codes == ["spans-sampled"]


def test_calls_without_a_workload_that_are_not_found_again_leave_a_gap() -> None:
    spans = Spans()
    spans.state_machine(1, "flow", {"Put": "S3.PutObject"})
    script = LogsScript()

    def forget(query: int) -> None:
        if query == 2:  # the calls have been counted, and are asked for one by one next
            script.late = {record["spanId"]: 100 for record in spans.records if record["kind"] == "CLIENT"}

    script.on_query = forget
    read = read_spans(spans.records, script)
    assert (read.report.skipped.windows, read.codes) == (1, ["spans-unread"])


def test_only_one_thread_may_take_signals() -> None:
    """A scan in another thread reads as well, though no signal can be caught there."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(read_spans(RECORDS).usages[ORDERS].evidence.traces))
    thread.start()
    thread.join()
    assert found == [6]
