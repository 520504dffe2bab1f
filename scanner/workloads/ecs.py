"""ECS and Fargate: task definitions, and which revisions of them run in which cluster. Pure.

A workload is a family of task definitions in a cluster. Its revisions are published versions, which never
change; the services and tasks that run now say which of them serve, as aliases do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from scanner.errors import Warnings
from scanner.model import PlatformNeeds, Workload
from scanner.model.workloads import Alias, Hints, PublishedVersion, WorkloadKey, shown_id
from scanner.workloads import batch
from scanner.workloads.asked import Asked, settled
from scanner.workloads.documents import Documents
from scanner.workloads.ecs_running import UNKNOWN, Family, Running, Tasks, known_tasks
from scanner.workloads.ecs_task import (
    REMEDIES,
    TASK_TABLE,
    UNREAD,
    TaskDefinition,
    execution_needs,
    task_needs,
)
from scanner.workloads.features import union_of_needs, unread_needs
from scanner.workloads.listing import ReadWorkloads, Workloads
from scanner.workloads.warnings import explained, warn_of_others, with_role

PRINCIPAL = "ecs-tasks.amazonaws.com"
_EXECUTION = "execution"


def unread_task(workload: str) -> Workload:
    """A workload of ECS of which nothing was read."""
    needs = unread_needs(TASK_TABLE, UNREAD, REMEDIES)
    return Workload(workload, "ecs", WorkloadKey.parse(workload).name, platform=needs)


def tasks_of(documents: Documents, asked: Asked, warnings: Warnings) -> ReadWorkloads:
    """The workloads of ECS that documents and traces show, with the roles of their tasks."""
    known = known_tasks(documents)
    built = [_of_traced(key, known, asked, warnings) for key in sorted(asked.usages)]
    used = {(family, cluster) for one in built for family, cluster in one.places}
    built += [_of_untraced(family, cluster, known, asked) for family, cluster in _untraced(known, used)]
    jobs = batch.roles_of_jobs(documents)
    built += [_of_job(job, role) for job, role in jobs if not _is_traced(job, asked)]
    workloads = {workload.key: workload for one in built for workload in one.workloads}
    complete = _is_complete(known)
    if asked.usages and any(workload.role for workload in workloads.values()):
        warn_of_others(documents, complete, "task definitions and services", known.unread(), warnings)
    return ReadWorkloads(
        Workloads(
            known=workloads,
            roles_of_versions=frozenset(pair for one in built for pair in one.roles),
            missing=documents.missing,
            platforms=frozenset({PRINCIPAL}) if complete else frozenset(),
            shared_roles={role: what for one in built for role, what in one.shared.items()},
        ),
        companions={one.workloads[0].key: tuple(w.key for w in one.workloads[1:]) for one in built},
    )


# --- workloads that are known ------------------------------------------------------------


def _untraced(known: Tasks, used: Collection[tuple[Family, str]]) -> list[tuple[Family, str]]:
    """The families in clusters that no trace names; those that run nowhere now may run in any cluster."""
    places = known.running.keys() - used
    anywhere = {family for family, cluster in used if cluster == UNKNOWN}
    of_families = {family for family, _ in (*known.running, *used)}
    idle = {(family, UNKNOWN) for family in known.definitions if family not in of_families}
    return sorted({place for place in places if place[0] not in anywhere} | idle)


def _is_complete(known: Tasks) -> bool:
    """Whether these are all that may run with a task's role.

    That takes a list of all families, each of them described, and all services of all clusters. Batch's jobs
    run as tasks.
    """
    return not known.unread() and not known.documents.partial & {
        "task-definition",
        "job-definition",
        "service",
        "task",
    }


# --- workloads -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Built:
    """A workload, then those that it needs; its families in clusters, and its roles by version."""

    workloads: tuple[Workload, ...]
    places: tuple[tuple[Family, str], ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    shared: Mapping[str, str] = field(default_factory=dict)


def _of_traced(workload: str, known: Tasks, asked: Asked, warnings: Warnings) -> _Built:
    """A workload that was traced."""
    key = WorkloadKey.parse(workload)
    cluster, _, name = key.name.rpartition("/")
    families = known.matching(key, name)
    if len(families) == 1:
        built = _of_family(workload, families[0], cluster or UNKNOWN, known, asked)
        main, *companions = built.workloads
        told = explained(main, _without_role(families[0], known), warnings)
        return replace(built, workloads=(told, *companions))
    roles = batch.roles_of_family(name, known.documents)
    role = settled(roles, workload, asked, PRINCIPAL, inferred=True)
    remedy = "add what `aws ecs describe-task-definition` prints to --workload-config"
    why = f"several accounts or regions have task definitions {name}" if families else remedy
    of_family = explained(with_role(unread_task(workload), role), why, warnings)
    return _Built((of_family,), roles=_pairs(of_family))


def _without_role(family: Family, known: Tasks) -> str:
    definitions = known.definitions.get(family, {})
    if definitions and max(definitions.items())[1].fargate_only:
        return "its task definition names no task role, so that its code has no credentials of ECS"
    return "its task definition names no task role: on EC2 its code may use the role of the instance"


def _of_untraced(family: Family, cluster: str, known: Tasks, asked: Asked) -> _Built:
    key = WorkloadKey("ecs", f"{cluster}/{family.name}", family.account, family.region)
    return _of_family(key.text, family, cluster, known, asked)


def _of_family(workload: str, family: Family, cluster: str, known: Tasks, asked: Asked) -> _Built:
    running = known.running_in(family, cluster)
    definitions = known.definitions.get(family, {})
    traced = frozenset(int(name) for name in asked.versions(workload) if name.isdecimal())
    serving = frozenset(revision for _, revision in running.serving)
    newest = (
        max(serving)
        if known.services_named and serving
        else max({*definitions, *serving, *traced}, default=0)
    )
    places = tuple(place for place in {*known.running, (family, cluster)} if _is_at(place, family, cluster))
    started = [(override, workload) for override in sorted(running.overrides - {""})]
    main = definitions.get(newest)
    if main is None:
        role = settled((), workload, asked, PRINCIPAL)
        of_family = with_role(unread_task(workload), role)
        return _Built((of_family,), places, (*_pairs(of_family), *started))
    role = settled(_candidates(main, running), workload, asked, PRINCIPAL)
    in_use = [
        main,
        *(one for number, one in sorted(definitions.items()) if number in (serving | traced) - {newest}),
    ]
    exec_ = running.execute_command or (False if known.all_running_read else None)
    of_family = with_role(
        Workload(
            workload,
            "ecs",
            WorkloadKey.parse(workload).name,
            changed=main.registered,
            published=_revisions(main, definitions.values(), known),
            aliases=_aliases(running) if known.services_read else None,
            platform=union_of_needs(
                task_needs(one, traced=workload in asked.usages, execute_command=exec_) for one in in_use
            ),
        ),
        role,
    )
    own = {(one.role, workload) for one in in_use if one.role}
    companions = tuple(_execution(workload, in_use))
    of_platform = {(one.execution_role, by.key) for by in companions for one in in_use if one.execution_role}
    return _Built(
        (of_family, *companions),
        places,
        (*_pairs(of_family), *sorted({*own, *started}), *sorted(of_platform)),
        _shared(of_family, main, asked.hints(workload)),
    )


def _is_at(place: tuple[Family, str], family: Family, cluster: str) -> bool:
    return place[0] == family and cluster in (place[1], UNKNOWN)


def _candidates(main: TaskDefinition, running: Running) -> list[str]:
    """The roles that tasks of the newest revision have: its own, or what they were started with instead."""
    overrides = sorted(running.overrides - {""})
    of_definition = (
        [main.role] if main.role and (running.overrides != frozenset(overrides) or not overrides) else []
    )
    return [*of_definition, *overrides]


def _revisions(
    main: TaskDefinition, definitions: Iterable[TaskDefinition], known: Tasks
) -> tuple[PublishedVersion, ...]:
    """The revisions. Where it is not known which serve, one that was not read may be among them."""
    read = [
        PublishedVersion(str(definition.revision), definition.registered, definition.role)
        for definition in definitions
    ]
    numbers = {version.name for version in read}
    before = str(main.revision - 1)
    if not known.services_read and main.revision > 1 and before not in numbers:
        read.append(PublishedVersion(before, None, main.role))
    return tuple(sorted(read, key=lambda version: int(version.name)))


def _aliases(running: Running) -> tuple[Alias, ...]:
    by_name: dict[str, set[str]] = {}
    for what, revision in running.serving:
        by_name.setdefault(what, set()).add(str(revision))
    return tuple(Alias(name, tuple(sorted(versions))) for name, versions in sorted(by_name.items()))


def _pairs(workload: Workload) -> tuple[tuple[str, str], ...]:
    return ((workload.role, workload.key),) if workload.role else ()


def _execution(workload: str, in_use: Iterable[TaskDefinition]) -> Iterator[Workload]:
    """ECS itself, which starts the tasks of a workload with a role of its own; the newest comes first."""
    with_role_of_its_own = [one for one in in_use if one.execution_role]
    if with_role_of_its_own:
        key = WorkloadKey.parse(workload)
        of_platform = key._replace(name=f"{key.name}/{_EXECUTION}")
        yield Workload(
            of_platform.text,
            "ecs",
            of_platform.name,
            role=with_role_of_its_own[0].execution_role,
            changed=with_role_of_its_own[0].registered,
            platform=union_of_needs(map(execution_needs, with_role_of_its_own)),
            by_platform_only=True,
        )


def _shared(workload: Workload, main: TaskDefinition, hints: Iterable[Hints]) -> dict[str, str]:
    """The role of a task with containers that no trace names: they use it too."""
    traced = {hint.container for hint in hints if hint.container}
    others = [container.name for container in main.containers if not container.sidecar]
    unseen = [name for name in others if not any(_names(hint, name) for hint in traced)]
    if workload.role is None or len(others) < 2 or not unseen:
        return {}
    return {
        workload.role: f"is also used by containers {', '.join(unseen)} of {shown_id(workload.key)}: no "
        "trace names them (resource attribute container.name)"
    }


def _names(hint: str, container: str) -> bool:
    """Whether a name is that of a container: plain, or as Docker's `ecs-FAMILY-REVISION-CONTAINER-ID`."""
    return hint == container or f"-{container}-" in hint


# --- Batch ---------------------------------------------------------------------------------------


def _is_traced(job: batch.Job, asked: Asked) -> bool:
    families = (WorkloadKey.parse(workload).name.rpartition("/")[2] for workload in asked.usages)
    return any(batch.is_family_of(family, job.name) for family in families)


def _of_job(job: batch.Job, role: str) -> _Built:
    """A job definition that no trace names."""
    key = WorkloadKey("ecs", f"{UNKNOWN}/{job.name}", job.account, job.region)
    workload = Workload(key.text, "ecs", key.name, role=role, platform=PlatformNeeds())
    return _Built((workload,), roles=_pairs(workload))
