"""The story of a role: its findings in short, and what to change. Pure."""

from __future__ import annotations

import msgspec

from scanner.explain.change import doubt_lines, edit_lines, objection_lines, policy_section, suggestion_of
from scanner.explain.section import Section
from scanner.model import EXCESS
from scanner.report.records import Report, Role
from scanner.report.view.bundle_words import use_of_bundle
from scanner.report.view.rows import rows_of
from scanner.report.view.values import Row
from scanner.report.view.viewed import (
    ViewedReport,
    bundle_of,
    is_open_excess,
    is_remainder,
    short,
)
from scanner.text.escape import counted

_OWN = "a policy of your own"


def role_sections(report: Report, role: Role, *, everything: bool) -> list[Section]:
    """The sections of a role; `everything` also holds the whole smaller policy."""
    viewed = ViewedReport(msgspec.structs.replace(report, roles=(role,)))
    rows = [row for row in rows_of(viewed) if row.finding.verdict in EXCESS]
    to_act_on = [row for row in rows if not is_remainder(role, row.finding)]
    return [
        Section(_head(viewed, role, to_act_on)),
        Section(_findings(to_act_on)),
        Section(_remainders([row for row in rows if row not in to_act_on])),
        *_changes(report, role, everything=everything),
    ]


def _head(viewed: ViewedReport, role: Role, rows: list[Row]) -> list[str]:
    confirmed = sum(row.confirmed for row in rows)
    never = [
        viewed.name(workload.id)
        for arn in role.workloads
        if (workload := viewed.workloads.get(arn)) and not workload.evidence.traces
    ]
    lines = [f"Role {role.arn}", f"  used by {', '.join(viewed.names(role))}"]
    others = len(role.workloads) - len(viewed.selected(role))
    lines += [f"  and by {counted(others, 'other workload')} that the report is not about"] if others else []
    lines += [f"  never traced: {', '.join(never)}"] if never else []
    lines += [] if role.readable else ["  It could not be read wholly: see the warnings of the report."]
    found = f"{counted(len(rows), 'finding')}: {confirmed} confirmed, {len(rows) - confirmed} not"
    return [*lines, f"  {found}" if rows else "  No excess was found."]


def _findings(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [
        f"  {row.finding.id}  {row.severity}, {row.finding.verdict}: {row.actions} on {row.resources}: "
        f"{row.claim} ({row.evidence})"
        for row in rows
    ]
    return ["Findings, the worst first (`explain ID` tells more of each):", *lines]


def _remainders(rows: list[Row]) -> list[str]:
    """What the smallest fitting bundles grant beyond use, a line each."""
    if not rows:
        return []
    of_bundle: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if bundle := bundle_of(row.role, row.finding):
            name = f"{bundle.framework} {bundle.name} on {short(bundle.target)}"
            of_bundle.setdefault((name, use_of_bundle(bundle, row.confirmed, _OWN)), []).append(
                row.finding.id
            )
    lines = [f"  {name}: {use} ({', '.join(ids)})" for (name, use), ids in of_bundle.items()]
    return ["Nothing to do, a smaller policy is yours to choose:", *lines]


def _changes(report: Report, role: Role, *, everything: bool) -> list[Section]:
    suggestion = suggestion_of(report, role)
    if suggestion is None:
        wanted = any(map(is_open_excess, role.findings))
        return [Section(objection_lines(role.objections))] if wanted else []
    of_aws = [edit for edit in suggestion.edits if edit.managed_by_aws]
    edits = suggestion.edits if everything else of_aws or suggestion.edits
    lines = [line for edit in edits for line in edit_lines(role, edit, everything=everything)]
    sections = [
        Section(doubt_lines(role, suggestion.edits)),
        Section(list(dict.fromkeys(lines)) if edits is of_aws else lines, copied=True),
    ]
    return (
        [*sections, policy_section(role, everything=everything)]
        if suggestion.edits or everything
        else sections
    )
