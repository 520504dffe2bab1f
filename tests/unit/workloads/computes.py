"""Small words for configurations as the AWS command line prints them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scanner.errors import Warnings
from scanner.model import Evidence, Usage
from scanner.model.workloads import Hints
from scanner.workloads.asked import Asked, RoleTrust
from scanner.workloads.documents import Documents, joined, recognised
from scanner.workloads.kinds import KINDS
from scanner.workloads.listing import Listing, Workloads
from tests.unit.cases import usage

ACCOUNT = "123456789012"
REGION = "eu-west-1"
PLACE = f"{ACCOUNT}/{REGION}"
MADE = "2026-01-02T03:04:05+00:00"
LATER = "2026-02-02T03:04:05+00:00"


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def ecs_arn(resource: str) -> str:
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:{resource}"


def definition(family: str = "api", revision: int = 7, **more: Any) -> dict[str, Any]:
    """What `aws ecs describe-task-definition` prints."""
    return {
        "taskDefinition": {
            "taskDefinitionArn": ecs_arn(f"task-definition/{family}:{revision}"),
            "family": family,
            "revision": revision,
            "taskRoleArn": role("task"),
            "containerDefinitions": [{"name": "app", "image": "shop/app:1"}],
            "registeredAt": MADE,
            **more,
        }
    }


def service(revision: int = 7, family: str = "api", **more: Any) -> dict[str, Any]:
    """What `aws ecs describe-services` prints."""
    return {
        "services": [
            {
                "serviceArn": ecs_arn(f"service/shop/{family}"),
                "serviceName": family,
                "clusterArn": ecs_arn("cluster/shop"),
                "status": "ACTIVE",
                "taskDefinition": ecs_arn(f"task-definition/{family}:{revision}"),
                **more,
            }
        ]
    }


def task(revision: int = 7, **more: Any) -> dict[str, Any]:
    """What `aws ecs describe-tasks` prints."""
    return {
        "tasks": [
            {
                "taskArn": ecs_arn("task/shop/1"),
                "clusterArn": ecs_arn("cluster/shop"),
                "taskDefinitionArn": ecs_arn(f"task-definition/api:{revision}"),
                "lastStatus": "RUNNING",
                "overrides": {},
                **more,
            }
        ]
    }


def families(*names: str) -> dict[str, Any]:
    return {"families": list(names)}


def clusters(services: int = 1, tasks: int = 0, name: str = "shop") -> list[dict[str, Any]]:
    """What `aws ecs list-clusters` and `aws ecs describe-clusters` print."""
    cluster = {
        "clusterArn": ecs_arn(f"cluster/{name}"),
        "activeServicesCount": services,
        "runningTasksCount": tasks,
        "pendingTasksCount": 0,
    }
    return [{"clusterArns": [cluster["clusterArn"]]}, {"clusters": [cluster], "failures": []}]


def trust(*principals: str) -> dict[str, Any]:
    """A trust policy for services."""
    return {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": list(principals)}, "Action": "sts:AssumeRole"}
        ]
    }


class Roles:
    """The roles of an account, by name, with whom they trust."""

    def __init__(self, **trusts: Any) -> None:
        self._trusts = trusts

    def find(self, name: str, account: str = "") -> RoleTrust | None:
        return RoleTrust(role(name), self._trusts[name]) if name in self._trusts else None

    def trusts(self) -> list[RoleTrust]:
        return [RoleTrust(role(name), trusted) for name, trusted in self._trusts.items()]


def traced(workload: str, *hints: Hints, versions: tuple[str, ...] = ()) -> Usage:
    """A workload as traces show it."""
    of_versions = {version: Evidence() for version in versions}
    return replace(
        usage(), workload=workload, hints=hints, evidence=Evidence(traces=1, of_versions=of_versions)
    )


def documents(*printed: Any) -> Documents:
    found = [recognised(one) for one in printed]
    assert all(found), printed
    return joined([one for one in found if one])


def read(
    kind: Any, usages: list[Usage], *printed: Any, roles: Roles | None = None
) -> tuple[Workloads, Warnings, Listing]:
    """The workloads of a kind, what was warned of, and the listing."""
    warnings = Warnings()
    asked = Asked({one.workload or "": one for one in usages}, frozenset({REGION}), roles or Roles())
    listing = KINDS[kind].from_documents(documents(*printed), asked, warnings)
    return listing.workloads({one.workload or "" for one in usages}), warnings, listing
