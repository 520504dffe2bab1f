"""Ids of findings: they outlive deployments, verdicts and grouping, tell nothing, and never change."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.grant_ids import grant_ids
from scanner.iam.policies import grants_of
from scanner.model import Policy, Role
from tests.unit.cases import ACCOUNT, ROLE, allow, arn, compared, of_aws, policy, table, usage, used

GET, PUT, SCAN = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"
OTHER = "999999999999"


def role_of(policies: Iterable[Policy], role: str = ROLE) -> Role:
    return Role(role, role.rpartition("/")[2], tuple(policies))


def ids(*roles: Role, logical_ids: dict[str, str] | None = None) -> list[str]:
    """The ids of all grants, in the order of roles and policies."""
    grants = [(role, grant) for role in roles for policy_ in role.policies for grant in grants_of(policy_)]
    of_roles = grant_ids(grants, logical_ids or {})
    return [of_roles[role.arn][grant.key] for role, grant in grants]


def id_of(statement: dict[str, Any], role: str = ROLE, name: str = "own") -> str:
    (only,) = ids(role_of([policy(statement, name=name)], role))
    return only


# --- what an id is made of -------------------------------------------------------------------------


def test_ids_never_change() -> None:
    """Teams keep ids in tickets and links: a change of these would lose them all."""
    own = [
        allow([GET, "s3:*"], ["*", table("t")]),
        allow(GET, arn("secretsmanager", "secret:db-AbCdEf"), Sid="Read"),
        allow(GET, table("t"), Condition={"StringEquals": {"aws:SourceAccount": OTHER}}),
        {"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "NotResource": [table("t"), table("u")]},
        allow(GET, table("t")),
        allow("kms:Decrypt", arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")),
        allow("ssm:GetParameter", arn("ssm", "parameter/app/db")),
        allow("s3:GetObject", "arn:aws:s3:::bucket/private/*"),
    ]
    roles = [
        role_of([policy(*own), of_aws("ReadOnlyAccess", allow("s3:Get*"))]),
        role_of(
            [policy(allow(GET, table("t")))], f"arn:aws:iam::{ACCOUNT}:role/app/stack-Role-1ABCDEFGHIJ2K"
        ),
    ]
    pinned = """
        7969143b31fe 064822231c92 1c7ed413fab8 9ffa8c202218 2ae6aa7fd3cc 42f5569fa3ae
        927d23a28fb8 cf9f495d5d66 44845c6840c5 10f0306786b0 719add281b1a 428e7ee4f44c
        dbd6e3853490
    """
    assert ids(*roles) == pinned.split()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            (allow(GET, table("t")), ROLE),
            (allow(GET, table("t").replace(ACCOUNT, OTHER)), ROLE.replace(ACCOUNT, OTHER)),
            id="another account",
        ),
        pytest.param(
            (allow(GET, table("s-Table-1ABCDEFGHIJ2K")), f"{ROLE}-Role-1ABCDEFGHIJ2K"),
            (allow(GET, table("s-Table-1ZYXWVUTSRQ2P")), f"{ROLE}-Role-1ZYXWVUTSRQ2P"),
            id="names of another deployment",
        ),
        pytest.param(
            (allow([GET, SCAN], table("t")), ROLE), (allow([GET, PUT], table("t")), ROLE), id="other actions"
        ),
        pytest.param(
            (allow(GET, table("t")), ROLE), (allow("DynamoDB:getitem", table("t")), ROLE), id="its spelling"
        ),
    ],
)
def test_an_id_outlives(one: tuple[dict[str, Any], str], other: tuple[dict[str, Any], str]) -> None:
    def first(statement: dict[str, Any], role: str) -> str:
        return ids(role_of([policy(statement)], role))[0]

    assert first(*one) == first(*other)


def test_an_id_outlives_its_verdict_and_what_shares_a_finding() -> None:
    grants = policy(allow([GET, PUT, SCAN], table("t")))
    results = [
        compared([grants], usages)
        for usages in ([usage(used(("s3:ListBucket", "*")))], [usage(used((GET, table("t"))))], [])
    ]
    by_grant = [
        {id_: finding.statement for finding in result.findings for id_ in finding.grant_ids}
        for result in results
    ]
    assert by_grant[0].keys() == by_grant[1].keys() == by_grant[2].keys()
    assert [len(result.findings) for result in results] == [2, 3, 2]
    for finding in (finding for result in results for finding in result.findings):
        assert finding.id == finding.grant_ids[0] == min(finding.grant_ids)
        assert len(finding.grant_ids) == len(finding.actions)


@pytest.mark.parametrize(
    "other",
    [
        id_of(allow(PUT, table("t"))),
        id_of(allow(GET, table("u"))),
        id_of(allow(GET, table("t")), role=f"{ROLE}2"),
        id_of(allow(GET, table("t")), name="other"),
        id_of(allow(GET, table("t"), Sid="Read")),
        id_of(allow(GET, table("t"), Condition={"Bool": {"aws:SecureTransport": "true"}})),
        id_of({"Effect": "Allow", "Action": GET, "NotResource": table("t")}),
    ],
)
def test_other_grants_have_other_ids(other: str) -> None:
    assert other != id_of(allow(GET, table("t")))


def test_grants_that_look_alike_are_counted() -> None:
    statement = allow(GET, table("t"))
    twice = ids(role_of([policy(statement, statement)]))
    assert twice[0] == id_of(statement) and twice[1] != twice[0]
    accounts = [
        role_of([policy(allow(GET, table("t").replace(ACCOUNT, account)))], ROLE.replace(ACCOUNT, account))
        for account in (ACCOUNT, OTHER)
    ]
    assert sorted(ids(*accounts)) == sorted(twice)


def test_a_resource_that_is_added_leaves_the_ids_of_its_neighbours() -> None:
    secrets = [arn("secretsmanager", f"secret:{name}") for name in ("db", "mail", "token")]
    before = ids(role_of([policy(allow("secretsmanager:GetSecretValue", secrets[1:]))]))
    assert ids(role_of([policy(allow("secretsmanager:GetSecretValue", secrets))]))[1:] == before


# --- what an id gives away -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        lambda account: allow(GET, arn("dynamodb", "table/t", account=account)),
        lambda account: allow("s3:GetObject", f"arn:aws:s3:::logs-{account}/*"),
        lambda account: allow(GET, "*", Condition={"StringEquals": {"aws:SourceAccount": account}}),
        lambda account: allow(GET, "*", Sid=f"Of{account}"),
    ],
)
def test_an_id_says_nothing_about_an_account(statement: Any) -> None:
    assert len({id_of(statement(str(10**11 + number))) for number in range(50)}) == 1
    own = {id_of(statement(str(n)), ROLE.replace(ACCOUNT, str(n))) for n in range(10**11, 10**11 + 50)}
    assert len(own) == 1


@pytest.mark.parametrize(
    "statement",
    [
        lambda name: allow("secretsmanager:GetSecretValue", arn("secretsmanager", f"secret:{name}")),
        lambda name: allow("ssm:GetParameter", arn("ssm", f"parameter/{name}")),
        lambda name: allow("s3:GetObject", f"arn:aws:s3:::bucket/{name}"),
        lambda name: allow("kms:Decrypt", arn("kms", f"key/{name}")),
        lambda name: allow(GET, "*", Condition={"StringLike": {"aws:PrincipalTag/team": name}}),
    ],
)
def test_an_id_says_too_little_of_a_hidden_name_to_find_it(statement: Any) -> None:
    found = {id_of(statement(f"name{number}")) for number in range(3000)}
    assert 200 < len(found) <= 256


# --- the order of what is read ---------------------------------------------------------------------

_STATEMENTS = st.lists(
    st.builds(
        allow,
        st.lists(st.sampled_from([GET, PUT, SCAN]), min_size=1, max_size=2, unique=True),
        st.lists(
            st.sampled_from(["*", table("t"), arn("ssm", "parameter/a"), arn("ssm", "parameter/b")]),
            min_size=1,
            max_size=3,
            unique=True,
        ),
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(_STATEMENTS, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_ids_are_unique_and_depend_on_no_order(policies: list[Any], rng: random.Random) -> None:
    def by_grant(documents: list[Any]) -> dict[str, tuple[str, str]]:
        role = role_of([replace(policy(*statements), twin=at) for at, statements in enumerate(documents)])
        grants = [(role, grant) for policy_ in role.policies for grant in grants_of(policy_)]
        found = grant_ids(grants, {})[role.arn]
        assert len(set(found.values())) == len(found)
        return {found[grant.key]: (grant.action, grant.resource) for _, grant in grants}

    shuffled = [rng.sample(statements, len(statements)) for statements in policies]
    rng.shuffle(shuffled)
    assert by_grant(shuffled) == by_grant(policies)
