"""How far long work is, where no terminal shows a bar: a line now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 15.0


@contextmanager
def ticking(say: Callable[[str], None]) -> Iterator[Callable[[int], None]]:
    """Say how many traces were read, now and then, also while none comes. Gives what is told of each."""
    traces, start, done = 0, time.monotonic(), threading.Event()

    def count(number: int) -> None:
        nonlocal traces
        traces = number

    def tick() -> None:
        while not done.wait(EVERY_SECONDS):
            say(f"still working: {traces:,} traces read after {time.monotonic() - start:.0f} s")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join()
