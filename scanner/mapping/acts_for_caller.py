"""Calls after which AWS acts with the caller's own rights: data/acts_for_caller.csv. Pure.

What AWS does then is in no trace of the caller. Operations that only look (DescribeStacks) are none of these.
`suggested_by` tells which grants suggest that code makes such calls: a `wildcard` over the service, or only
such as `name` them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from scanner.text.tables import rows

_NAMED = "name"


@cache
def acting_actions() -> frozenset[str]:
    """The actions, in lower case, of operations that let AWS act with the caller's rights."""
    return frozenset(
        action.lower() for row in rows("mapping", "acts_for_caller") for action in row["actions"].split()
    )


@cache
def _by_service() -> dict[str, frozenset[str]]:
    by_service: dict[str, set[str]] = {}
    for action in acting_actions():
        by_service.setdefault(action.partition(":")[0], set()).add(action)
    return {service: frozenset(actions) for service, actions in by_service.items()}


@cache
def _of_other_services() -> frozenset[str]:
    """The services that are called for other things above all: a wildcard over one suggests nothing."""
    named = (row for row in rows("mapping", "acts_for_caller") if row["suggested_by"] == _NAMED)
    return frozenset(action.partition(":")[0] for row in named for action in row["actions"].split())


def suggested_by(pattern: str) -> frozenset[str]:
    """Those of its service's actions that a pattern of actions (lower case) suggests, if it matches them."""
    service, _, name = pattern.partition(":")
    if name == "*" and service in _of_other_services():
        return frozenset()
    return _by_service().get(service, frozenset())


def acts_for_caller(used: Iterable[str]) -> bool:
    """Whether one of the used actions (in lower case) let AWS act with the caller's rights."""
    return not acting_actions().isdisjoint(used)
