"""How far long work is."""

from __future__ import annotations

import io
import threading

import pytest

from scanner.output import ticking
from scanner.output.ticking import progress_bar
from scanner.progress import ROLES, TRACES, progress_text


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [
        (1385, 4000, "traces 1,385 of 4,000"),
        (1385, None, "traces 1,385"),
        (0, None, "traces"),
        (0, 5, "traces 0 of 5"),
        (7, 5, "traces 5 of 5"),
    ],
)
def test_how_far_a_phase_is(done: int, total: int | None, text: str) -> None:
    assert progress_text(TRACES, done, total) == text


def test_lines_say_every_few_seconds_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "EVERY_SECONDS", 0.01)
    lines: list[str] = []
    said = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        if "roles" in line:
            said.set()

    with ticking.ticking(say) as progress:
        progress(TRACES, 10, 20)
        progress(ROLES, 120, 250)
        assert said.wait(10)
    assert lines[-1].startswith("still working after ")
    assert lines[-1].endswith(": roles 120 of 250")


def test_short_work_says_nothing() -> None:
    lines: list[str] = []
    with ticking.ticking(lines.append) as progress:
        progress(TRACES, 1, 1)
    assert lines == []


def test_the_bar_says_the_same_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "_REDRAW_SECONDS", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    err = io.StringIO()
    with progress_bar(err) as progress:
        progress(TRACES, 10, None)
        progress(ROLES, 119, 250)
        progress(ROLES, 120, 250)
    shown = err.getvalue()
    assert "roles 120 of 250" in shown
    assert shown.endswith("\x1b[2K"), "the line of the bar is erased"
