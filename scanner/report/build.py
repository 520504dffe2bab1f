"""What a scan found -> the records of the reports. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from scanner.gate.baseline import Comparison
from scanner.gate.decide import GateDecision, GatePolicy
from scanner.gate.rules import IgnoreRule
from scanner.mapping.access_denied import DENIAL_HELP, DenialCause
from scanner.model import (
    EXCESS,
    Denied,
    Evidence,
    Fix,
    Need,
    Observation,
    Role,
    Unmapped,
    Usage,
    account_of,
)
from scanner.model.workloads import WorkloadKey, short_name, shown_ids, workload_name
from scanner.report import records
from scanner.report.build_excess import excess_statement
from scanner.report.build_role import RoleBuilder
from scanner.report.records.keys import Json
from scanner.report.records.scan import RuleState
from scanner.request import ScanRequest, is_selected
from scanner.result import FromLedger, ScanResult
from scanner.suggest.policy import usage_policy
from scanner.text.escape import well_formed
from scanner.usage.evidence import workload_evidence
from scanner.verdict.claims import evidence_reasons
from scanner.verdict.reasons import Reason

_UNSAFE_IN_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
_MAX_FILE_NAME = 100


_Record = TypeVar("_Record")


def encodable(record: _Record, kind: Any) -> _Record:
    """The record, with U+FFFD in the place of what no output could write: each is made of a record."""
    try:
        msgspec.json.encode(record)
    except UnicodeEncodeError:
        written: _Record = msgspec.convert(well_formed(msgspec.to_builtins(record)), kind)
        return written
    return record


def report(
    result: ScanResult,
    request: ScanRequest,
    gate: GatePolicy | None = None,
    decision: GateDecision | None = None,
) -> records.Report:
    """report.json: everything that a scan found, and what the gate says of it."""
    usages = {usage.workload: usage for usage in result.traced.usages}
    ids = shown_ids(_reported_workloads(result))
    build = RoleBuilder(result, result.traced.evidence, ids)
    record = records.Report(
        schema_version=records.SCHEMA_VERSION,
        scan=_scan(result, request),
        workloads=tuple(_workload(key, id_, usages.get(key), (result, request)) for key, id_ in ids.items()),
        unattributed=_unattributed(usages.get(None)),
        roles=tuple(map(build.record, result.roles)),
        fixes=tuple(map(_fix, result.fixes)),
        severe_actions=dict(sorted(severe for finding in result.findings for severe in finding.severe)),
        accepted=_accepted(result, request.config_name),
        gate=_gate(gate, decision) if gate and decision else None,
        policy_files=tuple(_policy_files(result)),
    )
    return encodable(record, records.Report)


def _fix(fix: Fix) -> records.Fix:
    return records.Fix(
        path=fix.path,
        start=fix.start,
        end=fix.end,
        line=fix.line,
        end_line=fix.end_line,
        before=fix.before,
        replacement=fix.replacement,
        digest=fix.digest,
        findings=fix.findings,
        disposition=fix.disposition,
        why=fix.why,
        diff=fix.diff,
    )


def excessive_permissions(result: ScanResult, request: ScanRequest) -> tuple[records.Excess, ...]:
    """excessive_permissions.json: one entry for each workload whose role holds more than it needs."""
    entries: list[records.Excess] = []
    ids = shown_ids(_reported_workloads(result))
    for role_result in result.roles:
        statements = tuple(
            excess_statement(finding)
            for finding in role_result.findings
            if finding.verdict in EXCESS and not finding.accepted
        )
        if not statements:
            continue
        entries.extend(
            records.Excess(arn=ids[key], role=role_result.role.arn, excess_permissions=statements)
            for key in role_result.role.workloads
            if is_selected(key, request.workloads)
        )
    return encodable(tuple(sorted(entries, key=lambda entry: entry.arn)), tuple[records.Excess, ...])


def workload_policies(result: ScanResult) -> dict[str, Json]:
    """File name -> the policy that allows what a workload was seen to use, for each workload seen."""
    return {name: usage_policy(usage) for name, usage in _policy_files(result).items()}


def _policy_files(result: ScanResult) -> dict[str, Usage]:
    """File name -> the usage of a workload that was seen; with its account where there are several."""
    files: dict[str, Usage] = {}
    taken: set[str] = set()
    seen = {usage.workload: usage for usage in result.traced.usages if usage.workload}
    are_several = len({account_of(workload) for workload in seen} - {""}) > 1
    for workload, usage in seen.items():
        stem = _UNSAFE_IN_FILE_NAME.sub("_", short_name(workload))[:_MAX_FILE_NAME].lstrip(".") or "_"
        if are_several and account_of(workload):
            stem = f"{stem}-{account_of(workload)}"
        name, number = stem, 1
        while name.lower() in taken:  # some file systems do not distinguish case
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        files[f"{name}.policy.json"] = usage
    return files


def iso(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601 UTC; None for what no calendar holds."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


# --- what was read ---------------------------------------------------------------------------------


def _scan(result: ScanResult, request: ScanRequest) -> records.Scan:
    accounts = {account_of(usage.workload) for usage in result.traced.usages if usage.workload} - {""}
    skipped = result.traced.skipped
    return records.Scan(
        source=result.traced.source,
        start=iso(result.traced.start),
        end=iso(result.traced.end),
        filter=request.filter,
        regions=tuple(result.traced.regions),
        compared=request.compare,
        records=tuple(sorted(request.evidence)),
        account=accounts.pop() if len(accounts) == 1 else None,
        accounts=_accounts(result),
        listed=result.never_traced.listed,
        why_not_listed=result.never_traced.why_not,
        traces=result.traced.traces,
        documents=result.traced.documents,
        calls=result.traced.calls,
        skipped=records.Skipped(
            documents=skipped.documents,
            calls=skipped.calls,
            traces_truncated=skipped.traces_truncated,
            traces_unprocessed=skipped.traces_unprocessed,
            traces_partial=skipped.traces_partial,
            windows=skipped.windows,
            times=skipped.times,
            unowned=skipped.unowned,
            other_credentials=skipped.other_credentials,
        ),
        warnings=tuple(
            records.Warned(code=warning.code, message=warning.message, count=warning.count)
            for warning in result.warnings
        ),
        notes=result.traced.notes,
        ledger=_from_ledger(result.traced.from_ledger),
        interrupted=result.traced.interrupted,
    )


def _from_ledger(known: FromLedger | None) -> records.FromLedger | None:
    if known is None:
        return None
    return records.FromLedger(since=iso(known.since), hours=known.hours, days=known.days, adds=known.note)


def _accounts(result: ScanResult) -> tuple[records.ScannedAccount, ...]:
    """The accounts whose roles were to be assumed; else those that workloads and roles are of."""
    traced = Counter(account_of(usage.workload) for usage in result.traced.usages if usage.workload)
    compared = Counter(account_of(role_result.role.arn) for role_result in result.roles)
    assumed = {account.id: account for account in result.accounts}
    return tuple(
        records.ScannedAccount(
            id=id_,
            role=assumed[id_].role if id_ in assumed else None,
            traced=traced[id_],
            compared=compared[id_],
            unread=assumed[id_].unread if id_ in assumed else None,
        )
        for id_ in sorted({*traced, *compared, *assumed} - {""})
    )


def _accepted(result: ScanResult, config: str) -> records.Accepted:
    """What the team accepts: its rules, and the baseline."""
    tally, comparison = result.rules, result.against_baseline
    return records.Accepted(
        config=config,
        rules=tuple(
            sorted(
                (
                    *(_rule("accepting", rule, grants) for rule, grants in tally.hiding),
                    *(_rule("expired", rule, grants) for rule, grants in tally.expired),
                    *(_rule("idle", rule, 0) for rule in tally.idle),
                ),
                key=lambda rule: rule.line,
            )
        ),
        baseline=_baseline(comparison) if comparison is not None else None,
    )


def _rule(state: RuleState, rule: IgnoreRule, grants: int) -> records.Rule:
    return records.Rule(
        line=rule.line,
        state=state,
        grants=grants,
        reason=rule.reason,
        owner=rule.owner,
        expires=rule.expires.isoformat() if rule.expires else None,
    )


def _baseline(comparison: Comparison) -> records.BaselineResult:
    return records.BaselineResult(
        known=len(comparison.known),
        new=len(comparison.new),
        fixed=tuple(
            records.FixedEntry(
                role=entry.role,
                policy=entry.policy,
                statement=entry.statement,
                verdict=entry.verdict,
                action=entry.action,
                resource=entry.resource,
            )
            for entry in comparison.fixed
        ),
        grown=tuple(
            records.GrownEntry(
                role=entry.role,
                policy=entry.policy,
                statement=entry.statement,
                action=entry.action,
                resource=entry.resource,
                why=why,
            )
            for entry, why in comparison.grown
        ),
    )


def _gate(policy: GatePolicy, decision: GateDecision) -> records.Gate:
    return records.Gate(
        conclusion=decision.conclusion,
        fail_on=tuple(sorted(policy.fail_on)),
        at_least=policy.at_least,
        failing=tuple(finding.id for finding in decision.failing),
        missing=tuple(decision.missing),
        expired=tuple(decision.expired),
        notes=tuple(decision.notes),
    )


# --- what was seen ---------------------------------------------------------------------------------


def _reported_workloads(result: ScanResult) -> list[str]:
    """All workloads that were seen, share a role with these, are counted by CloudWatch, or never traced."""
    seen = {usage.workload for usage in result.traced.usages if usage.workload}
    sharers = {arn for role_result in result.roles for arn in role_result.role.workloads}
    return sorted(seen.union(sharers, result.invocations, result.never_traced.arns))


def _workload(
    key: str, id_: str, usage: Usage | None, scanned: tuple[ScanResult, ScanRequest]
) -> records.Workload:
    result, request = scanned
    workload, parts = result.workloads.get(key), WorkloadKey.parse(key)
    history = next((s.records.histories[key] for s in result.roles if key in s.records.histories), None)
    return records.Workload(
        id=id_,
        arn=key if parts.name == key else None,
        kind=parts.kind,
        name=workload_name(key),
        account=parts.account or None,
        region=parts.region or None,
        role=workload.role if workload else None,
        candidates=workload.candidates if workload else (),
        role_inferred=workload is not None and workload.inferred,
        platform_only=workload is not None and workload.by_platform_only,
        reported=is_selected(key, request.workloads),
        rights=result.never_traced.rights.get(key),
        evidence=_workload_evidence(key, usage, result, request),
        used=_used(usage.used) if usage else (),
        recorded=_used(history.used) if history else (),
        denied=tuple(_denied(denied) for denied in usage.denied) if usage else (),
        unmapped=_unmapped(usage.unmapped) if usage else (),
    )


def _workload_evidence(
    arn: str, usage: Usage | None, result: ScanResult, request: ScanRequest
) -> records.WorkloadEvidence:
    evidence = usage.evidence if usage else Evidence()
    alone = Role(arn="", name="", workloads=(arn,))
    (counted,) = workload_evidence(alone, None, {arn: evidence}, result.workloads)
    reasons = sorted(evidence_reasons(counted, request.requirements)) if request.compare else []
    return records.WorkloadEvidence(
        traces=evidence.traces,
        incomplete_traces=evidence.incomplete_traces,
        calls=evidence.calls,
        first_seen=iso(evidence.first_seen),
        last_seen=iso(evidence.last_seen),
        last_changed=iso(counted.changed),
        auto_instrumented=evidence.auto_instrumented is not None,
        all_clients_traced=(counted.evidence.all_clients_traced or 0.0) > counted.changed,
        invocations=result.invocations.get(arn),
        reasons=tuple(map(Reason, reasons)),
    )


def _unattributed(usage: Usage | None) -> records.Unattributed:
    if usage is None:
        return records.Unattributed(calls=0, used=(), unmapped=())
    return records.Unattributed(
        calls=usage.evidence.calls, used=_used(usage.used), unmapped=_unmapped(usage.unmapped)
    )


def _denied(denied: Denied) -> records.Denied:
    cause = DenialCause(denied.cause)
    return records.Denied(
        action=denied.action,
        resource=denied.resource,
        count=denied.count,
        message=denied.message,
        cause=cause,
        meaning=DENIAL_HELP[cause],
        policy=denied.policy,
        trace_ids=tuple(denied.trace_ids),
    )


def _used(used: Mapping[Need, Observation]) -> tuple[records.UsedPermission, ...]:
    return tuple(
        records.UsedPermission(
            action=need.permission.action,
            resource=need.permission.resource,
            exact=need.permission.exact,
            condition_values=dict(need.permission.condition_values) or UNSET,
            required=need.required,
            count=observation.count,
            traces=observation.traces,
            succeeded=observation.succeeded,
            first_seen=iso(observation.first_seen),
            last_seen=iso(observation.last_seen),
            trace_ids=tuple(observation.trace_ids),
        )
        for need, observation in used.items()
    )


def _unmapped(unmapped: Mapping[Unmapped, int]) -> tuple[records.Unmapped, ...]:
    return tuple(
        records.Unmapped(service=call.service, operation=call.operation, count=count, reason=call.reason)
        for call, count in unmapped.items()
    )
