"""The calls in a document of a trace: what was called, with which parameters, and how it ended. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from scanner.iam.patterns import is_pattern
from scanner.mapping.parameters import NOT_RESOURCES, PRESENCE_PARAMETERS, RESOURCE_PARAMETERS
from scanner.mapping.partitions import service_part
from scanner.mapping.services import prefix_of
from scanner.model import Call, ObservedCall, Outcome
from scanner.spans.aliases import text_of as fact_of
from scanner.spans.calls import owner_account, parameters_of, service_and_operation
from scanner.spans.kept import copied_bucket
from scanner.spans.outcomes import outcome_of
from scanner.spans.span import Span
from scanner.text.redact import private_masked
from scanner.traces.attributes import has_attributes, span_of
from scanner.traces.documents import (
    Node,
    children_of,
    dict_of,
    dicts_in,
    is_call,
    is_written_by_a_service,
    number_of,
    operation_of,
    service_of_node,
    text_of,
)
from scanner.traces.owners import own_arn
from scanner.traces.unplaced import unplaced_service

# Python 3.11 takes as long to look up a member of an enumeration as to read two keys of a node.
_OK, _DENIED = Outcome.OK, Outcome.DENIED
_HTTP_OK = 200
_QUOTED = re.compile(r"'([^']+)'")
_MAX_NAME = 2048


def calls_below(segment: Node, owner: str | None) -> Iterator[tuple[Node, str | None]]:
    """The calls in a document, each with its workload. HTTP requests below a call are part of it."""
    todo: list[tuple[Node, str | None]] = [(segment, owner)]
    by_service = is_written_by_a_service(segment)
    while todo:
        node, workload = todo.pop()
        namespace = node.get("namespace")
        called = namespace == "aws" if by_service else is_call(node)
        if called or (namespace == "remote" and _may_be_of_a_client(node, by_service)):
            yield node, workload
        if node.get("subsegments"):
            # below a call: further calls that it made (a token, a redirect), and its own HTTP requests
            children = _aws_below(node) if called else children_of(node)
            todo.extend((child, workload or own_arn(child)) for child in children)


def _aws_below(node: Node) -> list[Node]:
    """The calls below a call, however deep; plain requests there are the call itself."""
    calls, todo = [], children_of(node)
    while todo:
        child = todo.pop()
        if is_call(child):
            calls.append(child)
        else:
            todo.extend(children_of(child))
    return calls


def _may_be_of_a_client(node: Node, by_service: bool) -> bool:
    """Whether a request went to AWS, or an AWS client seems to have made it: it names no operation."""
    if service_part(_host(node)) is not None:
        return True
    return not by_service and unplaced_service(node) is not None


def _host(node: Node) -> str:
    url = dict_of(dict_of(node.get("http")).get("request")).get("url")
    if not isinstance(url, str):
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def observed_call(node: Node, workload: str | None, instrumentation: str) -> ObservedCall:
    """The call that a node shows; a plain request to AWS is a call without an operation."""
    time = number_of(node.get("start_time")) or 0.0
    if not is_call(node):
        service = _host(node) if service_part(_host(node)) else unplaced_service(node) or ""
        call = Call(workload, service, operation="", parameters=(), region="", account="", outcome=Outcome.OK)
        return ObservedCall(call, time)
    aws = dict_of(node.get("aws"))
    outcome = _outcome(node, aws)
    named = _Named(
        service_of_node(node),
        text_of(aws.get("operation")) or operation_of(node),
        _parameters(aws),
        text_of(aws.get("region")),
        text_of(aws.get("account_id")),
    )
    if has_attributes(node):
        named = _with_attributes(named, span_of(node))
    call = _call(workload, *named, outcome, instrumentation)
    return ObservedCall(call, time, _message(node) if outcome is _DENIED else "")


class _Named(NamedTuple):
    """What a call called, with what, and where: see `Call`."""

    service: str
    operation: str
    parameters: tuple[tuple[str, str], ...]
    region: str
    account: str


def _with_attributes(named: _Named, span: Span) -> _Named:
    """What a call called, with what exporters left in attributes of OpenTelemetry.

    A document may be named by a function, a queue or a host, where the attributes name the service.
    The account in the `aws` block is the workload's there, not the owner's of what was called.
    """
    if not span.attributes:
        return named
    service, operation = service_and_operation(span._replace(name=""))
    service = service if prefix_of(service) else named.service
    operation = named.operation or operation
    prefix = prefix_of(service) or ""
    known = {name for name, _ in named.parameters}
    more = [item for item in parameters_of(span, prefix) if item[0] not in known]
    return _Named(
        service,
        operation,
        tuple(sorted({*named.parameters, *more})) if more else named.parameters,
        named.region or fact_of("call_region", span, prefix),
        owner_account(span, more) or named.account,
    )


# `make bench`, 40,000 traces: the same call in many traces is one object, which whoever counts finds faster
_call = lru_cache(maxsize=1 << 12)(Call)


def _parameters(aws: Node) -> tuple[tuple[str, str], ...]:
    parameters: list[tuple[str, str]] = []
    for name, kind in _kinds_of_parameters(tuple(aws)):
        value = aws[name]
        if kind == "name":
            if isinstance(value, str) and 0 < len(value) <= _MAX_NAME and not is_pattern(value):
                parameters.append((name, value))
        elif kind == "tables":
            parameters.extend(("table_name", table) for table in _names(value))
        elif kind == "source":
            parameters.extend(("copy_source", bucket) for bucket in _source_bucket(value))
        elif value:
            parameters.append((name, "*"))
    if not parameters:
        parameters.extend(("resource_name", name) for name in _names(aws.get("resource_names")))
    if len(parameters) > 1:
        parameters.sort()
    return tuple(parameters)


@lru_cache(maxsize=1 << 10)  # `make bench`, 40,000 traces: the calls of an operation have the same names
def _kinds_of_parameters(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The names that can name a resource, each with its kind."""
    return tuple((name, kind) for name in names if (kind := _kind_of_parameter(name)))


def _kind_of_parameter(name: str) -> str | None:
    if name in RESOURCE_PARAMETERS or (name.endswith(("_arn", "_name")) and name not in NOT_RESOURCES):
        return "name"
    if name in PRESENCE_PARAMETERS:
        return "presence"
    return {"table_names": "tables", "copy_source": "source"}.get(name)


def _names(value: Any) -> list[str]:
    """Names in a list, or in the text that the Python SDK makes of one: "dict_keys(['orders'])"."""
    names: list[Any] = []
    if isinstance(value, str):
        names = _QUOTED.findall(value) or ([value] if "(" not in value else [])
    elif isinstance(value, list):
        names = value
    return [name for name in names if isinstance(name, str) and name and not is_pattern(name)]


def _source_bucket(value: Any) -> list[str]:
    """The bucket (or access point ARN) of a CopySource: text, or boto3's dictionary."""
    bucket = copied_bucket(value.get("Bucket") if isinstance(value, dict) else value)
    return [bucket] if bucket else []


def _outcome(node: Node, aws: Node) -> Outcome:
    status = dict_of(dict_of(node.get("http")).get("response")).get("status")
    if not (node.get("error") or node.get("fault") or node.get("throttle")):
        if status == _HTTP_OK or (isinstance(status, int) and status < 400):
            return _OK
        if status is None and not node.get("cause"):
            return _OK
    return outcome_of(
        failed=True,
        status=status if isinstance(status, int) else None,
        types=[text_of(exception.get("type")) for exception in _exceptions(node)],
        message=_message(node),
        answered=bool(aws.get("request_id")),
    )


def _message(node: Node) -> str:
    messages = (exception.get("message") for exception in _exceptions(node))
    message = next((text_of(message) for message in messages if message), "")
    return private_masked(message) if message else ""


def _exceptions(node: Node) -> list[Node]:
    cause = node.get("cause")  # may be the id of an exception elsewhere, as a string
    return dicts_in(dict_of(cause).get("exceptions"))
