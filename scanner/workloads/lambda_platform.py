"""What Lambda itself needs because of how a function is configured, which no trace can show. Pure.

The knowledge is data/lambda.csv: actions on resources, by the feature of the configuration that asks for
them. A feature is on, or off, or unknown: then the actions of its rows are not decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scanner.model import Arn, PlatformNeeds, Workload, service_of
from scanner.model.workloads import workload_name
from scanner.workloads.features import (
    ALL,
    Gap,
    Remedies,
    features_of,
    only_platform,
    rows_of,
    unknown_needs,
)
from scanner.workloads.lambda_function import EventSource, LambdaFunction

_TABLE = "lambda"

# Layers that AWS publishes, by the beginning of their names:
# docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-extension-versions.html
# docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-Enable-Lambda.html
_LAYERS = {"LambdaInsightsExtension": "lambda-insights", "AWSOpenTelemetryDistro": "application-signals"}
_ROOT = {"elasticfilesystem": "efs-root", "s3files": "s3-files-root"}
_DELIVERIES = {"sqs": "queue", "sns": "topic", "lambda": "function", "events": "bus", "s3": "bucket"}
# Kafka's ways to log in that need no role: docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html
_NO_IAM_AUTH = frozenset(
    {
        "BASIC_AUTH",
        "SASL_SCRAM_256_AUTH",
        "SASL_SCRAM_512_AUTH",
        "CLIENT_CERTIFICATE_TLS_AUTH",
        "OAUTHBEARER_AUTH",
        "IAM_OAUTHBEARER_AUTH",
    }
)

_FUNCTION, _EVENT_SOURCES, _DESTINATIONS = "function", "event-sources", "destinations"
_KIND, _EXTENSIONS, _ROOT_USER, _VERSION = "kind", "extensions", "root-user", "version"

# Why a feature is unknown, and what would tell.
_WORDS = {
    _FUNCTION: (
        "its configuration was not read, allow lambda:GetFunctionConfiguration or lambda:ListFunctions, or "
        "add it to the file of --functions"
    ),
    _EVENT_SOURCES: (
        "event source mappings were not read, allow lambda:ListEventSourceMappings, or merge them into the "
        "file of --functions"
    ),
    _DESTINATIONS: (
        "destinations were not read, allow lambda:ListFunctionEventInvokeConfigs, or merge them into the "
        "file of --functions"
    ),
    _KIND: "a function has an event source of a kind that is not known here",
    _EXTENSIONS: "a container image or a layer may hold it, which no configuration shows",
    _ROOT_USER: "the configuration does not tell whether a file system is used as its root user",
    _VERSION: "a published version is configured so, and nothing tells whether it runs",
}
_REMEDIES = Remedies(tuple(_WORDS.items()))


def workload_of(function: LambdaFunction, *, traced: bool) -> Workload:
    """A function as a workload. `traced` tells that traces of it were seen, so that it writes some."""
    return Workload(
        function.arn,
        "lambda",
        function.name,
        role=function.role,
        changed=function.last_modified,
        published=function.published,
        aliases=function.aliases,
        qualifiers=function.qualifiers,
        platform=platform_needs(function, traced=traced),
        runtime=function.runtime,
    )


def unread_workload(arn: str) -> Workload:
    """A function of which nothing was read."""
    readings = (_FUNCTION, _EVENT_SOURCES, _DESTINATIONS)
    gaps = (Gap(name, _FUNCTION) for reading in readings for name in features_of(_TABLE, reading))
    needs = PlatformNeeds(unknown=unknown_needs(_TABLE, frozenset(gaps), _REMEDIES))
    return Workload(arn, "lambda", workload_name(arn), platform=needs)


def platform_needs(function: LambdaFunction, *, traced: bool) -> PlatformNeeds:
    """What Lambda needs to run a function, as far as its configuration was read."""
    place = _place(function)
    required = (
        (row.action, row.resource.format_map({**place, **values}))
        for feature, values in _features(function, traced)
        for row in rows_of(_TABLE).get(feature, ())
    )
    return PlatformNeeds(
        tuple(required), unknown_needs(_TABLE, _gaps(function), _REMEDIES), only_platform(_TABLE)
    )


# --- what is unknown -----------------------------------------------------------------------------


def _gaps(function: LambdaFunction) -> frozenset[Gap]:
    place = tuple(_place(function).items())
    unknown = {Gap(feature, cause, place) for feature, cause in _unknown_features(function)}
    latest = set(_on(function))
    of_versions = (
        Gap(feature, _VERSION, values)
        for version in function.versions
        for feature, values in _on(version)
        if (feature, values) not in latest
    )
    return frozenset((*unknown, *of_versions))


def _unknown_features(function: LambdaFunction) -> Iterator[tuple[str, str]]:
    """The features of a function that are neither on nor off, and why."""
    sources = function.event_sources
    if sources is None:
        yield from ((feature, _EVENT_SOURCES) for feature in features_of(_TABLE, _EVENT_SOURCES))
    elif any(source.kind == "unknown" for source in sources):
        yield from ((feature, _KIND) for feature in features_of(_TABLE, _EVENT_SOURCES))
    if function.destinations is None:
        yield from ((feature, _DESTINATIONS) for feature in features_of(_TABLE, _DESTINATIONS))
    if function.image or function.layers:
        present = {feature for feature, _ in _of_layers(function)}
        yield from ((feature, _EXTENSIONS) for feature in _LAYERS.values() if feature not in present)
    yield from (
        (_ROOT[kind], _ROOT_USER) for kind in sorted(map(service_of, function.file_systems)) if kind in _ROOT
    )


def _on(function: LambdaFunction) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """The features that a function, or a version of it, has on, with what their rows' placeholders are."""
    place = _place(function)
    for feature, values in _features(function, traced=False):
        yield feature, tuple(sorted({**place, **values}.items()))


# --- what is on ----------------------------------------------------------------------------------


def _place(function: LambdaFunction) -> dict[str, str]:
    arn = Arn.parse(function.arn)
    if arn is None:
        raise ValueError(f"{function.arn} is no ARN")
    return {"partition": arn.partition, "region": arn.region, "account": arn.account}


_Feature = tuple[str, Mapping[str, str]]


def _features(function: LambdaFunction, traced: bool) -> Iterator[_Feature]:
    """The features that are on, each with what its rows' placeholders stand for."""
    nothing: Mapping[str, str] = {}
    yield "logs", {"log_group": function.log_group or f"/aws/lambda/{function.name}"}
    if traced or function.active_tracing:
        yield "tracing", nothing
    if function.in_vpc:
        yield "vpc", nothing
    if function.durable:
        yield "durable", {"function": function.arn}
    if function.dead_letter:
        yield from _delivery("dead-letter", function.dead_letter)
    yield from _of_layers(function)
    for access_point in function.file_systems:
        yield from _of_file_system(access_point)
    for destination in function.destinations or ():
        yield from _delivery("destination", destination)
    for source in function.event_sources or ():
        yield from _of_source(source)


def _of_layers(function: LambdaFunction) -> Iterator[_Feature]:
    for layer in function.layers:
        arn = Arn.parse(layer)  # its resource: `layer:name:version`
        name = arn.resource.split(":")[1] if arn and arn.resource.count(":") > 1 else ""
        yield from ((feature, {}) for start, feature in _LAYERS.items() if name.startswith(start))


def _of_file_system(access_point: str) -> Iterator[_Feature]:
    """The file system of an access point, which EFS's ARNs do not name."""
    arn = Arn.parse(access_point)
    if arn and arn.service == "s3files":
        yield "s3-files", {"file_system": access_point.partition("/access-point/")[0]}
    elif arn and arn.service == "elasticfilesystem":
        yield "efs", {"file_system": str(arn.with_resource("file-system/*"))}


def _delivery(how: str, target: str) -> Iterator[_Feature]:
    """What it needs to send to a queue, a topic, a function, an event bus or a bucket."""
    kind = _DELIVERIES.get(service_of(target))
    if kind:
        yield f"{how}-{kind}", {"target": target}


def _of_source(source: EventSource) -> Iterator[_Feature]:
    arn = source.arn or ""
    if source.kind in ("msk", "mq", "documentdb") or source.in_vpc:
        yield "source-vpc", {}
    if source.kind == "kinesis":
        stream, consumer, _ = arn.partition("/consumer/")
        yield "source-kinesis", {"source": stream}
        if consumer:
            yield "source-kinesis-consumer", {"source": stream, "consumer": arn}
    elif source.kind in ("sqs", "dynamodb", "mq", "documentdb"):
        yield f"source-{source.kind}", {"source": arn}
    elif source.kind in ("msk", "self-managed-kafka"):
        yield from _of_kafka(source)
    for secret in source.secrets:
        yield "source-secret", {"target": secret}
    registry = Arn.parse(source.schema_registry or "")
    if registry:
        schemas = registry.with_resource(f"schema/{registry.resource.partition('/')[2]}/*")
        yield "source-schema-registry", {"target": str(registry), "schemas": str(schemas)}
    if source.on_failure:
        yield from _delivery("on-failure", source.on_failure)


def _of_kafka(source: EventSource) -> Iterator[_Feature]:
    """What it needs to read topics of a Kafka cluster, and to write those of failed events.

    A cluster of another account is named by a VPC connection
    (docs.aws.amazon.com/lambda/latest/dg/msk-cross-account.html).
    """
    names = _cluster_names(source.arn)
    if source.kind == "msk":
        yield "source-msk", names
        if source.arn and ":vpc-connection/" in source.arn:
            yield "source-msk-cross-account", {"source": source.arn}
        if "SASL_SCRAM_512_AUTH" in source.auth:
            yield "source-msk-scram", names
    if "IAM_AUTH" in source.auth or (source.kind == "msk" and not _NO_IAM_AUTH.intersection(source.auth)):
        yield "source-msk-iam", names
    if "IAM_OAUTHBEARER_AUTH" in source.auth:
        yield "source-kafka-token", {}
    if source.on_failure and source.on_failure.startswith("kafka://"):
        topics, topic = names["topics"], source.on_failure.removeprefix("kafka://")
        yield "on-failure-kafka-topic", {"target": ALL if topics == ALL else topics[: -len(ALL)] + topic}


def _cluster_names(arn: str | None) -> dict[str, str]:
    """The ARNs of a cluster, its topics and its consumer groups.

    docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
    """
    parsed = Arn.parse(arn or "")
    kind, _, name = parsed.resource.partition("/") if parsed else ("", "", "")
    if parsed is None or not name:
        return {"cluster": ALL, "topics": ALL, "groups": ALL}
    if kind == "vpc-connection":  # it names the owner, the cluster and the connection
        owner, _, rest = name.partition("/")
        name, parsed = rest.partition("/")[0] + "/*", parsed.with_account(owner)
    return {
        "cluster": str(parsed.with_resource(f"cluster/{name}")),
        "topics": str(parsed.with_resource(f"topic/{name}/*")),
        "groups": str(parsed.with_resource(f"group/{name}/*")),
    }
