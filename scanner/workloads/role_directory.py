"""The roles of the account and whom they trust: from IAM, or from the file of --iam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanner.aws.api import Aws
from scanner.aws.ask import Question, ask, attempt
from scanner.errors import Warnings
from scanner.model import account_of
from scanner.workloads.asked import RoleTrust


class FileRoles:
    """The roles of what `aws iam get-account-authorization-details` prints."""

    def __init__(self, document: Any) -> None:
        details = document.get("RoleDetailList") if isinstance(document, Mapping) else None
        self._roles = tuple(
            RoleTrust(str(role.get("Arn")), role.get("AssumeRolePolicyDocument"))
            for role in (details if isinstance(details, list) else ())
            if isinstance(role, Mapping)
        )

    def find(self, name: str, account: str = "") -> RoleTrust | None:
        """The role of a name; None where the file has such roles of several accounts, and none is named."""
        found = [
            role
            for role in self._roles
            if role.arn.rpartition("/")[2] == name and account in ("", account_of(role.arn))
        ]
        return found[0] if len(found) == 1 else None

    def trusts(self) -> Sequence[RoleTrust]:
        """All roles of the file."""
        return self._roles


class AwsRoles:
    """The roles as IAM has them now, asked for when they are needed."""

    def __init__(self, aws: Aws, warnings: Warnings) -> None:
        self._aws = aws
        self._warnings = warnings
        self._all: tuple[RoleTrust, ...] | None = None

    def find(self, name: str, account: str = "") -> RoleTrust | None:
        """The role of a name, None where there is none or iam:GetRole is denied."""
        del account  # the clients are those of one
        answer = attempt(lambda: self._aws.iam().get_role(RoleName=name)["Role"])
        return (
            RoleTrust(answer["Arn"], answer.get("AssumeRolePolicyDocument"))
            if isinstance(answer, dict)
            else None
        )

    def trusts(self) -> Sequence[RoleTrust]:
        """All roles of the account, listed once."""
        if self._all is None:
            self._all = tuple(ask(_LIST, self._list, self._warnings) or ())
        return self._all

    def _list(self) -> list[RoleTrust]:
        pages = self._aws.iam().get_paginator("list_roles").paginate()
        return [
            RoleTrust(role["Arn"], role.get("AssumeRolePolicyDocument"))
            for page in pages
            for role in page["Roles"]
        ]


_LIST = Question(
    action="iam:ListRoles",
    means="which roles let service accounts of Kubernetes assume them is unknown",
    code="roles-unlisted",
    what="the trust policies of the account's roles",
)
