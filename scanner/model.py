"""The words of the product, as frozen data. Every other module speaks in these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple


class Outcome(StrEnum):
    """How a call ended. A fact about the call, never about a grant."""

    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"
    NEVER_SENT = "never-sent"


class Call(NamedTuple):
    """One AWS API call as a trace shows it, less its time.

    `workload` is the ARN of what made it, None where no workload could be told. `service` and
    `operation` are spelled as in the trace. `parameters` are the (name, value) pairs that can name a
    resource, sorted; a name may stand several times. `region` and `account` are empty where the trace
    does not say.
    """

    workload: str | None
    service: str
    operation: str
    parameters: tuple[tuple[str, str], ...]
    region: str
    account: str
    outcome: Outcome


class Permission(NamedTuple):
    """An IAM action on a resource ARN, as one call needs it.

    `resource` holds `*` where the trace does not say; then `exact` is False. `required` is False for
    an action that the call may have needed, depending on what the trace does not show.
    """

    action: str
    resource: str
    exact: bool
    required: bool


class Unmapped(NamedTuple):
    """A call that could not be turned into permissions.

    `prefix` is the IAM service prefix where at least that is known.
    """

    service: str
    operation: str
    reason: str
    prefix: str | None


@dataclass(frozen=True)
class Seen:
    """How often and when (Unix seconds) something was seen.

    `succeeded` is how often AWS did what it was asked. `trace_ids` are some of the traces, the newest first.
    """

    count: int
    traces: int
    first_seen: float
    last_seen: float
    succeeded: int = 0
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Denied:
    """Calls that AWS refused: the permission they wanted, and the first message.

    `cause` is what the message says of the reason (`iam.refusals.Cause`), `policy` the ARN of the policy that
    it names.
    """

    action: str
    resource: str
    count: int
    message: str
    cause: str = "unknown"
    policy: str | None = None
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """How much was seen of a workload.

    Times are Unix seconds. `newest_complete` holds the start times of its newest complete traces,
    newest first, at most some thousand: enough to tell how many are newer than a change. `last_incomplete`
    is when the newest incomplete one started. `services` tells when a call of each IAM service was last seen,
    and `unmapped_services` the services with a call that could not be mapped (None: of an unknown one).
    `of_versions` is what traces show that name the published version that ran: their `last_call`,
    `newest_complete`, `auto_instrumented` and `services`, which are not in those here.
    """

    traces: int = 0
    calls: int = 0
    first_seen: float | None = None
    last_seen: float | None = None
    last_call: float | None = None
    newest_complete: tuple[float, ...] = ()
    incomplete_traces: int = 0
    last_incomplete: float | None = None
    auto_instrumented: float | None = None
    services: Mapping[str, float] = field(default_factory=dict)
    unmapped_services: frozenset[str | None] = frozenset()
    of_versions: Mapping[str, Evidence] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """All that a workload was seen to do. `workload` is None for calls that belong to none.

    `used` are the permissions of calls that were sent, `wanted` those of calls that were refused or never
    left the client. `alternatives` are permissions of which at least one was needed, though not which.
    """

    workload: str | None
    evidence: Evidence
    used: Mapping[Permission, Seen]
    wanted: Mapping[Permission, Seen]
    denied: tuple[Denied, ...]
    unmapped: Mapping[Unmapped, int]
    alternatives: frozenset[Permission] = frozenset()


@dataclass(frozen=True)
class EventSource:
    """An event source mapping of a function.

    `kind` is sqs, kinesis, dynamodb, msk, self-managed-kafka, mq or documentdb ("unknown" for another one).
    `arn` is the source's, None for a self-managed one. `on_failure` is the ARN of where failed events go.
    `secrets` are the ARNs of the secrets that Lambda reads to connect, `schema_registry` that of a Glue
    registry. `in_vpc` tells whether it connects through a VPC that the mapping names. `auth` are the types of
    its SourceAccessConfigurations ("SASL_SCRAM_512_AUTH"), sorted.
    """

    kind: str
    arn: str | None
    on_failure: str | None = None
    secrets: tuple[str, ...] = ()
    schema_registry: str | None = None
    in_vpc: bool = False
    auth: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A Lambda function's configuration, as far as it matters here.

    `event_sources` and `destinations` (ARNs, of asynchronous invocations) are None where they were not read.
    `image` tells that it is a container image, whose extensions no configuration shows; `file_systems` are
    ARNs of access points; `dead_letter` is the ARN of a queue or topic. All this is $LATEST's; `versions` are
    the published versions that are configured otherwise, as far as the configuration counts here.
    `published` tells of each version when it was published.
    """

    arn: str
    name: str
    role: str | None
    last_modified: datetime | None = None
    active_tracing: bool = False
    log_group: str | None = None
    in_vpc: bool = False
    dead_letter: str | None = None
    file_systems: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    durable: bool = False
    image: bool = False
    event_sources: tuple[EventSource, ...] | None = None
    destinations: tuple[str, ...] | None = None
    versions: tuple[Function, ...] = ()
    published: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True)
class Statement:
    """A statement of a policy. `index` counts from 0 in its policy.

    With `not_actions` (`not_resources`) the patterns are those of NotAction (NotResource).
    `condition` is the statement's Condition block, untouched, or None.
    """

    index: int
    sid: str | None
    allow: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    condition: Mapping[str, Any] | None = None
    variables: bool = False


@dataclass(frozen=True)
class Policy:
    """A policy of a role. `created` is when this version was made, where known (managed ones)."""

    name: str
    arn: str | None
    kind: Literal["inline", "managed"]
    statements: tuple[Statement, ...]
    created: datetime | None = None


def is_managed_by_aws(policy: Policy) -> bool:
    """Whether a policy is one of AWS's own, which nobody else can edit.

    docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html: such a policy's ARN has
    `aws` in the place of the account.
    """
    fields = (policy.arn or "").split(":")
    return len(fields) > 5 and fields[4] == "aws"


@dataclass(frozen=True)
class Role:
    """An IAM role, with what could be read of it.

    `users` are the ARNs of all workloads known to use it; `users_known` tells whether there can be no
    others. `by_version_only` are those of them that use it only in a published version, so that their traces
    do not tell whether they ran with it. `trusted` are the principals beside Lambda that may assume it.
    `boundary` is its permissions boundary, `tags` its tags, None where they are not known.
    `last_used_region` is where it was last used, as far as IAM tells. `missing_permissions` are the
    IAM actions that the scan lacked, and `problems` what could not be understood. `readable` is True when
    every policy was read.
    """

    arn: str
    name: str
    policies: tuple[Policy, ...] = ()
    users: tuple[str, ...] = ()
    users_known: bool = False
    by_version_only: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    boundary: Policy | None = None
    tags: Mapping[str, str] | None = None
    readable: bool = True
    last_used_region: str | None = None
    missing_permissions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What the comparison says of a grant. DESIGN's words."""

    USED = "used"
    UNUSED = "unused"
    BROAD = "broad"
    PLATFORM = "platform"
    UNOBSERVABLE = "unobservable"
    INEFFECTIVE = "ineffective"


EXCESS = (Verdict.UNUSED, Verdict.BROAD)


class Grant(NamedTuple):
    """One action pattern on one resource pattern of one Allow statement.

    `action` and `resource` are spelled as in the policy, `pattern` is the resource pattern that this means.
    A statement with NotAction (NotResource) has one grant of `*` that excepts the patterns it names.
    """

    policy: Policy
    statement: Statement
    action: str
    resource: str
    pattern: str
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()


class Used(NamedTuple):
    """A permission that a grant was used for, and the ARNs of the workloads that used it."""

    action: str
    resource: str
    workloads: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a grant stands: the name and ARN (of a managed one) of the policy, and the statement in it."""

    policy: str
    policy_arn: str | None
    statement: int
    sid: str | None


@dataclass(frozen=True)
class Finding:
    """A verdict on grants of one statement that share it, with the reasons if it is not confirmed.

    `actions` and `resources` are spelled as in the policy; every one of the actions is granted on
    every one of the resources. `severity` is one of `iam.severity.LEVELS`, `severe` names the actions behind
    it, (action, what an attacker gains). `why` tells why traces cannot show it. `also` are the other grants
    that allow all that these were used for; with `could_go` the role needs these for nothing that was seen.
    `sources` are those beside the traces that had a say. `ignored` is the reason of the team's rule that
    accepts it, `known` tells that the baseline holds it.
    """

    id: str
    role: str
    workload: str | None
    verdict: Verdict
    reasons: tuple[str, ...]
    severity: str
    policy: Policy
    statement: Statement
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    used: tuple[Used, ...]
    severe: tuple[tuple[str, str], ...] = ()
    why: str = ""
    also: tuple[Place, ...] = ()
    could_go: bool = False
    sources: tuple[str, ...] = ()
    ignored: str | None = None
    known: bool = False

    @property
    def confirmed(self) -> bool:
        """True when the evidence carries the verdict."""
        return not self.reasons

    @property
    def accepted(self) -> bool:
        """True when the team took it into account: by a rule, or in the baseline. It fails no gate."""
        return self.ignored is not None or self.known

    @property
    def remedy(self) -> str | None:
        """What is to be done with the policy: "edit", or "replace" for one of AWS's own. None: nothing."""
        if self.verdict not in EXCESS:
            return None
        return "replace" if is_managed_by_aws(self.policy) else "edit"


@dataclass(frozen=True)
class ScanWarning:
    """Something that the reader of the report must know. `count` is how often it happened."""

    code: str
    message: str
    count: int = 1
