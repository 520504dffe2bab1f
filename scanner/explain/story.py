"""What a user names, found in a report, and its story. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any, Final

from scanner.errors import EXIT_USAGE, ScanError
from scanner.explain.finding import finding_sections
from scanner.explain.role import role_sections
from scanner.explain.section import Section, joined
from scanner.explain.unseen import never_traced_lines
from scanner.report.load import report_of
from scanner.report.records import Finding, Report, Role, Workload
from scanner.report.view.viewed import is_never_traced, is_open_excess, name_of_workload

_MOST: Final = 3  # names or ids in a message
_ID = re.compile("[0-9a-f]{3,12}")


def explained(document: Any, named: str, *, everything: bool = False) -> list[str]:
    """The story of what is named as lines of text, not escaped: at most a screen, unless all is wanted.

    `document` is the parsed report.json. `named` is a role by name or ARN, a workload by name, id or ARN, or
    the beginning of the id of a finding or of any of its grants. Raises ScanError where the document is no
    report that this version can read, or holds nothing of that name.
    """
    report = report_of(document)
    roles = _roles(report, named)
    unseen = [] if roles else _never_traced(report, named)
    if unseen:
        return joined([Section(never_traced_lines(workload)) for workload in unseen], everything=everything)
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
    if ids and not roles and not _never_traced(report, named):
        raise ScanError(f"no role of {named!r} was compared in this report: see its warnings", EXIT_USAGE)
    return roles


def _never_traced(report: Report, named: str) -> list[Workload]:
    """The workloads of that name, id or ARN that no trace shows."""
    return [
        workload
        for workload in report.workloads
        if named in (workload.name, workload.id) and is_never_traced(workload)
    ]


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
        raise ScanError(
            f"{len(matching)} findings of this report have an id that begins with {named!r}",
            EXIT_USAGE,
            f"name one of them: {_first([_in_short(report, *pair) for pair in matching])}",
        )
    problem = f"no finding of this report has an id that begins with {named!r}"
    raise ScanError(f"{problem}, and no role or workload has that name", EXIT_USAGE, _near(report, named))


def _in_short(report: Report, role: Role, finding: Finding) -> str:
    account = f" of {role.account}" if len(report.scan.accounts) > 1 and role.account else ""
    return f"{finding.id} ({finding.verdict}: {_first(finding.actions, 1)}, {role.name}{account})"


def _near(report: Report, named: str) -> str:
    """What may be meant: names and ids that are like it, else some that there are."""
    workloads = ((workload.name, name_of_workload(workload.id)) for workload in report.workloads)
    names = sorted(filter(None, {role.name for role in report.roles}.union(*workloads)))
    excess = [(role, f) for role in report.roles for f in role.findings if is_open_excess(f)]
    by_id = {finding.id: _in_short(report, role, finding) for role, finding in excess}
    near = difflib.get_close_matches(named, [*names, *by_id], _MOST)
    if near:
        return f"did you mean {' or '.join(by_id.get(name, name) for name in near)}?"
    if _ID.fullmatch(named):
        found = f"here are {_first(list(by_id.values()))}" if by_id else "this one has no excess"
        return f"ids changed before 0.1.0, and one of an earlier report is found in that report only; {found}"
    return f"it has {_first(names)}" if names else "it has no roles and no workloads"


def _first(texts: Sequence[str], most: int = _MOST) -> str:
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")
