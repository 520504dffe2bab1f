"""What was seen of workloads."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Struct, UnsetType

from scanner.mapping.access_denied import DenialCause
from scanner.mapping.permissions import UNMAPPED_REASONS
from scanner.model.workloads import WorkloadKindName
from scanner.report.records.keys import Count, Time, about
from scanner.verdict.reasons import Reason
from scanner.verdict.rights import Rights


class WorkloadEvidence(Struct, frozen=True, kw_only=True):
    """How much was seen of a workload."""

    traces: Annotated[Count, about("traces that show it")]
    incomplete_traces: Annotated[
        Count,
        about("those that are truncated, still arriving or partly unreadable; they confirm nothing"),
    ]
    calls: Annotated[Count, about("its AWS calls")]
    first_seen: Annotated[Time, about("when its first trace started; null if there is none")]
    last_seen: Annotated[Time, about("when its last trace started")]
    last_changed: Annotated[Time, about("when it was last deployed or changed; null where that is unknown")]
    auto_instrumented: Annotated[
        bool, about("whether its traces say that all its AWS clients are instrumented automatically")
    ]
    all_clients_traced: Annotated[
        bool,
        about(
            "whether its traces since its last change show that all its AWS clients are traced: automatic "
            "instrumentation, or on Lambda a call of the X-Ray SDK for Python"
        ),
    ] = False
    invocations: Annotated[
        Count | None,
        about(
            "how often it ran in the scanned time, as CloudWatch counts, all versions together; null where "
            "that was not asked or not answered"
        ),
    ]
    reasons: Annotated[
        tuple[Reason, ...],
        about(
            "the reasons that hold for every claim about this workload: `not-seen`, `too-few-traces`, "
            "`no-calls` or `incomplete-traces`"
        ),
    ]


class UsedPermission(Struct, frozen=True, kw_only=True):
    """A permission that calls needed."""

    action: Annotated[str, about("the IAM action")]
    resource: Annotated[
        str,
        about("an ARN; `*` stands for what the trace does not say, and for the key of an S3 object"),
    ]
    exact: Annotated[bool, about("whether the resource is known")]
    condition_values: Annotated[
        dict[str, tuple[str, ...]] | UnsetType,
        about(
            "keys of conditions that the calls tell beside their resource, with their values, such as the "
            "alias of a state machine; a key without values is not in the request"
        ),
    ] = UNSET
    required: Annotated[
        bool,
        about("false if the call may have needed the action, depending on what the trace does not show"),
    ]
    count: Annotated[Count, about("calls")]
    traces: Annotated[Count, about("traces with such a call; 0 in `recorded`")]
    succeeded: Annotated[Count, about("calls that AWS carried out")]
    first_seen: Annotated[Time, about("time of the first call")]
    last_seen: Annotated[Time, about("time of the last call")]
    trace_ids: Annotated[tuple[str, ...], about("the ids of some of these traces, the newest first")]


class Denied(Struct, frozen=True, kw_only=True):
    """Calls that AWS denied."""

    action: Annotated[str, about("the IAM action that the call needs")]
    resource: Annotated[str, about("the ARN, as in `used`")]
    count: Annotated[Count, about("calls")]
    message: Annotated[str, about("the message of the first call that has one")]
    cause: Annotated[DenialCause, about("which policy denied it, as far as the message says")]
    meaning: Annotated[str, about("what the cause means and what to do, in a line")]
    policy: Annotated[str | None, about("the ARN of the policy that the message names, or null")]
    trace_ids: Annotated[tuple[str, ...], about("the ids of some of the traces")]


class Unmapped(Struct, frozen=True, kw_only=True):
    """Calls that could not be mapped to permissions."""

    service: Annotated[str, about("as the trace spells it; for a plain HTTP request, the host")]
    operation: Annotated[str, about("as the trace spells it; may be empty")]
    count: Annotated[Count, about("calls")]
    reason: Annotated[
        str,
        about(
            "`no-operation` (the trace names none), `not-instrumented` (a plain HTTP request to AWS), "
            "`unknown-service` or `unknown-operation`",
            UNMAPPED_REASONS,
        ),
    ]


class Workload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What runs with a role. Keys at their default are absent."""

    id: Annotated[
        str,
        about(
            "what the rest of the report names it by: the ARN of a function or state machine, "
            "`ecs:CLUSTER/FAMILY`, `ec2:ROLE/SERVICE`, `eks:CLUSTER/NAMESPACE/NAME`, "
            "`app-runner:SERVICE`, `other:SERVICE` (`?` stands for a part that is not known); with "
            "`@ACCOUNT/REGION` where two would be called the same"
        ),
    ]
    arn: Annotated[
        str | None,
        about("the ARN; versions and aliases of a function are one workload; null where there is none"),
    ]
    kind: Annotated[
        WorkloadKindName,
        about("what kind of workload it is; `other`: nothing tells what the service runs on"),
    ]
    name: Annotated[str, about("its name")]
    account: Annotated[str | None, about("its account; null where it is unknown")] = None
    region: Annotated[str | None, about("its region; null where it is unknown")] = None
    role: Annotated[str | None, about("the ARN of its role; null where it is unknown")] = None
    candidates: Annotated[
        tuple[str, ...],
        about(
            "where its role is unknown: the roles that it may have, or what could not be told, a line each"
        ),
    ] = ()
    role_inferred: Annotated[
        bool,
        about(
            "whether nothing says for sure that this is its role: it follows from names, or a refusal "
            "names another one"
        ),
    ] = False
    platform_only: Annotated[
        bool,
        about(
            "whether no code of it uses the role: the platform alone does, to start a workload (an "
            "execution role of ECS)"
        ),
    ] = False
    reported: Annotated[
        bool, about("false where it is not among those that were asked for, and only shares a role with one")
    ] = True
    rights: Annotated[
        Rights | None,
        about(
            "the worst that its role allows, for workloads that were never traced: `administrator` "
            "(everything), `privilege-escalation` (an action by which it can gain rights), or null: less "
            "than that, or unknown"
        ),
    ] = None
    evidence: Annotated[WorkloadEvidence, about("how much was seen of it")]
    used: Annotated[tuple[UsedPermission, ...], about("the permissions that it used, as traces show")] = ()
    recorded: Annotated[
        tuple[UsedPermission, ...],
        about(
            "the permissions that it used, as CloudTrail's event history shows; empty where that was not "
            "asked"
        ),
    ] = ()
    denied: Annotated[tuple[Denied, ...], about("calls that AWS denied")] = ()
    unmapped: Annotated[tuple[Unmapped, ...], about("calls that could not be mapped to permissions")] = ()


class Unattributed(Struct, frozen=True, kw_only=True):
    """Calls that belong to no workload."""

    calls: Annotated[Count, about("how many there are")]
    used: Annotated[tuple[UsedPermission, ...], about("the permissions that they used")]
    unmapped: Annotated[tuple[Unmapped, ...], about("those that could not be mapped to permissions")]
