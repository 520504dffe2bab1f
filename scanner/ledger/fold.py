"""What keeps a ledger small: days past become one entry each, what nobody needs any more goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec

from scanner.ledger.values import (
    DAY,
    HOUR,
    PERIOD,
    Bucket,
    BucketKey,
    Fold,
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
_HOURS, _DAYS = DAY // HOUR, PERIOD // DAY
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
    """The ledger with one entry for each day of which no hour is read again, and one for 30 such days."""
    return _with_periods(_with_days(ledger, now, add_up), now, add_up)


def _with_days(ledger: Ledger, now: float, add_up: AddUp) -> Ledger:
    buckets, days = dict(ledger.buckets), dict(ledger.days)
    for day, keys in _grouped(ledger.buckets, lambda key: key.day):
        settled = [key for key in keys if _settled(key, buckets[key])]
        if now - day.start - DAY < (FOLD_AFTER if len(settled) == _HOURS else FOLD_PARTS_AFTER):
            continue
        hours = [(key, buckets.pop(key)) for key in keys]
        whole = [(key, Fold(1, hour.read_at, hour.content)) for key, hour in hours if hour.whole]
        if whole and day not in days:
            days[day] = _added_up(day, whole, add_up)
    return replace(ledger, buckets=buckets, days=days)


def _settled(key: BucketKey, bucket: Bucket) -> bool:
    return HourRead(key.start, bucket.read_at, bucket.whole).settled


def _with_periods(ledger: Ledger, now: float, add_up: AddUp) -> Ledger:
    unfolded = {key.period for key in ledger.buckets}
    days, periods = dict(ledger.days), dict(ledger.periods)
    for period, keys in _grouped(ledger.days, lambda key: key.period):
        wait = FOLD_AFTER if len(keys) == _DAYS else FOLD_PARTS_AFTER
        if now - period.start - PERIOD >= wait and period not in unfolded:
            parts = [(key, days.pop(key)) for key in keys]
            if period not in periods:
                periods[period] = _added_up(period, parts, add_up)
    return replace(ledger, days=days, periods=periods)


def _grouped(
    keys: Iterable[BucketKey], fold_of: Callable[[BucketKey], BucketKey]
) -> list[tuple[BucketKey, list[BucketKey]]]:
    """The keys by what they are folded into, those of each in the order of time."""
    ordered = sorted(keys, key=lambda key: (fold_of(key), key.start))
    return [(fold, list(group)) for fold, group in groupby(ordered, key=fold_of)]


def _added_up(key: BucketKey, parts: Sequence[tuple[BucketKey, Fold]], add_up: AddUp) -> Fold:
    """The parts of a day or a period as one."""
    read_at = min(fold.read_at for _, fold in parts)
    hours = sum(fold.hours << (part.start - key.start) // HOUR for part, fold in parts)
    try:
        return Fold(hours, read_at, add_up([fold.content for _, fold in parts if fold.hours]))
    except StateUnreadError:  # of another version of the program: it is no evidence any more
        return Fold(0, read_at, b"")


def without_outdated(ledger: Ledger) -> Ledger:
    """The ledger without hours that were read later, and whole, under another mapping."""
    if len({key.mapping for key in (*ledger.buckets, *ledger.days, *ledger.periods)}) < 2:
        return ledger
    whole = [(key, bucket.read_at) for key, bucket in ledger.buckets.items() if bucket.whole]
    whole += [(hour, fold.read_at) for key, fold in ledger.folds() for hour in hours_of(key, fold)]
    newest: dict[BucketKey, tuple[float, str]] = {}
    for key, read_at in whole:
        place = key._replace(mapping="")
        newest[place] = max(newest.get(place, (read_at, key.mapping)), (read_at, key.mapping))

    def outdated(key: BucketKey) -> bool:
        return newest.get(key._replace(mapping=""), (0.0, key.mapping))[1] != key.mapping

    def current(folds: Mapping[BucketKey, Fold]) -> dict[BucketKey, Fold]:
        return {key: fold for key, fold in folds.items() if not all(map(outdated, hours_of(key, fold)))}

    return replace(
        ledger,
        buckets={key: bucket for key, bucket in ledger.buckets.items() if not outdated(key)},
        days=current(ledger.days),
        periods=current(ledger.periods),
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
        periods={key: period for key, period in ledger.periods.items() if key.start >= before},
        uses={use: seen for use, seen in ledger.uses.items() if seen.last >= before or not seen.last},
        roles={read: grants for read, grants in ledger.roles.items() if read.read_at >= before},
        runs={name: run for name, run in ledger.runs.items() if run.at >= before},
    )
