"""A Lambda function's configuration, as AWS's documents have it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scanner.aws.times import time_of
from scanner.model import service_of
from scanner.model.workloads import LATEST, Alias, PublishedVersion, qualifier_of, workload_arn

# The service in the ARN of an event source: DocumentDB's clusters are RDS's.
_SOURCE_KINDS = {
    "sqs": "sqs",
    "kinesis": "kinesis",
    "dynamodb": "dynamodb",
    "kafka": "msk",
    "mq": "mq",
    "rds": "documentdb",
}


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
class LambdaFunction:
    """A Lambda function's configuration, as far as it matters here.

    `event_sources` and `destinations` (ARNs, of asynchronous invocations) are None where they were not read.
    `image` tells that it is a container image, whose extensions no configuration shows; `file_systems` are
    ARNs of access points; `dead_letter` is the ARN of a queue or topic. All this is $LATEST's; `versions` are
    the published versions that are configured otherwise, as far as the configuration counts here.
    `published` are all of them, `aliases` the aliases, None where these were not read. `qualifiers` are the
    versions and aliases that event sources and asynchronous invocations name.
    `runtime` is empty for an image.
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
    versions: tuple[LambdaFunction, ...] = ()
    published: tuple[PublishedVersion, ...] = ()
    aliases: tuple[Alias, ...] | None = None
    qualifiers: tuple[str, ...] = ()
    runtime: str = ""


def parse_function(document: Any) -> LambdaFunction | None:
    """A function, or a published version of one; None where no ARN says which.

    docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("FunctionArn"), str):
        return None
    arn = workload_arn(document["FunctionArn"])
    if arn is None:
        return None
    vpc = _part(document, "VpcConfig")
    version, role = str(document.get("Version", LATEST)), _text(document.get("Role"))
    modified, runtime = time_of(document.get("LastModified")), (_text(document.get("Runtime")) or "").lower()
    return LambdaFunction(
        arn=arn,
        name=arn.rpartition(":")[2],
        role=role,
        last_modified=modified,
        active_tracing=_part(document, "TracingConfig").get("Mode") == "Active",
        log_group=_text(_part(document, "LoggingConfig").get("LogGroup")),
        in_vpc=bool(vpc.get("VpcId") or vpc.get("SubnetIds")),
        dead_letter=_text(_part(document, "DeadLetterConfig").get("TargetArn")),
        file_systems=_arns(document.get("FileSystemConfigs")),
        layers=_arns(document.get("Layers")),
        durable=isinstance(document.get("DurableConfig"), Mapping),
        image=document.get("PackageType") == "Image",
        runtime=runtime,
        published=(PublishedVersion(name=version, made=modified, role=role, runtime=runtime),)
        if version != LATEST
        else (),
    )


def by_function(entries: Iterable[Any]) -> tuple[dict[str, list[Mapping[str, Any]]], bool]:
    """Entries by the function that their FunctionArn (or AliasArn) names; and whether each names one."""
    entries_of: dict[str, list[Mapping[str, Any]]] = {}
    all_named = True
    for entry in entries:
        named = (entry.get("FunctionArn") or entry.get("AliasArn")) if isinstance(entry, Mapping) else None
        arn = workload_arn(named) if isinstance(named, str) else None
        if arn is None:
            all_named = False
        else:
            entries_of.setdefault(arn, []).append(entry)
    return entries_of, all_named


def parse_event_sources(mappings: Iterable[Mapping[str, Any]]) -> tuple[EventSource, ...]:
    """The event sources of the mappings of one function."""
    return tuple(_event_source(mapping) for mapping in mappings)


def _event_source(mapping: Mapping[str, Any]) -> EventSource:
    """An event source mapping.

    docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
    """
    arn = _text(mapping.get("EventSourceArn"))
    access = _objects(mapping.get("SourceAccessConfigurations"))
    auth = {kind for kind in (_text(part.get("Type")) for part in access) if kind}
    kafka = _part(mapping, "AmazonManagedKafkaEventSourceConfig")
    registry = _part(kafka or _part(mapping, "SelfManagedKafkaEventSourceConfig"), "SchemaRegistryConfig")
    uris = [_text(part.get("URI")) for part in (*access, *_objects(registry.get("AccessConfigs")))]
    registry_uri = _text(registry.get("SchemaRegistryURI"))
    return EventSource(
        kind=_source_kind(mapping, arn),
        arn=arn,
        on_failure=_text(_part(_part(mapping, "DestinationConfig"), "OnFailure").get("Destination")),
        secrets=tuple(dict.fromkeys(uri for uri in uris if uri and ":secretsmanager:" in uri)),
        schema_registry=registry_uri if registry_uri and ":glue:" in registry_uri else None,
        in_vpc=bool({"VPC_SUBNET", "VPC_SECURITY_GROUP"} & auth),
        auth=tuple(sorted(auth)),
    )


def _source_kind(mapping: Mapping[str, Any], arn: str | None) -> str:
    if _part(mapping, "SelfManagedEventSource"):
        return "self-managed-kafka"
    return _SOURCE_KINDS.get(service_of(arn or ""), "unknown")


def parse_destinations(configs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Where records of asynchronous invocations of one function go: ARNs.

    docs.aws.amazon.com/lambda/latest/api/API_FunctionEventInvokeConfig.html
    """
    destinations = (
        _text(_part(_part(config, "DestinationConfig"), outcome).get("Destination"))
        for config in configs
        for outcome in ("OnSuccess", "OnFailure")
    )
    return tuple(dict.fromkeys(destination for destination in destinations if destination))


def parse_aliases(entries: Iterable[Mapping[str, Any]]) -> tuple[Alias, ...]:
    """The aliases of one function.

    docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html
    """
    aliases = []
    for entry in entries:
        shared = _part(_part(entry, "RoutingConfig"), "AdditionalVersionWeights")
        versions = {version for version in (entry.get("FunctionVersion"), *shared) if version}
        aliases.append(Alias(str(entry.get("Name")), tuple(sorted(map(str, versions)))))
    return tuple(sorted(aliases))


def qualifiers_in(entries: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The versions and aliases that the FunctionArns of entries name."""
    qualifiers = (qualifier_of(str(entry.get("FunctionArn"))) for entry in entries)
    return frozenset(qualifier for qualifier in qualifiers if qualifier)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _arns(value: Any) -> tuple[str, ...]:
    """The ARNs that a list of objects holds."""
    return tuple(arn for arn in (_text(part.get("Arn")) for part in _objects(value)) if arn)
