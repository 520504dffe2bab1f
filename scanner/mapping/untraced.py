"""Which actions traces cannot show, or may not: data/untraced.csv, with a source for each row. Pure.

What a platform itself needs is decided by a workload's configuration: see `scanner.workloads.platform`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern, matches
from scanner.mapping import services
from scanner.text.tables import rows

UNOBSERVABLE = "unobservable"
MAY_RUN_UNTRACED = "may-run-untraced"
# S3's own, with a role that trusts S3:
# docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
_BY_REPLICATION = "is used by S3 replication and by no SDK call"
_INIT_CODE = frozenset({"appconfig", "secretsmanager", "ssm"})


class Untraced(NamedTuple):
    """Why a use of an action may not be in any trace: `kind` is one of the two constants."""

    kind: str
    why: str


# No operation of any SDK has these actions, so no trace can hold a call that needs them.
_NEVER_CALLED = Untraced(UNOBSERVABLE, "is used by no operation of an AWS SDK")


@cache
def _rows() -> tuple[dict[str, Untraced], dict[str, list[tuple[str, Untraced]]]]:
    """The rows: by exact action, and the patterns by service prefix (which no row leaves open)."""
    exact: dict[str, Untraced] = {}
    patterns: dict[str, list[tuple[str, Untraced]]] = {}
    for row in rows("mapping", "untraced"):
        untraced = Untraced(row["kind"], row["why"])
        for action in row["action"].lower().split():
            if is_pattern(action):
                patterns.setdefault(action.partition(":")[0], []).append((action, untraced))
            else:
                exact[action] = untraced
    return exact, patterns


@lru_cache(maxsize=1 << 15)
def known_untraced(action: str) -> Untraced | None:
    """Why traces may not show an action (in lower case), None where no row names it."""
    exact, patterns = _rows()
    if action in exact:
        return exact[action]
    of_service = patterns.get(action.partition(":")[0], ())
    return next((untraced for pattern, untraced in of_service if matches(pattern, action)), None)


def never_called(action: str) -> Untraced | None:
    """That no operation of an SDK uses an action (in lower case), None where one does."""
    return _NEVER_CALLED if action in _never_called(action.partition(":")[0]) else None


@cache
def _never_called(prefix: str) -> frozenset[str]:
    names = services.data()["never_called"].get(prefix, ())
    return frozenset().union(*(catalog.expand(f"{prefix}:{name}") for name in names))


def may_be_used_by_code(action: str) -> bool:
    """Whether code may use an action (in lower case) although no trace shows it: a row names it.

    What only a service of AWS itself uses, with a role of its own, is not among them.
    """
    untraced = known_untraced(action)
    return untraced is not None and untraced.why != _BY_REPLICATION


def is_read_by_init_code(action: str) -> bool:
    """Whether init code commonly reads with an action (in lower case), of more than handlers are seen to."""
    untraced = known_untraced(action)
    init_code = untraced is not None and untraced.kind == MAY_RUN_UNTRACED
    return (init_code and action.partition(":")[0] in _INIT_CODE) or action == "iam:passrole"
