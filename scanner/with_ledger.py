"""A scan with a ledger: which time it reads, what the ledger adds to it, and what it adds to the ledger.

Evidence is what was read whole under the same mapping; an hour that is read again takes the place of what was
known of it. Whatever was once used rescues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

from scanner.accounts import Accounts
from scanner.aws.identity import account_of_credentials
from scanner.counting import HourlyCounter
from scanner.errors import Warnings
from scanner.ledger import DAY, BucketKey, HourRead, Ledger, Source, merged
from scanner.ledger.once import Hour, sources_that_count
from scanner.ledger.plan import hours_known, time_to_read
from scanner.ledger.record import add_uses, hours_read, only_uses, without_gaps
from scanner.mapping.fingerprint import fingerprint
from scanner.model import Usage
from scanner.model.workloads import WorkloadKey
from scanner.progress import Progress
from scanner.request import ScanRequest
from scanner.result import FromLedger, Traced
from scanner.text.escape import counted
from scanner.traces.insights.source import store_of
from scanner.traces.source import SPANS, XRAY, Coverage
from scanner.traces.xray_requests import Window
from scanner.usage.builder import UsageBuilder
from scanner.usage.state import StateUnreadError, decode
from scanner.verdict.reasons import Reason

LEDGER_UNREAD, LEDGER_UNWRITTEN = "ledger-unread", "ledger-unwritten"
"""The codes of the warnings of a ledger that is not used, or not added to."""


class Reader(NamedTuple):
    """The number of an account whose rights read, and the sources that may be read."""

    account: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class LedgerScope:
    """What of a ledger is about a scan: its accounts and regions, none where these are not known.

    `readers` are by the id of the account, which is empty for the configured credentials. `observes` tells
    that the scan reads all traces of its time, so that it adds to the evidence; any other one adds what was
    used: `note` says so. `start` is that of the time asked for, `mapping` the fingerprint of what turns
    calls into permissions.
    """

    ledger: Ledger
    mapping: str
    start: float
    now: float
    observes: bool = False
    note: str = ""
    readers: Mapping[str, Reader] = field(default_factory=dict)
    regions: tuple[str, ...] = ()

    def counter(self, new_builder: Callable[[], UsageBuilder], progress: Progress) -> HourlyCounter:
        """What counts each hour by itself."""
        return HourlyCounter(new_builder, progress, self.mapping, self.now)

    def windows(self, account: str, asked: Window) -> dict[str, Window]:
        """The time to read with the rights of an account, by region: of what is asked, what is not known.

        Of the time before, what has changed since is read: X-Ray adds to a trace for days.
        """
        if not self.observes:
            return {}
        windows = {}
        for region in self.regions:
            known = self._hours(self.ledger, self.readers[account], region)
            start, end = time_to_read(asked.start, asked.end, self.now, known)
            windows[region] = Window(start, end, updated=True)
        return windows

    def joined(
        self,
        traced: Traced,
        counter: HourlyCounter,
        covered: Mapping[str, Iterable[Coverage]],
        builder: UsageBuilder,
    ) -> Traced:
        """What was read with what the ledger adds to it. `builder` is a new one.

        Of a trace that began before the time that was read, only what it used counts.
        """
        states = {self._numbered(key): state for key, state in counter.states().items()}
        by_source = ((key.source, state) for key, state in states.items())
        addition = only_uses((*by_source, ("xray", counter.older())))
        if self.observes:
            of_account = [
                (self.readers[id_].account, part) for id_, parts in covered.items() for part in parts
            ]
            addition = replace(addition, buckets=hours_read(of_account, states, self.mapping, self.now))
        whole = (key for key, bucket in addition.buckets.items() if bucket.whole)
        read = {*states, *whole} - self._settled()
        unread = self._add_evidence(builder, read)
        for key, state in states.items():
            if key in read:
                builder.add_state(state)
        everything = merged(self.ledger, addition)
        seen = {usage.workload for usage in builder.usages() if usage.workload}
        add_uses(everything, builder, seen | set(self._workloads(everything)))
        usages = builder.usages()
        return replace(
            traced,
            usages=usages,
            scan_reasons=traced.scan_reasons | reasons_of_builder(builder),
            notes=(*traced.notes, self.note),
            recorded=addition,
            from_ledger=self._summary(everything, unread),
            remembered=_seen_before(self.start, usages) - set(traced.by_workload),
        )

    def _settled(self) -> set[BucketKey]:
        """The hours of which all is known: of those that are read again, only what was used counts.

        Some runs do not read all of an hour, and what is folded cannot be replaced hour by hour.
        """
        return {
            BucketKey(account, region, source, self.mapping, start)
            for account, sources in self.readers.values()
            for region, source in product(self.regions, sources)
            for start, hour in self.ledger.hours(account, region, source, self.mapping).items()
            if hour.settled
        }

    def _numbered(self, key: BucketKey) -> BucketKey:
        reader = self.readers.get(key.account)
        return key._replace(account=reader.account) if reader else key

    def _hours(self, ledger: Ledger, reader: Reader, region: str) -> dict[int, HourRead]:
        return hours_known(ledger, reader.account, region, reader.sources, self.mapping)

    @cached_property
    def _accounts(self) -> frozenset[str]:
        return frozenset(reader.account for reader in self.readers.values())

    def _add_evidence(self, builder: UsageBuilder, read: Iterable[BucketKey]) -> int:
        """Add what is known of the hours that were not read now; how many are no longer understood.

        A gap that may be any workload's counts as in a single scan: in the time that is asked for.
        """
        now_read, unread = frozenset(read), 0
        asked = [
            (account, region, sources)
            for (account, sources), region in product(self.readers.values(), self.regions)
        ]
        counting = sources_that_count(self.ledger, self.mapping, now_read, asked)

        def is_left_out(key: BucketKey) -> bool:
            sources = counting.get(Hour(key.account, key.region, key.start), (key.source,))
            return key in now_read or key.source not in sources or not self._is_in_scope(key)

        for known in self.ledger.evidence(self.mapping, without=is_left_out):
            try:
                state = decode(known.content)
            except StateUnreadError:
                unread += 1
            else:
                builder.add_state(state if known.end > self.start else without_gaps(state))
        return unread

    def _is_in_scope(self, key: BucketKey) -> bool:
        return key.account in self._accounts and key.region in self.regions

    def _workloads(self, ledger: Ledger) -> Iterator[str]:
        """The workloads of the scanned accounts and regions."""
        if not self.readers:
            return
        for workload in {use.workload for use in ledger.uses}:
            key = WorkloadKey.parse(workload)
            if key.account in ("", *self._accounts) and key.region in ("", *self.regions):
                yield workload

    def _summary(self, ledger: Ledger, unread: int) -> FromLedger:
        """What the findings stand on, this scan included."""
        known = {
            hour.start
            for reader, region in product(self.readers.values(), self.regions)
            for hour in self._hours(ledger, reader, region).values()
            if hour.whole
        }
        return FromLedger(
            since=float(min(known)) if known else None,
            hours=len(known),
            days=len({hour // DAY for hour in known}),
            unread=unread,
            note=self.note,
            accounts=tuple(sorted(self._accounts)),
        )


def ledger_scope(
    request: ScanRequest, accounts: Accounts, asked: Mapping[str, ScanRequest], warnings: Warnings
) -> LedgerScope | None:
    """What of the request's ledger is about what is asked with the rights of accounts; None without one."""
    if request.ledger is None:
        return None
    mapping = fingerprint(request.config.operations, request.config.resources)
    scope = LedgerScope(request.ledger, mapping, request.start, request.now, note=_note(request))
    if request.traces:  # files do not say whose all of their traces are
        return scope
    regions = request.regions or (accounts.own.region(),)
    numbers = {account: account for account in asked}
    if "" in asked:
        own = account_of_credentials(accounts.own, regions[0])
        if not isinstance(own, str):
            why = own.unreachable or own.message
            warnings.add(LEDGER_UNWRITTEN, f"the ledger is not used for more than what was once used: {why}")
            return scope
        numbers[""] = own
    readers = {id_: Reader(numbers[id_], _sources(of_account)) for id_, of_account in asked.items()}
    return replace(scope, observes=request.observes, readers=readers, regions=regions)


def warn_of_ledger(traced: Traced, warnings: Warnings) -> None:
    """Warn of what is no longer understood, and where only the ledger shows anything."""
    known = traced.from_ledger
    if known is None:
        return
    if known.unread:
        parts = counted(known.unread, "part")
        text = f"{parts} of the ledger cannot be understood by this version: nothing is confirmed by them"
        warnings.add(LEDGER_UNREAD, text, known.unread)
    if known.hours and not (traced.traces or traced.calls):
        text = "no trace was found in the time that was read: the findings stand on the ledger alone"
        warnings.add("no-traces", text)


def _note(request: ScanRequest) -> str:
    """What a scan adds to its ledger."""
    if request.ledger_read_only:
        return "the ledger: only read"
    if request.observes:
        return "the ledger: all traces of the time that was read are added as evidence"
    why = (
        "saved traces were read" if request.traces else "not all traces, or not all workloads, were asked for"
    )
    return f"the ledger: {why}, so that only what was used is added"


def _sources(request: ScanRequest) -> tuple[Source, ...]:
    """The sources that the request may read."""
    if request.log_groups:
        return (store_of(request.log_groups),)
    return (request.source,) if request.source in (XRAY, SPANS) else (XRAY, SPANS)


def _seen_before(since: float, usages: Iterable[Usage]) -> frozenset[str]:
    """The workloads that were seen before a time (Unix seconds), and not since."""
    return frozenset(
        usage.workload
        for usage in usages
        if usage.workload and (usage.evidence.last_seen is None or usage.evidence.last_seen < since)
    )


def reasons_of_builder(builder: UsageBuilder) -> frozenset[Reason]:
    """What speaks against every finding of what was counted."""
    return frozenset({Reason.INCOMPLETE_TRACES} if builder.unattributed_gaps else ())
