"""SARIF, as GitHub's code scanning takes it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.gate.config import TeamConfig
from scanner.gate.decide import GateDecision, GatePolicy
from scanner.gate.rules import IgnoreRule
from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.model import Finding, Location, Verdict
from scanner.report import sarif as module
from scanner.report.build import report
from scanner.report.hide import hidden
from scanner.report.records import Report
from scanner.report.sarif import MAX_PACKED, MAX_RESULTS, sarif
from scanner.result import RoleResult, ScanResult
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, scan_result, unused_scan

# beside the project, where it is at hand
SCHEMA = Path(__file__).parents[4] / "shared" / "facts" / "sarif-schema-2.1.0.json"
FALLBACK = ".github/least-privilege.yml"
LINES = Location("infra/my template.yml", 12, 14)


def report_of(scan: ScanResult, failing_ids: Collection[str] = ()) -> Report:
    failing = [finding for finding in scan.findings if finding.id in failing_ids]
    return report(scan, COMPARE, GatePolicy(), GateDecision("failure" if failing else "success", failing, ()))


def run_of(made: Report) -> Any:
    (run,) = json.loads(sarif(made, FALLBACK))["runs"]
    return run


def result_of(made: Report) -> Any:
    (result,) = run_of(made)["results"]
    return result


def rule_of(made: Report) -> Any:
    (rule,) = run_of(made)["tool"]["driver"]["rules"]
    return rule


def uri(result: Any) -> tuple[str, int, int]:
    place = result["locations"][0]["physicalLocation"]
    region = place["region"]
    return place["artifactLocation"]["uri"], region["startLine"], region["endLine"]


def unused_of(scan: ScanResult) -> list[Finding]:
    return [finding for finding in scan.findings if finding.verdict is Verdict.UNUSED]


def doubtful() -> ScanResult:
    """A function whose use of SQS nobody could have seen."""
    reads = usage(used((GET, table("t"))))
    role = compared([policy(allow("sqs:SendMessage", "*"))], [reads])
    return scan_result([role], [reads], [function()])


def with_roles(scan: ScanResult, **changes: Any) -> ScanResult:
    def changed(role: RoleResult) -> RoleResult:
        return replace(role, **changes)

    return replace(scan, roles=[changed(role) for role in scan.roles])


@pytest.mark.skipif(not SCHEMA.exists(), reason="the official schema is no part of the project")
@pytest.mark.parametrize("scan", [unused_scan(), doubtful(), scan_result()], ids=["sure", "doubt", "none"])
def test_the_official_schema_holds(scan: ScanResult) -> None:
    from jsonschema.validators import validator_for

    schema = json.loads(SCHEMA.read_text())
    validator_for(schema)(schema).validate(json.loads(sarif(report_of(scan), FALLBACK)))


def test_a_finding_is_a_result_with_its_id_as_fingerprint_and_its_role() -> None:
    scan = unused_scan()
    made, (unused,) = report_of(scan), unused_of(scan)
    result, rule = result_of(made), rule_of(made)
    assert (result["ruleId"], result["level"]) == ("unused/data-access", "warning")
    assert rule["id"] == result["ruleId"]
    assert result["partialFingerprints"] == {"primaryLocationLineHash": unused.id}
    (logical,) = result["locations"][0]["logicalLocations"]
    assert (logical["name"], logical["fullyQualifiedName"]) == (made.roles[0].name, made.roles[0].arn)
    assert result["message"]["text"].startswith("f: dynamodb:Scan on table/t: never used. Evidence: 1 trace.")


def test_what_fails_the_gate_is_an_error() -> None:
    scan = unused_scan()
    (unused,) = unused_of(scan)
    assert result_of(report_of(scan, {unused.id}))["level"] == "error"


def test_what_is_not_confirmed_is_a_note_that_names_the_reasons_and_raises_no_alarm() -> None:
    made = report_of(doubtful())
    result, rule = result_of(made), rule_of(made)
    assert result["level"] == rule["defaultConfiguration"]["level"] == "note"
    assert "Not confirmed: service-not-traced." in result["message"]["text"]
    assert float(rule["properties"]["security-severity"]) < 4.0


def test_a_rule_has_help_and_every_severity_a_score() -> None:
    rule = rule_of(report_of(unused_scan()))
    assert rule["help"]["text"]
    assert "explain" in rule["help"]["markdown"]
    assert 4.0 <= float(rule["properties"]["security-severity"]) < 7.0
    assert list(module._SCORES) and set(module._SCORES) == {*SEVERITY_LEVELS, NONE}


def test_what_the_team_accepts_is_no_result() -> None:
    rule = IgnoreRule(1, "so it is", action="dynamodb:scan")
    reads = usage(used((GET, table("t"))))
    role = compared([policy(allow([GET, SCAN], table("t")))], [reads], config=TeamConfig(ignores=(rule,)))
    assert run_of(report_of(scan_result([role], [reads], [function()])))["results"] == []


def test_the_place_is_the_line_else_the_template_else_the_fallback() -> None:
    scan = unused_scan()
    assert uri(result_of(report_of(scan))) == (FALLBACK, 1, 1)
    of_template = with_roles(scan, template="template.yml")
    assert uri(result_of(report_of(of_template))) == ("template.yml", 1, 1)
    placed = [replace(finding, location=LINES) for finding in scan.findings]
    at_line = with_roles(of_template, findings=placed)
    assert uri(result_of(report_of(at_line))) == ("infra/my%20template.yml", 12, 14)


def test_a_finding_without_a_line_stands_where_others_of_its_role_do() -> None:
    reads = usage(used((GET, table("t"))))
    grants = policy(allow([GET, SCAN], table("t")), allow("dynamodb:PutItem", table("u")))
    scan = scan_result([compared([grants], [reads])], [reads], [function()])
    (first, *others) = scan.roles[0].findings
    placed = with_roles(scan, findings=[replace(first, location=LINES), *others])
    places = {uri(result) for result in run_of(report_of(placed))["results"]}
    assert ("infra/my%20template.yml", 1, 1) in places


def test_names_make_no_links_and_no_placeholders() -> None:
    name = "[a](b)\x1b\n"
    seen = usage(name=name, services=["dynamodb"])
    odd = function(name)
    grant = policy(allow(SCAN, "arn:aws:dynamodb:*:*:table/{x}"))
    scan = scan_result([compared([grant], [seen], functions=[odd])], [seen], [odd])
    text = result_of(report_of(scan))["message"]["text"]
    assert "\\[a\\](b)" in text
    assert "table/{{x}}" in text
    assert "\x1b" not in text
    assert "\n" not in text


def test_a_hidden_report_makes_a_hidden_file() -> None:
    made = report_of(unused_scan())
    assert b"123456789012" in sarif(made, FALLBACK)
    assert b"123456789012" not in sarif(hidden(made, PUBLIC_REDACTION), FALLBACK)


def many(made: Report, number: int) -> Report:
    """The report with its only finding that often."""
    (role,) = made.roles
    (unused,) = (finding for finding in role.findings if finding.verdict is Verdict.UNUSED)
    findings = tuple(msgspec.structs.replace(unused, id=f"{at:012x}") for at in range(number))
    return msgspec.structs.replace(made, roles=(msgspec.structs.replace(role, findings=findings),))


def test_no_more_results_than_github_takes_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RESULTS", 100)
    run = run_of(many(report_of(unused_scan()), 107))
    assert len(run["results"]) == 100
    assert MAX_RESULTS == 25_000
    ((invocation,)) = run["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("7 findings left out")


def test_a_file_that_packs_too_large_holds_fewer_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PACKED", 5_000)
    text = sarif(many(report_of(unused_scan()), 1_000), FALLBACK)
    assert len(gzip.compress(text, 6)) < 5_000
    (run,) = json.loads(text)["runs"]
    assert 0 < len(run["results"]) < 1_000
    assert run["invocations"]
    assert MAX_PACKED == 10_000_000
