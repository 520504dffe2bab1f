"""What a user names, found in a report, and its story. Pure."""

from __future__ import annotations

import difflib
from typing import Any

from scanner.errors import EXIT_USAGE, ScanError
from scanner.explain.finding import finding_sections
from scanner.explain.role import role_sections
from scanner.explain.section import Section, joined
from scanner.report.load import report_of
from scanner.report.records import Finding, Report, Role
from scanner.report.view.viewed import name_of_workload


def explained(document: Any, named: str, *, everything: bool = False) -> list[str]:
    """The story of what is named as lines of text, not escaped: at most a screen, unless all is wanted.

    `document` is the parsed report.json. `named` is a role by name or ARN, a workload by name, id or ARN, or
    the beginning of the id of a finding or of any of its grants. Raises ScanError where the document is no
    report that this version can read, or holds nothing of that name.
    """
    report = report_of(document)
    roles = _roles(report, named)
    if not roles:
        role, finding = _finding(report, named)
        return joined(finding_sections(report, role, finding, everything=everything), everything=everything)
    sections: list[Section] = []
    for role in roles:
        sections += role_sections(report, role, everything=everything)
    return joined(sections, everything=everything)


def _roles(report: Report, named: str) -> list[Role]:
    """The roles of that name or ARN, else those of the workloads of that name, id or ARN."""
    by_role = [role for role in report.roles if named in (role.name, role.arn)]
    ids = {workload.id for workload in report.workloads if named in (workload.name, workload.id)}
    roles = by_role or [role for role in report.roles if ids.intersection(role.workloads)]
    if ids and not roles:
        raise ScanError(f"no role of {named!r} was compared in this report: see its warnings", EXIT_USAGE)
    return roles


def _finding(report: Report, named: str) -> tuple[Role, Finding]:
    """The only finding whose id begins so, and its role. Raises ScanError where there is not one.

    Reports of version 1 give equal statements one id: the first is told.
    """
    matching = [
        (role, finding)
        for role in report.roles
        for finding in role.findings
        if named and any(id_.startswith(named) for id_ in (finding.id, *finding.grant_ids))
    ]
    exact = [(role, finding) for role, finding in matching if finding.id == named]
    if exact or len(matching) == 1:
        return (exact or matching)[0]
    if matching:
        problem = f"not one but {len(matching)} findings of this report have an id that begins with"
        raise ScanError(f"{problem} {named!r}: see `findings[].id`", EXIT_USAGE)
    raise ScanError(
        f"no finding of this report has an id that begins with {named!r}, and no role or workload has "
        f"that name{_near(report, named)}. Ids changed once, before 0.1.0: one of an earlier report is found "
        "in that report only",
        EXIT_USAGE,
    )


def _near(report: Report, named: str) -> str:
    names = {role.name for role in report.roles} | {
        name for workload in report.workloads for name in (workload.name, name_of_workload(workload.id))
    }
    near = difflib.get_close_matches(named, sorted(names), 1)
    return f"; did you mean {near[0]}?" if near else ""
