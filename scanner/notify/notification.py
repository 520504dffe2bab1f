"""A notice as JSON for programs: the shape of `--notify-format json`. Pure.

docs/notify.md and `notification.schema.json` are made of these types (`make schemas`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Struct, to_builtins

from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.notify.notice import Notice
from scanner.report.records.keys import Count, Time, about
from scanner.report.view.values import Change

NOTIFICATION_VERSION: Final = 1
MAX_FINDINGS = 100


class NotifiedFinding(Struct, frozen=True, kw_only=True):
    """A finding, or those of a bundle."""

    id: Annotated[str, about("its id: see [Ids of findings](report.md#ids-of-findings)")]
    who: Annotated[str, about("the workloads of its role, or the role, by name")]
    what: Annotated[str, about("the actions and the resources, in a line")]
    severity: Annotated[str, about("its severity", (*SEVERITY_LEVELS, NONE))]
    findings: Annotated[
        Count, about("1, or how many findings these are: a bundle of a framework, a policy of AWS's own")
    ]


class Notification(Struct, frozen=True, kw_only=True):
    """What changed."""

    schema_version: Annotated[Literal[1], about("1")]
    id: Annotated[str, about("16 hex digits: the same, where the same message comes twice")]
    program: Annotated[Literal["xray-privilege-scan"], about("xray-privilege-scan")]
    time: Annotated[Time, about("the end of the scanned time")]
    previous: Annotated[
        Time, about("when the run was that this one is compared with; null without one, or without a ledger")
    ]
    title: Annotated[str, about("what was found, in a line")]
    conclusion: Annotated[
        Literal["success", "neutral", "failure"] | None,
        about("what the gate says; null where nothing is asked of it"),
    ]
    link: Annotated[str | None, about("the address of the run, or null")]
    new: Annotated[
        tuple[NotifiedFinding, ...],
        about(
            "open findings that the last run did not have, the worst first; empty where `previous` is null"
        ),
    ]
    fixed: Annotated[
        tuple[NotifiedFinding, ...], about("findings of the last run that no policy grants any more")
    ]
    open: Annotated[
        tuple[NotifiedFinding, ...],
        about("all open findings, the worst first; empty where `previous` is not null"),
    ]
    left_out: Annotated[
        Count, about("how many more there are in these lists, of which each holds at most 100")
    ]
    still_open: Annotated[Count, about("how many of the open findings the last run had, too")]
    confirmed: Annotated[Count, about("confirmed findings that nobody accepts")]
    unconfirmed: Annotated[Count, about("the others that nobody accepts")]
    failing: Annotated[Count, about("findings that fail the gate")]


def notification(notice: Notice) -> dict[str, Any]:
    """The message."""
    lists = {section.kind: section.changes for section in notice.sections}
    record = Notification(
        schema_version=NOTIFICATION_VERSION,
        id=notice.id,
        program="xray-privilege-scan",
        time=notice.time,
        previous=notice.previous,
        title=notice.title,
        conclusion=notice.conclusion,
        link=notice.link or None,
        new=tuple(map(_finding, lists.get("new", ())[:MAX_FINDINGS])),
        fixed=tuple(map(_finding, lists.get("fixed", ())[:MAX_FINDINGS])),
        open=tuple(map(_finding, lists.get("open", ())[:MAX_FINDINGS])),
        left_out=sum(max(0, len(changes) - MAX_FINDINGS) for changes in lists.values()),
        still_open=notice.still_open,
        confirmed=notice.confirmed,
        unconfirmed=notice.unconfirmed,
        failing=notice.failing,
    )
    return dict(to_builtins(record))


def _finding(change: Change) -> NotifiedFinding:
    return NotifiedFinding(
        id=change.id, who=change.who, what=change.what, severity=change.severity, findings=change.number
    )
