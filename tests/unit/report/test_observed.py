"""How outputs say for how long a workload was observed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scanner.explain.finding import finding_sections
from scanner.gate.decide import GateDecision, GatePolicy
from scanner.report.build import report
from scanner.report.csv import csv_text
from scanner.report.load import report_of
from scanner.report.markdown import markdown
from scanner.report.markdown.templates import seen as seen_in_comment
from scanner.report.records import Finding, Report
from scanner.report.sarif import sarif
from scanner.report.view.groups import groups_of
from scanner.result import ScanResult
from tests.unit.cases import NOW, allow, compared, function, policy, table, usage
from tests.unit.report.examples import COMPARE, scan_result
from tests.unit.report.views import viewed

DAY = 86_400.0
GRANTS = policy(allow("dynamodb:Scan", table("t")))


def scan(*days_of: list[int]) -> ScanResult:
    """A role of several functions, each with a complete trace so many days ago, each."""
    usages = [
        usage(services=["dynamodb"], name=f"f{n}", traces=[NOW - days * DAY for days in days_ago])
        for n, days_ago in enumerate(days_of)
    ]
    functions = [function(f"f{n}", NOW - 20 * DAY) for n in range(len(days_of))]
    return scan_result([compared([GRANTS], usages, functions)], usages, functions)


def recorded(result: ScanResult) -> Report:
    return report(result, COMPARE, GatePolicy(), GateDecision("success", [], ()))


def finding_of(result: ScanResult) -> Finding:
    (finding,) = recorded(result).roles[0].findings
    return finding


@pytest.mark.parametrize(
    ("days_of", "days", "traces", "said"),
    [
        ([[0]], 1, 1, "1 trace"),
        ([[0, 0, 0]], 1, 3, "3 traces"),
        ([[0, 1, 1]], 2, 3, "2 days observed, 3 traces"),
        ([[0, 1, 25]], 2, 2, "2 days observed, 2 traces"),  # since the last change
        # the one that was observed least speaks for all
        ([[0, 1, 2, 3], [0, 1]], 2, 2, "2 days observed, 2 traces"),
        ([[0, 1, 2, 3], [0]], 1, 1, "5 traces"),
        ([[0, 5, 6], [1, 1, 1, 1, 2]], 2, 3, "2 days observed, 3 traces"),
    ],
)
def test_a_finding_says_for_how_long_its_workloads_were_observed(
    days_of: list[list[int]], days: int, traces: int, said: str
) -> None:
    result = scan(*days_of)
    finding = finding_of(result)
    assert (finding.observed.days, finding.observed.traces) == (days, traces)
    assert finding.traces == sum(day < 20 for days_ago in days_of for day in days_ago)
    (row,) = viewed(result, COMPARE).confirmed
    assert row.evidence == said
    assert seen_in_comment(row) == f"never used {'for' if 'days' in said else 'in'} {said}"


def outputs(result: ScanResult) -> dict[str, Any]:
    view, record = viewed(result, COMPARE), recorded(result)
    role = record.roles[0]
    story = finding_sections(record, role, role.findings[0], everything=False)
    return {
        "markdown": markdown(view),
        "csv": csv_text(record),
        "sarif": sarif(record, "README.md").decode(),
        "explain": "\n".join(line for section in story for line in section.lines),
    }


def test_every_output_says_it() -> None:
    said = outputs(scan([0, 1, 1]))
    assert "2 days observed, 3 traces" in said["markdown"]
    assert ",3,2," in said["csv"]
    assert '"observedDays":2' in said["sarif"]
    assert "Since the last change it was observed on 2 days, in 3 complete traces" in said["explain"]


def test_of_a_single_day_nothing_more_is_said_than_the_traces() -> None:
    said = outputs(scan([0, 0]))
    assert "observed" not in said["markdown"] + said["explain"]


def test_a_report_without_days_is_read_as_one_of_which_none_is_known() -> None:
    record = recorded(scan([0, 1]))
    document = msgspec.to_builtins(record)
    del document["roles"][0]["findings"][0]["observed"]
    (finding,) = report_of(document).roles[0].findings
    assert (finding.observed.days, finding.observed.traces) == (0, 0)


def test_the_same_grant_of_several_roles_names_the_range() -> None:
    long, longer, short = (viewed(scan(days), COMPARE).confirmed[0] for days in ([0, 1], [0, 1, 2, 3], [0]))
    assert [group.evidence for group in groups_of([long, longer])] == ["2 to 4 days observed, 2 to 4 traces"]
    assert [group.evidence for group in groups_of([long, short])] == ["1 to 2 traces"]
