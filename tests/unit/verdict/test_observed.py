"""For how long a workload was observed, and which grants are too new: what is asked of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Evidence, GrantName, Usage
from scanner.model.workloads import Alias, PublishedVersion
from scanner.usage.evidence import EvidenceRequirements
from tests.unit.cases import (
    NOW,
    ROLE,
    Circumstances,
    allow,
    compared,
    days_of,
    function,
    of_aws,
    outcomes,
    policy,
    statements_of,
    summaries,
    table,
    usage,
    used,
    verdicts,
)

DAY = 86_400.0
SCAN = policy(allow("dynamodb:Scan", table("t")))
DEPLOYED = NOW - 20 * DAY


def at(days_ago: float) -> datetime:
    return datetime.fromtimestamp(NOW - days_ago * DAY, UTC)


def seen(*days_ago: float, name: str = "f", **more: Any) -> Usage:
    """A function with a complete trace so many days ago, each."""
    return usage(services=["dynamodb"], traces=[NOW - days * DAY for days in days_ago], name=name, **more)


def reasons(
    *usages: Usage, days: int = 0, deployed: float = DEPLOYED, grants: Any = SCAN, **how: Any
) -> tuple[str, ...]:
    names = sorted({usage_.workload.rpartition(":")[2] for usage_ in usages if usage_.workload})
    functions = [function(name, deployed) for name in names]
    requirements = EvidenceRequirements(min_observed_days=days)
    ((_, _, _, found),) = summaries(compared([grants], usages, functions, requirements=requirements, **how))
    return found


# --- days of observation ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days_ago", "asked", "expected"),
    [
        ([0], 0, ()),
        ([0], 1, ()),
        ([0], 2, ("observed-too-short",)),
        ([0, 0, 0], 2, ("observed-too-short",)),  # of one day
        ([0, 1], 2, ()),
        ([0, 9], 2, ()),  # days with a trace, not days that passed
        ([0, 1, 2], 4, ("observed-too-short",)),
        ([0, 1, 30, 31], 3, ("observed-too-short",)),  # a change begins anew
        ([30, 31, 32], 3, ("not-seen",)),
    ],
)
def test_days_with_a_complete_trace_since_the_last_change_confirm(
    days_ago: Sequence[float], asked: int, expected: tuple[str, ...]
) -> None:
    assert reasons(seen(*days_ago), days=asked) == expected


def test_a_change_of_the_policy_begins_the_days_anew() -> None:
    later = policy(allow("dynamodb:Scan", table("t")), created=at(1.5))
    assert reasons(seen(0, 1, 2, 3), days=4) == ()
    assert reasons(seen(0, 1, 2, 3), days=4, grants=later) == ("observed-too-short",)
    assert reasons(seen(0, 1, 2, 3), days=4, role_created=at(1.5)) == ("observed-too-short",)


def test_what_was_used_before_the_change_was_used() -> None:
    needs = used(("dynamodb:Scan", table("t")))
    requirements = EvidenceRequirements(min_observed_days=14)
    result = compared([SCAN], [usage(needs, traces=[NOW - 25 * DAY])], requirements=requirements)
    assert verdicts(result) == ["used"]


def test_of_several_workloads_all_have_to_be_observed_for_so_long() -> None:
    assert reasons(seen(0, 1, 2), seen(0, 1, name="g"), days=2) == ()
    assert reasons(seen(0, 1, 2), seen(0, 1, name="g"), days=3) == ("sharer-not-seen",)


def test_an_incomplete_trace_makes_no_day() -> None:
    assert reasons(seen(0, incomplete=NOW - 5 * DAY), days=2) == ("observed-too-short", "incomplete-traces")


@pytest.mark.parametrize(
    ("complete", "incomplete", "expected"),
    [
        ([0, 29], 29, ("incomplete-traces",)),
        ([0, 31], 31, ()),  # complete traces went on for a month after it
        ([31], 31, ("incomplete-traces",)),  # traces end where it is: however old, it doubts
        ([0], 101, ()),  # it was before the change
    ],
)
def test_an_incomplete_trace_doubts_until_complete_ones_go_on_for_a_month(
    complete: Sequence[float], incomplete: float, expected: tuple[str, ...]
) -> None:
    found = reasons(seen(*complete, incomplete=NOW - incomplete * DAY), deployed=NOW - 100 * DAY)
    assert found == expected


STARTS = st.lists(st.floats(0.0, 40.0), max_size=8)


@given(STARTS, STARTS, st.integers(0, 6), st.floats(0.0, 40.0))
def test_more_days_never_confirm_less(
    days_ago: list[float], further: list[float], asked: int, deployed: float
) -> None:
    changed = NOW - deployed * DAY
    with_few = reasons(seen(*days_ago), days=asked, deployed=changed)
    with_more = reasons(seen(*days_ago, *further), days=asked, deployed=changed)
    assert set(with_more) <= {*with_few} | ({"observed-too-short"} if "not-seen" in with_few else set())
    assert bool(with_more) <= bool(with_few)


@given(STARTS, st.integers(0, 6), st.integers(0, 6))
def test_who_asks_for_more_days_is_never_told_more(days_ago: list[float], asked: int, more: int) -> None:
    assert set(reasons(seen(*days_ago), days=asked)) <= set(reasons(seen(*days_ago), days=asked + more))


def of_version(name: str, *days_ago: float) -> Evidence:
    starts = tuple(sorted((NOW - days * DAY for days in days_ago), reverse=True))
    return Evidence(
        newest_complete=starts,
        complete_days=days_of(starts),
        last_call=starts[0],
        services={"dynamodb": starts[0]},
    )


@pytest.mark.parametrize(
    ("made", "days_ago", "expected"),
    [
        (
            10,
            [0, 1, 2],
            (),
        ),  # the code of now: its days are those of $LATEST, too
        (10, [0, 3], ("observed-too-short",)),
        (30, [0, 1, 2, 3, 4], ("observed-too-short",)),  # an older one shows nothing of the code of now
    ],
)
def test_days_of_versions(made: float, days_ago: Sequence[float], expected: tuple[str, ...]) -> None:
    published = PublishedVersion("5", at(made), ROLE)
    deployed = function("f", DEPLOYED, published=(published,), aliases=(Alias("live", ("5",)),))
    of_latest = seen(0, 3)
    evidence = replace(of_latest.evidence, of_versions={"5": of_version("5", *days_ago)})
    requirements = EvidenceRequirements(min_observed_days=4)
    ((_, found),) = outcomes(
        compared([SCAN], [replace(of_latest, evidence=evidence)], [deployed], requirements=requirements)
    )
    assert found == expected


# --- new grants ------------------------------------------------------------------------------------

NAME = GrantName("own", "dynamodb:Scan", table("t"))
OF_AWS = of_aws("Scans", allow("dynamodb:Scan", table("t")))
MANAGED = GrantName("arn:aws:iam::aws:policy/Scans", "dynamodb:Scan", table("t"))


@pytest.mark.parametrize(
    ("grants", "how", "is_new"),
    [
        pytest.param(SCAN, {}, False, id="of unknown age"),
        pytest.param(SCAN, {"appeared": {NAME: NOW - 6 * DAY}}, True, id="by the ledger"),
        pytest.param(SCAN, {"appeared": {NAME: NOW - 8 * DAY}}, False, id="older by the ledger"),
        pytest.param(SCAN, {"appeared": {MANAGED: NOW}}, False, id="of another policy"),
        pytest.param(SCAN, {"role_created": at(6)}, True, id="no older than its role"),
        pytest.param(SCAN, {"role_created": at(8)}, False, id="as old as its role"),
        pytest.param(
            SCAN,
            {"role_created": at(6), "appeared": {NAME: NOW - 9 * DAY}},
            True,
            id="of a role made anew",
        ),
        pytest.param(replace(OF_AWS, created=at(6)), {}, True, id="by the version of its policy"),
        pytest.param(replace(OF_AWS, created=at(8)), {}, False, id="older by the version of its policy"),
        pytest.param(
            replace(OF_AWS, created=at(8)), {"appeared": {MANAGED: NOW - DAY}}, True, id="attached later"
        ),
        pytest.param(
            replace(OF_AWS, created=at(6)), {"appeared": {MANAGED: NOW - 9 * DAY}}, False, id="there before"
        ),
    ],
)
def test_a_grant_is_new_for_the_days_of_grace(grants: Any, how: dict[str, Any], is_new: bool) -> None:
    for days, expected in ((7, is_new), (0, False)):
        result = compared([grants], [seen(0)], requirements=EvidenceRequirements(grace_days=days), **how)
        assert outcomes(result) == [("unused", ("new-grant",) if expected else ())]
        assert result.findings[0].confirmed is not expected


NEW: Circumstances = {
    "appeared": {NAME: NOW - DAY},
    "requirements": EvidenceRequirements(min_traces=2, grace_days=7),
}


def test_a_suggestion_keeps_a_new_grant_and_cuts_what_was_observed_too_short() -> None:
    both = policy(allow(["dynamodb:Scan", "dynamodb:Query", "dynamodb:GetItem"], table("t")))
    needs = used(("dynamodb:GetItem", table("t")))
    result = compared([both], [usage(needs)], **NEW)
    assert [(summary.actions, summary.reasons) for summary in summaries(result)] == [
        (("dynamodb:Scan",), ("too-few-traces", "new-grant")),
        (("dynamodb:Query",), ("too-few-traces",)),
        (("dynamodb:GetItem",), ()),
    ]
    (statement,) = statements_of(result)
    assert sorted(statement["Action"]) == ["dynamodb:GetItem", "dynamodb:Scan"]
    short = compared([both], [usage(needs)], requirements=EvidenceRequirements(min_observed_days=3))
    assert [statement["Action"] for statement in statements_of(short)] == [["dynamodb:GetItem"]]


def test_a_new_wildcard_stays_as_it_is() -> None:
    wide = policy(allow("dynamodb:*", table("t")))
    name = GrantName("own", "dynamodb:*", table("t"))
    result = compared(
        [wide],
        [usage(used(("dynamodb:GetItem", table("t"))))],
        appeared={name: NOW},
        requirements=EvidenceRequirements(grace_days=1),
    )
    assert outcomes(result) == [("broad", ("new-grant",))]
    assert [statement["Action"] for statement in statements_of(result)] == [["dynamodb:*"]]


def test_a_new_grant_that_was_used_is_used() -> None:
    result = compared([SCAN], [usage(used(("dynamodb:Scan", table("t"))))], **NEW)
    assert outcomes(result) == [("used", ())]


def test_a_grant_is_known_again_by_what_it_says() -> None:
    statement = {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "NotResource": table("t")}
    for own in (policy(statement), policy(allow("s3:GetObject"), statement)):
        context = compared([own], [seen(0)]).assessed
        assert context.assessments[-1].grant.by_name == GrantName(
            "own", "all but iam:*, sts:*", f"all but {table('t')}"
        )
