"""Of an hour that several sources show, one counts."""

from __future__ import annotations

import pytest

from scanner.ledger import DAY, HOUR, Bucket, BucketKey, Fold, Ledger
from scanner.ledger.once import Hour, sources_that_count

BOTH = ("xray", "spans")


def key(source: str, start: int = 0, region: str = "r") -> BucketKey:
    return BucketKey("1", region, source, "m", start)


def known(*sources: str, whole: bool = True) -> Ledger:
    return Ledger(buckets={key(source): Bucket(whole, 9e9, b"") for source in sources})


@pytest.mark.parametrize(
    ("ledger", "asked", "counting"),
    [
        (known("xray", "spans"), BOTH, None),  # the hour in which a region was switched over
        (known("xray", "spans", "spans:g"), BOTH, BOTH),
        (known("spans:g"), BOTH, ("spans:g",)),
        (known("spans", "spans:g"), ("spans:g",), ("spans:g",)),
        (known("xray", "spans"), ("spans:g",), ("spans",)),
        (Ledger(days={key("spans"): Fold(0b10, 9.0, b"")}), ("spans:g",), None),
    ],
)
def test_the_sources_that_a_scan_asks_come_first(
    ledger: Ledger, asked: tuple[str, ...], counting: tuple[str, ...] | None
) -> None:
    found = sources_that_count(ledger, "m", frozenset(), [("1", "r", asked)])
    assert found.get(Hour("1", "r", 0)) == counting


def test_an_hour_that_was_just_read_counts_before_what_others_showed_of_it() -> None:
    day = Ledger(days={key("spans"): Fold(0b11, 9.0, b"")})
    found = sources_that_count(day, "m", {key("spans:g", HOUR)}, [("1", "r", ("spans:g",))])
    assert found == {Hour("1", "r", 0): ("spans",), Hour("1", "r", HOUR): ("spans:g",)}
    assert not sources_that_count(day, "m", {key("spans:g", DAY)}, [("1", "elsewhere", ("spans:g",))])
