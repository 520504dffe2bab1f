"""What is read by the hour: a trace stands in one hour, whatever of it an account may tell."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.counting import Counter, HourlyCounter
from scanner.ledger import HOUR
from scanner.model import Call, ObservedCall, Outcome
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.progress import no_progress
from scanner.traces.of_account import OfAccount
from scanner.traces.source import Item, Origin
from scanner.usage.builder import UsageBuilder

NOON = 1_795_521_600
OWN, OTHER = "111111111111", "222222222222"
ORIGIN = Origin("eu-west-1", "xray", NOON, NOON + 3 * HOUR)


def function(account: str) -> str:
    return f"arn:aws:lambda:eu-west-1:{account}:function:f"


def call_of(account: str) -> Call:
    return Call(
        workload=function(account),
        service="S3",
        operation="GetObject",
        parameters=(("bucket_name", "b"),),
        region="eu-west-1",
        account=account,
        outcome=Outcome.OK,
    )


def across_accounts() -> TraceReading:
    """A trace that began before one, and goes on after it in another account; some of it is missing."""
    late = NOON + HOUR + 30.0
    return TraceReading(
        f"1-{NOON + HOUR - 5:08x}-{'0' * 24}",
        complete=False,
        start=NOON + HOUR - 5.0,
        end=late,
        workloads={account: WorkloadRun(late, ran=True) for account in map(function, (OWN, OTHER))},
        calls=[ObservedCall(call_of(account), late, "") for account in (OWN, OTHER)],
    )


def others(number: int) -> Iterator[Item]:
    for at in range(number):
        yield TraceReading(f"1-{NOON + 60 * at:08x}-{at:024x}", start=NOON + 60.0 * at)


def test_what_an_account_tells_of_a_trace_stands_in_the_hour_of_the_trace() -> None:
    counter = HourlyCounter(UsageBuilder, no_progress, "m", NOON + 9.0 * HOUR)
    counter.emit_of(OWN, OfAccount(OWN, {OTHER}).told)(ORIGIN)([across_accounts()])
    ((key, state),) = counter.states().items()
    assert key == (OWN, "eu-west-1", "xray", "m", NOON)
    assert {workload.workload for workload in state.workloads} == {function(OWN), function(OTHER)}


def test_hours_together_are_what_was_read() -> None:
    all_at_once = Counter(UsageBuilder, no_progress)
    by_hour = HourlyCounter(UsageBuilder, no_progress, "m", NOON + 9.0 * HOUR)
    items = [*others(150), across_accounts()]
    for counter in (all_at_once, by_hour):
        counter.emit_of("", None)(ORIGIN)(items)
    assert [key.start for key in by_hour.states()] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert by_hour.counted().state() == all_at_once.counted().state()


def test_progress_tells_traces_of_all_hours() -> None:
    told: list[tuple[int, int | None]] = []
    counter = HourlyCounter(UsageBuilder, lambda _, done, of: told.append((done, of)), "m", NOON + 9.0 * HOUR)
    counter.expect(150)
    counter.emit_of("", None)(ORIGIN)(list(others(150)))
    assert told == [(0, 150), (150, 150)]
