"""`watch`: scan again and again, and show what came of it over HTTP."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import IO, TYPE_CHECKING

from scanner.commands.command import Command, say_line
from scanner.commands.scan import conclude, keep, notify, publish, ready, scanned
from scanner.errors import EXIT_INTERRUPTED, EXIT_OK
from scanner.options.watch import JITTER, WatchOptions, watch_options_of, watch_parser

if TYPE_CHECKING:
    from scanner.ledger import LedgerStore
    from scanner.watch.loop import Published


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    with _ended_by_signals() as end:
        try:
            _watch(watch_options_of(arguments, time.time()), end, out, err)
        except KeyboardInterrupt:
            say_line(err, "ended" if end.number == signal.SIGTERM else "interrupted")
    return EXIT_OK if end.number == signal.SIGTERM else EXIT_INTERRUPTED


def _watch(options: WatchOptions, end: _End, out: IO[str], err: IO[str]) -> None:
    """Watch until the process is asked to end. Raises KeyboardInterrupt then, ScanError for wrong use."""
    import random

    ready(options.scan, err, time.time())  # what is wrong with the options shows now, not in a minute
    from scanner.ledger import MemoryStore
    from scanner.ledger.fold import tidied
    from scanner.watch.clock import SystemClock
    from scanner.watch.loop import Watch
    from scanner.watch.schedule import Schedule
    from scanner.watch.server import serving
    from scanner.watch.status import Board, Status

    say, clock = partial(say_line, err), SystemClock(end.check)
    schedule = Schedule(options.every, JITTER, random.SystemRandom().uniform)
    board = Board(Status(clock.now()))
    # as small as one in a file: a watch runs for years
    memory = MemoryStore(tidy=lambda ledger: tidied(ledger, clock.now()))
    scan = partial(_scan, options, memory, end, out, err)
    with serving(*options.listen, board, schedule, clock.now, say) as server:
        say(f"listening on http://{server.place} (the last report at /, also /healthz and /metrics)")
        if not server.names.is_loopback:
            say(
                "warning: whoever reaches that address reads the report, which names weak roles: there is no "
                "password. Let only those in who may see it"
            )
        Watch(scan, schedule, board, clock, say, options.scan.verbose).run()


def _scan(
    options: WatchOptions, memory: LedgerStore, end: _End, out: IO[str], err: IO[str], now: float
) -> Published:
    """A scan, with all that it reads read anew. Raises KeyboardInterrupt where it was ended: it is partial.

    Credentials are looked for anew, too: those of files and of services may have been replaced.
    """
    from scanner.watch.loop import Published
    from scanner.watch.status import numbers_of

    gc.collect()  # clients of AWS hold each other, and are made anew for each scan
    done = scanned(ready(options.scan, err, now, memory), err)
    end.check()
    if done.interrupted:
        raise KeyboardInterrupt
    page = publish(done, out, err)
    keep(done, err)  # first, as a scan does: what is told and not kept would be told again
    notify(done, os.environ, err)
    conclude(done, err)
    return Published(numbers_of(done.report), page)


class _End:
    """Whether the process was asked to end: by which signal, 0 while it was not."""

    number = 0

    def ask(self, number: int, _: FrameType | None) -> None:
        """Take a signal: what runs is interrupted."""
        self.number = number
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt where it was asked: whatever ran then may have gone on."""
        if self.number:
            raise KeyboardInterrupt


@contextmanager
def _ended_by_signals() -> Iterator[_End]:
    """SIGTERM ends the process as Ctrl-C does; as the first process of a container, too."""
    end = _End()
    if threading.current_thread() is not threading.main_thread():
        yield end
        return
    before = {number: signal.signal(number, end.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMAND = Command("scan again and again until it is stopped, with /metrics", watch_parser, _run)
