"""Roles and their policies, from AWS or from a file. Each role and each policy is read once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from scanner.aws.ask import THREADS
from scanner.errors import Warnings
from scanner.model import Role
from scanner.progress import ROLES, Progress, no_progress
from scanner.roles.builder import PolicyVersion, RoleBuilder

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

RoleSource = Callable[[Sequence[str], Warnings], list[Role]]
"""Reads roles by their ARNs."""


# --- from a file ---------------------------------------------------------------------------------


def roles_from_file(document: Any, arns: Iterable[str], warnings: Warnings) -> list[Role]:
    """Roles of what `aws iam get-account-authorization-details` prints. ValueError if it is not that."""
    details = document.get("RoleDetailList") if isinstance(document, Mapping) else None
    if not isinstance(details, list):
        raise ValueError(
            "it holds no `RoleDetailList`, as `aws iam get-account-authorization-details` prints it"
        )
    details_of = _by_arn(details)
    managed = _by_arn(document.get("Policies"))
    return [_role_from_file(arn, details_of.get(arn), managed, warnings) for arn in arns]


def _by_arn(entries: Any) -> dict[str, Mapping[str, Any]]:
    objects = entries if isinstance(entries, list) else ()
    return {str(entry.get("Arn")): entry for entry in objects if isinstance(entry, Mapping)}


def _role_from_file(
    arn: str, details: Mapping[str, Any] | None, managed: Mapping[str, Mapping[str, Any]], warnings: Warnings
) -> Role:
    builder = RoleBuilder(arn, warnings)
    if details is None:
        builder.problem("role-missing", f"role {arn} is not in the file of --iam")
        return builder.role()
    boundary = builder.add_details(details)
    if boundary:
        version = _default_version(managed.get(boundary, {}))
        if version is None:
            builder.problem(
                "policy-missing", f"boundary {boundary} of role {arn} is not in the file of --iam"
            )
        else:
            builder.set_boundary(boundary, version.document)
    for inline in builder.mappings(details.get("RolePolicyList")):
        builder.add_inline(str(inline.get("PolicyName")), inline.get("PolicyDocument"))
    for attached in builder.mappings(details.get("AttachedManagedPolicies")):
        policy_arn, name = str(attached.get("PolicyArn")), str(attached.get("PolicyName"))
        version = _default_version(managed.get(policy_arn, {}))
        if version is None:
            builder.problem(
                "policy-missing", f"policy {policy_arn} of role {arn} is not in the file of --iam"
            )
        else:
            builder.add_managed(name, policy_arn, version)
    return builder.role()


def _default_version(policy: Mapping[str, Any]) -> PolicyVersion | None:
    versions = policy.get("PolicyVersionList")
    for version in versions if isinstance(versions, list) else ():
        if isinstance(version, Mapping) and version.get("IsDefaultVersion") is True:
            return PolicyVersion(version.get("Document"), version.get("CreateDate"))
    return None


# --- from AWS ------------------------------------------------------------------------------------


class RolesOfAws:
    """The roles as IAM has them now. A managed policy is read once, however often roles are asked for."""

    def __init__(self, client: IAMClient, progress: Progress = no_progress) -> None:
        self._client = client
        self._progress = progress
        self._lock = threading.Lock()
        self._managed: dict[str, PolicyVersion] = {}
        self._locks: dict[str, threading.Lock] = {}

    def read(self, arns: Sequence[str], warnings: Warnings) -> list[Role]:
        """Some roles. What may not be read is noted in the role, never raised."""
        with ThreadPoolExecutor(THREADS) as pool:
            roles = []
            for role in pool.map(lambda arn: self._role(arn, warnings), arns):
                roles.append(role)
                self._progress(ROLES, len(roles), len(arns))
        return roles

    def _role(self, arn: str, warnings: Warnings) -> Role:
        """A role with its policies and its boundary."""
        builder, name = RoleBuilder(arn, warnings), arn.rpartition("/")[2]
        details = builder.ask_details(lambda: self._client.get_role(RoleName=name)["Role"])
        if details is not None and details.get("Arn", arn) != arn:  # asked for by name, in one account
            builder.problem("role-elsewhere", f"role {arn} is of another account: it is not compared")
            return builder.role()
        boundary = builder.add_details(details) if details is not None else None
        if boundary:
            version = builder.ask(partial(self._default_version, boundary))
            if version is not None:
                builder.set_boundary(boundary, version.document)
        for policy in builder.ask(lambda: self._inline_names(name)) or []:
            document = builder.ask(partial(self._inline, name, policy))
            if document is not None:
                builder.add_inline(policy, document)
        for attached in builder.ask(lambda: self._attached(name)) or []:
            version = builder.ask(partial(self._default_version, attached["PolicyArn"]))
            if version is not None:
                builder.add_managed(attached["PolicyName"], attached["PolicyArn"], version)
        return builder.role()

    def _inline_names(self, role: str) -> list[str]:
        pages = self._client.get_paginator("list_role_policies").paginate(RoleName=role)
        return [name for page in pages for name in page["PolicyNames"]]

    def _inline(self, role: str, policy: str) -> Any:
        return self._client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]

    def _attached(self, role: str) -> list[Any]:
        pages = self._client.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        return [policy for page in pages for policy in page["AttachedPolicies"]]

    def _default_version(self, arn: str) -> PolicyVersion:
        """A policy's default version, asked for once."""
        with self._lock:
            lock = self._locks.setdefault(arn, threading.Lock())
        with lock:
            if arn not in self._managed:
                version_id = self._client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                answer = self._client.get_policy_version(PolicyArn=arn, VersionId=version_id)
                version = answer["PolicyVersion"]
                self._managed[arn] = PolicyVersion(version["Document"], version.get("CreateDate"))
            return self._managed[arn]
