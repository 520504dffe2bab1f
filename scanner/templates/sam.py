"""AWS SAM, a transform of CloudFormation: functions and state machines for which it makes roles.

Sources: aws-sam-translator, model/role_utils/role_constructor.py (role `FUNCTIONRole`, policies
`FUNCTIONRolePolicyINDEX`) and plugins/globals/globals.py (Globals hold no policies).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from yaml.nodes import MappingNode, Node, ScalarNode

from scanner.templates.framework import Attachment, Declarations, DeclaredRole, RoleUse, name_of
from scanner.templates.places import Name, PolicyPlace
from scanner.templates.policies import line_of, mention, policy
from scanner.templates.sam_made import (
    connector_policies,
    data_source_policies,
    event_roles,
    made_policies,
    template_statements,
)
from scanner.templates.tree import TemplateResource, Tree, intrinsic
from scanner.templates.written import Span, Written

_SHARED = ("DeadLetterQueue", "EventInvokeConfig")  # of Globals: what policies are made of
_FUNCTION, _STATE_MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


def of_resources(tree: Tree) -> Declarations:
    """What SAM's resources declare: the roles that SAM makes for those that name none, and who uses them."""
    roles: dict[str, DeclaredRole] = {}
    uses: list[RoleUse] = []
    for logical_id, resource in tree.resources.items():
        if resource.type not in (_FUNCTION, _STATE_MACHINE):
            continue
        fields, role_id = _with_globals(tree, resource), f"{logical_id}Role"
        if "Role" not in fields:
            written = _policies(tree, logical_id, fields.get("Policies"))
            made = made_policies(tree, logical_id, fields) if resource.type == _FUNCTION else ()
            roles[role_id] = DeclaredRole(Name(role_id, derived=True), (*written, *made))
        kind = "function" if resource.type == _FUNCTION else "state machine"
        for event_role, policies in event_roles(tree, kind, logical_id, fields):
            roles[event_role] = DeclaredRole(Name(event_role, derived=True), policies)
        if resource.type == _FUNCTION:
            name = name_of(tree, fields.get("FunctionName"), logical_id)
            given = [tree.target(node) for node in tree.items(fields.get("Role"))]
            uses += [RoleUse(target, name) for target in (given if "Role" in fields else [role_id])]
    # Known by its own name, to whichever roles it is attached.
    of_connectors = (*connector_policies(tree), *data_source_policies(tree))
    connectors = (Attachment(None, DeclaredRole(None, (place,))) for place in of_connectors)
    return Declarations(roles, tuple(uses), tuple(connectors))


def _with_name(written: Written | None, entry: Node) -> Written | None:
    """Where a policy template is written, with its name."""
    keys = [key for key, _ in entry.value] if isinstance(entry, MappingNode) else []
    if written is None or len(keys) != 1 or not isinstance(keys[0], ScalarNode):
        return written
    return replace(written, name=Span(keys[0].start_mark.index, keys[0].end_mark.index))


def _with_globals(tree: Tree, resource: TemplateResource) -> dict[str, Node]:
    """The properties of a resource, with those that the template gives all functions."""
    fields = tree.fields(resource.properties)
    if resource.type != _FUNCTION:
        return fields
    shared = tree.fields(tree.fields(tree.top.get("Globals")).get("Function"))
    return {**{key: shared[key] for key in _SHARED if key in shared}, **fields}


def _policies(tree: Tree, logical_id: str, node: Node | None) -> Iterator[PolicyPlace]:
    """A function's Policies: documents, policy templates, names and ARNs of managed policies."""
    for index, entry in tree.indexed(node):
        name, indexed_name = Name(f"{logical_id}RolePolicy*"), f"{logical_id}RolePolicy{index}"
        fields = tree.fields(entry)
        if isinstance(entry, ScalarNode) or intrinsic(entry)[0]:
            yield mention(tree, entry)
        elif "Statement" in fields:
            yield replace(policy(tree, name, "inline", entry, entry), indexed_name=indexed_name)
        elif len(fields) == 1:
            lines = line_of(entry)
            statements = template_statements(tree, *next(iter(fields.items())), lines)
            yield PolicyPlace(
                name,
                "inline",
                lines,
                statements=statements,
                statement_count=len(statements),
                indexed_name=indexed_name,
                written=_with_name(tree.written(entry), entry),
            )
