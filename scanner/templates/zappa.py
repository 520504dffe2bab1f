"""Zappa: the permissions that its settings add, or put in the place of those that it attaches itself.

Sources: zappa/zappa README (`attach_policy`, `extra_permissions`, `project_name`), zappa/core.py (names):
the role PROJECT-STAGE-ZappaLambdaExecutionRole has one policy, zappa-permissions, for all functions.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace

from yaml.nodes import Node

from scanner.iam.variables import literal
from scanner.templates.framework import Declarations, DeclaredRole, Framework
from scanner.templates.places import Name, PolicyPlace
from scanner.templates.policies import policy, statements
from scanner.templates.tree import Tree
from scanner.templates.written import Checkout
from scanner.templates.yaml_text import yaml_tree
from scanner.text.yaml_document import lines_of

_FILES = ("zappa_settings.json", "zappa_settings.yml", "zappa_settings.yaml")
_POLICY = Name("zappa-permissions")


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    tree = yaml_tree(path, text, checkout)
    if tree is None:
        return None
    roles = {}
    for stage, node in tree.top.items():
        fields = tree.fields(node)
        project = tree.pattern(fields.get("project_name"))
        name = f"{project}-{literal(stage)}-ZappaLambdaExecutionRole"
        if "role_name" in fields:
            name = tree.pattern(fields["role_name"])
        if tree.pattern(fields.get("manage_roles")) != "false":
            roles[name] = DeclaredRole(Name(name), tuple(_policies(tree, fields, path, checkout)))
    return Declarations(roles)


def _policies(tree: Tree, fields: Mapping[str, Node], path: str, checkout: Checkout) -> Iterator[PolicyPlace]:
    """The parts of the one policy."""
    extra = fields.get("extra_permissions")
    if extra is not None:
        yield PolicyPlace(
            _POLICY,
            "inline",
            lines_of(extra),
            statements=statements(tree, extra),
            written=tree.written(extra),
            is_open=True,
        )
    given = fields.get("attach_policy")
    if given is None:
        yield PolicyPlace(
            _POLICY,
            "inline",
            lines_of(tree.root),
            statements=(),
            note=f"Zappa attaches it: name a policy of your own in {path} (`attach_policy`)",
        )
        return
    file = posixpath.normpath(posixpath.join(posixpath.dirname(path), tree.pattern(given)))
    text = checkout.text(file)
    document = None if text is None else yaml_tree(file, text, checkout)
    if document is not None:
        yield replace(
            policy(document, _POLICY, "inline", document.root), path=file, is_open=extra is not None
        )


ZAPPA = Framework(
    suffixes=_FILES,
    is_named=lambda file: file in _FILES,
    may_be=lambda file, text: file in _FILES,
    read=_read,
)
