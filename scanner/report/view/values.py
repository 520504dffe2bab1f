"""The values of a view: everything that the terminal and the Markdown show. Texts are not yet escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scanner.model import Finding


@dataclass(frozen=True)
class Row:
    """A finding in a table.

    `who` names the workloads. `claim` is what was seen of the grant, `evidence` what the verdict rests on, or
    why it is not confirmed. Of a bundle of a framework, `actions` name it, and `below` are the rows of its
    grants. `alike` are further findings that look the same, since names are hidden.
    """

    finding: Finding
    who: str
    actions: str
    resources: str
    claim: str
    severity: str
    evidence: str
    confirmed: bool
    below: tuple[Row, ...] = ()
    alike: tuple[Finding, ...] = ()

    @property
    def ids(self) -> str:
        """The ids of its findings."""
        return " ".join(finding.id for finding in (self.finding, *self.alike))


@dataclass(frozen=True)
class StatementEdit:
    """What to change in a statement: lines that begin with `-`, `+` or a space."""

    policy: str
    managed_by_aws: bool
    difference: str


@dataclass(frozen=True)
class RoleSuggestion:
    """A role whose policies can be made smaller: the edits of single statements, and the whole policy.

    `policies` are JSON texts: one, or several where one is too long. `role` is the role's ARN.
    """

    role: str
    who: str
    edits: Sequence[StatementEdit]
    policies: Sequence[str]


@dataclass(frozen=True)
class ReasonLine:
    """A reason for which findings are not confirmed, what it means and what removes it."""

    code: str
    meaning: str
    remedy: str


@dataclass(frozen=True)
class Danger:
    """What an attacker gains from an action that is excessive."""

    action: str
    gain: str


@dataclass(frozen=True)
class IneffectiveGrants:
    """The grants of a role that allow nothing: "7 grants", "dynamodb:PutItem on table/t/index/*"."""

    who: str
    count: str
    examples: str


@dataclass(frozen=True)
class TracedShare:
    """How many of a workload's invocations were traced: "3 traces", "400 invocations"."""

    who: str
    traces: str
    invocations: str


@dataclass(frozen=True)
class RedundantGrant:
    """A grant that the role does not need, since others allow the same; both places as text."""

    who: str
    actions: str
    resources: str
    place: str
    also_granted_by: str


@dataclass(frozen=True)
class WorkloadCounts:
    """How much was seen of a workload. `invocations` is None where CloudWatch was not asked."""

    name: str
    traces: int
    calls: int
    permissions: int
    invocations: int | None


@dataclass(frozen=True)
class DeniedCalls:
    """Calls that AWS denied, and what the cause means."""

    who: str
    action: str
    resource: str
    count: int
    meaning: str


@dataclass(frozen=True)
class AllowedCalls:
    """Calls that succeeded without a grant of the role. `denied`: a policy of the role even denies them."""

    who: str
    action: str
    resource: str
    count: int
    denied: bool


@dataclass(frozen=True)
class PolicyForDenied:
    """A policy, as JSON text, that would allow calls that AWS denied; empty where there is none to offer.

    `notes` say what it holds back, and what is another account's.
    """

    who: str
    policy: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class UnmappedCalls:
    """Calls that could not be mapped to permissions."""

    service: str
    operation: str
    reason: str
    count: int


@dataclass(frozen=True)
class View:
    """Everything that is shown of a scan, in the order in which it is shown.

    `others` are findings that fail the gate though they are no excess; `unobservable` and `ineffective` are
    those that do not fail it. `accepted_facts` are lines on the team's rules and the baseline.
    """

    headline: str
    facts: str
    others: Sequence[Row]
    confirmed: Sequence[Row]
    unconfirmed: Sequence[Row]
    reasons: Sequence[ReasonLine]
    suggestions: Sequence[RoleSuggestion]
    unobservable: Sequence[Row]
    ineffective: Sequence[IneffectiveGrants]
    traced_shares: Sequence[TracedShare]
    accepted: Sequence[Row]
    accepted_facts: Sequence[str]
    redundant_grants: Sequence[RedundantGrant]
    dangers: Sequence[Danger]
    workloads: Sequence[WorkloadCounts]
    denied: Sequence[DeniedCalls]
    allowed_elsewhere: Sequence[AllowedCalls]
    policies_for_denied: Sequence[PolicyForDenied]
    unmapped: Sequence[UnmappedCalls]
    warnings: Sequence[str]
