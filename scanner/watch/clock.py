"""What time it is, and waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_LONGEST_NAP = 5.0  # seconds: a clock that was set, or a machine that slept, is noticed so soon


class Clock(Protocol):
    """Unix seconds, and waiting for some to pass."""

    def now(self) -> float:
        """Now, in Unix seconds."""

    def wait(self, seconds: float) -> None:
        """Wait. Raises KeyboardInterrupt where the process is asked to end."""


class SystemClock:
    """The clock of the machine. `check` raises KeyboardInterrupt where the process is asked to end."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def now(self) -> float:
        """Now, in Unix seconds."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Wait until the clock shows that time, and never longer than that many seconds."""
        until, latest = time.time() + seconds, time.monotonic() + seconds
        while (left := min(until - time.time(), latest - time.monotonic())) > 0:
            self._check()
            time.sleep(min(left, _LONGEST_NAP))
