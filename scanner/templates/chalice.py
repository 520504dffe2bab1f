"""Chalice: the policy files of stages for which it makes no policy itself.

Sources: aws/chalice docs/source/topics/configfile.rst (`autogen_policy`, `iam_policy_file`), and
chalice/deploy/appgraph.py for the names: each function has a role APP-STAGE-FUNCTION, with a policy of the
same name; the function of the routes is called APP-STAGE, its role APP-STAGE-api_handler.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace

from yaml.nodes import Node

from scanner.iam.variables import literal
from scanner.templates.framework import Declarations, DeclaredRole, Framework, RoleUse
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.policies import policy
from scanner.templates.tree import Tree
from scanner.templates.written import Checkout
from scanner.templates.yaml_text import yaml_tree

_FOLDER = ".chalice"
_ROUTES = "api_handler"


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    tree = yaml_tree(path, text, checkout)
    folder = posixpath.dirname(path)
    if tree is None or posixpath.basename(folder) != _FOLDER or "app_name" not in tree.top:
        return None
    app = tree.pattern(tree.top["app_name"])
    roles: dict[str, DeclaredRole] = {}
    uses: list[RoleUse] = []
    for stage, fields in tree.fields(tree.top.get("stages")).items():
        of_stage = {**tree.top, **tree.fields(fields)}
        prefix = f"{app}-{literal(stage)}"
        own = tree.fields(of_stage.get("lambda_functions"))
        for function, given in own.items():
            of_function = {**of_stage, **tree.fields(given)}
            name = f"{prefix}-{literal(function)}"
            found = list(_policies(tree, of_function, stage, folder, Name(name), checkout))
            # Stands for it even without a policy file: the stage's is not its own.
            roles[name] = DeclaredRole(Name(name), tuple(found))
            uses.append(RoleUse(name, Name(prefix if function == _ROUTES else name)))
        name = f"{prefix}-{ANY}"
        if found := list(_policies(tree, of_stage, stage, folder, Name(name), checkout)):
            roles[name] = DeclaredRole(Name(name), tuple(found))
            uses += [RoleUse(name, Name(prefix)), RoleUse(name, Name(name))]
    return Declarations(roles, tuple(uses), service=app)


def _policies(
    tree: Tree, fields: Mapping[str, Node], stage: str, folder: str, name: Name, checkout: Checkout
) -> Iterator[PolicyPlace]:
    """The policy of the file that a stage or a function names, none where Chalice makes it of the code."""
    makes_none = tree.pattern(fields.get("autogen_policy")) == "false"
    manages = tree.pattern(fields.get("manage_iam_role")) != "false"
    if not makes_none or not manages:
        return
    given = fields.get("iam_policy_file")
    file = f"policy-{stage}.json" if given is None else tree.pattern(given)
    path = posixpath.normpath(posixpath.join(folder, file))
    text = checkout.text(path)
    document = None if text is None else yaml_tree(path, text, checkout)
    if document is not None:
        yield replace(policy(document, name, "inline", document.root), path=path)


CHALICE = Framework(
    suffixes=("config.json",),
    is_named=lambda file: False,
    may_be=lambda file, text: file == "config.json" and '"app_name"' in text and '"stages"' in text,
    read=_read,
)
