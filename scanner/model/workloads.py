"""Workloads: what runs with a role."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

WorkloadKindName = Literal["lambda", "state-machine"]

# an ARN of a function (what follows its name is a version or an alias) or of a state machine
_PLACE = r"arn:aws[a-z-]*:(?:lambda|states):[a-z0-9-]+:\d{12}:"
_WORKLOAD = re.compile(_PLACE + r"(?:function:[^:]+(?=\Z|:)|stateMachine:[^:]+\Z)")


@lru_cache(maxsize=1 << 12)
def workload_arn(arn: str) -> str | None:
    """A workload's ARN less a function's version or alias: these are one workload. None if it is no ARN."""
    match = _WORKLOAD.match(arn)
    return match.group() if match else None


def workload_kind(arn: str) -> WorkloadKindName:
    """The kind of workload that an ARN names."""
    return "state-machine" if ":states:" in arn else "lambda"


def workload_name(arn: str) -> str:
    """A workload's name: the last field of its ARN."""
    return arn.rpartition(":")[2]


@dataclass(frozen=True)
class EventSource:
    """An event source mapping of a function.

    `kind` is sqs, kinesis, dynamodb, msk, self-managed-kafka, mq or documentdb ("unknown" for another one).
    `arn` is the source's, None for a self-managed one. `on_failure` is the ARN of where failed events go.
    `secrets` are the ARNs of the secrets that Lambda reads to connect, `schema_registry` that of a Glue
    registry. `in_vpc` tells whether it connects through a VPC that the mapping names. `auth` are the types of
    its SourceAccessConfigurations ("SASL_SCRAM_512_AUTH"), sorted.
    """

    kind: str
    arn: str | None
    on_failure: str | None = None
    secrets: tuple[str, ...] = ()
    schema_registry: str | None = None
    in_vpc: bool = False
    auth: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A Lambda function's configuration, as far as it matters here.

    `event_sources` and `destinations` (ARNs, of asynchronous invocations) are None where they were not read.
    `image` tells that it is a container image, whose extensions no configuration shows; `file_systems` are
    ARNs of access points; `dead_letter` is the ARN of a queue or topic. All this is $LATEST's; `versions` are
    the published versions that are configured otherwise, as far as the configuration counts here.
    `published` tells of each version when it was published.
    """

    arn: str
    name: str
    role: str | None
    last_modified: datetime | None = None
    active_tracing: bool = False
    log_group: str | None = None
    in_vpc: bool = False
    dead_letter: str | None = None
    file_systems: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    durable: bool = False
    image: bool = False
    event_sources: tuple[EventSource, ...] | None = None
    destinations: tuple[str, ...] | None = None
    versions: tuple[Function, ...] = ()
    published: tuple[tuple[str, datetime], ...] = ()
