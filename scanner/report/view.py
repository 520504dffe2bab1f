"""What the terminal and the Markdown show, in the order in which they show it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scanner.iam.severity import SEVERITY_LEVELS
from scanner.mapping.access_denied import DENIAL_HELP, DenialCause
from scanner.model import EXCESS, Finding, ScanWarning, Used, Verdict
from scanner.model.workloads import workload_name
from scanner.records.aws_records import CLOUDTRAIL, LAST_ACCESSED
from scanner.report.build import iso
from scanner.request import ScanRequest, is_selected
from scanner.result import RoleResult, ScanResult
from scanner.suggest.edits import edits
from scanner.text.diff import diff_lines
from scanner.text.escape import counted
from scanner.text.redact import NOTHING_HIDDEN, Redaction
from scanner.usage.builder import KEPT_STARTS
from scanner.usage.evidence import workload_evidence
from scanner.verdict.reason_help import REASON_HELP
from scanner.verdict.reasons import MAY_BE_USED, ORDER, Reason

_SOME = 4
_MOST_DANGERS = 12
_SOURCES = {LAST_ACCESSED: "IAM's last-accessed data", CLOUDTRAIL: "CloudTrail"}


@dataclass(frozen=True)
class Row:
    """A finding in a table. `who` are the workloads, `what` says what is granted and not needed."""

    finding: Finding
    who: str
    actions: str
    resources: str
    claim: str
    severity: str
    evidence: str
    confirmed: bool


@dataclass(frozen=True)
class Suggestion:
    """A role whose policies can be made smaller: the edits of single statements, and the whole policy.

    An edit is (name of the policy, whether it is AWS's own, difference as lines that begin with `-`, `+` or a
    space). `policies` are JSON texts: one, or several that fit where one does not. `role` is the role's ARN.
    """

    role: str
    who: str
    edits: Sequence[tuple[str, bool, str]]
    policies: Sequence[str]


@dataclass(frozen=True)
class View:
    """All that is shown of a scan. Texts are not yet escaped.

    `others` are findings that fail the gate though they are no excess. `sampled` are (who, traces,
    invocations). `dangers` are (action, what an attacker gains) of what is excessive. `twice` are (who,
    actions, resources, where they stand, where else). `denied` are (who, action, resource, number, what it
    means), `elsewhere` the same, whether a policy denies it the last. `offered` are (who, policy as JSON
    text).
    """

    headline: str
    facts: str
    others: Sequence[Row]
    confirmed: Sequence[Row]
    unconfirmed: Sequence[Row]
    reasons: Sequence[tuple[str, str, str]]
    suggestions: Sequence[Suggestion]
    unobservable: Sequence[Row]
    ineffective: Sequence[Row]
    sampled: Sequence[tuple[str, str, str]]
    accepted: Sequence[Row]
    accepted_facts: Sequence[str]
    twice: Sequence[tuple[str, str, str, str, str]]
    dangers: Sequence[tuple[str, str]]
    workloads: Sequence[tuple[str, int, int, int, int | None]]
    denied: Sequence[tuple[str, str, str, int, str]]
    elsewhere: Sequence[tuple[str, str, str, int, bool]]
    offered: Sequence[tuple[str, str]]
    unmapped: Sequence[tuple[str, str, str, int]]
    warnings: Sequence[str]


def view_of(
    result: ScanResult, request: ScanRequest, hide: Redaction = NOTHING_HIDDEN, also: Collection[str] = ()
) -> View:
    """Arrange a scan for reading: the worst first.

    `hide` takes out what must not be shown. `also` are ids of findings that fail the gate.
    """
    rows = [
        _row(finding, role_result, result, request, hide)
        for role_result in result.roles
        for finding in role_result.findings
        if finding.verdict in (*EXCESS, Verdict.UNOBSERVABLE, Verdict.INEFFECTIVE)
    ]
    rows.sort(
        key=lambda row: (
            not row.confirmed,
            SEVERITY_LEVELS.index(row.finding.severity),
            row.who,
            row.finding.id,
        )
    )
    traces = {usage.workload: usage.evidence.traces for usage in result.traced.usages}
    accepted = [row for row in rows if row.finding.accepted]
    rows = [row for row in rows if not row.finding.accepted]
    excess = [row for row in rows if row.finding.verdict in EXCESS]
    others = [row for row in rows if row.finding.id in also and row.finding.verdict not in EXCESS]
    place = {row.finding.role: at for at, row in reversed(list(enumerate([*excess])))}
    reasons = sorted({r for row in excess for r in row.finding.reasons}, key=lambda r: ORDER[Reason(r)])
    return View(
        headline=_headline(result, request),
        facts=_facts(result),
        others=others,
        confirmed=[row for row in excess if row.confirmed],
        unconfirmed=[row for row in excess if not row.confirmed],
        reasons=[(reason, *REASON_HELP[Reason(reason)]) for reason in reasons],
        suggestions=[
            _suggestion(s, request, hide)
            for s in sorted(result.roles, key=lambda s: place.get(s.role.arn, 0))
            if s.suggestion and (_is_excessive(s, confirmed=False) or any(f.redundant for f in s.findings))
        ],
        unobservable=[
            row for row in rows if row.finding.verdict is Verdict.UNOBSERVABLE and row.finding.id not in also
        ],
        ineffective=[
            row for row in rows if row.finding.verdict is Verdict.INEFFECTIVE and row.finding.id not in also
        ],
        sampled=[
            (hide.text(workload_name(arn)), counted(traces.get(arn, 0), "trace"), counted(ran, "invocation"))
            for arn, ran in sorted(result.invocations.items())
        ],
        accepted=accepted,
        accepted_facts=[hide.text(line) for line in _accepted_facts(result, request)],
        dangers=_dangers(excess),
        twice=[line for s in result.roles for line in _twice(s, request, hide)],
        workloads=[
            (
                hide.text(workload_name(u.workload)),
                u.evidence.traces,
                u.evidence.calls,
                sum(need.required for need in u.used),
                result.invocations.get(u.workload),
            )
            for u in result.traced.usages
            if u.workload
        ],
        denied=[
            (
                hide.text(workload_name(u.workload or "no workload")),
                d.action,
                hide.resource(d.resource),
                d.count,
                DENIAL_HELP[DenialCause(d.cause)],
            )
            for u in result.traced.usages
            for d in u.denied
        ],
        elsewhere=[
            (
                hide.text(workload_name(one.workload)),
                one.action,
                hide.resource(one.resource),
                one.calls,
                one.denied,
            )
            for s in result.roles
            for one in s.allowed_elsewhere
        ],
        offered=[
            (hide.text(_who(s, request)), _json(hide.policy(s.policy_for_denied)))
            for s in result.roles
            if s.policy_for_denied
        ],
        unmapped=[
            (hide.text(u.service), hide.text(u.operation), u.reason, count)
            for usage in result.traced.usages
            for u, count in usage.unmapped.items()
        ],
        warnings=[hide.text(_warning(w)) for w in result.warnings],
    )


def _dangers(excess: Iterable[Row]) -> list[tuple[str, str]]:
    """What an attacker would gain: a grant of everything does not hide what the others are about."""
    found = sorted((len(row.finding.severe), danger) for row in excess for danger in row.finding.severe)
    every = list(dict.fromkeys(danger for _, danger in found))
    more = len(every) - _MOST_DANGERS
    return every if more <= 0 else [*every[:_MOST_DANGERS], (f"{more} more", "see `severe` in report.json")]


def _json(value: Any) -> str:
    """JSON text. What could be a tag is escaped as JSON has it: it may be shown as HTML."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().replace("<", "\\u003c")


def _accepted_facts(result: ScanResult, request: ScanRequest) -> list[str]:
    """What the team's rules and the baseline have to do with this scan, a line each."""
    rules, against = result.rules, result.against_baseline
    lines = [*rules.failures(request.config_name), *rules.notes(request.config_name)]
    lines += [
        f"{request.config_name}:{rule.line}: accepts {counted(count, 'grant')}: {rule.reason}"
        + (f" (until {rule.expires})" if rule.expires else "")
        for rule, count in rules.hiding
    ]
    if against is not None:
        lines.append(
            f"against the baseline: {counted(len(against.new), 'new grant')}, {len(against.known)} known, "
            f"{len(against.fixed)} fixed"
        )
        lines += [
            f"fixed: {entry.action} on {entry.resource} of {entry.role} ({entry.policy}): run with "
            "--update-baseline to forget it"
            for entry in against.fixed
        ]
    return lines


def _twice(
    role_result: RoleResult, request: ScanRequest, hide: Redaction
) -> list[tuple[str, str, str, str, str]]:
    """The grants that the role does not need, as others allow the same."""
    return [
        (
            hide.text(_who(role_result, request)),
            _some(finding.actions),
            _some(short(hide.resource(r)) for r in finding.resources),
            hide.text(_place(finding.policy.name, finding.statement.index, finding.statement.sid)),
            hide.text(
                _some(_place(place.policy, place.statement, place.sid) for place in finding.also_granted_by)
            ),
        )
        for finding in role_result.findings
        if finding.redundant
    ]


def _place(policy: str, index: int, sid: str | None) -> str:
    return f"{policy}, statement {sid or index}"


def _warning(warning: ScanWarning) -> str:
    told = warning.count == 1 or warning.message[:1].isdigit()
    return warning.message if told else f"{warning.message} ({warning.count:,} times)"


def _suggestion(role_result: RoleResult, request: ScanRequest, hide: Redaction) -> Suggestion:
    changed = [
        (
            hide.text(edit.policy),
            edit.managed_by_aws,
            _difference(hide.policy(edit.before), hide.policy(edit.after)),
        )
        for edit in edits(role_result.role, role_result.assessments)
    ]
    suggestion = role_result.suggestion
    policies = suggestion.parts or (suggestion.policy,) if suggestion else ()
    texts = [_json(hide.policy(policy)) for policy in policies]
    return Suggestion(role_result.role.arn, hide.text(_who(role_result, request)), changed, texts)


def _difference(before: dict[str, Any], after: Sequence[dict[str, Any]]) -> str:
    """What changes in a statement, line by line, with all of its lines."""
    old = _lines(before)
    new = [line for statement in after for line in _lines(statement)]
    return "\n".join(diff_lines(old, new, context=len(old))[1:])  # without the place


def _lines(statement: dict[str, Any]) -> list[str]:
    return _json(statement).splitlines()


def _row(
    finding: Finding, role_result: RoleResult, result: ScanResult, request: ScanRequest, hide: Redaction
) -> Row:
    return Row(
        finding=finding,
        who=hide.text(_who(role_result, request)),
        actions=_some(finding.actions, "all but " if finding.statement.not_actions else ""),
        resources=_some(
            [short(hide.resource(r)) for r in finding.resources],
            "all but " if finding.statement.not_resources else "",
        )
        + _condition(finding, hide),
        claim=_claim(finding, role_result, hide) + _remedy(finding, hide),
        severity=finding.severity,
        evidence=_evidence(finding, role_result, result, hide),
        confirmed=finding.confirmed,
    )


def _who(role_result: RoleResult, request: ScanRequest) -> str:
    names = [workload_name(arn) for arn in role_result.role.workloads if is_selected(arn, request.workloads)]
    return _some(names) or role_result.role.name


def _condition(finding: Finding, hide: Redaction) -> str:
    """The keys of a grant's condition: whether it held, traces seldom tell."""
    blocks = (finding.statement.condition or {}).values()
    keys = sorted({str(key) for block in blocks if isinstance(block, Mapping) for key in block})
    return f" (if {hide.text(_some(keys))} fits)" if keys else ""


def _remedy(finding: Finding, hide: Redaction) -> str:
    """What AWS manages cannot be edited."""
    if finding.remedy != "replace":
        return ""
    return f"; {hide.text(finding.policy.name)} is AWS's own: replace it"


def _claim(finding: Finding, role_result: RoleResult, hide: Redaction) -> str:
    if finding.verdict is Verdict.UNOBSERVABLE:
        return hide.text(finding.why) or "traces cannot show it"
    if finding.verdict is Verdict.INEFFECTIVE:
        return "always denied, or outside the permissions boundary: it can go"
    if finding.verdict is not Verdict.BROAD:
        said = "not surely used" if MAY_BE_USED.intersection(finding.reasons) else "never used"
        return f"{said}; {hide.text(finding.why)}" if finding.why else said
    shared = len(role_result.role.workloads) > 1
    return "only used: " + _some([_used(used, hide, shared=shared) for used in finding.used])


def _used(used: Used, hide: Redaction, *, shared: bool) -> str:
    by = _some(hide.text(workload_name(arn)) for arn in used.workloads) if shared else ""
    return f"{used.action} on {short(hide.resource(used.resource))}" + (f" by {by}" if by else "")


def _evidence(finding: Finding, role_result: RoleResult, result: ScanResult, hide: Redaction) -> str:
    if finding.ignored is not None:
        return hide.text(f"accepted: {finding.ignored}")
    if finding.known:
        return "in the baseline"
    if finding.verdict not in EXCESS:
        return "not observable" if finding.verdict is Verdict.UNOBSERVABLE else "as the policies are now"
    if not finding.confirmed:
        return ", ".join(finding.reasons)
    evidence = {u.workload: u.evidence for u in result.traced.usages if u.workload}
    workloads = workload_evidence(role_result.role, finding.policy, evidence, result.workloads)
    newer = sum(start > user.changed for user in workloads for start in user.evidence.newest_complete)
    more = any(len(user.evidence.newest_complete) >= KEPT_STARTS for user in workloads)
    seen = counted(newer, "trace") + (" or more" if more else "")
    return " and ".join([seen, *(_SOURCES[source] for source in finding.sources)])


def short(resource: str) -> str:
    """A resource ARN less what every one of them has: `table/notes`."""
    fields = resource.split(":", 5)
    return fields[5] if len(fields) == 6 and fields[5] != "*" else resource


def _headline(result: ScanResult, request: ScanRequest) -> str:
    if not request.compare:
        workloads = sum(1 for usage in result.traced.usages if usage.workload)
        return f"{counted(workloads, 'workload')} seen; nothing was compared (that is -c)"
    readable = [s for s in result.roles if s.role.readable or s.findings]
    functions = _functions(readable, request)
    guilty = _functions([s for s in readable if _is_excessive(s, confirmed=True)], request)
    doubtful = sum(f.verdict in EXCESS and not f.accepted for f in result.findings)
    accepted = sum(f.verdict in EXCESS and f.accepted for f in result.findings)
    unread = sum(1 for s in result.roles if not s.role.readable)
    if not functions:
        said = "Nothing could be compared"
    elif guilty:
        verb = "holds" if len(guilty) == 1 else "hold"
        of = counted(len(functions), "function")
        said = f"{len(guilty)} of {of} {verb} permissions that were never used"
    elif doubtful:
        said = f"Nothing confirmed in {counted(len(functions), 'function')}: {counted(doubtful, 'doubt')}"
    else:
        said = f"{counted(len(functions), 'function')}: no excessive permission found"
        said += f" beside {counted(accepted, 'finding')} that the team accepts" if accepted else ""
    return said + (f"; {counted(unread, 'role')} not wholly readable" if unread else "")


def _functions(roles: Iterable[RoleResult], request: ScanRequest) -> set[str]:
    return {arn for s in roles for arn in s.role.workloads if is_selected(arn, request.workloads)}


def _is_excessive(role_result: RoleResult, *, confirmed: bool) -> bool:
    return any(
        f.verdict in EXCESS and f.confirmed >= confirmed and not f.accepted for f in role_result.findings
    )


def _facts(result: ScanResult) -> str:
    start, end = iso(result.traced.start), iso(result.traced.end)
    time = f"{start[:16].replace('T', ' ')} to {end[:16].replace('T', ' ')} UTC" if start and end else ""
    parts = [
        counted(result.traced.traces, "trace"),
        counted(result.traced.calls, "AWS call"),
        time,
        ", ".join(result.traced.regions),
    ]
    return ", ".join(part for part in parts if part)


def _some(texts: Iterable[str], before: str = "") -> str:
    """A few of the texts, and how many more there are."""
    listed = list(dict.fromkeys(texts))
    more = len(listed) - _SOME
    shown = listed if more <= 1 else listed[:_SOME]
    return before + ", ".join(shown) + (f" and {more} more" if more > 1 else "")
