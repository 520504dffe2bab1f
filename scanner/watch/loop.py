"""Scan, wait, scan again: until the process is asked to end, whatever fails."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

from scanner.errors import EXIT_USAGE, ScanError, WrongRegionError
from scanner.text.escape import counted
from scanner.text.redact import keys_masked
from scanner.watch.clock import Clock
from scanner.watch.schedule import Schedule
from scanner.watch.status import FAILURE, SUCCESS, Board, Numbers


class Published(NamedTuple):
    """What a scan came to, after its reports were written. `page` is the HTML report."""

    numbers: Numbers
    page: bytes


@dataclass(frozen=True)
class Watch:
    """A watch that is ready to begin.

    `scan` scans once, at a time, and writes the reports; it raises ScanError where it fails. `say` takes a
    line for the log. With `verbose` a fault of the program is told with the place where it happened.
    """

    scan: Callable[[float], Published]
    schedule: Schedule
    board: Board
    clock: Clock
    say: Callable[[str], None]
    verbose: bool = False

    def run(self) -> NoReturn:
        """Scan again and again.

        Raises KeyboardInterrupt where the process is asked to end, ScanError for wrong use that shows before
        any scan has succeeded.
        """
        due = self.clock.now() + self.schedule.first()
        while True:
            self._wait(due)
            due = self._scan_once()

    def _wait(self, due: float) -> None:
        self.board.status = replace(self.board.status, next_scan=due)
        pause = due - self.clock.now()
        if pause > 0:
            at = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%d %H:%M:%S")
            self.say(f"the next scan begins in {span_text(pause)}, at {at} UTC")
            self.clock.wait(pause)

    def _scan_once(self) -> float:
        """Scan; the time of the next scan."""
        began = self.clock.now()
        self.board.status = replace(self.board.status, scanning=True, next_scan=None)
        try:
            published = self.scan(began)
        except ScanError as error:
            if _is_wrong_use(error) and self.board.status.last_success is None:
                raise
            return self._failed(began, error.lines)
        except Exception as error:
            if self.verbose:
                self._say_all(traceback.format_exc().splitlines())
            fault = f"internal error ({type(error).__name__}: {error}): please report what -v prints"
            return self._failed(began, fault.splitlines())
        return self._succeeded(began, published)

    def _succeeded(self, began: float, published: Published) -> float:
        ended, status = self.clock.now(), self.board.status
        self.board.status = replace(
            status,
            scanning=False,
            scans=status.counted(SUCCESS),
            failures_in_a_row=0,
            last_success=ended,
            duration=max(0.0, ended - began),
            numbers=published.numbers,
            page=published.page,
        )
        return self.schedule.after_success(began, ended)

    def _failed(self, began: float, lines: Sequence[str]) -> float:
        ended, status = self.clock.now(), self.board.status
        failures = status.failures_in_a_row + 1
        self.board.status = replace(
            status,
            scanning=False,
            scans=status.counted(FAILURE),
            failures_in_a_row=failures,
            duration=max(0.0, ended - began),
        )
        self._say_all(lines)
        self.say(f"the scan failed; {counted(failures, 'failure')} in a row, the last report stays")
        return self.schedule.after_failure(ended, failures)

    def _say_all(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.say(keys_masked(line))


def _is_wrong_use(error: ScanError) -> bool:
    """Whether it would be the same with every scan: whoever started the watch is to see it at once."""
    return error.exit_code == EXIT_USAGE or isinstance(error, WrongRegionError)


def span_text(seconds: float) -> str:
    """A span of time, in its two largest units: "45 s", "12 min", "23 h 12 min", "6 d 23 h"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    units = ((days, "d"), (hours_left, "h"), (minutes_left if not days else 0, "min"))
    return " ".join(f"{number} {unit}" for number, unit in units if number)
