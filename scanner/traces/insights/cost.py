"""What queries cost: bytes that AWS read for them, counted as it says, and a bound."""

from __future__ import annotations

import threading
from typing import NamedTuple

GB = 1_000_000_000.0
# A setting, no promise: aws.amazon.com/cloudwatch/pricing has it for each region.
USD_PER_GB = 0.005


class Meter:
    """Counts the bytes of all queries, those that failed among them. Safe for several threads."""

    def __init__(self, bound_gb: float = float("inf")) -> None:
        self.bound_gb = bound_gb
        self._bytes: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, query: str, scanned: object) -> None:
        """Note how many bytes were read for a query so far."""
        read = float(scanned) if isinstance(scanned, int | float) else 0.0
        with self._lock:
            self._bytes[query] = max(read, self._bytes.get(query, 0.0))

    @property
    def queries(self) -> int:
        """How many queries there were."""
        return len(self._bytes)

    @property
    def gb(self) -> float:
        """All that was read."""
        with self._lock:
            return sum(self._bytes.values()) / GB

    @property
    def is_at_bound(self) -> bool:
        """Whether no further query may be begun."""
        return self.gb >= self.bound_gb


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
