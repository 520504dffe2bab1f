"""Which time a run reads, of that which is asked for and what is known. Pure. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scanner.ledger.values import DAY, HOUR, HourRead, Ledger, Source

CATCH_UP = 7 * DAY
"""So far before the time asked for a run reads what earlier ones missed."""
KEPT = 30 * DAY
"""X-Ray keeps traces so long: docs.aws.amazon.com/xray/latest/devguide/aws-xray.html"""


def hour_of(time: float) -> int:
    """The start of the hour, in UTC, that a time is in."""
    return int(time // HOUR) * HOUR


def hours_known(
    ledger: Ledger, account: str, region: str, sources: Iterable[Source], mapping: str
) -> dict[int, HourRead]:
    """The hours that are known of any of the sources; of several, one that need not be read again."""
    known: dict[int, HourRead] = {}
    for source in sources:
        for start, hour in ledger.hours(account, region, source, mapping).items():
            if start not in known or hour.settled:
                known[start] = hour
    return known


def time_to_read(start: float, end: float, now: float, hours: Mapping[int, HourRead]) -> tuple[float, float]:
    """The time to read, of that from `start` to `end`, in whole hours: from the first one on that is missing.

    Hours before `start` that earlier runs missed are read as well. At least the last hour is read, whatever
    is known: a run always shows whether it still can.
    """
    last = min(now, -hour_of(-end))
    first, newest = hour_of(start), hour_of(last - 1)
    begin = next((hour for hour in range(first, newest, HOUR) if not _is_settled(hours.get(hour))), newest)
    oldest = max(min(hours, default=first), first - CATCH_UP, -hour_of(KEPT - now))
    missed = next((hour for hour in range(oldest, first, HOUR) if not _is_settled(hours.get(hour))), begin)
    return max(float(min(begin, missed)), min(start, now - KEPT)), last


def _is_settled(hour: HourRead | None) -> bool:
    return hour is not None and hour.settled
