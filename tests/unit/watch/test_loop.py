"""When a watch scans, and what ends it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from scanner.errors import EXIT_USAGE, ScanError, WrongRegionError
from scanner.watch.loop import span_text
from tests.unit.watch.fakes import DAY, PAGE, START, FakeClock, Scans, schedule, watch

DENIED = ScanError("no trace could be read: xray:GetTraceSummaries is denied")
WRONG = ScanError("--output-dir: reports cannot be written to", EXIT_USAGE)


def test_the_first_scan_begins_soon_and_the_others_an_interval_apart() -> None:
    clock = FakeClock(START + 10 * DAY)
    scans = Scans(clock)
    watching, _ = watch(scans, clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    assert scans.began[0] - START <= 10
    assert {later - before for before, later in pairwise(scans.began)} == {DAY}
    assert len(scans.began) == 10
    assert watching.board.status.scans == {"success": 10, "failure": 0}


def test_a_hundred_watches_that_start_together_ask_at_different_times() -> None:
    seconds = set()
    for seed in range(100):
        clock = FakeClock(START + 30 * DAY)
        scans = Scans(clock)
        with pytest.raises(KeyboardInterrupt):
            watch(scans, clock, schedule(chance=random.Random(seed).uniform))[0].run()
        gaps = [later - before for before, later in pairwise(scans.began)]
        assert all(0.95 * DAY <= gap <= 1.05 * DAY for gap in gaps)
        seconds.add(round(scans.began[10] / 60))
    assert len(seconds) > 80  # minutes


def test_one_scan_at_a_time_though_it_takes_longer_than_the_interval() -> None:
    clock = FakeClock(START + 1000)
    scans = Scans(clock, takes=130)
    with pytest.raises(KeyboardInterrupt):
        # a scan is asked to end by a signal; the clock of this test asks while it waits
        scans._ends = [None, None, None, KeyboardInterrupt()]
        watch(scans, clock, schedule(60))[0].run()
    assert {later - before for before, later in pairwise(scans.began)} == {130}


def test_a_failed_scan_is_tried_again_after_pauses_that_double_up_to_the_interval() -> None:
    clock = FakeClock(START + 4 * DAY)
    scans = Scans(clock, takes=0, ends=[DENIED] * 13)
    watching, lines = watch(scans, clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    minutes = [round((later - before) / 60) for before, later in pairwise(scans.began)]
    assert minutes[:13] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440]
    status = watching.board.status
    assert (status.scans["failure"], status.failures_in_a_row) == (13, 0)
    assert status.last_success == scans.began[-1]
    assert lines.count("no trace could be read: xray:GetTraceSummaries is denied") == 13
    assert "the scan failed; 13 failures in a row, the last report stays" in lines


@pytest.mark.parametrize(
    "fault", [ValueError("x\ny"), MemoryError(), OSError(28, "No space left"), DENIED, WRONG]
)
def test_no_failure_ends_a_watch_that_has_worked(fault: BaseException) -> None:
    clock = FakeClock(START + 5 * DAY)
    scans = Scans(clock, ends=[None, fault, fault])
    watching, lines = watch(scans, clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    status = watching.board.status
    assert status.scans["failure"] == 2
    assert status.scans["success"] >= 5
    assert not any("\n" in line for line in lines)


def test_what_a_failed_scan_leaves_is_the_report_of_the_last_one_that_succeeded() -> None:
    clock = FakeClock(START + DAY + 90)
    scans = Scans(clock, ends=[None, DENIED, DENIED])
    watching, _ = watch(scans, clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    status = watching.board.status
    assert status.page == PAGE
    assert status.numbers is not None
    assert status.numbers.traces == 1
    assert status.last_success == scans.began[0] + 60


@pytest.mark.parametrize("error", [WRONG, WrongRegionError("no AWS region is configured")])
def test_wrong_use_that_the_first_scan_shows_ends_the_watch(error: ScanError) -> None:
    clock = FakeClock()
    watching, _ = watch(Scans(clock, ends=[DENIED, error]), clock)
    with pytest.raises(ScanError) as raised:
        watching.run()
    assert raised.value is error


def test_a_fault_names_where_it_happened_only_if_asked() -> None:
    clock = FakeClock(START + 100)
    watching, lines = watch(Scans(clock, ends=[ValueError("odd")]), clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    assert lines[1] == "internal error (ValueError: odd): please report what -v prints"
    assert not any("Traceback" in line for line in lines)


def test_a_watch_that_is_asked_to_end_while_it_scans_publishes_nothing_of_that() -> None:
    clock = FakeClock()
    watching, _ = watch(Scans(clock, ends=[KeyboardInterrupt()]), clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    assert watching.board.status.page is None
    assert watching.board.status.scans == {"success": 0, "failure": 0}


def test_a_clock_that_was_set_back_makes_no_odd_numbers() -> None:
    clock = FakeClock(START + DAY)
    watching, _ = watch(Scans(clock, takes=-500), clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    assert watching.board.status.duration == 0


def test_the_state_names_the_next_scan_while_it_waits_and_none_while_it_scans() -> None:
    clock = FakeClock(START + 100)
    scans = Scans(clock)
    watching, lines = watch(scans, clock)
    with pytest.raises(KeyboardInterrupt):
        watching.run()
    assert watching.board.status.next_scan == scans.began[0] + DAY
    assert lines[-1].startswith("the next scan begins in 23 h 59 min, at 2027-01-16 08:00:")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "1 h"),
        (86100, "23 h 55 min"),
        (86400, "1 d"),
        (604799, "7 d"),
        (100000, "1 d 3 h"),
    ],
)
def test_a_span_of_time_is_two_units(seconds: float, text: str) -> None:
    assert span_text(seconds) == text
