"""Calls under other credentials than the workload's own, told apart within one trace. Pure.

Only salted hashes of access keys are compared. Temporary keys are replaced every few hours: a key that takes
the place of another is the workload's own. It is another's where it comes after the workload asked for
credentials, or stands side by side with the one that most calls use.
docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from scanner.spans.record import Flags, Record

_NONE = b"\0" * 8


class OwnedRecord(Protocol):
    """A call with the workload that made it."""

    @property
    def record(self) -> Record:
        """The call."""

    @property
    def workload(self) -> str | None:
        """The workload's key."""


def of_others(calls: Sequence[OwnedRecord]) -> frozenset[bytes]:
    """The ids of the calls that were made under other credentials."""
    keys = {item.record.credentials for item in calls} - {_NONE}
    if len(keys) < 2:
        return frozenset()
    by_workload: dict[str | None, list[Record]] = {}
    for item in calls:
        if item.record.credentials != _NONE:
            by_workload.setdefault(item.workload, []).append(item.record)
    return frozenset(id_ for records in by_workload.values() for id_ in _of_others(records))


def _of_others(records: Iterable[Record]) -> Iterable[bytes]:
    """The ids of calls of one workload whose key is not its own."""
    ordered = sorted(records, key=lambda record: record.start)
    counts = Counter(record.credentials for record in ordered)
    if len(counts) < 2:
        return ()
    asked = [record for record in ordered if record.flags & Flags.ASSUMES]
    own = asked[0].credentials if asked else _most_used(ordered, counts)
    last_own = max(record.start for record in ordered if record.credentials == own)
    foreign = set()
    for key in counts.keys() - {own}:
        first = next(record.start for record in ordered if record.credentials == key)
        side_by_side = first < last_own and counts[key] < counts[own]
        after_asking = any(record.credentials == own and record.start <= first for record in asked)
        if side_by_side or after_asking:
            foreign.add(key)
    return [record.id for record in ordered if record.credentials in foreign]


def _most_used(ordered: Sequence[Record], counts: Counter[bytes]) -> bytes:
    """The key of most calls; of several the one that was used first."""
    return max(ordered, key=lambda record: counts[record.credentials]).credentials
