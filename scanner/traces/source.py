"""What every source of traces has in common: it hands readings over and says what it could not read.

A source that is added later (OTLP spans, Logs Insights) is one more file with one more `TraceSource`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from scanner.errors import Warnings
from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading

WINDOW_UNREAD = "window-unread"
NOT_RETURNED = "traces-unprocessed"
"""The code of the warning of spans of time that could not be listed."""

XRAY, SPANS, FILES = "xray", "spans", "files"
"""The stores of traces."""

Item = TraceReading | CallRow | RunRow

Emit = Callable[[Sequence[Item]], None]
"""Takes what was read, in batches, each trace once. It is called from several threads at once."""


class Origin(NamedTuple):
    """Where a batch was read: in a region, of a store ("xray", "spans", "files"), and of which time.

    The store is "spans:GROUPS" for log groups that a user names. Times are Unix seconds, both ends included.
    Aggregated rows are of this time, whatever theirs are.
    """

    region: str = ""
    store: str = FILES
    start: float = -math.inf
    end: float = math.inf


EmitOf = Callable[[Origin], Emit]
"""What takes the batches of an origin."""


class Coverage(NamedTuple):
    """A time of which a store of a region was read: all that it has, where that went well (`whole`).

    Times are Unix seconds, both ends included. `store` is as in `Origin`.
    """

    region: str
    store: str
    start: float
    end: float
    whole: bool = True


Expect = Callable[[int], None]
"""Is told how many more traces were listed, before they are read; from several threads at once."""


def expect_nothing(traces: int) -> None:
    """Nobody asks how many traces are coming."""


class SkippedTraces(NamedTuple):
    """What a source could not hand over, or not whole.

    `documents` could not be parsed outside of a trace. `truncated` traces were cut off, `partial` ones were
    still arriving, `unprocessed` ones were listed or asked for and not returned. `windows` are spans of time
    that could not be listed.
    """

    documents: int = 0
    truncated: int = 0
    unprocessed: int = 0
    partial: int = 0
    windows: int = 0


def total(parts: Iterable[SkippedTraces]) -> SkippedTraces:
    """All that was skipped."""
    return SkippedTraces(*map(sum, zip(SkippedTraces(), *parts, strict=True)))


class SourceReport(NamedTuple):
    """What a source says after reading.

    `elsewhere` is True where the source has only some of the traces, and others are kept in another place.
    `regions`, `start` and `end` (Unix seconds) are what was asked for, None where the readings say it.
    `notes` tell what was read where and what it cost, a line each. `interrupted` tells that it was ended by
    hand: what was read until then counts. `first` is when the first of it was recorded, where a source that
    is not the only one says so. `covered` is what was read, whether there was anything or not; of traces by
    their ids there is none.
    """

    skipped: SkippedTraces
    elsewhere: bool = False
    regions: tuple[str, ...] | None = None
    start: float | None = None
    end: float | None = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    first: float | None = None
    covered: tuple[Coverage, ...] = ()

    @property
    def lacks_traces(self) -> bool:
        """Whether something was not read that may be any workload's."""
        return bool(self.skipped.unprocessed or self.skipped.windows or self.skipped.documents)

    @property
    def is_whole(self) -> bool:
        """Whether all was read that there is."""
        return not (self.lacks_traces or self.elsewhere or self.interrupted)


def together(reports: Iterable[SourceReport]) -> SourceReport:
    """What several sources say, as one, but for their regions."""
    parts = list(reports)
    return SourceReport(
        total(part.skipped for part in parts),
        elsewhere=any(part.elsewhere for part in parts),
        start=min((part.start for part in parts if part.start is not None), default=None),
        end=max((part.end for part in parts if part.end is not None), default=None),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        interrupted=any(part.interrupted for part in parts),
        covered=tuple(covered for part in parts for covered in part.covered),
    )


def warn_of_sampling(spans: int, warnings: Warnings) -> None:
    """Warn where so many spans say that others were never recorded."""
    if spans:
        text = (
            "spans say that only a share of the traces was kept where they were made: the calls of all "
            "others left none"
        )
        warnings.add("spans-sampled", text, spans)


class TraceSource(Protocol):
    """Where traces are kept."""

    @property
    def name(self) -> str:
        """The source in the report (`scan.source`)."""

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        """Hand all readings to what takes those of their origin, and keep none of them.

        Raises ScanError where nothing can be read at all.
        """
