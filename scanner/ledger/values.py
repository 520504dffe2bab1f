"""The ledger as a frozen value. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from scanner.model import GrantName
from scanner.usage.state import Seen, Use

HOUR = 3_600
DAY = 86_400
PERIOD = 30 * DAY
LATE = 3 * HOUR
"""How long after an hour's end its traces may still come: an hour that was read later is never read again."""

Source = str
"""A store of traces: "xray", "spans", or "spans:GROUPS" where log groups are named."""


class BucketKey(NamedTuple):
    """What a bucket holds: one UTC hour of a source, or a UTC day, or 30 days.

    `mapping` is the fingerprint of what turned calls into permissions: under another one the hour is unknown,
    and is read anew. `start` is where the hour, the day or the 30 days start.
    """

    account: str
    region: str
    source: Source
    mapping: str
    start: int

    @property
    def day(self) -> BucketKey:
        """The key of the day that the hour is in."""
        return self._replace(start=self.start - self.start % DAY)

    @property
    def period(self) -> BucketKey:
        """The key of the 30 days that the hour or the day is in."""
        return self._replace(start=self.start - self.start % PERIOD)


class Bucket(NamedTuple):
    """What was seen in an hour. A later reading takes the place of an earlier one; one that is whole stays.

    `whole` tells that everything of it was read. `content` is the usage as `usage.state` encodes it; empty
    where it is not whole, since then it is no evidence. The order of the fields decides which one stays.
    """

    whole: bool
    read_at: float
    content: bytes


class Fold(NamedTuple):
    """The whole hours of a day, or of 30 days, added up. Nothing is added to it any more.

    Bit 0 of `hours` is the first hour. `read_at` is when the hour that was read first was read.
    """

    hours: int
    read_at: float
    content: bytes


class RoleRead(NamedTuple):
    """When the grants of a role were read."""

    role: str
    read_at: float


class RunFinding(NamedTuple):
    """A finding of a run. `label` names it for people, `failing` tells that the gate failed for it."""

    id: str
    label: str
    severity: str
    verdict: str
    confirmed: bool
    failing: bool


class Run(NamedTuple):
    """How a run ended. `scope` is what was asked: only runs of the same scope can be compared.

    `counts` are numbers by name, sorted. `findings` are None where they are no longer kept.
    """

    at: float
    scope: str
    counts: tuple[tuple[str, int], ...]
    findings: tuple[RunFinding, ...] | None


class HourRead(NamedTuple):
    """What is known of an hour of one source. `folded`: it is part of a day that takes no more hours."""

    start: int
    read_at: float
    whole: bool
    folded: bool = False

    @property
    def settled(self) -> bool:
        """Whether it need not be read again."""
        return self.folded or (self.whole and self.read_at >= self.start + HOUR + LATE)


class Known(NamedTuple):
    """The encoded usage of a time (Unix seconds): an hour, or several that were added up."""

    start: int
    end: int
    content: bytes


@dataclass(frozen=True)
class Ledger:
    """What was seen over many runs, or what one run adds.

    `buckets` are hours, `days` and `periods` (30 days) those that were folded. `uses` only grow: nothing that
    was once used is lost when an hour is read again. `roles` are the grants of each role whenever they were
    read. `runs` have an id each.
    """

    buckets: Mapping[BucketKey, Bucket] = field(default_factory=dict)
    days: Mapping[BucketKey, Fold] = field(default_factory=dict)
    periods: Mapping[BucketKey, Fold] = field(default_factory=dict)
    uses: Mapping[Use, Seen] = field(default_factory=dict)
    roles: Mapping[RoleRead, frozenset[GrantName]] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)

    def hours(self, account: str, region: str, source: Source, mapping: str) -> dict[int, HourRead]:
        """The hours that are known of a source, by their start."""
        wanted = (account, region, source, mapping)
        known = {
            start: HourRead(start, fold.read_at, bool(fold.hours >> at & 1), folded=True)
            for folds, length in ((self.periods, PERIOD), (self.days, DAY))
            for key, fold in folds.items()
            if key[:4] == wanted
            for at, start in enumerate(range(key.start, key.start + length, HOUR))
        }
        for key, bucket in self.buckets.items():
            if key[:4] == wanted:
                known[key.start] = HourRead(key.start, bucket.read_at, bucket.whole)
        return known

    def evidence(
        self, mapping: str, without: Callable[[BucketKey], bool] = lambda _: False
    ) -> Iterator[Known]:
        """All that is known for sure, in the order of time.

        Hours of which `without` is true are left out, and so are folds that have such an hour.
        """
        hours = [
            Known(key.start, key.start + HOUR, bucket.content)
            for key, bucket in self.buckets.items()
            if key.mapping == mapping and bucket.whole and not without(key)
        ]
        folds = [
            Known(key.start, key.start + fold.hours.bit_length() * HOUR, fold.content)
            for key, fold in self.folds()
            if key.mapping == mapping and fold.hours and not any(map(without, hours_of(key, fold)))
        ]
        return iter(sorted(hours + folds))

    def folds(self) -> Iterator[tuple[BucketKey, Fold]]:
        """The days and the periods that were folded."""
        return chain(self.days.items(), self.periods.items())

    def appeared(self, role: str) -> dict[GrantName, float]:
        """Since when each grant of a role has been there without a break.

        Grants that have been there since the first reading are left out: their age is not known.
        """
        since: dict[GrantName, float] = {}
        for read_at, grants in sorted(
            (key.read_at, self.roles[key]) for key in self.roles if key.role == role
        ):
            since = {grant: since.get(grant, read_at) for grant in grants}
        first = min((key.read_at for key in self.roles if key.role == role), default=0.0)
        return {grant: at for grant, at in since.items() if at != first}


def hours_of(key: BucketKey, fold: Fold) -> Iterator[BucketKey]:
    """The keys of the hours that were added up."""
    hours = range(fold.hours.bit_length())
    return (key._replace(start=key.start + at * HOUR) for at in hours if fold.hours >> at & 1)


EMPTY = Ledger()
