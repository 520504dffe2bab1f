"""What to change in a role, as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from scanner.report.records import PolicyDocument, Report, Role
from scanner.report.view.suggestions import suggestions
from scanner.report.view.values import RoleSuggestion, StatementEdit
from scanner.report.view.viewed import ViewedReport, is_open_excess, json_text


def suggestion_of(report: Report, role: Role) -> RoleSuggestion | None:
    """What is suggested for a role."""
    alone = msgspec.structs.replace(report, roles=(role,))
    return next(iter(suggestions(ViewedReport(alone), ())), None)


def doubt_lines(role: Role, edits: Sequence[StatementEdit]) -> list[str]:
    """What to know before the edits are made, or why there are none."""
    places = {(edit.policy_position, edit.statement) for edit in edits}
    unsure = [finding for finding in role.findings if is_open_excess(finding) and not finding.confirmed]
    if not edits:
        return ["No change is suggested: what is not confirmed stays."] if unsure else []
    if any((finding.policy, finding.statement) in places for finding in unsure):
        return ["Not all that goes here is confirmed: look at the reasons before you apply it."]
    return []


def edit_lines(role: Role, edit: StatementEdit, *, everything: bool) -> list[str]:
    """What changes in a statement: `-` stands before what goes, `+` before what comes.

    A statement that goes as a whole is one line, unless everything is wanted.
    """
    if edit.managed_by_aws:
        return [f"Detach {edit.policy}: it is AWS's own and cannot be edited"]
    lines = edit.difference.splitlines()
    if not everything and all(line.startswith("-") for line in lines):
        statement = role.policies[edit.policy_position].statements[edit.statement]
        return [
            f"Remove statement {edit.statement} of policy {edit.policy}:",
            f"  -{json_text(statement, indented=False)}",
        ]
    return [f"Change statement {edit.statement} of policy {edit.policy}:", *(f"  {line}" for line in lines)]


def policy_lines(role: Role, *, everything: bool) -> list[str]:
    """The smaller policy, which can take the place of all identity policies of the role.

    A statement is a line, unless everything is wanted.
    """
    policies = role.suggested_policies or ((role.suggested_policy,) if role.suggested_policy else ())
    several = f", as {len(policies)} managed policies" if len(policies) > 1 else ""
    lines = [line for policy in policies for line in _policy(policy, everything=everything)]
    return [f"The smaller policy, in the place of all policies of the role{several}:", *lines]


def _policy(policy: PolicyDocument, *, everything: bool) -> list[str]:
    if everything:
        return [f"  {line}" for line in json_text(msgspec.to_builtins(policy)).splitlines()]
    statements = [f"    {json_text(statement, indented=False)}," for statement in policy.statement]
    statements[-1:] = [line.removesuffix(",") for line in statements[-1:]]
    return [f'  {{"Version": "{policy.version}", "Statement": [', *statements, "  ]}"]


def objection_lines(objections: Sequence[str]) -> list[str]:
    """Why there is no suggestion."""
    return ["There is no suggested policy for this role.", *(f"  {line}" for line in objections)]
