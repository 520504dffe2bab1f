"""ECS as AWS describes it: what runs in a region, and the task definitions that traces name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.model.workloads import WorkloadKey
from scanner.workloads.answers import Answers, Wanted, in_chunks, pages
from scanner.workloads.asked import Asked
from scanner.workloads.documents import Documents, text
from scanner.workloads.ecs_task import named_revision

_WHO_ELSE = "which other tasks use a role is unknown, and nothing is confirmed"
_FAMILIES = Wanted("family", "ecs:ListTaskDefinitionFamilies", _WHO_ELSE)
_DEFINITION = Wanted("task-definition", "ecs:DescribeTaskDefinition", "the role of tasks is unknown")
_SERVES = "which revisions of a task definition serve is unknown"
_CLUSTERS = Wanted("task-cluster-arn", "ecs:ListClusters", _SERVES)
_SERVICE_ARNS = Wanted("service", "ecs:ListServices", _SERVES)
_SERVICES = Wanted("service", "ecs:DescribeServices", _SERVES)
_TASK_ARNS = Wanted("task", "ecs:ListTasks", _SERVES)
_TASKS = Wanted("task", "ecs:DescribeTasks", _SERVES)
_JOBS = Wanted("job-definition", "batch:DescribeJobDefinitions", _WHO_ELSE)
_SERVICES_AT_ONCE, _TASKS_AT_ONCE = 10, 100


def tasks_from_aws(aws: Aws, asked: Asked, warnings: Warnings) -> Documents:
    """The task definitions, services, tasks and job definitions of the regions. Raises ScanError."""
    answers = Answers(warnings)
    for region in sorted(asked.regions):
        _read_region(aws, region, asked, answers)
    return answers.documents


def _read_region(aws: Aws, region: str, asked: Asked, answers: Answers) -> None:
    ecs = aws.client("ecs", region)
    families = answers.ask(
        _FAMILIES, lambda: pages(ecs, "list_task_definition_families", "families", status="ACTIVE")
    )
    running = _running(ecs, answers)
    traced = [WorkloadKey.parse(workload) for workload in asked.usages]
    here = {key.text: key.name.rpartition("/")[2] for key in traced if key.region in ("", region)}
    revisions = {
        f"{here[key.text]}:{name}" for key in traced if key.text in here for name in asked.versions(key.text)
    }
    names = {*families, *here.values(), *revisions, *running}
    answers.ask_each(
        _DEFINITION,
        lambda name: [ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]],
        sorted(names),
    )
    batch = aws.client("batch", region)
    answers.ask(_JOBS, lambda: pages(batch, "describe_job_definitions", "jobDefinitions", status="ACTIVE"))


def _running(ecs: Any, answers: Answers) -> list[str]:
    """The revisions that services and tasks run, as `FAMILY:REVISION`."""
    running: list[Any] = []
    for cluster in answers.ask(_CLUSTERS, partial(pages, ecs, "list_clusters", "clusterArns")):
        # all that it runs is described below, or is noted as missing: there is no need to compare counts
        answers.keep("task-cluster", {"clusterArn": cluster})
        services = _texts(ecs, answers, _SERVICE_ARNS, "list_services", "serviceArns", cluster=cluster)
        for chunk in in_chunks(services, _SERVICES_AT_ONCE):
            running += answers.ask(_SERVICES, partial(_described, ecs, "services", cluster, chunk))
        tasks = _texts(ecs, answers, _TASK_ARNS, "list_tasks", "taskArns", cluster=cluster)
        for chunk in in_chunks(tasks, _TASKS_AT_ONCE):
            running += answers.ask(_TASKS, partial(_described, ecs, "tasks", cluster, chunk))
    return _named(running)


def _texts(
    ecs: Any, answers: Answers, wanted: Wanted, operation: str, key: str, **parameters: str
) -> list[str]:
    """ARNs, which are asked for to be described, and are kept nowhere."""
    found: list[str] = []

    def read() -> list[Any]:
        found.extend(pages(ecs, operation, key, **parameters))
        return []

    answers.ask(wanted, read)
    return found


def _described(ecs: Any, what: str, cluster: str, arns: list[str]) -> list[Any]:
    request = ecs.describe_services if what == "services" else ecs.describe_tasks
    return list(request(cluster=cluster, **{what: arns})[what])


def _named(running: Iterable[Any]) -> list[str]:
    """The revisions that are named by what runs them."""
    arns = [
        text(entry, key)
        for one in running
        for entry in (one, *one.get("deployments", ()), *one.get("taskSets", ()))
        for key in ("taskDefinition", "taskDefinitionArn")
    ]
    revisions = (named_revision(arn) for arn in arns if arn)
    return [f"{family}:{revision}" for family, revision in filter(None, revisions)]
