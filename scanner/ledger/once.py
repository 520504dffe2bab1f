"""Which source of an hour is evidence, where several were read: what two of them show may be the same traces.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import chain
from typing import NamedTuple

from scanner.ledger.values import BucketKey, Ledger, Source


class Hour(NamedTuple):
    """An hour of the traces of an account in a region."""

    account: str
    region: str
    start: int


def sources_that_count(
    ledger: Ledger,
    mapping: str,
    read: Set[BucketKey],
    asked: Iterable[tuple[str, str, tuple[Source, ...]]],
) -> Mapping[Hour, tuple[Source, ...]]:
    """Of each hour that more than one source may show, those that count.

    `read` are the hours that were read now. `asked` are the account, the region and the sources of each scan,
    which are read in one go, so that they show each trace once: they come first. Others count in hours of
    which these show nothing, in the order of their names.
    """
    counting: dict[Hour, tuple[Source, ...]] = {}
    for account, region, sources in asked:
        place = (account, region)
        known = chain(ledger.buckets, ledger.days, ledger.periods)
        others = sorted({key.source for key in known if key[:2] == place} - set(sources))
        for stores in (sources, *((other,) for other in others)) if others else ():
            hours = {key.start for key in read if key[:2] == place and key.source in stores}
            for store in stores:
                hours.update(
                    hour.start for hour in ledger.hours(*place, store, mapping).values() if hour.whole
                )
            for start in hours:
                counting.setdefault(Hour(*place, start), stores)
    return counting
