"""The whole story: traces in, usage, compared with grants, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scanner.accounts import Account, Accounts, accounts_of
from scanner.aws.api import Aws
from scanner.compare import Compared, compare
from scanner.conclude import conclude
from scanner.errors import Warnings
from scanner.gate.accept import Terms, accept
from scanner.ledger import Ledger, merged
from scanner.ledger.grants import roles_read
from scanner.model import account_of
from scanner.never_traced import of_all_accounts
from scanner.progress import Progress, ProgressOfAll, no_progress
from scanner.read import uncompared, warn_of_assumed_roles, warn_of_calls_not_understood
from scanner.read_traces import read_traces
from scanner.read_workloads import check_names
from scanner.request import ScanRequest
from scanner.result import RoleResult, ScannedAccount, ScanResult, Traced


def scan(request: ScanRequest, aws: Aws, progress: Progress = no_progress) -> ScanResult:
    """Scan. `progress` is told how far it is. Raises ScanError.

    What could not be read is counted in the result; only where nothing at all can be read, the scan ends.
    Where no role can be read, it goes on to report usage, unless roles must be compared.
    """
    warnings = Warnings(request.warnings)
    accounts = accounts_of(request, aws, warnings)
    traced = read_traces(request, accounts, warnings, progress)
    progress_of_all = ProgressOfAll(progress)

    def compared(account: Account, said: Warnings) -> Compared:
        shown = traced.of_account(account.id)
        return compare(request, account, shown, said, progress_of_all.of_one())

    parts: list[Compared] = []
    if request.compare:
        parts = list(accounts.each(compared, accounts.seen_in(traced.usages)).values())
    else:
        warn_of_assumed_roles(traced.usages, warnings)
    return _accepted(request, accounts, traced, parts)


def as_scanned(request: ScanRequest, result: ScanResult) -> ScanRequest:
    """The request as it was carried out: for usage only where no role was compared."""
    return replace(request, compare=request.compare and not result.usage_only)


def _accepted(
    request: ScanRequest, accounts: Accounts, traced: Traced, parts: Sequence[Compared]
) -> ScanResult:
    """What the team accepts of all accounts at once: rules, then the baseline over all roles."""
    traced = traced.renamed({old: new for part in parts for old, new in part.renamed.items()})
    check_names(request, traced.usages, [part.names for part in parts], accounts.warnings)
    compared = ScanResult(
        traced.without(traced.remembered.difference(*_workloads_of(parts))),
        workloads={key: workload for part in parts for key, workload in part.workloads.items()},
        accounts=[ScannedAccount(r.account, r.arn, accounts.unread.get(r.account)) for r in accounts.roles],
        usage_only=all(part.usage_only for part in parts),
        recorded=_recorded(request, traced, parts),
    )
    if compared.usage_only:
        return replace(compared, warnings=accounts.warnings.all())
    traced = compared.traced
    assessed = [role for part in parts for role in part.roles]
    terms = _terms(request, accounts, parts)
    accepted = accept(assessed, terms)
    roles = [conclude(role) for role in accepted.roles]
    accounts.say(lambda account, said: warn_of_calls_not_understood(_of_account(account, roles), said))
    return replace(
        compared,
        roles=roles,
        warnings=accounts.warnings.all(),
        uncompared=uncompared(traced.usages, [role.role for role in assessed], request),
        invocations={key: number for part in parts for key, number in part.invocations.items()},
        terms=terms,
        rules=accepted.rules,
        against_baseline=accepted.baseline,
        never_traced=of_all_accounts([part.never_traced for part in parts], bool(accounts.unread)),
    )


def _workloads_of(parts: Sequence[Compared]) -> list[tuple[str, ...]]:
    """The workloads of each role that was compared."""
    return [role.role.workloads for part in parts for role in part.roles]


def _recorded(request: ScanRequest, traced: Traced, parts: Sequence[Compared]) -> Ledger | None:
    """What the scan adds to its ledger: what was read, and the grants of the roles as they are now."""
    if traced.recorded is None or request.ledger_read_only:
        return None
    if not request.observes or request.iam is not None:  # a file of roles may be of any time
        return traced.recorded
    roles = [role.role for part in parts for role in part.roles]
    return merged(traced.recorded, roles_read(roles, request.now))


def _terms(request: ScanRequest, accounts: Accounts, parts: Sequence[Compared]) -> Terms:
    """What the team accepts. Where an account was not read, what is gone may be there: nothing is fixed."""
    if accounts.unread or any(part.usage_only or part.other_roles is None for part in parts):
        every_role = request.terms.every_role and not (accounts.unread or len(parts) > 1)
        return replace(request.terms, other_roles=None, every_role=every_role)
    others = frozenset[str]().union(*(part.other_roles or () for part in parts))
    return replace(request.terms, other_roles=others)


def _of_account(account: str, roles: Sequence[RoleResult]) -> list[RoleResult]:
    """The roles of an account; all of them where it is not named."""
    return [role for role in roles if account in ("", account_of(role.role.arn))]
