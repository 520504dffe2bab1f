"""How dangerous an action is: IAM's access level, raised by what an attacker is known to gain from it.

What they gain are rows of data/severity.csv, each with its source: published methods of privilege
escalation, actions whose effect cannot be undone, and actions that read data or credentials.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern, matches
from scanner.text.tables import rows

PRIVILEGE_ESCALATION = "privilege-escalation"
DESTRUCTION = "destruction"
DATA_ACCESS = "data-access"
# of an action that IAM does not have
UNKNOWN = "unknown"
# of what allows nothing: less than any of SEVERITY_LEVELS
NONE = "none"

# Most dangerous first: IAM's access levels (docs.aws.amazon.com/IAM/latest/UserGuide/
# access_policies_understand-policy-summary-access-level-summaries.html) with three levels more.
SEVERITY_LEVELS = (
    PRIVILEGE_ESCALATION,
    "permissions-management",
    DESTRUCTION,
    "write",
    DATA_ACCESS,
    "tagging",
    "read",
    "list",
    UNKNOWN,
)
_PLACE = {level: place for place, level in enumerate(SEVERITY_LEVELS)}


class Severity(NamedTuple):
    """How dangerous an action is: one of SEVERITY_LEVELS.

    `why` says in a few words what an attacker gains, `source` (a page, without https://) who says so; both
    are None where only the access level is known. A `why` that begins "with iam:PassRole" holds only for who
    may pass a role too.
    """

    level: str
    why: str | None = None
    source: str | None = None


def severity_of(action: str) -> Severity:
    """How dangerous an action ("s3:getobject", in lower case) is.

    What is known of it raises IAM's access level and never lowers it: kms:Decrypt stays a write, as IAM has
    it, and says that it reads data. An action that IAM does not have is "unknown".
    """
    return _severity_of(action.lower())


@lru_cache(maxsize=1 << 15)
def _severity_of(action: str) -> Severity:
    access = catalog.access_level(action)
    access = (
        access if access in _PLACE else SEVERITY_LEVELS[-1]
    )  # a level that IAM did not have when this was written
    known = _known(action)
    if known is None:
        return Severity(access)
    return known._replace(level=min(access, known.level, key=_PLACE.__getitem__))


def worst(actions: Iterable[str]) -> Severity:
    """The severity of the most dangerous of some actions, "unknown" of none.

    Of equally dangerous ones it is the first by name of those of which something is known.
    """
    ranked = ((_rank(action), severity_of(action)) for action in set(actions))
    return min(ranked, default=((), Severity(SEVERITY_LEVELS[-1])))[1]


def worst_level(actions: Iterable[str]) -> str:
    """The level of the most dangerous of some actions (lower case), "unknown" of none."""
    return SEVERITY_LEVELS[min(map(_place_of, actions), default=-1)]


# bench row "300 functions from files": asked for all actions of a wildcard, which no two roles use alike
@lru_cache(maxsize=1 << 15)
def _place_of(action: str) -> int:
    return _PLACE[severity_of(action).level]


def named(actions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The actions of which it is known what an attacker gains, with that, most dangerous first.

    These are all that escalate privileges, destroy or read data, spelled as IAM does. An action whose access
    level is the more dangerous one (kms:Decrypt) is among them, in the place of its access level.
    """
    known = [(action, severity_of(action)) for action in {action.lower() for action in actions}]
    telling = [(action, severity.why) for action, severity in known if severity.why is not None]
    return tuple((catalog.spelled(action), why) for action, why in sorted(telling, key=lambda t: _rank(t[0])))


@cache
def escalating() -> frozenset[str]:
    """The actions (lower case) by which privileges are escalated."""
    return frozenset().union(
        *(
            catalog.expand(row["action"])
            for row in rows("iam", "severity")
            if row["level"] == PRIVILEGE_ESCALATION
        )
    )


def needs_pass_role(action: str) -> bool:
    """Whether an action is dangerous only for who may pass a role too."""
    return (severity_of(action).why or "").startswith("with iam:PassRole")


def reads_secrets(actions: frozenset[str]) -> bool:
    """Whether one of some actions (lower case) reads secrets or credentials: data/secrets.csv."""
    return not actions.isdisjoint(_readers_of_secrets())


@cache
def _readers_of_secrets() -> frozenset[str]:
    return frozenset().union(*(catalog.expand(row["action"]) for row in rows("iam", "secrets")))


def _rank(action: str) -> tuple[int, bool, str]:
    severity = severity_of(action)
    return _PLACE[severity.level], severity.why is None, action.lower()


def _known(action: str) -> Severity | None:
    """The most dangerous row that speaks of an action; an exact one before a pattern."""
    exact, patterns = _table()
    fitting = exact.get(action, ()) + tuple(
        severity
        for pattern, severity in patterns.get(action.partition(":")[0], ())
        if matches(pattern, action)
    )
    return min(fitting, key=lambda severity: _PLACE[severity.level], default=None)


@cache
def _table() -> tuple[dict[str, tuple[Severity, ...]], dict[str, tuple[tuple[str, Severity], ...]]]:
    """The rows: by exact action, and the patterns by service prefix (which no row leaves open)."""
    exact: dict[str, tuple[Severity, ...]] = {}
    patterns: dict[str, tuple[tuple[str, Severity], ...]] = {}
    for row in rows("iam", "severity"):
        action, severity = row["action"].lower(), Severity(row["level"], row["why"], row["source"])
        if is_pattern(action):
            prefix = action.partition(":")[0]
            patterns[prefix] = (*patterns.get(prefix, ()), (action, severity))
        else:
            exact[action] = (*exact.get(action, ()), severity)
    return exact, patterns
