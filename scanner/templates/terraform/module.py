"""What a module declares: its roles, their policies, and the functions that use them. Pure.

Source: registry.terraform.io/providers/hashicorp/aws/latest/docs, resources aws_iam_role,
aws_iam_role_policy, aws_iam_policy, aws_iam_role_policy_attachment, aws_iam_policy_attachment and
aws_lambda_function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.templates.framework import Attachment, DeclaredRole, RoleUse
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.terraform import lambda_module
from scanner.templates.terraform.blocks import Block, Module, Value, argument
from scanner.templates.terraform.documents import Policy, policies
from scanner.templates.terraform.managed import mentions
from scanner.templates.terraform.values import list_of, pattern, reference, resolved
from scanner.templates.written import Span

# registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role: without a name it makes one
_UNNAMED = "terraform-*"
_ROLE = "aws_iam_role"
_LISTS = ("policies", "policy_attachments")  # resources that list all that a role has


@dataclass
class Found:
    """What the blocks of a file of a module declare, as `Declarations` have it."""

    roles: dict[str, DeclaredRole] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    uses: list[RoleUse] = field(default_factory=list)


class Target(NamedTuple):
    """A role that something names: its address, None where it is not one of the checkout, and its name.

    `several` tells what makes several of it.
    """

    address: str | None
    name: Name
    several: str = ""


def found_in(module: Module) -> dict[str, Found]:
    """What a module declares, and the modules that it calls, by the paths of its files."""
    found: dict[str, Found] = {}
    for block in module.blocks.values():
        its = found.setdefault(block.file.path, Found())
        if block.kind == "resource" and len(block.labels) == 2:
            _take_resource(module, block, its)
        elif block.kind == "module":
            _take_module(module, block, its)
    return found


def _take_module(module: Module, block: Block, found: Found) -> None:
    """What a called module declares is the calling block's."""
    called = module.called(block)
    if called is not None:
        for its in found_in(called).values():
            found.roles |= its.roles
            found.attachments += its.attachments
            found.uses += its.uses
    elif lambda_module.is_meant(block):
        made = lambda_module.made_by(module, block)
        if made.role is not None:
            found.roles[made.address] = made.role
        address = made.address if made.role is not None else target(made.given_role).address
        found.uses.append(RoleUse(address, made.function_name))


def _take_resource(module: Module, block: Block, found: Found) -> None:
    kind, name = block.labels
    if kind == _ROLE:
        found.roles[f"{module.address}{_ROLE}.{name}"] = _role(module, block)
    elif kind == "aws_lambda_function":
        its_role = target(argument(module, block, "role"))
        function = pattern(argument(module, block, "function_name"))
        found.uses.append(RoleUse(its_role.address, Name(function)))
    elif kind == "aws_iam_role_policy":
        role = target(argument(module, block, "role"))
        its = Policy(name_of(module, block), "inline", module.several(block) or role.several)
        document = argument(module, block, "policy")
        _attach(found, role, policies(document, its, _all_of(module, block, document)))
    elif kind == "aws_iam_policy":
        its = Policy(name_of(module, block), "managed", module.several(block))
        places = policies(argument(module, block, "policy"), its)
        # Known by its own name, to whichever roles it is attached.
        found.attachments.append(Attachment(None, DeclaredRole(None, places)))
    elif kind in ("aws_iam_role_policy_attachment", "aws_iam_policy_attachment"):
        places = tuple(_attached(module, block))
        for role in _roles(module, block):
            _attach(found, role, places)


def _attach(found: Found, role: Target, places: tuple[PolicyPlace, ...]) -> None:
    if places:
        found.attachments.append(Attachment(role.address, DeclaredRole(role.name, places)))


def _all_of(module: Module, block: Block, document: Value | None) -> Span | None:
    """All that says that a role has a policy, None where something else names or lists it too."""
    if document is None or resolved(document) != document or reference(document):
        return None
    listed = any(list(module.of_kind("resource", f"aws_iam_role_{its}_exclusive")) for its in _LISTS)
    named_elsewhere = module.mentions(".".join(block.labels)) > 0
    return None if listed or named_elsewhere else block.file.hcl.span(block.node)


# --- roles -------------------------------------------------------------------------------------------


def _role(module: Module, block: Block) -> DeclaredRole:
    places: list[PolicyPlace] = []
    for inner in block.blocks:
        if inner.kind == "inline_policy":
            name = Name(pattern(argument(module, inner, "name")))
            its = Policy(name, "inline", module.several(block))
            places += policies(argument(module, inner, "policy"), its, inner.file.hcl.span(inner.node))
    managed = argument(module, block, "managed_policy_arns")
    for item in (list_of(managed) or []) if managed is not None else []:
        whole = managed is not None and item.is_in(managed) and not module.several(block)
        places += mentions(item, entry=item if whole else None)
    return DeclaredRole(name_of(module, block), tuple(places))


def name_of(module: Module, block: Block) -> Name:
    """The name that a block gives, or a pattern of what is made where it gives none."""
    given = argument(module, block, "name")
    if given is not None:
        return Name(pattern(given))
    prefix = argument(module, block, "name_prefix")
    return Name(_UNNAMED if prefix is None else f"{pattern(prefix)}*".replace("**", ANY))


def target(value: Value | None) -> Target:
    """The role that an argument names: by a reference, or its name."""
    if value is None:
        return Target(None, Name(ANY))
    value = resolved(value)
    match reference(value):
        case ("aws_iam_role", name, "id" | "name" | "arn"):
            block = value.module.block("resource", _ROLE, name)
            if block is not None:
                address = f"{value.module.address}{_ROLE}.{name}"
                return Target(address, name_of(value.module, block), value.module.several(block))
        case ("data", "aws_iam_role", name, _):
            block = value.module.block("data", _ROLE, name)
            return Target(None, Name(ANY) if block is None else name_of(value.module, block))
        case ("module", name, "lambda_role_name" | "lambda_role_arn"):
            block = value.module.block("module", name)
            if block is not None and lambda_module.is_meant(block):
                return Target(lambda_module.address_of(value.module, block), Name(ANY))
    name = pattern(value)
    return Target(None, Name(name.rpartition("/")[2] if name.startswith("arn:") else name))


def _roles(module: Module, block: Block) -> Iterator[Target]:
    """The roles that an attachment names."""
    if (role := argument(module, block, "role")) is not None:
        yield target(role)
    roles = argument(module, block, "roles")
    for item in (list_of(roles) or []) if roles is not None else []:
        yield target(item)


# --- managed policies --------------------------------------------------------------------------------


def _attached(module: Module, block: Block) -> Iterator[PolicyPlace]:
    """The managed policies that an attachment names, one or those of `for_each`."""
    policy = argument(module, block, "policy_arn")
    every = argument(module, block, "for_each")
    if policy is None:
        return
    if every is None or reference(policy)[:1] != ("each",):
        whole = _all_of(module, block, policy) and len(list(_roles(module, block))) == 1
        alone = block.labels[0] == "aws_iam_role_policy_attachment" and not module.several(block)
        yield from mentions(policy, entry=Value(module, block.file, block.node) if whole and alone else None)
        return
    for item in list_of(every) or []:
        yield from mentions(item, entry=item if item.is_in(every) and module.call is None else None)
