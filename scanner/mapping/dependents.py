"""Actions that a call of another action may need: data/dependent_actions.csv. Pure.

The Service Authorization Reference lists them as dependent actions. The table decides each: `possible`,
`acts-for-caller` (see `acts_for_caller`), or `nothing` where no operation of an SDK has the action.

A request that creates something may carry its tags, for which many services check the tagging action as well:
docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html,
docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_roles.html. Which ones do, the reference says of few.
"""

from __future__ import annotations

from functools import cache

from scanner.iam import catalog
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
    return tuple(dict.fromkeys((*_dependents().get(action.lower(), ()), *_tagging(action))))


def _tagging(action: str) -> tuple[str, ...]:
    known = catalog.action(action)
    if known is None or not known.takes_tags or known.access_level == "tagging":
        return ()
    return catalog.tagging_actions(known.name.partition(":")[0])
