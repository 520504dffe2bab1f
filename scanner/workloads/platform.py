"""What the platforms of all kinds of workloads decide by configuration. Pure."""

from __future__ import annotations

from functools import cache, lru_cache

from scanner.iam import catalog
from scanner.mapping.untraced import UNOBSERVABLE, Untraced, known_untraced, never_called
from scanner.text.tables import rows
from scanner.workloads.kinds import KINDS


@cache
def platform_actions() -> frozenset[str]:
    """The actions (lower case) of which a workload's configuration tells whether they are needed."""
    return frozenset(
        row["action"].lower()
        for kind in KINDS.values()
        for table in kind.tables
        for row in rows("workloads", table)
    )


@lru_cache(maxsize=1 << 15)
def untraced(action: str) -> Untraced | None:
    """Why traces may not show an action (in lower case), None where nothing speaks against it."""
    known = known_untraced(action)
    return known if known or action in platform_actions() else never_called(action)


# bench row "300 functions from files": most actions of a pattern are none of these and need no closer look
@lru_cache(maxsize=1 << 10)
def untraced_actions(prefixes: tuple[str, ...]) -> frozenset[str]:
    """The actions (lower case) of services, by their prefixes, of which traces may not show a use."""
    actions = (action for prefix in prefixes for action in catalog.expand(f"{prefix}:*"))
    return frozenset(action for action in actions if untraced(action) is not None)


@lru_cache(maxsize=1 << 10)
def unobservable_actions(prefixes: tuple[str, ...]) -> frozenset[str]:
    """Those of them of which no trace can show a use."""
    reasons = ((action, untraced(action)) for action in untraced_actions(prefixes))
    return frozenset(action for action, reason in reasons if reason and reason.kind == UNOBSERVABLE)
