"""What was seen of one workload so far. It grows with the number of distinct permissions, not of calls."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern
from scanner.mapping.access_denied import Denial, denial_of, object_pattern, without_object_key
from scanner.model import (
    Call,
    Certainty,
    Denied,
    Evidence,
    Need,
    Observation,
    Outcome,
    Permission,
    RunRow,
    Unmapped,
    Usage,
)
from scanner.model.readings import WorkloadRun
from scanner.model.usage import earliest, latest
from scanner.model.workloads import NO_HINTS, Hints

_EXAMPLES = 3
_MOST_HINTS = 20
SENT = (Outcome.OK, Outcome.FAILED)
Mapper = Callable[[Call], tuple[Need, ...] | Unmapped]
# A permission and whether it was surely needed: what is counted apart.
_Counted = tuple[Permission, bool]


class Occurrence(NamedTuple):
    """How often and when (Unix seconds) a call was seen: once in a trace, or in an aggregated row.

    `first` and `last` are None where no trace can have such times. `trace` is the number of the trace, 0 for
    an aggregated row, which may have the id of one. `message` is that of the error.
    """

    times: int
    first: float | None
    last: float | None
    message: str = ""
    trace: int = 0
    trace_id: str = ""


def _keep_newest(newest: list[tuple[float, str]], time: float, trace_id: str) -> None:
    """Add a trace to the heap of the newest ones; the same trace counts once."""
    full = len(newest) == _EXAMPLES
    if full and time < newest[0][0]:  # most calls end here: no pair is made of them
        return
    example = (time, trace_id)
    if full and example <= newest[0]:
        return
    for _, trace in newest:
        if trace == trace_id:
            return
    if full:
        heapq.heappushpop(newest, example)
    else:
        heapq.heappush(newest, example)


@dataclass(slots=True)
class _Count:
    """A permission of one workload: how often, in how many traces, when."""

    first: float | None
    last: float | None
    count: int = 0
    traces: int = 0
    succeeded: int = 0
    last_trace: int = 0
    newest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, seen: Occurrence, succeeded: bool) -> None:
        self.count += seen.times
        if succeeded:
            self.succeeded += seen.times
        if seen.trace and seen.trace != self.last_trace:
            self.traces += 1
            self.last_trace = seen.trace
            _keep_newest(self.newest, seen.last or 0.0, seen.trace_id)
        elif seen.trace_id and not seen.trace:  # an aggregated row
            _keep_newest(self.newest, seen.last or 0.0, seen.trace_id)
        # `earliest` and `latest` written out: this runs for every call
        first, last = seen.first, seen.last
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last

    def observation(self) -> Observation:
        return Observation(
            self.count,
            self.traces,
            first_seen=self.first,
            last_seen=self.last,
            succeeded=self.succeeded,
            trace_ids=tuple(trace for _, trace in sorted(self.newest, reverse=True)),
        )


class _Counting(NamedTuple):
    """What a call counts for, found out once: it is the same each time.

    `succeeded` and `denied` say how the call ended. `certain` are the permissions of which it surely needs
    one or all, `prefix` is their service. `unmapped` is what is said of a call whose permissions are not
    known.
    """

    succeeded: bool
    denied: bool
    counts: tuple[_Count, ...] = ()
    certain: tuple[Permission, ...] = ()
    prefix: str = ""
    unmapped: Unmapped | None = None


@dataclass
class _DenialCount:
    """Denials of one permission: the earliest message and what it says, how many there were, some traces."""

    message: str
    denial: Denial
    earliest: tuple[float, str, str]
    count: int = 0
    newest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, seen: Occurrence, message: str, denial: Denial) -> None:
        self.count += seen.times
        place = (seen.first or 0.0, seen.trace_id, message)
        if place < self.earliest:  # whatever the order in which traces come
            self.message, self.denial, self.earliest = message, denial, place
        if seen.trace_id:
            _keep_newest(self.newest, seen.last or 0.0, seen.trace_id)


@dataclass(slots=True)
class Tally:
    """The runs and calls of one workload. `kept` is how many starts of complete traces are kept."""

    kept: int
    traces: int = 0
    calls: int = 0
    first: float | None = None
    last: float | None = None
    last_call: float | None = None
    newest_complete: list[float] = field(default_factory=list)
    of_versions: dict[str, Tally] = field(default_factory=dict)
    incomplete: int = 0
    last_incomplete: float | None = None
    auto_instrumented: float | None = None
    by_xray_sdk: float | None = None
    by_python_sdk: float | None = None
    used: dict[_Counted, _Count] = field(default_factory=dict)
    attempted: dict[_Counted, _Count] = field(default_factory=dict)
    denied: dict[tuple[str, str], _DenialCount] = field(default_factory=dict)
    services: dict[str, float] = field(default_factory=dict)
    unmapped: dict[Unmapped, int] = field(default_factory=dict)
    one_of: set[Permission] = field(default_factory=set)
    hints: dict[Hints, float] = field(default_factory=dict)
    other_credentials: int = 0
    _countings: dict[Call, _Counting] = field(default_factory=dict)

    def of_version(self, version: str | None) -> Tally:
        """Where it is noted what is evidence of one version's code: of a published one, apart."""
        return self if version is None else self.of_versions.setdefault(version, Tally(self.kept))

    def add_span(self, first: float | None, last: float | None) -> None:
        """Note that the workload was seen from one time to another."""
        self.first, self.last = earliest(self.first, first), latest(self.last, last)

    def add_run(self, run: WorkloadRun, *, ran: bool, complete: bool) -> None:
        """Note a trace in which the workload was asked to run, and `ran` or not."""
        self.traces += 1
        self.add_span(run.start, run.start)
        self.add_hints(run.hints, run.start)
        instrumented = run.auto_instrumented or run.by_xray_sdk
        code = self.of_version(run.version) if instrumented or (complete and ran) else self
        if run.auto_instrumented:
            code.auto_instrumented = latest(code.auto_instrumented, run.start)
        if run.by_xray_sdk:
            code.by_xray_sdk = latest(code.by_xray_sdk, run.start)
            if run.python_sdk:
                code.by_python_sdk = latest(code.by_python_sdk, run.start)
        if not complete:
            self.incomplete += 1
            self.last_incomplete = latest(self.last_incomplete, run.start)
        elif ran:
            code._add_complete(run.start)

    def add_runs(self, row: RunRow) -> None:
        """Note an aggregated row of runs: one of them started last, of the others it is not known."""
        self.traces += row.traces
        self.add_span(row.first, row.last)
        self.add_hints(row.hints, row.last)
        code = self.of_version(row.version) if row.auto_instrumented or (row.complete and row.ran) else self
        if row.auto_instrumented:
            code.auto_instrumented = latest(code.auto_instrumented, row.last)
        if not row.complete:
            self.incomplete += row.traces
            self.last_incomplete = latest(self.last_incomplete, row.last)
        elif row.ran and row.traces:
            code._add_complete(row.last)
            code._add_starts(row.first, row.traces - 1)

    def add_hints(self, hints: Hints, time: float) -> None:
        """Note what the role may be found by. The newest are kept: what is gone is forgotten by AWS soon.

        Whatever the order in which traces come, the same ones are kept.
        """
        if hints == NO_HINTS:
            return
        self.hints[hints] = max(time, self.hints.get(hints, 0.0))
        if len(self.hints) > _MOST_HINTS:
            del self.hints[min(self.hints, key=self._worth)]

    def _worth(self, hints: Hints) -> tuple[bool, float, Hints]:
        return bool(hints.denied_role), self.hints[hints], hints

    def add_untimed_run(self, incomplete: float | None) -> None:
        """Note a trace of the workload with times that no trace can have: it is evidence of nothing new.

        `incomplete` is the latest time at which it may have been, None for a complete trace.
        """
        self.traces += 1
        if incomplete is not None:
            self.incomplete += 1
            self.last_incomplete = latest(self.last_incomplete, incomplete)

    def add_call(
        self,
        call: Call,
        needs_of: Mapper,
        seen: Occurrence,
        began: float | None,
        version: str | None = None,
    ) -> None:
        """Note a call of a run that began at `began`: what the call shows, it shows of the code of then.

        None is for a time that no trace can have: of which code, it does not show.
        """
        self.calls += seen.times
        code = self if version is None else self.of_version(version)
        if began is not None and (code.last_call is None or began > code.last_call):
            code.last_call = began
        counting = self._countings.get(call)
        if counting is None:
            counting = self._countings[call] = self._counting(call, needs_of(call), seen)
        succeeded, denied, counts, certain, prefix, unmapped = counting
        for count in counts:
            count.add(seen, succeeded)
        if certain:
            if denied:
                self._add_denied(certain, seen)
            if began is not None and began > code.services.get(prefix, 0.0):
                code.services[prefix] = began
        elif unmapped is not None:
            self.unmapped[unmapped] = self.unmapped.get(unmapped, 0) + seen.times

    def _counting(self, call: Call, needs: Sequence[Need] | Unmapped, seen: Occurrence) -> _Counting:
        """What a call counts for, at its first occurrence."""
        counting = _Counting(call.outcome is Outcome.OK, call.outcome is Outcome.DENIED)
        if isinstance(needs, Unmapped):
            return counting._replace(unmapped=needs)
        sent = call.outcome in SENT
        counts = self.used if sent else self.attempted
        of_needs = []
        for permission, certainty in needs:
            key = (permission, certainty is Certainty.REQUIRED)
            of_needs.append(counts.setdefault(key, _Count(seen.first, seen.last)))
            if sent and certainty is Certainty.ONE_OF:
                self.one_of.add(permission)
        certain = tuple(need.permission for need in needs if need.certainty is not Certainty.POSSIBLE)
        prefix = certain[0].action.partition(":")[0] if certain else ""
        return counting._replace(counts=tuple(of_needs), certain=certain, prefix=prefix)

    def usage(self, workload: str | None) -> Usage:
        """All of it, as the usage of a workload."""
        return Usage(
            workload,
            self._evidence(),
            used=_observations(sorted(self.used.items()), self.one_of),
            attempted=_observations(self.attempted.items(), self.one_of),
            denied=tuple(
                Denied(
                    action,
                    resource,
                    count=count.count,
                    message=count.message,
                    cause=count.denial.cause,
                    policy=count.denial.policy,
                    trace_ids=tuple(sorted({trace for _, trace in count.newest})),
                )
                for (action, resource), count in sorted(self.denied.items(), key=lambda item: item[0])
            ),
            unmapped=dict(sorted(self.unmapped.items(), key=lambda item: item[0][:3])),
            hints=tuple(sorted(self.hints, key=self._worth, reverse=True)),
            other_credentials=self.other_credentials,
        )

    def _add_complete(self, start: float) -> None:
        if len(self.newest_complete) < self.kept:
            heapq.heappush(self.newest_complete, start)
        else:
            heapq.heappushpop(self.newest_complete, start)

    def _add_starts(self, start: float, number: int) -> None:
        """Note complete traces that started at one time, as far as is known."""
        newest = self.newest_complete
        newest += [start] * min(number, self.kept)
        newest.sort()  # what is sorted is a heap
        del newest[: max(0, len(newest) - self.kept)]

    def _add_denied(self, certain: Sequence[Permission], seen: Occurrence) -> None:
        """Note what a call was denied. What only the message names may have been needed as well."""
        denial = denial_of(seen.message)
        message = without_object_key(seen.message, denial.resource or "")
        named = _named(certain, denial)
        for permission in certain if named is None or not _is_believed(named, certain) else (named,):
            key = (permission.action, permission.resource)
            place = (seen.first or 0.0, seen.trace_id, message)
            count = self.denied.setdefault(key, _DenialCount(message, denial, place))
            count.add(seen, message, denial)
        # whoever names it: an action that the catalogue lacks may be newer than the catalogue
        if named is not None and all(permission.action != named.action for permission in certain):
            attempts = self.attempted.setdefault((named, True), _Count(seen.first, seen.last))
            attempts.add(seen, succeeded=False)

    def _evidence(self) -> Evidence:
        return Evidence(
            traces=self.traces,
            calls=self.calls,
            first_seen=self.first,
            last_seen=self.last,
            last_call=self.last_call,
            newest_complete=tuple(sorted(self.newest_complete, reverse=True)),
            of_versions={version: tally._evidence() for version, tally in sorted(self.of_versions.items())},
            incomplete_traces=self.incomplete,
            last_incomplete=self.last_incomplete,
            auto_instrumented=self.auto_instrumented,
            by_xray_sdk=self.by_xray_sdk,
            by_python_sdk=self.by_python_sdk,
            services=dict(self.services),
            unmapped_services=frozenset(unmapped.prefix for unmapped in self.unmapped),
        )


def _named(certain: Sequence[Permission], denial: Denial) -> Permission | None:
    """The permission that the message of a denial names, None where it names none."""
    if denial.action is None:
        return None
    action = catalog.spelled(denial.action)
    needed = [p.resource for p in certain if p.action.lower() == action.lower()]
    resource = object_pattern(denial.resource) if denial.resource else needed[0] if needed else "*"
    return Permission(action, resource, exact=not is_pattern(resource))


def _is_believed(named: Permission, certain: Sequence[Permission]) -> bool:
    """Whether a call was denied what a message names: a name that IAM lacks is no better than the call's own.

    Such a name may be that of an operation, or a part of a path.
    """
    return catalog.action(named.action) is not None or not any(catalog.action(p.action) for p in certain)


def _observations(
    counts: Iterable[tuple[_Counted, _Count]], one_of: Collection[Permission]
) -> dict[Need, Observation]:
    return {_need(*counted, one_of): count.observation() for counted, count in counts}


def _need(permission: Permission, required: bool, one_of: Collection[Permission]) -> Need:
    if required:
        return Need(permission, Certainty.REQUIRED)
    return Need(permission, Certainty.ONE_OF if permission in one_of else Certainty.POSSIBLE)
