"""How far a scan is, for whoever waits for it."""

from __future__ import annotations

import threading
from functools import partial
from typing import Protocol

TRACES, WORKLOADS, ROLES, RECORDS, COMPARISON = (
    "traces",
    "workloads",
    "roles",
    "what AWS recorded",
    "comparison of roles",
)


class Progress(Protocol):
    """Is told how far a scan is. It may be called from several threads, one call after the other."""

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """So much of a phase is done, of a total that may still grow; None where it is unknown."""


def no_progress(phase: str, done: int, total: int | None) -> None:
    """Nobody waits."""


class ProgressOfAll:
    """How far several are that are at work side by side, as one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._phases: dict[str, dict[int, tuple[int, int | None]]] = {}
        self._number = 0
        self._lock = threading.Lock()

    def of_one(self) -> Progress:
        """What one of them is to tell."""
        with self._lock:
            self._number += 1
            return partial(self._tell, self._number)

    def _tell(self, who: int, phase: str, done: int, total: int | None) -> None:
        with self._lock:
            parts = self._phases.setdefault(phase, {})
            parts[who] = (done, total)
            totals = [total for _, total in parts.values() if total is not None]
            self._progress(phase, sum(done for done, _ in parts.values()), sum(totals) if totals else None)


def progress_text(phase: str, done: int, total: int | None) -> str:
    """How far a phase is: "traces 1,385 of 4,000"."""
    if total:
        return f"{phase} {min(done, total):,} of {total:,}"
    return f"{phase} {done:,}" if done else phase
