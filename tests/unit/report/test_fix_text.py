"""What a fix pull request is about from run to run, and what its text says."""

from __future__ import annotations

import pytest

from scanner.report.issue_record import UNSEEN_DAYS, IssueState, fix_state
from scanner.report.markdown.fix import FixedFile, FixText, fix_body
from scanner.report.records import Report
from scanner.report.view import view_of
from tests.unit.report.examples import SCAN
from tests.unit.report.test_comment import report_of_account
from tests.unit.report.test_issue_record import DAY, PUT, accepted, doubted, reported, with_roles

BOTH = reported(SCAN, PUT)
ONLY_SCAN = reported(SCAN)


def ids_of(report: Report, *actions: str) -> set[str]:
    return {
        finding.id
        for role in report.roles
        for finding in role.findings
        if set(finding.actions).intersection(actions)
    }


def after(report: Report, *offered: str, unknown: tuple[str, ...] = (), days: int = 1) -> IssueState:
    """What a pull request for both actions is about after a run that offers edits for these."""
    first = fix_state(BOTH, None, DAY, ids_of(BOTH, SCAN, PUT), ())
    assert len(first.record.open) == 2
    state = fix_state(report, first.record, DAY, ids_of(report, *offered), ids_of(report, *unknown))
    if days > 1:
        state = fix_state(
            report, state.record, DAY + days - 1, ids_of(report, *offered), ids_of(report, *unknown)
        )
    return state


@pytest.mark.parametrize(
    ("report", "offered", "unknown", "unseen"),
    [
        (BOTH, (SCAN, PUT), (), 0),
        (ONLY_SCAN, (SCAN,), (), 0),  # fixed
        (BOTH, (SCAN,), (), 0),  # a role that shares the lines needs it now
        (BOTH, (SCAN,), (PUT,), 1),  # no line of it is known
        (BOTH, (), (SCAN, PUT), 2),
        (accepted(BOTH), (), (), 0),
        (doubted(BOTH), (), (), 2),
        (with_roles(BOTH), (), (), 2),
        (with_roles(ONLY_SCAN, readable=False), (SCAN,), (), 1),
    ],
)
def test_what_a_run_cannot_tell(
    report: Report, offered: tuple[str, ...], unknown: tuple[str, ...], unseen: int
) -> None:
    state = after(report, *offered, unknown=unknown)
    assert (len(state.seen), len(state.unseen)) == (len(offered), unseen)


def test_what_no_run_can_tell_any_more_is_given_up() -> None:
    assert after(doubted(BOTH), days=UNSEEN_DAYS).unseen
    assert not after(doubted(BOTH), days=UNSEEN_DAYS + 1).unseen


def text_of(report: Report, files: int = 1, left: int = 0) -> FixText:
    findings = {f.id for role in report.roles for f in role.findings}
    paths = [FixedFile(f"a/b|`c`<i>{number}.yml", 2) for number in range(files)]
    return FixText(findings, paths, [f"`a.yml`: no {number}" for number in range(left)], "https://x")


def test_the_text_is_about_the_findings_of_its_edits_alone() -> None:
    text = FixText(ids_of(BOTH, SCAN), [FixedFile("template.yml", 1)])
    body = fix_body(BOTH, text, 60_000, names_hidden=False)
    assert "dynamodb&#58;Scan" in body and "dynamodb&#58;PutItem" not in body
    assert body.startswith("1 edit for 1 finding.")


@pytest.mark.parametrize("limit", [60_000, 20_000, 8_000])
def test_the_text_of_a_large_account_is_bounded_and_harmless(limit: int) -> None:
    report = report_of_account(60)
    body = fix_body(report, text_of(report, 100, 50), limit, names_hidden=False)
    assert len(body) <= limit
    assert "not offered again" in body and "<i>" not in body
    assert view_of(report).groups and "| Grant |" in body
