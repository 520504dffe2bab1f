"""The whole story of one finding, from report.json. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import orjson

from scanner.errors import EXIT_USAGE, ScanError
from scanner.model import EXCESS, Verdict
from scanner.report.records import SCHEMA_VERSION, Finding, Report, Role, UsedPermission, Workload
from scanner.report.view.bundle_words import use_of_bundle
from scanner.text.escape import counted
from scanner.verdict.reason_help import REASON_HELP
from scanner.verdict.reasons import MAY_BE_USED

_MOST_CALLS = 25

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


def explained(document: Any, finding_id: str) -> list[str]:
    """The story of a finding as lines of text, not escaped.

    `document` is the parsed report.json; `finding_id` may be the beginning of the id of any of its grants.
    Raises ScanError where the document is no report that this version can read, or holds no such finding.
    """
    report = report_of(document)
    role, finding = _finding(report, finding_id)
    workloads = [workload for workload in report.workloads if workload.arn in role.workloads]
    return [
        *_head(role, finding),
        *_statement(role, finding),
        *_bundle(finding, role),
        *_verdict(finding),
        *_reasons(finding),
        *_evidence(finding, role, workloads),
        *_calls(finding, workloads),
        *_denied_calls(finding, workloads),
        *_what_next(finding, role),
    ]


def report_of(document: Any) -> Report:
    """A parsed report.json as a record; keys that this version does not know are passed over.

    Raises ScanError where the document is something else, or was written by another version.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise ScanError(
            f"--report was written by another version: its `schema_version` is {version}, and this version "
            f"reads {SCHEMA_VERSION}",
            EXIT_USAGE,
        )
    try:
        return msgspec.convert(document, Report)
    except msgspec.ValidationError as error:
        problem = str(error).replace("\n", " ")[:200]
        raise ScanError(
            f"--report is no report.json, or was written by another version: {problem}", EXIT_USAGE
        ) from None


def _finding(report: Report, finding_id: str) -> tuple[Role, Finding]:
    """The only finding whose id begins so, and its role. Raises ScanError where there is not one."""
    matching = [
        (role, finding)
        for role in report.roles
        for finding in role.findings
        if finding_id and any(id_.startswith(finding_id) for id_ in (finding.id, *finding.grant_ids))
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        problem = f"not one but {len(matching)} findings of this report have an id that begins with"
        raise ScanError(f"{problem} {finding_id!r}: see `findings[].id`", EXIT_USAGE)
    raise ScanError(
        f"no finding of this report has an id that begins with {finding_id!r}: see `findings[].id`. Ids "
        "changed once, before 0.1.0: one of an earlier report is found in that report only",
        EXIT_USAGE,
    )


def _head(role: Role, finding: Finding) -> list[str]:
    confirmed = ", confirmed" if finding.confirmed else ", not confirmed"
    claims_excess = finding.verdict in EXCESS
    return [
        f"{finding.id}: {finding.verdict}{confirmed if claims_excess else ''}, severity {finding.severity}",
        f"  {_listed(finding.actions, finding.statement.not_action)}",
        f"  on {_listed(finding.resources, finding.statement.not_resource)}",
        f"  of role {role.arn}",
        *(f"  {severe.action}: {severe.why}" for severe in finding.severe),
    ]


def _listed(patterns: Sequence[str], excepted: bool) -> str:
    return ("all but " if excepted else "") + ", ".join(patterns)


def _statement(role: Role, finding: Finding) -> list[str]:
    """Where it is granted, and the statement as it is."""
    policy, statement = finding.policy, finding.statement
    place = f"{policy.kind} policy {policy.name}" + (f" ({policy.arn})" if policy.arn else "")
    sid = f", Sid {statement.sid}" if statement.sid else ""
    lines = ["", f"Granted by {place}, statement {statement.index}{sid}:"]
    for candidate in role.policies:
        if (candidate.name, candidate.arn) == (policy.name, policy.arn):
            for document in candidate.statements[statement.index : statement.index + 1]:
                text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
                lines += [f"  {line}" for line in text.splitlines()]
    if role.boundary:
        lines.append(f"  The role has a permissions boundary: {role.boundary}")
    return lines


def _bundle(finding: Finding, role: Role) -> list[str]:
    """What was used of all that the framework's bundle grants, as the report says it."""
    bundle = finding.bundle
    if bundle is None:
        return []
    replacement = "`suggested_policy` of the role" if role.suggested_policy else "a policy of your own"
    use = use_of_bundle(bundle, finding.confirmed, replacement)
    return ["", f"Part of {bundle.framework} {bundle.name} on {bundle.target}: {use}"]


def _verdict(finding: Finding) -> list[str]:
    unsure = finding.verdict is Verdict.UNUSED and MAY_BE_USED.intersection(finding.reasons)
    meaning = (
        "It may have been used, though traces do not tell." if unsure else _VERDICT_HELP[finding.verdict]
    )
    lines = ["", f"Verdict: {finding.verdict}. {meaning}"]
    lines += [f"  {finding.why}"] if finding.why else []
    lines += [f"  Worth a look: {finding.note}"] if finding.note else []
    if finding.statement.condition:
        lines.append("  It is granted under a condition. Whether that held, traces seldom tell.")
    for used in finding.used:
        by = f" by {', '.join(used.workloads)}" if used.workloads else " by AWS itself"
        lines.append(f"  used: {used.action} on {used.resource}{by}")
    lines += [f"  also granted by {also.policy}, statement {also.sid or also.index}" for also in finding.also]
    lines += ["  This grant could go: the others allow all that was seen."] if finding.could_go else []
    return lines


def _reasons(finding: Finding) -> list[str]:
    if finding.confirmed:
        return []
    lines = ["", "Not confirmed, because:"]
    for reason in finding.reasons:
        meaning, remedy = REASON_HELP[reason]
        lines += [f"  {reason}: {meaning}", f"    to remove it: {remedy}"]
    return lines


def _evidence(finding: Finding, role: Role, workloads: Iterable[Workload]) -> list[str]:
    lines = ["", "Workloads that use the role, and how much was seen of them:"]
    for workload in workloads:
        evidence = workload.evidence
        invocations = evidence.invocations
        total = "" if invocations is None else f" of {counted(invocations, 'invocation')}"
        lines.append(
            f"  {workload.arn}: {counted(evidence.traces, 'trace')}{total}, "
            f"{counted(evidence.calls, 'call')}, last seen {evidence.last_seen or 'never'}, "
            f"last changed {evidence.last_changed or 'unknown'}"
        )
        if workload.arn in role.by_version_only:
            lines.append(
                "    only a published version uses the role: its traces do not tell which version ran"
            )
    if not role.users_known:
        lines.append("  There may be others" + (f": {', '.join(role.trusted)}" if role.trusted else ""))
    if finding.sources:
        lines.append(f"  Beside the traces: {', '.join(finding.sources)}")
    return lines


def _calls(finding: Finding, workloads: Iterable[Workload]) -> list[str]:
    """The calls of the same services, which were compared with the grant, and traces to look at."""
    lines = [
        line
        for workload in workloads
        for source, used in (("traces", workload.used), ("CloudTrail", workload.recorded))
        for line in _calls_of(finding, workload.name, source, used)
    ]
    if not lines:
        return ["", "No call of these services was seen."]
    more = len(lines) - _MOST_CALLS
    rest = [f"  and {more} more, see report.json"] if more > 0 else []
    return ["", "Calls that were compared with it:", *lines[:_MOST_CALLS], *rest]


def _calls_of(finding: Finding, name: str, source: str, used: Iterable[UsedPermission]) -> Iterator[str]:
    for permission in used:
        if not _names_service(finding, permission.action):
            continue
        possible = "" if permission.required else "may have needed "
        unknown = "" if permission.exact else " (resource not fully known)"
        traces = f"; traces: {', '.join(permission.trace_ids)}" if permission.trace_ids else ""
        last = permission.last_seen or "at an unknown time"
        yield (
            f"  {name}: {possible}{permission.action} on {permission.resource}{unknown}, "
            f"{counted(permission.count, 'call')}, last {last} ({source}){traces}"
        )


def _names_service(finding: Finding, action: str) -> bool:
    """Whether an action is of a service that the finding names."""
    if finding.statement.not_action:
        return True
    prefix = action.partition(":")[0].lower()
    return any(
        pattern == "*" or pattern.partition(":")[0].lower() in (prefix, "*") for pattern in finding.actions
    )


def _denied_calls(finding: Finding, workloads: Iterable[Workload]) -> list[str]:
    lines = [
        f"  {workload.name}: {denied.action} on {denied.resource}, {counted(denied.count, 'call')}: "
        f"{denied.meaning}"
        for workload in workloads
        for denied in workload.denied
        if _names_service(finding, denied.action)
    ]
    return ["", "Calls that AWS denied:", *lines] if lines else []


def _what_next(finding: Finding, role: Role) -> list[str]:
    lines = []
    if finding.ignored is not None:
        lines.append(f"The team accepts it: {finding.ignored}")
    if finding.known:
        lines.append("The baseline holds it: it does not fail the gate.")
    if finding.remedy and not role.suggested_policy:
        lines += [
            "There is no suggested policy for this role.",
            *(f"  {line}" for line in role.objections),
        ]
    elif finding.remedy == "replace":
        lines.append(
            "The policy is AWS's own and cannot be edited: replace it by `suggested_policy` of the role."
        )
    elif finding.remedy == "edit":
        lines.append("What to put in its place: `suggested_policy` of the role in the report.")
    return ["", *lines] if lines else []
