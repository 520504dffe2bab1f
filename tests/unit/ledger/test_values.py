"""What a ledger answers."""

from __future__ import annotations

from scanner.ledger import (
    DAY,
    HOUR,
    LATE,
    Bucket,
    BucketKey,
    Fold,
    GrantName,
    HourRead,
    Ledger,
    MemoryStore,
    RoleRead,
    Seen,
    Use,
)
from tests.unit.ledger.ledgers import ACCOUNT, NEED, REGION, contents

_KEY = BucketKey(ACCOUNT, REGION, "xray", "m1", 0)
_READ, _WRITE, _LIST = (GrantName("p", action, "*") for action in ("s3:Get", "s3:Put", "s3:List"))


def test_an_hour_is_settled_once_no_trace_of_it_can_be_late() -> None:
    assert not HourRead(0, HOUR + LATE - 1, whole=True).settled
    assert HourRead(0, HOUR + LATE, whole=True).settled
    assert not HourRead(0, HOUR + LATE, whole=False).settled


def test_hours_are_those_of_the_source_and_the_mapping() -> None:
    ledger = Ledger(
        buckets={
            _KEY: Bucket(True, 9.0, b"1"),
            _KEY._replace(source="spans", start=HOUR): Bucket(True, 9.0, b"2"),
            _KEY._replace(mapping="m2", start=2 * HOUR): Bucket(True, 9.0, b"3"),
        }
    )
    assert ledger.hours(ACCOUNT, REGION, "xray", "m1") == {0: HourRead(0, 9.0, whole=True)}


def test_all_hours_of_a_folded_day_are_settled_though_not_all_were_read() -> None:
    hours = Ledger(days={_KEY: Fold(0b10, 9.0, b"")}).hours(ACCOUNT, REGION, "xray", "m1")
    assert sorted(hours) == list(range(0, DAY, HOUR))
    assert all(hour.settled for hour in hours.values())
    assert [start for start, hour in hours.items() if hour.whole] == [HOUR]


def test_evidence_is_of_whole_hours_under_the_same_mapping() -> None:
    ledger = Ledger(
        buckets={
            _KEY._replace(start=DAY): Bucket(True, 9.0, b"later"),
            _KEY._replace(start=DAY + HOUR): Bucket(False, 9.0, b"holes"),
            _KEY._replace(mapping="m2", start=DAY): Bucket(True, 9.0, b"other"),
        },
        days={_KEY: Fold(0b11, 9.0, b"day")},
    )
    assert contents(ledger) == [b"day", b"later"]


def test_a_folded_day_is_left_out_with_any_of_its_hours() -> None:
    ledger = Ledger(days={_KEY: Fold(0b11, 9.0, b"day")})
    assert not list(ledger.evidence("m1", without=lambda key: key.start == HOUR))
    assert contents(ledger, without=lambda key: key.start == 2 * HOUR) == [b"day"]


def test_a_grant_appeared_when_it_was_first_read_without_a_break_since() -> None:
    reads = {
        1.0: {_READ, _WRITE},
        2.0: {_READ, _LIST},
        3.0: {_READ, _WRITE, _LIST},
        4.0: {_READ, _WRITE, _LIST},
    }
    ledger = Ledger(roles={RoleRead("role", at): frozenset(grants) for at, grants in reads.items()})
    assert ledger.appeared("role") == {_LIST: 2.0, _WRITE: 3.0}
    assert not ledger.appeared("another")


def test_memory_keeps_what_runs_add() -> None:
    store, use = MemoryStore(), Use("function", NEED, sent=True)
    store.add(Ledger(uses={use: Seen(1.0, 2.0, 1)}))
    store.add(Ledger(uses={use: Seen(2.0, 3.0, 1)}))
    assert store.read().uses == {use: Seen(1.0, 3.0, 1)}
