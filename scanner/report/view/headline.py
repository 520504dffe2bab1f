"""The first two lines: what was found, and from how much. Pure."""

from __future__ import annotations

from scanner.model import EXCESS, Verdict
from scanner.report.records import FromLedger, Report
from scanner.report.view.values import Row, Totals
from scanner.report.view.viewed import ViewedReport
from scanner.text.escape import counted


def headline(viewed: ViewedReport, totals: Totals, confirmed: list[Row]) -> str:
    """What was found, in a line: what to do where it is one role's, else how many."""
    report = viewed.report
    if not report.scan.compared:
        seen = sum(1 for workload in report.workloads if workload.reported and workload.evidence.traces)
        return f"{counted(seen, 'workload')} seen; no role was compared"
    unread = sum(1 for role in report.roles if not role.readable)
    return _result(viewed, totals, confirmed) + (
        f"; {counted(unread, 'role')} not wholly readable" if unread else ""
    )


def _result(viewed: ViewedReport, totals: Totals, confirmed: list[Row]) -> str:
    if not totals.functions:
        return "Nothing could be compared"
    functions = counted(totals.functions, viewed.noun)
    if confirmed:
        if len({row.role.arn for row in confirmed}) == 1:
            return _advice(confirmed)
        where = f"{totals.excessive} of {functions}"
        return f"{counted(totals.confirmed, 'finding')} in {where}"
    if totals.unconfirmed:
        return f"Nothing confirmed in {functions}: {counted(totals.unconfirmed, 'doubt')}"
    accepted = sum(f.verdict in EXCESS and f.accepted for role in viewed.report.roles for f in role.findings)
    accepted_too = f", and {counted(accepted, 'finding')} that the team accepts" if accepted else ""
    return f"{functions}: no excessive permission found{accepted_too}"


def _advice(rows: list[Row]) -> str:
    """What to do in the only role that has findings: "Remove 2 permissions from notes-api"."""
    singles = [row for whole in rows for row in whole.decided]
    unused = sum(len(row.finding.actions) for row in singles if row.finding.verdict is Verdict.UNUSED)
    broad = sum(len(row.finding.actions) for row in singles if row.finding.verdict is Verdict.BROAD)
    who = rows[0].who
    if not broad:
        return f"Remove {counted(unused, 'permission')} from {who}"
    if not unused:
        return f"Narrow {counted(broad, 'permission')} of {who}"
    return f"Remove {counted(unused, 'permission')} and narrow {broad:,} of {who}"


def facts(report: Report) -> str:
    """How much was read, in a line."""
    scan = report.scan
    parts = [
        counted(scan.traces, "trace"),
        counted(scan.calls, "AWS call"),
        _time(scan.start, scan.end),
        ", ".join(scan.regions),
        f"{len(scan.accounts)} accounts" if len(scan.accounts) > 1 else "",
        _from_ledger(scan.ledger),
    ]
    return ", ".join(part for part in parts if part)


def _from_ledger(known: FromLedger | None) -> str:
    if known is None or not known.since:
        return ""
    return f"with the ledger: {counted(known.days, 'day')} since {known.since[:10]}"


def _time(start: str | None, end: str | None) -> str:
    if not start or not end:
        return ""
    return f"{start[:16].replace('T', ' ')} to {end[:16].replace('T', ' ')} UTC"
