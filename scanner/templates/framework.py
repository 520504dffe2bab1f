"""What a framework's reader gives: how its templates are known, and the roles that they declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from yaml.nodes import Node

from scanner.templates.places import ANY, Name, PolicyPlace, RolePlace, TemplatePlace
from scanner.templates.tree import Tree
from scanner.templates.written import Checkout


class DeclaredRole(NamedTuple):
    """A role with the policies that stand in it; with `name` None it can be any role.

    `made_by` is that of `RolePlace`.
    """

    name: Name | None
    policies: tuple[PolicyPlace, ...] = ()
    made_by: str = ""


class RoleUse(NamedTuple):
    """A workload that uses a role. `role_id` is the role's logical id, None where it is unknown."""

    role_id: str | None
    workload: Name


class Attachment(NamedTuple):
    """A policy that is declared apart from its role.

    `role` stands in for the role where none has the logical id `role_id`.
    """

    role_id: str | None
    role: DeclaredRole


@dataclass(frozen=True)
class Declarations:
    """What a template declares: roles by logical id, and what is declared apart from them.

    `service`, `stack`, `resources`, `parts` and `dangling` are those of `TemplatePlace`.
    """

    roles: Mapping[str, DeclaredRole] = field(default_factory=dict)
    uses: tuple[RoleUse, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    service: str | None = None
    stack: str = ANY
    resources: frozenset[tuple[str, str]] = frozenset()
    parts: frozenset[str] = frozenset()
    dangling: frozenset[str] = frozenset()

    def __or__(self, other: Declarations) -> Declarations:
        """The roles of both together; of two with one logical id, the other's."""
        return replace(
            self,
            roles={**self.roles, **other.roles},
            uses=self.uses + other.uses,
            attachments=self.attachments + other.attachments,
        )


class Framework(NamedTuple):
    """One framework. To add one: a module with such a value, named in `read.FRAMEWORKS`.

    `suffixes`: what its templates' names end with. `is_named(file)`: its templates have such names by
    convention, so that one that cannot be read is worth a mention. `may_be(file, text)`: a cheap test before
    parsing; most YAML and JSON files of a checkout are something else. `read(path, text, checkout)`: what the
    template at a path declares, None where it is no template of it; it may raise whatever a parser raises,
    and takes other files of the checkout from `checkout` alone. `parts`: what the names of further files end
    with that are read of a template, and edited.
    """

    suffixes: tuple[str, ...]
    is_named: Callable[[str], bool]
    may_be: Callable[[str, str], bool]
    read: Callable[[str, str, Checkout], Declarations | None]
    parts: tuple[str, ...] = ()


def name_of(tree: Tree, given: Node | None, logical_id: str) -> Name:
    """The name that a resource is given, or the one that CloudFormation makes of its logical id."""
    return Name(logical_id, derived=True) if given is None else Name(tree.pattern(given))


def role_places(path: str, declarations: Declarations) -> tuple[RolePlace, ...]:
    """The roles of the template at a path, each with all workloads and policies that are declared for it."""
    roles = declarations.roles
    template = TemplatePlace(
        path,
        declarations.service,
        declarations.stack,
        declarations.resources,
        declarations.parts,
        declarations.dangling,
    )
    workloads: dict[str | None, list[Name]] = defaultdict(list)
    for use in declarations.uses:
        workloads[use.role_id].append(use.workload)
    attached: dict[str | None, list[PolicyPlace]] = defaultdict(list)
    apart: list[DeclaredRole] = []
    for attachment in declarations.attachments:
        if attachment.role_id in roles:
            attached[attachment.role_id] += attachment.role.policies
        else:
            apart.append(attachment.role)
    return (
        *(
            RolePlace(
                template,
                role.name,
                workloads=tuple(workloads[role_id]),
                policies=(*role.policies, *attached[role_id]),
                logical_id=role_id,
                made_by=role.made_by,
            )
            for role_id, role in roles.items()
        ),
        *(
            RolePlace(template, role.name, workloads=(), policies=role.policies, made_by=role.made_by)
            for role in apart
        ),
    )
