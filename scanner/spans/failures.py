"""What a span says of a failure: its status, and the exceptions among its events. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from scanner.spans.span import SpanStatus
from scanner.spans.values import status_of

_MAX_MESSAGE = 4096
_EXCEPTION = "exception"


class Failure(NamedTuple):
    """How a span ended: the message of its status or of an exception, the type of the exception."""

    status: SpanStatus = "unset"
    message: str = ""
    error_type: str = ""


_NONE = Failure()


def failure_of(
    status: Any, events: Any, attributes_of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Failure:
    """What status and events tell. `attributes_of` gives an event's attributes by their names."""
    if not status and not events:
        return _NONE
    code = status.get("code", status.get("status_code")) if isinstance(status, dict) else status
    state = status_of(code)
    message = status.get("message", status.get("description", "")) if isinstance(status, dict) else ""
    if state == "ok":
        return Failure("ok")
    message = message[:_MAX_MESSAGE] if isinstance(message, str) else ""
    error_type = ""
    for event in _exceptions(events):
        attributes = attributes_of(event)
        error_type = error_type or _text(attributes.get("exception.type"))
        of_event = _text(attributes.get("exception.message"))
        if len(of_event) > len(message) or not message:
            message = of_event
    return Failure(state, message, error_type)


def _exceptions(events: Any) -> Iterable[Mapping[str, Any]]:
    """The exceptions among events, the last one first: what it ended with."""
    if not isinstance(events, list):
        return ()
    return [
        event for event in reversed(events) if isinstance(event, dict) and event.get("name") == _EXCEPTION
    ][:3]


def _text(value: Any) -> str:
    return value[:_MAX_MESSAGE] if isinstance(value, str) else ""
