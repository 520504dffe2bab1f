"""The comment: short, complete in what it counts, and harmless whatever the names are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from scanner.cli import main
from scanner.gate.load_config import load_config
from scanner.gate.rules import GrantFacts, IgnoreRule
from scanner.report.formats import MAX_MARKDOWN, Rendering, rendered
from scanner.report.load import report_of
from scanner.report.markdown import CommentExtras, comment, markdown
from scanner.report.markdown.edits import compact
from scanner.report.recorded import MAX_RECORD, line_of, record_of, recorded_in
from scanner.report.records import Finding, Report, Role
from scanner.report.view import Row, View, view_of
from scanner.report.view.viewed import statement_of
from scanner.text.redact import PUBLIC_REDACTION
from tests.examples import thorough
from tests.fakes.accounts import account
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, scan_result
from tests.unit.report.views import viewed

LIMIT = 65_000
PUT = "dynamodb:PutItem"
LARGE = 150  # functions: more than Markdown and comments hold


@cache
def report_of_account(functions: int) -> Report:
    """The report of an account of that many functions."""
    with TemporaryDirectory() as folder:
        options = account(functions, seed=1).write(Path(folder))
        code = main([*options, "--output-dir", folder, "--fail-on", "unused", "broad", "--format", "json"])
        assert code == 1
        return report_of(json.loads((Path(folder) / "report.json").read_text()))


def lines_before_folds(text: str) -> list[str]:
    return [line for line in text.partition("<details")[0].splitlines() if line.strip()]


def failing(view_of_scan: View) -> set[str]:
    return {id_ for row in view_of_scan.confirmed for id_ in row.all_ids}


def of_functions(*names: str, actions: tuple[str, ...] = (GET, SCAN)) -> View:
    """Functions whose roles grant these actions, each on a table of its own, of which GetItem is used."""
    usages = [usage(used((GET, table(f"t-{name}"))), name=name) for name in names]
    functions = [function(name) for name in names]
    roles = [
        compared([policy(allow(list(actions), table(f"t-{name}")))], [seen], functions=[of_name])
        for name, seen, of_name in zip(names, usages, functions, strict=True)
    ]
    scan = scan_result(roles, usages, functions)
    return viewed(scan, COMPARE, failing_ids=failing(viewed(scan, COMPARE)))


# --- its size ------------------------------------------------------------------------------------


@pytest.mark.parametrize("functions", [5, pytest.param(60, marks=thorough), LARGE])
def test_at_most_fifteen_lines_stand_before_the_folds(functions: int) -> None:
    view = view_of(report_of_account(functions))
    note = "This pull request changes a file.\n\n<details><summary>What it changes</summary>x</details>"
    for extras in (None, CommentExtras(note=note, link=lambda place: "https://example.com")):
        text = comment(view, LIMIT, extras)
        assert len(lines_before_folds(text)) <= 15
        assert len(text) <= LIMIT
        assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("functions", [LARGE])
def test_the_summary_stays_below_its_limit_and_counts_what_it_leaves_out(functions: int) -> None:
    view = view_of(report_of_account(functions))
    everything = markdown(view)
    for limit in (1_000_000, 20_000):
        text = markdown(view, limit)
        assert len(text.encode()) <= limit
        assert text == everything or "more roles" in text or "policies of" in text
        assert text.count("<details>") == text.count("</details>")


def test_markdown_of_a_large_account_is_short_unless_everything_is_asked_for() -> None:
    report, how = report_of_account(LARGE), Rendering(more="`--all` shows all")
    text = rendered(report, "markdown", how).decode()
    assert len(text.encode()) <= MAX_MARKDOWN
    assert re.search(r"left out \(`--all` shows all\)|more roles to change \(`--all` shows all\)", text)
    everything = rendered(report, "markdown", replace(how, everything=True)).decode()
    assert len(everything.encode()) > MAX_MARKDOWN
    assert "left out" not in everything


@pytest.mark.parametrize("limit", [10_000, 5_000, 3_000])
def test_a_comment_that_must_be_shorter_leaves_out_whole_groups_and_counts_them(limit: int) -> None:
    view = view_of(report_of_account(LARGE))
    text = comment(view, limit)
    assert len(text) <= max(limit, 4_000)
    assert "more groups, in the full report." in text
    assert text.count("<details>") == text.count("</details>")


def test_every_group_is_in_the_comment_or_counted() -> None:
    view = view_of(report_of_account(60))
    text = comment(view, LIMIT)
    rows = [line for line in text.splitlines() if line.startswith(("| 🔴", "| 🟠", "| ⚪"))]
    assert len(rows) == len(view.groups) + len(view.doubts)


# --- what it says --------------------------------------------------------------------------------


def test_what_to_do_comes_first_then_what_fails_then_the_change() -> None:
    text = comment(of_functions("f"), LIMIT)
    title, state, finding, *diff = lines_before_folds(text)
    assert title == "### ❌ Remove 1 permission from <code>f</code>"
    assert state == "<sub>Fails because of `fail-on: unused`</sub>"
    assert finding.startswith("🟠 **<code>dynamodb&#58;Scan</code>** on <code>table/t-f</code> · reads data")
    assert '-    "dynamodb:Scan"' in diff


@pytest.mark.parametrize(
    ("names", "is_open"), [(("a",), True), (("a", "b", "c"), True), (tuple("abcd"), False)]
)
def test_up_to_three_findings_are_open_more_are_a_table(names: tuple[str, ...], is_open: bool) -> None:
    text = comment(of_functions(*names), LIMIT)
    assert ("```diff" in text or "What to change" in text) == is_open
    assert ("| Grant |" in text) == (not is_open)


def test_the_functions_that_are_fine_are_counted() -> None:
    usages = [usage(used((GET, table("t"))), name=name) for name in "ab"]
    functions = [function(name) for name in "ab"]
    roles = [
        compared([policy(allow(actions, table("t")))], [seen], functions=[of_name])
        for actions, seen, of_name in zip(([GET, SCAN], [GET]), usages, functions, strict=True)
    ]
    assert "1 other function is fine" in comment(
        viewed(scan_result(roles, usages, functions), COMPARE), LIMIT
    )


def test_a_change_is_shown_with_the_key_that_it_stands_under() -> None:
    difference = "\n".join(
        [" Action:", "   - a:A", "   - a:B", "   - a:C", "-  - a:D", " Resource: x", " Sid: S"]
    )
    assert compact(difference) == [" Action:", " …", "   - a:C", "-  - a:D", " Resource: x"]


# --- what the last comment recorded --------------------------------------------------------------


def test_a_record_is_bounded_and_read_back() -> None:
    for functions in (5, LARGE):
        report = report_of_account(functions)
        record = record_of(report, None)
        line = line_of(record)
        assert 0 < len(line) <= MAX_RECORD
        assert "--" not in line.removeprefix("<!--").removesuffix("-->")
        earlier = recorded_in(f"first\n{line}\n### title", str)
        assert earlier is not None
        again = record_of(report, earlier)
        assert again.is_first and not again.fixed, "nothing changed"
        assert len(again.open) == len(record.open)


@pytest.mark.parametrize(
    "inside", ["", "AAAA", "eJwDAAAAAAE=", "not base64", "A" * 50_000, "eNqLjgUAARUAuQ=="], ids=repr
)
def test_a_record_that_somebody_edited_is_none(inside: str) -> None:
    assert recorded_in(f'<!-- xray-privilege-scan recorded="{inside}" -->', str) is None


def test_names_in_a_record_are_hidden_as_the_comment_hides_them() -> None:
    report = report_of_account(5)
    record = record_of(report, None)
    found = msgspec.structs.replace(record.open[0], role="deploy-123456789012")
    record = msgspec.structs.replace(record, open=(found, *record.open))
    earlier = recorded_in(line_of(record), PUBLIC_REDACTION.text)
    assert earlier is not None
    assert "123456789012" not in repr(earlier)


# --- what is needed after all --------------------------------------------------------------------


def rules_of(text: str) -> list[IgnoreRule]:
    blocks = re.findall(r"^```yaml\n(version: 1\n.*?)\n```$", text, re.DOTALL | re.MULTILINE)
    return [rule for block in blocks for rule in load_config(block).ignores]


def accepted(rules: list[IgnoreRule], rows: Iterable[Row]) -> list[bool]:
    """Whether the rules accept each grant of these rows."""
    parts = [part for row in rows for part in (row.below or (row,))]
    return [
        any(rule.matches(fact) for rule in rules)
        for part in parts
        for fact in facts_of(part.role, part.finding)
    ]


def facts_of(role: Role, finding: Finding) -> list[GrantFacts]:
    statement = statement_of(role, finding)
    actions = ("*",) if "NotAction" in statement else finding.actions
    return [
        GrantFacts(
            role=role.arn,
            workloads=(),
            action=action,
            resource=resource,
            pattern=resource,
            sid=statement.get("Sid"),
            except_actions=finding.actions if "NotAction" in statement else (),
        )
        for action in actions
        for resource in finding.resources
    ]


def test_each_group_that_is_shown_has_a_rule_for_all_its_functions() -> None:
    view = view_of(report_of_account(60))
    text = comment(view, LIMIT)
    first = [group for group in view.groups if group.fails]
    rules = rules_of(text)
    with_rule = [group for group in first if all(accepted(rules, group.rows))]
    named = re.search(r"The rules of (\d+) more groups? are in the HTML report", text)
    assert len(with_rule) + int(named[1] if named else 0) >= len(first) > 3
    assert not any(rule.is_open for rule in rules)


def test_a_rule_of_a_group_accepts_nothing_of_functions_beyond_it() -> None:
    view = of_functions("a", "b", "c", "d")
    (group,) = view.groups
    rules = rules_of(comment(view, LIMIT))
    assert all(accepted(rules, group.rows))
    others = of_functions("e", "f", "g", "h").groups[0].rows
    assert not any(accepted(rules, others))


def test_an_allowance_of_all_but_some_actions_has_a_rule_without_a_sid() -> None:
    seen = usage(used((GET, table("t"))))
    statement = {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}
    scan = scan_result([compared([policy(statement)], [seen])], [seen], [function()])
    view = viewed(scan, COMPARE, failing_ids=failing(viewed(scan, COMPARE)))
    rows = [row for group in (*view.groups, *view.doubts) for row in group.rows]
    assert rows
    assert all(accepted(rules_of(comment(view, LIMIT)), rows))
