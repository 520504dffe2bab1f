"""What a run adds: which hour a trace is of, which hours were read whole, what is only remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scanner.ledger import DAY, HOUR, LATE, Bucket, BucketKey, Ledger, RoleRead
from scanner.ledger.grants import appeared, dated, roles_read
from scanner.ledger.record import hour_of_item, hours_read, only_uses, without_gaps
from scanner.model import CallRow, Role, RunRow
from scanner.model.readings import TraceReading
from scanner.traces.source import Coverage, Item, Origin
from scanner.usage.builder import UsageBuilder
from scanner.usage.state import Seen, UsageState, decode, encode
from tests.unit.cases import allow, policy
from tests.unit.usage.test_builder import at, call, reading

NOON = 1_795_521_600
NOW = NOON + 30 * HOUR
WINDOW = Origin("r", "xray", NOON, NOON + 2 * HOUR)
ANY_TIME = Origin("r", "xray")


def of_id(time: float, start: float | None = None, *, complete: bool = True) -> TraceReading:
    return TraceReading(f"1-{int(time):08x}-{'0' * 24}", start=start, complete=complete)


def random_id(start: float | None) -> TraceReading:
    return TraceReading("1-ffffff00-000000000000000000000000", start=start)


ROW = CallRow(call(), 1, NOON - 1.0, NOON + 1.0)

ITEMS: dict[str, tuple[Item, Origin, int]] = {
    "by the time in its id": (of_id(NOON + 59, NOON + HOUR + 5), WINDOW, 0),
    "at the end of the window": (of_id(NOON + 2 * HOUR), WINDOW, 2),
    "by its start, where its id tells no time": (random_id(NOON + HOUR), WINDOW, 1),
    "without any time": (random_id(None), WINDOW, 2),
    "of before the window, and incomplete": (of_id(NOON - 9, NOON - 8.0, complete=False), WINDOW, 0),
    "with times of after the window": (of_id(NOON + 9 * HOUR, NOON + 9.0 * HOUR), WINDOW, 2),
    "a row of an hour": (ROW, WINDOW._replace(end=NOON + HOUR - 1), 0),
    "a run of an hour": (RunRow("w", 1, NOON + HOUR, NOON + HOUR), WINDOW._replace(end=NOON + 9), 0),
    "by its id, of any time": (of_id(NOON + HOUR), ANY_TIME, 1),
    "of any time, with an id that tells none": (random_id(NOON + HOUR), ANY_TIME, 1),
    "of any time, without one": (random_id(None), ANY_TIME, 30),
}


@pytest.mark.parametrize(("item", "origin", "hour"), ITEMS.values(), ids=ITEMS)
def test_the_hour_of_a_trace(item: Item, origin: Origin, hour: int) -> None:
    assert hour_of_item(item, origin, NOW) == NOON + hour * HOUR


@pytest.mark.parametrize(
    ("trace", "is_older"),
    [
        (of_id(NOON - 9, NOON - 8.0), True),
        (of_id(NOON - 1, NOON + 1.0), True),  # in an earlier window it stands in the hour of its id
        (of_id(NOON - 7 * DAY, NOON + 1.0), True),
        (of_id(NOON - 8 * DAY, NOON + 1.0), False),  # so long no trace is added to: this is no time
        (random_id(NOON - 1.0), True),
        (random_id(NOON + 1.0), False),
        (of_id(NOON, NOON - 9.0), False),
        (of_id(NOON + 9 * HOUR, NOON + 9.0 * HOUR), False),
    ],
)
def test_a_trace_that_began_before_the_time_that_was_read_has_no_hour(
    trace: TraceReading, is_older: bool
) -> None:
    assert (hour_of_item(trace, WINDOW, NOW) is None) is is_older


def whole(start: float, end: float, now: float, *, all_read: bool = True) -> list[bool]:
    """Which hours from noon on were read whole."""
    covered = [("1", Coverage("r", "xray", start, end, all_read))]
    return [bucket.whole for _, bucket in sorted(hours_read(covered, {}, "m", now).items())]


def test_hours_that_were_read_whole() -> None:
    assert whole(NOON, NOON + 2 * HOUR - 1, NOW) == [True, True]
    assert whole(NOON, NOON + 2 * HOUR - 1, NOW, all_read=False) == [False, False]
    # a window that X-Ray closes with a second of the next hour, and one that begins within an hour
    assert whole(NOON, NOON + HOUR, NOW) == [True, False]
    assert whole(NOON + 5, NOON + 2 * HOUR - 1, NOW) == [False, True]
    # of the newest hours all was read until now: they are read again
    assert whole(NOON, NOON + HOUR + 9, NOON + HOUR + 9) == [True, True]
    assert whole(NOON, NOON + 9, NOON + HOUR + LATE - 1) == [True]
    assert whole(NOON, NOON + 9, NOON + HOUR + LATE) == [False]


def state_of(*readings: TraceReading) -> UsageState:
    builder = UsageBuilder()
    for one in readings:
        builder.add(one)
    return builder.state()


KEY = BucketKey("1", "r", "xray", "m", NOON)
USED = state_of(reading(at(150.0)))
GAP = state_of(reading(at(150.0)), TraceReading("1-2", complete=False))


def test_an_hour_without_a_trace_was_read() -> None:
    covered = [("1", Coverage("r", "xray", NOON, NOON + 2 * HOUR - 1))]
    read = hours_read(covered, {KEY: USED}, "m", NOW)
    assert read[KEY] == Bucket(True, NOW, encode(USED))
    assert decode(read[KEY._replace(start=NOON + HOUR)].content) == UsageState()


def test_a_gap_that_may_be_anybodys_is_kept_and_no_evidence() -> None:
    covered = [("1", Coverage("r", "xray", NOON, NOON + HOUR - 1))]
    kept = decode(hours_read(covered, {KEY: GAP}, "m", NOW)[KEY].content)
    assert (kept.counters.unattributed_gaps, kept.workloads) == (1, ())
    assert without_gaps(kept) == UsageState()
    assert only_uses([("xray", GAP)]).uses == only_uses([("xray", USED)]).uses != {}


def test_uses_of_several_hours_are_known_by_the_first_and_the_last() -> None:
    one, other = state_of(reading(at(100.0))), state_of(reading(at(200.0)))
    uses = list(only_uses([("xray", one), ("spans", other), ("xray", USED)]).uses.values())
    assert [(seen.first <= 100.0, seen.last >= 200.0, seen.times) for seen in uses] == [(True, True, 1)]
    assert [seen.sources for seen in uses] == [("spans", "xray")]


def test_a_time_that_no_trace_can_have_hides_no_other() -> None:
    known, unknown = Seen(5.0, 9.0, 1), Seen(0.0, 0.0, 2)
    assert known.joined(unknown) == unknown.joined(known) == Seen(5.0, 9.0, 2)


def test_grants_appear() -> None:
    def role(*actions: str) -> Role:
        return Role("arn:aws:iam::1:role/r", "r", (policy(allow(list(actions))),))

    old, new = role("s3:GetObject"), role("s3:GetObject", "s3:PutObject")
    ledger = roles_read([old], 10.0)
    assert list(ledger.roles) == [RoleRead(old.arn, 10.0)]
    assert appeared(ledger, old, 20.0) == {}
    assert {grant.action: at for grant, at in appeared(ledger, new, 20.0).items()} == {"s3:PutObject": 20.0}
    # of a role that was never read before, the age of the grants is not known
    assert appeared(Ledger(), new, 20.0) == {}


@pytest.mark.parametrize(
    ("made", "grants", "changed"),
    [
        (None, ["s3:GetObject"], None),
        (None, ["s3:GetObject", "s3:PutObject"], 20.0),
        (15.0, ["s3:GetObject", "s3:PutObject"], 20.0),  # attached, or attached again, after it was made
        (15.0, ["s3:GetObject"], 15.0),
        (25.0, ["s3:GetObject", "s3:PutObject"], 25.0),
    ],
)
def test_a_policy_is_as_old_as_what_appeared_in_it_last(
    made: float | None, grants: list[str], changed: float | None
) -> None:
    def role(*actions: str) -> Role:
        created = None if made is None else datetime.fromtimestamp(made, UTC)
        return Role("arn:aws:iam::1:role/r", "r", (replace(policy(allow(list(actions))), created=created),))

    ledger = roles_read([role("s3:GetObject")], 10.0)
    (known,) = dated(ledger, role(*grants), 20.0).policies
    assert known.created == (None if changed is None else datetime.fromtimestamp(changed, UTC))
    # a policy that was made anew holds grants that were there before
    since = {grant.action: at for grant, at in appeared(ledger, role(*grants), 20.0).items()}
    assert since.get("s3:GetObject") == (None if made is None else 10.0)


def test_of_a_role_that_was_read_in_part_nothing_is_kept() -> None:
    assert roles_read([Role("arn:aws:iam::1:role/r", "r", readable=False)], 10.0) == Ledger()
