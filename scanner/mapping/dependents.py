"""Actions that a call of another action may need: data/dependent_actions.csv. Pure.

The Service Authorization Reference lists them as dependent actions. The table decides each: `possible`,
`acts-for-caller` (see `acts_for_caller`), or `nothing` where no operation of an SDK has the action.
"""

from __future__ import annotations

from functools import cache

from scanner.text.tables import rows

POSSIBLE = "possible"
ACTS_FOR_CALLER = "acts-for-caller"
NOTHING = "nothing"


@cache
def _dependents() -> dict[str, tuple[str, ...]]:
    return {
        row["action"].lower(): tuple(row["dependents"].split())
        for row in rows("mapping", "dependent_actions")
        if row["decision"] != NOTHING
    }


def dependents_of(action: str) -> tuple[str, ...]:
    """The actions that a call of an action may need as well, on resources that only AWS knows."""
    return _dependents().get(action.lower(), ())
