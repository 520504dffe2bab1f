"""Findings as rows of a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scanner.model import EXCESS, Verdict
from scanner.records.aws_records import CLOUDTRAIL, LAST_ACCESSED
from scanner.report.records import Finding, Role, UsedGrant
from scanner.report.view.values import Row
from scanner.report.view.viewed import ViewedReport, listed, name_of_workload, short, statement_of
from scanner.text.escape import counted
from scanner.verdict.rank import ranking
from scanner.verdict.reasons import MAY_BE_USED

_SOURCE_NAMES = {LAST_ACCESSED: "IAM's last-accessed data", CLOUDTRAIL: "CloudTrail"}
_IN_ROWS = (*EXCESS, Verdict.UNOBSERVABLE, Verdict.INEFFECTIVE)


def rows_of(viewed: ViewedReport) -> list[Row]:
    """The findings that are shown, accepted ones included: confirmed ones first, by rank."""
    found = [(role, finding) for role in viewed.report.roles for finding in role.findings]
    rows = [_row(viewed, role, finding) for role, finding in found if finding.verdict in _IN_ROWS]
    rank = ranking((role.arn, finding) for role, finding in found)
    return sorted(rows, key=lambda row: (not row.confirmed, rank(row.finding), row.who, row.finding.id))


def _row(viewed: ViewedReport, role: Role, finding: Finding) -> Row:
    statement = statement_of(role, finding)
    return Row(
        finding=finding,
        role=role,
        functions=viewed.names(role),
        who=viewed.who(role),
        actions=listed(finding.actions, all_but("NotAction", role, finding)),
        resources=listed(map(short, finding.resources), all_but("NotResource", role, finding))
        + _condition(statement.get("Condition")),
        claim=_claim(role, finding) + _remedy(role, finding),
        severity=finding.severity,
        evidence=evidence_of(finding),
        confirmed=finding.confirmed,
        fails=finding.id in viewed.failing_ids,
    )


def all_but(key: str, role: Role, finding: Finding) -> str:
    """What stands before a list of actions or resources that the statement excepts (`NotAction`)."""
    return "all but " if key in statement_of(role, finding) else ""


def actions_of(row: Row) -> str:
    """All the actions of a row's finding: whoever searches the text finds each."""
    return all_but("NotAction", row.role, row.finding) + ", ".join(row.finding.actions)


def resources_of(row: Row) -> str:
    """All its resources, by the last part of their ARNs."""
    finding = row.finding
    condition = _condition(statement_of(row.role, finding).get("Condition"))
    return all_but("NotResource", row.role, finding) + ", ".join(map(short, finding.resources)) + condition


def _condition(condition: Any) -> str:
    """The keys of a grant's condition: whether it held, traces seldom show."""
    blocks = condition.values() if isinstance(condition, Mapping) else ()
    keys = sorted({str(key) for block in blocks if isinstance(block, Mapping) for key in block})
    return f" (if {listed(keys)} fits)" if keys else ""


def _remedy(role: Role, finding: Finding) -> str:
    """The note that a policy of AWS's own cannot be edited."""
    policy = role.policies[finding.policy]
    if finding.verdict not in EXCESS or not policy.managed_by_aws:
        return ""
    return f"; {policy.name} is AWS's own: replace it"


def _claim(role: Role, finding: Finding) -> str:
    if finding.verdict is Verdict.UNOBSERVABLE:
        return finding.why or "traces cannot show it"
    if finding.verdict is Verdict.INEFFECTIVE:
        return finding.why or "always denied, or outside the permissions boundary"
    if finding.verdict is Verdict.BROAD:
        if not finding.used:
            return "never used, as far as traces show it"
        return "only used: " + _used((role.used[at] for at in finding.used), by_name=len(role.workloads) > 1)
    claim = "not surely used" if MAY_BE_USED.intersection(finding.reasons) else "never used"
    return f"{claim}; {finding.why}" if finding.why else claim


def _used(permissions: Iterable[UsedGrant], *, by_name: bool) -> str:
    """What a grant was used for; with the workloads that used it where several use the role."""
    texts = []
    for permission in permissions:
        workloads = listed(map(name_of_workload, permission.workloads)) if by_name else ""
        text = f"{permission.action} on {short(permission.resource)}"
        texts.append(f"{text} by {workloads}" if workloads else text)
    return listed(texts)


def evidence_of(finding: Finding) -> str:
    """What a verdict rests on, or why it is not confirmed."""
    if finding.accepted_reason is not None:
        return f"accepted: {finding.accepted_reason}"
    if finding.in_baseline:
        return "in the baseline"
    if finding.verdict not in EXCESS:
        return "not observable" if finding.verdict is Verdict.UNOBSERVABLE else "as the policies are now"
    if not finding.confirmed:
        return ", ".join(finding.reasons)
    return " and ".join([observed_text(finding), *(_SOURCE_NAMES[source] for source in finding.sources)])


def is_over_days(finding: Finding) -> bool:
    """Whether it was observed for more than a day: then people are told for how long."""
    return finding.observed.days > 1


def observed_text(finding: Finding) -> str:
    """How much was seen: "12 days observed, 5,310 traces"; without the days where there is one at most."""
    more = " or more" if finding.more_traces else ""
    if is_over_days(finding):
        days, traces = finding.observed.days, finding.observed.traces
        return f"{counted(days, 'day')} observed, {counted(traces, 'trace')}{more}"
    return counted(finding.traces, "trace") + more
