"""How many requests run at once: fewer when AWS throttles, slowly more again when it does not.

botocore's "adaptive" retry mode does the like, for 0.4 ms of CPU a request (measured), which is a third of
the whole request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SHRINK = 0.6
_SHRINK_ONCE_IN = 0.25  # seconds: a burst of throttled requests is one sign, not many

XRAY_THREADS = 48  # measured: fewer are slower, more are not faster


class ConcurrencyLimit:
    """A number of places that shrinks by `throttled()` and grows by `went_well()`, `most` at the most."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._places = float(most)
        self._running = 0
        self._shrunk = float("-inf")
        self._changed = threading.Condition()

    @property
    def places(self) -> int:
        """How many requests may run at once just now."""
        return max(1, int(self._places))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place and hold it."""
        with self._changed:
            while self._running >= self.places:
                self._changed.wait()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()

    def throttled(self) -> None:
        """Slow down."""
        with self._changed:
            if self._now() - self._shrunk >= _SHRINK_ONCE_IN:
                self._shrunk = self._now()
                self._places = max(1.0, self._places * _SHRINK)

    def went_well(self) -> None:
        """Speed up again, by about one place for each round of requests."""
        with self._changed:
            if self._places < self._most:
                self._places = min(float(self._most), self._places + 1 / self._places)
                self._changed.notify()
