"""Lambda functions' configuration, from AWS or from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scanner.errors import Warnings, bad_credentials, error_code, is_bad_credentials, is_denied, is_missing
from scanner.model import Function
from scanner.traces.segments import workload_arn

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient


@dataclass
class Functions:
    """The functions that were read, by ARN.

    A published version keeps the role that it was published with: `roles_of_versions` are (role, function).
    `complete` tells whether these are all functions of the regions in question, so that nobody else
    among them uses a role. `missing` are the rights that the scan lacked.
    """

    known: dict[str, Function] = field(default_factory=dict)
    roles_of_versions: set[tuple[str, str]] = field(default_factory=set)
    complete: bool = False
    missing: list[str] = field(default_factory=list)


def functions_from_file(document: Any, warnings: Warnings) -> Functions:
    """What `aws lambda list-functions` prints. Raises ValueError if it is something else."""
    listed = document.get("Functions") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("it holds no list of `Functions`, as `aws lambda list-functions` prints it")
    functions = Functions(complete=True)
    _add(functions, listed, warnings)
    if document.get("NextMarker") or document.get("NextToken"):
        functions.complete = False
        warnings.add("functions-cut-off", "the file of --functions holds only the first page of functions")
    return functions


def functions_from_aws(
    clients: Callable[[str], LambdaClient], arns: Iterable[str], regions: Iterable[str], warnings: Warnings
) -> Functions:
    """The functions of the regions, where they may be listed; else those of `arns`, one by one."""
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
        for page in client.get_paginator("list_functions").paginate():
            _add(functions, page["Functions"], warnings)
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
    for raw in raw_functions:
        function = _function(raw)
        if function is None:
            functions.complete = False
            warnings.add("function-unread", "a function's configuration holds no FunctionArn")
            continue
        newest = raw.get("Version", "$LATEST") == "$LATEST"
        if newest or function.arn not in functions.known:
            functions.known[function.arn] = function
        if function.role:
            functions.roles_of_versions.add((function.role, function.arn))


def _function(raw: Any) -> Function | None:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("FunctionArn"), str):
        return None
    arn = workload_arn(raw["FunctionArn"])
    if arn is None:
        return None
    return Function(
        arn=arn,
        name=arn.rpartition(":")[2],
        role=_text(raw.get("Role")),
        last_modified=time_of(raw.get("LastModified")),
        active_tracing=_part(raw, "TracingConfig").get("Mode") == "Active",
        log_group=_text(_part(raw, "LoggingConfig").get("LogGroup")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _part(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


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
