"""Does an action work on what a resource pattern names? By the types of IAM's reference. Pure.

Statements multiply actions by resources, so that many grants name a type of resource that their action does
not work on (`s3:ListBucket` on `bucket/*`): those allow nothing.
docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam import catalog, plain_names
from scanner.iam.arns import ALL, format_pattern, grants_account_wide, overlaps
from scanner.iam.patterns import contains, is_pattern, matches
from scanner.text.tables import rows

_FIELDS = 6
_SEPARATOR = re.compile("([:/])")
_NAME = re.compile("[A-Za-z0-9_-]+")
_ANY_NAME = "a-name"


class Fit(Enum):
    """What the reference says of an action on a resource pattern."""

    WORKS = "works"
    OTHER_TYPE = "other type"  # the pattern names a type of resource that the action does not work on
    NO_ACTION = "no action"  # IAM has no such action, though templates grant it
    UNKNOWN = "unknown"  # the reference does not know the action, the type, or any type for the action


class Fits(NamedTuple):
    """The actions of a grant (lower case) by how they fit its resource.

    `account_wide` know no resources, and the pattern names single ones.
    """

    works: frozenset[str]
    other_type: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    account_wide: frozenset[str] = frozenset()


def fits(actions: frozenset[str], pattern: str) -> Fits:
    """How each of some actions (lower case) fits a resource pattern."""
    if len(actions) == 1 and not any(map(catalog.action, actions)):
        return Fits(frozenset(), unknown=actions)
    return Fits(actions) if pattern == ALL else _fits(actions, _without_names(pattern))


# bench row "300 functions from files": with `NotAction` it takes 10 ms
@lru_cache(maxsize=1 << 12)
def _fits(actions: frozenset[str], pattern: str) -> Fits:
    prefixes = {action.partition(":")[0] for action in actions}
    parts = [_of_service(prefix, pattern) for prefix in sorted(prefixes)]
    works = actions.intersection(frozenset[str]().union(*(part.works for part in parts)))
    account_wide = (
        actions.intersection(frozenset[str]().union(*(part.account_wide for part in parts))) - works
    )
    qualified = actions.intersection(frozenset[str]().union(*(part.unknown for part in parts)))
    rest = actions - works - account_wide
    unknown = frozenset(a for a in rest if a in qualified or catalog.action(a) is None)
    rest -= unknown
    if not rest or _names_known_types(pattern):
        return Fits(works, rest, unknown, account_wide)
    return Fits(works, frozenset(), unknown | rest, account_wide)


def fit(action: str, pattern: str) -> Fit:
    """How one action (lower case) fits a resource pattern."""
    return _fit(action, _without_names(pattern))


@lru_cache(maxsize=1 << 14)
def _fit(action: str, pattern: str) -> Fit:
    formats = _formats_of(action)
    if formats is None:
        return Fit.NO_ACTION if action in _no_actions() else Fit.UNKNOWN
    if pattern == ALL:
        return Fit.WORKS
    if not formats:
        prefix = action.partition(":")[0]
        return Fit.WORKS if grants_account_wide(pattern, prefix) else Fit.UNKNOWN
    if any(_names(pattern, arn) for arn in formats):
        return Fit.WORKS
    if any(_is_qualified(arn, pattern) for arn in formats):
        return Fit.UNKNOWN
    return Fit.OTHER_TYPE if _names_known_types(pattern) else Fit.UNKNOWN


# bench row "1,000 roles": the names of resources differ, and the types that they are of do not
def _without_names(pattern: str) -> str:
    """A pattern with a like type and a name that no format of the reference has."""
    fields = pattern.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS:
        return pattern
    words, mixed = _words_of(fields[2])
    segments = _SEPARATOR.split(fields[5])
    for place in range(0, len(segments), 2):
        segment = segments[place]
        if _NAME.fullmatch(segment) and segment not in words and not any(matches(m, segment) for m in mixed):
            segments[place] = _ANY_NAME
    return ":".join([*fields[:5], "".join(segments)])


@cache
def _words_of(service: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """What stands between `:` and `/` in the ARN patterns of a service: words, and words with wildcards."""
    resources = (arn.split(":", _FIELDS - 1)[5] for arn in _types(service))
    segments = {segment for resource in resources for segment in _SEPARATOR.split(resource)[0::2]}
    mixed = {segment for segment in segments if is_pattern(segment) and segment != ALL}
    return frozenset(segments - mixed), tuple(sorted(mixed))


@lru_cache(maxsize=1 << 12)
def _types_of(pattern: str) -> frozenset[str]:
    """The types of resources, by their ARN patterns, of which all is that a pattern stands for."""
    fields = pattern.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS or is_pattern(fields[2]):
        return frozenset()
    return frozenset(arn for arn in _types(fields[2]) if contains(arn, pattern))


def _names_known_types(pattern: str) -> bool:
    """Whether a pattern names types of resources that IAM's reference knows: one, or several."""
    fields = pattern.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS or is_pattern(fields[2]):
        return False
    return any(overlaps(pattern, arn) for arn in _types(fields[2]))


def _of_service(prefix: str, pattern: str) -> Fits:
    """The actions of a service that work on a pattern, that may, and those that know no resources."""
    by_format = _by_format(prefix)
    works, unknown = set[str](), set[str]()
    for arn, actions in by_format.items():
        if arn is None:
            continue
        if _names(pattern, arn):
            works |= actions
        elif _is_qualified(arn, pattern):
            unknown |= actions
    account_wide = by_format.get(None, frozenset())
    if account_wide and grants_account_wide(pattern, prefix):
        works |= account_wide
    return Fits(frozenset(works), unknown=frozenset(unknown), account_wide=account_wide)


def _names(pattern: str, arn: str) -> bool:
    """Whether a pattern names a resource of a format, and not only parts of such resources.

    `table/*` stands for `table/t/index/i` too, though that is an index and no table. The names of the format
    may be marked as plain: no queue is `queue/*`.
    """
    marked, arn = arn, plain_names.loose(arn)
    if pattern.split(":", 4)[3:4] == [""] and arn.split(":", 4)[3]:
        return False  # an access point has a region, its bucket has none
    if not overlaps(pattern, arn) or (marked != arn and not plain_names.can_be(pattern, marked)):
        return False
    if ALL not in marked:
        return True  # each of its names is known to be plain
    types = _types_of(pattern)
    if not _parts_of(arn).isdisjoint(types):
        return False
    return not types or arn in types or any(_is_within(arn, kind) for kind in _narrowest(types))


def _narrowest(types: frozenset[str]) -> list[str]:
    """Of the types of a pattern those that are no part of others: the index, not its table."""
    return [kind for kind in types if not any(_is_within(other, kind) for other in types)]


def _is_qualified(arn: str, pattern: str) -> bool:
    """Whether a pattern names what a format qualifies by a further `:`, as an alias does a function.

    Which of the two IAM asks for is not in its reference: of log groups it is either.
    """
    arn = plain_names.loose(arn)
    types = _types_of(pattern)
    return bool(types) and _service_of(arn) == _service_of(pattern) and not _wholes_of(arn).isdisjoint(types)


@lru_cache(maxsize=1 << 13)
def _parts_of(arn: str) -> frozenset[str]:
    """The formats of what lies in a resource, by a further `/`: an index of a table."""
    types = _types(_service_of(arn))
    return frozenset(part for part in types if _is_within(part, arn) and _colons(part) == _colons(arn))


@lru_cache(maxsize=1 << 13)
def _wholes_of(arn: str) -> frozenset[str]:
    types = _types(_service_of(arn))
    return frozenset(whole for whole in types if _is_within(arn, whole) and _colons(whole) < _colons(arn))


def _service_of(arn: str) -> str:
    return arn.split(":", 3)[2]


def _is_within(inner: str, outer: str) -> bool:
    return contains(outer, inner) and not contains(inner, outer)


def _colons(arn: str) -> int:
    return arn.count(":")


@lru_cache(maxsize=1 << 14)
def _formats_of(action: str) -> tuple[str, ...] | None:
    """The ARN patterns of an action's types of resources, plain names marked; None for an unknown action."""
    known = catalog.action(action)
    if known is None:
        return None
    formats = (format_pattern(arn) for kind in known.resource_types for arn in kind.formats)
    return tuple(dict.fromkeys(plain_names.marked(arn, action) for arn in formats))


@cache
def _no_actions() -> frozenset[str]:
    """Names that templates grant though IAM has no such action: data/no_actions.csv."""
    return frozenset(row["action"].lower() for row in rows("iam", "no_actions"))


@cache
def _by_format(prefix: str) -> dict[str | None, frozenset[str]]:
    """The actions of a service by the ARN patterns, plain names marked, that they work on; None for none."""
    by_format: dict[str | None, set[str]] = {}
    for action in catalog.expand(f"{prefix}:*"):
        for arn in _formats_of(action) or (None,):
            by_format.setdefault(arn, set()).add(action)
    return {arn: frozenset(actions) for arn, actions in by_format.items()}


@cache
def _types(service: str) -> frozenset[str]:
    """The ARN patterns of all types of resources of a service, by the service in its ARNs."""
    known = (plain_names.loose(arn) for arn in _by_format(service) if arn is not None)
    return frozenset(arn for arn in known if _service_of(arn) == service)
