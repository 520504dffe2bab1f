"""EKS: the role of pods by Pod Identity and by web identity, and what is only inferred."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model.workloads import Hints
from scanner.workloads.trusts import ServiceAccount, principals_of, service_accounts_of
from tests.unit.workloads.computes import (
    ACCOUNT,
    LATER,
    MADE,
    PLACE,
    REGION,
    Roles,
    read,
    role,
    traced,
    trust,
)

API = f"eks:prod/shop/api@{PLACE}"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/ABC"


def association(name: str = "pod", namespace: str = "shop", **more: Any) -> dict[str, Any]:
    """What `aws eks describe-pod-identity-association` prints."""
    return {
        "association": {
            "clusterName": "prod",
            "namespace": namespace,
            "serviceAccount": name,
            "roleArn": role(name),
            "associationArn": f"arn:aws:eks:{REGION}:{ACCOUNT}:podidentityassociation/prod/a-{name}",
            "createdAt": MADE,
            **more,
        }
    }


def irsa(subject: Any, issuer: str = ISSUER, operator: str = "StringEquals") -> dict[str, Any]:
    """A trust policy for service accounts."""
    return {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {operator: {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
        }
    }


def cluster(issuer: str = ISSUER) -> dict[str, Any]:
    """What `aws eks describe-cluster` prints."""
    return {"cluster": {"name": "prod", "identity": {"oidc": {"issuer": f"https://{issuer}"}}}}


def test_the_only_role_of_a_namespace_is_inferred() -> None:
    found, _, _ = read("eks", [traced(API)], association(), association("other", "billing"))
    pods = found.known[API]
    assert (pods.role, pods.inferred) == (role("pod"), True)
    assert pods.changed and pods.changed.isoformat() == MADE
    assert found.platforms == frozenset()


def test_the_target_role_of_an_association_is_the_one_that_counts() -> None:
    printed = association(targetRoleArn=role("target"), modifiedAt=LATER)
    found, _, _ = read("eks", [traced(API)], printed)
    assert found.known[API].role == role("target")


def test_several_roles_of_a_namespace_are_candidates_which_a_refusal_settles() -> None:
    printed = [association(), association("cron")]
    found, _, _ = read("eks", [traced(API)], *printed)
    assert (found.known[API].role, found.known[API].candidates) == (None, (role("pod"), role("cron")))
    settled, _, _ = read("eks", [traced(API, Hints(denied_role="cron"))], *printed)
    assert (settled.known[API].role, settled.known[API].inferred) == (role("cron"), False)


@pytest.mark.parametrize(
    ("subject", "operator", "lets_in"),
    [
        ("system:serviceaccount:shop:api", "StringEquals", True),
        (["system:serviceaccount:billing:api", "system:serviceaccount:shop:api"], "StringEquals", True),
        ("system:serviceaccount:sh*:*", "StringLike", True),
        ("system:serviceaccount:shop:*", "StringLike", True),
        ("system:serviceaccount:s*", "StringLike", True),
        ("system:serviceaccount:*", "StringLike", True),
        ("*", "StringLike", True),
        ("system:serviceaccount:b*", "StringLike", False),
        ("repo:team/*", "StringLike", False),
        ("system:serviceaccount:shop:*", "StringEquals", False),
        ("system:serviceaccount:billing:api", "StringEquals", False),
        ("system:serviceaccount:shop:api", "StringNotEquals", False),
    ],
)
def test_roles_that_trust_service_accounts_of_the_namespace(
    subject: Any, operator: str, lets_in: bool
) -> None:
    roles = Roles(pod=irsa(subject, operator=operator), task=trust("ecs-tasks.amazonaws.com"))
    found, _, _ = read("eks", [traced(API)], cluster(), roles=roles)
    assert found.known[API].role == (role("pod") if lets_in else None)


def test_roles_of_another_cluster_do_not_count_where_the_issuer_is_known() -> None:
    roles = Roles(pod=irsa("system:serviceaccount:shop:api", issuer="oidc.eks/id/OTHER"))
    known, _, _ = read("eks", [traced(API)], cluster(), roles=roles)
    assert known.known[API].role is None
    unknown, _, _ = read("eks", [traced(API)], association(namespace="x"), roles=roles)
    assert unknown.known[API].role == role("pod")


def test_an_operator_counts_with_and_without_sets_of_keys() -> None:
    trusted = irsa("system:serviceaccount:shop:api", operator="ForAnyValue:StringEquals")
    assert service_accounts_of(trusted) == {ServiceAccount(ISSUER, "shop", "api")}


@pytest.mark.parametrize(
    "odd", [None, "", "{", {}, {"Statement": []}, {"Statement": ["x"]}, {"Statement": 1}]
)
def test_odd_trust_policies_let_in_who_knows(odd: Any) -> None:
    assert principals_of(odd) == {"?"}
    assert service_accounts_of(odd) == frozenset()
