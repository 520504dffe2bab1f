"""What traces show of one version of a workload's code so far."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from scanner.model import Evidence
from scanner.model.readings import WorkloadRun
from scanner.model.usage import DAY_SECONDS, FAR, DayRuns, day_of, latest
from scanner.usage.state import CodeState


@dataclass(slots=True)
class _Day:
    """The complete traces of a day so far."""

    traces: int
    first_start: float
    last_start: float

    @property
    def runs(self) -> DayRuns:
        return DayRuns(self.traces, self.first_start, self.last_start)


@dataclass(slots=True)
class CodeTally:
    """The evidence of one version's code. `kept` is how many starts of complete traces are kept."""

    kept: int
    last_call: float | None = None
    newest_complete: list[float] = field(default_factory=list)
    days: dict[int, _Day] = field(default_factory=dict)
    auto_instrumented: float | None = None
    by_xray_sdk: float | None = None
    by_python_sdk: float | None = None
    services: dict[str, float] = field(default_factory=dict)

    def add_clients(self, run: WorkloadRun) -> None:
        """Note what a run shows of how its clients are instrumented."""
        if run.auto_instrumented:
            self.auto_instrumented = latest(self.auto_instrumented, run.start)
        if run.by_xray_sdk:
            self.by_xray_sdk = latest(self.by_xray_sdk, run.start)
            if run.python_sdk:
                self.by_python_sdk = latest(self.by_python_sdk, run.start)

    def add_complete(self, start: float) -> None:
        """Note a complete trace."""
        if len(self.newest_complete) < self.kept:
            heapq.heappush(self.newest_complete, start)
        else:
            heapq.heappushpop(self.newest_complete, start)
        # `_add_to_day` written out: this runs for every trace
        runs = self.days.get(int(start // DAY_SECONDS) if 0 <= start < FAR else day_of(start))
        if runs is None:
            self._add_to_day(day_of(start), DayRuns(1, start, start))
            return
        runs.traces += 1
        if start < runs.first_start:
            runs.first_start = start
        elif start > runs.last_start:
            runs.last_start = start

    def add_starts(self, start: float, number: int) -> None:
        """Note complete traces that started at one time, as far as is known."""
        if number > 0:
            self._keep([start] * min(number, self.kept))
            self._add_to_day(day_of(start), DayRuns(number, start, start))

    def evidence(self) -> Evidence:
        """All of it, as evidence."""
        return Evidence(
            last_call=self.last_call,
            newest_complete=tuple(sorted(self.newest_complete, reverse=True)),
            complete_days=dict(self._days()),
            auto_instrumented=self.auto_instrumented,
            by_xray_sdk=self.by_xray_sdk,
            by_python_sdk=self.by_python_sdk,
            services=dict(sorted(self.services.items())),
        )

    def state(self) -> CodeState:
        """All of it, as it is kept for later."""
        return CodeState(
            self.last_call,
            tuple(sorted(self.newest_complete)),
            tuple(self._days()),
            self.auto_instrumented,
            self.by_xray_sdk,
            self.by_python_sdk,
            tuple(sorted(self.services.items())),
        )

    def add_state(self, state: CodeState) -> None:
        """Note what another run showed of the same code."""
        self.last_call = latest(self.last_call, state.last_call)
        self._keep(state.newest_complete)
        for day, runs in state.days:
            self._add_to_day(day, runs)
        self.auto_instrumented = latest(self.auto_instrumented, state.auto_instrumented)
        self.by_xray_sdk = latest(self.by_xray_sdk, state.by_xray_sdk)
        self.by_python_sdk = latest(self.by_python_sdk, state.by_python_sdk)
        for prefix, time in state.services:
            self.services[prefix] = max(time, self.services.get(prefix, 0.0))

    def _keep(self, starts: list[float] | tuple[float, ...]) -> None:
        newest = self.newest_complete
        newest += starts
        newest.sort()  # what is sorted is a heap
        del newest[: max(0, len(newest) - self.kept)]

    def _days(self) -> list[tuple[int, DayRuns]]:
        return [(day, self.days[day].runs) for day in sorted(self.days)]

    def _add_to_day(self, day: int, runs: DayRuns) -> None:
        known = self.days.get(day)
        self.days[day] = _Day(*(runs if known is None else known.runs.joined(runs)))
