"""The same grant in many roles is one group; totals count findings."""

from __future__ import annotations

from scanner.report.view import View
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, scan_result, unused_scan
from tests.unit.report.views import viewed


def account(*names: str) -> View:
    """Functions whose roles grant GetItem, which is used, and Scan, each on a table of its own."""
    usages = [usage(used((GET, table(f"t-{name}"))), name=name) for name in names]
    functions = [function(name) for name in names]
    roles = [
        compared([policy(allow([GET, SCAN], table(f"t-{name}")))], [seen], functions=[of_name])
        for name, seen, of_name in zip(names, usages, functions, strict=True)
    ]
    return viewed(scan_result(roles, usages, functions), COMPARE)


def test_what_one_template_made_is_one_group_with_its_functions() -> None:
    (group,) = account("alpha", "beta", "gamma").groups
    assert (group.actions, group.resources, group.claim) == (SCAN, "table/t-…", "never used")
    assert group.functions == ("alpha", "beta", "gamma")
    assert len(group.ids) == 3


def test_rows_that_look_the_same_in_one_role_leave_the_resource_of_the_group_as_it_is() -> None:
    usages = [usage(used((GET, table("t"))), name=name) for name in "ab"]
    functions = [function(name) for name in "ab"]
    twice = [[allow("sns:*")], [allow("sns:*", Sid="One"), allow("sns:*", Sid="Two")]]
    roles = [
        compared([policy(allow(GET, table("t")), *grants)], [seen], functions=[of_name])
        for grants, seen, of_name in zip(twice, usages, functions, strict=True)
    ]
    view = viewed(scan_result(roles, usages, functions), COMPARE, PUBLIC_REDACTION)
    (group,) = [group for group in (*view.groups, *view.doubts) if group.actions == "sns:*"]
    assert (len(group.rows), len(group.ids)) == (2, 3)
    assert group.resources == "*"


def test_a_group_of_one_is_the_finding_itself() -> None:
    view = account("alpha")
    (group,), (row,) = view.groups, view.confirmed
    assert (group.resources, group.evidence, group.ids) == (row.resources, row.evidence, (row.finding.id,))


def test_the_worst_stands_first_then_the_most_frequent() -> None:
    usages = [usage(used((GET, table("t"))), name=name) for name in "abc"]
    functions = [function(name) for name in "abc"]
    more = [[], [], [allow("s3:*", "*")]]
    roles = [
        compared([policy(allow([GET, SCAN], table("t")), *further)], [seen], functions=[of_name])
        for further, seen, of_name in zip(more, usages, functions, strict=True)
    ]
    view = viewed(scan_result(roles, usages, functions), COMPARE)
    assert [group.actions for group in (*view.groups, *view.doubts)] == [SCAN, "s3:*"]


def test_totals_count_findings_by_verdict_and_severity() -> None:
    totals = viewed(unused_scan(), COMPARE).totals
    assert (totals.by_verdict, totals.by_severity) == ({"unused": 1}, {"data-access": 1})
    assert (totals.functions, totals.excessive, totals.unconfirmed) == (1, 1, 0)
