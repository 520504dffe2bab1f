"""What keeps a ledger small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.ledger import (
    DAY,
    HOUR,
    PERIOD,
    Bucket,
    BucketKey,
    Fold,
    GrantName,
    Ledger,
    MemoryStore,
    RoleRead,
    Run,
    Seen,
    Use,
    merged,
)
from scanner.ledger.fold import FOLD_AFTER, FOLD_PARTS_AFTER, folded, pruned, tidied, without_outdated
from scanner.model import Call, ObservedCall, Outcome
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.usage.builder import UsageBuilder
from scanner.usage.state import decode, encode
from tests.examples import examples
from tests.unit.ledger.ledgers import ACCOUNT, NEED, REGION, contents, ledgers

_KEY = BucketKey(ACCOUNT, REGION, "xray", "m1", 0)
_FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:worker"


def joined(contents: Iterable[bytes]) -> bytes:
    return b"+".join(contents)


def hours(starts: Iterable[int], mapping: str = "m1", read_at: float = 9e9) -> Ledger:
    keys = [_KEY._replace(start=start, mapping=mapping) for start in starts]
    return Ledger(buckets={key: Bucket(True, read_at, b"%d" % (key.start // HOUR)) for key in keys})


_WHOLE_DAY = hours(range(0, DAY, HOUR))


def test_a_day_of_which_an_hour_may_still_change_is_not_folded() -> None:
    early = merged(hours(range(0, DAY - HOUR, HOUR)), hours([DAY - HOUR], read_at=DAY + 1.0))
    assert folded(early, DAY + FOLD_AFTER, joined) == early


def test_a_day_past_becomes_one_entry() -> None:
    assert folded(_WHOLE_DAY, DAY + FOLD_AFTER - 1, joined) == _WHOLE_DAY
    small = folded(_WHOLE_DAY, DAY + FOLD_AFTER, joined)
    assert not small.buckets
    assert small.days == {_KEY: Fold(2**24 - 1, 9e9, b"+".join(b"%d" % hour for hour in range(24)))}


def test_a_day_with_gaps_waits_for_its_hours_longer() -> None:
    some = hours([0, 5 * HOUR])
    assert folded(some, DAY + FOLD_PARTS_AFTER - 1, joined) == some
    assert folded(some, DAY + FOLD_PARTS_AFTER, joined).days == {_KEY: Fold(0b100001, 9e9, b"0+5")}


def test_an_hour_with_holes_is_no_part_of_a_day() -> None:
    holed = Ledger(buckets={**hours([0]).buckets, _KEY._replace(start=HOUR): Bucket(False, 9.0, b"")})
    assert folded(holed, DAY + FOLD_PARTS_AFTER, joined).days == {_KEY: Fold(1, 9e9, b"0")}


def test_content_of_another_version_is_no_evidence_any_more() -> None:
    small = tidied(_WHOLE_DAY, DAY + FOLD_AFTER)
    assert small.days == {_KEY: Fold(0, 9e9, b"")}
    assert not list(small.evidence("m1"))


@given(ledgers, st.sampled_from([0.0, DAY + FOLD_AFTER, 3 * DAY + FOLD_PARTS_AFTER]))
@examples(60)
def test_folding_loses_no_use_and_does_nothing_the_second_time(ledger: Ledger, now: float) -> None:
    ledger = merged(ledger, ledger)
    small = tidied(ledger, now, joined)
    assert small.uses == ledger.uses
    assert small.runs == ledger.runs
    assert tidied(small, now, joined) == small
    assert merged(small, small) == small


@given(ledgers, ledgers, st.sampled_from([0.0, DAY + FOLD_AFTER]))
@examples(60)
def test_what_was_folded_merges_as_what_was_not(a: Ledger, b: Ledger, now: float) -> None:
    """But for hours of the same day that come after it was folded: these are no evidence."""
    a = replace(a, days={})
    small = folded(a, now, joined)
    b = replace(b, days={}, buckets={k: bucket for k, bucket in b.buckets.items() if k.day not in small.days})
    assert folded(merged(a, b), now, joined) == folded(merged(small, b), now, joined)


def _usage_of(contents: Iterable[bytes]) -> object:
    builder = UsageBuilder()
    for content in contents:
        builder.add_state(decode(content))
    usages = builder.usages()
    observed = [usage.evidence.observed_since(change) for usage in usages for change in (0.0, 1.0 * DAY)]
    newest = [usage.evidence.newest_complete[:1] for usage in usages]
    evidence = [replace(usage.evidence, newest_complete=()) for usage in usages]
    usages = [replace(usage, evidence=of) for usage, of in zip(usages, evidence, strict=True)]
    return usages, observed, newest, builder.traces, builder.calls


@given(st.lists(st.integers(0, 3 * DAY // 1_000 - 1), min_size=1, max_size=12))
@examples(30)
def test_evidence_is_the_same_once_days_are_folded(times: list[int]) -> None:
    builders = {start: UsageBuilder() for start in range(0, 3 * DAY, HOUR)}
    for number, time in enumerate(times):
        at = time * 1_000.0
        call = Call(_FUNCTION, "S3", "ListBuckets", (), REGION, ACCOUNT, Outcome.OK)
        reading = TraceReading(
            f"1-0000000{number:x}-0123456789abcdef01234567",
            1,
            start=at,
            end=at + 1,
            workloads={_FUNCTION: WorkloadRun(at, ran=True)},
            calls=[ObservedCall(call, at)],
        )
        builders[int(at) // HOUR * HOUR].add_reading(reading)
    ledger = Ledger(
        buckets={
            _KEY._replace(start=start): Bucket(True, 9e9, encode(builder.state()))
            for start, builder in builders.items()
        }
    )
    small = tidied(ledger, 2 * DAY + FOLD_AFTER)
    assert (len(small.days), len(small.buckets)) == (2, 24)
    assert _usage_of(contents(small)) == _usage_of(contents(ledger))


def test_hours_that_were_read_later_by_other_rules_replace_earlier_ones() -> None:
    both = merged(hours([0, HOUR], "m1", 5.0), hours([HOUR], "m2", 6.0))
    assert {(key.start, key.mapping) for key in without_outdated(both).buckets} == {(0, "m1"), (HOUR, "m2")}


def test_a_folded_day_is_replaced_once_all_of_it_was_read_by_other_rules() -> None:
    day = Ledger(days={_KEY: Fold(0b11, 5.0, b"day")})
    assert without_outdated(merged(day, hours([0], "m2"))).days
    assert not without_outdated(merged(day, hours([0, HOUR], "m2"))).days


def _days(numbers: Iterable[int]) -> Ledger:
    return Ledger(days={_KEY._replace(start=n * DAY): Fold(0b11, 5.0 + n, b"%d" % n) for n in numbers})


def test_thirty_days_become_one_entry() -> None:
    month = _days(range(30))
    assert folded(month, PERIOD + FOLD_AFTER - 1, joined) == month
    small = folded(month, PERIOD + FOLD_AFTER, joined)
    assert not small.days
    assert small.periods[_KEY].content == b"+".join(b"%d" % n for n in range(30))
    whole = [hour.start for hour in small.hours(ACCOUNT, REGION, "xray", "m1").values() if hour.whole]
    assert whole == [n * DAY + hour for n in range(30) for hour in (0, HOUR)]


def test_a_period_of_which_a_day_is_missing_waits_longer() -> None:
    some = _days([0, 2])
    assert folded(some, PERIOD + FOLD_PARTS_AFTER - 1, joined) == some
    assert folded(some, PERIOD + FOLD_PARTS_AFTER, joined).periods[_KEY].content == b"0+2"


def test_a_period_waits_for_hours_that_are_not_folded() -> None:
    both = merged(_days(range(29)), hours([29 * DAY]))
    assert not folded(both, PERIOD + FOLD_AFTER, joined).periods


def test_readings_of_a_role_that_say_the_same_are_kept_once() -> None:
    some, more = frozenset({GrantName("p", "a:B", "*")}), frozenset[GrantName]()
    reads = {at: more if at == 3 else some for at in range(10)}
    ledger = Ledger(roles={RoleRead("role", float(at)): grants for at, grants in reads.items()})
    small = tidied(ledger, 1_000_000.0, joined)
    assert [read.read_at for read in small.roles] == [0.0, 2.0, 3.0, 4.0, 9.0]
    assert small.appeared("role") == ledger.appeared("role")


def test_pruning_forgets_what_was_seen_only_before() -> None:
    ledger = Ledger(
        buckets=hours([DAY, 2 * DAY]).buckets,
        days={_KEY: Fold(1, 5.0, b"")},
        uses={Use("f", NEED, True): Seen(1.0, 2.0, 1), Use("g", NEED, True): Seen(1.0, 2.0 * DAY, 1)},
        roles={RoleRead("role", at): frozenset() for at in (1.0, 2.0 * DAY)},
        runs={name: Run(at, "", (), None) for name, at in (("old", 1.0), ("new", 2.0 * DAY))},
    )
    kept = pruned(ledger, 2.0 * DAY)
    assert [key.start for key in kept.buckets] == [2 * DAY]
    assert not kept.days
    assert [use.workload for use in kept.uses] == ["g"]
    assert len(kept.roles) == 1
    assert set(kept.runs) == {"new"}


def test_memory_is_kept_small() -> None:
    store = MemoryStore(tidy=lambda ledger: folded(ledger, DAY + FOLD_AFTER, joined))
    assert not store.add(_WHOLE_DAY).buckets


@pytest.mark.parametrize("now", [0.0, 9e9])
def test_an_empty_ledger_stays_empty(now: float) -> None:
    assert tidied(Ledger(), now) == Ledger()
