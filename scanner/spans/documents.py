"""Which JSON holds spans, and the spans in it, whoever wrote them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.spans import aws_spans, console, otlp, otlp_lines
from scanner.spans.span import Span

LEAN_BEGINNING = otlp_lines.BEGINNING
"""How texts begin of which `loads` builds little."""

# What an export of a log group to S3 writes before each event:
# docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
_TIME_OF_EVENT = re.compile(rb"\s*\d{4}-\d\d-\d\dT[\d:.]{8,18}Z\s+(?=\{)")


def loads(content: bytes) -> Any:
    """What a JSON text holds, with the time of a log event before it or not.

    Raises orjson.JSONDecodeError.
    """
    return otlp_lines.loads(without_time(content))


def without_time(content: bytes) -> bytes:
    """A log event without the time before it."""
    timed = _TIME_OF_EVENT.match(content) if content[:1].isdigit() else None
    return content[timed.end() :] if timed else content


def spans_in(value: Any) -> Iterator[Span | None] | None:
    """The spans in a JSON value, None for each that cannot be read; None for what holds no spans at all."""
    if isinstance(value, otlp_lines.Line):
        return otlp_lines.spans_of(value)
    if isinstance(value, list):
        return iter([aws_spans.span_of_row(value)]) if aws_spans.is_row(value) else None
    if not isinstance(value, dict):
        return None
    if otlp.is_otlp(value):
        return otlp.spans_of(value)
    if otlp.is_span(value):
        return iter([otlp.span_of(value)])
    if aws_spans.is_record(value):
        return iter([aws_spans.span_of(value)])
    if console.is_console(value):
        return iter([console.span_of(value)])
    if aws_spans.is_event(value):
        return iter([aws_spans.span_of_event(value)])
    if aws_spans.is_events(value):
        return aws_spans.spans_of_events(value)
    return None
