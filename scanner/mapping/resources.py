"""The parameters of a call -> the ARNs of the resources it touches.

ARN formats come from IAM's service authorization reference; their variables are filled from the
parameters of the same name (`${TableName}` from `table_name`). What the trace does not say is `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.mapping.names import names_in
from scanner.mapping.operations import Side
from scanner.model import Arn, Call
from scanner.model.calls import OPENTELEMETRY

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-iso-", "aws-iso"),
)

# Where X-Ray or an SDK names a parameter unlike IAM does: name in the trace -> name in the ARN format.
_SYNONYMS = {
    "bucket": "bucket_name",
    "s3.bucket": "bucket_name",
    "source_bucket_name": "bucket_name",
    "destination_bucket_name": "bucket_name",
    "copy_source": "bucket_name",
}
# `resource_names` holds bare names; which kind of resource they name depends on the service.
_RESOURCE_NAMES = {
    "dynamodb": "table_name",
    "s3": "bucket_name",
    "lambda": "function_name",
    "sqs": "queue_name",
}
_SIDES: dict[Side, tuple[str, ...]] = {
    "source": ("copy_source", "source_bucket_name"),
    "destination": ("bucket", "bucket_name", "destination_bucket_name"),
    "": (),
}
# A message to a phone number has no topic: docs.aws.amazon.com/sns/latest/api/API_Publish.html
_ALSO_WITHOUT_RESOURCE = frozenset({"sns:Publish"})
# Names inside a resource that are never kept: keys of objects have no end.
_GENERALISED = frozenset({"object_name"})


class Resource(NamedTuple):
    """The ARN of a touched resource; not `exact` where part of it is unknown.

    `region_known` is False where its region is the workload's own, since the trace names none. `certain` is
    False where it depends on what the trace does not show whether the call needed it.
    """

    arn: str
    exact: bool
    region_known: bool = True
    certain: bool = True


class Context(NamedTuple):
    """Where a call went.

    `all_parameters` is False where the trace may lack a parameter that the call had.
    """

    partition: str
    region: str
    account: str
    region_known: bool
    all_parameters: bool = True


def resources_of(call: Call, action: str, side: Side = "") -> list[Resource]:
    """The resources that an action of a call touches: at least one, `*` where nothing is known."""
    known = catalog.action(action)
    if known is None or not known.resource_types:
        return [Resource("*", exact=known is not None)]
    context = context_of(call)
    alternatives = _alternatives(call, action.partition(":")[0], side)
    resources = (resource for values in alternatives for resource in _resources(known, values, context))
    return list(dict.fromkeys(resources))


def context_of(call: Call) -> Context:
    """Partition, region and account: from the call, else from the workload's ARN."""
    workload = Arn.parse(call.workload or "")
    region = call.region or (workload.region if workload else "") or "*"
    account = call.account or (workload.account if workload else "") or "*"
    partition = workload.partition if workload else _partition(region)
    # OpenTelemetry records fewer parameters than the X-Ray SDKs.
    return Context(partition, region, account, bool(call.region), call.instrumentation != OPENTELEMETRY)


def _partition(region: str) -> str:
    if region == "*":
        return "*"
    return next((p for start, p in _PARTITIONS if region.startswith(start)), "aws")


def _alternatives(call: Call, prefix: str, side: Side) -> list[dict[str, str]]:
    """The parameters, by the names of the ARN formats; once for each value of a repeated one."""
    names_of_side = _SIDES[side]
    others = {name for names in _SIDES.values() for name in names} if names_of_side else set()
    others.difference_update(names_of_side)
    alternatives: list[dict[str, str]] = [{}]
    seen: dict[str, set[str]] = {}
    for name, value in call.parameters:
        if name in others:
            continue
        name = _RESOURCE_NAMES.get(prefix, name) if name == "resource_name" else _SYNONYMS.get(name, name)
        values = seen.setdefault(name, set())
        if value in values:
            continue
        values.add(value)
        if len(values) == 1:
            for alternative in alternatives:
                alternative[name] = value
        else:
            alternatives.append({**alternatives[0], name: value})
    return alternatives


def _resources(action: catalog.Action, values: Mapping[str, str], context: Context) -> list[Resource]:
    """The resources that parameters name, by their ARNs or their names; `*` where they name none."""
    named = _from_arns(action, values)
    if named:
        return named if context.all_parameters else [*named, *_inner_of(named, action)]
    names = names_in(
        action.name.partition(":")[0],
        {name: value for name, value in values.items() if not value.startswith("arn:")},
    )
    context = context._replace(
        account=names.account or context.account,
        region=names.region or context.region,
        region_known=context.region_known or bool(names.region),
    )
    filled = [_from_format(kind, names.values, context) for kind in action.resource_types]
    complete = [resource for resource in filled if resource.complete]
    deepest = max((resource.depth for resource in complete), default=0)  # an index rather than its table
    if not deepest:  # a format without a name in it ("catalog") does not name what was touched
        return [_unnamed(action, filled)]
    touched = [r.resource._replace(certain=r.depth == deepest) for r in complete]
    if context.all_parameters:
        return touched
    outer = tuple(f"{resource.arn}/" for resource in touched)  # it may have been an index of the table
    inner = (r.resource for r in filled if not r.complete and r.resource.arn.startswith(outer))
    return [*touched, *(resource._replace(certain=False) for resource in inner)]


def _unnamed(action: catalog.Action, filled: Sequence[_Filled]) -> Resource:
    """The resource of a call that names none: of the one kind that the action surely needs, else `*`.

    Of several kinds any may be meant: the reference marks all twelve of bedrock:InvokeModel required. An
    optional kind may not be meant at all.
    """
    kinds = zip(filled, action.resource_types, strict=True)
    required = [resource for resource, kind in kinds if kind.required]
    if len(required) == 1 and action.name not in _ALSO_WITHOUT_RESOURCE:
        return required[0].resource
    return Resource("*", exact=False)


def _inner_of(outer: Iterable[Resource], action: catalog.Action) -> list[Resource]:
    """What may lie in a resource of which only the ARN was recorded: an index of a table."""
    formats = [_VARIABLE.sub("*", kind.arn) for kind in action.resource_types]
    arns_ = [resource.arn for resource in outer]
    return [
        Resource(f"{arn}/{form.split('/', 2)[2]}", exact=False, certain=False)
        for form in formats
        for arn in arns_
        if form.count("/") > arn.count("/") == 1
    ]


class _Filled(NamedTuple):
    """An ARN format with its variables filled: `complete` when all its names are, `depth` their number."""

    resource: Resource
    complete: bool
    depth: int


def _from_format(kind: catalog.ResourceType, values: Mapping[str, str], context: Context) -> _Filled:
    depth, missing, region_used = 0, False, False

    def value(match: re.Match[str]) -> str:
        nonlocal depth, missing, region_used
        variable = match.group(1)
        if variable == "Partition":
            return context.partition
        if variable == "Region":
            region_used = True
            return context.region
        if variable == "Account":
            return context.account
        name = snake_case(variable)
        if name in _GENERALISED:
            return "*"
        if name in values:
            depth += 1
            return values[name]
        missing = True
        return "*"

    arn = _VARIABLE.sub(value, kind.arn)
    parsed = Arn.parse(arn)
    unknown_owner = parsed and "*" in (parsed.partition, parsed.service, parsed.region, parsed.account)
    resource = Resource(arn, not missing and not unknown_owner, context.region_known or not region_used)
    return _Filled(resource, complete=not missing, depth=depth)


@lru_cache(maxsize=1 << 10)
def snake_case(variable: str) -> str:
    """Turn "TableName" into "table_name"."""
    return _WORD.sub("_", variable).lower()


# --- values that are ARNs ------------------------------------------------------------------------


def _from_arns(action: catalog.Action, values: Mapping[str, str]) -> list[Resource]:
    """The resources that parameters name by their full ARN, if they fit the action."""
    completed = (
        _completed(name, value, values, action) for name, value in values.items() if value.startswith("arn:")
    )
    return [
        Resource(arn, exact="*" not in arn.removesuffix("/*"))
        for arn in completed
        if arns.works_on(action.name, arn)
    ]


def _completed(name: str, arn: str, values: Mapping[str, str], action: catalog.Action) -> str:
    """The ARN of what the action works on: of the index of a table, the alias of a function, the object."""
    if name == "table_name" and "index_name" in values and "/index/" not in arn:
        return f"{arn}/index/{values['index_name']}"
    if name == "function_name" and "qualifier" in values and arn.count(":") == 6:
        return f"{arn}:{values['qualifier']}"
    if name == "bucket_name" and any(
        t.name in ("object", "accesspointobject") for t in action.resource_types
    ):
        return f"{arn}/object/*" if ":accesspoint" in arn else f"{arn}/*"
    return arn
