"""What changes in the policies of a role: statement by statement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scanner.model import Role, Verdict
from scanner.suggest.policy import kept_of
from scanner.suggest.statements import Json, allowance_of, in_order
from scanner.verdict.assessment import Assessment


class Edit(NamedTuple):
    """What to put in the place of a statement of today's policies that grants more than is needed."""

    policy_key: str
    statement: int
    after: tuple[Json, ...]


def edits(role: Role, assessments: Sequence[Assessment]) -> list[Edit]:
    """The statements of a role to be changed, in their order; what stays keeps its order and spelling."""
    by_statement: dict[tuple[str, int], list[Assessment]] = {}
    for assessment in assessments:
        key = assessment.grant.key
        by_statement.setdefault((key.policy, key.statement), []).append(assessment)
    changes = []
    for policy in role.policies:
        for statement in policy.statements:
            of_statement = by_statement.get((policy.key, statement.index), [])
            kept = list(dict.fromkeys(item for a in of_statement for item in kept_of(a, narrow=True)))
            # What has no effect does no harm: for that alone no statement need be changed.
            granted = [
                allowance_of(assessment.grant)
                for assessment in of_statement
                if assessment.verdict is not Verdict.INEFFECTIVE
            ]
            if granted and kept != list(dict.fromkeys(granted)):
                after = tuple(in_order(kept, statement))
                changes.append(Edit(policy.key, statement.index, after))
    return changes
