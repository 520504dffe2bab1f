"""What to change in the policies of roles that grant more than they need. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from scanner.report.records import PolicyDocument, Role, StatementChange
from scanner.report.view.statement_diff import statement_diff
from scanner.report.view.values import RoleSuggestion, Row, StatementEdit
from scanner.report.view.viewed import ViewedReport, is_to_act_on, json_text, statement_name

_YAML = (".yml", ".yaml")


def suggestions(viewed: ViewedReport, excess: Sequence[Row]) -> list[RoleSuggestion]:
    """What to change in the roles that hold more than they need, in the order of their first rows."""
    first_row = {row.role.arn: place for place, row in reversed(list(enumerate(excess)))}
    roles = [
        role
        for role in viewed.report.roles
        if role.suggested_policy and any(is_to_act_on(role, f) or f.redundant for f in role.findings)
    ]
    roles.sort(key=lambda role: first_row.get(role.arn, 0))
    return [suggestion(viewed, role) for role in roles]


def suggestion(viewed: ViewedReport, role: Role) -> RoleSuggestion:
    """What to change in a role."""
    policies = role.suggested_policies or ((role.suggested_policy,) if role.suggested_policy else ())
    return RoleSuggestion(
        role=role.arn,
        who=viewed.who(role),
        edits=[_edit(role, change) for change in role.changes],
        policies=[policy_text(policy) for policy in policies],
    )


def policy_text(policy: PolicyDocument) -> str:
    """A policy as JSON text."""
    return json_text(msgspec.to_builtins(policy))


def _edit(role: Role, change: StatementChange) -> StatementEdit:
    """What changes in a statement, line by line, with all of its lines: as YAML where the template is."""
    policy = role.policies[change.policy]
    as_yaml = any(
        finding.location is not None and finding.location.path.endswith(_YAML)
        for finding in role.findings
        if (finding.policy, finding.statement) == (change.policy, change.statement)
    )
    difference = statement_diff(policy.statements[change.statement], change.after, as_yaml=as_yaml)
    return StatementEdit(
        policy=policy.name,
        name=statement_name(role, change.policy, change.statement),
        managed_by_aws=policy.managed_by_aws,
        difference="\n".join(difference),
        statement=change.statement,
        policy_position=change.policy,
    )
