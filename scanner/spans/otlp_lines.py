"""Lines of OTLP as most writers have them, parsed straight into what is needed. Pure.

What is not needed of a line is never built, and what stands in many spans is read once: attributes are looked
up by their text. Anything unusual is left to `otlp`, which takes all spellings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
import orjson

from scanner.spans.failures import Failure, failure_of
from scanner.spans.kept import SAMPLING, kept_resource, threshold_of
from scanner.spans.otlp import attributes_of, kept_of
from scanner.spans.span import Span
from scanner.spans.values import kind_of, span_id_of, time_of, trace_id_of

BEGINNING = b'{"resourceSpans":'
_ATTRIBUTE = b'{"key":"'
_FIRST = b"[" + _ATTRIBUTE
_NEXT = b"}," + _ATTRIBUTE
_LAST = b"}]"
_MOST_KNOWN = 1 << 14
_LONGEST_KNOWN = 256
_NO_ATTRIBUTES = msgspec.Raw(b"[]")
_NO_FAILURE = Failure()


class _Event(msgspec.Struct):
    name: str = ""
    attributes: msgspec.Raw = _NO_ATTRIBUTES


class _Span(msgspec.Struct, gc=False):
    trace_id: str = msgspec.field(name="traceId")
    id: str = msgspec.field(name="spanId")
    parent_id: str = msgspec.field(default="", name="parentSpanId")
    name: str = ""
    kind: int | str = 0
    start: int | str = msgspec.field(default="", name="startTimeUnixNano")
    end: int | str = msgspec.field(default="", name="endTimeUnixNano")
    state: str = msgspec.field(default="", name="traceState")
    attributes: msgspec.Raw = _NO_ATTRIBUTES
    events: list[_Event] = []
    status: dict[str, Any] | None = None


class _Scope(msgspec.Struct):
    name: str = ""


class _ScopeSpans(msgspec.Struct):
    spans: list[_Span]
    scope: _Scope | None = None


class _Resource(msgspec.Struct):
    attributes: msgspec.Raw = _NO_ATTRIBUTES


class _ResourceSpans(msgspec.Struct):
    scopes: list[_ScopeSpans] = msgspec.field(name="scopeSpans")
    resource: _Resource | None = None


class Line(msgspec.Struct):
    """A request of OTLP."""

    resources: list[_ResourceSpans] = msgspec.field(name="resourceSpans")


@cache
def _decoder() -> msgspec.json.Decoder[Line]:
    return msgspec.json.Decoder(Line)


def loads(content: bytes) -> Any:
    """What a JSON text holds: a `Line` for a request as most write it. Raises orjson.JSONDecodeError."""
    if content.startswith(BEGINNING):
        try:
            content.isascii() or content.decode()  # msgspec checks only what it builds
            return _decoder().decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return orjson.loads(content)


def spans_of(line: Line) -> Iterator[Span | None]:
    """The spans of a line; None for each that cannot be read."""
    for of_resource in line.resources:
        held = of_resource.resource
        try:
            resource = kept_resource(_named(held.attributes)) if held else {}
        except orjson.JSONDecodeError:
            yield from [None for of_scope in of_resource.scopes for _ in of_scope.spans]
            continue
        for of_scope in of_resource.scopes:
            scope = of_scope.scope.name if of_scope.scope else ""
            for span in of_scope.spans:
                try:
                    yield _span(span, resource, scope)
                except orjson.JSONDecodeError:
                    yield None


def _span(value: _Span, resource: dict[str, Any], scope: str) -> Span | None:
    trace_id, span_id = trace_id_of(value.trace_id), span_id_of(value.id)
    if not trace_id or not span_id:
        return None
    failure = _NO_FAILURE
    if value.status or value.events:
        failure = failure_of(
            value.status,
            [{"name": event.name, "attributes": event.attributes} for event in value.events],
            lambda event: _named(event["attributes"]),
        )
    kept = _kept(bytes(value.attributes))
    if value.state and (threshold := threshold_of(value.state)):
        kept[SAMPLING] = threshold
    return Span(
        trace_id,
        span_id,
        span_id_of(value.parent_id) if value.parent_id else "",
        value.name,
        kind_of(value.kind),
        time_of(value.start) or 0.0,
        time_of(value.end),
        failure.status,
        failure.message,
        failure.error_type,
        kept,
        resource,
        scope,
    )


def _named(attributes: msgspec.Raw) -> dict[str, Any]:
    return attributes_of(orjson.loads(bytes(attributes)))


def _kept(content: bytes) -> dict[str, Any]:
    """The attributes of a span that are kept, of the text of their list. Raises orjson.JSONDecodeError."""
    if content.startswith(_FIRST) and content.endswith(_LAST):
        known = _attributes()
        # A text cannot hold what it is divided at: its quotation marks have a backslash. What an attribute
        # holds within itself can, and leaves pieces that are no JSON.
        texts = content[len(_FIRST) : -len(_LAST)].split(_NEXT)
        with suppress(orjson.JSONDecodeError):
            return dict([held for text in texts if (held := known[text]) is not None])
    return kept_of(orjson.loads(content))


class _Attributes(dict[bytes, tuple[str, Any] | None]):
    """Attributes as they are kept, by their text between `_ATTRIBUTE` and the last bracket; else None.

    Raises orjson.JSONDecodeError for a text that is no attribute.
    """

    def __missing__(self, text: bytes) -> tuple[str, Any] | None:
        kept = kept_of([orjson.loads(b"%b%b}" % (_ATTRIBUTE, text))])
        found = next(iter(kept.items()), None)
        if len(text) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[text] = found
        return found


@cache
def _attributes() -> _Attributes:
    return _Attributes()
