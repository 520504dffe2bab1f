"""Who uses a role, and who else may assume it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.model import Role, Workload
from scanner.model.workloads import workload_kind
from scanner.roles.trust import other_principals, with_workloads
from scanner.workloads.listing import Workloads
from tests.unit.cases import (
    ROLE,
    allow,
    compared,
    function,
    function_arn,
    policy,
    summaries,
    table,
    usage,
    used,
    verdicts,
    workloads_of,
)

GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"
F, G = function_arn("f"), function_arn("g")
BOTH = [function("f"), function("g")]


def sees(*permissions: tuple[str, str], name: str = "f", **more: Any) -> Any:
    return usage(used(*permissions), name=name, services=["dynamodb"], **more)


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
def test_the_workloads_of_a_role_are_those_of_all_versions(
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
def test_when_all_workloads_of_a_role_are_known(
    role: dict[str, Any], complete: bool, known: bool, warned: list[str]
) -> None:
    warnings = Warnings()
    (found,) = with_workloads([Role(ROLE, "f", **role)], read((ROLE, F), complete=complete), warnings)
    assert found.workloads_complete is known
    assert [warning.code for warning in warnings.all()] == warned


CLUSTER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A"


@pytest.mark.parametrize(
    ("key", "trusted", "strangers"),
    [
        ("ecs:shop/api@123456789012/eu-west-1", ["ecs-tasks.amazonaws.com"], ""),
        ("ec2:f/web@123456789012/eu-west-1", ["ec2.amazonaws.com"], ""),
        ("eks:prod/shop/api@123456789012/eu-west-1", [CLUSTER, "pods.eks.amazonaws.com"], ""),
        (F, ["ecs-tasks.amazonaws.com"], "ecs-tasks.amazonaws.com"),
        (F, [CLUSTER], CLUSTER),
        (
            "ecs:shop/api@123456789012/eu-west-1",
            ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com", "arn:aws:iam::210987654321:root"],
            "ec2.amazonaws.com, arn:aws:iam::210987654321:root",
        ),
    ],
)
def test_the_platform_of_its_own_workloads_is_no_stranger_to_a_role(
    key: str, trusted: list[str], strangers: str
) -> None:
    warnings = Warnings()
    known = Workloads({key: Workload(key, workload_kind(key), "w")}, frozenset({(ROLE, key)}))
    (found,) = with_workloads([Role(ROLE, "f", trusted=tuple(trusted))], known, warnings)
    assert found.workloads_complete is False
    said = [warning.message for warning in warnings.all() if warning.code == "role-trusts-others"]
    assert said == (
        [f"{ROLE} may also be assumed by {strangers}: what they do with it is not seen"] * bool(strangers)
    )


STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1"


@pytest.mark.parametrize(
    ("name", "tags", "regions"),
    [
        ("notes-dev-us-east-1-lambdaRole", {}, []),  # that of its functions
        ("notes-dev-eu-west-1-lambdaRole", {}, ["eu-west-1"]),
        ("notes_dev_us-gov-west-1", {}, ["us-gov-west-1"]),
        ("eu-west-1", {}, ["eu-west-1"]),
        ("notes-eu-west-10", {}, []),
        ("neu-west-1", {}, []),
        ("us-orders-1", {}, []),  # no region of AWS
        ("f", {"aws:cloudformation:stack-id": STACK}, ["eu-west-1"]),
        ("f", {"aws:cloudformation:stack-id": STACK.replace("eu-west-1", "us-east-1")}, []),
        ("f", {"aws:cloudformation:stack-id": "s"}, []),
        ("f", {"region": "eu-west-1"}, []),
        ("x-eu-west-1", {"aws:cloudformation:stack-id": STACK}, ["eu-west-1"]),
    ],
)
def test_a_role_that_is_named_after_another_region_or_was_made_there_may_have_users_there(
    name: str, tags: dict[str, str], regions: list[str]
) -> None:
    role = Role(f"arn:aws:iam::123456789012:role/{name}", name, workloads_complete=True, tags=tags)
    warnings = Warnings()
    (found,) = with_workloads([role], read((role.arn, F)), warnings)
    assert found.workloads_complete is not bool(regions)
    assert [warning.code for warning in warnings.all()] == ["region-unread"] * len(regions)
    assert all(region in w.message for region, w in zip(regions, warnings.all(), strict=True))


def test_a_region_that_was_listed_needs_no_function_to_be_read() -> None:
    role = Role(ROLE, "notes-eu-west-1", workloads_complete=True)
    workloads = replace(read((ROLE, F)), regions=frozenset({"eu-west-1"}))
    (found,) = with_workloads([role], workloads, Warnings())
    assert found.workloads_complete


def test_a_region_that_was_listed_and_has_no_function_is_not_to_be_named_again() -> None:
    warnings = Warnings()
    workloads = replace(read(), regions=frozenset({"eu-west-1"}))
    role = Role(ROLE, "f", workloads_complete=True, last_used_region="eu-west-1")
    (found,) = with_workloads([role], workloads, warnings)
    assert not found.workloads_complete
    (warning,) = warnings.all()
    assert "what used it there is no workload that was listed" in warning.message


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
def test_who_else_than_lambda_may_assume_a_role(document: Any, others: tuple[str, ...]) -> None:
    assert other_principals(document) == others


def test_a_role_that_others_may_assume_is_not_confirmed() -> None:
    found = summaries(compared([policy(allow(SCAN, table("t")))], [sees()], workloads_complete=False))
    assert found[0].outcome == ("unused", ("role-users-unknown",))


def test_a_tag_of_the_role_decides_nothing_where_others_may_assume_it() -> None:
    grant = allow(GET, table("t"), Condition={"StringEquals": {"aws:PrincipalTag/team": "b"}})
    seen = [sees((GET, table("t")))]
    own: dict[str, Any] = {"tags": {"team": "a"}}
    assert verdicts(compared([policy(grant)], seen, **own))[0] == "ineffective"
    assert verdicts(compared([policy(grant)], seen, workloads_complete=False, **own))[0] == "used"


def test_a_role_that_a_workload_may_have_is_not_known_to_have_no_other_users() -> None:
    unclear = Workload(
        "ecs:shop/api@123456789012/eu-west-1", "ecs", "shop/api", candidates=(ROLE, "what is not known")
    )
    workloads = Workloads({**workloads_of(BOTH), unclear.key: unclear}, frozenset({(ROLE, F)}))
    warnings = Warnings()
    (found,) = with_workloads([Role(ROLE, "f", workloads_complete=True)], workloads, warnings)
    assert not found.workloads_complete
    assert [warning.message for warning in warnings.all()] == [
        f"{ROLE} may also be used by ecs:shop/api, whose role could not be told"
    ]


@pytest.mark.parametrize(
    ("kinds", "remedy"),
    [
        (("lambda",), "add its functions to the file of --functions"),
        (("lambda", "ecs"), "add its workloads to the files of --functions and --workload-config"),
        (("ecs", "eks"), "add its workloads to the files of --workload-config"),
    ],
)
def test_what_to_add_of_another_region_is_said_by_what_runs_there(kinds: Any, remedy: str) -> None:
    known = {kind: Workload(f"{kind}:x@1/eu-west-1", kind, "x") for kind in kinds}
    warnings = Warnings()
    with_workloads([Role(ROLE, "f", last_used_region="us-west-2")], Workloads(known), warnings)
    (warning,) = warnings.all()
    assert warning.code == "role-used-elsewhere" and remedy in warning.message
