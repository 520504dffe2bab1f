"""Whether a changed template declares the same roles with no more permissions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scanner.iam.patterns import contains
from scanner.iam.variables import literal
from scanner.templates.places import RolePlace
from scanner.templates.read import roles_in, text_of
from scanner.templates.written import Checkout

_WILDCARDS = {ord(literal(char)): char for char in "*?"}  # as a policy has them


def grants_less(path: str, before: bytes, after: bytes, checkout: Checkout) -> bool:
    """Whether the file at a path can be read as before, with the same roles, each with a part of its actions.

    What was checked of each edit when it was found holds for several of them; this is to be sure.
    """
    old, new = (_roles(path, content, checkout) for content in (before, after))
    if old is None or new is None or len(old) != len(new):
        return False
    return all(
        (one.name, one.logical_id, one.workloads) == (other.name, other.logical_id, other.workloads)
        and all(_is_covered(grant, set(_grants(one))) for grant in set(_grants(other)))
        for one, other in zip(old, new, strict=True)
    )


class _Grant(NamedTuple):
    """An action of a statement; of a policy that is only mentioned there is none."""

    known: tuple[object, ...]
    action: str
    resources: frozenset[str]


def _is_covered(grant: _Grant, old: set[_Grant]) -> bool:
    """Whether a grant is one of the old ones, or a part of one."""
    return grant in old or any(
        grant.known == other.known
        and contains(other.action, grant.action)
        and all(any(contains(r, resource) for r in other.resources) for resource in grant.resources)
        for other in old
    )


def _roles(path: str, content: bytes, checkout: Checkout) -> tuple[RolePlace, ...] | None:
    text = text_of(path, content)
    return None if text is None else roles_in(path, text, checkout)


def _grants(role: RolePlace) -> Iterator[_Grant]:
    for policy in role.policies:
        for place in policy.statements or ():
            known = (policy.name, place.not_actions, place.not_resources, place.condition)
            resources = frozenset(resource.translate(_WILDCARDS) for resource in place.resources)
            for action in place.actions or ("",):
                yield _Grant(known, action.translate(_WILDCARDS), resources)
        if policy.statements is None:
            yield _Grant((policy.name,), "", frozenset())
