"""An end where AWS gives no good answer for long: whoever waits learns that nothing comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from scanner.aws.errors import is_passing_answer, what_happened
from scanner.errors import ScanError

PATIENCE_SECONDS = 300.0


class Patience:
    """Counts the time in which AWS only fails or throttles. Safe for several threads at once."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failing_since: float | None = None
        self._answered = float("-inf")
        self._lock = threading.Lock()

    def succeeded(self) -> None:
        """AWS answered."""
        with self._lock:
            self._failing_since, self._answered = None, self._now()

    def failed(self, what: str, began: float | None = None) -> None:
        """A request that `began` then failed, and may succeed later.

        Raises ScanError where nothing else happens for long.
        """
        with self._lock:
            if self._failing_since is None:
                began = self._now() if began is None else began
                self._failing_since = max(began, self._answered)  # others may have been answered since
            since = self._failing_since
        seconds = self._now() - since
        if seconds >= PATIENCE_SECONDS:
            raise ScanError(
                f"AWS answered nothing but errors for {seconds / 60:.0f} minutes ({what}): scan later, or a "
                "shorter --time-range"
            )

    def watch(self, client: Any) -> None:
        """Count all requests of a boto3 client, those that botocore repeats by itself included."""
        client.meta.events.register("response-received", self._received)

    def _received(
        self,
        parsed_response: Mapping[str, Any] | None = None,
        exception: Exception | None = None,
        **_: object,
    ) -> None:
        if exception is not None:
            self.failed(type(exception).__name__)
        elif parsed_response is not None and is_passing_answer(parsed_response):
            self.failed(what_happened(parsed_response))
        else:
            self.succeeded()
