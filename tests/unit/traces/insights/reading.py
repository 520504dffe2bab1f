"""Reading records by queries of the stand-in: what a test of the source needs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from scanner.aws.times import Clock
from scanner.errors import Warnings
from scanner.model import CallRow, RunRow, Usage
from scanner.model.readings import TraceReading
from scanner.traces.insights.queries import Pace
from scanner.traces.insights.source import InsightsSource, SpansRequest
from scanner.traces.source import EmitOf, SourceReport
from scanner.usage.builder import UsageBuilder
from tests.fakes.clients import client_of
from tests.fakes.logs_insights import FakeLogs, LogsScript
from tests.unit.traces.insights.spans import REGION, START

QUICK = Pace(first=0.001, longest=0.002, retries=(0.001, 0.001, 0.001))
SECONDS = 64
NOW = START + SECONDS + 1000
CLOCK = Clock(lambda: NOW, lambda _: None)


class ReadSpans(NamedTuple):
    """What was read, and what was said of it."""

    builder: UsageBuilder
    report: SourceReport
    warnings: Warnings
    fake: FakeLogs

    @property
    def usages(self) -> dict[str | None, Usage]:
        return {usage.workload: usage for usage in self.builder.usages()}

    @property
    def codes(self) -> list[str]:
        return [warning.code for warning in self.warnings.all()]


def emit_into(builder: UsageBuilder) -> EmitOf:
    lock = threading.Lock()

    def emit(items: Sequence[TraceReading | CallRow | RunRow]) -> None:
        with lock:
            for item in items:
                builder.add(item)

    return lambda _: emit


def read_spans(
    records: Sequence[Any], script: LogsScript | None = None, clock: Clock = CLOCK, **request: Any
) -> ReadSpans:
    """Read all records; no query is left open that could be stopped."""
    builder, warnings = UsageBuilder(), Warnings()
    asked = {"start": START, "end": START + SECONDS, "pace": QUICK, **request}
    with FakeLogs(records, script or LogsScript()) as fake:
        source = InsightsSource(
            REGION, lambda region: client_of("logs", fake.url, region), SpansRequest(**asked), clock
        )
        try:
            report = source.read(emit_into(builder), warnings)
        finally:
            assert fake.script.faults_from or fake.open_queries == []
    return ReadSpans(builder, report, warnings, fake)
