"""A surrogate that is alone, which no encoding can write, breaks no output: U+FFFD stands in its place."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scanner.explain import explained
from scanner.gate.decide import GateDecision, GatePolicy
from scanner.model import Location
from scanner.report.build import excessive_permissions, report
from scanner.report.formats import FORMATS, rendered
from scanner.report.markdown import comment
from scanner.report.records import Report
from scanner.report.schema import json_bytes, plain
from scanner.report.text.plain import plain_lines
from scanner.report.text.shown import Shown
from scanner.report.view import view_of
from scanner.result import ScanResult
from tests.examples import examples
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, scan_result

LONE = re.compile("[\ud800-\udfff]")
NAMES = st.text(
    st.characters(categories=["Cs", "Lu", "Ll"], include_characters="-_"), min_size=1, max_size=6
).map(lambda text: f"{text}\udcff")


def scan_of(name: str) -> ScanResult:
    """A scan in which the name stands wherever a name can."""
    seen = usage(used((GET, table("t"))), name=name)
    statement = allow(["dynamodb:Scan" + name, SCAN, GET], [table(name), table("t")], Sid=name)
    statement |= {"Condition": {"StringEquals": {f"aws:ResourceTag/{name}": name}}}
    role = compared([policy(statement, allow(SCAN, table(name)))], [seen], [function(name)])
    findings = [replace(finding, location=Location(f"{name}.yml", 1, 1)) for finding in role.findings]
    return scan_result([replace(role, findings=findings)], [seen], [function(name)])


def report_of(name: str) -> Report:
    return report(scan_of(name), COMPARE, GatePolicy(), GateDecision("success", [], ()))


@examples(25)
@given(NAMES)
def test_every_output_can_be_written(name: str) -> None:
    record = report_of(name)
    view = view_of(record)
    texts = {
        **{format_: rendered(record, format_).decode() for format_ in FORMATS},
        "comment": comment(view, 65_000),
        "text": "\n".join(plain_lines(view, Shown(everything=True))),
        "explain": "\n".join(explained(plain(record), record.roles[0].findings[0].id, everything=True)),
        "excess": json_bytes(plain(excessive_permissions(scan_of(name), COMPARE))).decode(),
    }
    for format_, text in texts.items():
        assert not LONE.search(text), format_
        text.encode()
    assert "\ufffd" in texts["json"]
