"""The parameters of a call -> the ARNs of the resources it uses.

ARN formats come from IAM's service authorization reference; their variables are filled from the
parameters of the same name (`${TableName}` from `table_name`). What the trace does not say is `*`.

Of an action that works on several types of resource, every type counts that the parameters do not exclude:
one that they do not name is possible.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.iam.patterns import contains
from scanner.mapping.authorised import checked_for
from scanner.mapping.condition_values import condition_values
from scanner.mapping.names import names_in
from scanner.mapping.operations import Side
from scanner.mapping.partitions import partition_of
from scanner.model import Arn, Call, ConditionValues
from scanner.model.workloads import WorkloadKey
from scanner.text.tables import rows

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACE = frozenset({"Partition", "Region", "Account"})

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
    """The ARN of a used resource; not `exact` where part of it is unknown.

    `region_known` is False where its region is the workload's own, since the trace names none. `certain` is
    False where it depends on what the trace does not show whether the call needed it. `condition_values`
    follow from the ARN that the call names.
    """

    arn: str
    exact: bool
    region_known: bool = True
    certain: bool = True
    condition_values: ConditionValues = ()


class Context(NamedTuple):
    """Where a call went."""

    partition: str
    region: str
    account: str
    region_known: bool


def resources_of(call: Call, action: str, side: Side = "") -> list[Resource]:
    """The resources that an action of a call uses: at least one, `*` where nothing is known."""
    known = catalog.action(action)
    if known is None or not known.resource_types:
        return [Resource("*", exact=known is not None)]
    context = context_of(call)
    alternatives = _alternatives(call, action.partition(":")[0], side)
    resources = (resource for values in alternatives for resource in _resources(known, values, context))
    return list(
        dict.fromkeys(checked for resource in resources for checked in checked_resources(action, resource))
    )


def with_others(call: Call, action: str, named: Sequence[Resource]) -> list[Resource]:
    """Resources that a call surely names, and what else its action may use with them."""
    known = catalog.action(action)
    if known is None or not named:
        return list(named)
    (values, *_) = _alternatives(call, action.partition(":")[0], "")
    plain = {name: value for name, value in values.items() if not value.startswith("arn:")}
    others = _beside(known, named, plain, context_of(call), _excluded_types(known, values))
    resources = (*named, *others)
    return list(
        dict.fromkeys(checked for resource in resources for checked in checked_resources(action, resource))
    )


def checked_resources(action: str, resource: Resource) -> list[Resource]:
    """A resource, and what IAM checks instead of it or as well."""
    values = condition_values(action, resource.arn)
    if values:
        resource = resource._replace(condition_values=values)
    rules = [rule for rule in checked_for(action, resource.arn) if not contains(resource.arn, rule.arn)]
    others = [resource._replace(arn=rule.arn, certain=resource.certain and rule.surely) for rule in rules]
    replaced = any(rule.surely for rule in rules)
    return [resource._replace(certain=resource.certain and not replaced), *others]


def context_of(call: Call) -> Context:
    """Partition, region and account: from the call, else from the workload's key."""
    workload = WorkloadKey.parse(call.workload or "")
    region = call.region or workload.region or "*"
    account = call.account or workload.account or "*"
    arn = Arn.parse(workload.name)
    partition = arn.partition if arn else partition_of(workload.region) or partition_of(region) or "*"
    return Context(partition=partition, region=region, account=account, region_known=bool(call.region))


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
    """The resources that parameters name, by their ARNs or their names, and those that they may name."""
    named = _from_arns(action, values)
    plain = {name: value for name, value in values.items() if not value.startswith("arn:")}
    excluded = _excluded_types(action, values)
    if named:
        return [*named, *_beside(action, named, plain, context, excluded)]
    names = names_in(action.name.partition(":")[0], plain)
    context = context._replace(
        account=names.account or context.account,
        region=names.region or context.region,
        region_known=context.region_known or bool(names.region),
    )
    filled = [f for f in _fill(action, names.values, context) if f.kind.name not in excluded]
    complete = [resource for resource in filled if resource.complete and resource.names]
    if not complete:  # a format without a name in it ("catalog") says nothing of what was used
        return _unnamed(action, filled)
    deepest = max(len(resource.names) for resource in complete)  # an index rather than its table
    certain = [resource for resource in complete if len(resource.names) == deepest]
    # One name that may be that of either of two types: `function:NAME`, `web-function/NAME`
    types_of_names = Counter(resource.names for resource in certain)
    named_surely = [c.resource._replace(certain=types_of_names[c.names] == 1) for c in certain]
    return [*named_surely, *_possible(f for f in filled if f not in certain)]


def _possible(filled: Iterable[_Filled]) -> list[Resource]:
    return [resource.resource._replace(certain=False) for resource in filled]


def _unnamed(action: catalog.Action, filled: Sequence[_Filled]) -> list[Resource]:
    """The resources of a call that names none: surely of the one type that the action needs, else any.

    Of several types any may be meant: the reference marks all twelve of bedrock:InvokeModel required. An
    optional type may not be meant at all.
    """
    required = [resource for resource in filled if resource.kind.required]
    if len(required) != 1 or action.name in _ALSO_WITHOUT_RESOURCE:
        return [Resource("*", exact=False)]
    return [required[0].resource, *_possible(resource for resource in filled if resource not in required)]


def _beside(
    action: catalog.Action,
    named: Sequence[Resource],
    plain: Mapping[str, str],
    context: Context,
    excluded: frozenset[str],
) -> list[Resource]:
    """What a call may use, but for the resources of which it names the ARN: an index of a table."""
    values, types = dict(plain), set[str]()
    for resource in named:
        matched = _matching_formats(action, resource.arn)
        types.update(kind for kind, _ in matched)
        for _, names in matched:
            values.update(names)
    arn = Arn.parse(named[0].arn)
    if arn is not None:
        context = _place_beside(arn, context)
    filled = _fill(action, values, context)
    return _possible(f for f in filled if f.kind.name not in types and f.kind.name not in excluded)


def _place_beside(arn: Arn, context: Context) -> Context:
    """Where other resources of a call are that names one by its ARN: not known where it is elsewhere."""
    region = arn.region if arn.region in ("", context.region) else "*"
    account = arn.account if arn.account in ("", context.account) else "*"
    return Context(arn.partition, region or context.region, account or context.account, region_known=True)


def _matching_formats(action: catalog.Action, arn: str) -> list[tuple[str, dict[str, str]]]:
    """The types of resource that an ARN may be of, each with the names that its format finds in the ARN."""
    formats = [(kind.name, form) for kind in action.resource_types for form in kind.formats]
    exact = [(name, match) for name, form in formats if (match := _pattern_of(form).fullmatch(arn))]
    if exact:
        return [
            (name, {key: value for key, value in match.groupdict().items() if value and value != "*"})
            for name, match in exact
        ]
    return [(name, {}) for name, form in formats if arns.overlaps(_VARIABLE.sub("*", form), arn)]


@lru_cache(maxsize=1 << 10)
def _pattern_of(form: str) -> re.Pattern[str]:
    """An ARN format as a pattern that finds the names in an ARN, by their names in traces."""
    literal, *rest = _VARIABLE.split(form)
    pattern = re.escape(literal)
    # "${Domain}+${Id}": where one name ends and the next begins, such an ARN does not say
    separated = all(":" in between or "/" in between for between in rest[1:-1:2])
    for variable, literal in zip(rest[::2], rest[1::2], strict=True):
        group = f"(?P<{snake_case(variable)}>[^:/]+)"
        unnamed = "[^:]*" if variable in _PLACE else "[^:/]+"
        repeated = variable in _PLACE or group in pattern or not separated
        pattern += (unnamed if repeated else group) + re.escape(literal)
    return re.compile(pattern)


# --- types that the parameters exclude -----------------------------------------------------------


def _excluded_types(action: catalog.Action, values: Mapping[str, str]) -> frozenset[str]:
    """The types of resource that cannot be meant, since a parameter names one of another type."""
    prefix = action.name.partition(":")[0]
    excluded: set[str] = set()
    for name, value in values.items():
        for row in (*_exclusions().get((prefix, name), ()), *_exclusions().get(("*", name), ())):
            if row.named.fullmatch(value):
                excluded.update(row.types or _other_types(action, value))
    return frozenset(excluded)


def _other_types(action: catalog.Action, arn: str) -> set[str]:
    return {kind.name for kind in action.resource_types} - {n for n, _ in _matching_formats(action, arn)}


class _Exclusion(NamedTuple):
    """Values of a parameter that exclude types of resource: all others where `types` is empty."""

    named: re.Pattern[str]
    types: frozenset[str]


@cache
def _exclusions() -> dict[tuple[str, str], list[_Exclusion]]:
    by_parameter: dict[tuple[str, str], list[_Exclusion]] = {}
    for row in rows("mapping", "excluded_resources"):
        exclusion = _Exclusion(re.compile(row["value"]), frozenset(row["excludes"].split()))
        by_parameter.setdefault((row["service"], row["parameter"]), []).append(exclusion)
    return by_parameter


# --- formats --------------------------------------------------------------------------------------


class _Filled(NamedTuple):
    """An ARN format with its variables filled: `complete` when all its names are, which are `names`."""

    resource: Resource
    kind: catalog.ResourceType
    complete: bool
    names: frozenset[str]


def _fill(action: catalog.Action, values: Mapping[str, str], context: Context) -> list[_Filled]:
    return [
        _from_format(kind, form, values, context) for kind in action.resource_types for form in kind.formats
    ]


def _from_format(
    kind: catalog.ResourceType, form: str, values: Mapping[str, str], context: Context
) -> _Filled:
    names: set[str] = set()
    missing, region_used = False, False
    place = {"Partition": context.partition, "Region": context.region, "Account": context.account}

    def value(match: re.Match[str]) -> str:
        nonlocal missing, region_used
        variable = match.group(1)
        if variable in _PLACE:
            region_used |= variable == "Region"
            return place[variable]
        name = snake_case(variable)
        if name in _GENERALISED:
            return "*"
        if name in values:
            names.add(name)
            return values[name]
        missing = True
        return "*"

    arn = _VARIABLE.sub(value, form)
    parsed = Arn.parse(arn)
    unknown_owner = parsed and "*" in (parsed.partition, parsed.service, parsed.region, parsed.account)
    # A `*` of the format ("migration-project:*") stands for a name that no parameter tells; where the format
    # has no names ("catalog"), no parameter tells whose it is.
    exact = not missing and not unknown_owner and "*" not in form and bool(names)
    resource = Resource(arn, exact, context.region_known or not region_used)
    return _Filled(resource, kind, complete=not missing, names=frozenset(names))


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
