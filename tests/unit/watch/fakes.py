"""A clock that only moves when somebody waits, and scans that do as they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scanner.watch.loop import Published, Watch
from scanner.watch.schedule import Schedule
from scanner.watch.status import Board, Numbers, Status

START = 1_800_000_000.0
DAY = 86400.0
PAGE = b"<p>report"


class FakeClock:
    """Waiting takes no time. The watch is asked to end when it waits past `until`."""

    def __init__(self, until: float = START + 365 * DAY) -> None:
        self.time = START
        self.until = until
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.time + seconds > self.until:
            self.time = self.until
            raise KeyboardInterrupt
        self.time += seconds


class Scans:
    """Scans that take a time each, and end as a list says: an exception is raised; then all succeed."""

    def __init__(
        self, clock: FakeClock, takes: float = 60.0, ends: Sequence[BaseException | None] = ()
    ) -> None:
        self._clock = clock
        self._takes = takes
        self._ends = list(ends)
        self.began: list[float] = []

    def __call__(self, now: float) -> Published:
        assert now == self._clock.now()
        self.began.append(now)
        self._clock.time += self._takes
        end = self._ends.pop(0) if self._ends else None
        if end is not None:
            raise end
        return Published(Numbers(traces=len(self.began)), PAGE)


def even(low: float, high: float) -> float:
    """Chance that is none."""
    return (low + high) / 2


def schedule(every: float = DAY, chance: Callable[[float, float], float] = even) -> Schedule:
    return Schedule(every, 0.05, chance)


def watch(scan: Scans, clock: FakeClock, plan: Schedule | None = None) -> tuple[Watch, list[str]]:
    """A watch, and the lines that it says."""
    lines: list[str] = []
    return Watch(scan, plan or schedule(), Board(Status(clock.now())), clock, lines.append), lines
