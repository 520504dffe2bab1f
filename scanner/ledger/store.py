"""Where a ledger is kept between runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from scanner.errors import EXIT_NOTHING_READ, ScanError
from scanner.ledger.merge import merged
from scanner.ledger.values import EMPTY, Ledger


class LedgerError(ScanError):
    """The ledger cannot be used. A scan goes on without it, says so, and confirms nothing from it."""

    def __init__(self, message: str, exit_code: int = EXIT_NOTHING_READ, advice: str = "") -> None:
        super().__init__(message, exit_code, advice)


class LedgerUnreadError(LedgerError):
    """What is kept cannot be read. It is left as it is."""


class LedgerUnwrittenError(LedgerError):
    """What a run adds could not be kept. What was kept before is as it was."""


class LedgerStore(Protocol):
    """A place where a ledger is kept. Several runs may use it at once."""

    @property
    def name(self) -> str:
        """The place as the user names it."""

    def read(self) -> Ledger:
        """What is kept; an empty ledger where there is none yet. Raises LedgerUnreadError."""

    def add(self, addition: Ledger) -> Ledger:
        """Keep what a run adds, all of it or nothing; the ledger that is then kept.

        Raises LedgerUnreadError, or LedgerUnwrittenError.
        """

    def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Keep what `change` makes of what is kept; it may be called several times. Raises as `add`."""


class MemoryStore:
    """Keeps a ledger as long as the process runs. `tidy` makes it small whenever it changes."""

    def __init__(
        self, name: str = "memory", tidy: Callable[[Ledger], Ledger] = lambda ledger: ledger
    ) -> None:
        self.name = name
        self._tidy = tidy
        self._ledger = EMPTY
        self._lock = threading.Lock()

    def read(self) -> Ledger:
        """What is kept."""
        return self._ledger

    def add(self, addition: Ledger) -> Ledger:
        """Keep what a run adds."""
        return self.change(lambda ledger: merged(ledger, addition))

    def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Keep what `change` makes of what is kept."""
        with self._lock:
            self._ledger = self._tidy(change(self._ledger))
            return self._ledger
