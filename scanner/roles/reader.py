"""Roles and their policies, from AWS or from a file. Each role and each policy is read once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials, is_denied, is_missing
from scanner.aws.times import time_of
from scanner.errors import ScanError, Warnings
from scanner.iam.policies import NotAPolicyError, parse_policy
from scanner.model import Policy, Role
from scanner.roles.trust import other_principals

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_iam.client import IAMClient

T = TypeVar("T")

_THREADS = 8


class _Parts:
    """Collects what a role is made of, and what went wrong on the way."""

    def __init__(self, arn: str, warnings: Warnings) -> None:
        self.arn = arn
        self.policies: list[Policy] = []
        self.missing: set[str] = set()
        self.problems: list[str] = []
        self.trusted: tuple[str, ...] | None = None
        self.boundary: Policy | None = None
        self.tags: Mapping[str, str] | None = None
        self.last_used_region: str | None = None
        self._warnings = warnings

    def describe(self, detail: Mapping[str, Any]) -> str | None:
        """Note what a role says of itself, and return the ARN of its boundary."""
        self.trusted = other_principals(detail.get("AssumeRolePolicyDocument"))
        region = _mapping(detail.get("RoleLastUsed")).get("Region")
        self.last_used_region = region if isinstance(region, str) else None
        tags = detail.get("Tags")
        self.tags = {
            str(tag.get("Key")): str(tag.get("Value"))
            for tag in (tags if isinstance(tags, list) else ())
            if isinstance(tag, Mapping)
        }
        boundary = _mapping(detail.get("PermissionsBoundary")).get("PermissionsBoundaryArn")
        return boundary if isinstance(boundary, str) else None

    def add(
        self,
        name: str,
        arn: str | None,
        kind: Literal["inline", "managed"],
        document: Any,
        created: Any = None,
    ) -> None:
        policy = self._policy(name, arn, kind, document, created)
        if policy:
            self.policies.append(policy)

    def bound(self, arn: str, document: Any) -> None:
        """Note the permissions boundary."""
        self.boundary = self._policy(arn.rpartition("/")[2], arn, "managed", document, None)

    def _policy(
        self, name: str, arn: str | None, kind: Literal["inline", "managed"], document: Any, created: Any
    ) -> Policy | None:
        try:
            return Policy(name, arn, kind, parse_policy(document), time_of(created))
        except NotAPolicyError as error:
            self.problem("policy-unread", f"policy {name} of role {self.arn} cannot be understood: {error}")
            return None

    def problem(self, code: str, message: str) -> None:
        self.problems.append(message)
        self._warnings.add(code, message)

    def role(self) -> Role:
        return Role(
            arn=self.arn,
            name=self.arn.rpartition("/")[2],
            policies=tuple(self.policies),
            workloads_complete=self.trusted == (),
            trusted=self.trusted or (),
            boundary=self.boundary,
            tags=self.tags,
            last_used_region=self.last_used_region,
            readable=not self.missing - {"iam:GetRole"} and not self.problems,
            missing_permissions=tuple(sorted(self.missing)),
            problems=tuple(self.problems),
        )


# --- from a file ---------------------------------------------------------------------------------


def roles_from_file(document: Any, arns: Iterable[str], warnings: Warnings) -> list[Role]:
    """Roles of what `aws iam get-account-authorization-details` prints. ValueError if it is not that."""
    details = document.get("RoleDetailList") if isinstance(document, Mapping) else None
    if not isinstance(details, list):
        raise ValueError(
            "it holds no `RoleDetailList`, as `aws iam get-account-authorization-details` prints it"
        )
    by_arn = {str(d.get("Arn")): d for d in details if isinstance(d, Mapping)}
    policies = document.get("Policies")
    managed = {
        str(p.get("Arn")): p
        for p in (policies if isinstance(policies, list) else ())
        if isinstance(p, Mapping)
    }
    return [_role_from_file(arn, by_arn.get(arn), managed, warnings) for arn in arns]


def _role_from_file(
    arn: str, detail: Mapping[str, Any] | None, managed: Mapping[Any, Mapping[str, Any]], warnings: Warnings
) -> Role:
    parts = _Parts(arn, warnings)
    if detail is None:
        parts.problem("role-missing", f"role {arn} is not in the file of --iam")
        return parts.role()
    boundary = parts.describe(detail)
    if boundary:
        version = _default_version(managed.get(boundary, {}))
        if version is None:
            parts.problem("policy-missing", f"boundary {boundary} of role {arn} is not in the file of --iam")
        else:
            parts.bound(boundary, version.get("Document"))
    for inline in _mappings(detail.get("RolePolicyList"), parts):
        parts.add(str(inline.get("PolicyName")), None, "inline", inline.get("PolicyDocument"))
    for attached in _mappings(detail.get("AttachedManagedPolicies"), parts):
        policy_arn, name = str(attached.get("PolicyArn")), str(attached.get("PolicyName"))
        version = _default_version(managed.get(policy_arn, {}))
        if version is None:
            parts.problem("policy-missing", f"policy {policy_arn} of role {arn} is not in the file of --iam")
        else:
            parts.add(name, policy_arn, "managed", version.get("Document"), version.get("CreateDate"))
    return parts.role()


def _default_version(policy: Mapping[str, Any]) -> Mapping[str, Any] | None:
    versions = policy.get("PolicyVersionList")
    return next(
        (
            version
            for version in (versions if isinstance(versions, list) else ())
            if isinstance(version, Mapping) and version.get("IsDefaultVersion") is True
        ),
        None,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any, parts: _Parts) -> list[Mapping[str, Any]]:
    """The objects of a list; what is none is a problem of the role."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    found = [v for v in values if isinstance(v, Mapping)]
    if len(found) < len(values) or not isinstance(value, list | None):
        parts.problem("policy-unread", f"a policy of role {parts.arn} cannot be understood")
    return found


# --- from AWS ------------------------------------------------------------------------------------


def roles_from_aws(client: IAMClient, arns: Iterable[str], warnings: Warnings) -> list[Role]:
    """The roles as IAM has them now. What may not be read is noted in the role, never raised."""
    reader = _AwsReader(client, warnings)
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(reader.role, arns))


class _AwsReader:
    def __init__(self, client: IAMClient, warnings: Warnings) -> None:
        self._client = client
        self._warnings = warnings
        self._lock = threading.Lock()
        self._managed: dict[str, tuple[Any, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def role(self, arn: str) -> Role:
        parts = _Parts(arn, self._warnings)
        name = arn.rpartition("/")[2]
        detail = self._try(parts, lambda: self._client.get_role(RoleName=name)["Role"], optional=True)
        boundary = parts.describe(detail) if detail is not None else None
        if boundary:
            found = self._try(parts, partial(self._managed_document, boundary))
            if found is not None:
                parts.bound(boundary, found[0])
        for policy in self._try(parts, lambda: self._inline_names(name)) or []:
            document = self._try(parts, partial(self._inline, name, policy))
            if document is not None:
                parts.add(policy, None, "inline", document)
        for attached in self._try(parts, lambda: self._attached(name)) or []:
            found = self._try(parts, partial(self._managed_document, attached["PolicyArn"]))
            if found is not None:
                parts.add(attached["PolicyName"], attached["PolicyArn"], "managed", *found)
        return parts.role()

    def _inline_names(self, role: str) -> list[str]:
        pages = self._client.get_paginator("list_role_policies").paginate(RoleName=role)
        return [name for page in pages for name in page["PolicyNames"]]

    def _inline(self, role: str, policy: str) -> Any:
        return self._client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]

    def _attached(self, role: str) -> list[Any]:
        pages = self._client.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        return [policy for page in pages for policy in page["AttachedPolicies"]]

    def _managed_document(self, arn: str) -> tuple[Any, Any]:
        """The document of a policy's default version and when that was made, asked for once."""
        with self._lock:
            lock = self._locks.setdefault(arn, threading.Lock())
        with lock:
            if arn not in self._managed:
                version_id = self._client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                version = self._client.get_policy_version(PolicyArn=arn, VersionId=version_id)[
                    "PolicyVersion"
                ]
                self._managed[arn] = (version["Document"], version.get("CreateDate"))
            return self._managed[arn]

    def _try(self, parts: _Parts, request: Callable[[], T], *, optional: bool = False) -> T | None:
        from botocore.exceptions import ClientError

        try:
            return request()
        except ClientError as error:
            if is_bad_credentials(error):
                raise bad_credentials(error) from error
            self._note(parts, error, optional)
        except ScanError:
            raise
        except Exception as error:  # no connection, or whatever botocore's parser trips over
            parts.problem("role-unread", f"role {parts.arn} could not be read: {error!r}")
        return None

    def _note(self, parts: _Parts, error: ClientError, optional: bool) -> None:
        action = f"iam:{error.operation_name}"
        if is_denied(error):
            parts.missing.add(action)
            effect = (
                "who may assume a role, and its boundary, are unknown" if optional else "roles cannot be read"
            )
            self._warnings.add("right-missing", f"{action} is denied: {effect}; allow it")
        elif is_missing(error):
            if not optional:
                parts.problem("role-missing", f"role {parts.arn} or a policy of it does not exist")
        elif not optional:
            parts.problem("role-unread", f"role {parts.arn} could not be read: {error_code(error)}")
