"""Which stack of CloudFormation made a role, under which logical id, and of which template.

DescribeStackResources answers with all resources of the stack that holds a resource of a physical name, up to
100 of them, so that one request serves the other roles of the stack as well. A role that no stack holds is a
ValidationError (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html);
what a module made says of which (.../API_ModuleInfo.html).
GetTemplate with the stage Original gives the template as it was submitted, before its transforms
(.../API_GetTemplate.html). Both count against a low rate limit of the account: one request at a time is made,
and where AWS throttles none any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from scanner.aws.ask import Failure, attempt, warn_of_denial
from scanner.errors import Warnings
from scanner.model import Role, StackResource, region_of

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

T = TypeVar("T")

MAX_REQUESTS = 500
_MAX_TEMPLATE = 2_000_000  # characters: CloudFormation takes 1 MB
_NOT_FOUND = "ValidationError"
UNKNOWN_STACKS = "lines of templates are found by the names of roles alone"


def read_stack_resources(
    client_of_region: Callable[[str], CloudFormationClient], roles: Iterable[Role], warnings: Warnings
) -> dict[str, StackResource]:
    """What the stacks that made roles say of them, by the ARN of the role; others are missing.

    A stack is looked for in the regions of the role's workloads. Both rights are optional:
    cloudformation:DescribeStackResources and cloudformation:GetTemplate. Raises ScanError where the
    credentials are refused.
    """
    by_region: dict[str, list[Role]] = {}
    for role in roles:
        for region in sorted({region_of(arn) for arn in role.workloads} - {""}):
            by_region.setdefault(region, []).append(role)
    questions = _Questions(warnings)
    found: dict[str, StackResource] = {}
    for region, in_region in sorted(by_region.items()):
        unknown = [role for role in in_region if role.arn not in found]
        found |= _of_region(client_of_region, region, unknown, questions)
    return found


class _Operation(NamedTuple):
    """An operation, and what stays unknown without it."""

    name: str
    means: str


_RESOURCES = _Operation("DescribeStackResources", f"which stack made a role is not known, {UNKNOWN_STACKS}")
_TEMPLATE = _Operation("GetTemplate", "which template a stack was made of is not known: names decide")


class _Questions:
    """Asks AWS; an operation that is denied or throttled once is not asked for again."""

    def __init__(self, warnings: Warnings) -> None:
        self._warnings = warnings
        self._left = MAX_REQUESTS
        self._ended: set[str] = set()

    def ask(self, operation: _Operation, request: Callable[[], T]) -> T | None:
        """The answer, None where there is none."""
        if operation.name in self._ended:
            return None
        if self._left <= 0:
            self._end(operation, f"more than {MAX_REQUESTS} requests would be needed")
            return None
        self._left -= 1
        answer = attempt(request)
        if not isinstance(answer, Failure):
            return answer
        if answer.denied:
            self._ended.add(operation.name)
            warn_of_denial(f"cloudformation:{operation.name}", operation.means, self._warnings)
        elif answer.message != _NOT_FOUND:
            self._end(operation, answer.message)
        return None

    def _end(self, operation: _Operation, why: str) -> None:
        self._ended.add(operation.name)
        self._warnings.add("stacks-unread", f"stacks could not be read to the end: {why}; {operation.means}")


def _of_region(
    client_of_region: Callable[[str], CloudFormationClient],
    region: str,
    roles: Sequence[Role],
    questions: _Questions,
) -> dict[str, StackResource]:
    by_name: dict[str, StackResource] = {}
    for role in roles:
        if role.name not in by_name:
            resources = questions.ask(_RESOURCES, partial(_resources, client_of_region, region, role.name))
            by_name = {**_roles_of(resources or ()), **by_name}
    templates = {
        stack: questions.ask(_TEMPLATE, partial(_template, client_of_region, region, stack))
        for stack in sorted({by_name[role.name].stack for role in roles if role.name in by_name})
    }
    return {
        role.arn: replace(by_name[role.name], template=templates[by_name[role.name].stack])
        for role in roles
        if role.name in by_name
    }


def _roles_of(resources: Iterable[Mapping[str, Any]]) -> dict[str, StackResource]:
    """The roles among the resources of a stack, by their names."""
    return {
        str(resource.get("PhysicalResourceId")): StackResource(
            str(resource.get("StackName")),
            str(resource.get("LogicalResourceId")),
            module=str((resource.get("ModuleInfo") or {}).get("LogicalIdHierarchy") or ""),
        )
        for resource in resources
        if resource.get("ResourceType") == "AWS::IAM::Role"
    }


def _resources(clients: Callable[[str], CloudFormationClient], region: str, role: str) -> Iterable[Any]:
    """The resources of the stack that made a role, named by the role."""
    return clients(region).describe_stack_resources(PhysicalResourceId=role)["StackResources"]


def _template(clients: Callable[[str], CloudFormationClient], region: str, stack: str) -> str | None:
    """The text of a template; boto3 gives one in JSON as an object."""
    body: Any = clients(region).get_template(StackName=stack, TemplateStage="Original").get("TemplateBody")
    text = body if isinstance(body, str) else json.dumps(body)
    return text if len(text) <= _MAX_TEMPLATE else None
