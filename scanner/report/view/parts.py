"""What is shown besides the findings: suggestions, denied calls, what the team accepts, warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scanner.mapping.access_denied import DENIAL_HELP, DenialCause
from scanner.model import Finding, ScanWarning, Verdict
from scanner.report.view.headline import is_excessive
from scanner.report.view.values import (
    AllowedCalls,
    Danger,
    DeniedCalls,
    IneffectiveGrants,
    PolicyForDenied,
    ReasonLine,
    RedundantGrant,
    RoleSuggestion,
    Row,
    StatementEdit,
    TracedShare,
    UnmappedCalls,
    WorkloadCounts,
)
from scanner.report.view.viewed import ViewedScan, listed
from scanner.result import RoleResult
from scanner.suggest.edits import Edit, edits
from scanner.text.diff import diff_lines
from scanner.text.escape import counted
from scanner.verdict.reason_help import REASON_HELP
from scanner.verdict.reasons import ORDER, Reason

_MOST_DANGERS = 12


# --- what to change --------------------------------------------------------------------------------


def suggestions(scan: ViewedScan, excess: Sequence[Row]) -> list[RoleSuggestion]:
    """What to change in the roles that hold more than they need, in the order of their first rows."""
    first_row = {row.finding.role: place for place, row in reversed(list(enumerate(excess)))}
    roles = [
        role_result
        for role_result in scan.result.roles
        if role_result.suggestion
        and (
            is_excessive(role_result, confirmed=False)
            or any(finding.redundant for finding in role_result.findings)
        )
    ]
    roles.sort(key=lambda role_result: first_row.get(role_result.role.arn, 0))
    return [_suggestion(scan, role_result) for role_result in roles]


def _suggestion(scan: ViewedScan, role_result: RoleResult) -> RoleSuggestion:
    suggestion = role_result.suggestion
    policies = suggestion.parts or (suggestion.policy,) if suggestion else ()
    return RoleSuggestion(
        role=role_result.role.arn,
        who=scan.who(role_result),
        edits=[_edit(scan, edit) for edit in edits(role_result.role, role_result.assessments)],
        policies=[scan.policy(policy) for policy in policies],
    )


def _edit(scan: ViewedScan, edit: Edit) -> StatementEdit:
    """What changes in a statement, line by line, with all of its lines."""
    before = scan.policy(edit.before).splitlines()
    after = [line for statement in edit.after for line in scan.policy(statement).splitlines()]
    difference = "\n".join(diff_lines(before, after, context=len(before))[1:])  # without the place
    return StatementEdit(scan.redaction.text(edit.policy), edit.managed_by_aws, difference)


def redundant_grants(scan: ViewedScan) -> list[RedundantGrant]:
    """The grants that the roles do not need, since others allow the same."""
    return [
        _redundant(scan, role_result, finding)
        for role_result in scan.result.roles
        for finding in role_result.findings
        if finding.redundant
    ]


def _redundant(scan: ViewedScan, role_result: RoleResult, finding: Finding) -> RedundantGrant:
    statement = finding.statement
    others = [_place(other.policy, other.statement, other.sid) for other in finding.also_granted_by]
    return RedundantGrant(
        who=scan.who(role_result),
        actions=listed(finding.actions),
        resources=listed(map(scan.resource, finding.resources)),
        place=scan.redaction.text(_place(finding.policy.name, statement.index, statement.sid)),
        also_granted_by=scan.redaction.text(listed(others)),
    )


def _place(policy: str, index: int, sid: str | None) -> str:
    return f"{policy}, statement {sid or index}"


def ineffective_grants(rows: Iterable[Row]) -> list[IneffectiveGrants]:
    """The grants that allow nothing, by role."""
    by_role: dict[str, list[Row]] = {}
    for row in rows:
        if row.finding.verdict is Verdict.INEFFECTIVE:
            by_role.setdefault(row.finding.role, []).append(row)
    return [
        IneffectiveGrants(
            who=of_role[0].who,
            count=counted(sum(len(r.finding.actions) * len(r.finding.resources) for r in of_role), "grant"),
            examples=listed(f"{row.actions} on {row.resources}: {row.claim}" for row in of_role),
        )
        for of_role in by_role.values()
    ]


# --- why, and how bad ------------------------------------------------------------------------------


def reasons(excess: Iterable[Row]) -> list[ReasonLine]:
    """The reasons for which findings are not confirmed, once each."""
    codes = {Reason(reason) for row in excess for reason in row.finding.reasons}
    return [ReasonLine(code, *REASON_HELP[code]) for code in sorted(codes, key=lambda code: ORDER[code])]


def dangers(excess: Iterable[Row]) -> list[Danger]:
    """What an attacker would gain: a grant of everything does not hide what the others are about."""
    by_breadth = sorted((len(row.finding.severe), severe) for row in excess for severe in row.finding.severe)
    distinct = [Danger(action, gain) for action, gain in dict.fromkeys(severe for _, severe in by_breadth)]
    more = len(distinct) - _MOST_DANGERS
    if more <= 0:
        return distinct
    return [*distinct[:_MOST_DANGERS], Danger(f"{more} more", "see `severe` in report.json")]


# --- what was seen ---------------------------------------------------------------------------------


def traced_shares(scan: ViewedScan) -> list[TracedShare]:
    """How much of what ran was traced, for each workload that CloudWatch counts."""
    traces = {arn: evidence.traces for arn, evidence in scan.evidence.items()}
    return [
        TracedShare(scan.workload(arn), counted(traces.get(arn, 0), "trace"), counted(runs, "invocation"))
        for arn, runs in sorted(scan.result.invocations.items())
    ]


def workload_counts(scan: ViewedScan) -> list[WorkloadCounts]:
    """How much was seen of each workload."""
    return [
        WorkloadCounts(
            name=scan.workload(arn),
            traces=usage.evidence.traces,
            calls=usage.evidence.calls,
            permissions=sum(need.required for need in usage.used),
            invocations=scan.result.invocations.get(arn),
        )
        for arn, usage in scan.result.traced.by_workload.items()
    ]


def denied_calls(scan: ViewedScan) -> list[DeniedCalls]:
    """The calls that AWS denied."""
    return [
        DeniedCalls(
            who=scan.workload(usage.workload or "no workload"),
            action=denied.action,
            resource=scan.redaction.resource(denied.resource),
            count=denied.count,
            meaning=DENIAL_HELP[DenialCause(denied.cause)],
        )
        for usage in scan.result.traced.usages
        for denied in usage.denied
    ]


def allowed_elsewhere(scan: ViewedScan) -> list[AllowedCalls]:
    """The calls that succeeded without a grant of the role."""
    return [
        AllowedCalls(
            who=scan.workload(allowed.workload),
            action=allowed.action,
            resource=scan.redaction.resource(allowed.resource),
            count=allowed.calls,
            denied=allowed.denied,
        )
        for role_result in scan.result.roles
        for allowed in role_result.allowed_elsewhere
    ]


def policies_for_denied(scan: ViewedScan) -> list[PolicyForDenied]:
    """The policies that would allow calls that AWS denied."""
    return [
        PolicyForDenied(
            scan.who(role_result),
            scan.policy(role_result.offer.policy) if role_result.offer.policy else "",
            [scan.redaction.text(note) for note in role_result.offer.notes],
        )
        for role_result in scan.result.roles
        if role_result.offer.policy or role_result.offer.notes
    ]


def unmapped_calls(scan: ViewedScan) -> list[UnmappedCalls]:
    """The calls that could not be mapped to permissions."""
    mask = scan.redaction.text
    return [
        UnmappedCalls(
            service=mask(call.service), operation=mask(call.operation), reason=call.reason, count=count
        )
        for usage in scan.result.traced.usages
        for call, count in usage.unmapped.items()
    ]


# --- what the reader must know ---------------------------------------------------------------------


def accepted_facts(scan: ViewedScan) -> list[str]:
    """What became of the team's rules and of the baseline, a line each."""
    return [scan.redaction.text(line) for line in (*_rule_lines(scan), *_baseline_lines(scan))]


def _rule_lines(scan: ViewedScan) -> list[str]:
    tally, name = scan.result.rules, scan.request.config_name
    accepting = [
        f"{name}:{rule.line}: accepts {counted(count, 'grant')}: {rule.reason}"
        + (f" (until {rule.expires})" if rule.expires else "")
        for rule, count in tally.hiding
    ]
    return [*tally.failures(name), *tally.notes(name), *accepting]


def _baseline_lines(scan: ViewedScan) -> list[str]:
    comparison = scan.result.against_baseline
    if comparison is None:
        return []
    return [
        f"against the baseline: {counted(len(comparison.new), 'new grant')}, {len(comparison.known)} known, "
        f"{len(comparison.fixed)} fixed",
        *(
            f"beyond the baseline: {entry.action} on {entry.resource} of {entry.role} ({entry.policy}): {why}"
            for entry, why in comparison.grown
        ),
        *(
            f"fixed: {entry.action} on {entry.resource} of {entry.role} ({entry.policy}): run with "
            "--update-baseline to forget it"
            for entry in comparison.fixed
        ),
    ]


def warnings(scan: ViewedScan) -> list[str]:
    """The warnings, each with its count where the message does not begin with it."""
    return [scan.redaction.text(_warning(warning)) for warning in scan.result.warnings]


def _warning(warning: ScanWarning) -> str:
    if warning.count == 1 or warning.message[:1].isdigit():
        return warning.message
    return f"{warning.message} ({warning.count:,} times)"
