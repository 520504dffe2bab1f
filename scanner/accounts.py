"""The accounts of a scan: the own one, or those of the roles that are assumed; work in each of them.

What fails in one of several accounts is a warning; the others go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from scanner.aws.api import AssumedRole, Aws
from scanner.errors import ScanError, Warnings
from scanner.model import ScanWarning, Usage, account_of
from scanner.request import ScanRequest
from scanner.side_by_side import Outcome, side_by_side

T = TypeVar("T")

ACCOUNT_UNREAD = "account-unread"
"""The code of the warning of an account of which nothing, or not all, could be read."""
_NAMED = 3  # accounts in a warning


@dataclass(frozen=True)
class Account:
    """An account that is scanned: its clients, and the role that was assumed for them.

    `id` and `role` are empty for whatever the configured credentials, or files, tell of: one account or more.
    """

    aws: Aws
    id: str = ""
    role: str = ""


@dataclass
class Accounts:
    """The accounts that can be asked, in the order of their ids.

    `own` are the clients of the configured credentials. `unread` tells of which accounts nothing, or not all,
    could be read, and why. `interrupted` tells that Ctrl-C ended some of them while they were read.
    """

    own: Aws
    roles: tuple[AssumedRole, ...]
    warnings: Warnings
    asked: tuple[Account, ...]
    unread: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def are_several(self) -> bool:
        """Whether roles are assumed: then each account is read by itself."""
        return bool(self.roles)

    def each(
        self, work: Callable[[Account, Warnings], T], accounts: Iterable[Account], *, partly: bool = False
    ) -> dict[str, T]:
        """What the work gives for each account, by id; without those where it fails.

        Raises ScanError where it fails in all, and for wrong use; KeyboardInterrupt, unless what was done
        `partly` counts and there is any.
        """
        asked = tuple(accounts)
        if not self.are_several:
            return {account.id: work(account, self.warnings) for account in asked}
        own = {account.id: Warnings() for account in asked}
        pieces = [partial(work, account, own[account.id]) for account in asked]
        outcomes = side_by_side(pieces, self.own.interruption)
        if any(isinstance(outcome.error, KeyboardInterrupt) for outcome in outcomes):
            if not partly:
                raise KeyboardInterrupt
            self.interrupted = True
        results = self._taken(dict(zip(own, outcomes, strict=True)))
        self._add(own)
        return results

    def say(self, warn: Callable[[str, Warnings], None]) -> None:
        """Warn of what concerns single accounts, each by its id."""
        if not self.are_several:
            warn("", self.warnings)
            return
        own = {account.id: Warnings() for account in self.asked}
        for account, said in own.items():
            warn(account, said)
        self._add(own)

    def _add(self, said: Mapping[str, Warnings]) -> None:
        for warning in merged({account: warnings.all() for account, warnings in said.items()}):
            self.warnings.add(warning.code, warning.message, warning.count)

    def seen_in(self, usages: Iterable[Usage]) -> list[Account]:
        """The accounts whose traces were read, or in whose name others show some."""
        seen = {account_of(usage.workload) for usage in usages if usage.workload}
        return [account for account in self.asked if account.id not in self.unread or account.id in seen]

    def _taken(self, outcomes: Mapping[str, Outcome[T]]) -> dict[str, T]:
        """The results; what failed is noted. Raises ScanError where nothing went well."""
        results: dict[str, T] = {}
        failures: dict[str, ScanError | KeyboardInterrupt] = {}
        for account, (value, error) in outcomes.items():
            if error is None:
                results[account] = value  # type: ignore[assignment]  # T may be None itself
            else:
                failures[account] = error
        if failures and not results:
            raise next(iter(failures.values()))
        for account, error in failures.items():
            self.note(account, str(error) or "interrupted")
        return results

    def note(self, account: str, why: str) -> None:
        """Note, and warn, that nothing or not all of an account could be read."""
        if account not in self.unread:
            self.unread[account] = why
            whose = f"account {account}" if account else "the own account"
            self.warnings.add(ACCOUNT_UNREAD, f"{whose} could not be read: {why}")


def accounts_of(request: ScanRequest, aws: Aws, warnings: Warnings) -> Accounts:
    """The accounts of a request. Raises ScanError where no role at all can be assumed."""
    roles = tuple(sorted(request.assumed_roles, key=lambda role: role.account))
    if not roles:
        return Accounts(aws, roles, warnings, asked=(Account(aws),))
    accounts = Accounts(aws, roles, warnings, asked=())
    role_of = {role.account: role for role in roles}
    clients = accounts.each(
        lambda account, _: aws.assuming(role_of[account.id]), [Account(aws, role.account) for role in roles]
    )
    accounts.asked = tuple(Account(clients[id_], id_, role_of[id_].arn) for id_ in clients)
    return accounts


def merged(warnings: Mapping[str, Sequence[ScanWarning]]) -> list[ScanWarning]:
    """The warnings of several accounts: the same one of several is one, which names them."""
    whose: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for account, of_account in warnings.items():
        for warning in of_account:
            whose[warning.code, warning.message][account] = warning.count
    return [
        ScanWarning(code, f"{_named(list(counts))}: {message}", sum(counts.values()))
        for (code, message), counts in whose.items()
    ]


def _named(accounts: Sequence[str]) -> str:
    """The first few accounts: "accounts 1, 2, 3 and 4 more"."""
    if len(accounts) == 1:
        return f"account {accounts[0]}" if accounts[0] else "own account"
    more = f" and {len(accounts) - _NAMED} more" if len(accounts) > _NAMED else ""
    return f"accounts {', '.join(accounts[:_NAMED])}{more}"
