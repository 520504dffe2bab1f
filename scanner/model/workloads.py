"""Workloads: what runs with a role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from scanner.model.arn import Arn, place_of

WorkloadKindName = Literal["lambda", "state-machine", "ecs", "ec2", "eks", "app-runner", "other"]
"""`other` is a service of which nothing tells what it runs on."""

KIND_NAMES: tuple[WorkloadKindName, ...] = get_args(WorkloadKindName)

# The ARNs that traces name workloads by, of each kind that has any. What follows a function's name is a
# version or an alias of it.
_PLACE = r"arn:aws[a-z-]*:{service}:[a-z0-9-]+:\d{{12}}:"
_RESOURCES: dict[WorkloadKindName, tuple[str, str]] = {
    "lambda": ("lambda", r"function:[^:]+(?=\Z|:)"),
    "state-machine": ("states", r"stateMachine:[^:]+\Z"),
}
_WORKLOAD = re.compile(
    "|".join(_PLACE.format(service=service) + resource for service, resource in _RESOURCES.values())
)
LATEST = "$LATEST"
_KIND_OF_SERVICE: dict[str, WorkloadKindName] = {service: kind for kind, (service, _) in _RESOURCES.items()}
_KIND_OF_WORD: dict[str, WorkloadKindName] = {kind: kind for kind in KIND_NAMES}


class WorkloadKey(NamedTuple):
    """What tells a workload from all others. Its version is no part of it: that stands with each run.

    `name` is the ARN of a function or of a state machine, CLUSTER/FAMILY on ECS, ROLE/SERVICE on EC2,
    CLUSTER/NAMESPACE/NAME on EKS, else the name of a service; `?` stands for a part that is not known.
    `account` and `region` are empty where they are not known.
    """

    kind: WorkloadKindName
    name: str
    account: str = ""
    region: str = ""

    @property
    def text(self) -> str:
        """The key as one text: the ARN where it has one, else `KIND:NAME@ACCOUNT/REGION`.

        What is no account or no region of AWS is left out, so that the text can be read back.
        """
        arn = Arn.parse(self.name)
        if arn and _kind_of(arn) == self.kind:
            return self.name
        account = self.account if _ACCOUNT.fullmatch(self.account) else ""
        region = self.region if _REGION.fullmatch(self.region) else ""
        return f"{self.kind}:{self.name}@{account}/{region}"

    @staticmethod
    def parse(text: str) -> WorkloadKey:
        """The key of a text; any other text is the name of a service of which nothing else is known."""
        return _parsed(text)


_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z0-9-]*")


# bench row "300 functions from files": the same workloads are asked for their kinds and names again and again
@lru_cache(maxsize=1 << 12)
def _parsed(text: str) -> WorkloadKey:
    arn = Arn.parse(text)
    if arn:
        return WorkloadKey(_kind_of(arn), text, arn.account, arn.region)
    word, _, rest = text.partition(":")
    if word not in _KIND_OF_WORD or not rest:
        return WorkloadKey("other", text)
    place = place_of(text)
    if place is None:
        return WorkloadKey(_KIND_OF_WORD[word], rest)
    return WorkloadKey(_KIND_OF_WORD[word], rest.rpartition("@")[0], place.account, place.region)


def _kind_of(arn: Arn) -> WorkloadKindName:
    return _KIND_OF_SERVICE.get(arn.service, "other")


@lru_cache(maxsize=1 << 12)
def workload_arn(arn: str) -> str | None:
    """A workload's ARN without a version or alias: these are one workload. None if it is no such ARN."""
    match = _WORKLOAD.match(arn)
    return match.group() if match else None


@lru_cache(maxsize=1 << 12)
def qualifier_of(arn: str) -> str | None:
    """The version ("5") or alias ("live") that a function's ARN ends with; None for one without, or $LATEST.

    docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html#versioning-versions-using
    """
    unqualified = workload_arn(arn)
    qualifier = arn[len(unqualified) + 1 :] if unqualified else ""
    return qualifier if qualifier not in ("", LATEST) else None


def workload_kind(workload: str) -> WorkloadKindName:
    """The kind of a workload."""
    return WorkloadKey.parse(workload).kind


def workload_name(workload: str) -> str:
    """A workload's name: the last field of its ARN, else that of its key."""
    name = WorkloadKey.parse(workload).name
    return name.rpartition(":")[2] if Arn.parse(name) else name


def shown_id(workload: str) -> str:
    """How people see a workload: its ARN, else its key without account and region (`ecs:CLUSTER/FAMILY`)."""
    key = WorkloadKey.parse(workload)
    return workload if Arn.parse(workload) else f"{key.kind}:{key.name}"


def shown_ids(workloads: Iterable[str]) -> dict[str, str]:
    """How each of several workloads is called: the whole text where two would be called the same."""
    ids = {workload: shown_id(workload) for workload in workloads}
    uses = Counter(ids.values())
    return {workload: shown if uses[shown] == 1 else workload for workload, shown in ids.items()}


def short_name(workload: str) -> str:
    """A name for short lines: a function's alone, else the kind with it (`ecs:CLUSTER/FAMILY`)."""
    return workload_name(workload) if Arn.parse(workload) else shown_id(workload)


def names_of(workload: str) -> tuple[str, ...]:
    """What a pattern may name a workload by: its name, what it is called, its ARN or whole key."""
    return tuple(dict.fromkeys((workload_name(workload), shown_id(workload), workload)))


def noun_of(kinds: Iterable[WorkloadKindName]) -> str:
    """What workloads of these kinds are called: "function" where all are Lambda's, else "workload"."""
    return "workload" if set(kinds) - {"lambda"} else "function"


class Hints(NamedTuple):
    """What the role of a workload may be found by, and what is no part of its key.

    `instance` is an EC2 instance, `revision` that of a task definition, `task_role` a role that spans name,
    `denied_role` the name of the one that a refusal's message names, `container` and `pod` what it ran in.
    """

    instance: str = ""
    revision: str = ""
    task_role: str = ""
    denied_role: str = ""
    container: str = ""
    pod: str = ""


NO_HINTS = Hints()


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

    `key` is the text of its key (`WorkloadKey.text`), the ARN of a function. `role` is the role's ARN, None
    where none is known; then `candidates` are the roles that it may have, or say what could not be told.
    `changed` is when code or configuration last changed, None where that is unknown. `published` are its
    published versions, `aliases` its aliases, None where these were not read. `qualifiers` are the versions
    and aliases by which its platform calls it. `runtime` is what runs the code ("python3.13"), in lower case;
    empty where that is unknown. `inferred` tells that nothing says for sure that `role` is its role.
    `by_platform_only` tells that no code of it uses the role: the platform alone does, to start a workload
    (an execution role of ECS). `defined` tells that its configuration names all that it calls.
    """

    key: str
    kind: WorkloadKindName
    name: str
    role: str | None = None
    changed: datetime | None = None
    published: tuple[PublishedVersion, ...] = ()
    aliases: tuple[Alias, ...] | None = None
    qualifiers: tuple[str, ...] = ()
    platform: PlatformNeeds = PlatformNeeds()
    runtime: str = ""
    candidates: tuple[str, ...] = ()
    inferred: bool = False
    by_platform_only: bool = False
    defined: bool = False
