"""Workloads: what runs with a role."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from scanner.model.arn import service_of

WorkloadKindName = Literal["lambda", "state-machine"]

# The ARNs that traces name workloads by, of each kind. What follows a function's name is a version or an
# alias of it.
_PLACE = r"arn:aws[a-z-]*:{service}:[a-z0-9-]+:\d{{12}}:"
_RESOURCES: dict[WorkloadKindName, tuple[str, str]] = {
    "lambda": ("lambda", r"function:[^:]+(?=\Z|:)"),
    "state-machine": ("states", r"stateMachine:[^:]+\Z"),
}
_WORKLOAD = re.compile(
    "|".join(_PLACE.format(service=service) + resource for service, resource in _RESOURCES.values())
)
LATEST = "$LATEST"
_KINDS: dict[str, WorkloadKindName] = {service: kind for kind, (service, _) in _RESOURCES.items()}


@lru_cache(maxsize=1 << 12)
def workload_arn(arn: str) -> str | None:
    """A workload's ARN without a version or alias: these are one workload. None if it is no such ARN."""
    match = _WORKLOAD.match(arn)
    return match.group() if match else None


def qualifier_of(arn: str) -> str | None:
    """The version ("5") or alias ("live") that a function's ARN ends with; None for one without, or $LATEST.

    docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html#versioning-versions-using
    """
    unqualified = workload_arn(arn)
    qualifier = arn[len(unqualified) + 1 :] if unqualified else ""
    return qualifier if qualifier not in ("", LATEST) else None


def workload_kind(arn: str) -> WorkloadKindName:
    """The kind of workload that an ARN of `workload_arn` names."""
    return _KINDS[service_of(arn)]


def workload_name(arn: str) -> str:
    """A workload's name: the last field of its ARN."""
    return arn.rpartition(":")[2]


class UnknownNeed(NamedTuple):
    """What a platform may need for a part of the configuration that was not read.

    `action` is in lower case, `resource` a pattern. `kind` is `untraced.UNOBSERVABLE`, or MAY_RUN_UNTRACED
    for an action that workloads commonly call themselves. `why` says what for, and which right would tell.
    `feature` is what of the configuration would ask for it and `cause` why that is unknown: needs of several
    workloads are reported in the order of these two.
    """

    action: str
    resource: str
    kind: str
    why: str
    feature: str
    cause: str


@dataclass(frozen=True)
class PlatformNeeds:
    """What a platform needs of the role to run a workload as it is configured, which no trace can show.

    `required` are (action in lower case, resource pattern) pairs, `unknown` what it may need beyond.
    `decided` are actions that nothing but the platform ever uses: what is neither required nor unknown of
    them is unused.
    """

    required: tuple[tuple[str, str], ...] = ()
    unknown: tuple[UnknownNeed, ...] = ()
    decided: frozenset[str] = frozenset()


class PublishedVersion(NamedTuple):
    """A published version, which never changes: `name` ("5"), when it was made, its role and runtime."""

    name: str
    made: datetime | None
    role: str | None = None
    runtime: str = ""


class Alias(NamedTuple):
    """A name that stands for one version, or for two between which requests are shared out."""

    name: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Workload:
    """What runs with a role.

    `role` is the role's ARN, None where the configuration names none. `changed` is when code or configuration
    last changed, None where that is unknown. `published` are its published versions, `aliases` its aliases,
    None where these were not read. `qualifiers` are the versions and aliases by which its platform calls it.
    `runtime` is what runs the code ("python3.13"), in lower case; empty where that is unknown.
    """

    arn: str
    kind: WorkloadKindName
    name: str
    role: str | None = None
    changed: datetime | None = None
    published: tuple[PublishedVersion, ...] = ()
    aliases: tuple[Alias, ...] | None = None
    qualifiers: tuple[str, ...] = ()
    platform: PlatformNeeds = PlatformNeeds()
    runtime: str = ""
