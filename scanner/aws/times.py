"""Times as AWS writes them, and the clock that readers wait by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Clock(NamedTuple):
    """What time it is (Unix seconds), and how to wait (seconds)."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep


SYSTEM_CLOCK = Clock()


def time_of(value: Any) -> datetime | None:
    """A time as AWS writes it ("2018-02-04T23:13:08.219+0000", or Unix seconds), or as boto3 parsed it."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
