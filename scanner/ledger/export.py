"""A ledger as a JSON document. Keys are only added; docs/ledger.md describes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from scanner.ledger.summary import Coverage, Observed, Span, coverage_of, observed_of
from scanner.ledger.values import DAY, Ledger, Run
from scanner.usage.state import Seen, Use

EXPORT_VERSION = 1


class TimeSpan(Struct, frozen=True):
    """A time in whole hours: ISO 8601, in UTC."""

    start: str
    end: str


class ReadRecord(Struct, frozen=True):
    """What was read of the traces of a region."""

    account: str
    region: str
    source: str
    mapping: str
    read: list[TimeSpan]
    missing: list[TimeSpan]
    outdated_hours: int


class ObservedDay(Struct, frozen=True):
    """A day (UTC) on which complete traces show the workload."""

    day: str
    traces: int


class UseRecord(Struct, frozen=True):
    """A permission that the workload needed."""

    action: str
    resource: str
    exact: bool
    certainty: str
    sent: bool
    first_seen: str | None
    last_seen: str | None
    times: int
    sources: list[str]


class WorkloadRecord(Struct, frozen=True):
    """What was seen of a workload."""

    workload: str
    observed: list[ObservedDay]
    uses: list[UseRecord]


class GrantRecord(Struct, frozen=True):
    """A grant as it was read last."""

    policy: str
    action: str
    resource: str
    since: str | None


class RoleRecord(Struct, frozen=True):
    """The grants of a role. `since` of one is None where it was there when the role was first read."""

    role: str
    first_read: str
    last_read: str
    grants: list[GrantRecord]


class FindingRecord(Struct, frozen=True):
    """A finding of a run."""

    id: str
    label: str
    severity: str
    verdict: str
    confirmed: bool
    failing: bool


class RunRecord(Struct, frozen=True):
    """How a run ended. `findings` are None where they are no longer kept."""

    id: str
    at: str
    scope: str
    counts: dict[str, int]
    findings: list[FindingRecord] | None


class LedgerExport(Struct, frozen=True):
    """All that a ledger knows."""

    version: int
    read: list[ReadRecord]
    workloads: list[WorkloadRecord]
    roles: list[RoleRecord]
    runs: list[RunRecord]


def export_of(ledger: Ledger) -> LedgerExport:
    """The document of a ledger, in an order that depends on nothing else."""
    coverage = coverage_of(ledger)
    uses: dict[str, list[UseRecord]] = {}
    for use, seen in sorted(ledger.uses.items(), key=lambda item: _order(item[0])):
        uses.setdefault(use.workload, []).append(_use(use, seen))
    return LedgerExport(
        EXPORT_VERSION,
        [_read(known) for known in coverage],
        [_workload(observed, uses.get(observed.workload, [])) for observed in observed_of(ledger, coverage)],
        [_role(ledger, role) for role in sorted({read.role for read in ledger.roles})],
        [
            _run(name, run)
            for name, run in sorted(ledger.runs.items(), key=lambda item: (item[1].at, item[0]))
        ],
    )


def iso(seconds: float) -> str:
    """A time as ISO 8601, in UTC and whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _order(use: Use) -> tuple[str, ...]:
    return (use.workload, *map(str, use.need.permission), use.need.certainty, str(use.sent))


def _use(use: Use, seen: Seen) -> UseRecord:
    permission, certainty = use.need
    return UseRecord(
        permission.action,
        permission.resource,
        permission.exact,
        certainty.value,
        use.sent,
        iso(seen.first) if seen.first else None,
        iso(seen.last) if seen.last else None,
        seen.times,
        list(seen.sources),
    )


def _spans(spans: Iterable[Span]) -> list[TimeSpan]:
    return [TimeSpan(iso(span.start), iso(span.end)) for span in spans]


def _read(known: Coverage) -> ReadRecord:
    return ReadRecord(
        *known.place, known.mapping, _spans(known.read), _spans(known.missing), outdated_hours=known.outdated
    )


def _workload(observed: Observed, uses: list[UseRecord]) -> WorkloadRecord:
    days = [ObservedDay(iso(day * DAY)[:10], traces) for day, traces in observed.days]
    return WorkloadRecord(observed.workload, days, uses)


def _role(ledger: Ledger, role: str) -> RoleRecord:
    reads = sorted(read for read in ledger.roles if read.role == role)
    since = ledger.appeared(role)
    grants = [
        GrantRecord(*grant, iso(since[grant]) if grant in since else None)
        for grant in sorted(ledger.roles[reads[-1]])
    ]
    return RoleRecord(role, iso(reads[0].read_at), iso(reads[-1].read_at), grants)


def _run(name: str, run: Run) -> RunRecord:
    findings = None if run.findings is None else [FindingRecord(*finding) for finding in run.findings]
    return RunRecord(name, iso(run.at), run.scope, dict(run.counts), findings)
