"""What keeps a ledger small: days past become one entry each, what nobody needs any more goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import groupby

import msgspec

from scanner.ledger.values import (
    DAY,
    HOUR,
    Bucket,
    BucketKey,
    Day,
    HourRead,
    Ledger,
    RoleRead,
    hours_of,
)
from scanner.model import GrantName
from scanner.usage.state import CodeState, StateUnreadError, WorkloadState

FOLD_AFTER = 2 * DAY
"""Where all hours of a day are settled, none of them is read again."""
FOLD_PARTS_AFTER = 100 * DAY
"""Hours that are missing may still come: X-Ray keeps traces for 30 days, log groups keep spans longer."""
_ROLES_AFTER = 2 * DAY  # two runs at once do not last as long
_HOURS = DAY // HOUR
_STARTS = 5  # of complete traces are kept of a day: all of them are counted

AddUp = Callable[[Iterable[bytes]], bytes]
"""What adds up usage: encoded, of several hours, to that of all of them."""


def added_up(contents: Iterable[bytes]) -> bytes:
    """The usage of several hours, added up; of the starts of complete traces the newest alone.

    Raises StateUnreadError.
    """
    from scanner.usage.builder import UsageBuilder
    from scanner.usage.state import decode, encode

    builder = UsageBuilder()
    for content in contents:
        builder.add_state(decode(content))
    state = builder.state()
    return encode(msgspec.structs.replace(state, workloads=tuple(map(_with_few_starts, state.workloads))))


def _with_few_starts(workload: WorkloadState) -> WorkloadState:
    return msgspec.structs.replace(
        workload,
        code=_newest_of(workload.code),
        of_versions=tuple((version, _newest_of(code)) for version, code in workload.of_versions),
    )


def _newest_of(code: CodeState) -> CodeState:
    return msgspec.structs.replace(code, newest_complete=code.newest_complete[-_STARTS:])


def tidied(ledger: Ledger, now: float, add_up: AddUp = added_up) -> Ledger:
    """The same ledger, smaller: no evidence under the newest mapping is lost, and no use."""
    ledger = without_outdated(ledger)
    ledger = replace(ledger, roles=_thinned(ledger.roles, now - _ROLES_AFTER))
    return folded(ledger, now, add_up)


def folded(ledger: Ledger, now: float, add_up: AddUp) -> Ledger:
    """The ledger with one entry for each day of which no hour is read again."""
    buckets, days = dict(ledger.buckets), dict(ledger.days)
    for day, keys in groupby(sorted(ledger.buckets, key=_by_day), key=lambda key: key.day):
        age, hours = now - day.start - DAY, list(keys)
        whole = {_hour(key): buckets[key] for key in hours if buckets[key].whole}
        settled = sum(HourRead(key.start, buckets[key].read_at, buckets[key].whole).settled for key in hours)
        if age < (FOLD_AFTER if settled == _HOURS else FOLD_PARTS_AFTER):
            continue
        if whole and day not in days:
            try:
                days[day] = _added_up(whole, add_up)
            except StateUnreadError:  # of another version of the program: it is no evidence any more
                days[day] = Day(0, min(bucket.read_at for bucket in whole.values()), b"")
        for key in hours:
            del buckets[key]
    return replace(ledger, buckets=buckets, days=days)


def _by_day(key: BucketKey) -> tuple[BucketKey, int]:
    return key.day, key.start


def _hour(key: BucketKey) -> int:
    return key.start % DAY // HOUR


def _added_up(whole: Mapping[int, Bucket], add_up: AddUp) -> Day:
    bits = sum(1 << hour for hour in whole)
    read_at = min(bucket.read_at for bucket in whole.values())
    return Day(bits, read_at, add_up(bucket.content for bucket in whole.values()))


def without_outdated(ledger: Ledger) -> Ledger:
    """The ledger without hours that were read later, and whole, under another mapping."""
    if len({key.mapping for key in (*ledger.buckets, *ledger.days)}) < 2:
        return ledger
    whole = [(key, bucket.read_at) for key, bucket in ledger.buckets.items() if bucket.whole]
    whole += [(hour, day.read_at) for key, day in ledger.days.items() for hour in hours_of(key, day)]
    newest: dict[BucketKey, tuple[float, str]] = {}
    for key, read_at in whole:
        place = key._replace(mapping="")
        newest[place] = max(newest.get(place, (read_at, key.mapping)), (read_at, key.mapping))

    def outdated(key: BucketKey) -> bool:
        return newest.get(key._replace(mapping=""), (0.0, key.mapping))[1] != key.mapping

    return replace(
        ledger,
        buckets={key: bucket for key, bucket in ledger.buckets.items() if not outdated(key)},
        days={key: day for key, day in ledger.days.items() if not all(map(outdated, hours_of(key, day)))},
    )


def _thinned(
    roles: Mapping[RoleRead, frozenset[GrantName]], before: float
) -> dict[RoleRead, frozenset[GrantName]]:
    """Without earlier readings between two that say the same."""
    kept: dict[RoleRead, frozenset[GrantName]] = {}
    for _, group in groupby(sorted(roles), key=lambda read: read.role):
        reads = list(group)
        for at, read in enumerate(reads):
            around = {roles[near] for near in reads[max(at - 1, 0) : at + 2]}
            if len(around) > 1 or at in (0, len(reads) - 1) or read.read_at >= before:
                kept[read] = roles[read]
    return kept


def pruned(ledger: Ledger, before: float) -> Ledger:
    """The ledger without what was seen only before a time (Unix seconds)."""
    return Ledger(
        buckets={key: bucket for key, bucket in ledger.buckets.items() if key.start >= before},
        days={key: day for key, day in ledger.days.items() if key.start >= before},
        uses={use: seen for use, seen in ledger.uses.items() if seen.last >= before or not seen.last},
        roles={read: grants for read, grants in ledger.roles.items() if read.read_at >= before},
        runs={name: run for name, run in ledger.runs.items() if run.at >= before},
    )
