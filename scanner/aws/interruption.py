"""An end by hand, where several accounts are asked side by side: Ctrl-C reaches the main thread alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# What ends something that runs inside AWS is still asked for.
_ENDING = frozenset({"StopQuery", "DescribeQueries", "CancelTraceRetrieval"})


class Interruption:
    """While it is on, each request in any thread raises KeyboardInterrupt, but those that end something."""

    def __init__(self) -> None:
        self._on = threading.Event()

    def begin(self) -> None:
        """Interrupt the other threads at their next request."""
        self._on.set()

    def end(self) -> None:
        """All have ended: requests may be sent again."""
        self._on.clear()

    def watch(self, client: Any) -> None:
        """Interrupt the requests of a boto3 client, too."""
        client.meta.events.register("before-call", self._check)

    def _check(self, model: Any, **_: object) -> None:
        if self._on.is_set() and model.name not in _ENDING:
            raise KeyboardInterrupt


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """While queries run, a request to end is an interruption: AWS would go on without a reader."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
