"""The checkouts of tests/data/templates, as deployed: the roles, and where their actions are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from tests.placing import cloudformation, sam, serverless
from tests.placing.cloudformation import MadePolicy, MadeRole
from tests.placing.texts import Line, Texts
from tests.unit.cases import allow
from tests.unit.templates.edit_cases import Deployed, deployed

DATA = Path(__file__).parents[1] / "data" / "templates"
FRAMEWORKS = ("sam", "cloudformation", "serverless")


class Written(NamedTuple):
    """Where an action of a deployed role is written; `line` None where the framework adds it."""

    role: str
    policy: str
    statement: int
    action: str
    line: Line | None


class Checkout(NamedTuple):
    """A checkout, the template that is deployed, the deployed roles and where their actions are written."""

    framework: str
    name: str
    texts: Mapping[str, str]
    template: str
    roles: tuple[Deployed, ...]
    logical_ids: Mapping[str, str]
    written: tuple[Written, ...]


@cache
def checkouts(framework: str) -> tuple[Checkout, ...]:
    """The checkouts of a framework: each a file, or a folder with a template and what belongs to it."""
    return tuple(_checkouts(framework))


def _checkouts(framework: str) -> Iterator[Checkout]:
    for entry in sorted((DATA / framework).iterdir()):
        files = sorted(path for path in entry.rglob("*") if path.is_file()) if entry.is_dir() else [entry]
        root = entry if entry.is_dir() else entry.parent
        texts = {path.relative_to(root).as_posix(): path.read_bytes().decode("utf-8-sig") for path in files}
        yield deployed_checkout(framework, entry.name, texts)


def deployed_checkout(framework: str, name: str, texts: Mapping[str, str]) -> Checkout:
    """A checkout, deployed by a model of its framework."""
    marked = Texts(texts)
    template = next((path for path in texts if re.search(r"(^|/)serverless\.\w+$", path)), sorted(texts)[0])
    roles = cloudformation.made_roles(_template(framework, marked, template))
    written = tuple(its for role in roles for its in _written(role, marked))
    return Checkout(
        framework,
        name,
        texts,
        template,
        tuple(_deployed(role, marked) for role in roles),
        {role.name: role.logical_id for role in roles},
        written,
    )


def _template(framework: str, texts: Texts, path: str) -> Any:
    if framework == "serverless":
        return serverless.packaged(texts, path)
    value = texts.value(path)
    return sam.translated(value) if framework == "sam" else value


def _written(role: MadeRole, texts: Texts) -> Iterator[Written]:
    for policy in role.policies:
        for index, statement in enumerate(policy.statements):
            for action in _list(statement.get("Action", statement.get("NotAction"))):
                text, line = texts.action(action)
                yield Written(role.name, policy.name, index, text, line)


def _deployed(role: MadeRole, texts: Texts) -> Deployed:
    policies = [_policy(policy, texts) for policy in role.policies]
    actions = {action for policy in policies for s in policy.statements for action in s.actions}
    return deployed(role.name, policies, actions, *role.workloads)


def _policy(policy: MadePolicy, texts: Texts) -> Policy:
    statements = [
        {
            k: [texts.action(a)[0] for a in _list(v)] if k in ("Action", "NotAction") else v
            for k, v in s.items()
        }
        for s in policy.statements
    ] or [allow("all:*")]
    document = parse_policy({"Statement": statements})
    return Policy(policy.name, policy.arn, "managed" if policy.arn else "inline", document)


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
