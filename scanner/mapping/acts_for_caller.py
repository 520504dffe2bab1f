"""Calls after which AWS acts with the caller's own rights: data/acts_for_caller.csv. Pure.

What AWS does then is in no trace of the caller. Operations that only look (DescribeStacks) are none of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from scanner.text.tables import rows


@cache
def acting_actions() -> frozenset[str]:
    """The actions, in lower case, of operations that let AWS act with the caller's rights."""
    return frozenset(
        action.lower() for row in rows("mapping", "acts_for_caller") for action in row["actions"].split()
    )


def acts_for_caller(used: Iterable[str]) -> bool:
    """Whether one of the used actions (in lower case) let AWS act with the caller's rights."""
    return not acting_actions().isdisjoint(used)
