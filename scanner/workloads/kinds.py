"""The kinds of workloads.

A new kind is a reader of its configuration, a table of what its platform needs, and an entry here. Everything
else asks this registry, and knows no kind by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.model import Role, Workload
from scanner.model.workloads import WorkloadKindName, workload_kind, workload_name
from scanner.workloads import app_runner, ec2, ecs, ecs_task, eks, readers, state_machine
from scanner.workloads.asked import Asked
from scanner.workloads.documents import Documents
from scanner.workloads.ecs_reader import tasks_from_aws
from scanner.workloads.lambda_platform import unread_workload as unread_function
from scanner.workloads.lambda_reader import functions_from_aws, functions_from_documents, functions_from_file
from scanner.workloads.listing import Listing


@dataclass(frozen=True)
class WorkloadKind:
    """How workloads of a kind are read, and what is true of all of them.

    `title` and `noun` are what a workload of the kind is called in warnings and in their codes. `tables` are
    the names of the tables of what the platform needs (`data/NAME.csv`, their column `action`), the first one
    of a workload's own role. `principal` is the service that assumes their roles. `context_key` is the
    condition key (in lower case) that holds the ARN of a workload in the requests of its code, None where
    none does.

    `option` names files of their configuration; `from_file` reads that of an option of its own.
    `from_documents` reads what the AWS command line prints, `from_aws` what AWS answers: of some regions, and
    of what was traced. `unread` is the workload of a key of which nothing was read. `always_listed` tells
    that they are listed whether one was traced or not.
    """

    name: WorkloadKindName
    title: str
    noun: str
    tables: tuple[str, ...]
    principal: str
    from_documents: Callable[[Documents, Asked, Warnings], Listing]
    from_aws: Callable[[Aws, Asked, Warnings], Listing]
    unread: Callable[[str], Workload]
    context_key: str | None = None
    from_file: Callable[[Any, Warnings], Listing] | None = None
    option: str = "--workload-config"
    always_listed: bool = False

    @property
    def argument(self) -> str:
        """The name of its option among `options.parsers.Options`."""
        return self.option.removeprefix("--").replace("-", "_")

    def is_named_by(self, glob: str) -> bool:
        """Whether a pattern of workloads can only mean those of this kind."""
        return glob.startswith(f"{self.name}:") or (self.name == "state-machine" and ":stateMachine:" in glob)


def _kind_of_documents(
    read: Callable[[Documents, Asked, Warnings], Listing],
    ask_aws: Callable[[Aws, Asked, Warnings], Documents],
) -> Callable[[Aws, Asked, Warnings], Listing]:
    """What AWS answers is read as what its command line prints."""
    return lambda aws, asked, warnings: read(ask_aws(aws, asked, warnings), asked, warnings)


LAMBDA = WorkloadKind(
    name="lambda",
    title="Lambda function",
    noun="function",
    tables=("lambda",),
    principal="lambda.amazonaws.com",
    from_documents=lambda documents, asked, warnings: functions_from_documents(documents, warnings),
    from_aws=lambda aws, asked, warnings: functions_from_aws(
        aws.functions, asked.usages, asked.regions, warnings
    ),
    unread=unread_function,
    # docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    context_key="lambda:sourcefunctionarn",
    from_file=functions_from_file,
    option="--functions",
    always_listed=True,
)
STATE_MACHINE = WorkloadKind(
    name="state-machine",
    title="state machine",
    noun="state-machine",
    tables=(state_machine.TABLE,),
    principal=state_machine.PRINCIPAL,
    from_documents=state_machine.machines_of,
    from_aws=_kind_of_documents(state_machine.machines_of, readers.machines_from_aws),
    unread=state_machine.unread_machine,
)
ECS = WorkloadKind(
    name="ecs",
    title="task of ECS",
    noun="task",
    tables=(ecs_task.TASK_TABLE, ecs_task.EXECUTION_TABLE),
    principal=ecs.PRINCIPAL,
    from_documents=ecs.tasks_of,
    from_aws=_kind_of_documents(ecs.tasks_of, tasks_from_aws),
    unread=ecs.unread_task,
)
EC2 = WorkloadKind(
    name="ec2",
    title="service on EC2",
    noun="instance",
    tables=(ec2.TABLE,),
    principal=ec2.PRINCIPAL,
    from_documents=ec2.services_of,
    from_aws=_kind_of_documents(ec2.services_of, readers.instances_from_aws),
    unread=ec2.unread_service,
)
EKS = WorkloadKind(
    name="eks",
    title="workload on EKS",
    noun="pod",
    tables=(eks.TABLE,),
    principal=eks.PRINCIPAL,
    from_documents=eks.pods_of,
    from_aws=_kind_of_documents(eks.pods_of, readers.pods_from_aws),
    unread=eks.unread_pods,
)
APP_RUNNER = WorkloadKind(
    name="app-runner",
    title="App Runner service",
    noun="service",
    tables=(app_runner.TABLE, app_runner.ACCESS_TABLE),
    principal=app_runner.PRINCIPAL,
    from_documents=app_runner.services_of,
    from_aws=_kind_of_documents(app_runner.services_of, readers.services_from_aws),
    unread=app_runner.unread_service,
)

KINDS: Mapping[WorkloadKindName, WorkloadKind] = {
    kind.name: kind for kind in (LAMBDA, STATE_MACHINE, ECS, EC2, EKS, APP_RUNNER)
}


def workloads_of_role(role: Role, known: Mapping[str, Workload]) -> list[Workload]:
    """The workloads of a role. What the platform needs for one that was not read is unknown."""
    return [known.get(arn) or _unread(arn) for arn in role.workloads]


def _unread(arn: str) -> Workload:
    kind = workload_kind(arn)
    return KINDS[kind].unread(arn) if kind in KINDS else Workload(arn, kind, workload_name(arn))


def context_keys() -> frozenset[str]:
    """The condition keys (in lower case) that only the requests of a workload's code have."""
    return frozenset(kind.context_key for kind in KINDS.values() if kind.context_key)


def request_context(arn: str) -> dict[str, tuple[str, ...]]:
    """What the requests of a workload's code have in their context, by condition key in lower case."""
    kind = KINDS.get(workload_kind(arn))
    return {kind.context_key: (arn,)} if kind and kind.context_key else {}
