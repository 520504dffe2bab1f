"""When the next scan begins. Pure, but for chance, which is handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_FIRST = 10.0  # seconds: those who start a watch want to see it work
_FIRST_RETRY = 60.0
_MOST_DOUBLINGS = 20
_GRACE = 600.0


@dataclass(frozen=True)
class Schedule:
    """Scans `every` so many seconds, each up to the share `jitter` of that sooner or later.

    So a hundred watches that started together do not ask AWS together for long. `chance` takes two bounds
    and returns a number between them.
    """

    every: float
    jitter: float
    chance: Callable[[float, float], float]

    def first(self) -> float:
        """The seconds from the start to the first scan."""
        return self.chance(0.0, min(_FIRST, self.every * self.jitter))

    def after_success(self, began: float, ended: float) -> float:
        """The time of the next scan. One that took longer than the interval is followed at once."""
        return max(began + self.every * self._factor(), ended)

    def after_failure(self, ended: float, failures: int) -> float:
        """The time of the next try: each failure in a row doubles the pause, up to the interval."""
        doubled: float = _FIRST_RETRY * 2 ** min(failures - 1, _MOST_DOUBLINGS)
        return ended + min(doubled, self.every) * self._factor()

    def is_overdue(self, since: float, now: float) -> bool:
        """Whether two intervals and ten minutes have passed since then."""
        return now - since > 2 * self.every + _GRACE

    def _factor(self) -> float:
        return 1 + self.chance(-self.jitter, self.jitter)
