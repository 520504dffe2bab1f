"""What a scan found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from scanner.errors import ScanError
from scanner.gate.accept import Terms
from scanner.gate.baseline import Comparison
from scanner.gate.rules import RuleTally
from scanner.ledger import Ledger
from scanner.model import EXCESS, Evidence, Finding, Fix, Role, ScanWarning, Usage, Workload, account_of
from scanner.model.workloads import short_name
from scanner.records.aws_records import AwsRecords
from scanner.request import ScanRequest, is_selected
from scanner.suggest.check import AllowedElsewhere, NotUnderstood
from scanner.suggest.denied import Offer
from scanner.suggest.policy import Suggestion
from scanner.traces.source import NOT_RETURNED, WINDOW_UNREAD
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.reasons import EVIDENCE_REASONS, Reason
from scanner.verdict.rights import Rights

WORKLOAD_UNKNOWN = "workload-unknown"
"""The code of the warning of a name or pattern that matches no workload."""


@dataclass(frozen=True)
class Skipped:
    """What could not be taken into account."""

    documents: int = 0
    calls: int = 0
    traces_truncated: int = 0
    traces_unprocessed: int = 0
    traces_partial: int = 0
    windows: int = 0
    times: int = 0
    unowned: int = 0
    other_credentials: int = 0


class FromLedger(NamedTuple):
    """What a scan with a ledger stands on: hours that were read whole, by it or by earlier ones.

    `since` is the start of the first (Unix seconds), `days` those that they are in. `unread` are hours or
    days that are no longer understood. `note` says what the scan adds, a line. `accounts` are those whose
    rights read.
    """

    since: float | None
    hours: int
    days: int
    unread: int = 0
    note: str = ""
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traced:
    """What the traces show. Times are Unix seconds.

    `scan_reasons` hold for every finding, `reasons_of` an account (by its id) for those of that account.
    `notes` tell what was read where, and what it cost. `interrupted` tells that reading was ended by hand.
    With a ledger, `usages` hold what it knows as well, and the counts do not: `from_ledger` is what it adds,
    `recorded` what this scan adds to it, `remembered` the workloads that were not seen in the time asked for.
    """

    source: str
    start: float | None
    end: float | None
    regions: tuple[str, ...]
    traces: int
    documents: int
    calls: int
    skipped: Skipped
    usages: Sequence[Usage]
    scan_reasons: frozenset[Reason] = frozenset()
    reasons_of: Mapping[str, frozenset[Reason]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    recorded: Ledger | None = None
    from_ledger: FromLedger | None = None
    remembered: frozenset[str] = frozenset()

    def of_account(self, account: str) -> Traced:
        """What they show of an account; empty for all that was read."""
        if not account:
            return self
        return replace(
            self,
            usages=[usage for usage in self.usages if account_of(usage.workload or "") == account],
            scan_reasons=self.scan_reasons | self.reasons_of.get(account, frozenset()),
        )

    def renamed(self, names: Mapping[str, str]) -> Traced:
        """The same, where some workloads have other keys than traces name them by."""
        if not names:
            return self
        usages = [
            replace(usage, workload=names.get(usage.workload or "", usage.workload)) for usage in self.usages
        ]
        return replace(
            self, usages=sorted(usages, key=lambda usage: (usage.workload is None, usage.workload or ""))
        )

    def without(self, workloads: Set[str]) -> Traced:
        """The same, without some workloads."""
        if not workloads:
            return self
        return replace(self, usages=[usage for usage in self.usages if usage.workload not in workloads])

    @property
    def by_workload(self) -> dict[str, Usage]:
        """The usage of each workload, by key."""
        return {usage.workload: usage for usage in self.usages if usage.workload}

    @property
    def evidence(self) -> dict[str, Evidence]:
        """The evidence of the workloads that were seen, by key."""
        return {arn: usage.evidence for arn, usage in self.by_workload.items()}


@dataclass(frozen=True)
class RoleResult:
    """A role with all that is said of it.

    `suggestion` is None where there is none; `objections` say why, where it did not stand the evaluator's
    test. `template` is the file of the checkout that declares the role, empty where that is unknown.
    `offer` would allow what AWS denied. `allowed_elsewhere` are calls that needed no grant of the role;
    `not_understood` are those for which a grant names the action.
    """

    assessed: AssessedRole
    findings: Sequence[Finding] = ()
    suggestion: Suggestion | None = None
    objections: Sequence[str] = ()
    offer: Offer = field(default_factory=Offer)
    allowed_elsewhere: Sequence[AllowedElsewhere] = ()
    not_understood: Sequence[NotUnderstood] = ()
    template: str = ""

    @property
    def role(self) -> Role:
        """The role."""
        return self.assessed.role

    @property
    def assessments(self) -> Sequence[Assessment]:
        """The assessments of its grants, in the order of its policies."""
        return self.assessed.assessments

    @property
    def records(self) -> AwsRecords:
        """What AWS itself recorded of it."""
        return self.assessed.context.records


WhyNotListed = Literal["filter", "trace-ids", "unread", "usage-only"]


@dataclass(frozen=True)
class NeverTraced:
    """The workloads that were asked for, and that no trace shows.

    `listed` is how many there are of those that were asked for, traced or not; where it is None, `why_not`
    says why. `rights` are what roles allow at the worst, by the key of the workload.
    """

    arns: tuple[str, ...] = ()
    listed: int | None = None
    why_not: WhyNotListed | None = "usage-only"
    rights: Mapping[str, Rights] = field(default_factory=dict)


class ScannedAccount(NamedTuple):
    """An account whose role was to be assumed; `unread` says why nothing, or not all, of it was read."""

    id: str
    role: str
    unread: str | None = None


@dataclass(frozen=True)
class ScanResult:
    """What a scan found.

    `workloads` are those whose configuration was read, by key; `uncompared` are those that were seen, though
    no role of theirs is known. `invocations` are how often functions ran in the scanned time (by ARN),
    as CloudWatch counts. `terms` are what the team accepts, `rules` is what became of its rules,
    `against_baseline` what is new and what was fixed. `usage_only` if no role was compared.
    `never_traced` stand beside the comparison: only those that were asked for by name count in it. `accounts`
    are those whose roles were to be assumed, none where the configured credentials, or files, told all.
    `fixes` are edits of a checkout's templates.
    `recorded` is what the scan adds to its ledger, None without one and where it only reads it.
    """

    traced: Traced
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    roles: Sequence[RoleResult] = ()
    warnings: Sequence[ScanWarning] = ()
    uncompared: Sequence[str] = ()
    invocations: Mapping[str, int] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    rules: RuleTally = field(default_factory=RuleTally)
    against_baseline: Comparison | None = None
    usage_only: bool = False
    never_traced: NeverTraced = field(default_factory=NeverTraced)
    accounts: Sequence[ScannedAccount] = ()
    fixes: Sequence[Fix] = ()
    recorded: Ledger | None = None

    @property
    def findings(self) -> list[Finding]:
        """The findings of all roles."""
        return [finding for role in self.roles for finding in role.findings]


def nothing_read(result: ScanResult, compare: bool) -> ScanError | None:
    """The error to end with where no trace, or no role at all, could be read."""
    error = no_trace_read(result.traced, result.warnings)
    if error or not compare:
        return error
    return no_role_read([role_result.role for role_result in result.roles], result.traced)


def no_trace_read(traced: Traced, warnings: Sequence[ScanWarning]) -> ScanError | None:
    """The error to end with where no trace could be read."""
    if traced.traces or traced.calls:  # aggregated rows show calls only
        return None
    unread = [warning.message for warning in warnings if warning.code == WINDOW_UNREAD]
    if unread:
        return ScanError(f"no trace could be read: {unread[0]}")
    if traced.from_ledger and any(usage.evidence.was_seen for usage in traced.usages):
        return None
    if traced.source == "files":
        return ScanError(
            "no trace was found in the files of --traces: save what `aws xray batch-get-traces` prints"
        )
    if any(warning.code == NOT_RETURNED for warning in warnings):
        return ScanError(
            "X-Ray returned none of the traces that were asked for: check --region, and the ids where "
            "--trace-ids names them; it keeps traces for 30 days, and new ones take seconds (--wait)"
        )
    return ScanError(
        "no trace was found in this time and region: check --region, the time range and --filter, that "
        "what runs is traced (functions: active tracing), and wait for new traces with --wait"
    )


def no_role_read(roles: Iterable[Role], traced: Traced) -> ScanError | None:
    """The error to end with where no role at all could be read."""
    if any(role.policies or role.readable for role in roles):
        return None
    return ScanError(
        "no role at all could be read, see the warnings: nothing can be compared"
        if any(usage.workload for usage in traced.usages)
        else "the traces show no workload: nothing can be compared"
    )


def missing_evidence(result: ScanResult, request: ScanRequest) -> list[str]:
    """What was not there to judge by, a line each."""
    error = nothing_read(result, request.compare)
    if error or not request.compare:
        return [str(error)] if error else []
    doubted: dict[str, set[str]] = {}
    for role_result in result.roles:
        names = {short_name(key) for key in role_result.role.workloads if is_selected(key, request.workloads)}
        for finding in role_result.findings:
            for reason in EVIDENCE_REASONS.intersection(finding.reasons) if _is_open(finding) else ():
                doubted.setdefault(reason, set()).update(names)
    unread = {s.role.name for s in result.roles if not s.role.readable}
    lines = [_named(f"not confirmed ({reason})", names) for reason, names in sorted(doubted.items())]
    if unread:
        lines.append(_named("roles that could not be read wholly", unread))
    lines += [f"account {account.id} could not be read: {account.unread}" for account in _unread(result)]
    if result.uncompared:
        lines.append(_named("never compared", map(short_name, result.uncompared)))
    return [*lines, *(w.message for w in result.warnings if w.code == WORKLOAD_UNKNOWN)]


def _unread(result: ScanResult) -> list[ScannedAccount]:
    return [account for account in result.accounts if account.unread]


def _named(what: str, names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"{what}: {', '.join(shown[:5])}{more}"


def _is_open(finding: Finding) -> bool:
    return finding.verdict in EXCESS and not finding.accepted
