"""Wildcards that a type of resource needs: data/needed_wildcards.csv, with a source for each row. Pure."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from scanner.text.tables import rows


@cache
def _needed_wildcards() -> list[re.Pattern[str]]:
    """ARNs whose last wildcard the resource's type needs, with the part before it as group 1."""
    compiled = []
    for row in rows("iam", "needed_wildcards"):
        before, after = row["resource"].split("{}")
        start = re.escape(before).replace(r"\*", "[^:]*")
        compiled.append(re.compile(f"({start}[^*?]+){re.escape(after)}"))
    return compiled


@lru_cache(maxsize=1 << 14)
def without_needed_wildcard(resource: str) -> str:
    """A resource pattern without the wildcard that its type needs, if that is its only one."""
    for pattern in _needed_wildcards():
        match = pattern.fullmatch(resource)
        if match:
            return match.group(1)
    return resource
