"""Calls -> usage and evidence, one trace after the other.

What is kept grows with the number of distinct permissions, not with the number of traces.
"""

from __future__ import annotations

from functools import cache

from scanner.iam.patterns import matches
from scanner.mapping.permissions import required_permissions
from scanner.model import CallRow, Certainty, RunRow, Unmapped, Usage
from scanner.model.readings import TraceReading
from scanner.model.usage import earliest, latest
from scanner.usage.counts import Occurrence
from scanner.usage.state import Counters, Seen, UsageState, Use
from scanner.usage.tally import SENT, Mapper, Tally
from scanner.usage.times import TraceTimes

# Of how many of its newest complete traces the start is kept, at least: days count all of them.
KEPT_STARTS = 200
# An ARN's fields up to a function's name: what follows is a version or an alias.
_FUNCTION_FIELDS = 7


class UsageBuilder:
    """Collects readings of traces and aggregated rows; `usages()` gives the result.

    Not safe for several threads at once.
    """

    def __init__(
        self,
        min_traces: int = 1,
        mapper: Mapper = required_permissions,
        times: TraceTimes = TraceTimes(),  # noqa: B008  # frozen
    ) -> None:
        self._kept = max(KEPT_STARTS, min_traces)
        self._needs_of = cache(mapper)
        self._times = times
        self._tallies: dict[str | None, Tally] = {}
        self._invoked_gaps: dict[str, float] = {}
        self.calls = 0
        self.documents = 0
        self.unreadable_documents = 0
        self.traces = 0
        self.unattributed_gaps = 0
        self.unowned_documents = 0
        self.impossible_times = 0
        self.first: float | None = None
        self.last: float | None = None

    def add(self, item: TraceReading | CallRow | RunRow) -> None:
        """Add what a source hands over: what one trace showed, or an aggregated row."""
        if isinstance(item, CallRow):
            self.add_row(item)
        elif isinstance(item, RunRow):
            self.add_runs(item)
        else:
            self.add_reading(item)

    def add_reading(self, reading: TraceReading) -> None:
        """Add what one trace showed. Each trace must come once."""
        self.traces += 1
        self.documents += reading.documents
        self.unreadable_documents += reading.unreadable_documents
        timed = self._times.contains_reading(reading)
        if timed:
            self.first = earliest(self.first, reading.start)
            self.last = latest(self.last, reading.end)
        else:
            self.impossible_times += 1
        self.unowned_documents += reading.unowned
        for workload, calls in reading.other_credentials.items():
            self._tally(workload or None).other_credentials += calls
        if not (reading.complete or reading.workloads or reading.foreign):
            self.unattributed_gaps += 1  # it may have been any workload's
        self._add_runs(reading, timed)
        self._add_calls(reading, timed)
        if not reading.complete:
            self._add_gaps(reading, timed)

    def _add_runs(self, reading: TraceReading, timed: bool) -> None:
        complete = reading.complete and not reading.unowned
        for arn, run in reading.workloads.items():
            tally = self._tally(arn)
            if timed:
                ran = run.ran or any(observed.call.workload == arn for observed in reading.calls)
                tally.add_run(run, ran=ran, complete=complete)
            else:
                tally.add_untimed_run(None if complete else self._times.last)
                tally.add_hints(run.hints, 0.0)

    def _add_calls(self, reading: TraceReading, timed: bool) -> None:
        trace, trace_id, runs = self.traces, reading.trace_id, reading.workloads
        self.calls += len(reading.calls)
        for call, time, message in reading.calls:
            run = runs.get(call.workload or "")
            known = time if timed and time else self._times.known(time)
            began = (known if run is None else earliest(known, run.start)) if timed else None
            version = None if run is None else run.version
            # by place: keywords would take 6 % of this loop, which runs for every call
            seen = Occurrence(1, known, known, message, trace, trace_id)
            self._tally(call.workload).add_call(call, self._needs_of, seen, began, version)

    def add_row(self, row: CallRow) -> None:
        """Add an aggregated row, which counts as `row.count` calls.

        A row is evidence of what was called: of its permissions, and that calls of this service were traced
        until `last_seen`. It is no evidence of complete traces, since it says nothing of what else ran: that
        is what rows of runs are for.
        """
        first, last = self._times.known(row.first_seen), self._times.known(row.last_seen)
        self.first = earliest(self.first, first)
        self.last = latest(self.last, last)
        self.calls += row.count
        tally = self._tally(row.call.workload)
        tally.add_span(first, last)
        tally.add_hints(row.hints, last or 0.0)
        seen = Occurrence(row.count, first, last, row.message, trace_id=row.trace_id)
        tally.add_call(row.call, self._needs_of, seen, began=last, version=row.version)

    def add_runs(self, row: RunRow) -> None:
        """Add an aggregated row of runs."""
        first, last = self._times.known(row.first), self._times.known(row.last)
        self.traces += row.begun
        tally = self._tally(row.workload)
        if first is None or last is None:
            self.impossible_times += row.traces
            tally.traces += row.traces
            tally.add_hints(row.hints, 0.0)
            return
        self.first, self.last = earliest(self.first, first), latest(self.last, last)
        tally.add_runs(row)

    def usages(self) -> list[Usage]:
        """The usage of every workload seen, by key; last that of no workload, if there is any."""
        workloads = sorted(arn for arn in self._tallies if arn is not None)
        usages = [self._tallies[arn].usage(arn, self._invoked_gap(arn)) for arn in workloads]
        return [*usages, *([self._tallies[None].usage(None)] if None in self._tallies else [])]

    def _invoked_gap(self, arn: str) -> float | None:
        """When a document of a workload was last missing in the trace of its caller."""
        times = (time for pattern, time in self._invoked_gaps.items() if matches(pattern, arn))
        return max(times, default=None)

    # --- over several runs ---

    def state(self) -> UsageState:
        """All that was added, as it is kept for later."""
        return UsageState(
            self._counters(),
            tuple(
                self._tallies[arn].state(arn)
                for arn in sorted(self._tallies, key=lambda arn: (arn is None, arn or ""))
            ),
            tuple(sorted(self._invoked_gaps.items())),
        )

    def add_state(self, state: UsageState) -> None:
        """Add what another builder was given: of other traces, or they count twice."""
        self._set_counters(self._counters().joined(state.counters))
        for of_workload in state.workloads:
            self._tally(of_workload.workload).add_state(of_workload)
        for pattern, time in state.invoked_gaps:
            self._invoked_gaps[pattern] = max(time, self._invoked_gaps.get(pattern, 0.0))

    def add_use(self, use: Use, seen: Seen) -> None:
        """Add a use that was seen at some time: it was used, and is no evidence of anything else.

        The calls that show it may be added as well: they do not count twice.
        """
        self._tally(use.workload).add_use(use.need, use.sent, seen)

    def _counters(self) -> Counters:
        return Counters(**{name: getattr(self, name) for name in Counters.__struct_fields__})

    def _set_counters(self, counters: Counters) -> None:
        for name in Counters.__struct_fields__:
            setattr(self, name, getattr(counters, name))

    def _tally(self, arn: str | None) -> Tally:
        tally = self._tallies.get(arn)
        if tally is None:
            tally = self._tallies[arn] = Tally(self._kept)
        return tally

    def _add_gaps(self, reading: TraceReading, timed: bool) -> None:
        """Note whose document an incomplete trace lacks: that of a function which was surely invoked in it.

        An operation that invokes functions for some callers only doubts nobody.
        """
        for call, time, _ in reading.unanswered:
            needs = self._needs_of(call)
            if isinstance(needs, Unmapped) or call.outcome not in SENT:
                continue
            for permission, certainty in needs:
                if permission.action == "lambda:InvokeFunction" and certainty is not Certainty.POSSIBLE:
                    pattern = ":".join(permission.resource.split(":")[:_FUNCTION_FIELDS])
                    when = self._times.last if not timed else time
                    self._invoked_gaps[pattern] = max(when, self._invoked_gaps.get(pattern, 0.0))
