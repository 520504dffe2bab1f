"""The first two lines: what was found, and from how much. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.model import EXCESS
from scanner.report.build import iso
from scanner.report.view.viewed import ViewedScan
from scanner.result import RoleResult, ScanResult
from scanner.text.escape import counted


def headline(scan: ViewedScan) -> str:
    """What was found, in a line."""
    result = scan.result
    if not scan.request.compare:
        return (
            f"{counted(len(result.traced.by_workload), 'workload')} seen; nothing was compared (that is -c)"
        )
    unread = sum(1 for role_result in result.roles if not role_result.role.readable)
    return _verdict(scan) + (f"; {counted(unread, 'role')} not wholly readable" if unread else "")


def _verdict(scan: ViewedScan) -> str:
    compared = [
        role_result for role_result in scan.result.roles if role_result.role.readable or role_result.findings
    ]
    functions = _functions(scan, compared)
    if not functions:
        return "Nothing could be compared"
    excessive = _functions(scan, [role for role in compared if is_excessive(role, confirmed=True)])
    total = counted(len(functions), "function")
    if excessive:
        verb = "holds" if len(excessive) == 1 else "hold"
        return f"{len(excessive)} of {total} {verb} permissions that were never used"
    excess = [finding for finding in scan.result.findings if finding.verdict in EXCESS]
    accepted = sum(finding.accepted for finding in excess)
    doubts = len(excess) - accepted
    if doubts:
        return f"Nothing confirmed in {total}: {counted(doubts, 'doubt')}"
    accepted_too = f", and {counted(accepted, 'finding')} that the team accepts" if accepted else ""
    return f"{total}: no excessive permission found{accepted_too}"


def _functions(scan: ViewedScan, roles: Iterable[RoleResult]) -> set[str]:
    return {arn for role_result in roles for arn in scan.selected(role_result)}


def is_excessive(role_result: RoleResult, *, confirmed: bool) -> bool:
    """Whether a role has excess that nobody accepts; with `confirmed` only such excess counts."""
    return any(
        finding.verdict in EXCESS and finding.confirmed >= confirmed and not finding.accepted
        for finding in role_result.findings
    )


def facts(result: ScanResult) -> str:
    """How much was read, in a line."""
    traced = result.traced
    parts = [
        counted(traced.traces, "trace"),
        counted(traced.calls, "AWS call"),
        _time(iso(traced.start), iso(traced.end)),
        ", ".join(traced.regions),
    ]
    return ", ".join(part for part in parts if part)


def _time(start: str | None, end: str | None) -> str:
    if not start or not end:
        return ""
    return f"{start[:16].replace('T', ' ')} to {end[:16].replace('T', ' ')} UTC"
