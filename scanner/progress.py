"""How far a scan is, for whoever waits for it."""

from __future__ import annotations

from typing import Protocol

TRACES, FUNCTIONS, ROLES, RECORDS, COMPARISON = (
    "traces",
    "functions",
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


def progress_text(phase: str, done: int, total: int | None) -> str:
    """How far a phase is: "traces 1,385 of 4,000"."""
    if total:
        return f"{phase} {min(done, total):,} of {total:,}"
    return f"{phase} {done:,}" if done else phase
