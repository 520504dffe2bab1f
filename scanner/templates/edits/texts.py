"""The texts that roles are written in, and a checkout with another one in the place of one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scanner.templates.places import RolePlace
from scanner.templates.steps import Steps
from scanner.templates.written import Checkout, Source, Written


class Changed(NamedTuple):
    """The files of a checkout, one of them with another text."""

    files: Checkout
    path: str
    new: str
    steps: Steps

    def text(self, path: str) -> str | None:
        """The text of a file."""
        return self.new if path == self.path else self.files.text(path)

    def names(self, folder: str) -> Sequence[str]:
        """The names of the files in a folder."""
        return self.files.names(folder)


def sources_of(role: RolePlace) -> list[Source]:
    """The texts that a role is written in."""
    written: list[Written | None] = []
    for policy in role.policies:
        written += [policy.written, *(statement.written for statement in policy.statements or ())]
    return [its.source for its in written if its is not None]


def users_of(path: str, roles: Iterable[RolePlace]) -> list[str]:
    """The templates with roles that are written in the file at a path."""
    return sorted({role.path for role in roles if any(its.path == path for its in sources_of(role))})
