"""What to change in the policies of roles that grant more than they need. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from scanner.report.records import Finding, Fix, PolicyDocument, Role, StatementChange
from scanner.report.view.statement_diff import statement_diff
from scanner.report.view.values import RoleSuggestion, Row, StatementEdit
from scanner.report.view.viewed import ViewedReport, is_to_act_on, json_text, statement_name

_YAML = (".yml", ".yaml")
_GAP = " …"


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
        edits=[_edit(viewed, role, change) for change in role.changes],
        policies=[policy_text(policy) for policy in policies],
    )


def policy_text(policy: PolicyDocument) -> str:
    """A policy as JSON text."""
    return json_text(msgspec.to_builtins(policy))


def _edit(viewed: ViewedReport, role: Role, change: StatementChange) -> StatementEdit:
    """What changes in a statement, line by line: of the template where an edit of it is known."""
    policy = role.policies[change.policy]
    findings = [f for f in role.findings if (f.policy, f.statement) == (change.policy, change.statement)]
    fixes = _fixes(viewed, role, findings)
    if fixes:
        difference, template = _of_template(fixes), f"{fixes[0].path}:{fixes[0].line}"
    else:
        as_yaml = any(f.location is not None and f.location.path.endswith(_YAML) for f in findings)
        lines = statement_diff(policy.statements[change.statement], change.after, as_yaml=as_yaml)
        difference, template = "\n".join(lines), ""
    return StatementEdit(
        policy=policy.name,
        name=statement_name(role, change.policy, change.statement),
        managed_by_aws=policy.managed_by_aws,
        difference=difference,
        statement=change.statement,
        policy_position=change.policy,
        template=template,
    )


def _fixes(viewed: ViewedReport, role: Role, findings: Sequence[Finding]) -> list[Fix]:
    """The edits of the template that do all that is to be done about findings; none where they do a part."""
    to_act_on = [finding for finding in findings if is_to_act_on(role, finding)]
    if not to_act_on or not all(finding.fixes and finding.confirmed for finding in to_act_on):
        return []
    positions = sorted({position for finding in to_act_on for position in finding.fixes})
    fixes = [viewed.report.fixes[position] for position in positions]
    return fixes if all(fix.disposition == "safe" and fix.path == fixes[0].path for fix in fixes) else []


def _of_template(fixes: Sequence[Fix]) -> str:
    """The differences of edits as one, with what is left out between them."""
    lines: list[str] = []
    for line in (line for fix in fixes for line in fix.diff):
        if line.startswith("@@"):
            lines += [_GAP] if lines else []
        elif not line.startswith("\\"):
            lines.append(line)
    return "\n".join(lines)
