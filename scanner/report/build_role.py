"""A role with its findings -> its record in report.json. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

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
from scanner.model.usage import Observed
from scanner.report import records
from scanner.report.records.keys import Json
from scanner.result import RoleResult, ScanResult
from scanner.suggest.check import AllowedElsewhere, NotUnderstood
from scanner.suggest.edits import edits
from scanner.suggest.statements import as_written
from scanner.usage.evidence import workload_evidence
from scanner.verdict.claims import is_of_code
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
        observed: dict[str, Mapping[str, Observed]] = {}
        findings = []
        for finding in role_result.findings:
            key = finding.policy.key
            if key not in observed:
                observed[key] = self._observed(role_result.role, finding.policy)
            record = _finding(finding, tables, observed[key].values())
            findings.append(msgspec.structs.replace(record, observed=self._least(observed[key])))
        return tuple(findings)

    def _observed(self, role: Role, policy: Policy) -> dict[str, Observed]:
        """How much was seen of each workload of a role since it or the policy last changed."""
        workloads = workload_evidence(role, policy, self.evidence, self.result.workloads)
        return {
            key: workload.evidence.observed_since(workload.changed)
            for key, workload in zip(role.workloads, workloads, strict=True)
        }

    def _least(self, observed: Mapping[str, Observed]) -> records.Observed:
        """What can be said of every workload whose code uses a role: the fewest days, and the fewest traces.

        A grant is unused where none of them uses it: so it was observed no longer than the one that was
        observed least. What only a platform does with a role is in no trace, and none is waited for.
        """
        of_code = [one for key, one in observed.items() if is_of_code(key, self.result.workloads)]
        return records.Observed(
            days=min((one.days for one in of_code), default=0),
            traces=min((one.traces for one in of_code), default=0),
        )


def _finding(finding: Finding, tables: _RoleTables, observed: Collection[Observed]) -> records.Finding:
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
        traces=sum(one.traces for one in observed),
        more_traces=any(one.more for one in observed),
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
