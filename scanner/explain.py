"""The whole story of one finding, from report.json. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from scanner.errors import EXIT_USAGE, ScanError
from scanner.model import EXCESS
from scanner.report.schema import validate
from scanner.text.escape import counted
from scanner.verdict.reason_help import REASON_HELP
from scanner.verdict.reasons import MAY_BE_USED, Reason

Json = dict[str, Any]
_MOST_CALLS = 25

_VERDICTS = {
    "used": "It is needed as it stands.",
    "unused": "No workload that uses the role was seen to use it.",
    "broad": "Part of it was used: it allows more than that.",
    "platform": "AWS itself needs it, because of how the workload is configured.",
    "unobservable": "Traces cannot show whether it is used.",
    "ineffective": "As the policies are now it is always denied, or outside the permissions boundary.",
}


def explained(report: Any, finding_id: str) -> list[str]:
    """The story of a finding as lines of text, not escaped.

    `finding_id` may be its beginning. Raises ScanError where the report is none, or holds no such finding.
    """
    from jsonschema import ValidationError

    try:
        validate("report", report)
    except ValidationError as error:
        raise ScanError(
            f"--report is no report.json of this version: {error.message[:200]}", EXIT_USAGE
        ) from None
    found = [
        (role, finding)
        for role in report["roles"]
        for finding in role["findings"]
        if finding_id and finding["id"].startswith(finding_id)
    ]
    if len(found) != 1:
        what = f"not one but {len(found)} findings" if found else "no finding"
        raise ScanError(
            f"{what} of this report has an id that begins with {finding_id!r}: see `findings[].id`",
            EXIT_USAGE,
        )
    role, finding = found[0]
    workloads = [one for one in report["workloads"] if one["arn"] in role["workloads"]]
    return [
        *_head(role, finding),
        *_statement(role, finding),
        *_verdict(finding),
        *_reasons(finding),
        *_evidence(finding, role, workloads),
        *_calls(finding, workloads),
        *_refused(finding, workloads),
        *_what_next(finding, role),
    ]


def _head(role: Json, finding: Json) -> list[str]:
    sure = ", confirmed" if finding["confirmed"] else ", not confirmed"
    claims = finding["verdict"] in EXCESS
    lines = [
        f"{finding['id']}: {finding['verdict']}{sure if claims else ''}, severity {finding['severity']}",
        f"  {_named(finding['actions'], finding['statement']['not_action'])}",
        f"  on {_named(finding['resources'], finding['statement']['not_resource'])}",
        f"  of role {role['arn']}",
    ]
    lines += [f"  {severe['action']}: {severe['why']}" for severe in finding["severe"]]
    return lines


def _named(texts: list[str], excepted: bool) -> str:
    return ("all but " if excepted else "") + ", ".join(texts)


def _statement(role: Json, finding: Json) -> list[str]:
    """Where it is granted, and the statement as it is."""
    policy, statement = finding["policy"], finding["statement"]
    place = f"{policy['kind']} policy {policy['name']}" + (f" ({policy['arn']})" if policy["arn"] else "")
    sid = f", Sid {statement['sid']}" if statement["sid"] else ""
    lines = ["", f"Granted by {place}, statement {statement['index']}{sid}:"]
    for own in role["policies"]:
        if (own["name"], own["arn"]) == (policy["name"], policy["arn"]):
            text = orjson.dumps(own["statements"][statement["index"]], option=orjson.OPT_INDENT_2).decode()
            lines += [f"  {line}" for line in text.splitlines()]
    if role["boundary"]:
        lines.append(f"  The role has a permissions boundary: {role['boundary']}")
    return lines


def _verdict(finding: Json) -> list[str]:
    unsure = finding["verdict"] == "unused" and MAY_BE_USED.intersection(finding["reasons"])
    meaning = "It may have been used, though traces do not tell." if unsure else _VERDICTS[finding["verdict"]]
    lines = ["", f"Verdict: {finding['verdict']}. {meaning}"]
    lines += [f"  {finding['why']}"] if finding["why"] else []
    if finding["statement"]["condition"]:
        lines.append("  It is granted under a condition. Whether that held, traces seldom tell.")
    for used in finding["used"]:
        by = ", ".join(used["workloads"])
        lines.append(
            f"  used: {used['action']} on {used['resource']}" + (f" by {by}" if by else " by AWS itself")
        )
    for also in finding["also"]:
        lines.append(f"  also granted by {also['policy']}, statement {also['sid'] or also['index']}")
    lines += ["  This grant could go: the others allow all that was seen."] if finding["could_go"] else []
    return lines


def _reasons(finding: Json) -> list[str]:
    if finding["confirmed"]:
        return []
    lines = ["", "Not confirmed, because:"]
    for reason in finding["reasons"]:
        meaning, remedy = REASON_HELP[Reason(reason)]
        lines += [f"  {reason}: {meaning}", f"    to remove it: {remedy}"]
    return lines


def _evidence(finding: Json, role: Json, workloads: Iterable[Json]) -> list[str]:
    lines = ["", "Workloads that use the role, and how much was seen of them:"]
    for user in workloads:
        evidence = user["evidence"]
        ran = evidence["invocations"]
        of = "" if ran is None else f" of {counted(ran, 'invocation')}"
        seen, changed = evidence["last_seen"] or "never", evidence["last_changed"] or "unknown"
        lines.append(
            f"  {user['arn']}: {counted(evidence['traces'], 'trace')}{of}, "
            f"{counted(evidence['calls'], 'call')}, last seen {seen}, last changed {changed}"
        )
        if user["arn"] in role["by_version_only"]:
            lines.append(
                "    only a published version uses the role: its traces do not tell which version ran"
            )
    if not role["users_known"]:
        lines.append("  There may be others" + (f": {', '.join(role['trusted'])}" if role["trusted"] else ""))
    if finding["sources"]:
        lines.append(f"  Beside the traces: {', '.join(finding['sources'])}")
    return lines


def _calls(finding: Json, workloads: Iterable[Json]) -> list[str]:
    """The calls of the same services, which were compared with the grant, and traces to look at."""
    lines = []
    for user in workloads:
        for source, used in (("traces", user["used"]), ("CloudTrail", user["recorded"])):
            lines += list(_calls_of(finding, user["name"], source, used))
    if not lines:
        return ["", "No call of these services was seen."]
    more = len(lines) - _MOST_CALLS
    shown = lines[:_MOST_CALLS] + ([f"  and {more} more, see report.json"] if more > 0 else [])
    return ["", "Calls that were compared with it:", *shown]


def _calls_of(finding: Json, name: str, source: str, used: Iterable[Json]) -> Iterator[str]:
    for one in used:
        if not _is_of(one["action"], finding):
            continue
        sure = "" if one["required"] else "may have needed "
        unknown = "" if one["exact"] else " (resource not fully known)"
        traces = f"; traces: {', '.join(one['trace_ids'])}" if one["trace_ids"] else ""
        yield (
            f"  {name}: {sure}{one['action']} on {one['resource']}{unknown}, "
            f"{counted(one['count'], 'call')}, last {one['last_seen']} ({source}){traces}"
        )


def _is_of(action: str, finding: Json) -> bool:
    """Whether an action is of a service that the finding names."""
    if finding["statement"]["not_action"]:
        return True
    prefix = action.partition(":")[0].lower()
    return any(a == "*" or a.partition(":")[0].lower() in (prefix, "*") for a in finding["actions"])


def _refused(finding: Json, workloads: Iterable[Json]) -> list[str]:
    lines = [
        f"  {user['name']}: {denied['action']} on {denied['resource']}, {counted(denied['count'], 'call')}: "
        f"{denied['meaning']}"
        for user in workloads
        for denied in user["denied"]
        if _is_of(denied["action"], finding)
    ]
    return ["", "Calls that AWS refused:", *lines] if lines else []


def _what_next(finding: Json, role: Json) -> list[str]:
    lines = []
    if finding["ignored"] is not None:
        lines.append(f"The team accepts it: {finding['ignored']}")
    if finding["known"]:
        lines.append("The baseline holds it: it does not fail the gate.")
    if finding["remedy"] and not role["suggested_policy"]:
        lines += [
            "There is no suggested policy for this role.",
            *(f"  {line}" for line in role["objections"]),
        ]
    elif finding["remedy"] == "replace":
        lines.append(
            "The policy is AWS's own and cannot be edited: replace it by `suggested_policy` of the role."
        )
    elif finding["remedy"] == "edit":
        lines.append("What to put in its place: `suggested_policy` of the role in the report.")
    return ["", *lines] if lines else []
