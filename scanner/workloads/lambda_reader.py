"""Lambda functions' configuration, from AWS or from a file: who uses a role, and for what Lambda needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials, is_denied, is_missing
from scanner.errors import ScanError, Warnings
from scanner.model import EventSource, Function
from scanner.model.workloads import workload_arn

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_THREADS = 8
# The service in the ARN of an event source: DocumentDB's clusters are RDS's.
_KINDS = {
    "sqs": "sqs",
    "kinesis": "kinesis",
    "dynamodb": "dynamodb",
    "kafka": "msk",
    "mq": "mq",
    "rds": "documentdb",
}


@dataclass
class Functions:
    """The functions that were read, by ARN: as $LATEST is configured.

    A published version keeps the role that it was published with: `roles_of_versions` are (role, function)
    of all versions. `complete` tells whether these are all functions of the regions in question, so that
    nobody else among them uses a role. `missing` are the rights that the scan lacked, `regions` those whose
    functions were listed.
    """

    known: dict[str, Function] = field(default_factory=dict)
    roles_of_versions: set[tuple[str, str]] = field(default_factory=set)
    complete: bool = False
    missing: list[str] = field(default_factory=list)
    regions: set[str] = field(default_factory=set)


def functions_from_file(document: Any, warnings: Warnings) -> Functions:
    """What `aws lambda list-functions` prints. Raises ValueError if it is something else.

    It may also hold the lists that `aws lambda list-event-source-mappings` and `aws lambda
    list-function-event-invoke-configs` print (`EventSourceMappings`, `FunctionEventInvokeConfigs`): these
    then count as those of all functions. Without them, event sources and destinations are unread.
    """
    listed = document.get("Functions") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("it holds no list of `Functions`, as `aws lambda list-functions` prints it")
    functions = Functions(complete=True)
    _add(functions, listed, warnings)
    cut_off = bool(document.get("NextMarker") or document.get("NextToken"))
    if cut_off:
        functions.complete = False
        warnings.add("functions-cut-off", "the file of --functions holds only the first page of functions")
    sources = _by_function(document, "EventSourceMappings", cut_off, warnings)
    configs = _by_function(document, "FunctionEventInvokeConfigs", cut_off, warnings)
    for arn, function in functions.known.items():
        functions.known[arn] = replace(
            function,
            event_sources=None if sources is None else _event_sources(sources.get(arn, ())),
            destinations=None if configs is None else _destinations(configs.get(arn, ())),
        )
    return functions


def _by_function(
    document: Mapping[str, Any], key: str, cut_off: bool, warnings: Warnings
) -> dict[str, list[Mapping[str, Any]]] | None:
    """The entries of a list in the file by function; None where they are not there, or not all of them."""
    if key not in document:
        return None
    entries = document[key]
    if not isinstance(entries, list):
        raise ValueError(f"its `{key}` is no list")
    found, whole = _grouped(entries)
    if not whole:
        warnings.add("configuration-unread", f"an entry of `{key}` holds no FunctionArn: all count as unread")
    return found if whole and not cut_off else None


def functions_from_aws(
    clients: Callable[[str], LambdaClient], arns: Iterable[str], regions: Iterable[str], warnings: Warnings
) -> Functions:
    """The functions of the regions, where they may be listed; else those of `arns`, one by one.

    Their event sources and destinations are not read yet: see `with_configuration`.
    """
    functions = Functions(complete=True)
    for region in sorted(set(regions)):
        _list_region(clients(region), region, functions, warnings)
    for arn in arns:
        if arn not in functions.known:
            _get_one(clients(arn.split(":")[3]), arn, functions, warnings)
    return functions


def _list_region(client: LambdaClient, region: str, functions: Functions, warnings: Warnings) -> None:
    from botocore.exceptions import ClientError

    try:
        for page in client.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            _add(functions, page["Functions"], warnings)
        functions.regions.add(region)
    except ClientError as error:
        if is_bad_credentials(error):
            raise bad_credentials(error) from error
        functions.complete = False
        if is_denied(error):
            functions.missing.append("lambda:ListFunctions")
            warnings.add(
                "no-list-functions",
                "lambda:ListFunctions is denied: who else uses a role is unknown, and nothing is confirmed",
            )
        else:
            warnings.add(
                "functions-unread", f"functions of {region} could not be listed: {error_code(error)}"
            )
    except Exception as error:  # no connection, or whatever botocore's parser trips over
        functions.complete = False
        warnings.add("functions-unread", f"functions of {region} could not be listed: {error!r}")


def _get_one(client: LambdaClient, arn: str, functions: Functions, warnings: Warnings) -> None:
    from botocore.exceptions import ClientError

    try:
        _add(functions, [client.get_function_configuration(FunctionName=arn)], warnings)
    except ClientError as error:
        if is_bad_credentials(error):
            raise bad_credentials(error) from error
        if is_denied(error):
            functions.missing.append("lambda:GetFunctionConfiguration")
            warnings.add(
                "no-function-configuration",
                "lambda:GetFunctionConfiguration is denied: a function's role is unknown; allow it",
            )
        elif is_missing(error):
            warnings.add("function-gone", f"{arn} was traced but does not exist (any more)")
        else:
            warnings.add("function-unread", f"{arn} could not be read: {error_code(error)}")
        functions.complete = functions.complete and is_missing(error)
    except Exception as error:  # no connection, or whatever botocore's parser trips over
        functions.complete = False
        warnings.add("function-unread", f"{arn} could not be read: {error!r}")


def _add(functions: Functions, raw_functions: Iterable[Any], warnings: Warnings) -> None:
    """Add functions and published versions of them, in any order."""
    for raw in raw_functions:
        function = _function(raw)
        if function is None:
            functions.complete = False
            warnings.add("function-unread", "a function's configuration holds no FunctionArn")
            continue
        if function.role:
            functions.roles_of_versions.add((function.role, function.arn))
        version = raw.get("Version", "$LATEST")
        if version != "$LATEST" and function.last_modified:
            function = replace(function, published=((str(version), function.last_modified),))
        _add_version(functions, function, latest=version == "$LATEST")


def _add_version(functions: Functions, function: Function, *, latest: bool) -> None:
    held = functions.known.get(function.arn)
    if held is None:
        functions.known[function.arn] = function
        return
    main, other = (function, held) if latest else (held, function)
    settings = {*held.versions, _as_version(other)} - {_as_version(main)}
    functions.known[function.arn] = replace(
        main,
        versions=tuple(sorted(settings, key=repr)),
        published=tuple(sorted({*held.published, *function.published})),
    )


def _as_version(function: Function) -> Function:
    """A version, less what does not count in it."""
    return replace(
        function,
        role=None,
        last_modified=None,
        event_sources=None,
        destinations=None,
        versions=(),
        published=(),
    )


def _function(raw: Any) -> Function | None:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("FunctionArn"), str):
        return None
    arn = workload_arn(raw["FunctionArn"])
    if arn is None:
        return None
    vpc = _part(raw, "VpcConfig")
    return Function(
        arn=arn,
        name=arn.rpartition(":")[2],
        role=_text(raw.get("Role")),
        last_modified=time_of(raw.get("LastModified")),
        active_tracing=_part(raw, "TracingConfig").get("Mode") == "Active",
        log_group=_text(_part(raw, "LoggingConfig").get("LogGroup")),
        in_vpc=bool(vpc.get("VpcId") or vpc.get("SubnetIds")),
        dead_letter=_text(_part(raw, "DeadLetterConfig").get("TargetArn")),
        file_systems=_arns(raw.get("FileSystemConfigs")),
        layers=_arns(raw.get("Layers")),
        durable=isinstance(raw.get("DurableConfig"), Mapping),
        image=raw.get("PackageType") == "Image",
    )


# --- event sources and destinations --------------------------------------------------------------


def with_configuration(
    functions: Functions,
    clients: Callable[[str], LambdaClient],
    arns: Iterable[str],
    warnings: Warnings,
) -> None:
    """Read the event sources and the destinations of some of the functions, and put them in their place.

    Event source mappings are listed once a region, destinations function by function. What may not be read
    stays None; the right that is missing is noted in `functions.missing`, and everything else is warned of.
    Raises ScanError where AWS refuses the credentials.
    """
    wanted = sorted(arn for arn in set(arns) if arn in functions.known)
    by_region = {region: clients(region) for region in sorted({arn.split(":")[3] for arn in wanted})}
    sources = {
        region: _mappings_of(client, region, functions, warnings) for region, client in by_region.items()
    }
    with ThreadPoolExecutor(_THREADS) as pool:
        configs = pool.map(
            lambda arn: _configs_of(by_region[arn.split(":")[3]], arn, functions, warnings), wanted
        )
        for arn, own in zip(wanted, configs, strict=True):
            of_region = sources[arn.split(":")[3]]
            functions.known[arn] = replace(
                functions.known[arn],
                event_sources=None if of_region is None else _event_sources(of_region.get(arn, ())),
                destinations=None if own is None else _destinations(own),
            )


def _mappings_of(
    client: LambdaClient, region: str, functions: Functions, warnings: Warnings
) -> dict[str, list[Mapping[str, Any]]] | None:
    """The event source mappings of a region by function, None where they cannot be read."""

    def read() -> list[Any]:
        pages = client.get_paginator("list_event_source_mappings").paginate()
        return [entry for page in pages for entry in page["EventSourceMappings"]]

    meaning = "whether Lambda itself needs a role to read an event source is unknown"
    entries = _try(read, "lambda:ListEventSourceMappings", f"those of {region}", meaning, functions, warnings)
    found, whole = _grouped(entries or ())
    if not whole:
        warnings.add("configuration-unread", f"an event source mapping of {region} holds no FunctionArn")
    return found if whole and entries is not None else None


def _configs_of(client: LambdaClient, arn: str, functions: Functions, warnings: Warnings) -> list[Any] | None:
    """The configurations of asynchronous invocation of all versions and aliases of a function."""

    def read() -> list[Any]:
        pages = client.get_paginator("list_function_event_invoke_configs").paginate(FunctionName=arn)
        return [entry for page in pages for entry in page["FunctionEventInvokeConfigs"]]

    meaning = "whether Lambda itself needs a role to send to a destination is unknown"
    action = "lambda:ListFunctionEventInvokeConfigs"
    return _try(read, action, f"those of {arn}", meaning, functions, warnings)


def _try(
    read: Callable[[], list[Any]],
    action: str,
    what: str,
    meaning: str,
    functions: Functions,
    warnings: Warnings,
) -> list[Any] | None:
    """What was read; None, and a warning, where it cannot be."""
    from botocore.exceptions import ClientError

    try:
        return read()
    except ClientError as error:
        if is_bad_credentials(error):
            raise bad_credentials(error) from error
        if is_denied(error):
            functions.missing.append(action)
            warnings.add("right-missing", f"{action} is denied: {meaning}; allow it")
        else:
            failed = f"{action} failed for {what} ({error_code(error)})"
            warnings.add("configuration-unread", f"{failed}: {meaning}")
    except ScanError:
        raise
    except Exception as error:  # no connection, or whatever botocore's parser trips over
        warnings.add("configuration-unread", f"{action} failed for {what} ({error!r}): {meaning}")
    return None


def _grouped(entries: Iterable[Any]) -> tuple[dict[str, list[Mapping[str, Any]]], bool]:
    """Entries by the function that their FunctionArn names, and whether each of them names one."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    whole = True
    for entry in entries:
        named = entry.get("FunctionArn") if isinstance(entry, Mapping) else None
        arn = workload_arn(named) if isinstance(named, str) else None
        if arn is None:
            whole = False
        else:
            found.setdefault(arn, []).append(entry)
    return found, whole


def _event_sources(mappings: Iterable[Mapping[str, Any]]) -> tuple[EventSource, ...]:
    return tuple(_event_source(mapping) for mapping in mappings)


def _event_source(raw: Mapping[str, Any]) -> EventSource:
    """An event source mapping.

    docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
    """
    arn = _text(raw.get("EventSourceArn"))
    access = _objects(raw.get("SourceAccessConfigurations"))
    auth = {kind for kind in (_text(one.get("Type")) for one in access) if kind}
    registry = _part(
        _part(raw, "AmazonManagedKafkaEventSourceConfig") or _part(raw, "SelfManagedKafkaEventSourceConfig"),
        "SchemaRegistryConfig",
    )
    uris = [_text(one.get("URI")) for one in (*access, *_objects(registry.get("AccessConfigs")))]
    registry_uri = _text(registry.get("SchemaRegistryURI"))
    return EventSource(
        kind=_kind(raw, arn),
        arn=arn,
        on_failure=_text(_part(_part(raw, "DestinationConfig"), "OnFailure").get("Destination")),
        secrets=tuple(dict.fromkeys(uri for uri in uris if uri and ":secretsmanager:" in uri)),
        schema_registry=registry_uri if registry_uri and ":glue:" in registry_uri else None,
        in_vpc=bool({"VPC_SUBNET", "VPC_SECURITY_GROUP"} & auth),
        auth=tuple(sorted(auth)),
    )


def _kind(raw: Mapping[str, Any], arn: str | None) -> str:
    if _part(raw, "SelfManagedEventSource"):
        return "self-managed-kafka"
    fields = arn.split(":", 5) if arn else []
    return _KINDS.get(fields[2], "unknown") if len(fields) == 6 else "unknown"


def _destinations(configs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Where records of asynchronous invocations go.

    docs.aws.amazon.com/lambda/latest/api/API_FunctionEventInvokeConfig.html
    """
    found = (
        _text(_part(_part(config, "DestinationConfig"), outcome).get("Destination"))
        for config in configs
        for outcome in ("OnSuccess", "OnFailure")
    )
    return tuple(dict.fromkeys(destination for destination in found if destination))


# --- parts ---------------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _part(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _arns(value: Any) -> tuple[str, ...]:
    """The ARNs that a list of objects holds."""
    return tuple(arn for arn in (_text(one.get("Arn")) for one in _objects(value)) if arn)


def time_of(value: Any) -> datetime | None:
    """A time as AWS writes it ("2018-02-04T23:13:08.219+0000"), or as boto3 parsed it."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
