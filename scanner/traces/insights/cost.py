"""What queries cost: bytes that AWS read for them, counted as it says, and a bound."""

from __future__ import annotations

import math
import threading
from typing import NamedTuple

GB = 1_000_000_000.0
# A setting, no promise: aws.amazon.com/cloudwatch/pricing has it for each region.
USD_PER_GB = 0.005


class Bound:
    """The most that all queries of a scan may read, of all accounts and regions. Safe for several threads."""

    def __init__(self, gb: float = math.inf) -> None:
        self.gb = gb
        self._read = 0.0
        self._expected = 0.0
        self._lock = threading.Lock()

    def add(self, read: float) -> None:
        """Count bytes that were read."""
        with self._lock:
            self._read += read

    def expect(self, gb: float) -> float:
        """What is expected of all, with an estimate more."""
        with self._lock:
            self._expected += gb
            return self._expected

    @property
    def is_reached(self) -> bool:
        """Whether no further query may be begun."""
        with self._lock:
            return self._read / GB >= self.gb


class Meter:
    """Counts the bytes of the queries of a region, those that failed among them. Safe for several threads."""

    def __init__(self, bound: Bound | None = None) -> None:
        self.bound = bound or Bound()
        self._bytes: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, query: str, scanned: object) -> None:
        """Note how many bytes were read for a query so far."""
        read = float(scanned) if isinstance(scanned, int | float) else 0.0
        with self._lock:
            more = max(0.0, read - self._bytes.get(query, 0.0))
            self._bytes[query] = self._bytes.get(query, 0.0) + more
        self.bound.add(more)

    @property
    def queries(self) -> int:
        """How many queries there were."""
        return len(self._bytes)

    @property
    def gb(self) -> float:
        """All that was read."""
        with self._lock:
            return sum(self._bytes.values()) / GB


class Estimate(NamedTuple):
    """What a scan will read, as far as a probe and the log group tell."""

    gb: float
    queries: int


def estimate(seconds: float, probed: float, stored: float, queries: int) -> Estimate:
    """What queries over a time will read: by the larger of two rates (bytes a second)."""
    return Estimate(max(probed, stored) * seconds * queries / GB, queries)


def shown_gb(gb: float) -> str:
    """An amount for people: "12.3 GB", "0.4 MB", "3 kB"."""
    if gb >= 1:
        return f"{gb:,.1f} GB"
    if gb >= 1e-4:
        return f"{gb * 1e3:,.1f} MB"
    return f"{gb * 1e6:,.0f} kB"


def shown_price(gb: float, usd_per_gb: float) -> str:
    """About what that costs."""
    usd = gb * usd_per_gb
    return f"about {usd:,.2f} USD" if usd >= 0.01 else "less than 0.01 USD"


def cost_note(meter: Meter, region: str, usd_per_gb: float) -> str:
    """What the queries of a region read, and what that costs."""
    return (
        f"Logs Insights read {shown_gb(meter.gb)} in {meter.queries} queries of {region} "
        f"({shown_price(meter.gb, usd_per_gb)} at {usd_per_gb:g} USD per GB)"
    )
