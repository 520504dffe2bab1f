"""How far long work is: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from scanner.progress import TRACES, Progress, progress_text

EVERY_SECONDS = 5.0
_REDRAW_SECONDS = 0.1
_OFTEN = 12  # lines; then they become fewer
_SELDOM = 3  # times EVERY_SECONDS


@contextmanager
def ticking(say: Callable[[str], None]) -> Iterator[Progress]:
    """Say every few seconds how far it is, also while nothing comes."""
    state: tuple[str, int, int | None] = (TRACES, 0, None)
    start, ended = time.monotonic(), threading.Event()

    def progress(phase: str, done: int, total: int | None) -> None:
        nonlocal state
        state = (phase, done, total)

    def tick() -> None:
        lines = 0
        while not ended.wait(EVERY_SECONDS * (1 if lines < _OFTEN else _SELDOM)):
            lines += 1
            say(f"still working after {time.monotonic() - start:.0f} s: {progress_text(*state)}")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        ended.set()
        thread.join()


@contextmanager
def progress_bar(err: IO[str]) -> Iterator[Progress]:
    """Show a bar for the phase that runs. It goes away at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bars(*columns, console=Console(file=err), transient=True) as bars:
        task = bars.add_task(TRACES, total=None)

        shown, at = "", 0.0

        def progress(phase: str, done: int, total: int | None) -> None:
            nonlocal shown, at
            now = time.monotonic()
            if phase == shown and now - at < _REDRAW_SECONDS:
                return
            text = progress_text(phase, done, total)
            if phase == shown:
                bars.update(task, description=text, completed=done, total=total)
            else:
                bars.reset(task, description=text, completed=done, total=total)
            shown, at = phase, now

        yield progress
