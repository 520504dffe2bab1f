"""Values of condition keys that follow from the ARN in a call: data/condition_values.csv. Pure.

Each row has patterns of actions, a regular expression that finds the recorded ARN, a key and its value then.
A row without a value says that the request does not have the key.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam.patterns import matches
from scanner.model import ConditionValues
from scanner.text.tables import rows


class _Rule(NamedTuple):
    actions: tuple[str, ...]
    recorded: re.Pattern[str]
    key: str
    value: str


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(
            tuple(row["actions"].lower().split()),
            re.compile(row["recorded"]),
            key=row["key"].lower(),
            value=row["value"],
        )
        for row in rows("mapping", "condition_values")
    )


@lru_cache(maxsize=1 << 10)
def _rules_of(action: str) -> tuple[_Rule, ...]:
    return tuple(
        rule for rule in _rules() if any(matches(pattern, action.lower()) for pattern in rule.actions)
    )


def condition_values(action: str, arn: str) -> ConditionValues:
    """The condition keys (lower case) known for a call of an action that names an ARN, with their values."""
    found = ((rule, rule.recorded.fullmatch(arn)) for rule in _rules_of(action))
    return tuple(
        (rule.key, (match.expand(rule.value),) if rule.value else ()) for rule, match in found if match
    )
