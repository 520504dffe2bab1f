"""What to change in a role, as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import msgspec

from scanner.explain.section import Section, shortened_line
from scanner.report.records import PolicyDocument, Report, Role
from scanner.report.view.suggestions import suggestion
from scanner.report.view.values import RoleSuggestion, StatementEdit
from scanner.report.view.viewed import ViewedReport, is_open_excess, json_text

_MOST_LINES: Final = 20  # of a difference that is shown with all that stays
_LONGEST_STATEMENT: Final = 120  # characters of a statement in one line


def suggestion_of(report: Report, role: Role) -> RoleSuggestion | None:
    """What is suggested for a role."""
    if not role.suggested_policy or not any(is_open_excess(f) or f.redundant for f in role.findings):
        return None
    return suggestion(ViewedReport(report), role)


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
    if edit.template:
        lines = edit.difference.splitlines()
        return [f"Change {edit.template}, as `fix` does:", *(f"  {line}" for line in lines)]
    if edit.managed_by_aws:
        return [f"Detach {edit.policy}: it is AWS's own and cannot be edited"]
    lines = edit.difference.splitlines()
    if not everything and all(line.startswith("-") for line in lines):
        statement = role.policies[edit.policy_position].statements[edit.statement]
        return [
            f"Remove {edit.name} of policy {edit.policy}:",
            shortened_line(f"  -{json_text(statement, indented=False)}"),
        ]
    if not everything and len(lines) > _MOST_LINES:
        lines = _changed(lines)
    return [f"Change {edit.name} of policy {edit.policy}:", *(f"  {line}" for line in lines)]


def _changed(lines: Sequence[str]) -> list[str]:
    """The lines of a difference that go or come, each run of others as one line that counts them."""
    changed: list[str] = []
    for same, run in groupby(lines, key=lambda line: line.startswith(" ")):
        of_run = list(run)
        changed += [f"     … {len(of_run)} lines as they are"] if same and len(of_run) > 2 else of_run
    return changed


def policy_section(role: Role, *, everything: bool) -> Section:
    """The smaller policy, which can take the place of all identity policies of the role.

    It can be copied, so it is never cut: where there is no room for it, a line says where it is.
    """
    policies = role.suggested_policies or ((role.suggested_policy,) if role.suggested_policy else ())
    several = f", as {len(policies)} managed policies" if len(policies) > 1 else ""
    title = f"The smaller policy, in the place of all policies of the role{several}"
    layout = _indented if everything else _compact
    lines = [f"{title}:", *(line for policy in policies for line in layout(policy))]
    if everything:
        return Section(lines, copied=True)
    where = "--all prints it, and `suggested_policy` of the role in report.json holds it"
    instead = [f"{title}, has {len(lines) - 1} lines: {where}"]
    return Section(lines, copied=True, instead=instead)


def _indented(policy: PolicyDocument) -> list[str]:
    return [f"  {line}" for line in json_text(msgspec.to_builtins(policy)).splitlines()]


def _compact(policy: PolicyDocument) -> list[str]:
    """A statement is a line, where it is not too long for that."""
    lines = [f'  {{"Version": "{policy.version}", "Statement": [']
    for statement in policy.statement:
        text = json_text(statement, indented=False)
        short = len(text) <= _LONGEST_STATEMENT
        lines += [f"    {line}" for line in ([text] if short else json_text(statement).splitlines())]
        lines[-1] += ","
    lines[-1] = lines[-1].removesuffix(",")
    return [*lines, "  ]}"]


def objection_lines(objections: Sequence[str]) -> list[str]:
    """Why there is no suggestion."""
    return ["There is no suggested policy for this role.", *(f"  {line}" for line in objections)]
