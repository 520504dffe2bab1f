"""The traces of all accounts: read side by side, counted in one place, each workload's with its account."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from scanner.accounts import Account, Accounts, merged
from scanner.aws.api import Aws
from scanner.counting import Counter, HourlyCounter, Told
from scanner.errors import Warnings
from scanner.mapping.overrides import mapper
from scanner.model import ScanWarning, Usage, account_of, region_of
from scanner.progress import Progress
from scanner.request import ScanRequest
from scanner.result import Skipped, Traced
from scanner.text.escape import counted
from scanner.traces.auto import AwsSource
from scanner.traces.files import FilesSource
from scanner.traces.insights.cost import USD_PER_GB, Bound
from scanner.traces.insights.source import GROUP, SpansRequest
from scanner.traces.of_account import OfAccount
from scanner.traces.source import (
    NOT_RETURNED,
    Expect,
    SourceReport,
    TraceSource,
    together,
)
from scanner.traces.xray_requests import Window
from scanner.usage.builder import UsageBuilder
from scanner.usage.times import TraceTimes
from scanner.verdict.reasons import Reason
from scanner.with_ledger import ledger_scope, reasons_of_builder, warn_of_ledger


def read_traces(request: ScanRequest, accounts: Accounts, warnings: Warnings, progress: Progress) -> Traced:
    """Read all traces. Raises ScanError where none can be read."""
    readings = _readings(request, accounts)
    asked_of = {id_: reading.request for id_, reading in readings.items()}
    scope = ledger_scope(request, accounts, asked_of, warnings)
    new_builder = _new_builder_of(request)
    counter = Counter(new_builder, progress) if scope is None else scope.counter(new_builder, progress)
    bound = Bound(request.max_scan_gb)

    def read(account: Account, said: Warnings) -> _Read:
        reading = readings[account.id]
        windows = scope.windows(account.id, request.window) if scope else {}
        source = trace_source(reading.request, account.aws, counter.expect, bound, windows)
        report = source.read(counter.emit_of(account.id, reading.told), said)
        return _Read(source.name, report)

    asked = [reading.account for reading in readings.values()]
    read_by = accounts.each(read, asked, partly=True)
    traced = _traced(counter.counted(), read_by)
    if scope and isinstance(counter, HourlyCounter):
        covered = {account: read.report.covered for account, read in read_by.items()}
        traced = scope.joined(traced, counter, covered, new_builder())
        warn_of_ledger(traced, warnings)
    if accounts.are_several:
        reasons = _reasons_of(accounts, readings, read_by)
        interrupted = traced.interrupted or accounts.interrupted
        traced = replace(traced, reasons_of=reasons, notes=_notes(read_by), interrupted=interrupted)
        _warn_of_others(traced, accounts, warnings)
    _warn_of_gaps(traced.skipped, warnings)
    return traced


def _new_builder_of(request: ScanRequest) -> Callable[[], UsageBuilder]:
    needs_of = cache(mapper(request.config.operations, request.config.resources))
    times = TraceTimes.until(request.now or math.inf)
    return lambda: UsageBuilder(request.requirements.min_traces, needs_of, times)


# --- whose traces ---


@dataclass(frozen=True)
class _Reading:
    """What is asked with the rights of an account; `others` are accounts that are asked for their own."""

    account: Account
    request: ScanRequest
    others: frozenset[str] = frozenset()

    @property
    def told(self) -> Told | None:
        """What of an item is this account's to tell; None where all is."""
        if not self.others and not self.account.id:
            return None
        return OfAccount(self.account.id, self.others).told


def _readings(request: ScanRequest, accounts: Accounts) -> dict[str, _Reading]:
    """What is read with whose rights.

    A log group that is named by its ARN is read by the role of its account, and by the configured credentials
    where none was given: those of a monitoring account. Where log groups are named, nothing else is read.
    """
    own = Account(accounts.own)
    if not accounts.are_several or request.traces:
        return {"": _Reading(own, request)}
    ids = {account.id for account in accounts.asked}
    groups = {group: account_of(group) for group in request.log_groups}
    readings: dict[str, _Reading] = {}
    for account in accounts.asked:
        of_account = tuple(g for g, owner in groups.items() if owner in ("", account.id))
        if of_account or not groups:
            readings[account.id] = _Reading(account, replace(request, log_groups=of_account))
    read = frozenset(readings)
    readings = {id_: replace(reading, others=read - {id_}) for id_, reading in readings.items()}
    refused = {role.account for role in accounts.roles} - ids
    monitored = tuple(g for g, owner in groups.items() if owner and owner not in ids | refused)
    if monitored:
        readings[""] = _Reading(own, replace(request, log_groups=monitored), others=read)
    return readings


def _reasons_of(
    accounts: Accounts, readings: Mapping[str, _Reading], read_by: Mapping[str, _Read]
) -> dict[str, frozenset[Reason]]:
    """What speaks against the findings of each account: what its own rights, or a monitoring account's, miss.

    What the configured credentials read may be any account's.
    """
    missing = {id_: frozenset({Reason.INCOMPLETE_TRACES}) for id_ in readings if id_ not in read_by}
    of_reading = {id_: frozenset(_reasons(read.report)) for id_, read in read_by.items()} | missing
    of_all = of_reading.get("", frozenset())
    return {account.id: of_reading.get(account.id, frozenset()) | of_all for account in accounts.asked}


def _warn_of_others(traced: Traced, accounts: Accounts, warnings: Warnings) -> None:
    """Warn of workloads of accounts of which no role was given."""
    given = {role.account for role in accounts.roles}
    others: dict[str, int] = {}
    for workload in traced.by_workload:
        account = account_of(workload)
        if account not in given:
            others[account] = others.get(account, 0) + 1
    for account, number in sorted(others.items()):
        whose = f"account {account}" if account else "an account that no span names"
        were = "was" if number == 1 else "were"
        warnings.add(
            "account-not-scanned",
            f"{counted(number, 'workload')} of {whose} {were} traced: --assume-role names no role there, so "
            "nothing of it is compared",
            number,
        )


def _notes(read_by: Mapping[str, _Read]) -> tuple[str, ...]:
    """What was read where and what it cost; the same of several accounts in one line."""
    notes = {id_: [ScanWarning("", note) for note in read.report.notes] for id_, read in read_by.items()}
    return tuple(note.message for note in merged(notes))


# --- what was read ---


@dataclass(frozen=True)
class _Read:
    """What a source says after reading, and where it found the traces."""

    name: str
    report: SourceReport


def _traced(builder: UsageBuilder, read_by: Mapping[str, _Read]) -> Traced:
    reports = [read.report for read in read_by.values()]
    names = {read.name for read in read_by.values()}
    regions = next((report.regions for report in reports), None)
    report = together(reports)
    usages = builder.usages()
    arns = [usage.workload for usage in usages if usage.workload]
    reasons = _reasons(report) if len(reports) == 1 else ()
    return Traced(
        source=names.pop() if len(names) == 1 else "mixed",
        start=builder.first if report.start is None else report.start,
        end=builder.last if report.end is None else report.end,
        regions=tuple(sorted({region_of(arn) for arn in arns} - {""})) if regions is None else regions,
        traces=builder.traces,
        documents=builder.documents,
        calls=builder.calls,
        skipped=_skipped(report, builder, usages),
        usages=usages,
        scan_reasons=frozenset({*reasons, *reasons_of_builder(builder)}),
        notes=report.notes,
        interrupted=report.interrupted,
    )


def _skipped(report: SourceReport, builder: UsageBuilder, usages: Sequence[Usage]) -> Skipped:
    """What could not be taken into account: by the source, and by who counted."""
    skipped = report.skipped
    return Skipped(
        documents=skipped.documents + builder.unreadable_documents,
        calls=sum(sum(usage.unmapped.values()) for usage in usages),
        traces_truncated=skipped.truncated,
        traces_unprocessed=skipped.unprocessed,
        traces_partial=skipped.partial,
        windows=skipped.windows,
        times=builder.impossible_times,
        unowned=builder.unowned_documents,
        other_credentials=sum(usage.other_credentials for usage in usages),
    )


def _reasons(report: SourceReport) -> Iterator[Reason]:
    """What speaks against every finding of what a source has read."""
    if report.lacks_traces:
        yield Reason.INCOMPLETE_TRACES  # whatever was not read may be any workload's
    if report.elsewhere:
        yield Reason.TRACES_ELSEWHERE


def trace_source(
    request: ScanRequest, aws: Aws, expect: Expect, bound: Bound, windows: Mapping[str, Window]
) -> TraceSource:
    """Where the traces of a request are; `windows` are those of regions of which not all is read.

    Raises ScanError where no region is configured.
    """
    if request.traces:
        return FilesSource(request.traces)
    spans = SpansRequest(
        request.start,
        request.end,
        groups=request.log_groups or (GROUP,),
        bound=bound,
        usd_per_gb=request.gb_price or USD_PER_GB,
        wait=request.wait,
        hourly=request.ledger is not None,
    )
    return AwsSource(
        request.regions or (aws.region(),),
        aws.xray,
        aws.logs,
        request.trace_ids or request.window,
        spans,
        chosen=request.source,
        wait_seconds=request.wait,
        expect=expect,
        windows=windows,
    )


_GAPS = {
    "documents": ("documents-unreadable", "segment document", "could not be read"),
    "calls": ("calls-unmapped", "call", "could not be mapped to permissions: see `unmapped`"),
    "traces_truncated": ("traces-truncated", "trace", "cut off by X-Ray, which keeps 500 KB of each"),
    "traces_partial": ("traces-partial", "trace", "still arriving"),
    "times": (
        "times-impossible",
        "trace",
        "with times that no trace can have (not in seconds?): what it used counts, it confirms nothing",
    ),
    "unowned": (
        "documents-unowned",
        "segment document",
        "with AWS calls belong to no workload, in traces of workloads: a worker thread without a trace "
        "context or a second tracer may have written them, so these traces count as incomplete",
    ),
    "other_credentials": (
        "other-credentials",
        "call",
        "made under other credentials than the workload's own: no use of its role",
    ),
    "traces_unprocessed": (NOT_RETURNED, "trace", "listed or asked for, but not returned"),
}


def _warn_of_gaps(skipped: Skipped, warnings: Warnings) -> None:
    for name, (code, noun, what) in _GAPS.items():
        count = getattr(skipped, name)
        if count:
            warnings.add(code, f"{counted(count, noun)} {what}", count)
