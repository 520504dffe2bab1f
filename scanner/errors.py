"""Errors and warnings for their reader, and the exit codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.model import ScanWarning

_NAMED = 4  # of those of whom one warning is

EXIT_OK = 0
EXIT_GATE = 1
EXIT_USAGE = 2
EXIT_NOTHING_READ = 3
EXIT_FAULT = 70  # as sysexits.h has it: a fault of the program itself
EXIT_INTERRUPTED = 130


class ScanError(Exception):
    """The scan cannot go on. The message is one line: what happened, what it means, what to do.

    What to do may stand apart, as `advice`: then it is a line of its own on the command line.
    """

    def __init__(self, message: str, exit_code: int = EXIT_NOTHING_READ, advice: str = "") -> None:
        super().__init__(f"{message}: {advice}" if advice else message)
        self.exit_code = exit_code
        self.lines = [*message.splitlines(), *([advice] if advice else [])]


class WrongRegionError(ScanError):
    """A region that is missing or does not exist, though there are credentials: a mistake of the set-up.

    It never passes for evidence that is missing: a scan of nothing would look clean for ever.
    """


class NoWorkloadError(ScanError):
    """None of the workloads that were asked for is known: nothing of what was asked can be answered."""


class Warnings:
    """What the reader of the report must know; the same thing twice is counted."""

    def __init__(self, given: Iterable[ScanWarning] = ()) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._whom: dict[tuple[str, str], dict[str, None]] = {}
        for warning in given:
            self.add(warning.code, warning.message, warning.count)

    def add(self, code: str, message: str, count: int = 1) -> None:
        """Note a warning. `code` is for machines, `message` one line for people."""
        from scanner.text.redact import keys_masked

        self._counts[(code, keys_masked(message))] += count

    def add_of(self, code: str, whom: str, message: str) -> None:
        """Note what is true of somebody: of whom the same is true, that is one warning (`WHOM MESSAGE`)."""
        from scanner.text.redact import keys_masked

        key = (code, keys_masked(message))
        self._counts[key] = 1
        self._whom.setdefault(key, {})[keys_masked(whom)] = None

    def all(self) -> list[ScanWarning]:
        """All warnings, in the order in which they first came."""
        from scanner.model import ScanWarning

        return [
            ScanWarning(code, _of_all(self._whom.get((code, message), ()), message), count)
            for (code, message), count in self._counts.items()
        ]


def _of_all(whom: Collection[str], message: str) -> str:
    first = list(whom)[:_NAMED]
    more = f" and {len(whom) - _NAMED:,} more" if len(whom) > _NAMED else ""
    return f"{', '.join(first)}{more}{message}"
