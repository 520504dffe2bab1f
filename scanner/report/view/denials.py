"""What AWS denied, the same of many workloads once, by its cause. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.report.view.values import Denials, DeniedCalls, DeniedKind
from scanner.report.view.viewed import listed


def denials_of(calls: Iterable[DeniedCalls]) -> list[Denials]:
    """The causes with what they denied, the most frequent first."""
    kinds: dict[tuple[str, str, str], list[DeniedCalls]] = {}
    for call in calls:
        kinds.setdefault((call.meaning, call.action, call.resource), []).append(call)
    by_cause: dict[str, list[DeniedKind]] = {}
    for (meaning, action, resource), of_kind in kinds.items():
        by_count = sorted(of_kind, key=lambda call: (-call.count, call.who))
        count = sum(call.count for call in of_kind)
        kind = DeniedKind(action, resource, count, who=listed(call.who for call in by_count))
        by_cause.setdefault(meaning, []).append(kind)
    denials = [Denials(meaning, sorted(calls, key=_by_count)) for meaning, calls in by_cause.items()]
    return sorted(denials, key=lambda cause: (-sum(kind.count for kind in cause.kinds), cause.meaning))


def first_denials(denials: Sequence[Denials], most: int) -> list[Denials]:
    """The most frequent kinds of denied calls, below their causes."""
    pairs = [(cause.meaning, kind) for cause in denials for kind in cause.kinds]
    kept = set(sorted(pairs, key=lambda pair: _by_count(pair[1]))[:most])
    cut = [
        replace(cause, kinds=[kind for kind in cause.kinds if (cause.meaning, kind) in kept])
        for cause in denials
    ]
    return [cause for cause in cut if cause.kinds]


def number_of_kinds(denials: Iterable[Denials]) -> int:
    """How many kinds of calls were denied."""
    return sum(len(cause.kinds) for cause in denials)


def _by_count(kind: DeniedKind) -> tuple[int, str, str]:
    return -kind.count, kind.action, kind.resource
