"""How often and when a permission was seen, and some of the traces that show it.

What is kept does not depend on the order in which it comes, nor on how it is shared out: so that counts of
several runs make one.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.mapping.access_denied import Denial
from scanner.model import Denied, Observation, Permission
from scanner.model.usage import earliest, latest
from scanner.usage.state import DenialState, Example, Examples, PermissionState, Place

_EXAMPLES = 3


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


def _keep_newest(newest: list[Example], time: float, trace_id: str) -> None:
    """Add a trace to the heap of the newest ones; the same trace counts once, with its latest time."""
    full = len(newest) == _EXAMPLES
    if full and time < newest[0][0]:  # most calls end here: no pair is made of them
        return
    example = (time, trace_id)
    if full and example <= newest[0]:
        return
    for place, (known, trace) in enumerate(newest):
        if trace == trace_id:
            if time > known:
                newest[place] = example
                heapq.heapify(newest)
            return
    if full:
        heapq.heappushpop(newest, example)
    else:
        heapq.heappush(newest, example)


def _add_examples(newest: list[Example], examples: Examples) -> None:
    for time, trace_id in examples:
        _keep_newest(newest, time, trace_id)


@dataclass(slots=True)
class PermissionCount:
    """A permission of one workload: how often, in how many traces, when."""

    first: float | None
    last: float | None
    count: int = 0
    traces: int = 0
    succeeded: int = 0
    last_trace: int = 0
    newest: list[Example] = field(default_factory=list)

    def add(self, seen: Occurrence, succeeded: bool) -> None:
        """Count an occurrence."""
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
        """What was counted."""
        return Observation(
            self.count,
            self.traces,
            first_seen=self.first,
            last_seen=self.last,
            succeeded=self.succeeded,
            trace_ids=tuple(trace for _, trace in sorted(self.newest, reverse=True)),
        )

    def state(self, permission: Permission, required: bool) -> PermissionState:
        """All of it, as it is kept for later."""
        return PermissionState(
            permission,
            required,
            self.first,
            self.last,
            self.count,
            self.traces,
            self.succeeded,
            tuple(sorted(self.newest)),
        )

    def add_state(self, state: PermissionState) -> None:
        """Count what another run counted."""
        self.count += state.count
        self.traces += state.traces
        self.succeeded += state.succeeded
        self.first, self.last = earliest(self.first, state.first), latest(self.last, state.last)
        _add_examples(self.newest, state.newest)


@dataclass
class DenialCount:
    """Denials of one permission: the earliest of them, how many there were, some traces."""

    earliest: Place
    count: int = 0
    newest: list[Example] = field(default_factory=list)

    @staticmethod
    def place(seen: Occurrence, message: str, denial: Denial) -> Place:
        """What tells one denial from others: the earliest is shown, whatever the order in which traces come.

        What a message says of the denial stands with it: the whole message may have told more.
        """
        return seen.first or 0.0, seen.trace_id, message, str(denial.cause), denial.policy or ""

    def add(self, seen: Occurrence, place: Place) -> None:
        """Count an occurrence."""
        self.count += seen.times
        self.earliest = min(self.earliest, place)
        if seen.trace_id:
            _keep_newest(self.newest, seen.last or 0.0, seen.trace_id)

    def denied(self, action: str, resource: str) -> Denied:
        """What was counted."""
        _, _, message, cause, policy = self.earliest
        return Denied(
            action,
            resource,
            count=self.count,
            message=message,
            cause=cause,
            policy=policy or None,
            trace_ids=tuple(sorted({trace for _, trace in self.newest})),
        )

    def state(self, action: str, resource: str) -> DenialState:
        """All of it, as it is kept for later."""
        return DenialState(action, resource, self.earliest, self.count, tuple(sorted(self.newest)))

    def add_state(self, state: DenialState) -> None:
        """Count what another run counted."""
        self.count += state.count
        self.earliest = min(self.earliest, state.earliest)
        _add_examples(self.newest, state.newest)
