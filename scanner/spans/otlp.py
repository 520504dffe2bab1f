"""Spans as OTLP has them in JSON: what collectors and SDKs write, one request a line or one document.

opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Names may be in snake case (protobuf with its own
field names), ids in base64, 64-bit numbers texts; `instrumentationLibrarySpans` is what `scopeSpans` was
called, `batches` what Tempo calls `resourceSpans`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.spans.failures import Failure, failure_of
from scanner.spans.kept import SAMPLING, kept_attributes, kept_resource, plain, span_cleaners, threshold_of
from scanner.spans.span import Span
from scanner.spans.values import flat, kind_of, span_id_of, time_of, trace_id_of

_RESOURCES = ("resourceSpans", "resource_spans", "batches")
_SCOPES = (
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
)
_NO_FAILURE = Failure()
_MAX_DEPTH = 8


def is_span(value: Mapping[str, Any]) -> bool:
    """Whether an object is one span of OTLP, without what is around it."""
    return isinstance(value.get("attributes"), list) and not {"spanId", "span_id"}.isdisjoint(value)


def span_of(value: Mapping[str, Any]) -> Span | None:
    """The span of an object that is one; its resource may stand in it."""
    resource = value.get("resource")
    named = attributes_of(resource.get("attributes")) if isinstance(resource, dict) else {}
    scope = value.get("scope", value.get("instrumentationScope"))
    name = scope.get("name") if isinstance(scope, dict) else ""
    return _span(value, kept_resource(named), name if isinstance(name, str) else "")


def is_otlp(value: Mapping[str, Any]) -> bool:
    """Whether an object is a request of OTLP, or the spans of one resource."""
    return any(isinstance(value.get(name), list) for name in (*_RESOURCES, *_SCOPES))


def spans_of(value: Mapping[str, Any]) -> Iterator[Span | None]:
    """The spans in an object of OTLP; None for each that cannot be read."""
    if any(name in value for name in _SCOPES):
        yield from _of_resource(value)
        return
    for of_resource in _list(value, _RESOURCES):
        if isinstance(of_resource, dict):
            yield from _of_resource(of_resource)
        else:
            yield None


def _of_resource(value: Mapping[str, Any]) -> Iterator[Span | None]:
    resource_value = value.get("resource")
    named = attributes_of(resource_value.get("attributes")) if isinstance(resource_value, dict) else {}
    resource = kept_resource(named)
    for of_scope in _list(value, _SCOPES):
        if not isinstance(of_scope, dict):
            yield None
            continue
        scope = of_scope.get("scope") or of_scope.get("instrumentationLibrary") or {}
        name = scope.get("name", "") if isinstance(scope, dict) else ""
        scope_name = name if isinstance(name, str) else ""
        for span in _list(of_scope, ("spans",)):
            yield _span(span, resource, scope_name)


def _list(value: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    for name in names:
        found = value.get(name)
        if isinstance(found, list):
            return found
    return []


def _span(value: Any, resource: Mapping[str, Any], scope: str) -> Span | None:
    if not isinstance(value, dict):
        return None
    if "traceId" not in value:
        value = {_camel(name): item for name, item in value.items()}
    trace_id, span_id = trace_id_of(value.get("traceId")), span_id_of(value.get("spanId"))
    start = time_of(value.get("startTimeUnixNano"))
    if not trace_id or not span_id:
        return None
    status, events = value.get("status"), value.get("events")
    failure = failure_of(status, events, _of_event) if status or events else _NO_FAILURE
    attributes = kept_of(value.get("attributes"))
    if threshold := threshold_of(value.get("traceState")):
        attributes[SAMPLING] = threshold
    parent = value.get("parentSpanId")
    name = value.get("name")
    # by place: keywords would cost a tenth of this function, which runs for every span
    return Span(
        trace_id,
        span_id,
        span_id_of(parent) if parent else "",
        name if isinstance(name, str) else "",
        kind_of(value.get("kind")),
        start or 0.0,
        time_of(value.get("endTimeUnixNano")),
        failure.status,
        failure.message,
        failure.error_type,
        attributes,
        resource,
        scope,
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def kept_of(attributes: Any) -> dict[str, Any]:
    """The attributes of a span that are kept. Written out: this runs for every attribute."""
    if not isinstance(attributes, list):
        return kept_attributes(flat(attributes)) if isinstance(attributes, dict) else {}
    cleaners = span_cleaners()
    kept: dict[str, Any] = {}
    for item in attributes:
        try:
            name = item["key"]
            if name not in cleaners:
                continue
            raw = item["value"]
            value = raw["stringValue"] if "stringValue" in raw else plain(any_value(raw))
        except (TypeError, KeyError):
            continue
        cleaner = cleaners[name]
        kept[name] = value if cleaner is None else cleaner(value)
    return kept


def _of_event(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return attributes_of(event.get("attributes"))


def attributes_of(value: Any) -> dict[str, Any]:
    """Attributes by their names: a list of keys and values, or an object of plain values."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return {}
    return {
        item["key"]: any_value(item.get("value"))
        for item in value
        if isinstance(item, dict) and isinstance(item.get("key"), str)
    }


def any_value(value: Any, depth: int = 0) -> Any:
    """What an AnyValue of OTLP holds; None for an empty one, for bytes, and for what is nested too deeply."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    for name, held in value.items():
        kind = name.replace("_", "").lower()
        if kind in ("stringvalue", "boolvalue", "doublevalue"):
            return held
        if kind == "intvalue":
            return int(held) if isinstance(held, str) and held.lstrip("-").isdigit() else held
        if kind == "arrayvalue":
            items = held.get("values") if isinstance(held, dict) else None
            return [any_value(item, depth + 1) for item in items] if isinstance(items, list) else []
    return None
