"""The story of one finding. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from scanner.explain.change import doubt_lines, edit_lines, objection_lines, policy_section, suggestion_of
from scanner.explain.section import Section
from scanner.model import EXCESS, Verdict
from scanner.report.records import Finding, Report, Role, UsedPermission, Workload
from scanner.report.view.bundle_words import use_of_bundle
from scanner.report.view.parts import place_text
from scanner.report.view.rows import is_over_days
from scanner.report.view.viewed import ViewedReport, bundle_of, runs_of, statement_name, statement_of
from scanner.text.escape import counted
from scanner.verdict.reason_help import Runs, help_for
from scanner.verdict.reasons import MAY_BE_USED

_VERDICT_HELP = {
    Verdict.USED: "It is needed as it stands.",
    Verdict.UNUSED: "No workload that uses the role was seen to use it.",
    Verdict.BROAD: "Part of it was used or may be needed: it allows more than that.",
    Verdict.PLATFORM: "AWS itself needs it, because of how the workload is configured.",
    Verdict.UNOBSERVABLE: "Traces cannot show whether it is used.",
    Verdict.INEFFECTIVE: (
        "It allows nothing: it is always denied, outside the boundary, or works on other types of resources."
    ),
}


def finding_sections(report: Report, role: Role, finding: Finding, *, everything: bool) -> list[Section]:
    """The sections of a finding's story; `everything` also holds the whole smaller policy."""
    viewed = ViewedReport(report)
    workloads = _workloads(viewed, role)
    is_changed = any(
        (change.policy, change.statement) == (finding.policy, finding.statement) for change in role.changes
    )
    change = _change(report, role, finding, everything=everything)
    return [
        Section(_head(report, role, finding)),
        Section(_bundle(finding, role)),
        *change,
        Section(_statement(role, finding, with_text=everything or not is_changed)),
        Section(_verdict(role, finding)),
        Section(_reasons(finding, runs_of(workloads)), prose=True),
        Section(_evidence(finding, role, workloads)),
        Section(_calls(viewed, role, finding, everything=everything)),
        Section(_denied_calls(viewed, role, finding)),
        Section(_accepted(finding)),
    ]


def _workloads(viewed: ViewedReport, role: Role) -> list[Workload]:
    return [workload for workload in viewed.report.workloads if workload.id in role.workloads]


def _change(report: Report, role: Role, finding: Finding, *, everything: bool) -> list[Section]:
    """What to put in the place of what is granted."""
    if finding.verdict not in EXCESS:
        return []
    suggestion = suggestion_of(report, role)
    if suggestion is None:
        return [] if finding.accepted else [Section(objection_lines(role.objections))]
    place = (finding.policy, finding.statement)
    edits = [edit for edit in suggestion.edits if (edit.policy_position, edit.statement) == place]
    sections = [Section(doubt_lines(role, edits))]
    sections += [Section(edit_lines(role, edit, everything=everything), copied=True) for edit in edits]
    return [*sections, policy_section(role, everything=everything)] if edits or everything else sections


def _head(report: Report, role: Role, finding: Finding) -> list[str]:
    statement = statement_of(role, finding)
    confirmed = ", confirmed" if finding.confirmed else ", not confirmed"
    claims_excess = finding.verdict in EXCESS
    return [
        f"{finding.id}: {finding.verdict}{confirmed if claims_excess else ''}, severity {finding.severity}",
        f"  {_listed(finding.actions, 'NotAction' in statement)}",
        f"  on {_listed(finding.resources, 'NotResource' in statement)}",
        f"  of role {role.arn}",
        *(f"  {action}: {report.severe_actions.get(action, '')}" for action in finding.severe),
    ]


def _listed(patterns: Sequence[str], excepted: bool) -> str:
    return ("all but " if excepted else "") + ", ".join(patterns)


def _statement(role: Role, finding: Finding, *, with_text: bool) -> list[str]:
    """Where it is granted, and the statement as it is."""
    policy, statement = role.policies[finding.policy], statement_of(role, finding)
    place = f"{policy.kind} policy {policy.name}" + (f" ({policy.arn})" if policy.arn else "")
    name = statement_name(role, finding.policy, finding.statement)
    lines = [f"Granted by {place}, {name}{':' if with_text else ''}"]
    if with_text:
        text = orjson.dumps(statement, option=orjson.OPT_INDENT_2).decode()
        lines += [f"  {line}" for line in text.splitlines()]
    if finding.location:
        lines.append(f"  in {finding.location.path}:{finding.location.line}")
    if role.boundary:
        lines.append(f"  The role has a permissions boundary: {role.boundary}")
    return lines


def _bundle(finding: Finding, role: Role) -> list[str]:
    """What was used of all that the framework's bundle grants, as the report says it."""
    bundle = bundle_of(role, finding)
    if bundle is None:
        return []
    replacement = "the smaller policy of the role" if role.suggested_policy else "a policy of your own"
    use = use_of_bundle(bundle, finding.confirmed, replacement)
    nothing = ["  There is nothing to do: it does not fail, and a smaller policy is yours to choose."]
    return [
        f"Part of {bundle.framework} {bundle.name} on {bundle.target}: {use}",
        *(nothing if bundle.fits and finding.verdict in EXCESS else []),
    ]


def _verdict(role: Role, finding: Finding) -> list[str]:
    unsure = finding.verdict is Verdict.UNUSED and MAY_BE_USED.intersection(finding.reasons)
    meaning = (
        "It may have been used, though traces do not tell." if unsure else _VERDICT_HELP[finding.verdict]
    )
    lines = [f"Verdict: {finding.verdict}. {meaning}"]
    lines += [f"  {finding.why}"] if finding.why else []
    lines += [f"  Worth a look: {finding.note}"] if finding.note else []
    if statement_of(role, finding).get("Condition"):
        lines.append("  It is granted under a condition. Whether that held, traces seldom tell.")
    for used in (role.used[position] for position in finding.used):
        by = f" by {', '.join(used.workloads)}" if used.workloads else " by AWS itself"
        lines.append(f"  used: {used.action} on {used.resource}{by}")
    lines += [f"  also granted by {place_text(role, place)}" for place in finding.also_granted_by]
    lines += ["  This grant could go: the others allow all that was seen."] if finding.redundant else []
    return lines


def _reasons(finding: Finding, runs: Collection[Runs]) -> list[str]:
    if finding.confirmed:
        return []
    lines = ["Not confirmed, because:"]
    for reason in finding.reasons:
        meaning, remedy = help_for(reason, runs)
        lines += [f"  {reason}: {meaning}", f"    to remove it: {remedy}"]
    return lines


def _evidence(finding: Finding, role: Role, workloads: Iterable[Workload]) -> list[str]:
    lines = ["Workloads that use the role, and how much was seen of them:"]
    for workload in workloads:
        evidence = workload.evidence
        invocations = evidence.invocations
        total = "" if invocations is None else f" of {counted(invocations, 'invocation')}"
        lines.append(
            f"  {workload.id}: {counted(evidence.traces, 'trace')}{total}, "
            f"{counted(evidence.calls, 'call')}, last seen {evidence.last_seen or 'never'}, "
            f"last changed {evidence.last_changed or 'unknown'}"
        )
        if workload.id in role.by_version_only:
            lines.append(
                "    only a published version uses the role: its traces do not tell which version ran"
            )
    if is_over_days(finding):
        which = "each of them" if len(role.workloads) > 1 else "it"
        days = counted(finding.observed.days, "day")
        traces = counted(finding.observed.traces, "complete trace")
        lines.append(f"  Since the last change {which} was observed on {days}, in {traces}")
    if not role.workloads_complete:
        lines.append("  There may be others" + (f": {', '.join(role.trusted)}" if role.trusted else ""))
    if finding.sources:
        lines.append(f"  Beside the traces: {', '.join(finding.sources)}")
    return lines


def _calls(viewed: ViewedReport, role: Role, finding: Finding, *, everything: bool) -> list[str]:
    """The calls of the same services, which were compared with the grant, and traces to look at."""
    most_ids = None if everything else 1
    lines = [
        line
        for workload in _workloads(viewed, role)
        for source, used in (("traces", workload.used), ("CloudTrail", workload.recorded))
        for line in _calls_of(used, _Services.of(role, finding), (viewed.name(workload.id), source), most_ids)
    ]
    if not lines:
        return ["No call of these services was seen."]
    return ["Calls that were compared with it:", *lines]


def _calls_of(
    used: Iterable[UsedPermission], services: _Services, where: tuple[str, str], most_ids: int | None
) -> Iterator[str]:
    name, source = where
    for permission in used:
        if not services.name(permission.action):
            continue
        possible = "" if permission.required else "may have needed "
        unknown = "" if permission.exact else " (resource not fully known)"
        traces = f"; traces: {', '.join(permission.trace_ids[:most_ids])}" if permission.trace_ids else ""
        last = permission.last_seen or "at an unknown time"
        yield (
            f"  {name}: {possible}{permission.action} on {permission.resource}{unknown}, "
            f"{counted(permission.count, 'call')}, last {last} ({source}){traces}"
        )


@dataclass(frozen=True)
class _Services:
    """The services that a finding is about; all of them where its statement excepts some."""

    every: bool
    patterns: tuple[str, ...]

    @classmethod
    def of(cls, role: Role, finding: Finding) -> _Services:
        """The services of a finding."""
        prefixes = tuple(pattern.partition(":")[0].lower() for pattern in finding.actions)
        every = "NotAction" in statement_of(role, finding) or "*" in prefixes
        return cls(every, prefixes)

    def name(self, action: str) -> bool:
        """Whether an action is of one of them."""
        return self.every or action.partition(":")[0].lower() in self.patterns


def _denied_calls(viewed: ViewedReport, role: Role, finding: Finding) -> list[str]:
    services = _Services.of(role, finding)
    lines = [
        f"  {viewed.name(workload.id)}: {denied.action} on {denied.resource}, "
        f"{counted(denied.count, 'call')}: {denied.meaning}"
        for workload in _workloads(viewed, role)
        for denied in workload.denied
        if services.name(denied.action)
    ]
    return ["Calls that AWS denied:", *lines] if lines else []


def _accepted(finding: Finding) -> list[str]:
    lines = []
    if finding.accepted_reason is not None:
        lines.append(f"The team accepts it: {finding.accepted_reason}")
    if finding.in_baseline:
        lines.append("The baseline holds it: it does not fail the gate.")
    return lines
