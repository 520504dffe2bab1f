"""Some weeks of nights that keep a ledger: each says what one big scan of all traces says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.ledger import DAY, EMPTY, HOUR, Ledger, merged
from scanner.ledger.fold import tidied
from scanner.model import Usage
from tests.simulate import nights as simulated
from tests.simulate.nights import Night, Nights, big_scan, differences, drawn, request_of, scanned

DAYS = 45
"""So many that days are folded."""


@pytest.fixture(scope="module")
def few() -> Nights:
    return drawn(seed=7, days=4)


def after(nights: Nights, *runs: Night, ledger: Ledger = EMPTY) -> Ledger:
    """The ledger after some runs."""
    for night in runs:
        ledger = merged(ledger, scanned(nights, request_of(night, ledger)).recorded or EMPTY)
    return ledger


def night(day: float, asked: float = 24, fate: str = "whole") -> Night:
    return Night(simulated.BEGIN + day * DAY, asked * HOUR, fate)


def test_what_a_ledger_knows_is_what_one_big_scan_shows() -> None:
    assert list(differences(drawn(seed=3, days=DAYS, traces_a_day=10), every=15)) == []


def test_a_second_run_reads_only_what_is_new(few: Nights) -> None:
    ledger = after(few, night(2))
    result = scanned(few, request_of(night(3), ledger))
    assert result.traced.start == simulated.BEGIN + 2 * DAY - 3 * HOUR
    known = result.traced.from_ledger
    assert known is not None
    assert (known.since, known.hours, known.days) == (simulated.BEGIN + DAY, 49, 3)


def test_what_was_used_is_not_forgotten_when_an_hour_is_read_again(few: Nights) -> None:
    ledger = after(few, night(2))
    gone = replace(few, traces=())
    again = scanned(gone, request_of(night(2), ledger))
    assert {usage.workload for usage in again.traced.usages} != set()
    assert all(usage.evidence.traces == 0 or usage.used for usage in again.traced.usages)


def without_evidence(usages: list[Usage]) -> dict[str | None, list[str]]:
    return {usage.workload: sorted(need.permission.action for need in usage.used) for usage in usages}


@pytest.mark.parametrize("fate", ["filtered", "partly"])
def test_a_run_that_saw_only_some_traces_is_no_evidence(few: Nights, fate: str) -> None:
    share = 0.5
    request = request_of(night(2, fate=fate), EMPTY)
    first = scanned(few, request, share)
    assert first.recorded is not None
    assert first.recorded.uses
    assert not any(bucket.whole for bucket in first.recorded.buckets.values())
    new = replace(few, traces=tuple(t for t in few.traces if t.at > night(2).now))
    alone = scanned(new, request_of(night(3), EMPTY)).traced.by_workload
    later = scanned(new, request_of(night(3), first.recorded)).traced.by_workload
    assert {key: usage.evidence for key, usage in later.items()} == {
        key: usage.evidence for key, usage in alone.items()
    }
    for workload, usage in first.traced.by_workload.items():
        assert set(usage.used) <= set(later[workload].used)


def test_another_mapping_confirms_nothing_and_rescues(few: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner import with_ledger

    ledger = after(few, night(1), night(2))
    monkeypatch.setattr(with_ledger, "fingerprint", lambda *_: "of an upgrade")
    upgraded = scanned(few, request_of(night(3), ledger))
    # the time that is asked for is read anew, what is before it is no evidence any more
    assert upgraded.traced.start == simulated.BEGIN + 2 * DAY
    alone = scanned(few, request_of(night(3), EMPTY))
    evidence = {key: usage.evidence for key, usage in upgraded.traced.by_workload.items()}
    assert evidence == {key: usage.evidence for key, usage in alone.traced.by_workload.items()}
    everything = big_scan(replace(few, runs=(night(1), night(3))), night(3).now)
    assert without_evidence(list(upgraded.traced.usages)) == without_evidence(list(everything.traced.usages))


def test_a_read_only_run_reads_what_is_asked_and_adds_nothing(few: Nights) -> None:
    ledger = after(few, night(2))
    result = scanned(few, request_of(night(3, asked=1, fate="read-only"), ledger))
    assert result.recorded is None
    assert result.traced.start == night(3).now - HOUR
    whole = scanned(few, request_of(night(2), EMPTY)).traced.by_workload
    for workload, usage in result.traced.by_workload.items():
        if workload in whole:
            assert usage.evidence.traces >= whole[workload].evidence.traces


def test_a_run_by_trace_ids_of_hours_long_known_takes_nothing_away(few: Nights) -> None:
    ledger = tidied(after(few, night(1), night(2), night(3), night(4)), simulated.BEGIN + 9 * DAY)
    assert ledger.days
    request = request_of(night(9, asked=1, fate="read-only"), ledger)
    known = scanned(replace(few, traces=()), request).traced.by_workload
    # one of the traces of each day is asked for again
    again = replace(few, traces=few.traces[::20])
    asked = replace(request, start=simulated.BEGIN, end=simulated.BEGIN + 3 * DAY, trace_ids=("1-2",))
    for workload, usage in scanned(again, asked).traced.by_workload.items():
        assert usage.evidence == known[workload].evidence
        assert usage.used == known[workload].used
