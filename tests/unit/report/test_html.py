"""The page: whole in one file, inert whatever the names are, and readable without its script."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

from scanner.gate.decide import GateDecision, GatePolicy, decide
from scanner.model import Denied, ScanWarning, Verdict
from scanner.options.filters import explain_command
from scanner.report.build import report as report_record
from scanner.report.hide import hidden
from scanner.report.html import html
from scanner.report.html.words import facts_of_gate
from scanner.report.load import report_of
from scanner.report.records import Report
from scanner.report.view import view_of
from scanner.result import ScanResult
from scanner.text.redact import PUBLIC_REDACTION
from tests.fakes.moto_aws import ROOT
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import (
    COMPARE,
    EVIL,
    GET,
    SCAN,
    bundle_scan,
    crud_scan,
    scan_result,
    unused_scan,
)

HOSTILE = f"</script><img src=x onerror=alert(1)>{EVIL}\u202e\u200f\u2028<!--"


class Page(HTMLParser):
    """The elements of a page, the texts of scripts and styles, and all other text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.text = ""
        self._open = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = dict(attrs).get("type") or tag

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style", "application/json"):
            self.scripts[self._open] = self.scripts.get(self._open, "") + data
        else:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    @property
    def policy(self) -> str:
        (content,) = (
            attributes["content"]
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        )
        return content or ""

    @property
    def data(self) -> Any:
        return json.loads(self.scripts["application/json"])

    def whole(self, text: str) -> str:
        """A text of the data with the starts of its ARNs."""
        return re.sub("[\ue000-\uf8ff]", lambda sign: self.data["heads"][ord(sign[0]) - 0xE000], text)

    def table(self, name: str) -> list[dict[str, Any]]:
        """A table of the data, with texts in the place of their positions."""
        texts = self.data["texts"]
        written = self.data["tables"][name]

        def text(position: int) -> Any:
            value = texts[position]
            return [text(part) for part in value] if isinstance(value, list) else self.whole(value)

        return [
            {
                column.rstrip("$"): text(value) if column.endswith("$") else value
                for column, value in (
                    *written["same"].items(),
                    *((column, values[row]) for column, values in written["columns"].items()),
                )
            }
            for row in range(written["rows"])
        ]


def report_for(scan: ScanResult, gate: GateDecision | None = None) -> Report:
    return report_record(scan, COMPARE, GatePolicy(), gate or GateDecision("success", [], ()))


def page(scan: ScanResult | Report, gate: GateDecision | None = None) -> Page:
    report = scan if isinstance(scan, Report) else report_for(scan, gate)
    return Page(html(report, view_of(report)))


def hostile_scan() -> ScanResult:
    seen = usage(name=HOSTILE, services=["dynamodb"])
    odd = function(HOSTILE)
    grant = policy(allow(f"dynamodb:{HOSTILE}", HOSTILE, Sid=HOSTILE), name=HOSTILE)
    return scan_result([compared([grant], [seen], functions=[odd])], [seen], [odd])


# --- harmless ------------------------------------------------------------------------------------


def test_names_are_no_markup_and_end_no_script() -> None:
    shown, plain = page(hostile_scan()), page(unused_scan())
    assert not [tag for tag, _ in shown.elements if tag in ("img", "b")]
    assert sum(tag == "script" for tag, _ in shown.elements) == 2
    assert "<" not in shown.scripts["application/json"]
    assert not any(name.startswith("on") for _, attributes in shown.elements for name in attributes)
    assert shown.policy == plain.policy


@pytest.mark.parametrize("sign", ["\u202e", "\u200f", "\x1b", "\u2028"])
def test_what_does_not_print_is_escaped_everywhere(sign: str) -> None:
    shown = page(hostile_scan())
    assert sign not in shown.source
    assert sign not in json.dumps(shown.data, ensure_ascii=False)
    assert "\\u202e" in json.dumps(shown.data["texts"])


def test_only_the_pages_own_style_and_script_may_run_and_nothing_may_be_asked_for() -> None:
    shown = page(unused_scan())
    for kind in ("style", "script"):
        digest = b64encode(hashlib.sha256(shown.scripts[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in shown.policy
    assert shown.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in shown.policy
    assert not re.search(r"https?://", shown.source)
    for tag, attributes in shown.elements:
        assert tag not in ("link", "iframe", "base", "form", "object")
        assert not {"src", "style", "srcset", "action"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")


def test_the_script_makes_texts_only() -> None:
    folder = resources.files("scanner.report.html").joinpath("data")
    scripts = [file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".js")]
    assert len(scripts) > 3
    ways = r"innerHTML|outerHTML|insertAdjacent|document\.write|XMLHttp|\b(eval|Function|fetch|import)\("
    assert not re.search(ways, "\n".join(scripts))


def test_hidden_names_are_nowhere_in_the_page() -> None:
    key = "arn:aws:secretsmanager:us-east-1:999988887777:secret:prod-password"
    grants = policy(allow([GET, SCAN], table("t")), allow("secretsmanager:GetSecretValue", key))
    reads = usage(used((GET, table("t"))))
    scan = scan_result([compared([grants], [reads])], [reads], [function()])
    report = hidden(report_for(scan), PUBLIC_REDACTION)
    source = html(report, view_of(report, names_hidden=True))
    assert "prod-password" in page(scan).source
    assert "prod-password" not in source
    assert "999988887777" not in source


# --- complete ------------------------------------------------------------------------------------


def test_it_has_every_finding_with_its_evidence_and_its_grant() -> None:
    shown = page(unused_scan())
    (finding,) = (row for row in shown.table("findings") if row["state"] == "confirmed")
    assert finding["actions"] == [SCAN]
    assert finding["resources"] == [table("t")]
    assert finding["evidence"] == "1 trace"
    assert finding["severity"] == "data-access"
    assert {row["verdict"] for row in shown.table("findings")} == {"unused", "used"}


def test_groups_name_their_findings_by_position() -> None:
    for scan, framework, name, state in (
        (crud_scan(), "SAM", "SAM DynamoDBCrudPolicy", "confirmed"),
        (bundle_scan(), "CDK", "CDK grantReadData", "bundle"),
    ):
        shown = page(scan)
        findings = shown.table("findings")
        (group,) = (row for row in shown.table("groups") if row["state"] == state)
        assert group["actions"] == name
        members = [findings[place] for row in group["rows"] for place in row]
        assert members
        assert {member["framework"] for member in members} == {framework}
        assert {member["state"] for member in members} == {state}


def test_the_command_that_can_be_copied_names_a_report_that_is_elsewhere() -> None:
    record = report_record(unused_scan(), COMPARE, GatePolicy(), GateDecision("success", [], ()))
    command = explain_command("out dir/report.json")
    source = html(record, view_of(record), command)
    assert json.loads(Page(source).scripts["application/json"])["explain"] == command
    assert command.endswith(" explain ID --report 'out dir/report.json'")


def test_a_role_has_the_change_and_the_smaller_policy() -> None:
    shown = page(unused_scan())
    (edit,) = shown.table("edits")
    assert [line.strip() for line in edit["lines"] if line.startswith("-")] == ['-    "dynamodb:Scan"']
    (role,) = shown.table("roles")
    (lines,) = role["policies"]
    assert json.loads("\n".join(lines))["Statement"][0]["Action"] == [GET]


def test_functions_have_what_they_used() -> None:
    shown = page(unused_scan())
    (used_row,) = shown.table("used")
    assert (used_row["action"], used_row["resource"]) == (GET, table("t"))
    assert shown.table("functions")[used_row["function"]]["traces"] == 1


def test_every_text_stands_once() -> None:
    texts = page(bundle_scan()).data["texts"]
    assert len({json.dumps(text) for text in texts}) == len(texts)


def test_what_is_the_same_in_every_row_stands_once() -> None:
    data = page(bundle_scan()).data
    assert data["tables"]["findings"]["same"]
    for written in data["tables"].values():
        assert all(len({json.dumps(value) for value in of}) > 1 for of in written["columns"].values())


def test_starts_of_arns_that_come_again_stand_once() -> None:
    shown = page(unused_scan())
    head = table("t").rpartition("table/")[0]
    assert shown.data["heads"].count(head) == 1
    assert not any(head in text for text in shown.data["texts"])
    assert any(table("t") in row["resources"] for row in shown.table("findings"))


def test_a_character_that_stands_for_the_start_of_an_arn_is_no_text_of_aws() -> None:
    names = [f"{chr(0xE000)}{at}" for at in (1, 2)]
    grants = [policy(allow(GET, table(name))) for name in names]
    shown = page(scan_result([compared(grants, [usage()])], [usage()]))
    assert [list(row["resources"]) for row in shown.table("findings")] == [
        [table(f"\\ue000{at}")] for at in (1, 2)
    ]


def test_a_report_of_version_1_makes_a_page() -> None:
    document = json.loads((ROOT / "tests" / "cases" / "report-1.json").read_bytes())
    shown = page(report_of(document))
    assert shown.table("findings")
    assert "null" not in shown.text


# --- without its script ---------------------------------------------------------------------------


def test_the_headline_the_totals_and_the_groups_stand_in_the_page_itself() -> None:
    shown = page(unused_scan())
    text = " ".join(shown.text.split())
    assert "Remove 1 permission from f" in text
    assert "confirmed11 unused" in text
    assert "dynamodb:Scan on table/t" in text
    assert "reads data" in text


def test_denials_of_many_workloads_stand_below_their_cause() -> None:
    denials = (Denied(GET, "t", 2, "no", "no-identity-policy"),)
    seen = [replace(usage(name=name), denied=denials) for name in ("f", "g")]
    report = report_record(scan_result([], seen), replace(COMPARE, compare=False))
    text = " ".join(Page(html(report, view_of(report))).text.split())
    assert "Denied by AWS (no policy of the role allows it: allow it if the call is meant)" in text
    assert f"{GET} on t (4): f, g" in text


def test_usage_alone_makes_a_page() -> None:
    scan = replace(unused_scan(), roles=[])
    report = report_record(scan, replace(COMPARE, compare=False))
    assert "no role was compared" in Page(html(report, view_of(report))).text


@pytest.mark.parametrize(
    ("conclusion", "words"),
    [("failure", "The check fails"), ("neutral", "Too little evidence"), ("success", "The check passes")],
)
def test_the_gate_is_said_with_what_it_goes_by(conclusion: Any, words: str) -> None:
    scan = unused_scan()
    failing = list(scan.findings) if conclusion == "failure" else []
    gate = GatePolicy(fail_on=frozenset({Verdict.UNUSED}))
    report = report_record(scan, COMPARE, gate, GateDecision(conclusion, failing, ()))
    text = page(report).text
    assert words in text
    assert "fail-on: unused (at least data-access)" in text


def test_what_evidence_lacked_leads_only_where_the_gate_asks_for_it() -> None:
    missing = ["not confirmed (not-seen): f"]
    asked_for_nothing = facts_of_gate(
        view_of(report_for(unused_scan(), GateDecision("success", [], missing)))
    )
    assert (asked_for_nothing.first, list(asked_for_nothing.rest)) == ("", missing)
    fails = GatePolicy(insufficient="fail")
    report = report_record(unused_scan(), COMPARE, fails, decide([], missing, fails))
    assert facts_of_gate(view_of(report)).first == missing[0]


def test_what_stands_in_backticks_is_code_and_inert() -> None:
    warning = ScanWarning("calls-unmapped", f"see `unmapped` and `{HOSTILE}`", 1)
    shown = page(replace(unused_scan(), warnings=[warning]))
    assert "see <code>unmapped</code> and <code>" in shown.source
    assert not [tag for tag, _ in shown.elements if tag == "img"]


def test_it_is_no_news_that_a_gate_of_nothing_passes() -> None:
    report = report_record(
        unused_scan(), COMPARE, GatePolicy(fail_on=frozenset()), GateDecision("success", [], ())
    )
    text = page(report).text
    assert "Nothing is set to fail" in text
    assert "The check passes" not in text
