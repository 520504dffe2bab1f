"""Traces that several accounts show: each use counts, and no trace confirms twice."""

from __future__ import annotations

from scanner.model import Call, CallRow, Outcome, RunRow
from scanner.model.calls import ObservedCall
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.traces.of_account import OfAccount
from scanner.usage.builder import UsageBuilder

ONE, TWO = "111111111111", "222222222222"


def key(account: str, name: str = "shop/api") -> str:
    return f"ecs:{name}@{account}/eu-west-1"


def call(workload: str | None) -> Call:
    return Call(workload, "DynamoDB", "GetItem", (), "eu-west-1", "", Outcome.OK)


def reading(*workloads: str, trace: str = "1-a", complete: bool = True) -> TraceReading:
    return TraceReading(
        trace,
        complete=complete,
        start=10.0,
        end=11.0,
        workloads={workload: WorkloadRun(10.0, ran=True) for workload in workloads},
        calls=[ObservedCall(call(workload), 10.5) for workload in workloads],
    )


def seen(*told: tuple[OfAccount, TraceReading | CallRow | RunRow]) -> dict[str | None, tuple[int, int, bool]]:
    """Traces, calls and whether something is missing, of each workload."""
    builder = UsageBuilder()
    for of_account, item in told:
        for part in of_account.told(item):
            builder.add(part)
    assert builder.unattributed_gaps == 0
    return {
        usage.workload: (
            usage.evidence.traces,
            usage.evidence.calls,
            usage.evidence.last_incomplete is not None,
        )
        for usage in builder.usages()
    }


of_one, of_two = OfAccount(ONE, {TWO}), OfAccount(TWO, {ONE})
monitoring = OfAccount("", {ONE})


def test_a_trace_that_two_accounts_show_confirms_once_and_all_calls_count() -> None:
    both = reading(key(ONE), key(TWO))
    found = seen((of_one, both), (of_two, both))
    assert found == {key(ONE): (1, 2, False), key(TWO): (1, 2, False)}


def test_what_belongs_to_no_account_belongs_to_the_one_that_shows_it() -> None:
    assert seen((of_one, reading(key(""))), (of_two, reading(key("")))) == {
        key(ONE): (1, 1, False),
        key(TWO): (1, 1, False),
    }
    run = RunRow(key(""), traces=3, first=10.0, last=20.0)
    rows = seen((of_one, run), (of_two, CallRow(call(key("")), 5, 10.0, 20.0)))
    assert rows == {key(ONE): (3, 0, False), key(TWO): (0, 5, False)}


def test_a_monitoring_account_tells_all_of_those_that_are_not_read_themselves() -> None:
    assert seen((monitoring, reading(key(ONE), key(TWO)))) == {
        key(ONE): (0, 1, False),
        key(TWO): (1, 1, False),
    }
    assert seen((monitoring, reading(key("")))) == {key(""): (1, 1, False)}


def test_calls_that_are_missing_anywhere_are_missing() -> None:
    assert seen((of_one, reading(key(TWO), complete=False)))[key(TWO)] == (0, 1, True)
    run = RunRow(key(TWO), traces=3, first=10.0, last=20.0, complete=False)
    assert seen((of_one, run))[key(TWO)] == (0, 0, True)
    assert seen((of_one, RunRow(key(TWO), traces=3, first=10.0, last=20.0))) == {}


def test_calls_without_a_workload_stay() -> None:
    unowned = TraceReading(
        "1-b", calls=[ObservedCall(call(None), 10.5)], workloads={key(TWO): WorkloadRun(10.0)}
    )
    assert seen((of_one, unowned)) == {None: (0, 1, False)}
