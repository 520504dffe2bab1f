"""The values of a view: everything that the terminal and the Markdown show. Texts are not yet escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanner.report.records import Finding, Gate, Location, Role


@dataclass(frozen=True)
class Row:
    """A finding in a table.

    `functions` are the names of the workloads, `who` the same in a line. `claim` is what was seen of the
    grant, `evidence` what the verdict rests on, or why it is not confirmed. Of a bundle of a framework,
    `actions` name it, and `below` are the rows of its grants. `alike` are further findings that look the
    same, since names are hidden.
    """

    finding: Finding
    role: Role
    functions: tuple[str, ...]
    who: str
    actions: str
    resources: str
    claim: str
    severity: str
    evidence: str
    confirmed: bool
    fails: bool = False
    below: tuple[Row, ...] = ()
    alike: tuple[Finding, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its findings, without those below."""
        return tuple(finding.id for finding in (self.finding, *self.alike))

    @property
    def all_ids(self) -> tuple[str, ...]:
        """The ids of all findings in it."""
        return tuple(id_ for row in self.below for id_ in row.ids) or self.ids

    @property
    def decided(self) -> tuple[Row, ...]:
        """Its findings that are to be acted on: of a bundle the parts that are confirmed, or fail."""
        return tuple(part for part in self.below or (self,) if part.confirmed or part.fails)


@dataclass(frozen=True)
class Group:
    """The same grant in several roles: one statement or template made them.

    In `resources` and `claim` stands `…` where the roles differ. `functions` are the names of all workloads,
    `who` is what these have in common, or a few of them. `roles` is the number of roles, `places` are the
    lines of the checkout that grant it.
    """

    rows: tuple[Row, ...]
    actions: str
    resources: str
    claim: str
    severity: str
    breadth: str
    evidence: str
    functions: tuple[str, ...]
    who: str
    roles: int
    confirmed: bool
    fails: bool
    places: tuple[Location, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the findings in it."""
        return tuple(dict.fromkeys(id_ for row in self.rows for id_ in row.all_ids))


@dataclass(frozen=True)
class Totals:
    """How many findings there are of excess that nobody accepts; what a fitting bundle leaves is none.

    `by_verdict` and `by_severity` count confirmed ones, `unconfirmed_by_severity` the others; the most severe
    stand first. `functions` is the number of workloads that were compared, `excessive` that of those
    with confirmed excess.
    """

    by_verdict: Mapping[str, int]
    by_severity: Mapping[str, int]
    unconfirmed_by_severity: Mapping[str, int]
    functions: int
    excessive: int

    @property
    def confirmed(self) -> int:
        """All confirmed findings."""
        return sum(self.by_severity.values())

    @property
    def unconfirmed(self) -> int:
        """All others."""
        return sum(self.unconfirmed_by_severity.values())


@dataclass(frozen=True)
class NeverTraced:
    """The workloads that no trace shows. `listed` is the number of all workloads, None where unknown.

    `dangerous` are names and what their roles allow, "administrator" or "privilege-escalation", the worst
    first. `text` says all of it in a line that stands beside the headline: "18 of 300 functions were never
    traced"; it is empty where there is nothing to say. `why_unknown` is why there is no such list.
    """

    names: tuple[str, ...] = ()
    listed: int | None = None
    dangerous: tuple[tuple[str, str], ...] = ()
    text: str = ""
    why_unknown: str = ""


@dataclass(frozen=True)
class Delta:
    """What changed against the baseline: how many grants are new and known, and what is gone, a line each."""

    new: int
    known: int
    fixed: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A finding that is new or gone, or all `number` findings of a bundle.

    `what` are actions and resources, `who` are the workloads' names.
    """

    id: str
    who: str
    what: str
    severity: str
    number: int = 1


@dataclass(frozen=True)
class Trend:
    """The open findings of the last runs, the oldest first: as numbers, as small bars, and in words.

    `course` is how the numbers went, `text` a whole sentence of it.
    """

    counts: Sequence[int]
    bars: str
    course: str

    @property
    def text(self) -> str:
        """What the bars show, for those who do not see them."""
        return f"open findings in the last {len(self.counts)} runs: {self.course}"


@dataclass(frozen=True)
class SinceLastRun:
    """What changed since the last run of the same scope.

    `previous` is when that was, empty for the first run. `text` are the numbers in a line, `number_new` is
    one of them: a change may be many findings. The worst changes come first. `settled` are used or accepted
    by now, `undecided` those that this run says nothing of.
    """

    previous: str
    text: str
    number_new: int
    new: Sequence[Change]
    fixed: Sequence[Change]
    settled: Sequence[Change]
    undecided: Sequence[Change]
    still_open: int
    trend: Trend | None

    @property
    def dated_text(self) -> str:
        """The numbers, and what they are compared with."""
        return f"{self.text}; the last run was {self.previous}" if self.previous else self.text


@dataclass(frozen=True)
class StatementEdit:
    """What to change in a statement: lines that begin with `-`, `+` or a space.

    `name` is what the statement is called: "statement 0". `policy_position` and `statement` are positions in
    the role's policies and in that policy. `template` is the line of the checkout that the difference is of:
    "serverless.yml:42"; it is empty where the difference is of the policy as it is deployed.
    """

    policy: str
    name: str
    managed_by_aws: bool
    difference: str
    policy_position: int
    statement: int
    template: str = ""


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
class DeniedKind:
    """Calls of an action on a resource that AWS denied to the workloads `who` for the same cause."""

    action: str
    resource: str
    count: int
    who: str


@dataclass(frozen=True)
class Denials:
    """What was denied for a cause, which `meaning` explains."""

    meaning: str
    kinds: Sequence[DeniedKind]


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

    `noun` is what its workloads are called: "function", or "workload" where others are among them.
    `names_hidden` tells that placeholders stand for some names.
    `groups` are the confirmed findings and `doubts` the others, by what they have in common; `confirmed` and
    `unconfirmed` hold the same, one row a role. `others` are findings that fail the gate though they are no
    excess, `other_groups` the same by what they have in common; `remainders` are what the smallest
    fitting bundles of frameworks grant beyond use: nothing to act on. `unobservable` and `ineffective` are
    those that do not fail it. `accepted_facts` are lines on the team's rules and the baseline. `since` is
    what changed since the last run.
    """

    noun: str
    names_hidden: bool
    headline: str
    facts: str
    gate: Gate | None
    totals: Totals
    delta: Delta | None
    since: SinceLastRun | None
    never_traced: NeverTraced
    others: Sequence[Row]
    other_groups: Sequence[Group]
    groups: Sequence[Group]
    doubts: Sequence[Group]
    remainders: Sequence[Group]
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
    denials: Sequence[Denials]
    allowed_elsewhere: Sequence[AllowedCalls]
    policies_for_denied: Sequence[PolicyForDenied]
    unmapped: Sequence[UnmappedCalls]
    warnings: Sequence[str]
