"""Nights of a schedule that keeps a ledger, with all that goes wrong: it knows what one big scan shows.

    python -m tests.simulate.nights --days 365 --seeds 3

Runs overlap at random, fail for nights, lose what they read, see only some traces, and two write at once.
Traces arrive late, workloads are deployed anew, days are folded. Nothing of that may change evidence or uses.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from scanner import read_traces
from scanner.aws.interruption import Interruption
from scanner.errors import Warnings
from scanner.ledger import DAY, EMPTY, HOUR, LATE, Ledger, merged
from scanner.ledger.encoding import decoded, encoded
from scanner.ledger.fold import tidied
from scanner.ledger.plan import KEPT
from scanner.model import Call, Evidence, Finding, ObservedCall, Outcome, Usage
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.request import ScanRequest
from scanner.result import ScanResult
from scanner.scan import scan
from scanner.traces.source import XRAY, Coverage, EmitOf, Origin, SkippedTraces, SourceReport
from scanner.traces.xray_requests import Window
from tests.fakes import notes
from tests.fakes.traces import REGION

BEGIN = 1_780_012_800.0 - 1_780_012_800 % DAY
VERBS = tuple(notes.OPERATIONS)
OTHER_CALLS = ("Scan", "Query", "BatchGetItem", "DescribeTable", "MakeCoffee")


class Arriving(NamedTuple):
    """A trace, and when X-Ray lists it (Unix seconds)."""

    reading: TraceReading
    at: float


class Night(NamedTuple):
    """A run: when, how far back it is asked to look, and what goes wrong."""

    now: float
    asked: float
    fate: str


@dataclass(frozen=True)
class Nights:
    """What happens in some days."""

    traces: tuple[Arriving, ...]
    runs: tuple[Night, ...]
    deployed: Mapping[str, float] = field(default_factory=dict)


def drawn(seed: int, days: int, traces_a_day: int = 20) -> Nights:
    """Days as they may be, from a seed. Two failures in a row are at most so long that they are caught up."""
    random = Random(seed)
    traces = sorted(_traces(random, days, traces_a_day), key=lambda trace: trace.reading.trace_id)
    deployed = {verb: BEGIN + random.uniform(-DAY, (days - 1) * DAY) for verb in VERBS}
    return Nights(tuple(traces), tuple(_runs(random, days)), deployed)


def _runs(random: Random, days: int) -> Iterator[Night]:
    fates = ("whole",) * 12 + ("skipped", "lost", "partly", "filtered", "read-only", "twice")
    bad = 0
    for day in range(1, days + 1):
        now = BEGIN + day * DAY + 3 * HOUR + random.uniform(-2, 2) * HOUR
        fate = random.choice(fates) if 1 < day < days and bad < 4 else "whole"
        bad = 0 if fate in ("whole", "twice") else bad + 1
        # the first one looks back as far as any later one
        asked = now if day == 1 else random.choice((3, 6, 12, 24, 24, 24, 36, 60)) * HOUR
        yield Night(now, min(asked, now - BEGIN), fate)
        if random.random() < 0.1:  # a run by hand in the middle of the day
            yield Night(now + random.uniform(1, 15) * HOUR, HOUR, random.choice(("whole", "filtered")))


def _traces(random: Random, days: int, a_day: int) -> Iterator[Arriving]:
    for number in range(days * a_day):
        start = BEGIN + random.uniform(0, days) * DAY
        hour_end = start - start % HOUR + HOUR
        # most are there at once, some as late as X-Ray may be
        at = start + 30 if random.random() < 0.8 else random.uniform(start, hour_end + LATE)
        yield Arriving(_reading(random, start, number), at)


def _reading(random: Random, start: float, number: int) -> TraceReading:
    verb = random.choice(VERBS)
    # what happens late at an hour's end has its id in it, and starts in the next
    began = start + random.choice((0.0, 0.0, 900.0))
    operations = [notes.OPERATIONS[verb]] * (random.random() < 0.9)
    operations += random.choices(OTHER_CALLS, k=random.random() < 0.1)
    return TraceReading(
        f"1-{int(start):08x}-{number:024x}",
        documents=2,
        complete=random.random() > 0.02,
        start=began,
        end=began + 1,
        workloads={notes.function_arn(verb): WorkloadRun(began, ran=True, auto_instrumented=True)},
        calls=[ObservedCall(_call(random, verb, operation), began + 0.5, "") for operation in operations],
    )


def _call(random: Random, verb: str, operation: str) -> Call:
    outcome = random.choices((Outcome.OK, Outcome.FAILED, Outcome.DENIED), (20, 1, 1))[0]
    return Call(
        workload=notes.function_arn(verb),
        service="DynamoDB",
        operation=operation,
        parameters=(("table_name", "notes"),),
        region=REGION,
        account=notes.ACCOUNT,
        outcome=outcome,
    )


# --- runs ----------------------------------------------------------------------------------------


class _Store:
    """X-Ray at a time: what has arrived and is kept; of `share` less than 1, some of that."""

    name = XRAY

    def __init__(self, traces: Sequence[Arriving], now: float, window: Window, share: float) -> None:
        self._traces, self._now, self._window, self._share = traces, now, window, share

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        start, end = self._window.start, self._window.end
        emit = emit_of(Origin(REGION, XRAY, start, end))
        found = [
            trace.reading
            for trace in self._traces
            if trace.at <= self._now and int(start) <= int(trace.reading.trace_id[2:10], 16) <= end
        ]
        read = found[: int(len(found) * self._share)]
        for at in range(0, len(read), 7):
            emit(read[at : at + 7])
        skipped = SkippedTraces(unprocessed=len(found) - len(read))
        return SourceReport(
            skipped, regions=(REGION,), start=start, end=end, covered=(Coverage(REGION, XRAY, start, end),)
        )


class _Aws:
    """Credentials of an account, and nothing else."""

    interruption = Interruption()

    def region(self) -> str:
        return REGION

    def client(self, service: str, region: str) -> Any:
        assert service == "sts"
        return SimpleNamespace(get_caller_identity=lambda: {"Account": notes.ACCOUNT})


def scanned(nights: Nights, request: ScanRequest, share: float = 1.0, kept: float = KEPT) -> ScanResult:
    """A scan of what has arrived. Reports of X-Ray that are not whole are marked as the readers do."""
    traces = [trace for trace in nights.traces if trace.at <= request.now]

    def source(asked: ScanRequest, *more: Any) -> Any:
        window = more[-1].get(REGION, asked.window)
        store = _Store(
            traces, request.now, window._replace(start=max(window.start, request.now - kept)), share
        )
        return _Marked(store)

    iam, functions = notes.iam(), notes.functions()
    for function in functions["Functions"]:
        verb = next(verb for verb in VERBS if function["FunctionArn"] == notes.function_arn(verb))
        at = nights.deployed[verb] if nights.deployed[verb] <= request.now else BEGIN - DAY
        function["LastModified"] = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(at))
    asked = replace(request, compare=True, iam=iam, documents={"lambda": functions})
    with patch.object(read_traces, "trace_source", source):
        return scan(asked, _Aws())  # type: ignore[arg-type]  # all that is asked of it


class _Marked:
    """A store whose report is marked as `auto` does."""

    name = XRAY

    def __init__(self, store: _Store) -> None:
        self._store = store

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        report = self._store.read(emit_of, warnings)
        return report._replace(covered=tuple(c._replace(whole=report.is_whole) for c in report.covered))


def big_scan(nights: Nights, now: float) -> ScanResult:
    """One scan of all that arrived since the first run began to look."""
    first = nights.runs[0]
    start = first.now - first.asked
    start -= start % HOUR
    return scanned(nights, ScanRequest(start=start, end=now, now=now), kept=float("inf"))


def request_of(night: Night, ledger: Ledger) -> ScanRequest:
    """What a run asks for."""
    return ScanRequest(
        start=night.now - night.asked,
        end=night.now,
        now=night.now,
        filter="a filter" if night.fate == "filtered" else None,
        ledger=ledger,
        ledger_read_only=night.fate == "read-only",
    )


def nights_with_ledger(nights: Nights, check: float = 1.0) -> Iterator[tuple[Night, ScanResult, Ledger]]:
    """Each run that observed all, with the ledger after it."""
    ledger = EMPTY
    for night in nights.runs:
        if night.fate == "skipped":
            continue
        share = {"partly": 0.7, "filtered": 0.5}.get(night.fate, 1.0)
        result = scanned(nights, request_of(night, ledger), share)
        if night.fate == "read-only":
            assert result.recorded is None
            continue
        assert result.recorded is not None
        if night.fate == "lost":  # killed before it was written
            continue
        before, ledger = ledger, merged(ledger, result.recorded)
        if night.fate == "twice":  # another run began with the same ledger, and ends first
            other = scanned(nights, request_of(night._replace(now=night.now + 60, fate="whole"), before))
            assert other.recorded is not None
            ledger = merged(merged(before, other.recorded), result.recorded)
        ledger = tidied(ledger, night.now)
        if night.fate == "whole":
            yield night, result, ledger


# --- comparison ----------------------------------------------------------------------------------


def differences(nights: Nights, every: int) -> Iterator[str]:
    """Where a night's run says something else than one big scan. Every so many nights are compared."""
    observed = list(nights_with_ledger(nights))
    for night, result, _ in [*observed[::every], observed[-1]]:
        yield from _differences(night, result, big_scan(nights, night.now))
    *_, (_, _, ledger) = observed
    if decoded(encoded(ledger)) != ledger:
        yield "the ledger is another one once it was kept"


def _differences(night: Night, result: ScanResult, big: ScanResult) -> Iterator[str]:
    when = time.strftime("%Y-%m-%d", time.gmtime(night.now))
    known, expected = (r.traced.by_workload for r in (result, big))
    for workload in sorted({*known, *expected}):
        yield from _usage_differences(f"{when} {workload}", known.get(workload), expected.get(workload))
    if _said(result) != _said(big):
        yield f"{when}: other findings"


def _usage_differences(where: str, known: Usage | None, expected: Usage | None) -> Iterator[str]:
    if known is None or expected is None:
        yield f"{where}: seen by one of the two only"
        return
    if _counted(known.evidence) != _counted(expected.evidence):
        yield f"{where}: evidence {known.evidence} is not {expected.evidence}"
    for name in ("used", "attempted", "denied", "unmapped", "hints", "other_credentials"):
        if getattr(known, name) != getattr(expected, name):
            yield f"{where}: {name} {getattr(known, name)} is not {getattr(expected, name)}"


def _counted(evidence: Evidence) -> Evidence:
    """Evidence without the starts of complete traces, which days long past only count."""
    return replace(evidence, newest_complete=evidence.newest_complete[:1])


def _said(result: ScanResult) -> list[tuple[Any, ...]]:
    def line(finding: Finding) -> tuple[Any, ...]:
        return finding.id, finding.verdict, finding.confirmed, tuple(finding.reasons), finding.severity

    return sorted(line(finding) for finding in result.findings)


def main() -> int:
    """Simulate, and print what differs. The exit code is 1 if anything does."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.nights", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    wrong = 0
    for seed in range(arguments.seeds):
        found = list(differences(drawn(seed, arguments.days), every=20))
        sys.stdout.write(f"seed {seed}: {arguments.days} days, {len(found)} differences\n")
        sys.stdout.writelines(f"        {line[:2000]}\n" for line in found[:10])
        wrong += len(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
