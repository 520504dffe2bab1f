"""A finding -> its records in the reports. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from scanner.model import BundleUse, Finding, Location
from scanner.report import records
from scanner.verdict.reasons import Reason


def finding_record(finding: Finding) -> records.Finding:
    """A finding as report.json has it."""
    policy, statement = finding.policy, finding.statement
    return records.Finding(
        id=finding.id,
        grant_ids=finding.grant_ids,
        verdict=finding.verdict,
        confirmed=finding.confirmed,
        reasons=tuple(map(Reason, finding.reasons)),
        severity=finding.severity,
        breadth=finding.breadth,
        severe=tuple(records.SevereAction(action=action, why=why) for action, why in finding.severe),
        workload=finding.workload,
        policy=records.PolicyName(name=policy.name, arn=policy.arn, kind=policy.kind),
        statement=records.StatementName(
            index=statement.index,
            sid=statement.sid,
            not_action=statement.not_actions,
            not_resource=statement.not_resources,
            condition=None if statement.condition is None else dict(statement.condition),
        ),
        actions=finding.actions,
        resources=finding.resources,
        used=tuple(
            records.UsedGrant(action=used.action, resource=used.resource, workloads=used.workloads)
            for used in finding.used
        ),
        why=finding.why,
        note=finding.note,
        remedy=finding.remedy,
        also=tuple(
            records.GrantPlace(
                policy=place.policy, policy_arn=place.policy_arn, index=place.statement, sid=place.sid
            )
            for place in finding.also_granted_by
        ),
        could_go=finding.redundant,
        sources=finding.sources,
        ignored=finding.ignored,
        known=finding.known,
        bundle=_bundle(finding.bundle) if finding.bundle else None,
        location=_location(finding.location) if finding.location else None,
        location_note=finding.location_note,
    )


def _location(location: Location) -> records.Location:
    return records.Location(
        path=location.path, line=location.line, end_line=location.end_line, made_by=location.made_by
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


def excess_statement(finding: Finding) -> records.ExcessStatement:
    """A finding as excessive_permissions.json has it."""
    statement, resources = finding.statement, _one_or_many(finding.resources)
    return records.ExcessStatement(
        action=UNSET if statement.not_actions else finding.actions,
        not_action=finding.actions if statement.not_actions else UNSET,
        resource=UNSET if statement.not_resources else resources,
        not_resource=resources if statement.not_resources else UNSET,
        effect="Allow",
        sid=statement.sid or UNSET,
        condition=dict(statement.condition) if statement.condition else UNSET,
        verdict=finding.verdict,
        confirmed=finding.confirmed,
        reasons=tuple(map(Reason, finding.reasons)),
        used=tuple(records.ExcessUsed(action=used.action, resource=used.resource) for used in finding.used),
    )


def _one_or_many(values: Sequence[str]) -> str | tuple[str, ...]:
    return values[0] if len(values) == 1 else tuple(values)
