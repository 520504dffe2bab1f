"""A role with its findings -> its record in report.json. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from scanner.model import (
    BundleUse,
    Evidence,
    Finding,
    Location,
    Place,
    Policy,
    Role,
    Used,
    account_of,
    is_managed_by_aws,
)
from scanner.report import records
from scanner.report.records.keys import Json
from scanner.result import RoleResult, ScanResult
from scanner.suggest.check import AllowedElsewhere, NotUnderstood
from scanner.suggest.edits import edits
from scanner.suggest.statements import as_written
from scanner.usage.evidence import workload_evidence
from scanner.verdict.reasons import Reason


@dataclass(frozen=True)
class _RoleTables:
    """What the findings of a role name by position: its policies, what was used, the bundles.

    `fixes` are the positions of edits in the report, by the id of a finding.
    """

    policies: Mapping[str, int]
    fixes: Mapping[str, tuple[int, ...]]
    used: dict[Used, int] = field(default_factory=dict)
    bundles: dict[BundleUse, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RoleBuilder:
    """Makes the records of the roles of a scan. `ids` are those of the workloads in the report, by key."""

    result: ScanResult
    evidence: Mapping[str, Evidence]
    ids: Mapping[str, str]

    def record(self, role_result: RoleResult) -> records.Role:
        """A role as report.json has it."""
        role, suggestion, offer = role_result.role, role_result.suggestion, role_result.offer
        policies = {policy.key: position for position, policy in enumerate(role.policies)}
        tables = _RoleTables(policies, self._fixes)
        findings = self._findings(role_result, tables)
        return records.Role(
            arn=role.arn,
            name=role.name,
            account=account_of(role.arn) or None,
            workloads=self._ids(role.workloads),
            by_version_only=self._ids(role.by_version_only),
            workloads_complete=role.workloads_complete,
            trusted=role.trusted,
            boundary=role.boundary.arn if role.boundary else None,
            readable=role.readable,
            missing_permissions=role.missing_permissions,
            problems=role.problems,
            template=role_result.template,
            policies=tuple(map(_policy, role.policies)),
            used=tuple(map(self._used, tables.used)),
            bundles=tuple(map(_bundle, tables.bundles)),
            findings=findings,
            changes=_changes(role_result, tables),
            suggested_policy=_document(suggestion.policy) if suggestion else None,
            suggested_policies=tuple(map(_document, suggestion.parts)) if suggestion else (),
            objections=tuple(role_result.objections),
            policy_for_denied=_document(offer.policy) if offer.policy else None,
            policy_for_denied_notes=tuple(offer.notes),
            not_understood=tuple(map(self._not_understood, role_result.not_understood)),
            allowed_elsewhere=tuple(map(self._allowed_elsewhere, role_result.allowed_elsewhere)),
        )

    @cached_property
    def _fixes(self) -> Mapping[str, tuple[int, ...]]:
        positions: dict[str, tuple[int, ...]] = {}
        for position, fix in enumerate(self.result.fixes):
            for id_ in fix.findings:
                positions[id_] = (*positions.get(id_, ()), position)
        return positions

    def _ids(self, workloads: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.ids.get(workload, workload) for workload in workloads)

    def _used(self, used: Used) -> records.UsedGrant:
        return records.UsedGrant(
            action=used.action, resource=used.resource, workloads=self._ids(used.workloads)
        )

    def _allowed_elsewhere(self, allowed: AllowedElsewhere) -> records.AllowedElsewhere:
        return records.AllowedElsewhere(
            workload=self.ids.get(allowed.workload, allowed.workload),
            action=allowed.action,
            resource=allowed.resource,
            calls=allowed.calls,
            denied=allowed.denied,
        )

    def _not_understood(self, call: NotUnderstood) -> records.NotUnderstood:
        return records.NotUnderstood(
            workload=self.ids.get(call.workload, call.workload),
            action=call.action,
            resource=call.resource,
            calls=call.calls,
        )

    def _findings(self, role_result: RoleResult, tables: _RoleTables) -> tuple[records.Finding, ...]:
        counts: dict[str, tuple[int, bool]] = {}
        findings = []
        for finding in role_result.findings:
            key = finding.policy.key
            if key not in counts:
                counts[key] = self._traces(role_result.role, finding.policy)
            findings.append(_finding(finding, tables, counts[key]))
        return tuple(findings)

    def _traces(self, role: Role, policy: Policy) -> tuple[int, bool]:
        """How many complete traces are newer than the last change, and whether there are more."""
        workloads = workload_evidence(role, policy, self.evidence, self.result.workloads)
        observed = [w.evidence.observed_since(w.changed) for w in workloads]
        return sum(one.traces for one in observed), any(one.more for one in observed)


def _finding(finding: Finding, tables: _RoleTables, traces: tuple[int, bool]) -> records.Finding:
    return records.Finding(
        id=finding.id,
        grant_ids=finding.grant_ids if len(finding.grant_ids) > 1 else (),
        verdict=finding.verdict,
        confirmed=finding.confirmed,
        reasons=tuple(map(Reason, finding.reasons)),
        severity=finding.severity,
        breadth=finding.breadth,
        severe=tuple(action for action, _ in finding.severe),
        policy=tables.policies[finding.policy.key],
        statement=finding.statement.index,
        actions=finding.actions,
        resources=finding.resources,
        used=tuple(tables.used.setdefault(used, len(tables.used)) for used in finding.used),
        traces=traces[0],
        more_traces=traces[1],
        why=finding.why,
        note=finding.note,
        also_granted_by=tuple(_grant_place(place, tables) for place in finding.also_granted_by),
        redundant=finding.redundant,
        sources=finding.sources,
        accepted_reason=finding.ignored,
        in_baseline=finding.known,
        bundle=_position(finding.bundle, tables),
        location=_location(finding.location) if finding.location else None,
        location_note=finding.location_note,
        fixes=tables.fixes.get(finding.id, ()),
        fix_note=finding.fix_note,
    )


def _position(bundle: BundleUse | None, tables: _RoleTables) -> int | None:
    return None if bundle is None else tables.bundles.setdefault(bundle, len(tables.bundles))


def _location(location: Location) -> records.Location:
    return records.Location(
        path=location.path, line=location.line, end_line=location.end_line, made_by=location.made_by
    )


def _grant_place(place: Place, tables: _RoleTables) -> records.GrantPlace:
    return records.GrantPlace(policy=tables.policies[place.policy_key], statement=place.statement)


def _policy(policy: Policy) -> records.Policy:
    return records.Policy(
        name=policy.name,
        arn=policy.arn,
        kind=policy.kind,
        managed_by_aws=is_managed_by_aws(policy),
        statements=tuple(as_written(statement) for statement in policy.statements),
    )


def _bundle(bundle: BundleUse) -> records.BundleUse:
    return records.BundleUse(
        framework=bundle.framework,
        name=bundle.name,
        target=bundle.target,
        fits=bundle.fits,
        used=bundle.used,
        smaller=bundle.smaller,
        unless=bundle.unless,
    )


def _changes(role_result: RoleResult, tables: _RoleTables) -> tuple[records.StatementChange, ...]:
    if role_result.suggestion is None:
        return ()
    return tuple(
        records.StatementChange(
            policy=tables.policies[edit.policy_key], statement=edit.statement, after=edit.after
        )
        for edit in edits(role_result.role, role_result.assessments)
    )


def _document(policy: Json) -> records.PolicyDocument:
    return records.PolicyDocument(version=policy["Version"], statement=tuple(policy["Statement"]))
