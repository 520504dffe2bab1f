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


class Policy(Struct, frozen=True, kw_only=True):
    """An identity policy of a role."""

    name: Annotated[str, about("its name")]
    arn: Annotated[str | None, about("its ARN; null for an inline policy")]
    kind: Annotated[PolicyKind, about("how the role has it")]
    statements: Annotated[tuple[Json, ...], about("its statements, in their order, Deny included")]


class PolicyName(Struct, frozen=True, kw_only=True):
    """The policy that grants what a finding is about."""

    name: Annotated[str, about("its name")]
    arn: Annotated[str | None, about("its ARN; null for an inline policy")]
    kind: Annotated[PolicyKind, about("how the role has it")]


class StatementName(Struct, frozen=True, kw_only=True):
    """The statement that grants what a finding is about."""

    index: Annotated[Count, about("its place in the policy, counted from 0")]
    sid: Annotated[str | None, about("its Sid, or null")]
    not_action: Annotated[bool, about("true if `actions` are those of a NotAction: all others are granted")]
    not_resource: Annotated[bool, about("true if `resources` are those of a NotResource")]
    condition: Annotated[Json | None, about("its Condition block, untouched, or null")]


class UsedGrant(Struct, frozen=True, kw_only=True):
    """A permission that a grant was used for."""

    action: Annotated[str, about("the IAM action")]
    resource: Annotated[str, about("the ARN")]
    workloads: Annotated[
        tuple[str, ...],
        about("the ARNs of the workloads that used it; empty where AWS itself needs it"),
    ]


class SevereAction(Struct, frozen=True, kw_only=True):
    """An action of which it is known what an attacker gains."""

    action: Annotated[str, about("the IAM action")]
    why: Annotated[str, about("what an attacker gains from it")]


class GrantPlace(Struct, frozen=True, kw_only=True):
    """A statement that allows the same."""

    policy: Annotated[str, about("the name of the policy")]
    policy_arn: Annotated[str | None, about("its ARN; null for an inline policy")]
    index: Annotated[Count, about("the statement's place in it, counted from 0")]
    sid: Annotated[str | None, about("its Sid, or null")]


class Location(Struct, frozen=True, kw_only=True):
    """The lines of a template that grant it."""

    path: Annotated[str, about("the file, relative to the checkout")]
    line: Annotated[Count, about("the first line, counted from 1")]
    end_line: Annotated[Count, about("the last line")]
    made_by: Annotated[
        str,
        about(
            "what stands there, where the framework makes the permission of it: an event, a connector, a "
            "destination; else empty"
        ),
    ] = ""


class BundleUse(Struct, frozen=True, kw_only=True):
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
    used: Annotated[tuple[str, ...], about("the actions that were used of it")]
    smaller: Annotated[str | None, about("the smallest one that contains what was seen, or null")]
    unless: Annotated[
        tuple[str, ...],
        about("the actions that may be needed too, though no trace shows it, and that `smaller` lacks"),
    ]


class Finding(Struct, frozen=True, kw_only=True):
    """A verdict on grants of one statement that share it and its reasons."""

    id: Annotated[
        str,
        about(
            "12 hex digits, the first of `grant_ids`, which may be shown to everybody: see [Ids of "
            "findings](#ids-of-findings). `explain` takes it"
        ),
    ]
    grant_ids: Annotated[
        tuple[str, ...],
        about("the ids of all its grants, sorted: each stays with its grant, whatever shares a finding"),
    ] = ()
    verdict: Annotated[Verdict, about("what the comparison says")]
    confirmed: Annotated[
        bool,
        about("for `unused` and `broad`: whether the evidence carries the finding; true for all others"),
    ]
    reasons: Annotated[tuple[Reason, ...], about("why it is not confirmed; empty when it is")]
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
        tuple[SevereAction, ...],
        about("the actions in question for which an attacker's gain is known, most dangerous first"),
    ]
    workload: Annotated[
        str | None,
        about("the ARN of the workload that uses the role; null where several do, or none is known"),
    ]
    policy: Annotated[PolicyName, about("the policy that grants it")]
    statement: Annotated[StatementName, about("the statement in it")]
    actions: Annotated[tuple[str, ...], about("the actions, as the policy spells them")]
    resources: Annotated[tuple[str, ...], about("the resources, as the policy spells them")]
    used: Annotated[
        tuple[UsedGrant, ...], about("which part was used; for `platform`, what AWS itself needs")
    ]
    why: Annotated[
        str,
        about(
            "for `ineffective`, why it has no effect; for `unobservable`, and for `unused` that AWS itself "
            "may need by a configuration that was not read: why traces cannot show it, and which right would "
            "show it; else empty"
        ),
    ]
    note: Annotated[
        str,
        about("what is worth a look though it is no finding: a write that may go to any account; else empty"),
    ] = ""
    remedy: Annotated[
        Literal["edit", "replace"] | None,
        about(
            "for `unused` and `broad`: `edit` the policy, or `replace` it, since it is AWS's own; null for "
            "all others"
        ),
    ]
    also: Annotated[
        tuple[GrantPlace, ...],
        about("the other statements that allow all that these were used for; empty where there are none"),
    ]
    could_go: Annotated[
        bool,
        about("true if the role needs these for nothing that was seen, as long as those in `also` stay"),
    ]
    sources: Annotated[
        tuple[Source, ...], about("the sources besides the traces that decided the verdict or a reason")
    ]
    ignored: Annotated[
        str | None, about("the reason of the rule of the configuration that accepts it, or null")
    ]
    known: Annotated[bool, about("true if the baseline holds it")]
    bundle: Annotated[
        BundleUse | None,
        about(
            "the bundle of a framework, or policy of AWS's own, that all of these grants belong to, or null"
        ),
    ] = None
    location: Annotated[
        Location | None,
        about(
            "where a template of the checkout grants it, as the action finds it; null where that is unknown"
        ),
    ] = None
    location_note: Annotated[
        str,
        about(
            "why `location` is unknown, where anything is known of that: two places that fit equally, the "
            "stack or the CDK construct that makes the role; else empty"
        ),
    ] = ""


class AllowedElsewhere(Struct, frozen=True, kw_only=True):
    """Calls that succeeded though no policy of the role allows them."""

    workload: Annotated[str, about("the ARN of the workload")]
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

    workload: Annotated[str, about("the ARN of the workload")]
    action: Annotated[str, about("the IAM action")]
    resource: Annotated[str, about("the ARN")]
    calls: Annotated[Count, about("calls that succeeded")]


class Role(Struct, frozen=True, kw_only=True):
    """A role with the verdicts on everything that it grants."""

    arn: Annotated[str, about("the ARN")]
    name: Annotated[str, about("its name, without the path")]
    workloads: Annotated[tuple[str, ...], about("the ARNs of all workloads that are known to use it")]
    by_version_only: Annotated[
        tuple[str, ...],
        about(
            "those that use it only in a published version: their traces do not show whether they ran with it"
        ),
    ]
    users_known: Annotated[
        bool,
        about(
            "whether there can be no others: the functions could be listed, only Lambda may assume the role, "
            "and it was last used where functions were listed"
        ),
    ]
    trusted: Annotated[
        tuple[str, ...],
        about(
            "the principals other than Lambda that may assume it; `?` where the trust policy cannot be "
            "understood"
        ),
    ]
    boundary: Annotated[
        str | None,
        about("the ARN of its permissions boundary; null without one, and where the role could not be read"),
    ]
    readable: Annotated[bool, about("whether every policy was read")]
    missing_permissions: Annotated[tuple[str, ...], about("the IAM actions that the scan lacked")]
    problems: Annotated[tuple[str, ...], about("what else could not be read or understood")]
    policies: Annotated[tuple[Policy, ...], about("its identity policies, as they are today")]
    findings: Annotated[tuple[Finding, ...], about("a verdict on everything that the role grants")]
    suggested_policy: Annotated[
        PolicyDocument | None,
        about("an IAM policy that can take the place of all identity policies of the role, or null"),
    ]
    suggested_policies: Annotated[
        tuple[PolicyDocument, ...],
        about("the same as several managed policies, where it is too long for inline policies; else empty"),
    ]
    objections: Annotated[
        tuple[str, ...],
        about(
            "why there is no suggestion: what the evaluator could not prove about it, a line each; else empty"
        ),
    ]
    offered_policy: Annotated[
        PolicyDocument | None,
        about(
            "an IAM policy that would allow the calls that AWS denied, where an Allow in the role may help; "
            "null without any. It is no part of the suggestion"
        ),
    ]
    offer_notes: Annotated[
        tuple[str, ...],
        about(
            "what the offered policy holds back, and why; and what in it is another account's, a line each"
        ),
    ] = ()
    allowed_elsewhere: Annotated[
        tuple[AllowedElsewhere, ...],
        about("calls that succeeded though no policy of the role allows them"),
    ]
    not_understood: Annotated[
        tuple[NotUnderstood, ...],
        about(
            "calls that succeeded though no grant was found that allows them, while one names their action: "
            "no grant that names it is confirmed"
        ),
    ] = ()
