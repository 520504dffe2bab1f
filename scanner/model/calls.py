"""Calls as traces show them, and the permissions that they need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from scanner.model.workloads import NO_HINTS, Hints

OPENTELEMETRY = "opentelemetry"


class Outcome(StrEnum):
    """How a call ended. A fact about the call, never about a grant."""

    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"
    NEVER_SENT = "never-sent"


class Call(NamedTuple):
    """One AWS API call as a trace shows it, without its time.

    `workload` is the key of what made it (`WorkloadKey.text`: a function's ARN), None where no workload is
    known. `service` and `operation` are spelled as in the trace. `parameters` are the (name, value) pairs
    that can name a resource, sorted; a name may stand several times. `region` and `account` are empty where
    the trace does not say. `instrumentation` is OPENTELEMETRY, or empty for the X-Ray SDKs.
    """

    workload: str | None
    service: str
    operation: str
    parameters: tuple[tuple[str, str], ...]
    region: str
    account: str
    outcome: Outcome
    instrumentation: str = ""


class ObservedCall(NamedTuple):
    """A call with its time (Unix seconds) and, where it was denied, the error's message."""

    call: Call
    time: float
    message: str = ""


@dataclass(frozen=True)
class CallRow:
    """An aggregated row: a call that was made `count` times, first and last (Unix seconds).

    `message` is that of the error, where the calls were denied. `version` is the published version of the
    workload that made them, None for $LATEST or where none is named. `trace_id` is one of their traces, empty
    where none is named. `hints` are what the workload's role may be found by.
    """

    call: Call
    count: int
    first_seen: float
    last_seen: float
    message: str = ""
    version: str | None = None
    trace_id: str = ""
    hints: Hints = NO_HINTS


@dataclass(frozen=True)
class RunRow:
    """An aggregated row: a workload ran in about so many traces, which started from `first` to `last`.

    Times are Unix seconds. `begun` is how many of the traces began with it. `ran` is False where they show
    only that it was asked to run, `complete` where calls of it are known to be missing. `auto_instrumented`,
    `version` and `hints` are as those of a run in one trace.
    """

    workload: str
    traces: int
    first: float
    last: float
    begun: int = 0
    ran: bool = True
    complete: bool = True
    auto_instrumented: bool = False
    version: str | None = None
    hints: Hints = NO_HINTS


# Keys of conditions (in lower case) with their values in a request: none where it does not have the key.
ConditionValues = tuple[tuple[str, tuple[str, ...]], ...]


class Permission(NamedTuple):
    """An IAM action on a resource ARN.

    `resource` holds `*` where the trace does not say; then `exact` is False. `condition_values` are those
    that the call tells beside it: the alias of a state machine, of which IAM checks the ARN without it.
    """

    action: str
    resource: str
    exact: bool
    condition_values: ConditionValues = ()


class Certainty(StrEnum):
    """Whether a call needs a permission.

    REQUIRED: surely. POSSIBLE: it depends on what the trace does not show. ONE_OF: the call needs at least
    one of its permissions of this certainty, and the trace does not show which.
    """

    REQUIRED = "required"
    POSSIBLE = "possible"
    ONE_OF = "one_of"


class Need(NamedTuple):
    """A permission as a call needs it."""

    permission: Permission
    certainty: Certainty

    @property
    def required(self) -> bool:
        """Whether the call surely needs this very permission."""
        return self.certainty is Certainty.REQUIRED


class Unmapped(NamedTuple):
    """A call that could not be turned into permissions.

    `prefix` is the IAM service prefix where at least that is known.
    """

    service: str
    operation: str
    reason: str
    prefix: str | None
