"""The workload that a span names itself."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.spans.workloads import workload_of
from tests.unit.spans.spans import F, key, span

_TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop/158d1c80"
_CONTAINER = "arn:aws:ecs:eu-west-1:123456789012:container/shop/158d1c80/05966557"
_MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"
_AT = {"cloud.account.id": "123456789012", "cloud.region": "eu-west-1"}
_HOST = {"host.id": "i-0abc1234def567890", "service.name": "x", **_AT}
_ECS = {
    "aws.ecs.task.arn": _TASK,
    "aws.ecs.cluster.arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop",
    "aws.ecs.task.family": "api",
    "aws.ecs.task.revision": "7",
    "service.name": "web",
}


@pytest.mark.parametrize(
    ("resource", "attributes", "expected"),
    [
        ({}, {"cloud__resource_id": F}, F),
        ({}, {"cloud__resource_id": F + ":live"}, F),
        ({}, {"faas__id": F}, F),
        ({"cloud.resource_id": F}, {}, F),
        ({"faas.name": "orders", **_AT}, {}, F),
        ({"faas.name": "orders", "cloud.region": "eu-west-1"}, {}, "other:orders@/eu-west-1"),
        ({"cloud.resource_id": _MACHINE}, {}, _MACHINE),
        (_ECS, {}, "ecs:shop/api@123456789012/eu-west-1"),
        ({**_ECS, "aws.ecs.cluster.arn": "shop"}, {}, "ecs:shop/api@123456789012/eu-west-1"),
        ({**_ECS, "host.id": "3d1219c7f6d0"}, {}, "ecs:shop/api@123456789012/eu-west-1"),
        (
            {"aws.ecs.task.family": "api", "cloud.resource_id": _CONTAINER},
            {},
            "ecs:?/api@123456789012/eu-west-1",
        ),
        (
            {"host.id": "i-0abc1234def567890", "service.name": "x", **_AT},
            {},
            "ec2:?/x@123456789012/eu-west-1",
        ),
        ({"host.id": "3d1219c7f6d04b8f", "service.name": "x", **_AT}, {}, "other:x@123456789012/eu-west-1"),
        (
            {"k8s.namespace.name": "shop", "k8s.deployment.name": "api", "k8s.cluster.name": "prod", **_AT},
            {},
            "eks:prod/shop/api@123456789012/eu-west-1",
        ),
        (
            {"k8s.replicaset.name": "api-7d9c6b5f4", "deployment.environment.name": "eks:prod/shop"},
            {},
            "eks:prod/shop/api@/",
        ),
        ({"k8s.namespace.name": "shop", "service.name": "api"}, {}, "eks:?/shop/api@/"),
        (
            {"k8s.namespace.name": "shop", "k8s.replicaset.name": "order-service"},
            {},
            "eks:?/shop/order-service@/",
        ),
        ({"k8s.namespace.name": "shop", "k8s.job.name": "report-28392110"}, {}, "eks:?/shop/report@/"),
        ({**_HOST, "cloud.platform": "aws_eks"}, {}, "eks:?/?/x@123456789012/eu-west-1"),
        ({**_HOST, "cloud.platform": "aws_ec2"}, {}, "ec2:?/x@123456789012/eu-west-1"),
        ({**_HOST, "cloud.platform": "aws_ecs"}, {}, "other:x@123456789012/eu-west-1"),
        ({**_HOST, "cloud.platform": "aws_app_runner"}, {}, "app-runner:x@123456789012/eu-west-1"),
        (
            {"cloud.platform": "gcp_kubernetes_engine", "k8s.cluster.name": "c", "service.name": "x"},
            {},
            "other:x@/",
        ),
        ({"cloud.platform": "aws_app_runner", "service.name": "web"}, {}, "app-runner:web@/"),
        ({"service.name": "web"}, {}, "other:web@/"),
        ({"service.name": "unknown_service:python"}, {}, None),
        ({"cloud.provider": "aws"}, {"aws__local__service": "UnknownService"}, None),
        ({"service.name": "api"}, {"aws__xray__origin": "AWS::ApiGateway::Stage"}, None),
        ({}, {}, None),
    ],
)
def test_the_key_of_a_workload(
    resource: dict[str, Any], attributes: dict[str, Any], expected: str | None
) -> None:
    assert key(resource, **attributes) == expected


def test_the_version_that_ran() -> None:
    numbered = workload_of(span({"faas.version": "5"}, cloud__resource_id=F))
    latest = workload_of(span({"faas.version": "$LATEST"}, faas__id=F))
    by_alias = workload_of(span({}, cloud__resource_id=F, aws__lambda__invoked_arn=F + ":live"))
    task = workload_of(span(_ECS))
    assert [of and of.version for of in (numbered, latest, by_alias, task)] == ["5", None, "live", "7"]


def test_what_a_role_may_be_found_by() -> None:
    task, instance = workload_of(span(_ECS)), workload_of(span({"host.id": "i-0abc1234def567890"}))
    assert task and task.hints.revision == "7"
    assert instance and instance.hints.instance == "i-0abc1234def567890"
