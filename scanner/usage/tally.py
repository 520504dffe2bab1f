"""What was seen of one workload so far. It grows with the number of distinct permissions, not of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern
from scanner.mapping.access_denied import Denial, denial_of, object_pattern, without_object_key
from scanner.model import (
    Call,
    Certainty,
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
from scanner.usage.code_tally import CodeTally
from scanner.usage.counts import DenialCount, Occurrence, PermissionCount
from scanner.usage.state import PermissionState, Seen, WorkloadState, need_of

_MOST_HINTS = 20
SENT = (Outcome.OK, Outcome.FAILED)
Mapper = Callable[[Call], tuple[Need, ...] | Unmapped]
# A permission and whether it was surely needed: what is counted apart.
_Counted = tuple[Permission, bool]


class _Counting(NamedTuple):
    """What a call counts for, found out once: it is the same each time.

    `succeeded` and `denied` say how the call ended. `certain` are the permissions of which it surely needs
    one or all, `prefix` is their service. `unmapped` is what is said of a call whose permissions are not
    known.
    """

    succeeded: bool
    denied: bool
    counts: tuple[PermissionCount, ...] = ()
    certain: tuple[Permission, ...] = ()
    prefix: str = ""
    unmapped: Unmapped | None = None


@dataclass(slots=True)
class Tally:
    """The runs and calls of one workload. `kept` is how many starts of complete traces are kept."""

    kept: int
    traces: int = 0
    calls: int = 0
    first: float | None = None
    last: float | None = None
    code: CodeTally = field(init=False)
    of_versions: dict[str, CodeTally] = field(default_factory=dict)
    incomplete: int = 0
    last_incomplete: float | None = None
    used: dict[_Counted, PermissionCount] = field(default_factory=dict)
    attempted: dict[_Counted, PermissionCount] = field(default_factory=dict)
    denied: dict[tuple[str, str], DenialCount] = field(default_factory=dict)
    unmapped: dict[Unmapped, int] = field(default_factory=dict)
    one_of: set[Permission] = field(default_factory=set)
    hints: dict[Hints, float] = field(default_factory=dict)
    other_credentials: int = 0
    # (permission, surely needed, sent): uses that no evidence stands behind any more
    remembered: dict[tuple[Permission, bool, bool], Seen] = field(default_factory=dict)
    _countings: dict[Call, _Counting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.code = CodeTally(self.kept)

    def of_version(self, version: str | None) -> CodeTally:
        """Where it is noted what is evidence of one version's code: of a published one, apart."""
        if version is None:
            return self.code
        of_version = self.of_versions.get(version)
        if of_version is None:
            of_version = self.of_versions[version] = CodeTally(self.kept)
        return of_version

    def add_span(self, first: float | None, last: float | None) -> None:
        """Note that the workload was seen from one time to another."""
        self.first, self.last = earliest(self.first, first), latest(self.last, last)

    def add_run(self, run: WorkloadRun, *, ran: bool, complete: bool) -> None:
        """Note a trace in which the workload was asked to run, and `ran` or not."""
        self.traces += 1
        self.add_span(run.start, run.start)
        self.add_hints(run.hints, run.start)
        if run.auto_instrumented or run.by_xray_sdk:
            self.of_version(run.version).add_clients(run)
        if not complete:
            self.incomplete += 1
            self.last_incomplete = latest(self.last_incomplete, run.start)
        elif ran:
            self.of_version(run.version).add_complete(run.start)

    def add_runs(self, row: RunRow) -> None:
        """Note an aggregated row of runs: one of them started last, of the others it is not known."""
        self.traces += row.traces
        self.add_span(row.first, row.last)
        self.add_hints(row.hints, row.last)
        if row.auto_instrumented:
            code = self.of_version(row.version)
            code.auto_instrumented = latest(code.auto_instrumented, row.last)
        if not row.complete:
            self.incomplete += row.traces
            self.last_incomplete = latest(self.last_incomplete, row.last)
        elif row.ran and row.traces:
            code = self.of_version(row.version)
            code.add_complete(row.last)
            code.add_starts(row.first, row.traces - 1)

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
        code = self.code if version is None else self.of_version(version)
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
            of_needs.append(counts.setdefault(key, PermissionCount(seen.first, seen.last)))
            if sent and certainty is Certainty.ONE_OF:
                self.one_of.add(permission)
        certain = tuple(need.permission for need in needs if need.certainty is not Certainty.POSSIBLE)
        prefix = certain[0].action.partition(":")[0] if certain else ""
        return counting._replace(counts=tuple(of_needs), certain=certain, prefix=prefix)

    def add_use(self, need: Need, sent: bool, seen: Seen) -> None:
        """Note a use that was seen at some time: it was used, and is no evidence of anything else.

        It counts once with the calls that show it, however often they are counted.
        """
        key = (need.permission, need.required, sent)
        known = self.remembered.get(key)
        self.remembered[key] = seen if known is None else known.joined(seen)
        if sent and need.certainty is Certainty.ONE_OF:
            self.one_of.add(need.permission)

    def usage(self, workload: str | None, invoked_gap: float | None = None) -> Usage:
        """All of it, as the usage of a workload. `invoked_gap` is when a document of it was last missing."""
        return Usage(
            workload,
            self._evidence(invoked_gap),
            used=self._observations(self.used, sent=True),
            attempted=self._observations(self.attempted, sent=False),
            denied=tuple(
                count.denied(action, resource)
                for (action, resource), count in sorted(self.denied.items(), key=lambda item: item[0])
            ),
            unmapped=dict(self._unmapped()),
            hints=tuple(sorted(self.hints, key=self._worth, reverse=True)),
            other_credentials=self.other_credentials,
        )

    def state(self, workload: str | None) -> WorkloadState:
        """All of it, as it is kept for later."""
        return WorkloadState(
            workload,
            traces=self.traces,
            calls=self.calls,
            first=self.first,
            last=self.last,
            incomplete=self.incomplete,
            last_incomplete=self.last_incomplete,
            code=self.code.state(),
            of_versions=tuple((version, code.state()) for version, code in sorted(self.of_versions.items())),
            used=_states(self.used),
            attempted=_states(self.attempted),
            denied=tuple(
                count.state(action, resource)
                for (action, resource), count in sorted(self.denied.items(), key=lambda item: item[0])
            ),
            one_of=tuple(sorted(self.one_of)),
            unmapped=tuple(self._unmapped()),
            hints=tuple(sorted(self.hints.items())),
            other_credentials=self.other_credentials,
            remembered=tuple((*key, self.remembered[key]) for key in sorted(self.remembered)),
        )

    def add_state(self, state: WorkloadState) -> None:
        """Note what another run noted of the same workload."""
        self.traces += state.traces
        self.calls += state.calls
        self.add_span(state.first, state.last)
        self.incomplete += state.incomplete
        self.last_incomplete = latest(self.last_incomplete, state.last_incomplete)
        self.code.add_state(state.code)
        for version, code in state.of_versions:
            self.of_version(version).add_state(code)
        for counts, states in ((self.used, state.used), (self.attempted, state.attempted)):
            for count in states:
                key = (count.permission, count.required)
                counts.setdefault(key, PermissionCount(count.first, count.last)).add_state(count)
        for denial in state.denied:
            place = (denial.action, denial.resource)
            self.denied.setdefault(place, DenialCount(denial.earliest)).add_state(denial)
        self.one_of.update(state.one_of)
        for unmapped, number in state.unmapped:
            self.unmapped[unmapped] = self.unmapped.get(unmapped, 0) + number
        for hints, time in state.hints:
            self.add_hints(hints, time)
        self.other_credentials += state.other_credentials
        for permission, required, sent, seen in state.remembered:
            self.add_use(need_of(permission, required, one_of=False), sent, seen)

    def _unmapped(self) -> list[tuple[Unmapped, int]]:
        return sorted(self.unmapped.items(), key=lambda item: (*item[0][:3], item[0].prefix or ""))

    def _observations(
        self, counts: Mapping[_Counted, PermissionCount], *, sent: bool
    ) -> dict[Need, Observation]:
        """What was counted, with what is only remembered, in an order that says nothing of when it came."""
        observed = {counted: count.observation() for counted, count in counts.items()}
        for (permission, required, was_sent), seen in self.remembered.items():
            if was_sent is sent:
                counted = (permission, required)
                observed[counted] = _with_seen(observed.get(counted), seen)
        return {
            need_of(permission, required, permission in self.one_of): observation
            for (permission, required), observation in sorted(observed.items(), key=lambda item: item[0])
        }

    def _add_denied(self, certain: Sequence[Permission], seen: Occurrence) -> None:
        """Note what a call was denied. What only the message names may have been needed as well."""
        denial = denial_of(seen.message)
        message = without_object_key(seen.message, denial.resource or "")
        named = _named(certain, denial)
        place = DenialCount.place(seen, message, denial)
        for permission in certain if named is None or not _is_believed(named, certain) else (named,):
            key = (permission.action, permission.resource)
            self.denied.setdefault(key, DenialCount(place)).add(seen, place)
        # whoever names it: an action that the catalogue lacks may be newer than the catalogue
        if named is not None and all(permission.action != named.action for permission in certain):
            attempts = self.attempted.setdefault((named, True), PermissionCount(seen.first, seen.last))
            attempts.add(seen, succeeded=False)

    def _evidence(self, invoked_gap: float | None) -> Evidence:
        return replace(
            self.code.evidence(),
            traces=self.traces,
            calls=self.calls,
            first_seen=self.first,
            last_seen=self.last,
            of_versions={version: code.evidence() for version, code in sorted(self.of_versions.items())},
            incomplete_traces=self.incomplete,
            last_incomplete=latest(self.last_incomplete, invoked_gap),
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


def _states(counts: Mapping[_Counted, PermissionCount]) -> tuple[PermissionState, ...]:
    in_order = sorted(counts.items(), key=lambda item: item[0])
    return tuple(count.state(*counted) for counted, count in in_order)


def _with_seen(observation: Observation | None, seen: Seen) -> Observation:
    """What was counted of a use, and what is remembered of it: this counts the same calls."""
    if observation is None:
        return Observation(seen.times, 0, seen.first or None, seen.last or None)
    return replace(
        observation,
        count=max(observation.count, seen.times),
        first_seen=earliest(observation.first_seen, seen.first or None),
        last_seen=latest(observation.last_seen, seen.last or None),
    )
