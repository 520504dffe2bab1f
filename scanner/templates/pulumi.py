"""Programs of Pulumi: no line of a statement, but what makes a policy, where names are literals.

Pulumi names a resource by its name in the program and seven random hex digits.
Source: pulumi.com/docs/iac/concepts/resources/names
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from scanner.iam.variables import literal
from scanner.templates.framework import Declarations, DeclaredRole, Framework
from scanner.templates.places import Name, PolicyPlace
from scanner.templates.written import Checkout
from scanner.text.yaml_document import Lines

_FILES = ("Pulumi.yaml", "Pulumi.yml")
_SUFFIXES = (".ts", ".js", ".mjs", ".py", ".go")
_MAX_FILES = 50
_MAX_TEXT = 100_000  # characters of a file
_MAX_MADE = 200
_RANDOM = "???????"
_CALL = re.compile(r"""\b(?:New)?(Role|RolePolicy)\(\s*(?:ctx,\s*)?["']([\w.-]{1,64})["']""")
_OF_YAML = re.compile(
    r"^[ ]{2,8}([\w.-]{1,64}):[ ]*\r?\n[ ]+type:[ ]*aws:iam(?:/\w{1,40})?:(Role|RolePolicy)[ ]*\r?$",
    re.MULTILINE,
)


class _Made(NamedTuple):
    """A role or a policy of a program."""

    kind: str
    name: str
    path: str
    line: int

    @property
    def deployed(self) -> Name:
        """The pattern of its deployed name."""
        return Name(f"{literal(self.name)}-{_RANDOM}")


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    made = list(dict.fromkeys(_all(path, text, checkout)))[:_MAX_MADE]
    policies = tuple(
        PolicyPlace(
            its.deployed,
            "inline",
            Lines(its.line, its.line),
            (),
            note=f"Pulumi makes it of RolePolicy {its.name} in {its.path}:{its.line}",
        )
        for its in made
        if its.kind == "RolePolicy"
    )
    roles = {its.name: DeclaredRole(its.deployed, policies) for its in made if its.kind == "Role"}
    return Declarations(roles) if policies and roles else None


def _all(path: str, text: str, checkout: Checkout) -> Iterator[_Made]:
    for match in _OF_YAML.finditer(text[:_MAX_TEXT]):
        yield _Made(match[2], match[1], path, text.count("\n", 0, match.start()) + 1)
    folder = posixpath.dirname(path)
    files = [name for name in checkout.names(folder) if name.endswith(_SUFFIXES)]
    for place in (posixpath.join(folder, name) for name in files[:_MAX_FILES]):
        code = (checkout.text(place) or "")[:_MAX_TEXT]
        checkout.steps.spend(1 + len(code) // 100)
        for match in _CALL.finditer(code):
            yield _Made(match[1], match[2], place, code.count("\n", 0, match.start()) + 1)


PULUMI = Framework(
    suffixes=("pulumi.yaml", "pulumi.yml"),
    is_named=lambda file: False,
    may_be=lambda file, text: file in _FILES,
    read=_read,
)
