"""Spans as the log group of Transaction Search has them: a flat record an event.

docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search.html. A record comes
as it is, as the message of a log event, or as a row of Logs Insights: its `@message`, or its fields by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from scanner.spans.failures import failure_of
from scanner.spans.kept import SAMPLING, kept_attributes, kept_resource, threshold_of
from scanner.spans.span import Span
from scanner.spans.values import flat, kind_of, span_id_of, time_of, trace_id_of

_ACCOUNT = re.compile(r"\d{12}")
_NAMESPACE = "_aws.xray.namespace"
_TYPE = "_aws.xray.type"
_NANOSECONDS = 1e9


def is_record(value: Mapping[str, Any]) -> bool:
    """Whether an object is a record of a span."""
    return "traceId" in value and "spanId" in value


def is_events(value: Mapping[str, Any]) -> bool:
    """Whether an object holds log events: an answer of CloudWatch Logs, or what a subscription sends."""
    return any(isinstance(value.get(name), list) for name in ("results", "logEvents")) or (
        isinstance(value.get("events"), list) and not is_record(value) and "context" not in value
    )


def is_event(value: Mapping[str, Any]) -> bool:
    """Whether an object is one log event."""
    return isinstance(value.get("message"), str) and not value.keys().isdisjoint(
        {"ingestionTime", "eventId", "logStreamName", "timestamp"}
    )


def is_row(value: Any) -> bool:
    """Whether a list is a row of Logs Insights: fields with their values."""
    return (
        isinstance(value, list) and bool(value) and all(isinstance(f, dict) and "field" in f for f in value)
    )


def span_of(value: Mapping[str, Any], log: str = "") -> Span | None:
    """The span of a record, None where it has no id."""
    trace_id, span_id = trace_id_of(value.get("traceId")), span_id_of(value.get("spanId"))
    if not trace_id or not span_id:
        return None
    failure = failure_of(value.get("status"), value.get("events"), _of_event)
    attributes = _flat(value.get("attributes"))
    resource = value.get("resource")
    scope = value.get("scope")
    kept = kept_attributes(attributes)
    kept.update(_of_xray(value))
    if threshold := threshold_of(value.get("traceState")):
        kept[SAMPLING] = threshold
    start, end = time_of(value.get("startTimeUnixNano")), time_of(value.get("endTimeUnixNano"))
    duration = value.get("durationNano")
    if end is None and start is not None and isinstance(duration, int | float):
        end = start + duration / _NANOSECONDS
    return Span(
        trace_id,
        span_id,
        span_id_of(value.get("parentSpanId")),
        name=_text(value.get("name")),
        kind=kind_of(value.get("kind")),
        start=start or 0.0,
        end=None if kept.get("aws.xray.inprogress") in (True, "true", "1") else end,
        status=failure.status,
        message=failure.message,
        error_type=failure.error_type,
        attributes=kept,
        resource=kept_resource(_flat(resource.get("attributes")) if isinstance(resource, dict) else {}),
        scope=_text(scope.get("name")) if isinstance(scope, dict) else "",
        log=log,
    )


def _of_xray(value: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the attributes of a span that X-Ray made of a segment."""
    aws = value.get("_aws")
    xray = aws.get("xray") if isinstance(aws, dict) else None
    if not isinstance(xray, dict):
        return {}
    named = {_NAMESPACE: xray.get("namespace"), _TYPE: xray.get("type")}
    return {name: text for name, text in named.items() if isinstance(text, str)}


def spans_of_events(value: Mapping[str, Any]) -> Iterator[Span | None]:
    """The spans in log events; None for each that holds none."""
    account = _account(value.get("owner"))
    for name in ("results", "logEvents", "events"):
        items = value.get(name)
        for item in items if isinstance(items, list) else ():
            yield _of_row(item) if isinstance(item, list) else span_of_event(item, account)


def span_of_event(value: Any, log: str = "") -> Span | None:
    """The span of one log event, None where its message holds none."""
    message = value.get("message") if isinstance(value, dict) else None
    return _of_message(message, log)


def _of_message(message: Any, log: str) -> Span | None:
    if not isinstance(message, str):
        return None
    try:
        record = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    return span_of(record, log) if isinstance(record, dict) else None


def span_of_row(row: list[Any]) -> Span | None:
    """The span of a row of Logs Insights, None where the row is none of a span."""
    return _of_row(row)


def _of_row(row: list[Any]) -> Span | None:
    fields = {
        field["field"]: field.get("value")
        for field in row
        if isinstance(field, dict) and isinstance(field.get("field"), str)
    }
    account = _account(str(fields.get("@log", "")).partition(":")[0])
    if "@message" in fields:
        return _of_message(fields["@message"], account)
    return span_of(_record(fields), account)


def _record(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record of fields that were chosen by their names, whose values are texts."""
    record: dict[str, Any] = {
        "attributes": {},
        "resource": {"attributes": {}},
        "status": {},
        "_aws": {"xray": {}},
    }
    places = (
        ("resource.attributes.", record["resource"]["attributes"]),
        ("attributes.", record["attributes"]),
        ("status.", record["status"]),
        ("_aws.xray.", record["_aws"]["xray"]),
    )
    for name, value in fields.items():
        plain = name.strip("`")
        for prefix, place in places:
            if plain.startswith(prefix):
                place[plain.removeprefix(prefix)] = value
                break
        else:
            record[plain] = value
    return record


def _account(value: Any) -> str:
    return value if isinstance(value, str) and _ACCOUNT.fullmatch(value) else ""


def _flat(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    return flat(value) if any(isinstance(item, dict) for item in value.values()) else value


def _of_event(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return _flat(event.get("attributes"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
