"""The kinds of workloads.

A new kind is a reader of its configuration, a table of what its platform needs, and an entry here. Everything
else asks this registry, and knows no kind by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.model import Role, Workload
from scanner.model.workloads import WorkloadKindName, workload_kind, workload_name
from scanner.workloads.lambda_platform import unread_workload as unread_function
from scanner.workloads.lambda_reader import functions_from_aws, functions_from_file
from scanner.workloads.listing import Listing


@dataclass(frozen=True)
class WorkloadKind:
    """How workloads of a kind are read, and what is true of all of them.

    `title` and `noun` are what a workload of the kind is called in warnings and in their codes. `table` is
    the name of the table of what the platform needs (`data/NAME.csv`, its column `action`). `principal` is
    the service that assumes their roles. `context_key` is the condition key (in lower case) that holds the
    ARN of a workload in the requests of its code. `option` names a file of their configuration.

    `from_file` reads what the AWS command line prints (ValueError where it is something else). `from_aws`
    reads the workloads of some regions, and some by their ARNs where regions cannot be listed. `unread` is
    the workload of an ARN of which nothing was read.
    """

    name: WorkloadKindName
    title: str
    noun: str
    table: str
    principal: str
    context_key: str
    option: str
    from_file: Callable[[Any, Warnings], Listing]
    from_aws: Callable[[Aws, Iterable[str], Iterable[str], Warnings], Listing]
    unread: Callable[[str], Workload]

    @property
    def argument(self) -> str:
        """The name of its option among `options.parsers.Options`."""
        return self.option.removeprefix("--").replace("-", "_")


LAMBDA = WorkloadKind(
    name="lambda",
    title="Lambda function",
    noun="function",
    table="lambda",
    principal="lambda.amazonaws.com",
    # docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    context_key="lambda:sourcefunctionarn",
    option="--functions",
    from_file=functions_from_file,
    from_aws=lambda aws, arns, regions, warnings: functions_from_aws(aws.functions, arns, regions, warnings),
    unread=unread_function,
)

KINDS: Mapping[WorkloadKindName, WorkloadKind] = {kind.name: kind for kind in (LAMBDA,)}


def workloads_of_role(role: Role, known: Mapping[str, Workload]) -> list[Workload]:
    """The workloads of a role. What the platform needs for one that was not read is unknown."""
    return [known.get(arn) or _unread(arn) for arn in role.workloads]


def _unread(arn: str) -> Workload:
    kind = workload_kind(arn)
    return KINDS[kind].unread(arn) if kind in KINDS else Workload(arn, kind, workload_name(arn))


def context_keys() -> frozenset[str]:
    """The condition keys (in lower case) that only the requests of a workload's code have."""
    return frozenset(kind.context_key for kind in KINDS.values())


def request_context(arn: str) -> dict[str, tuple[str, ...]]:
    """What the requests of a workload's code have in their context, by condition key in lower case."""
    kind = KINDS.get(workload_kind(arn))
    return {kind.context_key: (arn,)} if kind else {}
