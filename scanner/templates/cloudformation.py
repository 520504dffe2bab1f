"""CloudFormation's templates, and those of its transforms: roles, functions and policies among the resources.

Source: docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from yaml.nodes import Node

from scanner.templates import sam
from scanner.templates.expanded import with_expansions
from scanner.templates.framework import (
    Attachment,
    Declarations,
    DeclaredRole,
    Framework,
    RoleUse,
    name_of,
)
from scanner.templates.places import Name
from scanner.templates.policies import inline, mentions, policy
from scanner.templates.tree import Tree
from scanner.templates.written import Checkout
from scanner.templates.yaml_text import yaml_tree


def _declarations(tree: Tree) -> Declarations:
    return with_expansions(tree, replace(of_resources(tree), resources=resource_types(tree)))


def resource_types(tree: Tree) -> frozenset[tuple[str, str]]:
    """The resources of a tree: logical ids and types."""
    return frozenset((logical_id, resource.type) for logical_id, resource in tree.resources.items())


def of_resources(tree: Tree) -> Declarations:
    """What the resources of a tree declare, those of SAM included."""
    return own_resources(tree) | sam.of_resources(tree)


def own_resources(tree: Tree) -> Declarations:
    """What the resources of a tree declare that are CloudFormation's own."""
    return Declarations(_roles(tree), tuple(_uses(tree)), tuple(_attachments(tree)))


def _roles(tree: Tree) -> dict[str, DeclaredRole]:
    return {
        logical_id: _role(tree, logical_id, tree.fields(resource.properties))
        for logical_id, resource in tree.resources.items()
        if resource.type == "AWS::IAM::Role"
    }


def _role(tree: Tree, logical_id: str, fields: Mapping[str, Node]) -> DeclaredRole:
    entries = [(entry, tree.fields(entry)) for entry in tree.items(fields.get("Policies"))]
    inlined = [inline(tree, its.get("PolicyName"), its.get("PolicyDocument"), e) for e, its in entries]
    managed = mentions(tree, fields.get("ManagedPolicyArns"))
    return DeclaredRole(name_of(tree, fields.get("RoleName"), logical_id), (*inlined, *managed))


def _uses(tree: Tree) -> Iterator[RoleUse]:
    for logical_id, resource in tree.resources.items():
        if resource.type == "AWS::Lambda::Function":
            fields = tree.fields(resource.properties)
            name = name_of(tree, fields.get("FunctionName"), logical_id)
            for node in tree.items(fields.get("Role")):
                yield RoleUse(tree.target(node), name)


def _attachments(tree: Tree) -> Iterator[Attachment]:
    """The policies that are resources of their own."""
    for logical_id, resource in tree.resources.items():
        fields = tree.fields(resource.properties)
        document = fields.get("PolicyDocument")
        others = any(tree.items(fields.get(name)) for name in ("Users", "Groups"))
        no_edit = "users or groups have the policy too" if others else ""
        if resource.type == "AWS::IAM::ManagedPolicy":
            # Known by its own name, to whichever roles it is attached.
            name = name_of(tree, fields.get("ManagedPolicyName"), logical_id)
            managed = replace(policy(tree, name, "managed", document), no_edit=no_edit)
            yield Attachment(None, DeclaredRole(None, (managed,)))
        elif resource.type in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
            place = replace(inline(tree, fields.get("PolicyName"), document), no_edit=no_edit)
            roles = fields.get("RoleName" if resource.type == "AWS::IAM::RolePolicy" else "Roles")
            for node in tree.items(roles):
                yield Attachment(tree.target(node), DeclaredRole(Name(tree.pattern(node)), (place,)))


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    tree = yaml_tree(path, text, checkout)
    if tree is None or "Resources" not in tree.top:
        return None
    return _declarations(tree.with_resources([tree.root]))


CLOUDFORMATION = Framework(
    suffixes=(".yml", ".yaml", ".json", ".template"),
    is_named=lambda file: file.startswith("template.") or file.endswith(".template"),
    may_be=lambda _, text: "Resources" in text and "AWS::" in text,
    read=_read,
)
