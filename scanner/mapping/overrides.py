"""What a team knows better than the tables: needs of operations, their resources, untraced actions. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal

from scanner.iam import arns, catalog
from scanner.iam.patterns import contains, is_pattern, matches
from scanner.mapping import permissions as needs
from scanner.mapping import services
from scanner.mapping.operations import ActionNeed
from scanner.mapping.parameters import RESOURCE_PARAMETERS
from scanner.mapping.resources import Resource, context_of, resources_of, with_others
from scanner.model import Call, Need, Unmapped
from scanner.model.arn import Arn
from scanner.text.escape import shortened

MAX_COMBINATIONS = 100  # resources that one call may name by a template

UntracedKind = Literal["may-run-untraced", "unobservable"]
Needed = tuple[Need, ...] | Unmapped

_BRACES = re.compile(r"\{([^{}]*)\}")
_CONTEXT = ("partition", "region", "account")
_EXAMPLE = "arn:{partition}:kinesis:{region}:{account}:stream/{stream_name}"
# What a parameter's value cannot hold where a name stands in an ARN: ARNs, URLs, wildcards, blanks.
_NO_NAME = re.compile(r"^arn:|://|[*?\s]")


@dataclass(frozen=True)
class Operation:
    """What an operation needs, instead of what the tables say.

    `service` is normalised (`scanner.mapping.services.normalise`), `operation` in lower case. `requires` and
    `possible` are actions as IAM spells them. `line` is its place in the file of the team, from 1.
    """

    line: int
    service: str
    operation: str
    requires: tuple[str, ...]
    possible: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResourceTemplate:
    """The ARN of the resource of actions (a pattern in lower case), with names in braces.

    The names are `partition`, `region`, `account`, and parameters as traces spell them.
    """

    line: int
    action: str
    arn: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of a call that it names, each once."""
        return tuple(dict.fromkeys(name for name in _BRACES.findall(self.arn) if name not in _CONTEXT))


@dataclass(frozen=True)
class ExtraUntraced:
    """Actions (a pattern in lower case) whose use traces may not show, and why."""

    line: int
    action: str
    kind: UntracedKind
    reason: str


# --- the mapping ---------------------------------------------------------------------------------


def mapper(
    operations: Sequence[Operation],
    templates: Sequence[ResourceTemplate],
    base: Callable[[Call], Needed] = needs.required_permissions,
) -> Callable[[Call], Needed]:
    """`base` with the operations and resources of a team; `base` itself where there are none."""
    if not operations and not templates:
        return base
    by_name = {(operation.service, operation.operation): operation for operation in operations}

    def required_permissions(call: Call) -> Needed:
        operation = by_name.get((services.normalise(call.service), call.operation.lower()))
        needed = base(call) if operation is None else _needed_by(call, operation)
        if isinstance(needed, Unmapped):
            return needed
        return needs.one_of_several(_on_templates(call, needed, templates))

    return required_permissions


def _needed_by(call: Call, operation: Operation) -> tuple[Need, ...]:
    action_needs = [ActionNeed(action, required=True) for action in operation.requires]
    action_needs += [ActionNeed(action, required=False) for action in operation.possible]
    return tuple(
        dict.fromkeys(
            need
            for action_need in action_needs
            for resource in resources_of(call, action_need.action)
            for need in needs.needs_on(action_need, resource)
        )
    )


def _on_templates(
    call: Call, needed: tuple[Need, ...], templates: Sequence[ResourceTemplate]
) -> tuple[Need, ...]:
    """The needs, on the resources of a template where one fits the action and the call."""
    by_action: dict[str, list[Need]] = {}
    for need in needed:
        by_action.setdefault(need.permission.action, []).append(need)
    result: dict[Need, None] = {}
    for action, needs_of_action in by_action.items():
        resources = _templated(call, action, templates)
        # A template narrows what the call says. Of a copy it never puts the name of the other side.
        known = [need.permission.resource for need in needs_of_action]
        if not all(any(contains(arn, resource.arn) for arn in known) for resource in resources):
            resources = []
        action_need = ActionNeed(action, required=any(need.required for need in needs_of_action))
        possible_resources = with_others(call, action, resources)
        needs_on_template = [
            need for resource in possible_resources for need in needs.needs_on(action_need, resource)
        ]
        result.update(dict.fromkeys(needs_on_template or needs_of_action))
    return tuple(result)


def _templated(call: Call, action: str, templates: Sequence[ResourceTemplate]) -> list[Resource]:
    """The resources that the first fitting template names; none where no template fits."""
    for template in templates:
        if matches(template.action, action.lower()):
            resources = _filled(call, template)
            if resources and all(arns.works_on(action, resource.arn) for resource in resources):
                return resources
    return []


def _filled(call: Call, template: ResourceTemplate) -> list[Resource]:
    """A template with the values of a call's parameters: several values make several resources."""
    names = template.parameters
    values = [list(dict.fromkeys(v for n, v in call.parameters if n == name)) for name in names]
    if prod(map(len, values)) > MAX_COMBINATIONS or any(_NO_NAME.search(v) for vs in values for v in vs):
        return []
    context = context_of(call)
    region_known = context.region_known or "{region}" not in template.arn
    # The trace does not say which value of one parameter goes with which value of another.
    certain = sum(len(vs) > 1 for vs in values) < 2
    resources = []
    for combination in product(*values):
        replacements = dict(zip(names, combination, strict=True)) | {
            "partition": context.partition,
            "region": context.region,
            "account": context.account,
        }
        arn = _written(template, replacements)
        if "//" in arn:  # A name begins with a slash. The template does not say how the ARN has it.
            return []
        resources.append(
            Resource(arn=arn, exact=not is_pattern(arn), region_known=region_known, certain=certain)
        )
    return resources


def _written(template: ResourceTemplate, values: Mapping[str, str]) -> str:
    return _BRACES.sub(lambda match: values[match.group(1)], template.arn)


# --- what is wrong with a template ---------------------------------------------------------------

# Of a call's parameters only those that can name a resource are kept: scanner.traces.calls.
_NAMES = (RESOURCE_PARAMETERS | {"resource_name"}) - {"queue_url"}


def form_problem(template: ResourceTemplate) -> str:
    """What is wrong with the form of a template, "" where nothing is."""
    if Arn.parse(template.arn) is None:
        return f"is not an ARN, which has six fields: {_EXAMPLE}"
    if re.search(r"[{}]", _BRACES.sub("", template.arn)):
        return "has unbalanced braces"
    for name in template.parameters:
        if not _is_parameter(name):
            known = ", ".join((*_CONTEXT, *sorted(_NAMES)))
            return f"has unknown parameter {{{shortened(name)}}}: traces are read for {known} and *_name"
    return ""


def _is_parameter(name: str) -> bool:
    return name in _NAMES or re.fullmatch(r"[a-z0-9_]+_name", name) is not None


def action_problem(template: ResourceTemplate) -> str:
    """Why no action of a template works on such an ARN, "" where one does."""
    arn = _BRACES.sub(lambda match: "*" if match.group(1) in _CONTEXT else "x", template.arn)
    actions = sorted(catalog.expand(template.action))
    if any(arns.works_on(action, arn) for action in actions):
        return ""
    details = [catalog.action(action) for action in actions]
    formats = sorted(
        {form for action in details if action for kind in action.resource_types for form in kind.formats}
    )
    if not formats:
        return "cannot be: IAM knows no resource of this action"
    more = " and others" if len(formats) > 3 else ""
    return f"matches no resource of the action, which works on {', '.join(formats[:3])}{more}"
