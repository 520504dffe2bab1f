"""Two ledgers as one. The order does not matter, nor how often the same one comes: two writers just merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import TypeVar

from scanner.ledger.values import BucketKey, Fold, Ledger, Run
from scanner.usage.state import Seen

_RUNS = 400  # of each scope are kept
_RUNS_WITH_FINDINGS = 30

K = TypeVar("K")
V = TypeVar("V")


def merged(a: Ledger, b: Ledger) -> Ledger:
    """All that two ledgers know.

    An hour that is in both is replaced, not added. An hour of a day that was folded is dropped: the day takes
    no more hours. So is a day of a period that was folded. Of two folds of the same, one stays.
    """
    periods = _joined(a.periods, b.periods, max)
    days = _outside(periods, _joined(a.days, b.days, max), lambda key: key.period)
    buckets = _outside(periods, _joined(a.buckets, b.buckets, max), lambda key: key.period)
    return Ledger(
        buckets=_outside(days, buckets, lambda key: key.day),
        days=days,
        periods=periods,
        uses=_joined(a.uses, b.uses, Seen.joined),
        roles=_joined(a.roles, b.roles, frozenset.union),
        runs=_newest(_joined(a.runs, b.runs, _fuller)),
    )


def _outside(
    folds: Mapping[BucketKey, Fold], parts: dict[BucketKey, V], fold_of: Callable[[BucketKey], BucketKey]
) -> dict[BucketKey, V]:
    """The parts whose fold is not there."""
    return {key: part for key, part in parts.items() if fold_of(key) not in folds} if folds else parts


def _joined(a: Mapping[K, V], b: Mapping[K, V], join: Callable[[V, V], V]) -> dict[K, V]:
    joined = dict(a)
    for key, value in b.items():
        joined[key] = join(joined[key], value) if key in joined else value
    return joined


def _fuller(a: Run, b: Run) -> Run:
    """The one with findings; of two of the same id, any, but always the same one."""
    return max(a, b, key=lambda run: (run.findings is not None, run[:3], run.findings or ()))


def _newest(runs: Mapping[str, Run]) -> dict[str, Run]:
    """The newest runs of each scope, only the very newest with their findings."""
    kept: dict[str, Run] = {}
    by_scope = sorted(runs.items(), key=lambda item: (item[1].scope, -item[1].at, item[0]))
    for _, group in groupby(by_scope, key=lambda item: item[1].scope):
        for rank, (name, run) in zip(range(_RUNS), group, strict=False):
            kept[name] = run if rank < _RUNS_WITH_FINDINGS else run._replace(findings=None)
    return kept
