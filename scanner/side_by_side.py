"""The same work for several accounts at once, in threads, with results in the order of the accounts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from scanner.aws.interruption import Interruption, terminated_as_interrupted
from scanner.errors import ScanError

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

    Ctrl-C ends those that still run: what they read until then counts, where they can tell. Raises what is a
    fault of the program itself.
    """
    team = _Team(work)
    threads = [threading.Thread(target=team.run, daemon=True) for _ in work[:AT_ONCE]]
    with terminated_as_interrupted():
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            team.is_ended = True
            interruption.begin()
            for thread in threads:
                thread.join(_PATIENCE)
            if any(thread.is_alive() for thread in threads):
                raise
            interruption.end()
    if team.fault is not None:
        raise team.fault
    return team.outcomes


class _Team(Generic[T]):
    """Threads that share the work out among them."""

    def __init__(self, work: Sequence[Callable[[], T]]) -> None:
        self._left = iter(enumerate(work))
        self._lock = threading.Lock()
        self.outcomes = [Outcome[T](error=KeyboardInterrupt()) for _ in work]
        self.fault: Exception | None = None
        self.is_ended = False

    def run(self) -> None:
        """Do one piece after the other, until none is left."""
        while not self.is_ended:
            with self._lock:
                index, piece = next(self._left, (0, None))
            if piece is None:
                return
            try:
                self.outcomes[index] = Outcome(piece())
            except (ScanError, KeyboardInterrupt) as error:
                self.outcomes[index] = Outcome(error=error)
            except Exception as error:
                self.fault = error
                self.is_ended = True
