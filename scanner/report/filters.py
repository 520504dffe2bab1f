"""What is shown of a report: the findings that were asked for. Report -> Report, pure.

Filters change what is shown, never the files of a scan, its gate or its exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from scanner.iam.patterns import matches
from scanner.iam.severity import NONE, SEVERITY_LEVELS, UNKNOWN
from scanner.model import EXCESS
from scanner.report.records import Finding, Report, Role, Scan, Warned, Workload
from scanner.report.view.filter_notice import FILTERED
from scanner.report.view.viewed import statement_of
from scanner.text.escape import counted

_MOST_NAMED = 10
_PLACES = {level: place for place, level in enumerate((*SEVERITY_LEVELS, NONE))}


@dataclass(frozen=True)
class Filters:
    """Which findings are shown: those that fit all the filters that are given.

    `severity` is the least one, `roles` are patterns of a name or an ARN, `services` are IAM's prefixes.
    """

    severity: str | None = None
    verdicts: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def describe(self) -> str:
        """The filters, as the command line spells them."""
        given = {
            "--severity": (self.severity,) if self.severity else (),
            "--verdict": self.verdicts,
            "--role": self.roles,
            "--service": self.services,
        }
        return ", ".join(f"{option} {' '.join(values)}" for option, values in given.items() if values)


NO_FILTERS = Filters()


def filtered(report: Report, filters: Filters) -> Report:
    """The report with the findings that fit. A warning in it, which views show as the headline, says so."""
    if filters == NO_FILTERS:
        return report
    roles = tuple(_with_findings(role, filters) for role in report.roles if _matches_role(role, filters))
    ids = {id_ for role in roles for id_ in role.workloads}
    workloads = tuple(
        _with_calls(workload, filters)
        for workload in report.workloads
        if workload.id in ids or not filters.roles or _matches_name(workload.role or "", filters.roles)
    )
    # what changed since the last run is known of all findings together only
    fitting = msgspec.structs.replace(report, roles=roles, workloads=workloads, history=None)
    return msgspec.structs.replace(fitting, scan=_scan(report, fitting, filters))


def unmatched(report: Report, filters: Filters) -> str:
    """A line for whoever sees no finding though there are some: what the report holds; else empty."""
    if filters == NO_FILTERS or not report.roles:
        return ""
    roles = [role for role in report.roles if _matches_role(role, filters)]
    if not roles:
        return f"no role matches --role; roles in this report: {_named(role.name for role in report.roles)}"
    actions = (action for role in roles for finding in role.findings for action in finding.actions)
    services = {action.partition(":")[0].lower() for action in actions}
    if filters.services and services.isdisjoint((*map(str.lower, filters.services), "*")):
        return f"no finding matches --service; services in this report: {_named(services)}"
    if _open_findings(report, filters) and not _open_findings(filtered(report, filters), filters):
        return f"no finding matches {filters.describe()}"
    return ""


def _named(names: Iterable[str]) -> str:
    """Some of the names, and how many more there are."""
    distinct = sorted(set(names))
    more = len(distinct) - _MOST_NAMED
    return ", ".join(distinct[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _scan(whole: Report, fitting: Report, filters: Filters) -> Scan:
    scan = whole.scan
    if scan.listed is not None and filters.roles:
        listed = sum(workload.reported for workload in fitting.workloads)
        scan = msgspec.structs.replace(scan, listed=listed)
    if not scan.compared:
        return scan
    total = counted(_open_findings(whole, filters), "finding")
    message = f"{_open_findings(fitting, filters):,} of {total} shown: {filters.describe()}"
    warned = Warned(code=FILTERED, message=message, count=1)
    return msgspec.structs.replace(scan, warnings=(*scan.warnings, warned))


def _open_findings(report: Report, filters: Filters) -> int:
    """How many findings nobody accepts: of excess, and of the verdicts that were asked for."""
    verdicts = {*map(str, EXCESS), *filters.verdicts}
    return sum(
        finding.verdict in verdicts and not finding.accepted
        for role in report.roles
        for finding in role.findings
    )


def _with_findings(role: Role, filters: Filters) -> Role:
    return msgspec.structs.replace(
        role,
        findings=tuple(finding for finding in role.findings if _fits(role, finding, filters)),
        allowed_elsewhere=tuple(c for c in role.allowed_elsewhere if _is_of_service((c.action,), filters)),
        not_understood=tuple(c for c in role.not_understood if _is_of_service((c.action,), filters)),
    )


def _with_calls(workload: Workload, filters: Filters) -> Workload:
    denied = tuple(calls for calls in workload.denied if _is_of_service((calls.action,), filters))
    return msgspec.structs.replace(workload, denied=denied)


def _fits(role: Role, finding: Finding, filters: Filters) -> bool:
    if not _is_dangerous_enough(finding.severity, filters.severity):
        return False
    if filters.verdicts and finding.verdict not in filters.verdicts:
        return False
    # what a statement with NotAction names are the actions that it does not grant: it spans all services
    return "NotAction" in statement_of(role, finding) or _is_of_service(finding.actions, filters)


def _is_dangerous_enough(severity: str, at_least: str | None) -> bool:
    """As the gate has it: an action that IAM does not know may be as dangerous as any."""
    return at_least is None or severity == UNKNOWN or _PLACES[severity] <= _PLACES[at_least]


def _matches_role(role: Role, filters: Filters) -> bool:
    return not filters.roles or _matches_name(role.arn, filters.roles)


def _matches_name(arn: str, globs: Iterable[str]) -> bool:
    return any(matches(glob, arn) or matches(glob, arn.rpartition("/")[2]) for glob in globs)


def _is_of_service(actions: Iterable[str], filters: Filters) -> bool:
    """Whether one of the actions belongs to a service that is shown; `*` belongs to all."""
    services = {service.lower() for service in filters.services}
    prefixes = {action.partition(":")[0].lower() for action in actions}
    return not services or "*" in prefixes or not prefixes.isdisjoint(services)
