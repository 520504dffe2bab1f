"""What was read, and what a team accepts."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from scanner.model import Verdict
from scanner.report.records.keys import Count, RequestedSource, Time, about
from scanner.result import WhyNotListed


class Skipped(Struct, frozen=True, kw_only=True):
    """What could not be taken into account."""

    documents: Annotated[Count, about("segment documents or files that could not be read")]
    calls: Annotated[Count, about("calls that could not be mapped to permissions (see `unmapped`)")]
    traces_truncated: Annotated[
        Count, about("traces that exceed X-Ray's limit of 500 KB: part of them is missing")
    ]
    traces_unprocessed: Annotated[Count, about("traces that were listed or asked for, and not returned")]
    traces_partial: Annotated[Count, about("traces that were still arriving")]
    windows: Annotated[Count, about("spans of time whose traces could not be listed")]
    times: Annotated[
        Count,
        about(
            "traces with times that no trace can have (milliseconds, the future): what they used counts, "
            "they confirm nothing"
        ),
    ] = 0
    unowned: Annotated[
        Count,
        about(
            "segment documents with calls that belong to no workload, in traces of workloads (a worker "
            "thread without a trace context, a second tracer): these traces count as incomplete"
        ),
    ] = 0
    other_credentials: Annotated[
        Count,
        about(
            "calls that workloads made under other credentials than their own (their spans name another "
            "access key): they are no use of the workload's role"
        ),
    ] = 0


class Warned(Struct, frozen=True, kw_only=True):
    """What the reader must know."""

    code: Annotated[str, about("which warning it is, for programs")]
    message: Annotated[str, about("one line for people")]
    count: Annotated[Count, about("how often it happened")]


class FromLedger(Struct, frozen=True, kw_only=True):
    """What the findings stand on besides what this scan read."""

    since: Annotated[Time, about("the start of the first hour that was read; null where there is none")]
    hours: Annotated[Count, about("hours that were read whole, by this scan and by earlier ones")]
    days: Annotated[Count, about("the days that they are in (UTC)")]
    adds: Annotated[str, about("what this scan adds to the ledger, in a line")]


class ScannedAccount(Struct, frozen=True, kw_only=True):
    """An account, and what was read of it."""

    id: Annotated[str, about("its number")]
    role: Annotated[str | None, about("the role of `--assume-role` in it, or null")] = None
    traced: Annotated[Count, about("its workloads that were traced")]
    compared: Annotated[Count, about("its roles that were compared")]
    unread: Annotated[
        str | None, about("why nothing, or not all, of it could be read; null where all was read")
    ] = None


class Scan(Struct, frozen=True, kw_only=True):
    """What was read."""

    source: Annotated[
        str,
        about(
            "where the traces are: `xray` (the X-Ray API), `files` (`--traces`), `spans` (the spans of "
            "Transaction Search in CloudWatch Logs) or `mixed` (both of AWS's); others may be added"
        ),
    ]
    start: Annotated[
        Time,
        about(
            "start of the scanned time; with saved traces or `--trace-ids`, of the first trace; null if "
            "there is none"
        ),
    ]
    end: Annotated[Time, about("its end, likewise")]
    filter: Annotated[str | None, about("the filter expression, or null")]
    compared: Annotated[bool, about("whether roles were compared; false where only usage was asked for")]
    regions: Annotated[
        tuple[str, ...], about("the scanned regions; with saved traces, the regions of their workloads")
    ]
    records: Annotated[
        tuple[RequestedSource, ...],
        about("the sources besides the traces that were asked for; a warning names each that did not answer"),
    ]
    account: Annotated[
        str | None, about("the account of all workloads, or null where there are several or none")
    ]
    accounts: Annotated[
        tuple[ScannedAccount, ...],
        about("the accounts that were scanned, or that saved traces and roles are of"),
    ] = ()
    listed: Annotated[
        Count | None,
        about(
            "how many workloads there are of those that were asked for, traced or not; null where they were "
            "not listed"
        ),
    ] = None
    why_not_listed: Annotated[
        WhyNotListed | None,
        about(
            "why `listed` is null: `filter` or `trace-ids` (only some traces were read, so that of no "
            "workload it is known that it was never traced), `unread` (not all workloads could be listed: "
            "see the warnings), `usage-only` (no role was compared)"
        ),
    ] = None
    traces: Annotated[Count, about("traces that were read")]
    documents: Annotated[Count, about("segment documents in them")]
    calls: Annotated[Count, about("AWS calls in them")]
    skipped: Annotated[Skipped, about("what could not be taken into account")]
    warnings: Annotated[tuple[Warned, ...], about("what the reader must know")]
    notes: Annotated[
        tuple[str, ...], about("which source was chosen and why, and what reading it cost, a line each")
    ] = ()
    interrupted: Annotated[
        bool, about("whether reading was ended by hand (Ctrl-C): only what was read until then is reported")
    ] = False
    ledger: Annotated[
        FromLedger | None,
        about(
            "what is known from the ledger (`--ledger`), null without one. `traces`, `calls`, `start` and so "
            "on are of what this scan itself read"
        ),
    ] = None


RuleState = Literal["accepting", "idle", "expired"]


class Rule(Struct, frozen=True, kw_only=True):
    """A rule of the configuration, and what became of it."""

    line: Annotated[Count, about("its line in the file")]
    state: Annotated[
        RuleState,
        about(
            "`accepting` (it accepts something), `idle` (it matches nothing that no earlier one matches) or "
            "`expired` (its last day is over, and it still matches something: it fails the check)"
        ),
    ]
    grants: Annotated[Count, about("how many grants it matches: actions on resources")]
    reason: Annotated[str, about("as the file has it")]
    owner: Annotated[str | None, about("as the file has it, or null")]
    expires: Annotated[str | None, about("its last day, or null")]


class FixedEntry(Struct, frozen=True, kw_only=True):
    """An entry of the baseline without a finding in this scan."""

    role: Annotated[str, about("the path and name of the role")]
    policy: Annotated[str, about("the name of an inline policy, the ARN of a managed one")]
    statement: Annotated[str, about("the Sid; empty without one")]
    verdict: Annotated[str, about("the verdict when the entry was written")]
    action: Annotated[str, about("the action, as the policy spells it")]
    resource: Annotated[str, about("the resource")]


class GrownEntry(Struct, frozen=True, kw_only=True):
    """A grant that the baseline names, and that goes beyond what it accepts."""

    role: Annotated[str, about("the path and name of the role")]
    policy: Annotated[str, about("the name of an inline policy, the ARN of a managed one")]
    statement: Annotated[str, about("the Sid; empty without one")]
    action: Annotated[str, about("the action, as the policy spells it")]
    resource: Annotated[str, about("the resource")]
    why: Annotated[str, about("what is more than was accepted: severity, a Deny, the permissions boundary")]


class BaselineResult(Struct, frozen=True, kw_only=True):
    """The scan against the baseline."""

    known: Annotated[Count, about("grants of this scan that the baseline holds")]
    new: Annotated[Count, about("those that it does not hold")]
    fixed: Annotated[
        tuple[FixedEntry, ...],
        about("entries of the baseline, of roles that were compared, without such a finding in this scan"),
    ]
    grown: Annotated[
        tuple[GrownEntry, ...],
        about("those of the new ones that the baseline names, though it does not accept all that they allow"),
    ] = ()


class Accepted(Struct, frozen=True, kw_only=True):
    """What the team accepts."""

    config: Annotated[str, about("the file of the rules, empty where there is none")] = ""

    rules: Annotated[
        tuple[Rule, ...],
        about(
            "the rules of the configuration, in the order of the file; of a scan of some workloads only, "
            "those that match something"
        ),
    ]
    baseline: Annotated[BaselineResult | None, about("the scan against the baseline; null without one")]


class Gate(Struct, frozen=True, kw_only=True):
    """What the gate says."""

    conclusion: Annotated[
        Literal["success", "neutral", "failure"],
        about("`success`, `failure`, or `neutral` where the evidence cannot carry a verdict"),
    ]
    fail_on: Annotated[tuple[Verdict, ...], about("the verdicts that fail it")]
    at_least: Annotated[str, about("the least severity that fails it, or `all`")]
    failing: Annotated[tuple[str, ...], about("the ids of the findings that fail it")]
    missing: Annotated[tuple[str, ...], about("the evidence that was not there, a line each")]
    expired: Annotated[tuple[str, ...], about("the rules that are over and still match, a line each")]
    notes: Annotated[tuple[str, ...], about("which findings do not fail it though their verdicts do")]
