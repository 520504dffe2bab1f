"""The span of time that `--start-time` and `--time-range` ask for. Pure."""

from __future__ import annotations

import contextlib
import math
import re
from datetime import UTC, datetime, timedelta

from scanner.errors import EXIT_USAGE, ScanError

# X-Ray keeps traces for 30 days: docs.aws.amazon.com/xray/latest/devguide/aws-xray.html
KEPT_SECONDS = 30 * 86400
DEFAULT_RANGE = 3600.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
_UNITS = {"": 60, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])(?:\s+ago)?")
_DAYS_AGO = {"today": 0, "yesterday": 1}


def window(start_time: str | None, time_range: str | None, now: float) -> tuple[float, float]:
    """The span of time to scan, in Unix seconds. Raises ScanError for one that X-Ray cannot hold."""
    length = duration(time_range, "--time-range") if time_range is not None else DEFAULT_RANGE
    start = now - length
    if start_time is not None:
        ago = _ago(start_time, now)
        start = _time(start_time) if ago is None else ago
        if ago is not None and time_range is None:
            length = now - start  # "1h" ago means: since then
    if start >= now:
        when = "in the future" if start > now else "now, which leaves no time to scan"
        raise _usage(f"--start-time: {start_time} is {when}", "use an earlier time, yesterday, or 12h (ago)")
    # One second of grace: `-r 30d` starts exactly where X-Ray's retention ends.
    if start < now - KEPT_SECONDS - 1:
        raise _usage(
            "the start is more than 30 days ago, and X-Ray keeps traces for 30 days",
            "choose a later --start-time or a shorter --time-range, or scan saved traces with --traces",
        )
    return start, min(start + length, now)


def is_from_now(start_time: str, now: float) -> bool:
    """Whether a start is named from now: another one with each scan."""
    return _ago(start_time, now) is not None


def duration(text: str, option: str) -> float:
    """The seconds that an option names. Raises ScanError."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or not float(match.group(1)):
        raise _usage(f"{option}: {text!r} is not a duration", "use minutes (720) or 90s, 12h, 7d")
    return float(match.group(1)) * _UNITS[match.group(2)]


def _ago(text: str, now: float) -> float | None:
    """A time that is named from now, days in UTC; None where it is not."""
    text = text.strip().lower()
    if text in _DAYS_AGO:
        day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return (day - timedelta(days=_DAYS_AGO[text])).timestamp()
    match = _AGO.fullmatch(text)
    return now - float(match.group(1)) * _UNITS[match.group(2)] if match else None


def _time(text: str) -> float:
    with contextlib.suppress(ValueError):
        seconds = float(text)
        if math.isfinite(seconds):
            return seconds
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _usage(
            f"--start-time: {text!r} is not a time",
            "use 2026-01-31T12:00:00Z, Unix seconds, yesterday, or 12h (ago)",
        ) from None


def _usage(problem: str, advice: str) -> ScanError:
    return ScanError(problem, EXIT_USAGE, advice)
