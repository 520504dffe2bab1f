"""The window in which invocations are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.records.invocations import MetricWindow, window_of

HOUR, DAY = 3600.0, 86400.0
NOW = 1_790_000_040.0


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        # both ends move outwards to full minutes
        (NOW - 3600, NOW, MetricWindow(int(NOW) - 3600, int(NOW), 60)),
        (NOW - 3630, NOW - 30, MetricWindow(int(NOW) - 3660, int(NOW), 60)),
        (NOW - 0.5, NOW + 0.5, MetricWindow(int(NOW) - 60, int(NOW) + 60, 60)),
        # what is older than 15 days is kept by five minutes, what is older than 63 days by the hour
        (1788000000, 1788003600, MetricWindow(1788000000, 1788003600, 300)),
        (1788000060, 1788003660, MetricWindow(1788000000, 1788003900, 300)),
        (1782000000, 1782003660, MetricWindow(1782000000, 1782007200, 3600)),
        # long windows are counted by the hour
        (NOW - 10 * DAY, NOW, MetricWindow(1789135200, 1790002800, 3600)),
    ],
)
def test_the_window_that_is_counted(start: float, end: float, window: MetricWindow) -> None:
    assert window_of(start, end, NOW) == window


@given(
    st.floats(min_value=0, max_value=400 * DAY),
    st.floats(min_value=0, max_value=400 * DAY),
)
def test_the_counted_window_holds_all_that_was_asked_for(age: float, length: float) -> None:
    start, end = NOW - age, NOW - age + length
    window = window_of(start, end, NOW)
    assert window.start <= start and end <= window.end
    assert start - window.start < window.period and window.end - end < window.period
    assert window.start % window.period == window.end % window.period == 0
    finest = 60 if age < 15 * DAY - HOUR else 300 if age < 63 * DAY - HOUR else 3600
    assert window.period % finest == 0
