"""Wildcards that a type of resource needs: data/needed_wildcards.csv, with a source for each row. Pure.

In a row `{}` stands for a name or the beginning of one, `*` for any value of a field and `**` for anything.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from scanner.iam.patterns import is_pattern
from scanner.text.tables import rows

_REST = r"\*\*"


@cache
def _needed_wildcards() -> list[re.Pattern[str]]:
    """ARNs with wildcards that the resource's type needs, with the part before these as group 1."""
    compiled = []
    for row in rows("iam", "needed_wildcards"):
        start, after = _start_and_rest(row["resource"])
        compiled.append(re.compile(f"({start}){after}", re.DOTALL))
    return compiled


def _start_and_rest(resource: str) -> tuple[str, str]:
    before, name, after = resource.partition("{}")
    if not name:  # all resources of a type
        before, _, after = resource.partition("**")
        after = "**" + after
    start = re.escape(before).replace(r"\*", "[^:]*") + ("[^*?]+" if name else "")
    return start, re.escape(after).replace(_REST, ".*")


@lru_cache(maxsize=1 << 14)
def without_needed_wildcard(resource: str) -> str:
    """A resource pattern without the wildcards that its type needs, if it has no others."""
    for pattern in _needed_wildcards():
        match = pattern.fullmatch(resource)
        if match:
            return match.group(1)
    return resource


def leaves_account_open(pattern: str) -> bool:
    """Whether a resource pattern has a wildcard in the place of the account, and is no `*` as a whole."""
    fields = pattern.split(":", 5)
    return len(fields) == 6 and is_pattern(fields[4])


@cache
def crossing_accounts() -> frozenset[str]:
    """Writes (in lower case) that another account can let in: data/cross_account.csv."""
    return frozenset(row["action"].lower() for row in rows("iam", "cross_account"))


# docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html: a secret's ARN ends in
# six random characters, for which policies have `-??????` or `-*`
_SUFFIX = re.compile(r"-(?:\?{6}|[A-Za-z0-9]{6})")


def ends_with_a_secrets_name(pattern: str, used: str) -> bool:
    """Whether a pattern `secret:NAME-*` is of a used secret of just this name, in whatever region."""
    _, is_secret, name = pattern.partition(":secret:")
    _, is_used_secret, used_name = used.partition(":secret:")
    if not (is_secret and is_used_secret and name.endswith("-*")):
        return False
    name = name[:-2]
    return used_name.startswith(name) and _SUFFIX.fullmatch(used_name, len(name)) is not None
