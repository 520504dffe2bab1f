"""AWS SAM, a transform of CloudFormation: functions and state machines for which it makes roles.

Sources: aws-sam-translator, model/role_utils/role_constructor.py (role `FUNCTIONRole`, policies
`FUNCTIONRolePolicyINDEX`) and plugins/globals/globals.py (Globals hold no policies); the actions of policy
templates are in data/sam_policy_templates.csv, with the source of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from yaml.nodes import Node, ScalarNode

from scanner.iam.variables import literal
from scanner.templates.framework import Declarations, DeclaredRole, RoleUse, name_of
from scanner.templates.places import ANY, Name, PolicyPlace, StatementPlace
from scanner.templates.policies import line_of, mention, policy
from scanner.templates.tree import Tree, intrinsic
from scanner.text.tables import rows

_FUNCTION, _STATE_MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


def of_resources(tree: Tree) -> Declarations:
    """What SAM's resources declare: the roles that SAM makes for those that name none, and who uses them."""
    roles: dict[str, DeclaredRole] = {}
    uses: list[RoleUse] = []
    for logical_id, resource in tree.resources.items():
        if resource.type not in (_FUNCTION, _STATE_MACHINE):
            continue
        fields, role_id = tree.fields(resource.properties), f"{logical_id}Role"
        if "Role" not in fields:
            policies = tuple(_policies(tree, logical_id, fields.get("Policies")))
            roles[role_id] = DeclaredRole(Name(role_id, derived=True), policies)
        if resource.type == _FUNCTION:
            name = name_of(tree, fields.get("FunctionName"), logical_id)
            given = [tree.target(node) for node in tree.items(fields.get("Role"))]
            uses += [RoleUse(target, name) for target in (given if "Role" in fields else [role_id])]
    return Declarations(roles, tuple(uses))


def _policies(tree: Tree, logical_id: str, node: Node | None) -> Iterator[PolicyPlace]:
    """A function's Policies: documents, policy templates, names and ARNs of managed policies."""
    for index, entry in tree.indexed(node):
        name, indexed_name = Name(f"{logical_id}RolePolicy*"), f"{logical_id}RolePolicy{index}"
        fields = tree.fields(entry)
        if isinstance(entry, ScalarNode) or intrinsic(entry)[0]:
            yield mention(tree, entry)
        elif "Statement" in fields:
            yield replace(policy(tree, name, "inline", entry), indexed_name=indexed_name)
        elif len(fields) == 1:
            statement = _policy_template(tree, entry, *next(iter(fields.items())))
            yield PolicyPlace(
                name, "inline", statement.lines, statements=(statement,), indexed_name=indexed_name
            )


def _policy_template(tree: Tree, entry: Node, template: str, parameters: Node) -> StatementPlace:
    """A policy template: on resources that hold one of its parameters, or on all."""
    values = [tree.pattern(value) for value in tree.fields(parameters).values()]
    lines = line_of(entry)
    return StatementPlace(
        lines=lines,
        index=0,
        sid=None,
        actions=dict.fromkeys(_template_actions().get(template, ()), lines.first),
        unknown_actions=False,
        not_actions=False,
        resources=(literal("*"), *(f"*{value}*" for value in values)) if values else (ANY,),
        not_resources=False,
        condition=None,
    )


@cache
def _template_actions() -> dict[str, tuple[str, ...]]:
    """The actions of each SAM policy template, in lower case and literal as those of a document are."""
    return {
        row["template"]: tuple(map(literal, row["actions"].lower().split()))
        for row in rows("templates", "sam_policy_templates")
    }
