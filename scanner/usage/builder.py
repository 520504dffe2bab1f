"""Calls -> usage and evidence, one trace after the other.

What is kept grows with the number of distinct permissions, not with the number of traces.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern
from scanner.mapping.access_denied import Denial, denial_of
from scanner.mapping.permissions import required_permissions
from scanner.model import (
    Call,
    Certainty,
    Denied,
    Evidence,
    Need,
    Observation,
    ObservedCall,
    Outcome,
    Permission,
    Unmapped,
    Usage,
)
from scanner.model.workloads import workload_arn
from scanner.traces.reading import TraceReading

# Of how many of its newest complete traces the start is kept: more are never counted.
KEPT_STARTS = 1000
_EXAMPLES = 3
Mapper = Callable[[Call], tuple[Need, ...] | Unmapped]
# A permission and whether it was surely needed: what is counted apart.
_Counted = tuple[Permission, bool]


@dataclass
class _Count:
    """A permission of one workload: how often, in how many traces, when."""

    first: float
    last: float
    count: int = 0
    traces: int = 0
    succeeded: int = 0
    last_trace: int = -1
    newest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, time: float, trace: int, trace_id: str, succeeded: bool) -> None:
        self.count += 1
        self.succeeded += succeeded
        if trace != self.last_trace:
            self.traces += 1
            self.last_trace = trace
            if len(self.newest) < _EXAMPLES:
                heapq.heappush(self.newest, (time, trace_id))
            elif time >= self.newest[0][0]:
                heapq.heappushpop(self.newest, (time, trace_id))
        if time < self.first:
            self.first = time
        elif time > self.last:
            self.last = time

    def frozen(self) -> Observation:
        examples = tuple(trace for _, trace in sorted(self.newest, reverse=True))
        return Observation(self.count, self.traces, self.first, self.last, self.succeeded, examples)


@dataclass
class _DenialCount:
    """Refusals of one permission: the first message and what it says, how many there were, some traces."""

    message: str
    denial: Denial
    count: int = 0
    trace_ids: list[str] = field(default_factory=list)


@dataclass
class _Tally:
    """What was seen of one workload so far."""

    traces: int = 0
    calls: int = 0
    first: float | None = None
    last: float | None = None
    last_call: float | None = None
    newest_complete: list[float] = field(default_factory=list)
    of_versions: dict[str, _Tally] = field(default_factory=dict)
    incomplete: int = 0
    last_incomplete: float | None = None
    auto_instrumented: float | None = None
    used: dict[_Counted, _Count] = field(default_factory=dict)
    attempted: dict[_Counted, _Count] = field(default_factory=dict)
    denied: dict[tuple[str, str], _DenialCount] = field(default_factory=dict)
    services: dict[str, float] = field(default_factory=dict)
    unmapped: dict[Unmapped, int] = field(default_factory=dict)
    one_of: set[Permission] = field(default_factory=set)

    def of(self, version: str | None) -> _Tally:
        """Where it is noted what is evidence of one version's code: of a published one, apart."""
        return self if version is None else self.of_versions.setdefault(version, _Tally())


class UsageBuilder:
    """Collects readings of traces; `usages()` gives the result. Not safe for several threads at once."""

    def __init__(self, min_traces: int = 1, mapper: Mapper = required_permissions) -> None:
        self._kept = max(KEPT_STARTS, min_traces)
        self._mapper = mapper
        self._mapped: dict[Call, tuple[Need, ...] | Unmapped] = {}
        self._tallies: dict[str | None, _Tally] = {}
        self._invoked_gaps: dict[str, float] = {}
        self._number = 0
        self._trace_id = ""
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
        starts = {arn: presence.start for arn, presence in reading.workloads.items()}
        if not reading.complete and not reading.workloads:
            self.unattributed_gaps += 1  # it may have been any workload's
        for arn, presence in reading.workloads.items():
            tally = self._tally(arn)
            tally.traces += 1
            tally.first = _least(tally.first, presence.start)
            tally.last = _most(tally.last, presence.start)
            if presence.auto_instrumented:
                own = tally.of(presence.version)
                own.auto_instrumented = _most(own.auto_instrumented, presence.start)
            if not reading.complete:
                tally.incomplete += 1
                tally.last_incomplete = _most(tally.last_incomplete, presence.start)
            elif presence.ran or arn in callers:
                self._note_complete(tally.of(presence.version), presence.start)
        self._trace_id = reading.trace_id
        versions = {arn: presence.version for arn, presence in reading.workloads.items()}
        for seen in reading.calls:
            arn = seen.call.workload or ""
            self._add_call(seen, min(starts.get(arn, seen.time), seen.time), versions.get(arn))
        if not reading.complete:
            self._note_invoked(reading)

    def usages(self) -> list[Usage]:
        """The usage of every workload seen, by ARN; last that of no workload, if there is any."""
        known = sorted(arn for arn in self._tallies if arn is not None)
        order: list[str | None] = [*known, *([None] if None in self._tallies else [])]
        for gap, time in self._invoked_gaps.items():
            tally = self._tallies.get(gap)
            if tally is not None:
                tally.last_incomplete = _most(tally.last_incomplete, time)
        return [_frozen(arn, self._tallies[arn]) for arn in order]

    def _tally(self, arn: str | None) -> _Tally:
        tally = self._tallies.get(arn)
        if tally is None:
            tally = self._tallies[arn] = _Tally()
        return tally

    def _note_complete(self, tally: _Tally, start: float) -> None:
        if len(tally.newest_complete) < self._kept:
            heapq.heappush(tally.newest_complete, start)
        else:
            heapq.heappushpop(tally.newest_complete, start)

    def _note_invoked(self, reading: TraceReading) -> None:
        """What an incomplete trace lacks may be of a function that was invoked in it."""
        for seen in reading.calls:
            needs = self._mapped.get(seen.call, ())
            for permission, _ in needs if not isinstance(needs, Unmapped) else ():
                if permission.action != "lambda:InvokeFunction":
                    continue
                arn = workload_arn(permission.resource) if permission.exact else None
                if arn is None:
                    self.unattributed_gaps += 1  # it may have been any function
                elif arn not in reading.workloads:
                    self._invoked_gaps[arn] = max(seen.time, self._invoked_gaps.get(arn, 0.0))

    def _add_call(self, seen: ObservedCall, ran: float, version: str | None) -> None:
        """Add a call of a workload that began to run at `ran`: what it shows, it shows of that code."""
        call, time = seen.call, seen.time
        tally = self._tally(call.workload)
        self.calls += 1
        tally.calls += 1
        own = tally.of(version)
        if own.last_call is None or ran > own.last_call:
            own.last_call = ran
        needs = self._mapped.get(call)
        if needs is None:
            needs = self._mapped[call] = self._mapper(call)
        if isinstance(needs, Unmapped):
            tally.unmapped[needs] = tally.unmapped.get(needs, 0) + 1
            return
        sent = call.outcome in (Outcome.OK, Outcome.FAILED)
        counts = tally.used if sent else tally.attempted
        for need in needs:
            key = (need.permission, need.required)
            count = counts.get(key)
            if count is None:
                count = counts[key] = _Count(time, time)
            count.add(time, self._number, self._trace_id, call.outcome is Outcome.OK)
            if sent and need.certainty is Certainty.ONE_OF:
                tally.one_of.add(need.permission)
        certain = [need.permission for need in needs if need.certainty is not Certainty.POSSIBLE]
        if certain:
            if call.outcome is Outcome.DENIED:
                self._note_denied(tally, certain, seen)
            prefix = certain[0].action.partition(":")[0]
            if ran > own.services.get(prefix, 0.0):
                own.services[prefix] = ran

    def _note_denied(self, tally: _Tally, certain: Sequence[Permission], seen: ObservedCall) -> None:
        """Note what a call was refused. What only the message names may have been needed as well."""
        denial = denial_of(seen.message)
        for action, resource in _refused(certain, denial):
            counted = tally.denied.setdefault((action, resource), _DenialCount(seen.message, denial))
            counted.count += 1
            if len(counted.trace_ids) < _EXAMPLES and self._trace_id not in counted.trace_ids:
                counted.trace_ids.append(self._trace_id)
            if not any(p.action == action for p in certain):
                named = Permission(action, resource, exact=not is_pattern(resource))
                count = tally.attempted.setdefault((named, True), _Count(seen.time, seen.time))
                count.add(seen.time, self._number, self._trace_id, succeeded=False)


def _refused(certain: Sequence[Permission], denial: Denial) -> list[tuple[str, str]]:
    """The (action, resource) pairs that a call was refused: what the message names, else what it needs."""
    if denial.action is None:
        return [(permission.action, permission.resource) for permission in certain]
    action = catalog.spelled(denial.action)
    needed = [p.resource for p in certain if p.action.lower() == action.lower()]
    resource = denial.resource or (needed[0] if needed else "*")
    return [(action, resource)]


def _evidence(tally: _Tally) -> Evidence:
    return Evidence(
        traces=tally.traces,
        calls=tally.calls,
        first_seen=tally.first,
        last_seen=tally.last,
        last_call=tally.last_call,
        newest_complete=tuple(sorted(tally.newest_complete, reverse=True)),
        of_versions={version: _evidence(own) for version, own in sorted(tally.of_versions.items())},
        incomplete_traces=tally.incomplete,
        last_incomplete=tally.last_incomplete,
        auto_instrumented=tally.auto_instrumented,
        services=dict(tally.services),
        unmapped_services=frozenset(unmapped.prefix for unmapped in tally.unmapped),
    )


def _frozen(arn: str | None, tally: _Tally) -> Usage:
    return Usage(
        workload=arn,
        evidence=_evidence(tally),
        used=_observations(sorted(tally.used.items()), tally.one_of),
        attempted=_observations(tally.attempted.items(), tally.one_of),
        denied=tuple(
            Denied(
                action,
                resource,
                denial.count,
                denial.message,
                denial.denial.cause,
                denial.denial.policy,
                tuple(sorted(denial.trace_ids)),
            )
            for (action, resource), denial in sorted(tally.denied.items(), key=lambda item: item[0])
        ),
        unmapped=dict(sorted(tally.unmapped.items(), key=lambda item: item[0][:3])),
    )


def _observations(
    counts: Iterable[tuple[_Counted, _Count]], one_of: Collection[Permission]
) -> dict[Need, Observation]:
    return {_need(permission, required, one_of): count.frozen() for (permission, required), count in counts}


def _need(permission: Permission, required: bool, one_of: Collection[Permission]) -> Need:
    if required:
        return Need(permission, Certainty.REQUIRED)
    return Need(permission, Certainty.ONE_OF if permission in one_of else Certainty.POSSIBLE)


def _least(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _most(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)
