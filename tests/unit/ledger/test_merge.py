"""Two ledgers as one."""

from __future__ import annotations

from hypothesis import given

from scanner.ledger import EMPTY, HOUR, Bucket, BucketKey, Fold, Ledger, Run, RunFinding, Seen, Use, merged
from tests.examples import examples
from tests.unit.ledger.ledgers import ACCOUNT, NEED, REGION, contents, ledgers

_KEY = BucketKey(ACCOUNT, REGION, "xray", "m1", 0)


@given(ledgers, ledgers)
@examples(100)
def test_order_does_not_matter(a: Ledger, b: Ledger) -> None:
    assert merged(a, b) == merged(b, a)


@given(ledgers, ledgers, ledgers)
@examples(120)
def test_which_two_merge_first_does_not_matter(a: Ledger, b: Ledger, c: Ledger) -> None:
    assert merged(merged(a, b), c) == merged(a, merged(b, c))


@given(ledgers, ledgers)
@examples(100)
def test_what_comes_twice_counts_once(a: Ledger, b: Ledger) -> None:
    both = merged(a, b)
    assert merged(both, b) == merged(both, both) == merged(both, EMPTY) == both


@given(ledgers, ledgers)
@examples(100)
def test_no_use_is_ever_lost(a: Ledger, b: Ledger) -> None:
    uses = merged(a, b).uses
    assert uses.keys() == a.uses.keys() | b.uses.keys()
    for ledger in (a, b):
        for use, seen in ledger.uses.items():
            assert 0 < uses[use].first <= seen.first or not seen.first  # 0: no trace can have such a time
            assert uses[use].last >= seen.last
            assert {*uses[use].sources} >= {*seen.sources}


def test_an_hour_read_again_is_replaced() -> None:
    early = Ledger(buckets={_KEY: Bucket(True, 10.0, b"early")})
    late = Ledger(buckets={_KEY: Bucket(True, 20.0, b"late")})
    assert contents(merged(early, late)) == [b"late"]


def test_an_hour_that_was_read_whole_outlives_a_later_reading_with_gaps() -> None:
    whole = Ledger(buckets={_KEY: Bucket(True, 10.0, b"whole")})
    holed = Ledger(buckets={_KEY: Bucket(False, 20.0, b"")})
    assert contents(merged(holed, whole)) == [b"whole"]


def test_a_folded_day_takes_no_more_hours() -> None:
    day = Ledger(days={_KEY: Fold(0b01, 10.0, b"day")})
    hour = Ledger(buckets={_KEY._replace(start=HOUR): Bucket(True, 20.0, b"hour")})
    assert contents(merged(day, hour)) == [b"day"]


def test_a_use_is_seen_from_the_first_to_the_last_time() -> None:
    use = Use("function", NEED, sent=True)
    both = merged(Ledger(uses={use: Seen(5.0, 6.0, 3)}), Ledger(uses={use: Seen(1.0, 2.0, 9)}))
    assert both.uses == {use: Seen(1.0, 6.0, 9)}


def test_the_newest_runs_of_each_scope_are_kept_and_the_very_newest_have_findings() -> None:
    finding = RunFinding("f", "label", "write", "unused", confirmed=True, failing=True)
    runs = {f"{scope}{at}": Run(float(at), scope, (), (finding,)) for at in range(500) for scope in "ab"}
    kept = merged(Ledger(runs=runs), EMPTY).runs
    assert {run.at for run in kept.values() if run.scope == "a"} == set(map(float, range(100, 500)))
    assert sorted(run.at for run in kept.values() if run.findings and run.scope == "b") == list(
        map(float, range(470, 500))
    )
