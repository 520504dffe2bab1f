"""What a scan found -> the report documents, as plain JSON data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scanner.mapping.access_denied import DENIAL_HELP, DenialCause
from scanner.model import EXCESS, Denied, Evidence, Finding, Need, Observation, Role, Unmapped, Usage
from scanner.model.workloads import workload_kind, workload_name
from scanner.request import ScanRequest, is_wanted
from scanner.result import RoleResult, ScanResult
from scanner.suggest.policy import spelled, usage_policy
from scanner.usage.evidence import workload_evidence
from scanner.verdict.reasons import evidence_reasons

SCHEMA_VERSION = 1
Json = dict[str, Any]

_UNSAFE_IN_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
_MAX_FILE_NAME = 100


def report(result: ScanResult, request: ScanRequest) -> Json:
    """report.json: the whole truth."""
    usages = {usage.workload: usage for usage in result.usages}
    unattributed = usages.get(None)
    return {
        "schema_version": SCHEMA_VERSION,
        "scan": _scan(result, request),
        "workloads": [_workload(arn, usages.get(arn), result, request) for arn in _workloads(result)],
        "unattributed": {
            "calls": unattributed.evidence.calls if unattributed else 0,
            "used": _used(unattributed.used) if unattributed else [],
            "unmapped": _unmapped(unattributed.unmapped) if unattributed else [],
        },
        "roles": [_role(role_result) for role_result in result.roles],
        "accepted": _accepted(result),
    }


def excessive_permissions(result: ScanResult, request: ScanRequest) -> list[Json]:
    """excessive_permissions.json: one entry for each workload whose role holds more than it needs."""
    entries: list[Json] = []
    for role_result in result.roles:
        statements = [_statement(f) for f in role_result.findings if f.verdict in EXCESS and not f.accepted]
        if not statements:
            continue
        entries.extend(
            {"arn": arn, "role": role_result.role.arn, "excessPermissions": statements}
            for arn in role_result.role.workloads
            if is_wanted(arn, request.workloads)
        )
    return sorted(entries, key=lambda entry: str(entry["arn"]))


def workload_policies(result: ScanResult) -> dict[str, Json]:
    """File name -> the policy that allows what a workload was seen to use, for each workload seen."""
    policies: dict[str, Json] = {}
    taken: set[str] = set()
    for usage in result.usages:
        if usage.workload is None:
            continue
        stem = (
            _UNSAFE_IN_FILE_NAME.sub("_", workload_name(usage.workload))[:_MAX_FILE_NAME].lstrip(".") or "_"
        )
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


def _scan(result: ScanResult, request: ScanRequest) -> Json:
    accounts = {usage.workload.split(":")[4] for usage in result.usages if usage.workload}
    skipped = result.skipped
    return {
        "source": result.source,
        "start": iso(result.start),
        "end": iso(result.end),
        "filter": request.filter,
        "regions": list(result.regions),
        "evidence": sorted(request.evidence),
        "account": accounts.pop() if len(accounts) == 1 else None,
        "traces": result.traces,
        "documents": result.documents,
        "calls": result.calls,
        "skipped": {
            "documents": skipped.documents,
            "calls": skipped.calls,
            "traces_truncated": skipped.traces_truncated,
            "traces_unprocessed": skipped.traces_unprocessed,
            "traces_partial": skipped.traces_partial,
            "windows": skipped.windows,
        },
        "warnings": [{"code": w.code, "message": w.message, "count": w.count} for w in result.warnings],
    }


def _accepted(result: ScanResult) -> Json:
    """What the team accepts: its rules, and the baseline."""
    rules, against = result.rules, result.against_baseline
    states = (
        *(("hiding", rule, count) for rule, count in rules.hiding),
        *(("expired", rule, count) for rule, count in rules.expired),
        *(("idle", rule, 0) for rule in rules.idle),
    )
    return {
        "rules": [
            {
                "line": rule.line,
                "state": state,
                "grants": count,
                "reason": rule.reason,
                "owner": rule.owner,
                "expires": rule.expires.isoformat() if rule.expires else None,
            }
            for state, rule, count in sorted(states, key=lambda item: item[1].line)
        ],
        "baseline": None
        if against is None
        else {
            "known": len(against.known),
            "new": len(against.new),
            "fixed": [
                {
                    "role": entry.role,
                    "policy": entry.policy,
                    "statement": entry.statement,
                    "verdict": entry.verdict,
                    "action": entry.action,
                    "resource": entry.resource,
                }
                for entry in against.fixed
            ],
        },
    }


def _workloads(result: ScanResult) -> list[str]:
    """Every workload that was seen, and every one that shares a role with them."""
    seen = {usage.workload for usage in result.usages if usage.workload}
    sharers = {arn for role_result in result.roles for arn in role_result.role.workloads}
    return sorted(seen | sharers)


def _workload(arn: str, usage: Usage | None, result: ScanResult, request: ScanRequest) -> Json:
    function = result.functions.get(arn)
    evidence = usage.evidence if usage else Evidence()
    own = Role(arn="", name="", workloads=(arn,))
    user = workload_evidence(own, None, {arn: evidence}, result.functions)[0]
    history = next((s.records.histories[arn] for s in result.roles if arn in s.records.histories), None)
    return {
        "arn": arn,
        "kind": workload_kind(arn),
        "name": workload_name(arn),
        "role": function.role if function else None,
        "evidence": {
            "traces": evidence.traces,
            "incomplete_traces": evidence.incomplete_traces,
            "calls": evidence.calls,
            "first_seen": iso(evidence.first_seen),
            "last_seen": iso(evidence.last_seen),
            "last_changed": iso(user.changed),
            "auto_instrumented": evidence.auto_instrumented is not None,
            "invocations": result.invocations.get(arn),
            "reasons": sorted(evidence_reasons(user, request.requirements)) if request.compare else [],
        },
        "used": _used(usage.used) if usage else [],
        "recorded": _used(history.used) if history else [],
        "denied": [_denied(denied) for denied in (usage.denied if usage else ())],
        "unmapped": _unmapped(usage.unmapped) if usage else [],
    }


def _denied(denied: Denied) -> Json:
    return {
        "action": denied.action,
        "resource": denied.resource,
        "count": denied.count,
        "message": denied.message,
        "cause": denied.cause,
        "meaning": DENIAL_HELP[DenialCause(denied.cause)],
        "policy": denied.policy,
        "trace_ids": list(denied.trace_ids),
    }


def _used(used: Mapping[Need, Observation]) -> list[Json]:
    return [
        {
            "action": need.permission.action,
            "resource": need.permission.resource,
            "exact": need.permission.exact,
            "required": need.required,
            "count": seen.count,
            "traces": seen.traces,
            "succeeded": seen.succeeded,
            "first_seen": iso(seen.first_seen),
            "last_seen": iso(seen.last_seen),
            "trace_ids": list(seen.trace_ids),
        }
        for need, seen in used.items()
    ]


def _unmapped(unmapped: Mapping[Unmapped, int]) -> list[Json]:
    return [
        {"service": u.service, "operation": u.operation, "count": count, "reason": u.reason}
        for u, count in unmapped.items()
    ]


def _role(role_result: RoleResult) -> Json:
    role, suggestion = role_result.role, role_result.suggestion
    return {
        "arn": role.arn,
        "name": role.name,
        "workloads": list(role.workloads),
        "by_version_only": list(role.by_version_only),
        "users_known": role.workloads_complete,
        "trusted": list(role.trusted),
        "boundary": role.boundary.arn if role.boundary else None,
        "readable": role.readable,
        "missing_permissions": list(role.missing_permissions),
        "problems": list(role.problems),
        "policies": [
            {
                "name": policy.name,
                "arn": policy.arn,
                "kind": policy.kind,
                "statements": [spelled(statement) for statement in policy.statements],
            }
            for policy in role.policies
        ],
        "findings": [_finding(finding) for finding in role_result.findings],
        "suggested_policy": suggestion.policy if suggestion else None,
        "suggested_policies": list(suggestion.parts) if suggestion else [],
        "objections": list(role_result.objections),
        "offered_policy": role_result.offered,
        "allowed_elsewhere": [
            {
                "workload": one.workload,
                "action": one.action,
                "resource": one.resource,
                "calls": one.calls,
                "denied": one.denied,
            }
            for one in role_result.elsewhere
        ],
    }


def _finding(finding: Finding) -> Json:
    policy, statement = finding.policy, finding.statement
    return {
        "id": finding.id,
        "verdict": finding.verdict,
        "confirmed": finding.confirmed,
        "reasons": list(finding.reasons),
        "severity": finding.severity,
        "severe": [{"action": action, "why": why} for action, why in finding.severe],
        "workload": finding.workload,
        "policy": {"name": policy.name, "arn": policy.arn, "kind": policy.kind},
        "statement": {
            "index": statement.index,
            "sid": statement.sid,
            "not_action": statement.not_actions,
            "not_resource": statement.not_resources,
            "condition": statement.condition,
        },
        "actions": list(finding.actions),
        "resources": list(finding.resources),
        "used": [
            {"action": used.action, "resource": used.resource, "workloads": list(used.workloads)}
            for used in finding.used
        ],
        "why": finding.why,
        "remedy": finding.remedy,
        "also": [
            {
                "policy": place.policy,
                "policy_arn": place.policy_arn,
                "index": place.statement,
                "sid": place.sid,
            }
            for place in finding.also
        ],
        "could_go": finding.redundant,
        "sources": list(finding.sources),
        "ignored": finding.ignored,
        "known": finding.known,
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
        "Used": [{"Action": used.action, "Resource": used.resource} for used in finding.used],
    }


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
