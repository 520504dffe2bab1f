"""What is asked of AWS about workloads, and what a right that is missing costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scanner.errors import Warnings
from scanner.model.workloads import Hints, WorkloadKindName
from scanner.workloads.asked import Asked
from scanner.workloads.kinds import KINDS
from scanner.workloads.listing import Workloads
from tests.unit.workloads import test_app_runner, test_ec2, test_eks, test_state_machine
from tests.unit.workloads.computes import (
    LATER,
    PLACE,
    REGION,
    definition,
    ecs_arn,
    families,
    service,
    task,
    traced,
)

ECS_ANSWERS: dict[str, Any] = {
    "list_task_definition_families": families("api", "web"),
    "list_clusters": {"clusterArns": [ecs_arn("cluster/shop")]},
    "list_services": {"serviceArns": [ecs_arn("service/shop/api")]},
    "describe_services": service(6),
    "list_tasks": {"taskArns": [ecs_arn("task/shop/1")]},
    "describe_tasks": task(5),
    "describe_task_definition": lambda **of: definition(
        of["taskDefinition"].partition(":")[0], int(of["taskDefinition"].partition(":")[2] or 7)
    ),
    "describe_job_definitions": {"jobDefinitions": []},
}
EC2_ANSWERS: dict[str, Any] = {
    "describe_instances": test_ec2.instances(a="web"),
    "describe_iam_instance_profile_associations": {"IamInstanceProfileAssociations": []},
    "get_instance_profile": {"InstanceProfile": test_ec2.profiles("web")["InstanceProfiles"][0]},
}
EKS_ANSWERS: dict[str, Any] = {
    "describe_cluster": test_eks.cluster(),
    "list_pod_identity_associations": {
        "associations": [{"clusterName": "prod", "serviceAccount": "pod", "associationId": "a-pod"}]
    },
    "describe_pod_identity_association": test_eks.association(),
}
MACHINE_ANSWERS: dict[str, Any] = {
    "list_state_machines": test_state_machine.listed("orders"),
    "list_state_machine_versions": {"stateMachineVersions": []},
    "describe_state_machine": test_state_machine.machine(revisionId="r2"),
    "list_executions": {"executions": [{"executionArn": "e"}]},
    "describe_state_machine_for_execution": {
        **test_state_machine.machine(revisionId="r2"),
        "updateDate": LATER,
    },
}
RUNNER_ANSWERS: dict[str, Any] = {
    "list_services": test_app_runner.listed("web"),
    "describe_service": test_app_runner.service(),
}


class Client:
    """A client with fixed answers; what is denied is refused. Requests are noted."""

    def __init__(
        self, answers: dict[str, Any], denied: frozenset[str], requests: list[tuple[str, Any]]
    ) -> None:
        self._answers, self._denied, self._requests = answers, denied, requests

    def can_paginate(self, operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def request(**parameters: Any) -> Any:
            self._requests.append((operation, parameters))
            if operation in self._denied:
                raise ClientError({"Error": {"Code": "AccessDeniedException"}}, operation)
            answer = self._answers[operation]
            return answer(**parameters) if callable(answer) else answer

        return request


class Aws:
    """AWS with fixed answers, the same for each service."""

    def __init__(self, answers: dict[str, Any], denied: frozenset[str] = frozenset()) -> None:
        self.requests: list[tuple[str, Any]] = []
        self._client = Client(answers, denied, self.requests)

    def client(self, service: str, region: str) -> Client:
        assert region == REGION
        return self._client

    def iam(self) -> Client:
        return self._client


CASES: dict[WorkloadKindName, tuple[dict[str, Any], str, tuple[Hints, ...]]] = {
    "ecs": (ECS_ANSWERS, f"ecs:shop/api@{PLACE}", (Hints(revision="4"),)),
    "ec2": (EC2_ANSWERS, test_ec2.WEB, (Hints(instance="i-a"),)),
    "eks": (EKS_ANSWERS, test_eks.API, ()),
    "state-machine": (MACHINE_ANSWERS, test_state_machine.MACHINE, ()),
    "app-runner": (RUNNER_ANSWERS, test_app_runner.WEB, ()),
}
KIND_CASES = [pytest.param(kind, id=kind) for kind in CASES]


def ask(kind: WorkloadKindName, *denied: str) -> tuple[Workloads, Aws, Warnings]:
    answers, workload, hints = CASES[kind]
    aws, warnings = Aws(answers, frozenset(denied)), Warnings()
    asked = Asked({workload: traced(workload, *hints)}, frozenset({REGION}))
    listing = KINDS[kind].from_aws(aws, asked, warnings)  # type: ignore[arg-type]  # what is asked of it
    return listing.workloads({workload}), aws, warnings


@pytest.mark.parametrize("kind", KIND_CASES)
def test_a_traced_workload_has_its_role_without_a_warning(kind: WorkloadKindName) -> None:
    found, aws, warnings = ask(kind)
    assert any(workload.role for workload in found.known.values())
    assert warnings.all() == []
    assert {operation for operation, _ in aws.requests} == CASES[kind][0].keys()


@pytest.mark.parametrize(
    ("kind", "operation"), [(kind, operation) for kind, case in CASES.items() for operation in case[0]]
)
def test_every_right_that_is_missing_is_named_once_and_never_raised(
    kind: WorkloadKindName, operation: str
) -> None:
    found, aws, warnings = ask(kind, operation)
    named = [warning.message for warning in warnings.all() if warning.code == "right-missing"]
    assert len(named) == 1 and found.missing, named
    assert not found.platforms or kind in ("ecs", "state-machine")
    assert [one for one, _ in aws.requests].count(operation) == 1


@pytest.mark.parametrize(
    "operation",
    [
        "list_task_definition_families",
        "list_clusters",
        "list_services",
        "describe_services",
        "list_tasks",
        "describe_tasks",
        "describe_task_definition",
        "describe_job_definitions",
    ],
)
def test_without_any_of_its_rights_not_all_users_of_tasks_roles_are_known(operation: str) -> None:
    assert ask("ecs")[0].platforms
    assert not ask("ecs", operation)[0].platforms


@pytest.mark.parametrize(
    "operation", ["list_state_machines", "list_state_machine_versions", "describe_state_machine"]
)
def test_without_these_rights_not_all_users_of_machines_roles_are_known(operation: str) -> None:
    assert ask("state-machine")[0].platforms
    assert not ask("state-machine", operation)[0].platforms


def test_all_revisions_that_are_traced_serve_or_are_newest_are_described() -> None:
    _, aws, _ = ask("ecs")
    described = {
        of["taskDefinition"] for operation, of in aws.requests if operation == "describe_task_definition"
    }
    assert described == {"api", "web", "api:4", "api:5", "api:6"}


def test_instances_that_are_gone_are_asked_for_in_a_way_that_does_not_fail() -> None:
    _, aws, _ = ask("ec2")
    (of,) = [of for operation, of in aws.requests if operation == "describe_instances"]
    assert of == {"Filters": [{"Name": "instance-id", "Values": ["i-a"]}]}


def test_a_machine_that_never_changed_takes_no_executions() -> None:
    answers = {**MACHINE_ANSWERS, "describe_state_machine": test_state_machine.machine()}
    aws, warnings = Aws(answers), Warnings()
    asked = Asked({test_state_machine.MACHINE: traced(test_state_machine.MACHINE)}, frozenset({REGION}))
    KINDS["state-machine"].from_aws(aws, asked, warnings)  # type: ignore[arg-type]  # as above
    assert "list_executions" not in {operation for operation, _ in aws.requests}
