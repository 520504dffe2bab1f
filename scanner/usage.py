"""Calls -> usage and evidence, one trace after the other.

What is kept grows with the number of distinct permissions, not with the number of traces.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from scanner.iam.needs import permissions_of
from scanner.model import Call, Denied, Evidence, Outcome, Permission, Seen, Unmapped, Usage
from scanner.traces.segments import SeenCall, TraceReading

Mapper = Callable[[Call], tuple[Permission, ...] | Unmapped]


@dataclass
class _Count:
    """A permission of one workload: how often, in how many traces, when."""

    first: float
    last: float
    count: int = 0
    traces: int = 0
    last_trace: int = -1

    def add(self, time: float, trace: int) -> None:
        self.count += 1
        if trace != self.last_trace:
            self.traces += 1
            self.last_trace = trace
        if time < self.first:
            self.first = time
        elif time > self.last:
            self.last = time

    def frozen(self) -> Seen:
        return Seen(self.count, self.traces, self.first, self.last)


@dataclass
class _Tally:
    """What was seen of one workload so far."""

    traces: int = 0
    calls: int = 0
    first: float | None = None
    last: float | None = None
    last_call: float | None = None
    newest_complete: list[float] = field(default_factory=list)
    incomplete: int = 0
    auto_instrumented: float | None = None
    used: dict[Permission, _Count] = field(default_factory=dict)
    wanted: dict[Permission, _Count] = field(default_factory=dict)
    messages: dict[Permission, str] = field(default_factory=dict)
    services: dict[str, float] = field(default_factory=dict)
    unmapped: dict[Unmapped, int] = field(default_factory=dict)
    alternatives: set[Permission] = field(default_factory=set)


class UsageBuilder:
    """Collects readings of traces; `usages()` gives the result. Not safe for several threads at once."""

    def __init__(self, min_traces: int = 1, mapper: Mapper = permissions_of) -> None:
        self._min_traces = max(1, min_traces)
        self._mapper = mapper
        self._mapped: dict[Call, tuple[Permission, ...] | Unmapped] = {}
        self._tallies: dict[str | None, _Tally] = {}
        self._number = 0
        self.calls = 0
        self.documents = 0
        self.unreadable_documents = 0
        self.traces = 0
        self.unattributed_gaps = 0
        self.first: float | None = None
        self.last: float | None = None

    def add(self, reading: TraceReading) -> None:
        """Add what one trace showed. Each trace must come once."""
        self._number += 1
        self.traces += 1
        self.documents += reading.documents
        self.unreadable_documents += reading.unreadable_documents
        self.first = _least(self.first, reading.start)
        self.last = _most(self.last, reading.end)
        callers = {seen.call.workload for seen in reading.calls}
        if not reading.complete and not reading.workloads:
            self.unattributed_gaps += 1  # it may have been any workload's
        for arn, presence in reading.workloads.items():
            tally = self._tally(arn)
            tally.traces += 1
            tally.first = _least(tally.first, presence.start)
            tally.last = _most(tally.last, presence.start)
            if presence.auto_instrumented:
                tally.auto_instrumented = _most(tally.auto_instrumented, presence.start)
            if not reading.complete:
                tally.incomplete += 1
            elif presence.ran or arn in callers:
                self._note_complete(tally, presence.start)
        for seen in reading.calls:
            self._add_call(seen)

    def usages(self) -> list[Usage]:
        """The usage of every workload seen, by ARN; last that of no workload, if there is any."""
        known = sorted(arn for arn in self._tallies if arn is not None)
        order: list[str | None] = [*known, *([None] if None in self._tallies else [])]
        return [_frozen(arn, self._tallies[arn]) for arn in order]

    def _tally(self, arn: str | None) -> _Tally:
        tally = self._tallies.get(arn)
        if tally is None:
            tally = self._tallies[arn] = _Tally()
        return tally

    def _note_complete(self, tally: _Tally, start: float) -> None:
        if len(tally.newest_complete) < self._min_traces:
            heapq.heappush(tally.newest_complete, start)
        else:
            heapq.heappushpop(tally.newest_complete, start)

    def _add_call(self, seen: SeenCall) -> None:
        call, time, message = seen
        tally = self._tally(call.workload)
        self.calls += 1
        tally.calls += 1
        if tally.last_call is None or time > tally.last_call:
            tally.last_call = time
        needs = self._mapped.get(call)
        if needs is None:
            needs = self._mapped[call] = self._mapper(call)
        if isinstance(needs, Unmapped):
            tally.unmapped[needs] = tally.unmapped.get(needs, 0) + 1
            return
        sent = call.outcome in (Outcome.OK, Outcome.FAILED)
        counts = tally.used if sent else tally.wanted
        for permission in needs:
            count = counts.get(permission)
            if count is None:
                count = counts[permission] = _Count(time, time)
            count.add(time, self._number)
            if call.outcome is Outcome.DENIED and permission.required:
                tally.messages.setdefault(permission, message)
        if sent and needs and not any(permission.required for permission in needs):
            tally.alternatives.update(needs)
        if needs:
            prefix = needs[0].action.partition(":")[0]
            if time > tally.services.get(prefix, 0.0):
                tally.services[prefix] = time


def _frozen(arn: str | None, tally: _Tally) -> Usage:
    evidence = Evidence(
        traces=tally.traces,
        calls=tally.calls,
        first_seen=tally.first,
        last_seen=tally.last,
        last_call=tally.last_call,
        newest_complete=tuple(sorted(tally.newest_complete, reverse=True)),
        incomplete_traces=tally.incomplete,
        auto_instrumented=tally.auto_instrumented,
        services=dict(tally.services),
        unmapped_services=frozenset(unmapped.prefix for unmapped in tally.unmapped),
    )
    wanted = {permission: count.frozen() for permission, count in tally.wanted.items()}
    return Usage(
        workload=arn,
        evidence=evidence,
        used={permission: count.frozen() for permission, count in sorted(tally.used.items())},
        wanted=wanted,
        denied=tuple(
            Denied(permission.action, permission.resource, wanted[permission].count, message)
            for permission, message in sorted(tally.messages.items())
        ),
        alternatives=frozenset(tally.alternatives),
        unmapped=dict(sorted(tally.unmapped.items(), key=lambda item: item[0][:3])),
    )


def _least(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _most(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)
