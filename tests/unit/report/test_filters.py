"""Filters: a part of the report, and the headline says which."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.severity import SEVERITY_LEVELS
from scanner.options.filters import SHOWN_SEVERITIES, SHOWN_VERDICTS, filters_of
from scanner.options.parsers import VERDICTS, scan_options
from scanner.report.build import report
from scanner.report.filters import NO_FILTERS, Filters, filtered
from scanner.report.records import Report
from scanner.report.schema import plain, validate
from scanner.report.view import view_of
from tests.unit.cases import allow, arn, compared, function, function_arn, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, scan_result

BUCKET = "arn:aws:s3:::backup"
GRANTS = {
    "shop-reader": [allow([GET, SCAN], table("t"))],
    "shop-writer": [allow(GET, table("t")), allow("s3:DeleteBucket", BUCKET), allow("iam:PassRole", "*")],
    "everything": [allow("*", "*")],
    "all-but": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
    "odd": [allow("dynamodb:Nonsense", table("t"))],
}

some_filters = st.builds(
    Filters,
    severity=st.none() | st.sampled_from(SHOWN_SEVERITIES),
    verdicts=st.lists(st.sampled_from(SHOWN_VERDICTS), unique=True).map(tuple),
    roles=st.lists(st.sampled_from(["shop-*", "*-reader", "everything", "nobody", "arn:*"])).map(tuple),
    services=st.lists(st.sampled_from(["s3", "dynamodb", "IAM", "nothing"])).map(tuple),
)


@cache
def whole() -> Report:
    """A role for each of GRANTS, with a function of its name that reads a table."""
    reports = [_report_of(name) for name in GRANTS]
    return msgspec.structs.replace(
        reports[0],
        roles=tuple(role for each in reports for role in each.roles),
        workloads=tuple(workload for each in reports for workload in each.workloads),
    )


def _report_of(name: str) -> Report:
    reads = usage(used((GET, table("t"))), name=name)
    role = compared([policy(*GRANTS[name])], [reads], [function(name)])
    made = report(scan_result([role], [reads], [function(name)]), COMPARE)
    named = arn("iam", f"role/path/{name}", region="")
    roles = [
        msgspec.structs.replace(role, arn=named, name=name, workloads=(function_arn(name),))
        for role in made.roles
    ]
    workloads = [msgspec.structs.replace(workload, role=named) for workload in made.workloads]
    return msgspec.structs.replace(made, roles=tuple(roles), workloads=tuple(workloads))


def ids(report: Report) -> set[tuple[str, str]]:
    return {(role.name, finding.id) for role in report.roles for finding in role.findings}


def names(report: Report) -> list[str]:
    """The roles with findings."""
    return [role.name for role in report.roles if role.findings]


def shown(**filters: str | Sequence[str]) -> Report:
    given = {key: value if key == "severity" else tuple(value) for key, value in filters.items()}
    return filtered(whole(), Filters(**given))  # type: ignore[arg-type]  # as the test spells them


@given(some_filters)
def test_what_is_shown_is_a_part(filters: Filters) -> None:
    part = filtered(whole(), filters)
    assert ids(part) <= ids(whole())
    assert {workload.arn for workload in part.workloads} <= {workload.arn for workload in whole().workloads}
    assert (part.gate, part.accepted, part.policy_files) == (
        whole().gate,
        whole().accepted,
        whole().policy_files,
    )


@given(some_filters)
def test_a_second_time_filters_nothing_more(filters: Filters) -> None:
    once = filtered(whole(), filters)
    assert ids(filtered(once, filters)) == ids(once)


@given(some_filters, some_filters)
def test_filters_of_different_kinds_are_both_met(one: Filters, other: Filters) -> None:
    both = Filters(one.severity, one.verdicts, other.roles, other.services)
    apart = ids(filtered(whole(), Filters(one.severity, one.verdicts)))
    assert ids(filtered(whole(), both)) == apart & ids(
        filtered(whole(), Filters(roles=other.roles, services=other.services))
    )


@given(some_filters)
def test_a_filtered_report_is_a_report(filters: Filters) -> None:
    validate("report", plain(filtered(whole(), filters)))


@given(some_filters.filter(lambda filters: filters != NO_FILTERS))
def test_the_headline_says_how_many_are_shown(filters: Filters) -> None:
    view = view_of(filtered(whole(), filters))
    number, of, total, *_ = view.headline.split()
    assert of == "of"
    assert int(number) <= int(total)
    assert view.headline.endswith(f"shown: {filters.describe()}")
    if not set(filters.verdicts) - {"unused", "broad"}:
        assert int(number) == view.totals.confirmed + view.totals.unconfirmed
        assert int(total) == view_of(whole()).totals.confirmed + view_of(whole()).totals.unconfirmed


def test_without_filters_all_is_shown() -> None:
    assert filtered(whole(), NO_FILTERS) is whole()


def test_what_filters_hide_never_looks_like_nothing_found() -> None:
    assert view_of(shown(roles=["nobody"])).headline == ("0 of 5 findings shown: --role nobody")


@pytest.mark.parametrize("level", SHOWN_SEVERITIES)
def test_severity_is_the_least_one(level: str) -> None:
    at_least = SEVERITY_LEVELS[: SEVERITY_LEVELS.index(level) + 1]
    severities = {finding.severity for role in shown(severity=level).roles for finding in role.findings}
    assert severities <= {*at_least, "unknown"}


def test_what_iam_does_not_know_may_be_as_dangerous_as_any() -> None:
    assert "odd" in names(shown(severity="privilege-escalation"))


def test_roles_are_chosen_by_name_or_arn() -> None:
    assert [role.name for role in shown(roles=["shop-*"]).roles] == ["shop-reader", "shop-writer"]
    assert [role.name for role in shown(roles=["*:role/path/odd"]).roles] == ["odd"]


def test_workloads_of_other_roles_are_not_shown() -> None:
    part = shown(roles=["shop-*"])
    assert [workload.name for workload in part.workloads] == ["shop-reader", "shop-writer"]


def test_services_are_those_of_actions_and_a_grant_of_everything_is_on_all() -> None:
    assert names(shown(services=["S3"])) == ["shop-writer", "everything", "all-but"]


def test_the_verdicts_that_are_no_excess_are_counted_where_they_are_asked_for() -> None:
    part = shown(verdicts=["unobservable"])
    assert names(part) == ["shop-writer"]
    assert view_of(part).headline == "1 of 6 findings shown: --verdict unobservable"


def test_options_of_the_command_line() -> None:
    words = [
        "--severity=write",
        "--verdict",
        "unused",
        "--verdict",
        "broad",
        "--role",
        "a",
        "b",
        "--service",
        "s3",
    ]
    options = scan_options(words)
    assert filters_of(options) == Filters("write", ("unused", "broad"), ("a", "b"), ("s3",))
    assert filters_of(scan_options([])) == NO_FILTERS
    assert SHOWN_VERDICTS == VERDICTS
