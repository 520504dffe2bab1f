"""What changed since the last run of the same scope, and how many findings there were over time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.model import Verdict
from scanner.report.records.keys import Count, Time, about


class PastFinding(Struct, frozen=True, kw_only=True):
    """A finding that the last run had, and that is no open finding of this one."""

    id: Annotated[str, about("its id then: see [Ids of findings](#ids-of-findings)")]
    role: Annotated[str, about("the ARN of its role")]
    label: Annotated[str, about("the actions and the resources, in a line")]
    severity: Annotated[str, about("its severity then", (*SEVERITY_LEVELS, NONE))]
    verdict: Annotated[Verdict, about("its verdict then")]


class PastRun(Struct, frozen=True, kw_only=True):
    """How many findings a run had."""

    time: Annotated[Time, about("when it ran")]
    open: Annotated[
        Count, about("open findings: confirmed ones, and those of earlier runs that it could not decide")
    ]
    confirmed: Annotated[Count, about("confirmed findings that nobody accepts")]
    unconfirmed: Annotated[Count, about("the others that nobody accepts")]
    failing: Annotated[Count, about("findings that failed the gate")]


class History(Struct, frozen=True, kw_only=True):
    """The run beside the last one of the same scope."""

    previous: Annotated[Time, about("when the last run of the same scope was; null: this is the first")]
    new: Annotated[
        tuple[str, ...],
        about("the ids of the open findings that the last run did not have; empty in the first run"),
    ]
    still_open: Annotated[tuple[str, ...], about("the ids of the other open findings")]
    fixed: Annotated[
        tuple[PastFinding, ...],
        about("findings of the last run that no policy grants any more, of roles that this run read"),
    ]
    settled: Annotated[
        tuple[PastFinding, ...],
        about("those that are still granted, and that are used by now or accepted by the team"),
    ]
    undecided: Annotated[
        tuple[PastFinding, ...],
        about(
            "those that this run says nothing of: their roles were not read, or they are not confirmed any "
            "more. The next run compares with them again"
        ),
    ]
    runs: Annotated[
        tuple[PastRun, ...], about("the last runs of the same scope, the oldest first, this one last")
    ]
