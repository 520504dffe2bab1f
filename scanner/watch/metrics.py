"""The numbers of a watch in Prometheus's text format. Pure.

prometheus.io/docs/instrumenting/exposition_formats, prometheus.io/docs/practices/naming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Literal, NamedTuple

from scanner import __version__
from scanner.iam.severity import SEVERITY_LEVELS
from scanner.model import EXCESS
from scanner.watch.schedule import Schedule
from scanner.watch.status import Kind, Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "xray_privilege_scan_"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Sample(NamedTuple):
    """A number, and the labels that tell it from others of its family."""

    value: float
    labels: Mapping[str, str] = {}


class Family(NamedTuple):
    """Numbers of one name."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Iterable[Sample]


def metrics(status: Status, schedule: Schedule, now: float) -> str:
    """All numbers of a watch."""
    return "".join(line for family in _families(status, schedule, now) for line in _lines(family))


def _families(status: Status, schedule: Schedule, now: float) -> Iterator[Family]:
    yield Family("build_info", "gauge", "The version of the program", [Sample(1, {"version": __version__})])
    yield _gauge("start_timestamp_seconds", "When the watch began", status.started)
    yield _gauge("interval_seconds", "How often a scan is to begin", schedule.every)
    yield _gauge("healthy", "Whether /healthz answers 200", is_healthy(status, schedule, now))
    yield _gauge("scan_running", "Whether a scan runs now", status.scanning)
    yield _gauge("next_scan_timestamp_seconds", "When the next scan begins", status.next_scan)
    scans = [Sample(number, {"outcome": outcome}) for outcome, number in status.scans.items()]
    yield Family("scans_total", "counter", "Scans that ended, by outcome", scans)
    yield _gauge("consecutive_failures", "Scans that failed since the last success", status.failures_in_a_row)
    yield _gauge("last_success_timestamp_seconds", "When the last success ended", status.last_success)
    yield _gauge("last_scan_duration_seconds", "How long the last scan took", status.duration)
    yield from _of_report(status)


def _of_report(status: Status) -> Iterator[Family]:
    """What the last report counts; nothing, rather than zeros, where there is none."""
    numbers = status.numbers
    if numbers is None:
        return
    kinds = {Kind(*kind): 0 for kind in product(map(str, EXCESS), SEVERITY_LEVELS, (True, False))}
    found = [
        Sample(
            number,
            {"verdict": kind.verdict, "severity": kind.severity, "confirmed": str(kind.confirmed).lower()},
        )
        for kind, number in {**kinds, **numbers.findings}.items()
    ]
    yield Family("findings", "gauge", "Findings of the last report that nobody accepts", found)
    yield _gauge("failing_findings", "Those that fail the gate", numbers.failing)
    yield _gauge("accepted_findings", "Findings that a rule or the baseline accepts", numbers.accepted)
    yield _gauge("traces", "Traces that the last report rests on", numbers.traces)
    yield _gauge("warnings", "Warnings in the last report", numbers.warnings)


def is_healthy(status: Status, schedule: Schedule, now: float) -> bool:
    """Whether the last success (before the first one: the start) is recent enough."""
    return not schedule.is_overdue(max(status.started, status.last_success or 0.0), now)


def _gauge(name: str, meaning: str, value: float | None) -> Family:
    return Family(name, "gauge", meaning, [] if value is None else [Sample(value)])


def _lines(family: Family) -> Iterator[str]:
    name = f"{_PREFIX}{family.name}"
    samples = list(family.samples)
    if not samples:
        return
    yield f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n"
    for sample in samples:
        labels = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in sample.labels.items())
        yield f"{name}{f'{{{labels}}}' if labels else ''} {float(sample.value)!r}\n"
