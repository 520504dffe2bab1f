"""What roles grant, and the verdicts on it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.model import Verdict
from scanner.report.records.keys import Count, Json, PolicyKind, Source, about
from scanner.verdict.rank import BREADTHS, Breadth
from scanner.verdict.reasons import Reason


class PolicyDocument(Struct, frozen=True, kw_only=True, rename="pascal"):
    """An IAM policy."""

    version: Annotated[Literal["2012-10-17"], about("the version of the policy language")]
    statement: Annotated[tuple[Json, ...], about("the statements, as IAM takes them")]


class Policy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An identity policy of a role. Keys at their default are absent."""

    name: Annotated[str, about("its name")]
    arn: Annotated[str | None, about("its ARN; null for an inline policy")] = None
    kind: Annotated[PolicyKind, about("how the role has it")]
    managed_by_aws: Annotated[bool, about("true if it is AWS's own: it cannot be edited, only replaced")] = (
        False
    )
    statements: Annotated[tuple[Json, ...], about("its statements, in their order, Deny included")]


class UsedGrant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A permission that a grant was used for."""

    action: Annotated[str, about("the IAM action")]
    resource: Annotated[str, about("the ARN")]
    workloads: Annotated[
        tuple[str, ...],
        about("the ids of the workloads that used it; none where AWS itself needs it"),
    ] = ()


class GrantPlace(Struct, frozen=True, kw_only=True):
    """A statement of the role's policies."""

    policy: Annotated[Count, about("the position of the policy in the role's `policies`, from 0")]
    statement: Annotated[Count, about("the position of the statement in it, from 0")]


class StatementChange(Struct, frozen=True, kw_only=True):
    """What to put in the place of a statement that grants more than is needed."""

    policy: Annotated[Count, about("the position of the policy in the role's `policies`, from 0")]
    statement: Annotated[Count, about("the position of the statement in it, from 0")]
    after: Annotated[tuple[Json, ...], about("the statements to put in its place; empty: remove it")]


class Location(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lines of a checkout that grant something."""

    path: Annotated[str, about("the file, relative to the checkout")]
    line: Annotated[Count, about("its first line, from 1")]
    end_line: Annotated[Count, about("its last line")]
    made_by: Annotated[
        str,
        about(
            "what stands there, where the framework makes the permission of it: an event, a connector, a "
            "destination"
        ),
    ] = ""


class BundleUse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Grants that a framework writes as one, or a policy of AWS's own."""

    framework: Annotated[
        str,
        about(
            "`CDK`, `SAM`, `SAM connector`, `Serverless Framework`, `SST`, or `AWS` for its managed policies"
        ),
    ]
    name: Annotated[
        str,
        about("its name there: a grant method, a policy template, an event, a policy, `Read` of a connector"),
    ]
    target: Annotated[str, about("the resource that it stands on")]
    fits: Annotated[
        bool,
        about("whether it is the smallest one that contains what was seen: then it does not fail the gate"),
    ]
    used: Annotated[tuple[str, ...], about("the actions that were used of it")] = ()
    smaller: Annotated[str | None, about("the smallest one that contains what was seen")] = None
    unless: Annotated[
        tuple[str, ...],
        about("the actions that may be needed too, though no trace shows it, and that `smaller` lacks"),
    ] = ()


class Observed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long a workload was observed."""

    days: Annotated[Count, about("days (UTC) with a complete trace")] = 0
    traces: Annotated[Count, about("complete traces")] = 0


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verdict on grants of one statement, with its reasons. Keys at their default are absent."""

    id: Annotated[
        str,
        about(
            "12 hex digits, the first of `grant_ids`, which may be shown to everybody: see [Ids of "
            "findings](#ids-of-findings). `explain` takes it"
        ),
    ]
    grant_ids: Annotated[
        tuple[str, ...],
        about(
            "the ids of all its grants where there are several, sorted: each stays with its grant, whatever "
            "shares a finding"
        ),
    ] = ()
    verdict: Annotated[Verdict, about("what the comparison says")]
    confirmed: Annotated[
        bool,
        about("for `unused` and `broad`: whether the evidence carries the finding; true for all others"),
    ]
    reasons: Annotated[tuple[Reason, ...], about("why it is not confirmed")] = ()
    severity: Annotated[
        str,
        about(
            "that of the most dangerous of the actions that are not needed, or needed on less; `none` where "
            "nothing is allowed",
            (*SEVERITY_LEVELS, NONE),
        ),
    ]
    breadth: Annotated[
        str, about("how much it spans, the most first: what is shown first goes by it", BREADTHS)
    ] = Breadth.NOTHING
    severe: Annotated[
        tuple[str, ...],
        about(
            "the actions in question for which an attacker's gain is known, most dangerous first: "
            "`severe_actions` of the report says what it is"
        ),
    ] = ()
    policy: Annotated[Count, about("the position in the role's `policies` of the one that grants it, from 0")]
    statement: Annotated[
        Count, about("the position of the statement in it, from 0: its Sid and Condition stand there")
    ]
    actions: Annotated[
        tuple[str, ...],
        about("the actions, as the policy spells them; of a statement with NotAction, those it names"),
    ]
    resources: Annotated[
        tuple[str, ...],
        about("the resources, as the policy spells them; of one with NotResource, those it names"),
    ]
    used: Annotated[
        tuple[Count, ...],
        about(
            "which part was used; for `platform`, what AWS itself needs: positions in the role's `used`, "
            "from 0"
        ),
    ] = ()
    traces: Annotated[
        Count,
        about("how many complete traces of the role's workloads, newer than the last change, it rests on"),
    ] = 0
    more_traces: Annotated[bool, about("true if there are more traces than were counted")] = False
    observed: Annotated[
        Observed,
        about(
            "how long the role's workloads were observed since their last change: that of several which was "
            "observed least"
        ),
    ] = Observed()
    why: Annotated[
        str,
        about(
            "for `ineffective`, why it has no effect; for `unobservable`, and for `unused` that AWS itself "
            "may need by a configuration that was not read: why traces cannot show it, and which right would "
            "show it"
        ),
    ] = ""
    note: Annotated[
        str,
        about("what is worth a look though it is no finding: a write that may go to any account"),
    ] = ""
    also_granted_by: Annotated[
        tuple[GrantPlace, ...], about("the other statements that allow all that these were used for")
    ] = ()
    redundant: Annotated[
        bool,
        about(
            "true if the role needs these for nothing that was seen, as long as those in `also_granted_by` "
            "stay"
        ),
    ] = False
    sources: Annotated[
        tuple[Source, ...], about("the sources besides the traces that decided the verdict or a reason")
    ] = ()
    accepted_reason: Annotated[
        str | None, about("the reason of the rule of the configuration that accepts it")
    ] = None
    in_baseline: Annotated[bool, about("true if the baseline holds it")] = False
    bundle: Annotated[
        Count | None,
        about(
            "the bundle of a framework, or policy of AWS's own, that all of these grants belong to: a "
            "position in the role's `bundles`, from 0"
        ),
    ] = None
    location: Annotated[
        Location | None, about("where a template of the checkout grants it, as the action finds it")
    ] = None
    location_note: Annotated[
        str,
        about(
            "why `location` is unknown, where anything is known of that: two places that fit equally, the "
            "stack or the CDK construct that makes the role"
        ),
    ] = ""

    fixes: Annotated[
        tuple[Count, ...],
        about("the edits that take it away: positions in the report's `fixes`, from 0"),
    ] = ()
    fix_note: Annotated[
        str, about("why there is no edit of the template that grants it, where anything is known of that")
    ] = ""

    @property
    def accepted(self) -> bool:
        """Whether the team took it into account: by a rule, or in the baseline. It fails no gate."""
        return self.accepted_reason is not None or self.in_baseline


class AllowedElsewhere(Struct, frozen=True, kw_only=True):
    """Calls that succeeded though no policy of the role allows them."""

    workload: Annotated[str, about("the id of the workload")]
    action: Annotated[str, about("the IAM action")]
    resource: Annotated[str, about("the ARN")]
    calls: Annotated[Count, about("calls that succeeded")]
    denied: Annotated[
        bool,
        about(
            "true if a policy of the role even denies it: then the calls were made with another role, or the "
            "policy has changed since"
        ),
    ]


class NotUnderstood(Struct, frozen=True, kw_only=True):
    """Calls that succeeded though no grant was found that allows them, while one names their action."""

    workload: Annotated[str, about("the id of the workload")]
    action: Annotated[str, about("the IAM action")]
    resource: Annotated[str, about("the ARN")]
    calls: Annotated[Count, about("calls that succeeded")]


class Role(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role with the verdicts on everything that it grants. Keys at their default are absent."""

    arn: Annotated[str, about("the ARN")]
    name: Annotated[str, about("its name, without the path")]
    account: Annotated[str | None, about("the account that it belongs to; null where that is unknown")] = None
    workloads: Annotated[tuple[str, ...], about("the ids of all workloads that are known to use it")]
    by_version_only: Annotated[
        tuple[str, ...],
        about(
            "those that use it only in a published version: their traces do not show whether they ran with it"
        ),
    ] = ()
    workloads_complete: Annotated[
        bool,
        about(
            "whether there can be no other workloads: they could be listed, only their platforms may assume "
            "the role, and it was last used where workloads were listed"
        ),
    ]
    trusted: Annotated[
        tuple[str, ...],
        about(
            "the principals other than the platforms of workloads that may assume it; `?` where the trust "
            "policy cannot be understood"
        ),
    ] = ()
    boundary: Annotated[
        str | None,
        about("the ARN of its permissions boundary; null without one, and where the role could not be read"),
    ] = None
    readable: Annotated[bool, about("whether every policy was read")]
    missing_permissions: Annotated[tuple[str, ...], about("the IAM actions that the scan lacked")] = ()
    problems: Annotated[tuple[str, ...], about("what else could not be read or understood")] = ()
    template: Annotated[
        str,
        about(
            "the template of the checkout that declares it, as the action finds it; empty where that is "
            "unknown"
        ),
    ] = ""
    policies: Annotated[tuple[Policy, ...], about("its identity policies, as they are today")]
    used: Annotated[
        tuple[UsedGrant, ...], about("the permissions that its grants were used for, each once")
    ] = ()
    bundles: Annotated[tuple[BundleUse, ...], about("the bundles that its grants belong to, each once")] = ()
    findings: Annotated[tuple[Finding, ...], about("a verdict on everything that the role grants")]
    changes: Annotated[
        tuple[StatementChange, ...],
        about("the statements that grant more than is needed, and what to put in their places"),
    ] = ()
    suggested_policy: Annotated[
        PolicyDocument | None,
        about("an IAM policy that can take the place of all identity policies of the role"),
    ] = None
    suggested_policies: Annotated[
        tuple[PolicyDocument, ...],
        about("the same as several managed policies, where it is too long for inline policies"),
    ] = ()
    objections: Annotated[
        tuple[str, ...],
        about("why there is no suggestion: what the evaluator could not prove about it, a line each"),
    ] = ()
    policy_for_denied: Annotated[
        PolicyDocument | None,
        about(
            "an IAM policy that would allow the calls that AWS denied, where an Allow in the role may help. "
            "It is no part of the suggestion"
        ),
    ] = None
    policy_for_denied_notes: Annotated[
        tuple[str, ...],
        about(
            "what the policy for denied calls holds back, and why; and what in it is another account's, a "
            "line each"
        ),
    ] = ()
    allowed_elsewhere: Annotated[
        tuple[AllowedElsewhere, ...],
        about("calls that succeeded though no policy of the role allows them"),
    ] = ()
    not_understood: Annotated[
        tuple[NotUnderstood, ...],
        about(
            "calls that succeeded though no grant was found that allows them, while one names their action: "
            "no grant that names it is confirmed"
        ),
    ] = ()
