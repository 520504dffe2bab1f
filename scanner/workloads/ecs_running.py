"""What documents say of ECS: task definitions by family, and what runs of them in which cluster. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.model import Arn
from scanner.model.workloads import WorkloadKey
from scanner.workloads.documents import Documents, Entry, part, parts, text
from scanner.workloads.ecs_task import TaskDefinition, named_revision, parse_definition

UNKNOWN = "?"
# in `aws ecs describe-clusters`: docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html
_SERVICES, _TASKS = ("activeServicesCount",), ("runningTasksCount", "pendingTasksCount")


class Family(NamedTuple):
    """A family of task definitions of an account and region."""

    account: str
    region: str
    name: str


@dataclass(frozen=True)
class Running:
    """What runs of a family in a cluster now.

    `serving` are revisions by what runs them, `overrides` the task roles that tasks were started with in
    place of their definition's ("" for none), `execute_command` whether ECS Exec is on for any of it.
    """

    serving: tuple[tuple[str, int], ...] = ()
    overrides: frozenset[str] = frozenset()
    execute_command: bool = False


@dataclass
class Tasks:
    """What the documents say, by family, and by family and cluster."""

    documents: Documents
    definitions: dict[Family, dict[int, TaskDefinition]] = field(default_factory=dict)
    running: dict[tuple[Family, str], Running] = field(default_factory=dict)

    @property
    def services_named(self) -> bool:
        """Whether services name the revisions that they run, though there may be others."""
        return self.documents.has_all("service") and "task" not in self.documents.partial

    @property
    def services_read(self) -> bool:
        """Whether it is known which revisions serve."""
        return not self.documents.partial & {"service", "task"} and not any(self.unread_services())

    @property
    def all_running_read(self) -> bool:
        """Whether it is known how all is started that runs: a task may run without a service."""
        return self.services_read and not any(self._not_all("task", "lastStatus", _TASKS))

    def unread_services(self) -> Iterator[str]:
        """The commands that would tell which revisions serve."""
        documents = self.documents
        clusters = {text(entry, "clusterArn") for entry in documents.of("task-cluster")}
        listed = documents.has_all("task-cluster-arn")
        if not listed:
            yield "`aws ecs list-clusters`"
        if not (clusters or listed) or not clusters.issuperset(documents.texts_of("task-cluster-arn")):
            yield "`aws ecs describe-clusters`"
        for cluster in self._not_all("service", "status", _SERVICES):
            yield f"`aws ecs describe-services` of all services of cluster {cluster}"

    def unread(self) -> list[str]:
        """The commands that would tell all that may run with a task's role."""
        names = {family.name for family in self.definitions}
        described = names.issuperset(self.documents.texts_of("family"))
        families = [] if self.documents.has_all("family") else ["`aws ecs list-task-definition-families`"]
        definitions = [] if described else ["`aws ecs describe-task-definition` of each family"]
        return [*families, *definitions, *self.unread_services()]

    def _not_all(self, form: str, status: str, counts: tuple[str, ...]) -> Iterator[str]:
        """The clusters that run more than what was described: so many at once are described at most."""
        over = ("INACTIVE", "DRAINING", "STOPPED")
        described = Counter(
            text(entry, "clusterArn") for entry in self.documents.of(form) if text(entry, status) not in over
        )
        for entry in self.documents.of("task-cluster"):
            numbers = (entry.get(count) for count in counts)
            running = sum(number for number in numbers if isinstance(number, int))
            if described[text(entry, "clusterArn")] < running:
                yield text(entry, "clusterArn").rpartition("/")[2]

    def matching(self, key: WorkloadKey, family: str) -> list[Family]:
        """The families that a key may mean: a place that it leaves out may be any."""
        return sorted(
            known
            for known in {*self.definitions, *(of_family for of_family, _ in self.running)}
            if known.name == family
            and key.account in ("", known.account)
            and key.region in ("", known.region)
        )

    def running_in(self, family: Family, cluster: str) -> Running:
        """What runs of a family in a cluster, in all of them where it is not known in which."""
        found = [
            running
            for (of_family, of_cluster), running in sorted(self.running.items())
            if of_family == family and cluster in (of_cluster, UNKNOWN)
        ]
        return Running(
            tuple(serving for running in found for serving in running.serving),
            frozenset().union(*(running.overrides for running in found)),
            any(running.execute_command for running in found),
        )


def known_tasks(documents: Documents) -> Tasks:
    """What documents say of task definitions and of what runs."""
    known = Tasks(documents)
    for entry in documents.of("task-definition"):
        definition = parse_definition(entry)
        if definition:
            family = Family(definition.arn.account, definition.arn.region, definition.family)
            known.definitions.setdefault(family, {})[definition.revision] = definition
    for place, running in _all_running(documents):
        held = known.running.get(place, Running())
        known.running[place] = Running(
            (*held.serving, *running.serving),
            held.overrides | running.overrides,
            held.execute_command or running.execute_command,
        )
    return known


def _all_running(documents: Documents) -> Iterator[tuple[tuple[Family, str], Running]]:
    for service in documents.of("service"):
        if text(service, "status") == "INACTIVE":
            continue
        sets = (*parts(service, "deployments"), *parts(service, "taskSets"))
        arns = dict.fromkeys(text(run, "taskDefinition") for run in (service, *sets))
        yield from _running(service, f"service {text(service, 'serviceName')}", arns, frozenset({""}))
    for task in documents.of("task"):
        if text(task, "lastStatus") != "STOPPED":
            override = text(part(task, "overrides"), "taskRoleArn")
            yield from _running(task, "task", [text(task, "taskDefinitionArn")], frozenset({override}))


def _running(
    entry: Entry, what: str, arns: Iterable[str], overrides: frozenset[str]
) -> Iterator[tuple[tuple[Family, str], Running]]:
    """What a service or a task runs."""
    cluster = text(entry, "clusterArn").rpartition("/")[2] or UNKNOWN
    execute_command = entry.get("enableExecuteCommand") is True
    for arn in arns:
        named, place = named_revision(arn), Arn.parse(arn)
        if named and place:
            family, revision = named
            running = Running(((what, revision),), overrides, execute_command)
            yield (Family(place.account, place.region, family), cluster), running
