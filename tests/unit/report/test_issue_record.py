"""What the issue is about from run to run: new, fixed, and what a run could not see."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from scanner.gate.decide import GateDecision, GatePolicy
from scanner.model import EXCESS, Verdict
from scanner.report.build import report
from scanner.report.issue_record import MAX_ISSUE_RECORD, UNSEEN_DAYS, IssueState, issue_state
from scanner.report.markdown import CommentExtras, issue_body, issue_news
from scanner.report.recorded import Record, RecordedFinding, line_of, recorded_in
from scanner.report.records import Finding, Report, Role, ScannedAccount
from scanner.report.view import view_of
from scanner.text.escape import markdown_code
from tests.examples import thorough
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, crud_scan, scan_result
from tests.unit.report.test_comment import report_of_account

PUT, QUERY = "dynamodb:PutItem", "dynamodb:Query"
DAY = 20_000


def reported(*actions: str, name: str = "f") -> Report:
    """A function that uses GetItem, and whose role grants these actions, each in a statement of its own."""
    reads = usage(used((GET, table("t"))), name=name)
    statements = [policy(allow(action, table("t"))) for action in (GET, *actions)]
    role = compared(statements, [reads], functions=[function(name)])
    scan = scan_result([role], [reads], [function(name)])
    return report(scan, COMPARE, GatePolicy(frozenset(EXCESS)), GateDecision("success", (), ()))


def doubted(document: Report) -> Report:
    """The same in a scan that confirms nothing."""
    return changed(document, lambda finding: {"confirmed": False} if finding.verdict in EXCESS else {})


def accepted(document: Report) -> Report:
    return changed(
        document, lambda finding: {"accepted_reason": "needed"} if finding.verdict in EXCESS else {}
    )


def changed(document: Report, change: Callable[[Finding], Mapping[str, Any]]) -> Report:
    roles = [
        msgspec.structs.replace(
            role, findings=tuple(msgspec.structs.replace(f, **change(f)) for f in role.findings)
        )
        for role in document.roles
    ]
    return msgspec.structs.replace(document, roles=tuple(roles))


def replace_findings(role: Role, keep: Callable[[Finding], bool]) -> Role:
    return msgspec.structs.replace(role, findings=tuple(filter(keep, role.findings)))


def with_roles(document: Report, *, readable: bool | None = None) -> Report:
    """The same where no role was read, or none wholly."""
    roles = () if readable is None else [msgspec.structs.replace(r, readable=False) for r in document.roles]
    return msgspec.structs.replace(document, roles=tuple(roles))


def after(*documents: Report, days: Sequence[int] | None = None) -> IssueState:
    """The state after these runs, a day each."""
    state: IssueState | None = None
    for day, document in zip(days or range(len(documents)), documents, strict=True):
        state = issue_state(document, state.record if state else None, DAY + day)
    assert state is not None
    return state


def names(findings: Sequence[RecordedFinding]) -> list[str]:
    return [finding.actions for finding in findings]


def told(state: IssueState) -> tuple[list[str], list[str], list[str], list[str]]:
    return names(state.seen), names(state.unseen), names(state.new), names(state.fixed)


def test_the_first_run_has_no_news() -> None:
    assert told(after(reported(SCAN))) == ([SCAN], [], [], [])


def test_what_is_new_and_what_is_fixed() -> None:
    assert told(after(reported(SCAN), reported(SCAN, PUT))) == ([SCAN, PUT], [], [PUT], [])
    assert told(after(reported(SCAN, PUT), reported(PUT))) == ([PUT], [], [], [SCAN])
    assert told(after(reported(SCAN), reported(PUT))) == ([PUT], [], [PUT], [SCAN])
    assert told(after(reported(SCAN), reported(PUT), reported(PUT))) == ([PUT], [], [], [])


@pytest.mark.parametrize(
    "unsure",
    [
        doubted(reported(SCAN)),
        with_roles(reported(SCAN)),
        with_roles(reported(), readable=False),
    ],
    ids=["not confirmed", "role not in the scan", "role not wholly read"],
)
def test_what_a_run_cannot_see_is_neither_fixed_nor_new_again(unsure: Report) -> None:
    assert told(after(reported(SCAN), unsure)) == ([], [SCAN], [], [])
    assert told(after(reported(SCAN), unsure, reported(SCAN))) == ([SCAN], [], [], [])
    assert told(after(reported(SCAN), unsure, reported())) == ([], [], [], [SCAN])


def test_what_no_run_sees_for_long_is_given_up() -> None:
    unsure = with_roles(reported(SCAN))
    runs = (reported(SCAN), unsure, unsure)
    assert told(after(*runs, days=[0, 1, UNSEEN_DAYS])) == ([], [SCAN], [], [])
    assert told(after(*runs, days=[0, 1, UNSEEN_DAYS + 1])) == ([], [], [], [])


def test_what_is_accepted_or_used_now_is_open_no_more_and_no_news() -> None:
    assert told(after(reported(SCAN), accepted(reported(SCAN)))) == ([], [], [], [])


def test_a_role_of_the_same_name_in_another_account_fixes_nothing() -> None:
    accounts = tuple(ScannedAccount(id=id_, traced=1, compared=1) for id_ in ("111111111111", "222222222222"))

    def of(account: str, document: Report) -> Report:
        roles = tuple(msgspec.structs.replace(role, account=account) for role in document.roles)
        scan = msgspec.structs.replace(document.scan, accounts=accounts)
        return msgspec.structs.replace(document, roles=roles, scan=scan)

    first, second = of("111111111111", reported(SCAN)), of("222222222222", reported())
    assert told(after(first, second)) == ([], [SCAN], [], [])
    assert told(after(first, of("111111111111", reported()))) == ([], [], [], [SCAN])


def test_a_finding_that_fails_the_gate_is_open_though_it_is_not_confirmed() -> None:
    document = doubted(reported(SCAN))
    failing = [f.id for r in document.roles for f in r.findings if f.verdict in EXCESS]
    assert document.gate is not None
    gate = msgspec.structs.replace(document.gate, failing=tuple(failing))
    assert told(after(msgspec.structs.replace(document, gate=gate)))[0] == [SCAN]


# --- the line and the texts ----------------------------------------------------------------------


@pytest.mark.parametrize("functions", [60, pytest.param(300, marks=thorough)])
def test_large_accounts_are_recorded_and_fit(functions: int) -> None:
    document = report_of_account(functions)
    state = issue_state(document, None, DAY)
    line = line_of(state.record, MAX_ISSUE_RECORD)
    assert line and len(line) <= MAX_ISSUE_RECORD
    earlier = recorded_in(line, str)
    assert earlier and all(
        found.actions and found.resources for found in earlier.open
    )  # to name what is fixed
    again = issue_state(document, earlier, DAY + 1)
    assert not again.new and not again.fixed and again.is_known
    body = issue_body(view_of(document), 65_000 - len(line), state, CommentExtras(report="https://x"))
    assert len(line) + len(body) <= 65_000


def test_a_record_of_today_s_comment_can_be_read_after_an_update() -> None:
    """Fields are only added at the end."""
    record = msgspec.json.decode(b'[[["r","w",["a"],"x","y",true]],[],false]', type=Record)
    assert record.open[0].unseen_since == 0


def test_the_news_name_what_is_new_and_what_was_fixed() -> None:
    document = reported(PUT, QUERY)
    state = after(reported(SCAN, QUERY), document)
    news = issue_news(view_of(document), state, CommentExtras(report="https://example.com/run"))
    assert news.splitlines() == [
        "### 1 new, 1 fixed",
        "",
        "- 🔴 New: <code>dynamodb&#58;PutItem</code> on <code>table/t</code> of <code>f</code> · writes",
        "- ✅ Fixed: <code>dynamodb&#58;Scan</code> on <code>table/t</code> of <code>f</code>",
        "",
        "<sub>2 findings open · [full report](https://example.com/run)</sub>",
    ]
    assert issue_news(view_of(document), after(document, document), CommentExtras()) == ""


def test_the_news_group_what_is_new_as_the_text_does_and_begin_with_the_worst() -> None:
    before, now = report_of_account(60), report_of_account(60)
    kept = tuple(replace_findings(role, lambda f: f.verdict not in EXCESS) for role in before.roles)
    state = after(msgspec.structs.replace(before, roles=kept), now)
    view = view_of(now)
    title, *lines = issue_news(view, state, CommentExtras()).splitlines()
    *told, more = [line for line in lines if line.startswith("- ")]
    assert title == f"### {len(state.new):,} new"
    assert [group.actions for group, line in zip(view.groups, told, strict=False) if line] == [
        next(group.actions for group in view.groups if markdown_code(group.actions) in line) for line in told
    ]
    numbers = [re.search(r"([0-9]+) findings", line) for line in told]
    left = re.fullmatch(r"- and ([0-9]+) more that (?:is|are) new", more)
    assert left
    assert sum(int(n[1]) if n else 1 for n in numbers) + int(left[1]) == len(state.new)


def test_a_new_bundle_is_one_line_of_news() -> None:
    before, now = (report(scan, COMPARE) for scan in (scan_result(), crud_scan()))
    state = after(before, now)
    (line,) = [x for x in issue_news(view_of(now), state, CommentExtras()).splitlines() if x[:2] == "- "]
    assert line == (
        "- 🔴 <code>SAM DynamoDBCrudPolicy</code> on <code>table/t</code> of <code>f</code> · writes · "
        f"{len(state.new)} findings"
    )


def test_what_traces_cannot_show_any_more_is_not_fixed_and_not_new_again() -> None:
    found = reported(SCAN)
    unobservable = changed(
        found, lambda f: {"verdict": Verdict.UNOBSERVABLE, "confirmed": False} if f.verdict in EXCESS else {}
    )
    assert told(after(found, unobservable)) == ([], [SCAN], [], [])
    assert told(after(found, unobservable, found)) == ([SCAN], [], [], [])


def test_the_title_says_what_the_run_could_not_see() -> None:
    document = with_roles(reported(SCAN))
    body = issue_body(view_of(document), 65_000, after(reported(SCAN), document), CommentExtras())
    assert body.startswith("### ⚪ 1 finding that this run could not see\n")
    assert "- <code>dynamodb&#58;Scan</code> on <code>table/t</code> of <code>f</code>" in body


def test_the_title_says_what_is_new_in_the_run_that_found_it_only() -> None:
    document = reported(SCAN, PUT)
    new, same = after(reported(SCAN), document), after(reported(SCAN), document, document)
    assert "+1 new, 1 known, 0 fixed" in issue_body(view_of(document), 65_000, new, CommentExtras())
    assert "new" not in issue_body(view_of(document), 65_000, same, CommentExtras()).splitlines()[0]
