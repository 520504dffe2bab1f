"""What IAM checks in place of the resource that a call names: data/authorised_instead.csv. Pure.

Each row has patterns of actions, those that it does not hold for, a regular expression that finds the
recorded ARN and what is checked then. `instead`: that alone is documented to be checked. `also`: it may be.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam.patterns import matches
from scanner.text.tables import rows

INSTEAD, ALSO = "instead", "also"


class Checked(NamedTuple):
    """What IAM checks for a recorded ARN: `surely` where it does so in place of the recorded one."""

    arn: str
    surely: bool


class _Rule(NamedTuple):
    actions: tuple[str, ...]
    except_actions: tuple[str, ...]
    recorded: re.Pattern[str]
    checked: str
    surely: bool

    def holds_for(self, action: str) -> bool:
        if any(matches(pattern, action) for pattern in self.except_actions):
            return False
        return any(matches(pattern, action) for pattern in self.actions)


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(
            actions=tuple(row["actions"].lower().split()),
            except_actions=tuple(row["except"].lower().split()),
            recorded=re.compile(row["recorded"]),
            checked=row["checked"],
            surely=row["certainty"] == INSTEAD,
        )
        for row in rows("mapping", "authorised_instead")
    )


@lru_cache(maxsize=1 << 10)
def _rules_of(action: str) -> tuple[_Rule, ...]:
    return tuple(rule for rule in _rules() if rule.holds_for(action))


def checked_for(action: str, arn: str) -> list[Checked]:
    """What IAM checks, or may check, for a call of an action that names an ARN; empty: just that ARN."""
    action = action.lower()
    found = ((rule, rule.recorded.fullmatch(arn)) for rule in _rules_of(action))
    return [Checked(match.expand(rule.checked), rule.surely) for rule, match in found if match]
