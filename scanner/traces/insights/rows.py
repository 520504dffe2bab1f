"""Rows of the queries -> spans, as far as they tell -> calls and runs. Pure.

A row is made a span with the values that all of its records share, and read as every other span is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from scanner.model import CallRow, RunRow
from scanner.model.workloads import NO_HINTS, Hints
from scanner.spans.aliases import aliases
from scanner.spans.automatic import is_automatic
from scanner.spans.calls import denied_role, is_call, observed_call, plain_request
from scanner.spans.kept import span_cleaners
from scanner.spans.span import Span
from scanner.spans.values import kind_of
from scanner.spans.workloads import SpanWorkload, origin_of, workload_of
from scanner.traces.insights.columns import LISTED, RESOURCE, SPAN, TABLES, Column, request_id_fields
from scanner.traces.insights.queries import Row

_TRUE = ("1", "true")
_LAMBDA_SERVICE = "AWS::Lambda"  # of the span in which Lambda took the request: the code may not have run
_OF_LAMBDA = ("AWS::Lambda", "AWS::Lambda::Function")
_SEGMENT_TYPE = "_aws.xray.type"  # what `inherits` knows converted spans by: calls are subsegments
_STATUS = {"ERROR": "error", "OK": "ok"}


def is_true(row: Row, name: str) -> bool:
    """Whether a condition holds for the records of a row: AWS writes 1."""
    return row.get(name, "").lower() in _TRUE


def count_of(row: Row) -> int:
    """How many records a row stands for."""
    return _whole(row.get("n"))


def span_of(row: Row, columns: Sequence[Column], region: str) -> Span:
    """The span that the records of a row have in common. `region` is that of the log group."""
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {"cloud.region": region} if region else {}
    by_name, cleaners = _by_name(tuple(columns)), span_cleaners()
    for name, value in row.items():
        column = by_name.get(name)
        if column is None or not value:
            continue
        value = column.cut.restored(value) if column.cut else value
        if column.field.startswith(RESOURCE):
            resource[column.field.removeprefix(RESOURCE)] = value
        else:
            name = column.field.removeprefix(SPAN)
            cleaner = cleaners.get(name)
            attributes[name] = cleaner(value) if cleaner else value
    if is_true(row, "answered"):
        attributes[request_id_fields()[0].removeprefix(SPAN)] = "yes"
    if is_true(row, "more_tables"):
        _forget_tables(attributes)
    if is_true(row, "converted"):
        attributes[_SEGMENT_TYPE] = "subsegment"
    for alias in aliases()["xray_failure"]:
        if alias.attribute in attributes:
            attributes[alias.attribute] = attributes[alias.attribute].lower() in _TRUE
    return Span(
        row.get("traceId", ""),
        row.get("spanId", ""),
        parent_id=row.get("parentSpanId", ""),
        name=row.get("span_name", ""),
        kind=kind_of(row.get("kind")),
        start=_seconds(row.get("a")),
        end=_seconds(row.get("b")),
        status=_STATUS.get(row.get("status.code", ""), "unset"),  # type: ignore[arg-type]  # values of _STATUS
        message=_message(row),
        error_type=row.get("error_type", ""),
        attributes=attributes,
        resource=resource,
        scope=row.get("scope.name", ""),
        log=_account(row.get("@log", "")),
    )


# bench row "10,000,000 spans behind 3,000 rows": a row has a few of many columns
@lru_cache(maxsize=8)
def _by_name(columns: tuple[Column, ...]) -> Mapping[str, Column]:
    return {column.name: column for column in columns}


def _message(row: Row) -> str:
    """The message of a failure; what a denial says, where another message was chosen."""
    message = row.get("message", "")
    denied = row.get("said_denied", "")
    if row.get("status.code") != "ERROR" or not denied or denied.lower() in message.lower():
        return message
    if not row.get("said_action"):
        return f"{message} {denied}".strip()
    parts = [f"not authorized to perform: {row['said_action']}"]
    if row.get("said_resource"):
        parts.append(f"on resource: {row['said_resource']}")
    if row.get("said_cause"):
        parts.append(f"because {row['said_cause']}")
    return " ".join(parts)


def _forget_tables(attributes: dict[str, Any]) -> None:
    """Forget which tables a call named: those that the query does not group by would be missing."""
    for alias in aliases()[TABLES]:
        for name in (alias.attribute, *(f"{alias.attribute}.{number}" for number in range(LISTED))):
            attributes.pop(name, None)


def needs_tree(row: Row, workload: SpanWorkload | None) -> bool:
    """Whether a span above tells whose call it is: `query_text` has the same as a condition.

    A span that X-Ray made of a segment document lacks its resource; any other one has it in full.
    """
    if workload is None:
        return True
    return not workload.is_certain and is_true(row, "converted")


def begins_process(row: Row, span: Span) -> bool:
    """Whether a span is the first of its process, other than the one above: its calls are none of theirs."""
    if origin_of(span) in _OF_LAMBDA:
        return False
    return row.get("_aws.xray.type") == "segment" or row.get("kind") == "SERVER"


def call_row(row: Row, span: Span, workload: str | None) -> CallRow | None:
    """The call that the records of a row show, None where they show none."""
    observed = observed_call(span, workload) if is_call(span) else plain_request(span, workload)
    if observed is None:
        return None
    return CallRow(
        observed.call,
        count_of(row),
        first_seen=span.start,
        last_seen=span.end or span.start,
        message=observed.message,
        trace_id=row.get("example", ""),
        hints=Hints(denied_role=denied_role(observed.message)) if observed.message else NO_HINTS,
    )


def run_row(row: Row, span: Span) -> RunRow | None:
    """The runs of a workload in a period, None where the records name none."""
    workload = workload_of(span)
    if workload is None:
        return None
    return RunRow(
        workload.text,
        traces=count_of(row),
        first=span.start,
        last=span.end or span.start,
        version=workload.version,
        ran=origin_of(span) != _LAMBDA_SERVICE,
        auto_instrumented=is_automatic(span),
        hints=workload.hints,
    )


def _account(log: str) -> str:
    """The account of `@log`, which is "ACCOUNT:GROUP"."""
    account, _, group = log.partition(":")
    return account if group and account.isdecimal() else ""


def _seconds(nanoseconds: str | None) -> float:
    try:
        return float(nanoseconds or 0) / 1e9
    except ValueError:
        return 0.0


def _whole(text: str | None) -> int:
    try:
        return int(float(text or 0))
    except (ValueError, OverflowError):
        return 0
