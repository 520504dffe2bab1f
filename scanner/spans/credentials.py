"""Calls under other credentials than the workload's own, told apart within one trace. Pure.

Only salted hashes of access keys are compared. Temporary keys are replaced every few hours: a key that takes
the place of another is the workload's own. It is another's where it comes after the workload asked for
credentials, or stands side by side with the one that most calls use.
docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class SignedCall(NamedTuple):
    """A call with the hash of the key that signed it. `asks` tells that it asked for credentials."""

    id: object
    workload: str | None
    key: object
    time: float
    asks: bool


def of_others(calls: Sequence[SignedCall]) -> frozenset[object]:
    """The ids of the calls that were made under other credentials."""
    if len({call.key for call in calls}) < 2:
        return frozenset()
    by_workload: dict[str | None, list[SignedCall]] = {}
    for call in calls:
        by_workload.setdefault(call.workload, []).append(call)
    return frozenset(id_ for of_workload in by_workload.values() for id_ in _of_others(of_workload))


def _of_others(calls: Iterable[SignedCall]) -> Iterable[object]:
    """The ids of calls of one workload whose key is not its own."""
    ordered = sorted(calls, key=lambda call: call.time)
    counts = Counter(call.key for call in ordered)
    if len(counts) < 2:
        return ()
    asking = [call for call in ordered if call.asks]
    own = asking[0].key if asking else _most_used(ordered, counts)
    last_own = max(call.time for call in ordered if call.key == own)
    foreign = set()
    for key in counts.keys() - {own}:
        first = next(call.time for call in ordered if call.key == key)
        side_by_side = first < last_own and counts[key] < counts[own]
        after_asking = any(call.key == own and call.time <= first for call in asking)
        if side_by_side or after_asking:
            foreign.add(key)
    return [call.id for call in ordered if call.key in foreign]


def _most_used(ordered: Sequence[SignedCall], counts: Counter[object]) -> object:
    """The key of most calls; of several the one that was used first."""
    return max(ordered, key=lambda call: counts[call.key]).key
