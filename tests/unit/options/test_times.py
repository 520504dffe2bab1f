"""The time to scan, from a start and a range."""

from __future__ import annotations

import pytest

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.times import window

NOW = 1_795_000_000.0
DAY = 86400.0
TODAY = NOW - NOW % DAY  # days are in UTC


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (None, None, (NOW - 3600, NOW)),
        (None, "720", (NOW - 12 * 3600, NOW)),
        (None, "12h", (NOW - 12 * 3600, NOW)),
        (None, "90s", (NOW - 90, NOW)),
        (None, "7d", (NOW - 7 * DAY, NOW)),
        (None, "30d", (NOW - 30 * DAY, NOW)),
        (str(int(NOW) - 7200), "60", (NOW - 7200, NOW - 3600)),
        (str(int(NOW) - 600), "60", (NOW - 600, NOW)),
        ("2026-11-18T10:00:00Z", "30m", (1794996000.0, 1794997800.0)),
        ("2026-11-18T11:00:00+01:00", "30", (1794996000.0, 1794997800.0)),
        ("1h", None, (NOW - 3600, NOW)),
        ("3h", None, (NOW - 3 * 3600, NOW)),
        ("90m ago", None, (NOW - 5400, NOW)),
        ("2 d", "1h", (NOW - 2 * DAY, NOW - 2 * DAY + 3600)),
        ("today", None, (TODAY, NOW)),
        ("Yesterday", None, (TODAY - DAY, NOW)),
        ("yesterday", "24h", (TODAY - DAY, TODAY)),
        ("2026-11-18T10:00:00", "30", (1794996000.0, 1794997800.0)),
    ],
)
def test_the_window(start: str | None, length: str | None, expected: tuple[float, float]) -> None:
    assert window(start, length, NOW) == expected


@pytest.mark.parametrize(
    ("start", "length", "message"),
    [
        (None, "31d", "more than 30 days ago"),
        (str(NOW - 31 * DAY), None, "more than 30 days ago"),
        (str(NOW + 60), None, "in the future"),
        ("tomorrow", None, "is not a time"),
        ("nan", None, "is not a time"),
        ("inf", None, "is not a time"),
        ("0h", None, "leaves no time"),
        ("31d", None, "more than 30 days ago"),
        ("0001-01-01T00:00:00+14:00", None, "is not a time|more than 30 days ago"),
        (None, "soon", "is not a duration"),
        (None, "0", "is not a duration"),
    ],
)
def test_a_window_that_cannot_be(start: str | None, length: str | None, message: str) -> None:
    with pytest.raises(ScanError, match=message) as raised:
        window(start, length, NOW)
    assert raised.value.exit_code == EXIT_USAGE
