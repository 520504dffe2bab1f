"""What Prometheus reads, and what a probe does: held to the formats' own rules."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

import orjson
import pytest

from scanner.watch import metrics as module
from scanner.watch.metrics import Family, Sample, metrics
from scanner.watch.pages import answer
from scanner.watch.status import Kind, Numbers, Status
from tests.unit.watch.fakes import DAY, START, schedule

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) (?:[^\\\n]|\\\\|\\n)*")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')


class Parsed(NamedTuple):
    kind: str
    samples: dict[tuple[tuple[str, str], ...], float]


def parsed(text: str) -> dict[str, Parsed]:
    """The families of a text, by the rules of the format; fails for whatever breaks one.

    prometheus.io/docs/instrumenting/exposition_formats: HELP and TYPE once and before the samples, all lines
    of a family together, no sample twice, a line end at the end.
    """
    assert text.endswith("\n")
    families: dict[str, Parsed] = {}
    helped, current = "", ""
    for line in text.split("\n")[:-1]:
        if match := _HELP.fullmatch(line):
            assert match[1] not in families
            helped = match[1]
        elif match := _TYPE.fullmatch(line):
            assert match[1] == helped
            assert match[1] not in families
            current = match[1]
            families[current] = Parsed(match[2], {})
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == current
            labels = _labels(match[2] or "")
            assert labels not in families[current].samples
            families[current].samples[labels] = float(match[3])
    return families


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    found, at = [], 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, text
        value = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])
        found.append((match[1], value))
        at = match.end()
    assert len({name for name, _ in found}) == len(found)
    return tuple(sorted(found))


SUCCEEDED = replace(
    Status(START),
    next_scan=START + DAY,
    scans={"success": 3, "failure": 1},
    last_success=START + 100,
    duration=12.5,
    numbers=Numbers(
        {Kind("unused", "write", True): 4, Kind("broad", "unknown", False): 2}, failing=1, traces=5310
    ),
    page=b"<p>",
)


def value(status: Status, name: str, now: float = START + 200, **labels: str) -> float:
    families = parsed(metrics(status, schedule(), now))
    return families[f"xray_privilege_scan_{name}"].samples[tuple(sorted(labels.items()))]


def test_names_end_with_their_unit_and_counters_with_total() -> None:
    """prometheus.io/docs/practices/naming"""
    for name, family in parsed(metrics(SUCCEEDED, schedule(), START)).items():
        assert name.startswith("xray_privilege_scan_")
        assert name.endswith("_total") == (family.kind == "counter")
        assert family.samples
        if re.search("timestamp|duration|interval", name):
            assert name.endswith("_seconds")


def test_findings_are_counted_by_verdict_severity_and_confirmed() -> None:
    assert value(SUCCEEDED, "findings", verdict="unused", severity="write", confirmed="true") == 4
    assert value(SUCCEEDED, "findings", verdict="broad", severity="unknown", confirmed="false") == 2
    # zeros, so that an alert sees a finding come
    assert value(SUCCEEDED, "findings", verdict="broad", severity="write", confirmed="true") == 0


def test_scans_and_times_are_there() -> None:
    assert value(SUCCEEDED, "scans_total", outcome="success") == 3
    assert value(SUCCEEDED, "scans_total", outcome="failure") == 1
    assert value(SUCCEEDED, "last_success_timestamp_seconds") == START + 100
    assert value(SUCCEEDED, "next_scan_timestamp_seconds") == START + DAY
    assert value(SUCCEEDED, "last_scan_duration_seconds") == 12.5
    assert value(SUCCEEDED, "failing_findings") == 1
    assert value(SUCCEEDED, "traces") == 5310


def test_before_the_first_success_there_are_no_findings_rather_than_none() -> None:
    families = parsed(metrics(Status(START), schedule(), START))
    assert "xray_privilege_scan_findings" not in families
    assert "xray_privilege_scan_last_success_timestamp_seconds" not in families
    assert value(Status(START), "scans_total", outcome="success") == 0


def test_label_values_are_escaped() -> None:
    odd = 'a"b\\c\nd'
    lines = "".join(module._lines(Family("odd", "gauge", "What is odd", [Sample(1, {"text": odd})])))
    assert parsed(lines)["xray_privilege_scan_odd"].samples == {(("text", odd),): 1}


@pytest.mark.parametrize(
    ("status", "after", "code"),
    [
        (Status(START), 0, 200),
        (Status(START), 2 * DAY + 599, 200),
        (Status(START), 2 * DAY + 601, 503),
        (SUCCEEDED, 2 * DAY + 100 + 599, 200),
        (SUCCEEDED, 2 * DAY + 100 + 601, 503),
    ],
)
def test_health_is_a_success_within_two_intervals_and_ten_minutes(
    status: Status, after: float, code: int
) -> None:
    answered = answer("GET", "/healthz", status, schedule(), START + after)
    assert answered.status == code
    body = orjson.loads(answered.body)
    assert body["status"] == ("ok" if code == 200 else "overdue")
    assert body["last_success"] == status.last_success
    assert value(status, "healthy", START + after) == (code == 200)
