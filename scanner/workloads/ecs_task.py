"""A task definition of ECS, as AWS's documents have it, and what ECS needs to run it. Pure.

docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from scanner.aws.times import time_of
from scanner.model import Arn, PlatformNeeds
from scanner.text.tables import rows
from scanner.workloads.documents import Entry, part, parts, text, texts
from scanner.workloads.features import Feature, Gap, Remedies, features_of, needs_of

TASK_TABLE, EXECUTION_TABLE = "ecs", "ecs_execution"
UNREAD, _EXEC, _CLUSTER, _ROUTER, _KEY, _AGENT = "task", "exec", "cluster", "log-router", "key", "agent"
REMEDIES = Remedies(
    (
        (
            UNREAD,
            "its task definition was not read, allow ecs:DescribeTaskDefinition, or give --workload-config "
            "what `aws ecs describe-task-definition` prints",
        ),
        (
            _EXEC,
            "whether it is on was not read, allow ecs:DescribeServices and ecs:DescribeTasks, or give "
            "--workload-config what `aws ecs describe-services` and `aws ecs describe-tasks` print",
        ),
        (_CLUSTER, "where a cluster logs sessions to is not read"),
        (_ROUTER, "where a log router writes to is in its own configuration"),
        (_KEY, "whether it is encrypted with a key of the account is not read"),
        (_AGENT, "what a sidecar collects is in its own configuration"),
    )
)
_ECR = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")


class Container(NamedTuple):
    """A container of a task: its name, its image, and whether the image is that of a known sidecar."""

    name: str
    image: str
    sidecar: str


@dataclass(frozen=True)
class TaskDefinition:
    """A revision of a task definition, as far as it matters here. `roles` are None where it names none."""

    arn: Arn
    family: str
    revision: int
    role: str | None
    execution_role: str | None
    registered: datetime | None
    containers: tuple[Container, ...]
    fargate_only: bool
    entry: Entry

    @property
    def place(self) -> tuple[tuple[str, str], ...]:
        """What the placeholders of its account stand for."""
        return (("partition", self.arn.partition), ("region", self.arn.region), ("account", self.arn.account))


def parse_definition(entry: Entry) -> TaskDefinition | None:
    """A task definition, None where no ARN says which it is."""
    arn = Arn.parse(text(entry, "taskDefinitionArn"))
    family, _, revision = arn.resource.partition("/")[2].rpartition(":") if arn else ("", "", "")
    if arn is None or not family or not revision.isdecimal():
        return None
    compatible = entry.get("requiresCompatibilities") or entry.get("compatibilities")
    return TaskDefinition(
        arn=arn,
        family=family,
        revision=int(revision),
        role=text(entry, "taskRoleArn") or None,
        execution_role=text(entry, "executionRoleArn") or None,
        registered=time_of(entry.get("registeredAt")),
        containers=tuple(_container(container) for container in parts(entry, "containerDefinitions")),
        fargate_only=isinstance(compatible, list) and compatible == ["FARGATE"],
        entry=entry,
    )


def _container(entry: Entry) -> Container:
    image = text(entry, "image")
    return Container(text(entry, "name"), image, _sidecar_of(image))


@lru_cache(maxsize=1 << 10)
def _sidecar_of(image: str) -> str:
    """What a known sidecar is for, empty for an image of none."""
    name = image.partition("@")[0].partition(":")[0].lower()
    known = ((row["image"], row["what"]) for row in rows("workloads", "sidecars"))
    return next((what for end, what in known if name == end or name.endswith(f"/{end}")), "")


# --- what ECS needs of the task role -------------------------------------------------------------


def task_needs(definition: TaskDefinition, *, traced: bool, execute_command: bool | None) -> PlatformNeeds:
    """What the platform needs of the task role. `execute_command` tells whether ECS Exec is on, if known."""
    return needs_of(
        TASK_TABLE,
        _task_features(definition, traced, execute_command),
        _task_gaps(definition, execute_command),
        REMEDIES,
    )


def _task_features(
    definition: TaskDefinition, traced: bool, execute_command: bool | None
) -> Iterator[Feature]:
    if traced or any(container.sidecar == "traces" for container in definition.containers):
        yield Feature("tracing")
    if execute_command:
        yield Feature("exec")
    if part(definition.entry, "proxyConfiguration").get("type") == "APPMESH":
        yield Feature("app-mesh")
    for volume in parts(definition.entry, "volumes"):
        efs = part(volume, "efsVolumeConfiguration")
        if part(efs, "authorizationConfig").get("iam") == "ENABLED":
            file_system = replace(
                definition.arn,
                service="elasticfilesystem",
                resource=f"file-system/{text(efs, 'fileSystemId') or '*'}",
            )
            yield Feature("efs", (("file_system", str(file_system)),))


def _task_gaps(definition: TaskDefinition, execute_command: bool | None) -> Iterator[Gap]:
    if execute_command is None:
        yield from (Gap(feature, _EXEC) for feature in features_of(TASK_TABLE, "exec"))
    if execute_command is not False:
        yield from (Gap(feature, _CLUSTER) for feature in features_of(TASK_TABLE, "cluster"))
    containers = parts(definition.entry, "containerDefinitions")
    if any(part(container, "firelensConfiguration") for container in containers):
        yield from (Gap(feature, _ROUTER) for feature in features_of(TASK_TABLE, "log-router"))
    if any(container.sidecar for container in definition.containers):
        yield from (Gap(feature, _AGENT) for feature in features_of(TASK_TABLE, "agent"))


# --- what ECS needs of the execution role --------------------------------------------------------


def execution_needs(definition: TaskDefinition) -> PlatformNeeds:
    """What ECS needs of the execution role to start the tasks."""
    features = [
        Feature(name, (*definition.place, *values)) for name, values in _execution_features(definition)
    ]
    injected = any(feature.name in ("secret", "parameter") for feature in features)
    gaps = [Gap(feature, _KEY) for feature in features_of(EXECUTION_TABLE, "key") if injected]
    return needs_of(EXECUTION_TABLE, features, gaps, REMEDIES)


_Values = tuple[tuple[str, str], ...]


def _execution_features(definition: TaskDefinition) -> Iterator[tuple[str, _Values]]:
    """The features that are on.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    for container in parts(definition.entry, "containerDefinitions"):
        registry = _ECR.match(text(container, "image"))
        if registry:
            account, region, repository = registry.groups()
            yield "ecr", ()
            arn = f"arn:{definition.arn.partition}:ecr:{region}:{account}:repository/{repository}"
            yield "ecr-repository", (("repository", arn),)
        log = part(container, "logConfiguration")
        if log.get("logDriver") == "awslogs":
            group = text(part(log, "options"), "awslogs-group") or "*"
            yield "logs", (("log_group", group),)
            if str(part(log, "options").get("awslogs-create-group")).lower() == "true":
                yield "logs-group", (("log_group", group),)
        for secret in (*parts(container, "secrets"), *parts(log, "secretOptions")):
            yield from _injected(text(secret, "valueFrom"), definition)
        yield from _injected(
            text(part(container, "repositoryCredentials"), "credentialsParameter"), definition
        )
        for file in (
            *parts(container, "environmentFiles"),
            part(container, "firelensConfiguration", "options"),
        ):
            value = text(file, "value") if file.get("type") == "s3" else text(file, "config-file-value")
            yield from _file(value)
        for credential in texts(container, "credentialSpecs"):
            value = credential.partition(":")[2]
            yield from _file(value)
            yield from _injected(value, definition)


def _injected(source: str, definition: TaskDefinition) -> Iterator[tuple[str, _Values]]:
    """A secret or a parameter, which a name alone may stand for.

    docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
    """
    arn = Arn.parse(source)
    if arn and arn.service == "secretsmanager":
        fields = arn.resource.split(":")  # secret:NAME:json-key:version-stage:version-id
        yield "secret", (("secret", str(arn.with_resource(":".join(fields[:2])))),)
    elif arn and arn.service == "ssm":
        yield "parameter", (("parameter", source),)
    elif source and arn is None:
        parameter = replace(definition.arn, service="ssm", resource=f"parameter/{source.lstrip('/')}")
        yield "parameter", (("parameter", str(parameter)),)


def _file(source: str) -> Iterator[tuple[str, _Values]]:
    arn = Arn.parse(source)
    if arn and arn.service == "s3":
        bucket = str(arn.with_resource(arn.resource.partition("/")[0]))
        yield "file", (("object", source), ("bucket", bucket))


def named_revision(arn: Any) -> tuple[str, int] | None:
    """The family and the revision that the ARN of a task definition names."""
    parsed = Arn.parse(arn) if isinstance(arn, str) else None
    family, _, revision = parsed.resource.partition("/")[2].rpartition(":") if parsed else ("", "", "")
    return (family, int(revision)) if family and revision.isdecimal() else None
