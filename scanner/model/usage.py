"""What a workload was seen to do, and how much was seen of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.model.calls import Need, Unmapped
from scanner.model.workloads import Hints


@dataclass(frozen=True)
class Observation:
    """How often and when (Unix seconds) something was seen; None where its times are impossible.

    `succeeded` is how often AWS did what it was asked. `trace_ids` are some of the traces, the newest first.
    """

    count: int
    traces: int
    first_seen: float | None
    last_seen: float | None
    succeeded: int = 0
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Denied:
    """Calls that AWS denied: the permission that they attempted, and the first message.

    `cause` is what the message says of the reason (`mapping.access_denied.DenialCause`), `policy` the
    ARN of the policy that it names.
    """

    action: str
    resource: str
    count: int
    message: str
    cause: str = "unknown"
    policy: str | None = None
    trace_ids: tuple[str, ...] = ()


DAY_SECONDS = 86_400
FAR = 1e12  # past the years that a clock can show


class DayRuns(NamedTuple):
    """The complete traces of a day (UTC): how many, and when the first and the last one started."""

    traces: int
    first_start: float
    last_start: float

    def joined(self, other: DayRuns) -> DayRuns:
        """These and others of the same day."""
        return DayRuns(
            self.traces + other.traces,
            min(self.first_start, other.first_start),
            max(self.last_start, other.last_start),
        )


class Observed(NamedTuple):
    """How long a workload was observed: days (UTC) with a complete trace, and how many of these traces.

    `more` tells that there may be more traces than were counted.
    """

    days: int = 0
    traces: int = 0
    more: bool = False


def day_of(time: float) -> int:
    """The number of the day (UTC) of a time in Unix seconds."""
    near = time if -FAR < time < FAR else math.copysign(FAR, time)
    return int(near // DAY_SECONDS)


@dataclass(frozen=True)
class Evidence:
    """How much was seen of a workload.

    Times are Unix seconds. `newest_complete` holds the start times of its newest complete traces,
    newest first, some hundred at most; `complete_days` counts all of them, by the number of their day
    (`day_of`). `last_incomplete` is when the newest incomplete one started. `services` tells when a call of
    each IAM service was last seen, and `unmapped_services` the services with a call that could not be mapped
    (None: of an unknown one). `by_xray_sdk` is when a call was last seen that an X-Ray SDK recorded,
    `by_python_sdk` one of the SDK for Python by its name. `all_clients_traced` is when a run was last seen of
    which all AWS clients are traced. `of_versions` is what traces show that name the published version that
    ran ("5"), or its alias: their `last_call`, `newest_complete`, `complete_days`, `auto_instrumented`,
    `by_xray_sdk`, `by_python_sdk` and `services`, which are not in those here.
    """

    traces: int = 0
    calls: int = 0
    first_seen: float | None = None
    last_seen: float | None = None
    last_call: float | None = None
    newest_complete: tuple[float, ...] = ()
    complete_days: Mapping[int, DayRuns] = field(default_factory=dict)
    incomplete_traces: int = 0
    last_incomplete: float | None = None
    auto_instrumented: float | None = None
    by_xray_sdk: float | None = None
    by_python_sdk: float | None = None
    all_clients_traced: float | None = None
    services: Mapping[str, float] = field(default_factory=dict)
    unmapped_services: frozenset[str | None] = frozenset()
    of_versions: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def complete_starts(self) -> tuple[float, ...]:
        """Starts of complete traces, as far as they are kept: the newest, and the first and last of a day."""
        of_days = (start for runs in self.complete_days.values() for start in runs[1:])
        return (*self.newest_complete, *of_days)

    def observed_since(self, change: float) -> Observed:
        """How much was seen in complete traces since a change.

        Of the day of the change only those traces surely began later that are among the newest, and the last.
        """
        days = self.complete_days
        whole = {day for day, runs in days.items() if runs.first_start > change}
        parts = sum(runs.first_start <= change < runs.last_start for runs in days.values())
        newer = [start for start in self.newest_complete if start > change]
        of_parts = sum(day_of(start) not in whole for start in newer)
        return Observed(
            days=len(whole) + parts,
            traces=sum(days[day].traces for day in whole) + max(of_parts, parts),
            more=bool(parts) and len(newer) == len(self.newest_complete),
        )

    @property
    def was_seen(self) -> bool:
        """Whether it was seen at all: aggregated rows show calls, and no trace."""
        return bool(self.traces or self.calls)


@dataclass(frozen=True)
class Usage:
    """All that a workload was seen to do. `workload` is its key, None for calls that belong to none.

    `used` are the needs of calls that were sent, `attempted` those of calls that were denied or never left
    the client. A permission stands in each at most twice: as required, and as one of several or possible. The
    latter is `one_of` if a call that was sent needed one of several. `hints` are the newest ones of what its
    role may be found by, at most some twenty. `other_credentials` counts calls under other credentials
    than its own, which are in none of these.
    """

    workload: str | None
    evidence: Evidence
    used: Mapping[Need, Observation] = field(default_factory=dict)
    attempted: Mapping[Need, Observation] = field(default_factory=dict)
    denied: tuple[Denied, ...] = ()
    unmapped: Mapping[Unmapped, int] = field(default_factory=dict)
    hints: tuple[Hints, ...] = ()
    other_credentials: int = 0


def earliest(time: float | None, other: float | None) -> float | None:
    """The earlier of two times, None for no time."""
    return other if time is None else time if other is None else min(time, other)


def latest(time: float | None, other: float | None) -> float | None:
    """The later of two times, None for no time."""
    return other if time is None else time if other is None else max(time, other)
