"""AWS's partitions: their regions and the hosts of their APIs. Pure.

data/partitions.csv is written from botocore's partitions.json by scripts/refresh_services.py.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.text.tables import rows


class Partition(NamedTuple):
    """A partition: `regions` are those that botocore knows, `pattern` tells what others look like.

    `suffixes` are the domains below which its APIs have their hosts.
    """

    name: str
    regions: frozenset[str]
    pattern: re.Pattern[str]
    suffixes: tuple[str, ...]


@cache
def partitions() -> tuple[Partition, ...]:
    """All partitions."""
    return tuple(
        Partition(
            name=row["partition"],
            regions=frozenset(row["regions"].split()),
            pattern=re.compile(row["region_pattern"]),
            suffixes=tuple(row["suffixes"].split()),
        )
        for row in rows("mapping", "partitions")
    )


@lru_cache(maxsize=1 << 10)
def partition_of(region: str) -> str | None:
    """The partition of a region, None where none is known to have it."""
    known = (p.name for p in partitions() if region in p.regions)
    alike = (p.name for p in partitions() if p.pattern.fullmatch(region))
    return next(known, None) or next(alike, None)


def region_in(host: str) -> str:
    """The region that a host names: the last of its labels that is one. Empty where none is."""
    return next((label for label in reversed(host.split(".")) if partition_of(label)), "")


@cache
def _suffixes() -> tuple[str, ...]:
    """The domains of AWS's APIs, the longest first: one may end in another."""
    suffixes = {f".{suffix}" for partition in partitions() for suffix in partition.suffixes}
    return tuple(sorted(suffixes, key=lambda suffix: (-len(suffix), suffix)))


@lru_cache(maxsize=1 << 12)
def service_part(host: str) -> str | None:
    """What stands before the domain in a host of AWS's APIs: "sqs.us-east-1". None for every other host."""
    suffix = next((suffix for suffix in _suffixes() if host.endswith(suffix)), None)
    return None if suffix is None else host.removesuffix(suffix)
