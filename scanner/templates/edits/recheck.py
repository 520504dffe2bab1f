"""Whether a changed template declares the same roles with no more permissions. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.templates.places import RolePlace
from scanner.templates.read import roles_in, text_of
from scanner.templates.written import Checkout


def grants_less(path: str, before: bytes, after: bytes, checkout: Checkout) -> bool:
    """Whether the file at a path can be read as before, with the same roles, each with a part of its actions.

    What was checked of each edit when it was found holds for several of them; this is to be sure.
    """
    old, new = (_roles(path, content, checkout) for content in (before, after))
    if old is None or new is None or len(old) != len(new):
        return False
    return all(
        (one.name, one.logical_id, one.workloads) == (other.name, other.logical_id, other.workloads)
        and set(_grants(other)) <= set(_grants(one))
        for one, other in zip(old, new, strict=True)
    )


def _roles(path: str, content: bytes, checkout: Checkout) -> tuple[RolePlace, ...] | None:
    text = text_of(path, content)
    return None if text is None else roles_in(path, text, checkout)


def _grants(role: RolePlace) -> Iterator[tuple[object, ...]]:
    for policy in role.policies:
        for statement in policy.statements or ():
            for action in statement.actions or ("",):
                yield policy.name, action, statement.resources, statement.not_actions, statement.condition
        if policy.statements is None:
            yield (policy.name,)
