"""The CSV: a finding a line, all of it, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.config import TeamConfig
from scanner.gate.rules import IgnoreRule
from scanner.report.build import report
from scanner.report.csv import COLUMNS, cell, csv_text
from scanner.result import ScanResult
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, bundle_scan, scan_result, unused_scan

FORMULAS = "=+-@\t\r＝＋－＠"  # noqa: RUF001  # full-width signs count too


def lines_of(scan: ScanResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(report(scan, COMPARE)))))


def test_a_finding_is_a_line_with_all_that_is_known_of_it() -> None:
    (line,) = lines_of(unused_scan())
    assert list(line) == list(COLUMNS)
    assert (line["verdict"], line["confirmed"], line["severity"]) == ("unused", "yes", "data-access")
    assert (line["actions"], line["resources"]) == ("dynamodb:Scan", table("t"))
    assert (line["workloads"], line["role"]) == ("f", "arn:aws:iam::123456789012:role/f")
    assert (line["accepted"], line["seen"], line["traces"]) == ("", "never used", "1")


def test_grants_of_a_bundle_are_lines_of_their_own_with_all_actions() -> None:
    lines = lines_of(bundle_scan())
    assert {line["bundle"] for line in lines} == {"CDK grantReadData"}
    assert sum(len(line["actions"].split("; ")) for line in lines) == 7


def test_what_the_team_accepts_says_why() -> None:
    rule = IgnoreRule(1, "=HYPERLINK(1)", action="dynamodb:scan")
    reads = usage(used((GET, table("t"))))
    role = compared([policy(allow([GET, SCAN], table("t")))], [reads], config=TeamConfig(ignores=(rule,)))
    (line,) = lines_of(scan_result([role], [reads], [function()]))
    assert line["accepted"] == "rule: =HYPERLINK(1)"


@pytest.mark.parametrize("sign", FORMULAS)
@pytest.mark.parametrize("before", ["", " ", "x;", "x; "])
def test_no_cell_begins_a_formula(sign: str, before: str) -> None:
    text = cell(f"{before}{sign}cmd")
    assert not re.search(rf"(^|;)\s*[{re.escape(FORMULAS)}]", text)
    assert text.replace("'", "").startswith(before)


@given(st.text())
def test_whatever_a_name_is_the_line_stays_one_line(text: str) -> None:
    assert "\n" not in cell(text)
    assert "\r" not in cell(text)
    assert cell(text)[:1] not in {*FORMULAS} - {""}


def test_names_of_an_account_cannot_run_either() -> None:
    evil = "=1+cmd|' /C calc'!A0"
    seen = usage(name=evil, services=["dynamodb"])
    odd = function(evil)
    scan = scan_result([compared([policy(allow(SCAN, table("t")), name=evil)], [seen], functions=[odd])])
    (line,) = lines_of(scan)
    assert line["workloads"] == f"'{evil}"
    assert line["policy"] == f"'{evil}"


def test_the_columns_are_documented() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    table = text.partition("\n## CSV\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(COLUMNS)
