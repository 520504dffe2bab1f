"""The Serverless Framework: the role that functions share, and the roles that functions have of their own.

Sources: serverless.com/framework/docs/providers/aws/guide/iam, in github.com/serverless/serverless under
packages/serverless/lib/plugins/aws/package/lib merge-iam-templates.js (the shared role) and
roles-per-function.js (the others), and the plugin github.com/functionalone/serverless-iam-roles-per-function
(`iamRoleStatements` of a function). All of them put statements of their own before those of the service.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode

from scanner.iam.variables import literal
from scanner.templates import cloudformation
from scanner.templates.framework import Declarations, DeclaredRole, Framework, RoleUse
from scanner.templates.included import IncludedFiles
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.policies import count_of, mentions, statements
from scanner.templates.tree import Tree, intrinsic
from scanner.templates.written import Checkout
from scanner.templates.yaml_text import yaml_tree
from scanner.text.yaml_document import lines_of

_PLUGIN = "serverless-iam-roles-per-function"
_SHARED_ROLE = "IamRoleLambdaExecution"  # its logical id, which other resources may attach policies to


class _Service(NamedTuple):
    """What a serverless.yml says once for all functions.

    `role_id` is the logical id of the role that functions share, None where it is unknown. `inherit` is
    whether a function's own role has the shared statements too if the function does not say. `per_function`
    is whether each function has a role of its own. `role_name` is the name that the shared role is given,
    `stack_name` that of the stack. `inherited` are the statements that roles of functions can inherit.
    """

    name: str
    role_id: str | None
    role_name: Node | None
    stack_name: Node | None
    inherit: bool
    per_function: bool
    statements: Node | None
    inherited: Node | None
    managed: Node | None


class _Function(NamedTuple):
    """A function by its key, the fields that it has, and those of its `iam` and `iam.role`."""

    key: str
    fields: dict[str, Node]
    iam: dict[str, Node]
    role: dict[str, Node]


def declarations(tree: Tree) -> Declarations:
    """What a serverless.yml declares, its resources of CloudFormation included (one section or several)."""
    tree = tree.with_resources(tree.items(tree.top.get("resources")))
    resources = cloudformation.own_resources(tree)
    service, functions = _service(tree), _functions(tree)
    roles = {
        **resources.roles,
        **_shared_role(tree, service),
        **{_own_role_id(f.key): _own_role(tree, service, f) for f in functions if _has_own_role(service, f)},
    }
    uses = tuple(RoleUse(_role_id(tree, service, f), _function_name(tree, service, f)) for f in functions)
    used = {use.role_id for use in uses if use.role_id in roles}
    if used and _SHARED_ROLE not in used:
        # No function uses it, and its name would fit the roles that functions have of their own.
        roles.pop(_SHARED_ROLE, None)
    return Declarations(
        roles,
        resources.uses + uses,
        resources.attachments,
        service=service.name,
        stack=_name(tree, service.stack_name, f"{service.name}-*").text,
        parts=frozenset(filter(None, (tree.path(r.properties) for r in tree.resources.values()))),
        dangling=frozenset(tree.dangling),
    )


# --- the service and the role that functions share ---


def _service(tree: Tree) -> _Service:
    provider = tree.fields(tree.top.get("provider"))
    role_node = tree.fields(provider.get("iam")).get("role")
    role = tree.fields(role_node)
    reference = role_node if role_node is not None and not _is_plain(role_node) else None
    custom = provider.get("role") or reference
    per_function = "mode" in role and tree.pattern(role["mode"]) == "perFunction"
    default = tree.fields(tree.fields(tree.top.get("custom")).get(_PLUGIN)).get("defaultInherit")
    return _Service(
        name=tree.pattern(tree.fields(tree.top.get("service")).get("name") or tree.top.get("service")),
        role_id=_SHARED_ROLE if custom is None else _referenced_role(tree, custom),
        role_name=role.get("name"),
        stack_name=provider.get("stackName"),
        inherit=per_function if default is None else tree.is_true(default),
        per_function=per_function,
        statements=role.get("statements") or provider.get("iamRoleStatements"),
        inherited=role.get("statements") if "iam" in provider else provider.get("iamRoleStatements"),
        managed=role.get("managedPolicies") or provider.get("iamManagedPolicies"),
    )


def _is_plain(node: Node) -> bool:
    """Whether a node is a mapping that is no intrinsic function."""
    return isinstance(node, MappingNode) and not intrinsic(node)[0]


def _referenced_role(tree: Tree, node: Node) -> str | None:
    """The role that `role` names: its logical id, or a reference to it."""
    return tree.target(node) or (node.value if isinstance(node, ScalarNode) else None)


def _shared_role(tree: Tree, service: _Service) -> dict[str, DeclaredRole]:
    """The role that the framework makes for all functions, by its logical id; empty where it makes none."""
    if service.role_id != _SHARED_ROLE or service.per_function:
        return {}
    name = _name(tree, service.role_name, f"{service.name}-*-*-lambdaRole")
    return {_SHARED_ROLE: DeclaredRole(name, _policies(tree, service.statements, service.managed))}


# --- functions ---


def _functions(tree: Tree) -> list[_Function]:
    functions = []
    for part in tree.items(tree.top.get("functions")):
        for key, node in tree.fields(part).items():
            fields = tree.fields(node)
            iam = tree.fields(fields.get("iam"))
            functions.append(_Function(key, fields, iam=iam, role=tree.fields(iam.get("role"))))
    return functions


def _function_name(tree: Tree, service: _Service, function: _Function) -> Name:
    return _name(tree, function.fields.get("name"), f"{service.name}-*-{literal(function.key)}")


def _role_id(tree: Tree, service: _Service, function: _Function) -> str | None:
    """The logical id of the role that a function uses."""
    if "role" in function.fields:
        return _referenced_role(tree, function.fields["role"])
    return _own_role_id(function.key) if _has_own_role(service, function) else service.role_id


def _has_own_role(service: _Service, function: _Function) -> bool:
    """Whether the framework makes a role for the function alone."""
    if "role" in function.fields:
        return False
    grants = "iamRoleStatements" in function.fields or function.role.keys() & {
        "statements",
        "managedPolicies",
    }
    return service.per_function or bool(grants)


def _own_role_id(key: str) -> str:
    """The logical id of a function's own role: the key as the framework writes it, and the role's suffix."""
    return (key[:1].upper() + key[1:]).replace("-", "Dash").replace("_", "Underscore") + _SHARED_ROLE


def _own_role(tree: Tree, service: _Service, function: _Function) -> DeclaredRole:
    fields, role = function.fields, function.role
    given = role.get("name") or fields.get("iamRoleStatementsName")
    name = _name(tree, given, f"{service.name}-*-{literal(function.key)}-*")
    own = role.get("statements") or fields.get("iamRoleStatements")
    policies = _policies(tree, own, role.get("managedPolicies"))
    inherits = function.iam.get("inheritStatements") or fields.get("iamRoleStatementsInherit")
    if service.inherit if inherits is None else tree.is_true(inherits):
        after = 0 if own is None else _count(tree, own)
        policies += tuple(replace(place, after=after) for place in _policies(tree, service.inherited, None))
    if service.per_function:
        policies += _policies(tree, None, service.managed)
    return DeclaredRole(name, policies)


def _name(tree: Tree, given: Node | None, default: str) -> Name:
    """The name that is given, or else the pattern of the one that the framework makes."""
    return Name(default if given is None else tree.pattern(given))


def _policies(tree: Tree, nodes: Node | None, managed: Node | None) -> tuple[PolicyPlace, ...]:
    """Managed policies, and statements that the framework puts into a policy of its own, after others."""
    policies = mentions(tree, managed)
    if nodes is None:
        return policies
    places, path = statements(tree, nodes), tree.path(tree.resolved(nodes))
    place = PolicyPlace(
        Name(ANY),
        "inline",
        lines_of(nodes),
        statements=places,
        statement_count=_count(tree, nodes),
        other_statements=count_of(tree, nodes) - len({place.index for place in places}),
        written=None if path else tree.written(nodes),
        path=path,
        after=0,
    )
    return (*policies, place)


def _count(tree: Tree, nodes: Node) -> int | None:
    """The number of statements of a list, None where conditions decide it."""
    indices = [index for index, _ in tree.indexed(nodes)]
    return len(indices) if len(indices) == len(set(indices)) else None


def _may_be(file: str, text: str) -> bool:
    """Whether a text may be a service: by its name, or by resources under whatever name."""
    if "provider" not in text:
        return False
    return file.startswith("serverless") or ("Resources" in text and "AWS::" in text)


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    tree = yaml_tree(path, text, checkout, IncludedFiles(path, checkout))
    return None if tree is None or "provider" not in tree.top else declarations(tree)


SERVERLESS = Framework(
    suffixes=(".yml", ".yaml", ".json"),
    is_named=lambda file: file.startswith("serverless."),
    may_be=_may_be,
    read=_read,
)
