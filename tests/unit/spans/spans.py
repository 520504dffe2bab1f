"""Small words for spans."""

from __future__ import annotations

from typing import Any

from scanner.model import Call
from scanner.spans.calls import observed_call
from scanner.spans.span import Span
from scanner.spans.workloads import workload_of

F = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def span(resource: dict[str, Any] | None = None, *, kind: Any = "client", **attributes: Any) -> Span:
    """A span with these attributes, `__` standing for a dot."""
    return Span(
        "t", "s", kind=kind, start=1.0, end=2.0, attributes=dotted(attributes), resource=resource or {}
    )


def dotted(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes by their dotted names."""
    return {name.replace("__", "."): value for name, value in attributes.items()}


def aws(service: str = "S3", method: str = "GetObject", **attributes: Any) -> Span:
    """The span of a call."""
    return span(rpc__system="aws-api", rpc__service=service, rpc__method=method, **attributes)


def call_of(of: Span) -> Call:
    """The call that a span shows."""
    observed = observed_call(of, None)
    assert observed is not None
    return observed.call


def key(resource: dict[str, Any], **attributes: Any) -> str | None:
    """The key of the workload that a span names."""
    workload = workload_of(span(resource, **attributes))
    return workload and workload.text
