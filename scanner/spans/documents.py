"""Which JSON holds spans, and the spans in it, whoever wrote them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.spans import aws_spans, console, otlp
from scanner.spans.span import Span


def spans_in(value: Any) -> Iterator[Span | None] | None:
    """The spans in a JSON value, None for each that cannot be read; None for what holds no spans at all."""
    if isinstance(value, list):
        return iter([aws_spans.span_of_row(value)]) if aws_spans.is_row(value) else None
    if not isinstance(value, dict):
        return None
    if otlp.is_otlp(value):
        return otlp.spans_of(value)
    if aws_spans.is_record(value):
        return iter([aws_spans.span_of(value)])
    if console.is_console(value):
        return iter([console.span_of(value)])
    if aws_spans.is_event(value):
        return iter([aws_spans.span_of_event(value)])
    if aws_spans.is_events(value):
        return aws_spans.spans_of_events(value)
    return None
