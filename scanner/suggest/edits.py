"""What changes in the policies of a role: statement by statement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scanner.model import Role, Verdict, is_managed_by_aws
from scanner.suggest.policy import kept_of
from scanner.suggest.statements import Json, allowance_of, as_written, in_order
from scanner.verdict.assessment import Assessment


class Edit(NamedTuple):
    """A statement of today's policies that says more than is needed, and what to put in its place."""

    policy: str
    managed_by_aws: bool
    before: Json
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
                changes.append(
                    Edit(
                        policy=policy.name,
                        managed_by_aws=is_managed_by_aws(policy),
                        before=as_written(statement),
                        after=after,
                    )
                )
    return changes
