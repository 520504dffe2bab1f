"""Which times a trace can have. Pure.

Clocks and exporters get them wrong: milliseconds or microseconds since the epoch, or no time at all. What
such a trace used was used, but whether before or after a change nobody can tell.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scanner.model.readings import TraceReading

# X-Ray was announced on 1 December 2016: aws.amazon.com/about-aws/whats-new/2016/12/
FIRST_TRACE = 1_480_550_400.0
_CLOCK_SKEW = 86_400.0


class TraceTimes(NamedTuple):
    """The span of time (Unix seconds) in which traces start and end."""

    first: float = -math.inf
    last: float = math.inf

    @classmethod
    def until(cls, now: float) -> TraceTimes:
        """The times that traces can have which were written until now. Clocks may differ by a day."""
        return cls(FIRST_TRACE, now + _CLOCK_SKEW)

    def contains(self, time: float) -> bool:
        """Whether a trace can have a time."""
        return self.first <= time <= self.last

    def contains_reading(self, reading: TraceReading) -> bool:
        """Whether a trace can have all the times that it shows. A call without a time has its workload's."""
        times = [time for time in (reading.start, reading.end) if time is not None]
        times += [run.start for run in reading.workloads.values()]
        times += [observed.time for observed in reading.calls if observed.time]
        first, last = self
        return all(first <= time <= last for time in times)

    def known(self, time: float) -> float | None:
        """A time of a call that a trace can have, None for another one."""
        return time if self.contains(time) else None
