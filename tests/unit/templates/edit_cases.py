"""Deployed roles of templates, and what the edits make of these, for the tests of edits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import yaml

from scanner.iam.policies import parse_policy
from scanner.model import Finding, Fix, Policy, Role, StackResource, Verdict
from scanner.templates.edits.deployed_role import DeployedRole
from scanner.templates.edits.offer import Offer, offer
from scanner.templates.locate import Locator
from scanner.templates.places import RolePlace, Templates
from scanner.templates.read import Texts, roles_in, text_of, without_parts
from scanner.text.patch import Change, changed
from tests.unit.cases import ACCOUNT


class Deployed(NamedTuple):
    """A deployed role with a finding for each action of each statement, unused or not."""

    role: Role
    findings: tuple[Finding, ...]
    workloads: tuple[str, ...] = ()


def deployed(name: str, policies: Sequence[Policy], unused: Collection[str], *workloads: str) -> Deployed:
    """A role of policies of which just these actions were not used."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    role = Role(arn, name, tuple(policies), tuple(workloads))
    findings = [
        Finding(
            id=f"{name}/{policy.name}/{statement.index}/{action}",
            role=arn,
            workload=None,
            verdict=Verdict.UNUSED if action in unused else Verdict.USED,
            reasons=(),
            severity="read",
            breadth="action",
            policy=policy,
            statement=statement,
            actions=(action,),
            resources=statement.resources,
            used=(),
        )
        for policy in policies
        for statement in policy.statements
        for action in statement.actions
        if statement.allow
    ]
    return Deployed(role, tuple(findings), workloads)


class _Loader(yaml.SafeLoader):
    """Reads functions of CloudFormation as their arguments."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: getattr(node, "value", None))


def role(name: str, template: str, unused: Collection[str]) -> Deployed:
    """The first role of a template, as deployed."""
    resources: dict[str, Any] = yaml.load(template, Loader=_Loader)["Resources"]
    policies = [
        Policy(policy["PolicyName"], None, "inline", parse_policy(policy["PolicyDocument"]))
        for policy in next(iter(resources.values()))["Properties"]["Policies"]
    ]
    return deployed(name, policies, unused)


class ByteTexts(NamedTuple):
    """A checkout of bytes by path."""

    contents: Mapping[str, bytes]

    @property
    def steps(self) -> Any:
        return Texts().steps

    def content(self, path: str) -> bytes | None:
        return self.contents.get(path)

    def text(self, path: str) -> str | None:
        return text_of(path, self.content(path))

    def names(self, folder: str) -> Sequence[str]:
        return Texts(dict.fromkeys(self.contents, "")).names(folder)


def offered(
    files: Mapping[str, bytes],
    roles: Sequence[Deployed],
    stacks: Mapping[str, StackResource] | None = None,
    objections: Sequence[str] = (),
    kept: Mapping[str, tuple[str, ...]] | None = None,
    kept_resources: Mapping[str, tuple[str, ...]] | None = None,
) -> Offer:
    """The edits of a checkout for what deployed roles did not use."""
    checkout = ByteTexts(files)
    places: list[RolePlace] = []
    for path in files:
        places += roles_in(path, checkout.text(path) or "", checkout) or ()
    templates = Templates(without_parts(places), len(files))
    locator = Locator(templates, stacks)
    return offer(
        templates,
        checkout,
        [
            DeployedRole(
                its.role,
                [replace(f, location=None) for f in its.findings],
                {f.id: locator.place(f, its.workloads) for f in its.findings},
                locator.roles(its.role.arn, its.workloads),
                lambda findings: objections,
                kept or {},
                kept_resources or {},
            )
            for its in roles
        ],
    )


def made(files: Mapping[str, bytes], fixes: Sequence[Fix]) -> dict[str, bytes]:
    """The files with edits."""
    after = dict(files)
    for path in {fix.path for fix in fixes}:
        changes = [Change(f.start, f.end, f.replacement.encode()) for f in fixes if f.path == path]
        after[path] = changed(files[path], sorted(changes))
    return after


def edited(files: Mapping[str, bytes], roles: Sequence[Deployed]) -> dict[str, bytes]:
    """The files with all edits that are offered."""
    return made(files, offered(files, roles).fixes)
