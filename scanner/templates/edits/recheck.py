"""Whether a changed template declares the same roles with no more permissions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scanner.iam.patterns import contains
from scanner.iam.variables import literal
from scanner.templates.edits.texts import Changed, users_of
from scanner.templates.places import Name, RolePlace, Templates
from scanner.templates.read import roles_in, text_of
from scanner.templates.written import Checkout

_WILDCARDS = {ord(literal(char)): char for char in "*?"}  # as a policy has them


def grants_less(
    path: str, before: bytes, after: bytes, checkout: Checkout, templates: Templates | None = None
) -> bool:
    """Whether the file at a path can be read as before, with the same roles, each with a part of its actions.

    What was checked of each edit when it was found holds for several of them; this is to be sure. A file that
    declares no role is a part of `templates`, those of the checkout: of nothing that it is no part of is
    anything known.
    """
    old_text, new_text = text_of(path, before), text_of(path, after)
    if old_text is None or new_text is None:
        return False
    old = roles_in(path, old_text, checkout)
    if old != () or templates is None:
        return are_less(old, roles_in(path, new_text, checkout))
    users = users_of(path, templates.roles)
    return bool(users) and all(
        are_less(
            roles_in(user, checkout.text(user) or "", Changed(checkout, path, old_text, checkout.steps)),
            roles_in(user, checkout.text(user) or "", Changed(checkout, path, new_text, checkout.steps)),
        )
        for user in users
    )


def are_less(old: Sequence[RolePlace] | None, new: Sequence[RolePlace] | None) -> bool:
    """Whether new roles are the old ones, each with a part of its actions."""
    if old is None or new is None or len(old) != len(new):
        return False
    return all(
        (one.name, one.logical_id, one.workloads) == (other.name, other.logical_id, other.workloads)
        and _denials(other) <= _denials(one) <= _denials(other)
        and all(_is_covered(grant, set(_grants(one))) for grant in set(_grants(other)))
        for one, other in zip(old, new, strict=True)
    )


def _denials(role: RolePlace) -> Counter[Name]:
    """How many statements of a role deny something, by policy."""
    found: Counter[Name] = Counter()
    for policy in role.policies:
        found[policy.name] += policy.other_statements
    return found


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


def _grants(role: RolePlace) -> Iterator[_Grant]:
    for policy in role.policies:
        for place in policy.statements or ():
            known = (policy.name, place.not_actions, place.not_resources, place.condition)
            resources = frozenset(resource.translate(_WILDCARDS) for resource in place.resources)
            for action in place.actions or ("",):
                yield _Grant(known, action.translate(_WILDCARDS), resources)
        if policy.statements is None:
            yield _Grant((policy.name,), "", frozenset())
