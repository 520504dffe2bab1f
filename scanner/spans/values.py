"""The values of spans as their writers spell them: ids, kinds, times, states. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from scanner.spans.span import SpanKind, SpanStatus

_TRACE_BYTES = 16
_SPAN_BYTES = 8
_NO_SPAN = "0" * 16
_DIGITS = 19
# Nanoseconds, microseconds and milliseconds, from the year 1973 on
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
# opentelemetry.io/docs/specs/otlp: SpanKind of trace.proto
_KINDS: Mapping[str, SpanKind] = {
    "1": "internal",
    "2": "server",
    "3": "client",
    "4": "producer",
    "5": "consumer",
    "internal": "internal",
    "server": "server",
    "client": "client",
    "producer": "producer",
    "consumer": "consumer",
}
_STATES: Mapping[str, SpanStatus] = {"1": "ok", "2": "error", "ok": "ok", "error": "error"}


def trace_id_of(value: Any) -> str:
    """A trace id in lower hex, empty where there is none.

    Hex of either case, with `0x` before it, with the dashes of X-Ray, or base64 of its bytes.
    """
    return _id(value, _TRACE_BYTES) if isinstance(value, str) else ""


def span_id_of(value: Any) -> str:
    """A span id in lower hex, empty where there is none."""
    if not isinstance(value, str):
        return ""
    if len(value) == 2 * _SPAN_BYTES and value != _NO_SPAN and _is_hex(value):
        return value.lower()
    return _id(value, _SPAN_BYTES)


# bench row "spans from one file": a trace id stands in each of its spans
@lru_cache(maxsize=1 << 12)
def _id(text: str, size: int) -> str:
    plain = text.strip().lower().removeprefix("0x")
    if plain.count("-") == 2 and plain.startswith("1-"):
        plain = plain[2:].replace("-", "")
    if not plain or not plain.strip("0"):
        return ""
    if len(plain) == 2 * size and _is_hex(plain):
        return plain
    with_bytes = _from_base64(text.strip(), size)
    return with_bytes.hex() if with_bytes else hashlib.blake2b(plain.encode(), digest_size=size).hexdigest()


def _is_hex(text: str) -> bool:
    try:
        return 2 * len(bytes.fromhex(text)) == len(text)  # it takes blanks as well
    except ValueError:
        return False


def _from_base64(text: str, size: int) -> bytes:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if len(decoded) == size else b""


def kind_of(value: Any) -> SpanKind:
    """A kind: the number of the protocol, or its name with whatever stands before it."""
    return _kind(str(value)) if isinstance(value, int | str) else "unknown"


@lru_cache(maxsize=64)
def _kind(text: str) -> SpanKind:
    return _KINDS.get(_last_word(text, "SPAN_KIND_"), "unknown")


def status_of(value: Any) -> SpanStatus:
    """The state that a status' code tells, a number or a name."""
    return _state(str(value)) if isinstance(value, int | str) else "unset"


@lru_cache(maxsize=64)
def _state(text: str) -> SpanStatus:
    return _STATES.get(_last_word(text, "STATUS_CODE_"), "unset")


def _last_word(text: str, prefix: str) -> str:
    return text.rpartition(".")[2].upper().removeprefix(prefix).lower()


def time_of(value: Any) -> float | None:
    """A time in Unix seconds, None for none: nanoseconds as number or text, other units, or as ISO 8601."""
    if isinstance(value, str):
        if len(value) == _DIGITS and value.isdigit():
            return int(value) / 1e9  # nanoseconds of our time
        if not value.isdigit():
            return _from_iso(value)
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if value <= 0:
        return None
    return value / next((unit for least, unit in _UNITS if value >= least), 1.0)


def _from_iso(text: str) -> float | None:
    try:
        time = datetime.fromisoformat(text.strip().replace(" UTC", "Z"))
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def flat(attributes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Attributes by their dotted names, whatever is nested in others."""
    plain: dict[str, Any] = {}
    todo = [(prefix, attributes)]
    while todo:
        before, items = todo.pop()
        for name, value in items.items():
            if isinstance(value, dict):
                todo.append((f"{before}{name}.", value))
            else:
                plain[f"{before}{name}"] = value
    return plain
