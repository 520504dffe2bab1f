"""What all workloads of a role used together."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Used
from tests.unit.cases import (
    allow,
    arn,
    compared,
    function,
    function_arn,
    only,
    outcomes,
    policy,
    statements_of,
    table,
    usage,
    used,
    verdicts,
)

GET, PUT, SCAN = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"
F, G = function_arn("f"), function_arn("g")
BOTH = [function("f"), function("g")]


def sees(*permissions: tuple[str, str], name: str = "f", **more: Any) -> Any:
    return usage(used(*permissions), name=name, services=["dynamodb"], **more)


@pytest.mark.parametrize(
    ("of_f", "of_g", "verdict"),
    [
        ([(GET, table("t"))], [], "used"),
        ([], [(GET, table("t"))], "used"),
        ([(GET, table("t"))], [(GET, table("t"))], "used"),
        ([(PUT, table("u"))], [(SCAN, table("t"))], "unused"),
        ([], [], "unused"),
    ],
)
def test_a_permission_is_in_use_where_any_of_them_uses_it(
    of_f: list[tuple[str, str]], of_g: list[tuple[str, str]], verdict: str
) -> None:
    usages = [sees(*of_f), sees(*of_g, name="g")]
    result = compared([policy(allow(GET, table("t")))], usages, functions=BOTH)
    assert outcomes(result)[0] == (verdict, ())


def test_a_finding_tells_what_each_of_them_used() -> None:
    usages = [
        sees((GET, table("t")), (PUT, table("t"))),
        sees((GET, table("t")), (GET, table("u")), name="g"),
    ]
    finding = only(compared([policy(allow("dynamodb:*", "*"))], usages, functions=BOTH))
    assert finding.used == (
        Used(GET, table("t"), (F, G)),
        Used(GET, table("u"), (G,)),
        Used(PUT, table("t"), (F,)),
    )
    assert finding.workload is None  # it is no one's alone


def test_the_finding_of_a_role_with_one_workload_is_that_workload_s() -> None:
    finding = only(compared([policy(allow("dynamodb:*", "*"))], [sees((GET, table("t")))]))
    assert (finding.workload, finding.used[0].workloads) == (F, (F,))


def test_what_the_platform_needs_is_no_use_of_a_workload() -> None:
    logs = [arn("logs", f"log-group:/aws/lambda/{name}:*") for name in ("f", "g", "h")]
    result = compared([policy(allow("logs:PutLogEvents", logs))], [usage(), usage(name="g")], functions=BOTH)
    platform, unused = result.findings
    assert (platform.verdict.value, platform.resources) == ("platform", (logs[0], logs[1]))
    assert {used.workloads for used in platform.used} == {()}
    assert (unused.verdict.value, unused.resources) == ("unused", (logs[2],))


def test_the_suggestion_is_for_all_of_them() -> None:
    usages = [sees((GET, table("t"))), sees((PUT, table("u")), name="g")]
    result = compared([policy(allow("dynamodb:*Item", "*"))], usages, functions=BOTH)
    assert statements_of(result) == [allow([GET], table("t")), allow([PUT], table("u"))]


def test_what_a_published_version_may_have_used_is_rescued() -> None:
    usages = [sees(), sees((SCAN, table("t")), name="g")]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH, by_version_only=["g"])
    assert verdicts(result)[0] == "used"
    assert only(result).used[0].workloads == (G,)
