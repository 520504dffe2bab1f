"""What a run read as what it adds to the ledger, and what a ledger knows as usage. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from scanner.ledger.plan import hour_of
from scanner.ledger.values import DAY, HOUR, LATE, Bucket, BucketKey, Ledger
from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.traces.source import Coverage, Item, Origin
from scanner.usage.builder import UsageBuilder
from scanner.usage.state import Counters, Seen, UsageState, Use, encode, uses_of
from scanner.usage.times import FIRST_TRACE

_OPEN = 7 * DAY  # so long X-Ray adds to a trace: what is earlier in an id is no time of it
# docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html: a version, the time in hex, 96 bits
_TIMED_ID = re.compile(r"1-([0-9a-f]{8})-")


def hour_of_item(item: Item, origin: Origin, now: float) -> int | None:
    """The hour of a trace: that of its id, by which X-Ray lists it, else of its start.

    Both count where they are in the time that was read. An aggregated row is of the time of its origin. None
    is for a trace that began before that time, and was added to in it: it may stand in the hour of its start
    already. Where something of it is missing, it has an hour all the same: its doubt counts.
    """
    first, last = max(origin.start, FIRST_TRACE), min(origin.end, now + DAY)
    start, made = _start_of(item), _time_in_id(item)
    if isinstance(item, TraceReading) and _is_older(made, start, first, last):
        return None if item.complete else hour_of(first)
    for time in (made, start):
        if time is not None and first <= time <= last:
            return hour_of(time)
    return hour_of(min(max(now if start is None else start, first), last))


def _is_older(made: float | None, start: float | None, first: float, last: float) -> bool:
    """Whether a trace began before a span of time, by its id or, where that tells no time, by its start."""
    if made is not None and max(FIRST_TRACE, first - _OPEN) <= made <= last:
        return made < first
    return start is not None and FIRST_TRACE <= start < first


def _time_in_id(item: Item) -> float | None:
    timed = None if isinstance(item, RunRow) else _TIMED_ID.match(item.trace_id)
    return float(int(timed[1], 16)) if timed else None


def _start_of(item: Item) -> float | None:
    if isinstance(item, TraceReading):
        return item.start
    return item.first_seen if isinstance(item, CallRow) else item.first


def hours_read(
    covered: Iterable[tuple[str, Coverage]], states: Mapping[BucketKey, UsageState], mapping: str, now: float
) -> dict[BucketKey, Bucket]:
    """Each hour that a run covered which reads all there is, by account; also those without a trace.

    Of an hour with a gap that may be any workload's only that is kept: it is no evidence.
    """
    buckets: dict[BucketKey, Bucket] = {}
    for account, part in covered:
        for hour in range(hour_of(part.start), hour_of(part.end) + 1, HOUR):
            key = BucketKey(account, part.region, part.store, mapping, hour)
            state = states.get(key, UsageState())
            gaps = state.counters.unattributed_gaps
            kept = UsageState(Counters(unattributed_gaps=gaps)) if gaps else state
            whole = _is_whole(hour, part, now)
            bucket = Bucket(whole, now, encode(kept) if whole else b"")
            buckets[key] = max(bucket, buckets.get(key, bucket))
    return buckets


def _is_whole(hour: int, part: Coverage, now: float) -> bool:
    """Whether all of an hour was read; of one that is read again anyway, all until now."""
    is_last = hour + HOUR + LATE > now
    return part.whole and part.start <= hour and (is_last or part.end >= hour + HOUR - 1)


def without_gaps(state: UsageState) -> UsageState:
    """The same without what may be missing of any workload."""
    return msgspec.structs.replace(
        state, counters=msgspec.structs.replace(state.counters, unattributed_gaps=0)
    )


def only_uses(states: Iterable[tuple[str, UsageState]]) -> Ledger:
    """What a run adds that saw only some of the traces, each with its source: no use is forgotten."""
    uses: dict[Use, Seen] = {}
    for source, state in states:
        for use, seen in uses_of(state, source).items():
            uses[use] = seen.joined(uses[use]) if use in uses else seen
    return Ledger(uses=uses)


def add_uses(ledger: Ledger, builder: UsageBuilder, workloads: Iterable[str]) -> None:
    """Add to a builder what these workloads were once seen to use."""
    wanted = frozenset(workloads)
    for use, seen in ledger.uses.items():
        if use.workload in wanted:
            builder.add_use(use, seen)
