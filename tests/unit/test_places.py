"""The lines of a checkout on the findings of a scan, and what is asked of AWS for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from scanner.aws.api import Aws
from scanner.model import Location
from scanner.places import with_places
from scanner.report.build import report
from scanner.report.schema import plain
from scanner.result import ScanResult
from scanner.templates import read
from tests.fakes import notes
from tests.fakes.evidence import STACK_RESOURCES, FakeEvidence, Script
from tests.unit.action.test_publish import walk_through

WORKFLOWS, OURS = ".github/workflows", "z-xray-privilege-scan.yml"
PLACE = Location("serverless.yml", notes.SERVERLESS_LINE, notes.SERVERLESS_LINE)


class CloudFormationAlone:
    """AWS with nothing but CloudFormation."""

    def __init__(self, fake: FakeEvidence) -> None:
        self._fake = fake

    def cloudformation(self, region: str) -> Any:
        return self._fake.client("cloudformation", region)


def placed(root: Path, script: Script | None = None) -> tuple[ScanResult, int]:
    """The walk-through with its places, and how often CloudFormation was asked: never without a script."""
    request, result = walk_through()
    with FakeEvidence(script) as fake:
        request = replace(request, iam=None) if script else request
        found = with_places(result, request, cast(Aws, CloudFormationAlone(fake)), root)
        return found, fake.count(STACK_RESOURCES)


def locations(result: ScanResult) -> set[Location]:
    return {finding.location for finding in result.findings if finding.location}


def notes_of(result: ScanResult) -> set[str]:
    return {finding.location_note for finding in result.findings if finding.location_note}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "serverless.yml").write_text(notes.SERVERLESS)
    return tmp_path


def test_a_role_of_no_stack_is_placed_by_names(checkout: Path) -> None:
    result, requests = placed(checkout, Script())
    assert locations(result) == {PLACE}
    assert requests == 1
    assert [warning for warning in result.warnings if warning not in walk_through()[1].warnings] == []


def test_the_stack_decides_before_the_name(checkout: Path) -> None:
    stacks = {(notes.REGION, "other"): {notes.role_name("delete"): "Role"}}
    result, _ = placed(checkout, Script(stacks=stacks, templates={"other": "Resources: {}"}))
    assert locations(result) == set()
    assert notes_of(result) == {"the role is Role of stack other, of which no template was found"}


def test_a_right_that_is_missing_is_a_warning_and_names_decide(checkout: Path) -> None:
    result, _ = placed(checkout, Script(denied=[STACK_RESOURCES]))
    assert locations(result) == {PLACE}
    (warning,) = set(result.warnings) - set(walk_through()[1].warnings)
    assert warning.message.startswith("cloudformation:DescribeStackResources is denied")


def test_files_in_the_place_of_iam_ask_nobody(checkout: Path) -> None:
    assert placed(checkout) == (placed(checkout, Script())[0], 0)


def test_a_checkout_without_templates_asks_nobody(tmp_path: Path) -> None:
    assert placed(tmp_path, Script()) == (walk_through()[1], 0)


def test_templates_beyond_the_bounds_are_a_warning(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "z").mkdir()
    (checkout / "z" / "serverless.yml").write_text(notes.SERVERLESS)
    monkeypatch.setattr(read, "MAX_TEMPLATES", 1)
    result, _ = placed(checkout)
    assert "templates-unread" in {warning.code for warning in result.warnings}


def test_the_report_holds_the_location(checkout: Path) -> None:
    request, _ = walk_through()
    document = plain(report(placed(checkout)[0], request))
    findings = [finding for role in document["roles"] for finding in role["findings"]]
    (location,) = [finding["location"] for finding in findings if finding["verdict"] == "unused"]
    line = notes.SERVERLESS_LINE
    assert location == {"path": "serverless.yml", "line": line, "end_line": line}
    assert {finding.get("location_note") for finding in findings} == {None}
