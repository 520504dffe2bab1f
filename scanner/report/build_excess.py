"""A finding -> its record in excessive_permissions.json. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from scanner.model import Finding
from scanner.report import records
from scanner.verdict.reasons import Reason


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
