"""All users of a role: whose usage counts, who must be seen, and who else may assume the role."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.model import Evidence, Role, Used
from scanner.roles.trust import other_principals, with_workloads
from scanner.workloads.listing import Workloads
from tests.unit.cases import (
    HOUR,
    NOW,
    ROLE,
    allow,
    arn,
    compared,
    function,
    function_arn,
    only,
    outcomes,
    policy,
    statements_of,
    summaries,
    table,
    usage,
    used,
    verdicts,
    workloads_of,
)

GET, PUT, SCAN = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"
F, G = function_arn("f"), function_arn("g")
BOTH = [function("f"), function("g")]
OLD = (NOW - 2 * HOUR,)  # before the deployment


def sees(*permissions: tuple[str, str], name: str = "f", **more: Any) -> Any:
    return usage(used(*permissions), name=name, services=["dynamodb"], **more)


# --- the union of their usage --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_f", "of_g", "verdict"),
    [
        ([(GET, table("t"))], [], "used"),
        ([], [(GET, table("t"))], "used"),
        ([(GET, table("t"))], [(GET, table("t"))], "used"),
        ([(GET, table("u"))], [(SCAN, table("t"))], "unused"),
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


def test_the_finding_of_a_role_with_one_user_is_that_users() -> None:
    finding = only(compared([policy(allow("dynamodb:*", "*"))], [sees((GET, table("t")))]))
    assert (finding.workload, finding.used[0].workloads) == (F, (F,))


def test_what_lambda_itself_needs_is_no_workloads_use() -> None:
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


# --- who must be seen ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_g", "reasons"),
    [
        ([sees(name="g")], ()),
        ([], ("sharer-not-seen",)),  # it exists, and no trace was there
        ([sees(name="g", traces=OLD)], ("sharer-not-seen",)),
        ([sees(name="g", calls=None)], ("sharer-not-seen",)),
        ([usage(name="g", services=["s3"])], ("sharer-not-seen",)),
        ([usage(name="g", services=["s3"], auto_instrumented=NOW)], ()),
        ([sees(name="g", unmapped=["dynamodb"])], ("sharer-not-seen",)),
        ([sees(name="g", incomplete=NOW)], ("sharer-not-seen",)),
    ],
)
def test_what_is_missing_of_one_leaves_the_finding_open(of_g: list[Any], reasons: tuple[str, ...]) -> None:
    result = compared([policy(allow(SCAN, table("t")))], [sees(), *of_g], functions=BOTH)
    assert outcomes(result)[0] == ("unused", reasons)


def test_what_is_missing_of_both_is_said_of_the_better_seen_one() -> None:
    usages = [usage(services=["s3"]), usage(name="g", services=["s3"], unmapped=["dynamodb"])]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH)
    assert summaries(result)[0].reasons == ("service-not-traced", "sharer-not-seen")


def test_a_user_whose_configuration_was_not_read_confirms_nothing() -> None:
    result = compared([policy(allow(SCAN, table("t")))], [sees(), sees(name="g")], functions=[function("f")])
    assert summaries(result)[0].reasons == ("sharer-not-seen",)


def test_older_traces_of_one_rescue_what_it_used() -> None:
    usages = [sees(), sees((SCAN, table("t")), name="g", traces=OLD)]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH)
    assert verdicts(result)[0] == "used"


# --- published versions --------------------------------------------------------------------------


def test_a_published_version_alone_with_the_role_confirms_nothing() -> None:
    """Its function runs, and no trace tells whether that version did."""
    result = compared([policy(allow(SCAN, table("t")))], [sees()], by_version_only=["f"])
    assert outcomes(result)[0] == ("unused", ("not-seen",))


def test_a_published_version_beside_another_user_leaves_the_finding_open() -> None:
    usages = [sees(), sees(name="g")]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH, by_version_only=["g"])
    assert outcomes(result)[0] == ("unused", ("sharer-not-seen",))


def test_what_a_published_version_may_have_used_is_rescued() -> None:
    usages = [sees(), sees((SCAN, table("t")), name="g")]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH, by_version_only=["g"])
    assert verdicts(result)[0] == "used"
    assert only(result).used[0].workloads == (G,)


def read(*roles_of_versions: tuple[str, str], complete: bool = True) -> Workloads:
    """The functions f and g, whose versions have these roles."""
    return Workloads(workloads_of(BOTH), frozenset(roles_of_versions), complete)


@pytest.mark.parametrize(
    ("versions", "role", "workloads", "by_version_only"),
    [
        ([(ROLE, F)], Role(ROLE, "f"), (F,), ()),
        ([(ROLE, F), (ROLE, G)], Role(ROLE, "f"), (F, G), ()),
        ([("arn:aws:iam::1:role/old", F), (ROLE, F)], Role("arn:aws:iam::1:role/old", "old"), (F,), (F,)),
        ([(ROLE, F)], Role("arn:aws:iam::1:role/nobody", "nobody"), (), ()),
    ],
)
def test_the_users_of_a_role_are_those_of_all_versions(
    versions: list[tuple[str, str]], role: Role, workloads: tuple[str, ...], by_version_only: tuple[str, ...]
) -> None:
    (found,) = with_workloads([role], read(*versions), Warnings())
    assert (found.workloads, found.by_version_only) == (workloads, by_version_only)


@pytest.mark.parametrize(
    ("role", "complete", "known", "warned"),
    [
        ({"workloads_complete": True}, True, True, []),
        # not all functions could be listed
        ({"workloads_complete": True}, False, False, []),
        # the trust policy lets others in
        (
            {"workloads_complete": False, "trusted": ("ecs-tasks.amazonaws.com",)},
            True,
            False,
            ["role-trusts-others"],
        ),
        # it was last used where no function was listed
        ({"workloads_complete": True, "last_used_region": "us-east-1"}, True, True, []),
        ({"workloads_complete": True, "last_used_region": "eu-west-1"}, True, False, ["role-used-elsewhere"]),
    ],
)
def test_when_all_users_are_known(
    role: dict[str, Any], complete: bool, known: bool, warned: list[str]
) -> None:
    warnings = Warnings()
    (found,) = with_workloads([Role(ROLE, "f", **role)], read((ROLE, F), complete=complete), warnings)
    assert found.workloads_complete is known
    assert [warning.code for warning in warnings.all()] == warned


# --- the trust policy ----------------------------------------------------------------------------

LAMBDA = {"Service": "lambda.amazonaws.com"}


def trust(*principals: Any, **more: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": p, **more} for p in principals
        ],
    }


@pytest.mark.parametrize(
    ("document", "others"),
    [
        (trust(LAMBDA), ()),
        (json.dumps(trust(LAMBDA)), ()),
        (trust(LAMBDA, LAMBDA), ()),
        (trust({"Service": ["lambda.amazonaws.com"]}), ()),
        ({"Statement": trust(LAMBDA)["Statement"][0]}, ()),  # one object
        # others
        (
            trust({"Service": ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]}),
            ("edgelambda.amazonaws.com",),
        ),
        (trust(LAMBDA, {"AWS": "arn:aws:iam::1:root"}), ("arn:aws:iam::1:root",)),
        (trust({"AWS": ["2", "1"], **LAMBDA}), ("1", "2")),
        (trust({"Federated": "cognito-identity.amazonaws.com"}), ("cognito-identity.amazonaws.com",)),
        (trust("*"), ("*",)),
        (trust(LAMBDA, {"AWS": "1"}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), ("1",)),
        # a Deny lets nobody in
        (
            {"Statement": [*trust(LAMBDA)["Statement"], {"Effect": "Deny", "Principal": "*", "Action": "*"}]},
            (),
        ),
        # what cannot be read may let anybody in
        (None, ("?",)),
        ("{", ("?",)),
        ({}, ("?",)),
        ({"Statement": []}, ("?",)),
        ({"Statement": ["x"]}, ("?",)),
        (trust({}), ("?",)),
        (trust({"AWS": []}), ("?",)),
        (trust(None), ("?",)),
        ({"Statement": {"Effect": "Allow", "NotPrincipal": LAMBDA, "Action": "sts:AssumeRole"}}, ("?",)),
    ],
)
def test_who_beside_lambda_may_assume_a_role(document: Any, others: tuple[str, ...]) -> None:
    assert other_principals(document) == others


def test_a_role_that_others_may_assume_is_not_confirmed() -> None:
    found = summaries(compared([policy(allow(SCAN, table("t")))], [sees()], workloads_complete=False))
    assert found[0].outcome == ("unused", ("role-users-unknown",))


@pytest.mark.parametrize(
    ("published", "reasons"),
    [
        (NOW - HOUR + 60, ()),  # after the last change: it has the code of now
        (NOW - 24 * HOUR, ("not-seen",)),  # before it
        (None, ("not-seen",)),  # it is not listed (any more)
    ],
)
def test_a_trace_of_a_published_version_tells_of_the_code_that_it_has(
    published: float | None, reasons: tuple[str, ...]
) -> None:
    versions = () if published is None else (("5", datetime.fromtimestamp(published, UTC)),)
    seen = sees((GET, table("t")), traces=())
    seen = replace(
        seen,
        evidence=replace(
            seen.evidence,
            of_versions={"5": Evidence(newest_complete=(NOW,), last_call=NOW, services={"dynamodb": NOW})},
        ),
    )
    found = compared(
        [policy(allow(PUT, table("t")))],
        [seen],
        functions=[function(deployed=NOW - HOUR, published=versions)],
    )
    assert only(found).reasons == reasons


def test_a_region_that_was_listed_and_has_no_function_is_not_to_be_named_again() -> None:
    warnings = Warnings()
    workloads = replace(read(), regions=frozenset({"eu-west-1"}))
    role = Role(ROLE, "f", workloads_complete=True, last_used_region="eu-west-1")
    (found,) = with_workloads([role], workloads, warnings)
    assert not found.workloads_complete
    (warning,) = warnings.all()
    assert "what used it there is no function" in warning.message


def test_a_tag_of_the_role_decides_nothing_where_others_may_assume_it() -> None:
    grant = allow(GET, table("t"), Condition={"StringEquals": {"aws:PrincipalTag/team": "b"}})
    seen = [sees((GET, table("t")))]
    own: dict[str, Any] = {"tags": {"team": "a"}}
    assert verdicts(compared([policy(grant)], seen, **own))[0] == "ineffective"
    assert verdicts(compared([policy(grant)], seen, workloads_complete=False, **own))[0] == "used"


def test_what_an_older_version_called_does_not_show_that_the_code_of_now_is_instrumented() -> None:
    old = Evidence(newest_complete=(NOW,), last_call=NOW, services={"sqs": NOW})
    seen = usage(used((GET, table("t"))))
    seen = replace(seen, evidence=replace(seen.evidence, of_versions={"5": old}))
    versions = (("5", datetime.fromtimestamp(NOW - 24 * HOUR, UTC)),)
    grants = policy(allow("sqs:DeleteMessage", arn("sqs", "q")))
    found = compared([grants], [seen], functions=[function(deployed=NOW - HOUR, published=versions)])
    assert only(found).reasons == ("service-not-traced",)
    newer = (("5", datetime.fromtimestamp(NOW - HOUR / 2, UTC)),)
    found = compared([grants], [seen], functions=[function(deployed=NOW - HOUR, published=newer)])
    assert only(found).reasons == ()
