"""What is shown besides the findings: what was seen, what was denied, warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.model import Verdict
from scanner.report.records import Finding, GrantPlace, Report, Role, Warned
from scanner.report.view.filter_notice import FILTERED
from scanner.report.view.suggestions import policy_text
from scanner.report.view.values import (
    AllowedCalls,
    Danger,
    DeniedCalls,
    IneffectiveGrants,
    PolicyForDenied,
    ReasonLine,
    RedundantGrant,
    Row,
    TracedShare,
    UnmappedCalls,
    WorkloadCounts,
)
from scanner.report.view.viewed import ViewedReport, listed, short, statement_name
from scanner.text.escape import counted
from scanner.verdict.reason_help import Runs, help_for
from scanner.verdict.reasons import ORDER, Reason

_MOST_DANGERS = 12


def redundant_grants(viewed: ViewedReport) -> list[RedundantGrant]:
    """The grants that the roles do not need, since others allow the same."""
    return [
        _redundant(viewed, role, finding)
        for role in viewed.report.roles
        for finding in role.findings
        if finding.redundant
    ]


def _redundant(viewed: ViewedReport, role: Role, finding: Finding) -> RedundantGrant:
    place = GrantPlace(policy=finding.policy, statement=finding.statement)
    return RedundantGrant(
        who=viewed.who(role),
        actions=listed(finding.actions),
        resources=listed(map(short, finding.resources)),
        place=place_text(role, place),
        also_granted_by=listed(place_text(role, other) for other in finding.also_granted_by),
    )


def place_text(role: Role, place: GrantPlace) -> str:
    """The policy and the statement that grant something."""
    name = statement_name(role, place.policy, place.statement)
    return f"{role.policies[place.policy].name}, {name}"


def ineffective_grants(rows: Iterable[Row]) -> list[IneffectiveGrants]:
    """The grants that allow nothing, by role."""
    by_role: dict[str, list[Row]] = {}
    for row in rows:
        if row.finding.verdict is Verdict.INEFFECTIVE:
            by_role.setdefault(row.role.arn, []).append(row)
    return [
        IneffectiveGrants(
            who=of_role[0].who,
            count=counted(sum(len(r.finding.actions) * len(r.finding.resources) for r in of_role), "grant"),
            examples=listed(f"{row.actions} on {row.resources}: {row.claim}" for row in of_role),
        )
        for of_role in by_role.values()
    ]


# --- why, and how bad ------------------------------------------------------------------------------


def reasons(viewed: ViewedReport, excess: Iterable[Row]) -> list[ReasonLine]:
    """The reasons for which findings are not confirmed, once each, by what runs with their roles."""
    runs: dict[Reason, set[Runs]] = {}
    for row in excess:
        for reason in row.finding.reasons:
            runs.setdefault(Reason(reason), set()).update(viewed.runs(row.role))
    return [
        ReasonLine(code, *help_for(code, of_code))
        for code, of_code in sorted(runs.items(), key=lambda item: ORDER[item[0]])
    ]


def dangers(report: Report, excess: Iterable[Row]) -> list[Danger]:
    """What an attacker would gain: a grant of everything does not hide what the others are about."""
    by_breadth = sorted((len(row.finding.severe), action) for row in excess for action in row.finding.severe)
    actions = dict.fromkeys(action for _, action in by_breadth)
    distinct = [Danger(action, report.severe_actions.get(action, "")) for action in actions]
    more = len(distinct) - _MOST_DANGERS
    if more <= 0:
        return distinct
    return [*distinct[:_MOST_DANGERS], Danger(f"{more} more", "see `severe_actions` in report.json")]


# --- what was seen ---------------------------------------------------------------------------------


def traced_shares(viewed: ViewedReport) -> list[TracedShare]:
    """How much of what ran was traced, for each workload that CloudWatch counts."""
    return [
        TracedShare(
            viewed.name(workload.id),
            counted(workload.evidence.traces, "trace"),
            counted(workload.evidence.invocations, "invocation"),
        )
        for workload in viewed.report.workloads
        if workload.evidence.invocations is not None
    ]


def workload_counts(viewed: ViewedReport) -> list[WorkloadCounts]:
    """How much was seen of each workload that was seen, and that the report is about."""
    return [
        WorkloadCounts(
            name=viewed.name(workload.id),
            traces=workload.evidence.traces,
            calls=workload.evidence.calls,
            permissions=sum(used.required for used in workload.used),
            invocations=workload.evidence.invocations,
        )
        for workload in viewed.report.workloads
        if workload.reported and (workload.evidence.traces or workload.evidence.calls)
    ]


def denied_calls(viewed: ViewedReport) -> list[DeniedCalls]:
    """The calls that AWS denied to the workloads that the report is about."""
    return [
        DeniedCalls(
            who=viewed.name(workload.id),
            action=denied.action,
            resource=denied.resource,
            count=denied.count,
            meaning=denied.meaning,
        )
        for workload in viewed.report.workloads
        if workload.reported
        for denied in workload.denied
    ]


def allowed_elsewhere(viewed: ViewedReport) -> list[AllowedCalls]:
    """The calls that succeeded without a grant of the role."""
    return [
        AllowedCalls(
            who=viewed.name(allowed.workload),
            action=allowed.action,
            resource=allowed.resource,
            count=allowed.calls,
            denied=allowed.denied,
        )
        for role in viewed.report.roles
        for allowed in role.allowed_elsewhere
    ]


def policies_for_denied(viewed: ViewedReport) -> list[PolicyForDenied]:
    """The policies that would allow calls that AWS denied."""
    return [
        PolicyForDenied(
            viewed.who(role),
            policy_text(role.policy_for_denied) if role.policy_for_denied else "",
            role.policy_for_denied_notes,
        )
        for role in viewed.report.roles
        if role.policy_for_denied or role.policy_for_denied_notes
    ]


def unmapped_calls(report: Report) -> list[UnmappedCalls]:
    """The calls that could not be mapped to permissions."""
    sources = [workload.unmapped for workload in report.workloads]
    return [
        UnmappedCalls(service=call.service, operation=call.operation, reason=call.reason, count=call.count)
        for calls in (*sources, report.unattributed.unmapped)
        for call in calls
    ]


def warnings(report: Report) -> list[str]:
    """The warnings, each with its count where the message does not begin with it."""
    return [_warning(warning) for warning in report.scan.warnings if warning.code != FILTERED]


def _warning(warning: Warned) -> str:
    if warning.count == 1 or warning.message[:1].isdigit():
        return warning.message
    return f"{warning.message} ({warning.count:,} times)"
