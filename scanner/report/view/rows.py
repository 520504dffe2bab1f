"""Findings as rows of a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanner.model import EXCESS, Finding, Used, Verdict
from scanner.records.aws_records import CLOUDTRAIL, LAST_ACCESSED
from scanner.report.view.values import Row
from scanner.report.view.viewed import ViewedScan, listed
from scanner.result import RoleResult
from scanner.text.escape import counted
from scanner.usage.builder import KEPT_STARTS
from scanner.usage.evidence import workload_evidence
from scanner.verdict.rank import ranking
from scanner.verdict.reasons import MAY_BE_USED

_SOURCE_NAMES = {LAST_ACCESSED: "IAM's last-accessed data", CLOUDTRAIL: "CloudTrail"}
_IN_ROWS = (*EXCESS, Verdict.UNOBSERVABLE, Verdict.INEFFECTIVE)


def rows_of(scan: ViewedScan) -> list[Row]:
    """The findings that are shown, accepted ones included: confirmed ones first, by rank."""
    rows = [
        _row(scan, role_result, finding)
        for role_result in scan.result.roles
        for finding in role_result.findings
        if finding.verdict in _IN_ROWS
    ]
    rank = ranking(scan.result.findings)
    return sorted(rows, key=lambda row: (not row.confirmed, rank(row.finding), row.who, row.finding.id))


def _row(scan: ViewedScan, role_result: RoleResult, finding: Finding) -> Row:
    statement = finding.statement
    return Row(
        finding=finding,
        who=scan.who(role_result),
        actions=listed(finding.actions, _all_but(statement.not_actions)),
        resources=listed(map(scan.resource, finding.resources), _all_but(statement.not_resources))
        + _condition(scan, finding),
        claim=_claim(scan, role_result, finding) + _remedy(scan, finding),
        severity=finding.severity,
        evidence=_evidence(scan, role_result, finding),
        confirmed=finding.confirmed,
    )


def _all_but(excepted: bool) -> str:
    return "all but " if excepted else ""


def _condition(scan: ViewedScan, finding: Finding) -> str:
    """The keys of a grant's condition: whether it held, traces seldom show."""
    blocks = (finding.statement.condition or {}).values()
    keys = sorted({str(key) for block in blocks if isinstance(block, Mapping) for key in block})
    return f" (if {scan.redaction.text(listed(keys))} fits)" if keys else ""


def _remedy(scan: ViewedScan, finding: Finding) -> str:
    """The note that a policy of AWS's own cannot be edited."""
    if finding.remedy != "replace":
        return ""
    return f"; {scan.redaction.text(finding.policy.name)} is AWS's own: replace it"


def _claim(scan: ViewedScan, role_result: RoleResult, finding: Finding) -> str:
    why = scan.redaction.text(finding.why)
    if finding.verdict is Verdict.UNOBSERVABLE:
        return why or "traces cannot show it"
    if finding.verdict is Verdict.INEFFECTIVE:
        return why or "always denied, or outside the permissions boundary"
    if finding.verdict is Verdict.BROAD:
        is_shared = len(role_result.role.workloads) > 1
        if not finding.used:
            return "never used, as far as traces show it"
        return "only used: " + _used(scan, finding.used, by_name=is_shared)
    claim = "not surely used" if MAY_BE_USED.intersection(finding.reasons) else "never used"
    return f"{claim}; {why}" if finding.why else claim


def _used(scan: ViewedScan, permissions: Sequence[Used], *, by_name: bool) -> str:
    """What a grant was used for; with the workloads that used it where several use the role."""
    texts = []
    for permission in permissions:
        workloads = listed(map(scan.workload, permission.workloads)) if by_name else ""
        text = f"{permission.action} on {scan.resource(permission.resource)}"
        texts.append(f"{text} by {workloads}" if workloads else text)
    return listed(texts)


def _evidence(scan: ViewedScan, role_result: RoleResult, finding: Finding) -> str:
    if finding.ignored is not None:
        return scan.redaction.text(f"accepted: {finding.ignored}")
    if finding.known:
        return "in the baseline"
    if finding.verdict not in EXCESS:
        return "not observable" if finding.verdict is Verdict.UNOBSERVABLE else "as the policies are now"
    if not finding.confirmed:
        return ", ".join(finding.reasons)
    return " and ".join(
        [_traces(scan, role_result, finding), *(_SOURCE_NAMES[source] for source in finding.sources)]
    )


def _traces(scan: ViewedScan, role_result: RoleResult, finding: Finding) -> str:
    """How many complete traces are newer than the last change: "4 traces", "500 traces or more"."""
    workloads = workload_evidence(role_result.role, finding.policy, scan.evidence, scan.result.workloads)
    newer = sum(
        start > workload.changed for workload in workloads for start in workload.evidence.newest_complete
    )
    is_cut = any(len(workload.evidence.newest_complete) >= KEPT_STARTS for workload in workloads)
    return counted(newer, "trace") + (" or more" if is_cut else "")
