"""Documents of spans for tests, in the shapes of their writers."""

from __future__ import annotations

from typing import Any

TRACE = "6b096ae3b21c22a1f84a272c46ed5d93"
ROOT = "37a4a4a5a9046133"
CALL = "bbae8e4eda495d3a"
START = 1795779299709054936
END = 1795779299880411802
F = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
FUNCTION = {"service.name": "orders", "faas.name": "orders", "cloud.region": "eu-west-1"}
TASK = {
    "service.name": "web",
    "telemetry.auto.version": "0.21.0-aws",
    "aws.ecs.task.arn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/158d1c80",
    "aws.ecs.task.family": "api",
    "aws.ecs.task.revision": "7",
}
KEY = "ecs:shop/api@123456789012/eu-west-1"
GET = {
    "rpc.system": "aws-api",
    "rpc.service": "S3",
    "rpc.method": "GetObject",
    "aws.region": "eu-west-1",
    "aws.s3.bucket": "b",
    "http.status_code": 200,
    "aws.request_id": "r",
}


def any_value(value: Any) -> dict[str, Any]:
    """A value as OTLP has it in JSON."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    return {"stringValue": value}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": any_value(value)} for name, value in attributes.items()]


def span(
    id_: str = CALL, parent: str = ROOT, attributes: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A span of OTLP; a call of S3 where nothing else is said."""
    return {
        "traceId": TRACE,
        "spanId": id_,
        "parentSpanId": parent,
        "name": "S3.GetObject",
        "kind": 3,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(END),
        "attributes": pairs(GET if attributes is None else attributes),
        "status": {},
        **more,
    }


def root(**more: Any) -> dict[str, Any]:
    """The first span of a process."""
    return span(ROOT, "", {}, **{"name": "POST /orders", "kind": 2, **more})


def request(
    *spans: dict[str, Any], resource: dict[str, Any] | None = None, scope: str = "app"
) -> dict[str, Any]:
    """A request of OTLP, as the collector writes one a line."""
    held = {"attributes": pairs(TASK if resource is None else resource)}
    return {
        "resourceSpans": [
            {"resource": held, "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}]}
        ]
    }


def record(
    id_: str = CALL, parent: str = ROOT, attributes: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A record of the log group aws/spans."""
    return {
        "resource": {"attributes": TASK},
        "traceId": TRACE,
        "spanId": id_,
        "parentSpanId": parent,
        "name": "S3.GetObject",
        "kind": "CLIENT",
        "startTimeUnixNano": START,
        "endTimeUnixNano": END,
        "durationNano": END - START,
        "attributes": GET if attributes is None else attributes,
        "status": {"code": "UNSET"},
        **more,
    }


def printed(**more: Any) -> dict[str, Any]:
    """A span as Python's console exporter prints it."""
    return {
        "name": "S3.GetObject",
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{CALL}", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": f"0x{ROOT}",
        "start_time": "2026-11-27T11:34:59.709054Z",
        "end_time": "2026-11-27T11:34:59.880411Z",
        "status": {"status_code": "UNSET"},
        "attributes": GET,
        "events": [],
        "resource": {"attributes": TASK, "schema_url": ""},
        **more,
    }
