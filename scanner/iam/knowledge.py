"""What is known of permissions beside IAM's reference, as rows of small files, each with its source.

Which actions traces cannot show, which wildcards a resource needs. What Lambda itself needs: see `platform`.
"""

from __future__ import annotations

import csv
import re
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from scanner.iam import catalog, services
from scanner.iam.patterns import is_pattern, matches

UNOBSERVABLE = "unobservable"
MAY_RUN_UNTRACED = "may-run-untraced"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of data/NAME.csv."""
    with resources.files("scanner.iam").joinpath(f"data/{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Untraced(NamedTuple):
    """Why a use of an action may not be in any trace: `kind` is one of the two constants."""

    kind: str
    why: str


@cache
def _untraced() -> tuple[dict[str, Untraced], list[tuple[str, Untraced]]]:
    exact: dict[str, Untraced] = {}
    patterns: list[tuple[str, Untraced]] = []
    for row in rows("untraced"):
        action, untraced = row["action"].lower(), Untraced(row["kind"], row["why"])
        if is_pattern(action):
            patterns.append((action, untraced))
        else:
            exact[action] = untraced
    return exact, patterns


@lru_cache(maxsize=1 << 15)
def untraced(action: str) -> Untraced | None:
    """Why traces may not show an action (in lower case), None where nothing speaks against it."""
    exact, patterns = _untraced()
    known = exact.get(action) or next((u for pattern, u in patterns if matches(pattern, action)), None)
    if known or action in _platform_actions():
        return known
    return _NEVER_CALLED if action in _never_called(action.partition(":")[0]) else None


# No operation of any SDK has these actions, so no trace can hold a call that needs them.
_NEVER_CALLED = Untraced(UNOBSERVABLE, "is used by no operation of an AWS SDK")


@cache
def _platform_actions() -> frozenset[str]:
    """The actions of which a function's configuration tells whether they are needed."""
    return frozenset(row["action"].lower() for row in rows("platform"))


_INIT_CODE = frozenset({"appconfig", "secretsmanager", "ssm"})


def is_kept_of_a_wildcard(action: str) -> bool:
    """Whether an action (in lower case) stays of a wildcard that is cut to what was seen.

    Roles that are handed on, and what init code commonly reads. What Lambda itself may need depends on what
    was read of the configuration: see `platform.unread`.
    """
    known = untraced(action)
    if known is None:
        return False
    init_code = known.kind == MAY_RUN_UNTRACED and action.partition(":")[0] in _INIT_CODE
    return init_code or action == "iam:passrole"


@cache
def _never_called(prefix: str) -> frozenset[str]:
    names = services.data()["never_called"].get(prefix, ())
    return frozenset().union(*(catalog.expand(f"{prefix}:{name}") for name in names))


@cache
def _needed_wildcards() -> list[re.Pattern[str]]:
    """ARNs whose last wildcard the resource's type needs, with the part before it as group 1."""
    compiled = []
    for row in rows("needed_wildcards"):
        before, after = row["resource"].split("{}")
        start = re.escape(before).replace(r"\*", "[^:]*")
        compiled.append(re.compile(f"({start}[^*?]+){re.escape(after)}"))
    return compiled


@lru_cache(maxsize=1 << 14)
def without_needed_wildcard(resource: str) -> str:
    """A resource pattern less the wildcard that its type needs, if that is its only one."""
    for pattern in _needed_wildcards():
        match = pattern.fullmatch(resource)
        if match:
            return match.group(1)
    return resource
