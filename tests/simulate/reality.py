"""What a call really touches, and what of it a trace records.

The truth is taken from IAM's service authorization reference: an operation needs its actions, an action is
authorised on each type of resource that the call touches. Which types these are is drawn by chance, since the
reference does not say; so are their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

from scanner.iam import catalog
from scanner.mapping.operations import actions_of
from scanner.mapping.resources import snake_case
from scanner.mapping.services import data, prefix_of
from scanner.text.tables import rows
from tests.fakes.traces import ACCOUNT, REGION, Json

OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-1"
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SUFFIX = "-Ab12Cd"
# Services whose calls name resources by their names and ids only
_NEVER_BY_ARN = frozenset({"s3", "apigateway"})
# Kinds of resources of S3 of which a call touches one only
_FAMILIES = ("accesspoint", "accessgrant", "storagelens")
_TYPES_AT_MOST, _OF_A_FAMILY = 3, 0.3


class Operation(NamedTuple):
    """An operation of a service, both as a trace spells them."""

    service: str
    operation: str


class Touch(NamedTuple):
    """An action that IAM authorises, and the ARN on which it does: `*` for an action that knows none."""

    action: str
    resource: str


class RealCall(NamedTuple):
    """A call with all that it touches. `parameters` are what a trace may record of it."""

    operation: Operation
    touches: tuple[Touch, ...]
    parameters: tuple[tuple[str, str], ...]
    region: str = REGION

    def recorded(self, random: Random, *, share: float | None = None, region: bool = True) -> Json:
        """The call's subsegment with some of its parameters: each is recorded with the chance `share`."""
        chance = random.choice((0.0, 0.5, 1.0)) if share is None else share
        kept = {name: value for name, value in self.parameters if random.random() < chance}
        where = {"region": self.region} if region or self.region != REGION else {}
        return subsegment(self.operation, {**where, **kept})


def subsegment(operation: Operation, aws: Json) -> Json:
    """A call that succeeded, as the X-Ray SDKs record it."""
    return {
        "name": operation.service,
        "namespace": "aws",
        "aws": {"operation": operation.operation, "request_id": "1", **aws},
        "http": {"response": {"status": 200}},
    }


@cache
def operations() -> tuple[Operation, ...]:
    """All operations that can be mapped: the actions of the reference, and the rows of operations.csv."""
    named = (Operation(p, a.partition(":")[2]) for p in sorted(catalog.prefixes()) for a in _actions(p))
    exceptions = (Operation(row["service"], row["operation"]) for row in rows("mapping", "operations"))
    return tuple(dict.fromkeys(operation for operation in (*named, *exceptions) if _is_mapped(operation)))


def _actions(prefix: str) -> Iterator[str]:
    return (catalog.spelled(name) for name in sorted(catalog.expand(f"{prefix}:*")))


def _is_mapped(operation: Operation) -> bool:
    prefix, verb = prefix_of(operation.service), operation.operation
    never_called = data()["never_called"].get(prefix, ())
    if prefix != operation.service or "*" in never_called or verb in never_called:
        return False
    return bool(actions_of(prefix, verb, frozenset()))


def real_call(random: Random, operation: Operation) -> RealCall:
    """A call of the operation, with what it touches and how that is named drawn by chance."""
    family = random.choice(_FAMILIES) if random.random() < _OF_A_FAMILY else ""
    needs = actions_of(operation.service, operation.operation, frozenset()) or ()
    # A call that names what it touches by ARN may do so in another account or region.
    by_arn = operation.service not in _NEVER_BY_ARN and random.random() < 0.3
    account = OTHER_ACCOUNT if by_arn and random.random() < 0.3 else ACCOUNT
    region = OTHER_REGION if by_arn and random.random() < 0.2 else REGION
    touches: list[Touch] = []
    parameters: dict[str, str] = {}
    for need in needs:
        known = catalog.action(need.action)
        if known is None or not known.resource_types:
            touches.append(Touch(need.action, "*"))
            continue
        types = _drawn(random, _apart(known.resource_types, family))
        for kind in types:
            form = random.choice(kind.formats)
            arn, names = _filled(random, form, account, region)
            touches.append(Touch(need.action, arn))
            if need.required and not need.side:
                alone = len(types) == 1 and len(needs) == 1
                parameters |= _by_arn(random, kind.name, arn, alone) if by_arn else names
    return RealCall(
        operation, tuple(dict.fromkeys(touches)), tuple(_as_recorded(operation, parameters)), region
    )


def _apart(types: Sequence[catalog.ResourceType], family: str) -> Sequence[catalog.ResourceType]:
    """The types that one call may touch: it names a bucket, or an access point, or a grant of access."""
    families = {kind.name: next((f for f in _FAMILIES if f in kind.name), "") for kind in types}
    chosen = family if family in families.values() else ""
    return [kind for kind in types if families[kind.name] == chosen] or types


def _drawn(random: Random, types: Sequence[catalog.ResourceType]) -> list[catalog.ResourceType]:
    """Some types that are touched: at least one."""
    count = random.randint(1, min(len(types), _TYPES_AT_MOST))
    # an alias or a version of a bot: types that look alike are not touched together
    return list({_shape(kind): kind for kind in random.sample(list(types), count)}.values())


def _shape(kind: catalog.ResourceType) -> str:
    return _VARIABLE.sub("*", kind.formats[0])


def _filled(random: Random, form: str, account: str, region: str) -> tuple[str, dict[str, str]]:
    """An ARN of the format, and the names in it by the parameters that name them."""
    names: dict[str, str] = {}
    place = {"Partition": "aws", "Region": region, "Account": account}

    def value(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable in place:
            return place[variable]
        name = snake_case(variable)
        # one name for each parameter: the types that a call touches share their names
        names[name] = f"{name.replace('_', '')[:12]}1"
        return f"{names[name]}{_SUFFIX}" if variable == "SecretId" else names[name]

    return _VARIABLE.sub(value, form), names


def _by_arn(random: Random, kind: str, arn: str, alone: bool) -> dict[str, str]:
    name = "resource_arn" if alone and random.random() < 0.5 else f"{snake_case(kind).replace('-', '_')}_arn"
    return {name: arn}


def _as_recorded(operation: Operation, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The parameters as SDKs record them: a queue by its URL, no bucket beside its access point."""
    behind = any("access_point" in name or ":accesspoint" in value for name, value in names.items())
    for name, value in sorted(names.items()):
        if operation.service == "sqs" and name == "queue_name":
            yield "queue_url", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{value}"
        elif not (behind and name == "bucket_name"):
            yield name, value
