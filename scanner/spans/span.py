"""A span as all readers give it, whatever it was written as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

SpanKind = Literal["internal", "server", "client", "producer", "consumer", "unknown"]
SpanStatus = Literal["ok", "error", "unset"]


class Span(NamedTuple):
    """A span.

    Ids are in lower hex; `parent_id` is empty for none. Times are Unix seconds, `end` is None for a span in
    progress. `message` is what the status or an exception says of a failure, `error_type` the exception's
    type. `attributes` and `resource` are flat, by dotted names; readers leave out what no table names.
    `scope` is the instrumentation's name. `log` is the account in whose log group the span stands (`@log`),
    empty where none is named.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str = ""
    kind: SpanKind = "unknown"
    start: float = 0.0
    end: float | None = None
    status: SpanStatus = "unset"
    message: str = ""
    error_type: str = ""
    attributes: Mapping[str, Any] = {}
    resource: Mapping[str, Any] = {}
    scope: str = ""
    log: str = ""
