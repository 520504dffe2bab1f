"""ECS and Fargate: which role a task has, which revisions serve, what ECS itself needs."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.iam import catalog
from scanner.model.workloads import Hints
from scanner.text.tables import rows
from scanner.workloads.ecs_task import (
    EXECUTION_TABLE,
    TASK_TABLE,
    execution_needs,
    parse_definition,
    task_needs,
)
from scanner.workloads.features import only_platform
from tests.unit.workloads.computes import (
    ACCOUNT,
    LATER,
    PLACE,
    REGION,
    Roles,
    clusters,
    definition,
    documents,
    ecs_arn,
    families,
    read,
    role,
    service,
    task,
    traced,
    trust,
)

API = f"ecs:shop/api@{PLACE}"
TASKS = "ecs-tasks.amazonaws.com"


def parsed(**more: Any) -> Any:
    return parse_definition(definition(**more)["taskDefinition"])


# --- roles ---------------------------------------------------------------------------------------


def test_a_task_has_the_role_of_its_definition_and_was_changed_when_that_was_registered() -> None:
    found, warnings, _ = read("ecs", [traced(API, versions=("7",))], definition(), service())
    task_ = found.known[API]
    assert (task_.role, task_.inferred, task_.candidates) == (role("task"), False, ())
    assert task_.changed and task_.changed.isoformat() == "2026-01-02T03:04:05+00:00"
    assert [warning.code for warning in warnings.all()] == ["workload-config-partial"]


def test_the_revision_that_serves_counts_and_not_the_newest() -> None:
    newer = definition(revision=8, taskRoleArn=role("next"), registeredAt=LATER)
    found, _, _ = read("ecs", [traced(API, versions=("7",))], definition(), newer, service(7))
    assert found.known[API].role == role("task")
    unknown, _, _ = read("ecs", [traced(API, versions=("7",))], definition(), newer)
    assert unknown.known[API].role == role("next")


def test_older_revisions_may_serve_where_services_were_not_read() -> None:
    found, _, _ = read("ecs", [traced(API)], definition())
    assert found.known[API].aliases is None
    assert ("6", role("task")) in [(one.name, one.role) for one in found.known[API].published]
    known, _, _ = read("ecs", [traced(API)], definition(), service(7), *clusters())
    assert [alias.versions for alias in known.known[API].aliases or ()] == [("7",)]
    assert [one.name for one in known.known[API].published] == ["7"]


def test_roles_that_tasks_were_started_with_are_candidates() -> None:
    override: Any = {"overrides": {"taskRoleArn": role("other")}}
    only, _, _ = read("ecs", [traced(API)], definition(), task(**override))
    assert only.known[API].role == role("other")
    both = {"tasks": task(**override)["tasks"] + task()["tasks"]}
    mixed, _, _ = read("ecs", [traced(API)], definition(), both)
    assert mixed.known[API].role is None
    assert mixed.known[API].candidates == (role("task"), role("other"))
    of_service, _, _ = read("ecs", [traced(API)], definition(), service(), task(**override))
    assert of_service.known[API].role is None, "a service runs tasks with the role of their definition"
    settled, _, _ = read("ecs", [traced(API, Hints(denied_role="other"))], definition(), both)
    assert settled.known[API].role == role("other")


@pytest.mark.parametrize(
    ("compatible", "why"), [(["FARGATE"], "no credentials of ECS"), (["EC2"], "the role of the instance")]
)
def test_without_a_task_role_it_is_said_what_the_code_may_use(compatible: list[str], why: str) -> None:
    printed = definition(taskRoleArn=None, requiresCompatibilities=compatible)
    found, _, _ = read("ecs", [traced(API)], printed)
    assert found.known[API].role is None
    assert why in found.known[API].candidates[0]


def test_a_refusal_finds_the_role_of_a_task_that_was_not_read_if_ecs_may_assume_it() -> None:
    roles = Roles(task=trust(TASKS), partner=trust("lambda.amazonaws.com"))
    for denied, found_role in (("task", role("task")), ("partner", None), ("nobody", None)):
        found, _, _ = read("ecs", [traced(API, Hints(denied_role=denied))], definition("web"), roles=roles)
        assert found.known[API].role == found_role


def test_a_refusal_that_contradicts_the_configuration_is_said_and_nothing_is_confirmed() -> None:
    roles = Roles(other=trust(TASKS))
    found, warnings, _ = read("ecs", [traced(API, Hints(denied_role="other"))], definition(), roles=roles)
    assert (found.known[API].role, found.known[API].inferred) == (role("task"), True)
    assert "role-contradicted" in {warning.code for warning in warnings.all()}


@pytest.mark.parametrize(("denied", "inferred"), [("task", False), ("unread", True), ("partner", False)])
def test_a_refusal_of_a_role_that_could_not_be_read_confirms_nothing(denied: str, inferred: bool) -> None:
    roles = Roles(task=trust(TASKS), partner=trust("lambda.amazonaws.com"))
    found, _, _ = read("ecs", [traced(API, Hints(denied_role=denied))], definition(), roles=roles)
    assert (found.known[API].role, found.known[API].inferred) == (role("task"), inferred)


def test_the_execution_role_is_a_role_of_its_own() -> None:
    found, _, listing = read("ecs", [traced(API)], definition(executionRoleArn=role("execution")))
    of_platform = f"ecs:shop/api/execution@{PLACE}"
    assert listing.companions[API] == (of_platform,)
    assert found.known[of_platform].role == role("execution")
    assert found.known[of_platform].by_platform_only
    assert (role("execution"), API) not in found.roles_of_versions


def test_containers_that_no_trace_names_use_the_role_too() -> None:
    containers = [
        {"name": "app", "image": "shop/app"},
        {"name": "cron", "image": "shop/cron"},
        {"name": "xray", "image": "public.ecr.aws/xray/aws-xray-daemon:3.x"},
    ]
    found, _, _ = read(
        "ecs", [traced(API, Hints(container="app"))], definition(containerDefinitions=containers)
    )
    assert "containers cron of ecs:shop/api" in found.shared_roles[role("task")]
    one, _, _ = read("ecs", [traced(API)], definition(containerDefinitions=containers[::2]))
    assert one.shared_roles == {}


# --- who uses a role -----------------------------------------------------------------------------


def test_all_users_of_a_role_are_known_where_all_families_and_services_are() -> None:
    whole = [definition(), definition("web"), families("api", "web"), service(), service(family="web")]
    whole += clusters(services=2)
    complete, _, _ = read("ecs", [traced(API)], *whole)
    assert complete.platforms == {TASKS}
    assert {key for key, workload in complete.known.items() if workload.role} == {
        API,
        f"ecs:shop/web@{PLACE}",
    }
    for left_out, command in enumerate(
        (
            "`aws ecs describe-task-definition` of each family",
            "`aws ecs describe-task-definition` of each family",
            "`aws ecs list-task-definition-families`",
            "`aws ecs describe-services` of all services of cluster shop",
            "`aws ecs describe-services` of all services of cluster shop",
            "`aws ecs list-clusters`",
            "`aws ecs describe-clusters`",
        )
    ):
        found, warnings, _ = read("ecs", [traced(API)], *whole[:left_out], *whole[left_out + 1 :])
        assert not found.platforms
        said = [w.message for w in warnings.all() if w.code == "workload-config-partial"]
        assert not said or command in said[0]
    cut, _, _ = read("ecs", [traced(API)], *whole[:2], {**whole[2], "nextToken": "x"}, *whole[3:])
    assert not cut.platforms


def test_a_job_of_batch_has_its_role_by_the_name_of_its_family() -> None:
    job = {
        "jobDefinitions": [
            {
                "jobDefinitionName": "nightly",
                "jobDefinitionArn": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/nightly:3",
                "status": "ACTIVE",
                "containerProperties": {"jobRoleArn": role("job"), "executionRoleArn": role("pull")},
            }
        ]
    }
    workload = f"ecs:batch/nightly-0a1b2c3d@{PLACE}"
    found, _, _ = read("ecs", [traced(workload)], job)
    assert (found.known[workload].role, found.known[workload].inferred) == (role("job"), True)
    other, _, _ = read("ecs", [traced(f"ecs:batch/nightlies@{PLACE}")], job)
    assert role("job") in {known.role for known in other.known.values()}, "it may share its role"
    assert other.known[f"ecs:batch/nightlies@{PLACE}"].role is None


# --- what ECS needs ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [TASK_TABLE, EXECUTION_TABLE])
def test_the_tables_name_actions_of_iam_with_a_source_each(table: str) -> None:
    for row in rows("workloads", table):
        assert catalog.action(row["action"])
        assert row["source"].startswith("docs.aws.amazon.com/")


def actions(needs: tuple[tuple[str, str], ...]) -> set[str]:
    return {action for action, _ in needs}


def test_ecs_exec_on_off_and_unread() -> None:
    exec_ = "ssmmessages:createdatachannel"
    assert exec_ in actions(task_needs(parsed(), traced=False, execute_command=True).required)
    off = task_needs(parsed(), traced=False, execute_command=False)
    assert not off.required and not off.unknown
    assert exec_ in off.decided == only_platform(TASK_TABLE)
    unread = task_needs(parsed(), traced=False, execute_command=None)
    assert exec_ in {need.action for need in unread.unknown}


@pytest.mark.parametrize(
    ("more", "need"),
    [
        (
            {
                "volumes": [
                    {
                        "efsVolumeConfiguration": {
                            "fileSystemId": "fs-1",
                            "authorizationConfig": {"iam": "ENABLED"},
                        }
                    }
                ]
            },
            (
                "elasticfilesystem:clientmount",
                f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/fs-1",
            ),
        ),
        ({"proxyConfiguration": {"type": "APPMESH"}}, ("appmesh:streamaggregatedresources", "*")),
    ],
)
def test_what_a_task_role_needs_where_a_feature_is_on(more: dict[str, Any], need: tuple[str, str]) -> None:
    assert need in task_needs(parsed(**more), traced=False, execute_command=False).required
    assert need[0] not in actions(task_needs(parsed(), traced=False, execute_command=False).required)


def test_a_task_that_was_traced_writes_traces() -> None:
    assert "xray:puttracesegments" in actions(
        task_needs(parsed(), traced=True, execute_command=False).required
    )


def test_what_a_log_router_writes_is_unknown() -> None:
    containers = [{"name": "log", "image": "x", "firelensConfiguration": {"type": "fluentbit"}}]
    unknown = task_needs(parsed(containerDefinitions=containers), traced=False, execute_command=False).unknown
    assert "firehose:putrecordbatch" in {need.action for need in unknown}


CONTAINER: dict[str, Any] = {"name": "app", "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop/app:1"}
EXECUTION_CASES = [
    ({}, ("ecr:batchgetimage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop/app")),
    ({}, ("ecr:getauthorizationtoken", "*")),
    (
        {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/api"}}},
        ("logs:putlogevents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/api:*"),
    ),
    (
        {
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "/ecs/api", "awslogs-create-group": "true"},
            }
        },
        ("logs:createloggroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/api"),
    ),
    (
        {"secrets": [{"valueFrom": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-a1b2c3:user::"}]},
        ("secretsmanager:getsecretvalue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-a1b2c3"),
    ),
    (
        {"secrets": [{"valueFrom": "/shop/key"}]},
        ("ssm:getparameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/key"),
    ),
    (
        {
            "repositoryCredentials": {
                "credentialsParameter": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hub-a"
            }
        },
        ("secretsmanager:getsecretvalue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hub-a"),
    ),
    (
        {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::conf/app.env"}]},
        ("s3:getobject", "arn:aws:s3:::conf/app.env"),
    ),
]


@pytest.mark.parametrize(("more", "need"), EXECUTION_CASES)
def test_what_an_execution_role_needs(more: dict[str, Any], need: tuple[str, str]) -> None:
    assert need in execution_needs(parsed(containerDefinitions=[{**CONTAINER, **more}])).required
    bare = execution_needs(parsed(containerDefinitions=[{"name": "app", "image": "nginx"}]))
    assert not bare.required and not bare.unknown


def test_an_injected_secret_may_be_encrypted_with_a_key_of_the_account() -> None:
    secret = [{**CONTAINER, "secrets": [{"valueFrom": "/shop/key"}]}]
    needs = execution_needs(parsed(containerDefinitions=secret))
    assert {need.action for need in needs.unknown} == {"kms:decrypt"}


def test_odd_documents_are_no_task_definitions() -> None:
    for odd in ({}, {"taskDefinitionArn": "x"}, {"taskDefinitionArn": 1}):
        assert parse_definition(odd) is None
    assert documents(definition()).kinds == {"ecs"}


def test_ecs_exec_is_off_where_all_that_runs_was_started_without_it() -> None:
    off: Any = {"enableExecuteCommand": False}
    on: Any = {"enableExecuteCommand": True}
    for printed, state in (
        ((service(**off),), "unknown"),
        ((service(**off), task(**off)), "off"),
        ((service(**on),), "on"),
        ((service(**off), task(**on)), "on"),
        ((service(**off),), "unknown"),
        ((), "unknown"),
    ):
        found, _, _ = read("ecs", [traced(API)], definition(), *printed, *clusters(tasks=1))
        needs = found.known[API].platform
        exec_ = "ssmmessages:createdatachannel"
        unknown = exec_ in {need.action for need in needs.unknown}
        assert (exec_ in actions(needs.required), unknown) == (state == "on", state == "unknown")


def test_a_role_that_tasks_are_started_with_in_place_of_their_own_is_used_by_them() -> None:
    own = traced(API, versions=("7",))
    started = task(overrides={"taskRoleArn": role("other")})
    found, _, _ = read("ecs", [own], definition(), service(), started)
    assert {pair[0] for pair in found.roles_of_versions} == {role("task"), role("other")}


def test_what_ecs_needs_is_that_of_all_revisions_that_serve() -> None:
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "/g", "awslogs-create-group": "true"}}
    container = {"name": "app", "image": "shop/app:1", "logConfiguration": log}
    older = definition(revision=6, executionRoleArn=role("older"), containerDefinitions=[container])
    newer = definition(executionRoleArn=role("execution"))
    both = service(deployments=[{"taskDefinition": ecs_arn(f"task-definition/api:{n}")} for n in (6, 7)])
    found, _, _ = read("ecs", [traced(API)], older, newer, both)
    execution = found.known[f"ecs:shop/api/execution@{PLACE}"]
    assert execution.role == role("execution")
    assert "logs:createloggroup" in actions(execution.platform.required)
    assert (role("older"), execution.key) in found.roles_of_versions
    alone, _, _ = read("ecs", [traced(API)], older, newer, service())
    needs = alone.known[f"ecs:shop/api/execution@{PLACE}"].platform
    assert "logs:createloggroup" not in actions(needs.required)
