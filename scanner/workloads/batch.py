"""Batch: job definitions, whose jobs run as tasks of ECS. Pure.

Batch registers a task definition for each job definition, and names it by that.
docs.aws.amazon.com/batch/latest/APIReference/API_JobDefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from scanner.model import Arn
from scanner.workloads.documents import Documents, Entry, part, parts, text

_SUFFIX = re.compile(r"[-_][0-9a-f-]{8,}|[-_]\d+")
_INACTIVE = "INACTIVE"


class Job(NamedTuple):
    """A job definition by its name."""

    account: str
    region: str
    name: str


def roles_of_jobs(documents: Documents) -> list[tuple[Job, str]]:
    """The roles of the code of job definitions; the execution role is none of it."""
    found = {
        (Job(arn.account, arn.region, text(entry, "jobDefinitionName")), role)
        for entry in documents.of("job-definition")
        if text(entry, "status") != _INACTIVE
        for arn in [Arn.parse(text(entry, "jobDefinitionArn"))]
        if arn
        for role in _roles_of(entry)
    }
    return sorted(found)


def roles_of_family(family: str, documents: Documents) -> list[str]:
    """The roles of the jobs whose task definitions a family is."""
    return [role for job, role in roles_of_jobs(documents) if is_family_of(family, job.name)]


def is_family_of(family: str, job: str) -> bool:
    """Whether Batch may have named a family of task definitions by a job definition."""
    return family == job or (family.startswith(job) and bool(_SUFFIX.fullmatch(family[len(job) :])))


def _roles_of(entry: Entry) -> Iterator[str]:
    """The task roles: of one container, of the containers of nodes, of the containers of a task."""
    nodes = parts(part(entry, "nodeProperties"), "nodeRangeProperties")
    for holder in (entry, *nodes):
        containers = part(holder, "containerProperties") or part(holder, "container")
        tasks = parts(part(holder, "ecsProperties"), "taskProperties")
        roles = (text(containers, "jobRoleArn"), *(text(task, "taskRoleArn") for task in tasks))
        yield from filter(None, roles)
