"""Which time a run reads: what is missing, what may have grown, what earlier runs missed."""

from __future__ import annotations

import pytest

from scanner.ledger import DAY, HOUR, LATE, Bucket, BucketKey, HourRead, Ledger
from scanner.ledger.plan import CATCH_UP, KEPT, hour_of, hours_known, time_to_read

NOW = 1_795_500_000.0 - 1_795_500_000 % DAY + 2 * HOUR + 1_234
"""Some night, at 02:20 UTC."""
TODAY = hour_of(NOW) - 2 * HOUR


def read(first: float, last: float, at: float, whole: bool = True) -> dict[int, HourRead]:
    """The hours from one (counted from midnight) up to another, read so many hours after midnight."""
    return {
        TODAY + int(n * HOUR): HourRead(TODAY + int(n * HOUR), TODAY + at * HOUR, whole)
        for n in range(int(first), int(last))
    }


LAST_NIGHT = read(-48, -21, at=-21.7)

CASES = {
    "nothing is known": ({}, -24, -24),
    "the last night's hours, the newest of which may have grown": (LAST_NIGHT, -24, -25),
    "all of it was read long after": (read(-48, -1, at=3), -24, -1),
    "all of it was read just now": (read(-48, 3, at=2.3), -24, -1),
    "an hour in the middle is missing": ({**read(-24, -12, at=2), **read(-11, 2, at=2)}, -24, -12),
    "an hour in the middle is not whole": (
        {**read(-24, 3, at=2), **read(-9, -8, at=2, whole=False)},
        -24,
        -9,
    ),
    "the night before failed": (read(-72, -45, at=-45.7), -24, -49),
    "the nights before failed for longer than is caught up": (
        read(-400, -380, at=-380),
        -24,
        -24 - CATCH_UP // HOUR,
    ),
    "what was before the first run is not missing": (read(-24, -21, at=-20.9), -30, -30),
    "an hour before was not whole": (
        {**read(-48, 3, at=-10), **read(-30, -29, at=-10, whole=False)},
        -12,
        -30,
    ),
}


@pytest.mark.parametrize(("hours", "asked", "begin"), CASES.values(), ids=CASES)
def test_from_where_a_run_reads(hours: dict[int, HourRead], asked: float, begin: float) -> None:
    start, end = time_to_read(TODAY + asked * HOUR + 600, NOW, NOW, hours)
    assert ((start - TODAY) / HOUR, end) == (begin, NOW)


def test_a_time_that_ended_is_read_in_whole_hours() -> None:
    assert time_to_read(TODAY - DAY + 600, TODAY - DAY + 700, NOW, {}) == (TODAY - DAY, TODAY - DAY + HOUR)


def test_an_end_that_is_now_is_now() -> None:
    on_the_hour = float(TODAY)
    assert time_to_read(on_the_hour - HOUR, on_the_hour, on_the_hour, {}) == (on_the_hour - HOUR, on_the_hour)


def test_nothing_is_read_that_x_ray_no_longer_has() -> None:
    start, _ = time_to_read(NOW - KEPT, NOW, NOW, {})
    assert start == NOW - KEPT
    # what earlier runs missed is caught up where the whole hour is still there
    start, _ = time_to_read(NOW - KEPT + 3 * HOUR, NOW, NOW, read(-24 * 60, -24 * 59, at=0))
    assert (start, start % HOUR) == (hour_of(NOW - KEPT) + HOUR, 0)


def test_hours_are_settled_when_late_traces_have_come() -> None:
    assert not HourRead(0, HOUR + LATE - 1, whole=True).settled
    assert HourRead(0, HOUR + LATE, whole=True).settled


def test_of_several_sources_one_that_was_read_will_do() -> None:
    key = BucketKey("1", "r", "xray", "m", 0)
    late = Bucket(whole=True, read_at=9 * HOUR, content=b"")
    ledger = Ledger(
        buckets={
            key: late,
            key._replace(source="spans"): late._replace(read_at=1.0),
            key._replace(start=HOUR, mapping="other"): late,
            key._replace(start=2 * HOUR, account="2"): late,
        }
    )
    assert hours_known(ledger, "1", "r", ("xray", "spans"), "m") == {0: HourRead(0, 9 * HOUR, True)}
    assert hours_known(ledger, "1", "r", ("spans",), "m") == {0: HourRead(0, 1.0, True)}
