"""The same work for several accounts at once, in threads, with results in the order of the accounts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from scanner.aws.interruption import Interruption, terminated_as_interrupted
from scanner.errors import EXIT_USAGE, ScanError, WrongRegionError

T = TypeVar("T")

AT_ONCE = 8
_PATIENCE = 30.0
"""How long (seconds) an interruption waits for what runs inside AWS to be ended."""


class Outcome(NamedTuple, Generic[T]):
    """What became of the work for one account: a value, or why there is none."""

    value: T | None = None
    error: ScanError | KeyboardInterrupt | None = None


def side_by_side(work: Sequence[Callable[[], T]], interruption: Interruption) -> list[Outcome[T]]:
    """What became of each piece of work.

    Ctrl-C ends those that still run: what they read until then counts, where they can tell. Wrong use, and a
    fault of the program itself, are raised: no further piece is begun.
    """
    team = _Team(work)
    with terminated_as_interrupted():
        try:
            for _ in work[:AT_ONCE]:
                threading.Thread(target=team.run, daemon=True).start()
            team.wait()
        except KeyboardInterrupt:
            team.end()
            interruption.begin()
            if not team.wait(_PATIENCE):
                raise
            interruption.end()
    if team.fault is not None:
        raise team.fault
    return team.outcomes


class _Team(Generic[T]):
    """Threads that share the work out among them."""

    def __init__(self, work: Sequence[Callable[[], T]]) -> None:
        self._left = deque(enumerate(work))
        self._changed = threading.Condition()
        self._at_work = 0
        self.outcomes = [Outcome[T](error=KeyboardInterrupt()) for _ in work]
        self.fault: Exception | None = None

    def end(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._left.clear()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is left and nobody is at work; whether that came about in time.

        Threads themselves cannot tell: a thread whose `join` Ctrl-C interrupts may count as ended.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._left and not self._at_work, seconds)

    def run(self) -> None:
        """Do one piece after the other, until none is left."""
        while True:
            with self._changed:
                if not self._left:
                    return
                index, piece = self._left.popleft()
                self._at_work += 1
            try:
                self.outcomes[index] = Outcome(piece())
            except KeyboardInterrupt as error:
                self.outcomes[index] = Outcome(error=error)
            except Exception as error:
                if isinstance(error, ScanError) and not _is_wrong_use(error):
                    self.outcomes[index] = Outcome(error=error)
                else:
                    self.fault = self.fault or error
                    self.end()
            finally:
                with self._changed:
                    self._at_work -= 1
                    self._changed.notify_all()


def _is_wrong_use(error: ScanError) -> bool:
    return isinstance(error, WrongRegionError) or error.exit_code == EXIT_USAGE
