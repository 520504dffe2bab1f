"""What `watch` takes, and what it refuses at once: a wrong option must not loop."""

from __future__ import annotations

import pytest

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.times import window
from scanner.options.watch import Address, WatchOptions, watch_options_of, watch_parser

NOW = 1_800_000_000.0


def options(words: str) -> WatchOptions:
    return watch_options_of(watch_parser().parse_args(words.split()), NOW)


def test_without_options_it_scans_each_day_and_serves_this_machine() -> None:
    given = options("")
    assert (given.every, given.listen) == (86400, Address("127.0.0.1", 9464))


@pytest.mark.parametrize(
    ("words", "every"),
    [("--every 10s", 10), ("--every 90", 5400), ("--every 12h", 43200), ("--every 7d", 604800)],
)
def test_intervals(words: str, every: float) -> None:
    assert options(words).every == every


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9464", ("::1", 9464)),
        ("[::]:9464", ("::", 9464)),
        ("watch.internal:65535", ("watch.internal", 65535)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert options(f"--listen {text}").listen == Address(*address)
    assert str(Address(*address)) == text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--every 9s", "--every: 9s is not between 10 seconds and 28 days"),
        ("--every 29d", "--every: 29d is not between"),
        ("--every 0", "--every: '0' is not a duration"),
        ("--every daily", "--every: 'daily' is not a duration"),
        ("--listen 9464", "--listen: '9464' is not HOST:PORT"),
        ("--listen :9464", "--listen: ':9464' is not HOST:PORT"),
        ("--listen ::1:9464", "--listen: '::1:9464' is not HOST:PORT"),
        ("--listen localhost:65536", "--listen: 'localhost:65536' is not HOST:PORT"),
        ("--listen http://localhost:80", "is not HOST:PORT"),
        ("--trace-ids ids.txt", "--trace-ids names traces of once"),
        ("--start-time 2027-01-10T00:00:00Z", "--start-time 2027-01-10T00:00:00Z is always the same time"),
        ("--start-time 1799990000", "is always the same time"),
        ("--update-baseline --baseline b.json", "--update-baseline would accept whatever comes"),
        ("--traces -", "standard input"),
        ("--traces t.json --iam -", "standard input"),
        ("--baseline -", "standard input"),
    ],
)
def test_what_cannot_be_repeated_is_wrong_use(words: str, problem: str) -> None:
    with pytest.raises(ScanError, match=r".*") as raised:
        options(words)
    assert problem in str(raised.value)
    assert raised.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("words", ["--start-time yesterday --time-range 24h", "--start-time 24h", "-r 7d"])
def test_a_time_that_is_named_stays(words: str) -> None:
    named = watch_parser().parse_args(words.split())
    assert (options(words).scan.time_range, options(words).scan.start_time) == (
        named.time_range,
        named.start_time,
    )


@pytest.mark.parametrize("every", ["10s", "30m", "24h", "7d", "28d"])
def test_without_a_time_a_scan_reads_all_since_the_last_one_however_late_that_came(every: str) -> None:
    given = options(f"--every {every}")
    start, end = window(None, given.scan.time_range, NOW)
    assert end == NOW
    assert end - start >= min(given.every * 1.05, 30 * 86400)
    assert end - start >= 3600


def test_saved_traces_have_no_time() -> None:
    assert options("--traces folder").scan.time_range is None
