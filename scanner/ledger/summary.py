"""What a ledger knows, in a few numbers. Pure. Times are Unix seconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from scanner.ledger.values import HOUR, HourRead, Ledger, Source
from scanner.usage.state import Seen, StateUnreadError, UsageState, decode


class Place(NamedTuple):
    """Where traces are read."""

    account: str
    region: str
    source: Source


class Span(NamedTuple):
    """A time, from the start of an hour to the end of one."""

    start: int
    end: int

    @property
    def hours(self) -> int:
        """How many hours it has."""
        return (self.end - self.start) // HOUR


@dataclass(frozen=True)
class Coverage:
    """What is known of a place: the times that were read whole, and those between that were not.

    `mapping` is the one under which it was read last; what is known under others only is `outdated`, which
    rescues and is no evidence.
    """

    place: Place
    mapping: str
    read: tuple[Span, ...]
    missing: tuple[Span, ...]
    outdated: int

    @property
    def hours(self) -> int:
        """How many hours were read whole."""
        return sum(span.hours for span in self.read)


@dataclass(frozen=True)
class Observed:
    """What was seen of a workload: complete traces by day (Unix days), how many uses, when first and last."""

    workload: str
    days: tuple[tuple[int, int], ...]
    uses: int
    first: float | None
    last: float | None

    @property
    def traces(self) -> int:
        """How many complete traces."""
        return sum(traces for _, traces in self.days)


def coverage_of(ledger: Ledger) -> list[Coverage]:
    """What is known of each place, by account, region and source."""
    read: dict[Place, dict[str, float]] = defaultdict(dict)
    newest = [(key, bucket.read_at) for key, bucket in ledger.buckets.items()]
    for key, read_at in [*newest, *((key, fold.read_at) for key, fold in ledger.folds())]:
        mappings = read[Place(*key[:3])]
        mappings[key.mapping] = max(read_at, mappings.get(key.mapping, read_at))
    return [_coverage(ledger, place, read[place]) for place in sorted(read)]


def _coverage(ledger: Ledger, place: Place, mappings: dict[str, float]) -> Coverage:
    newest, *others = sorted(mappings, key=lambda mapping: (mappings[mapping], mapping), reverse=True)
    hours = ledger.hours(*place, newest)
    whole = [start for start, hour in hours.items() if hour.whole]
    between = range(min(whole, default=0), max(whole, default=-HOUR) + HOUR, HOUR)
    older = {start for mapping in others for start in _whole(ledger.hours(*place, mapping).values())}
    return Coverage(
        place,
        newest,
        read=spans_of(whole),
        missing=spans_of(set(between).difference(whole)),
        outdated=len(older.difference(whole)),
    )


def _whole(hours: Iterable[HourRead]) -> list[int]:
    return [hour.start for hour in hours if hour.whole]


def spans_of(hours: Iterable[int]) -> tuple[Span, ...]:
    """Hours as times without a break."""
    groups = groupby(enumerate(sorted(hours)), key=lambda item: item[1] - item[0] * HOUR)
    runs = ([start for _, start in group] for _, group in groups)
    return tuple(Span(run[0], run[-1] + HOUR) for run in runs)


def observed_of(ledger: Ledger, coverage: Iterable[Coverage]) -> list[Observed]:
    """What was seen of each workload, by its key. Only evidence counts, of which nothing is outdated."""
    current = {(*known.place, known.mapping) for known in coverage}
    contents = [
        bucket.content for key, bucket in ledger.buckets.items() if bucket.whole and key[:4] in current
    ]
    contents += [fold.content for key, fold in ledger.folds() if key[:4] in current]
    days: dict[str, Counter[int]] = defaultdict(Counter)
    for state in (state for content in contents for state in _states(content)):
        for workload in state.workloads:
            codes = (workload.code, *(code for _, code in workload.of_versions))
            for day, runs in (of_day for code in codes for of_day in code.days):
                if workload.workload is not None:
                    days[workload.workload][day] += runs.traces
    uses: dict[str, list[Seen]] = defaultdict(list)
    for use, seen in ledger.uses.items():
        uses[use.workload].append(seen)
    return [
        Observed(
            workload,
            tuple(sorted(days[workload].items())),
            len(uses[workload]),
            min((seen.first for seen in uses[workload] if seen.first), default=None),
            max((seen.last for seen in uses[workload] if seen.last), default=None),
        )
        for workload in sorted({*days, *uses})
    ]


def _states(content: bytes) -> list[UsageState]:
    """The state, none where another version of the program wrote it."""
    try:
        return [decode(content)] if content else []
    except StateUnreadError:
        return []


def hours_in(ledger: Ledger) -> int:
    """How many hours were read whole, under whatever mapping."""
    whole = sum(bucket.whole for bucket in ledger.buckets.values())
    return whole + sum(fold.hours.bit_count() for _, fold in ledger.folds())
