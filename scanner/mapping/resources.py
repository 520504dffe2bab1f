"""The parameters of a call -> the ARNs of the resources it touches.

ARN formats come from IAM's service authorization reference; their variables are filled from the
parameters of the same name (`${TableName}` from `table_name`). What the trace does not say is `*`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from scanner.iam import arns, catalog
from scanner.mapping.operations import Side
from scanner.model import Call

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-iso-", "aws-iso"),
)
_REGION = re.compile(r"\b[a-z]{2}(?:-[a-z]+)+-\d\b")

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

    `region_told` is False where its region is only the workload's own, since the trace names none, and
    `certain` where the call may have needed it or not.
    """

    arn: str
    exact: bool
    region_told: bool = True
    certain: bool = True


class _Context(NamedTuple):
    partition: str
    region: str
    account: str
    region_told: bool


def resources_of(call: Call, action: str, side: Side = "") -> list[Resource]:
    """The resources that an action of a call touches: at least one, `*` where nothing is known."""
    known = catalog.action(action)
    if known is None or not known.resource_types:
        return [Resource("*", exact=known is not None)]
    context = context_of(call)
    prefix = action.partition(":")[0]
    found: list[Resource] = []
    for values in _alternatives(call, prefix, side):
        for resource in _fill(known, values, context):
            if resource not in found:
                found.append(resource)
    return found


def context_of(call: Call) -> _Context:
    """Partition, region and account: from the call, else from the workload's ARN."""
    fields = call.workload.split(":") if call.workload else []
    region = call.region or (fields[3] if len(fields) > 4 else "") or "*"
    account = call.account or (fields[4] if len(fields) > 4 else "") or "*"
    partition = fields[1] if len(fields) > 4 else _partition(region)
    return _Context(partition, region, account, bool(call.region))


def _partition(region: str) -> str:
    if region == "*":
        return "*"
    return next((p for start, p in _PARTITIONS if region.startswith(start)), "aws")


def _alternatives(call: Call, prefix: str, side: Side) -> list[dict[str, str]]:
    """The parameters, by the names of the ARN formats; once for each value of a repeated one."""
    wanted = _SIDES[side]
    others = tuple(name for s, names in _SIDES.items() if s != side for name in names) if wanted else ()
    alternatives: list[dict[str, str]] = [{}]
    seen: dict[str, set[str]] = {}
    for name, value in call.parameters:
        if name in others and name not in wanted:
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


def _fill(action: catalog.Action, values: Mapping[str, str], context: _Context) -> list[Resource]:
    prefix = action.name.partition(":")[0]
    named = _from_arns(action, values)
    if named:
        return [*named, *_inner(action, named)] if "opentelemetry" in values else named
    values = {name: value for name, value in values.items() if not value.startswith("arn:")}
    values = _SERVICE_VALUES.get(prefix, dict)(values)
    context = _with_owner(context, values)
    filled = [_from_format(kind, values, context) for kind in action.resource_types]
    known = [f for f in filled if f.known]
    deepest = max((f.depth for f in known), default=0)  # an index rather than its table
    if deepest:  # a format without a name in it ("catalog") tells nothing of what was touched
        found = [f.resource._replace(certain=f.depth == deepest) for f in known]
        if "opentelemetry" in values:  # it may have been an index of the table all the same
            inner = [
                f
                for f in filled
                if not f.known and any(f.resource.arn.startswith(k.arn + "/") for k in found)
            ]
            found += [f.resource._replace(certain=False) for f in inner]
        return found
    kinds = action.resource_types
    needed = [f for f, kind in zip(filled, kinds, strict=True) if kind.required]
    if action.name in _ALSO_WITHOUT_RESOURCE:
        needed = []
    # Of several kinds any may be meant: the reference marks all twelve of bedrock:InvokeModel required. An
    # optional kind may not be meant at all.
    return [needed[0].resource] if len(needed) == 1 else [Resource("*", exact=False)]


def _inner(action: catalog.Action, named: list[Resource]) -> list[Resource]:
    """What may lie in a resource of which OpenTelemetry recorded only the ARN: an index of a table."""
    formats = (_VARIABLE.sub("*", kind.arn) for kind in action.resource_types)
    return [
        Resource(f"{one.arn}/{form.split('/', 2)[2]}", exact=False, certain=False)
        for form in formats
        for one in named
        if form.count("/") > one.arn.count("/") == 1
    ]


class _Filled(NamedTuple):
    resource: Resource
    known: bool
    depth: int


def _from_format(kind: catalog.ResourceType, values: Mapping[str, str], context: _Context) -> _Filled:
    """An ARN format with its variables filled: `known` when all its names are, `depth` their number."""
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
    unknown_owner = any(f == "*" for f in arn.split(":")[1:5])
    resource = Resource(arn, not missing and not unknown_owner, context.region_told or not region_used)
    return _Filled(resource, known=not missing, depth=depth)


@lru_cache(maxsize=1 << 10)
def snake_case(variable: str) -> str:
    """Turn "TableName" into "table_name"."""
    return _WORD.sub("_", variable).lower()


# --- values that are ARNs ------------------------------------------------------------------------


def _from_arns(action: catalog.Action, values: Mapping[str, str]) -> list[Resource]:
    """The resources that parameters name by their full ARN, if they fit the action."""
    found = []
    for name, value in values.items():
        if not value.startswith("arn:"):
            continue
        arn = _completed(name, value, values, action)
        if arn and arns.works_on(action.name, arn):
            found.append(Resource(arn, exact="*" not in arn.removesuffix("/*")))
    return found


def _completed(name: str, arn: str, values: Mapping[str, str], action: catalog.Action) -> str | None:
    if name == "table_name" and "index_name" in values and "/index/" not in arn:
        return f"{arn}/index/{values['index_name']}"
    if name == "function_name" and "qualifier" in values and arn.count(":") == 6:
        return f"{arn}:{values['qualifier']}"
    if name == "bucket_name" and any(
        t.name in ("object", "accesspointobject") for t in action.resource_types
    ):
        return f"{arn}/object/*" if ":accesspoint" in arn else f"{arn}/*"
    return arn


# --- what single services need -------------------------------------------------------------------


def _with_owner(context: _Context, values: Mapping[str, str]) -> _Context:
    account = values.get(" account", context.account)
    region = values.get(" region", context.region)
    told = context.region_told or " region" in values
    return context._replace(account=account, region=region, region_told=told)


def _sqs(values: Mapping[str, str]) -> dict[str, str]:
    """The queue, its account and region from a queue URL of any shape.

    docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html;
    older and other hosts: queue.amazonaws.com, REGION.queue.amazonaws.com, *.sqs.REGION.vpce.amazonaws.com.
    """
    values = dict(values)
    if "queue_owner_aws_account_id" in values:
        values[" account"] = values["queue_owner_aws_account_id"]
    url = values.get("queue_url", "")
    parts = _split(url)
    path = [part for part in (parts.path if parts else url).split("/") if part]
    if path:
        values["queue_name"] = path[-1]
    if len(path) > 1 and path[-2].isdigit():
        values[" account"] = path[-2]
    host = (parts.hostname or "") if parts else ""
    region = _REGION.search(host)
    if region:
        values[" region"] = region.group()
    elif host == "queue.amazonaws.com":
        values[" region"] = "us-east-1"
    return values


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url) if "//" in url else None
    except ValueError:  # "https://[x/1/q"
        return None


def _lambda(values: Mapping[str, str]) -> dict[str, str]:
    """A function's name may be "name:alias", "123456789012:function:name" or come with a qualifier.

    docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, FunctionName
    """
    values = dict(values)
    name = values.get("function_name", "")
    if ":function:" in name:
        owner, _, name = name.partition(":function:")
        if owner.rpartition(":")[2].isdigit():
            values[" account"] = owner.rpartition(":")[2]
        region = _REGION.search(owner)
        if region:
            values[" region"] = region.group()
    if name and "qualifier" in values and ":" not in name:
        name = f"{name}:{values['qualifier']}"
    if name:
        values["function_name"] = name
    return values


def _s3(values: Mapping[str, str]) -> dict[str, str]:
    """An access point's alias is no bucket: which one it is, the trace does not say.

    docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
    """
    values = dict(values)
    if values.get("bucket_name", "").endswith(("-s3alias", "-ext-s3alias", "--ol-s3", ".mrap")):
        del values["bucket_name"]
    return values


def _sagemaker(values: Mapping[str, str]) -> dict[str, str]:
    """Endpoint names are in lower case in ARNs."""
    values = dict(values)
    if "endpoint_name" in values:
        values["endpoint_name"] = values["endpoint_name"].lower()
    return values


def _secretsmanager(values: Mapping[str, str]) -> dict[str, str]:
    """A secret's ARN ends with six characters that its name does not tell."""
    values = dict(values)
    if "secret_id" in values:
        values["secret_id"] = f"{values['secret_id']}-??????"
    return values


def _ssm(values: Mapping[str, str]) -> dict[str, str]:
    """A parameter's name begins with a slash, or not; its ARN has it once."""
    values = dict(values)
    if "name" in values:
        values["parameter_name_without_leading_slash"] = values["name"].lstrip("/")
    return values


_SERVICE_VALUES = {
    "sqs": _sqs,
    "lambda": _lambda,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "secretsmanager": _secretsmanager,
    "ssm": _ssm,
}
