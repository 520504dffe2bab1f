"""What a scan found -> the report documents, as plain JSON data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scanner.confirm import Standard, evidence_reasons
from scanner.findings import users_of
from scanner.model import EXCESS, Evidence, Finding, Permission, Role, Seen, Unmapped, Usage
from scanner.scan import Request, Scanned, ScannedRole, is_wanted
from scanner.suggest import usage_policy
from scanner.traces.segments import kind_of, name_of

SCHEMA_VERSION = 1
Json = dict[str, Any]

_UNSAFE_IN_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
_MAX_FILE_NAME = 100


def report(scanned: Scanned, request: Request) -> Json:
    """report.json: the whole truth."""
    usages = {usage.workload: usage for usage in scanned.usages}
    unattributed = usages.get(None)
    return {
        "schema_version": SCHEMA_VERSION,
        "scan": _scan(scanned, request),
        "workloads": [
            _workload(arn, usages.get(arn), scanned, request.standard) for arn in _workloads(scanned)
        ],
        "unattributed": {
            "calls": unattributed.evidence.calls if unattributed else 0,
            "used": _used(unattributed.used) if unattributed else [],
            "unmapped": _unmapped(unattributed.unmapped) if unattributed else [],
        },
        "roles": [_role(scanned_role) for scanned_role in scanned.roles],
    }


def excessive_permissions(scanned: Scanned, request: Request) -> list[Json]:
    """excessive_permissions.json: one entry for each workload whose role holds more than it needs."""
    entries: list[Json] = []
    for scanned_role in scanned.roles:
        statements = [_statement(f) for f in scanned_role.findings if f.verdict in EXCESS]
        if not statements:
            continue
        entries.extend(
            {"arn": arn, "role": scanned_role.role.arn, "excessPermissions": statements}
            for arn in scanned_role.role.users
            if is_wanted(arn, request.workloads)
        )
    return sorted(entries, key=lambda entry: str(entry["arn"]))


def workload_policies(scanned: Scanned) -> dict[str, Json]:
    """File name -> the policy that allows what a workload was seen to use, for each workload seen."""
    policies: dict[str, Json] = {}
    taken: set[str] = set()
    for usage in scanned.usages:
        if usage.workload is None:
            continue
        stem = _UNSAFE_IN_FILE_NAME.sub("_", name_of(usage.workload))[:_MAX_FILE_NAME].lstrip(".") or "_"
        name, number = stem, 1
        while name.lower() in taken:  # some file systems tell no case
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        policies[f"{name}.policy.json"] = usage_policy(usage)
    return policies


def iso(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601 UTC; None for what no calendar holds."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def _scan(scanned: Scanned, request: Request) -> Json:
    accounts = {usage.workload.split(":")[4] for usage in scanned.usages if usage.workload}
    skipped = scanned.skipped
    return {
        "source": scanned.source,
        "start": iso(scanned.start),
        "end": iso(scanned.end),
        "filter": request.filter,
        "regions": list(scanned.regions),
        "account": accounts.pop() if len(accounts) == 1 else None,
        "traces": scanned.traces,
        "documents": scanned.documents,
        "calls": scanned.calls,
        "skipped": {
            "documents": skipped.documents,
            "calls": skipped.calls,
            "traces_truncated": skipped.traces_truncated,
            "traces_unprocessed": skipped.traces_unprocessed,
            "traces_partial": skipped.traces_partial,
            "windows": skipped.windows,
        },
        "warnings": [{"code": w.code, "message": w.message, "count": w.count} for w in scanned.warnings],
    }


def _workloads(scanned: Scanned) -> list[str]:
    """Every workload that was seen, and every one that shares a role with them."""
    seen = {usage.workload for usage in scanned.usages if usage.workload}
    sharers = {arn for scanned_role in scanned.roles for arn in scanned_role.role.users}
    return sorted(seen | sharers)


def _workload(arn: str, usage: Usage | None, scanned: Scanned, standard: Standard) -> Json:
    function = scanned.functions.get(arn)
    evidence = usage.evidence if usage else Evidence()
    own = Role(arn="", name="", users=(arn,))
    user = users_of(own, None, {arn: evidence}, scanned.functions)[0]
    return {
        "arn": arn,
        "kind": kind_of(arn),
        "name": name_of(arn),
        "role": function.role if function else None,
        "evidence": {
            "traces": evidence.traces,
            "incomplete_traces": evidence.incomplete_traces,
            "calls": evidence.calls,
            "first_seen": iso(evidence.first_seen),
            "last_seen": iso(evidence.last_seen),
            "last_changed": iso(user.changed),
            "auto_instrumented": evidence.auto_instrumented is not None,
            "reasons": sorted(evidence_reasons(user, standard)),
        },
        "used": _used(usage.used) if usage else [],
        "denied": [
            {"action": d.action, "resource": d.resource, "count": d.count, "message": d.message}
            for d in (usage.denied if usage else ())
        ],
        "unmapped": _unmapped(usage.unmapped) if usage else [],
    }


def _used(used: Mapping[Permission, Seen]) -> list[Json]:
    return [
        {
            "action": permission.action,
            "resource": permission.resource,
            "exact": permission.exact,
            "required": permission.required,
            "count": seen.count,
            "traces": seen.traces,
            "first_seen": iso(seen.first_seen),
            "last_seen": iso(seen.last_seen),
        }
        for permission, seen in used.items()
    ]


def _unmapped(unmapped: Mapping[Unmapped, int]) -> list[Json]:
    return [
        {"service": u.service, "operation": u.operation, "count": count, "reason": u.reason}
        for u, count in unmapped.items()
    ]


def _role(scanned_role: ScannedRole) -> Json:
    role = scanned_role.role
    return {
        "arn": role.arn,
        "name": role.name,
        "workloads": list(role.users),
        "users_known": role.users_known,
        "readable": role.readable,
        "missing_permissions": list(role.missing_permissions),
        "problems": list(role.problems),
        "findings": [_finding(finding) for finding in scanned_role.findings],
        "suggested_policy": scanned_role.suggestion,
    }


def _finding(finding: Finding) -> Json:
    policy, statement = finding.policy, finding.statement
    return {
        "id": finding.id,
        "verdict": finding.verdict,
        "confirmed": finding.confirmed,
        "reasons": list(finding.reasons),
        "severity": finding.severity,
        "workload": finding.workload,
        "policy": {"name": policy.name, "arn": policy.arn, "kind": policy.kind},
        "statement": {
            "index": statement.index,
            "sid": statement.sid,
            "not_action": statement.not_actions,
            "not_resource": statement.not_resources,
        },
        "actions": list(finding.actions),
        "resources": list(finding.resources),
        "used": [{"action": action, "resource": resource} for action, resource in finding.used],
    }


def _statement(finding: Finding) -> Json:
    statement = finding.statement
    resources = finding.resources
    return {
        "NotAction" if statement.not_actions else "Action": list(finding.actions),
        "NotResource" if statement.not_resources else "Resource": _one_or_many(resources),
        "Effect": "Allow",
        **({"Sid": statement.sid} if statement.sid else {}),
        **({"Condition": statement.condition} if statement.condition else {}),
        "Verdict": finding.verdict,
        "Confirmed": finding.confirmed,
        "Reasons": list(finding.reasons),
        "Used": [{"Action": action, "Resource": resource} for action, resource in finding.used],
    }


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
