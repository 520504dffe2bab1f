"""Spans as the console exporters of SDKs print them: an object a span, its ids in `context`.

opentelemetry-sdk for Python, `ReadableSpan.to_json`: ids with `0x`, times in ISO 8601, "SpanKind.CLIENT".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.spans.failures import failure_of
from scanner.spans.kept import kept_attributes, kept_resource
from scanner.spans.span import Span
from scanner.spans.values import flat, kind_of, span_id_of, time_of, trace_id_of


def is_console(value: Mapping[str, Any]) -> bool:
    """Whether an object is a span that was printed."""
    context = value.get("context")
    return isinstance(context, dict) and ("trace_id" in context or "traceId" in context)


def span_of(value: Mapping[str, Any]) -> Span | None:
    """The span, None where it has no id."""
    context = value["context"]
    trace_id = trace_id_of(context.get("trace_id", context.get("traceId")))
    span_id = span_id_of(context.get("span_id", context.get("spanId")))
    if not trace_id or not span_id:
        return None
    failure = failure_of(value.get("status"), value.get("events"), _of_event)
    resource = value.get("resource")
    named = resource.get("attributes", resource) if isinstance(resource, dict) else {}
    scope = value.get("instrumentation_scope", value.get("scope"))
    name = value.get("name")
    return Span(
        trace_id,
        span_id,
        span_id_of(value.get("parent_id", value.get("parentId"))),
        name=name if isinstance(name, str) else "",
        kind=kind_of(value.get("kind")),
        start=time_of(value.get("start_time", value.get("startTime"))) or 0.0,
        end=time_of(value.get("end_time", value.get("endTime"))),
        status=failure.status,
        message=failure.message,
        error_type=failure.error_type,
        attributes=kept_attributes(_flat(value.get("attributes"))),
        resource=kept_resource(_flat(named)),
        scope=str(scope.get("name", "")) if isinstance(scope, dict) else "",
    )


def _of_event(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return _flat(event.get("attributes"))


def _flat(value: Any) -> dict[str, Any]:
    return flat(value) if isinstance(value, dict) else {}
