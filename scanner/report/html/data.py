"""What the page's script shows, as tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from scanner.model import EXCESS
from scanner.report.html.shared import SharedTexts, abbreviated, table
from scanner.report.records import Finding, Location, Report, Role, Workload
from scanner.report.view.accept_rule import rule_lines
from scanner.report.view.effects import EFFECTS
from scanner.report.view.groups import groups_of
from scanner.report.view.rows import rows_of
from scanner.report.view.values import Group, Row, View
from scanner.report.view.viewed import (
    ViewedReport,
    bundle_of,
    is_remainder,
    is_to_act_on,
    json_text,
    statement_name,
    statement_of,
)
from scanner.text.escape import one_line

Json = dict[str, Any]


def page_data(report: Report, view: View) -> Json:
    """The tables of a page; positions in `$` columns are those of `texts`, abbreviated by `heads`."""
    data = _Data(report, view)
    rows = {
        "findings": list(data.findings()),
        "groups": list(data.groups()),
        "roles": list(data.roles()),
        "edits": list(data.edits()),
        "functions": list(data.functions()),
        "used": list(data.used()),
        "denied": list(data.denied()),
    }
    positions = data.texts.positions()
    return {
        **abbreviated(data.texts.written(positions)),
        "tables": {name: table(of_table, positions) for name, of_table in rows.items()},
        "noun": view.noun,
        "effects": dict(EFFECTS),
        "reasons": {str(line.code): [one_line(line.meaning), one_line(line.remedy)] for line in view.reasons},
        "gains": {one_line(action): one_line(gain) for action, gain in report.severe_actions.items()},
    }


class _Data:
    """The rows of the tables; those of one table name rows of another by their positions."""

    def __init__(self, report: Report, view: View) -> None:
        self.texts = SharedTexts()
        self._report, self._view = report, view
        self._new = frozenset(report.history.new if report.history else ())
        self._viewed = ViewedReport(report)
        self._all = [(at, role, f) for at, role in enumerate(report.roles) for f in role.findings]
        # a finding of the view is one of the report's own: its id may stand in two roles
        self._places = {id(finding): place for place, (_, _, finding) in enumerate(self._all)}
        self._roles = {role.arn: place for place, role in enumerate(report.roles)}

    # --- findings ----------------------------------------------------------------------------------

    def findings(self) -> Iterator[Json]:
        """Every verdict on a role's grants, by role."""
        rows = {id(row.finding): row for row in rows_of(self._viewed)}
        for at, role, finding in self._all:
            yield self._finding(at, role, finding, rows.get(id(finding)))

    def _finding(self, at: int, role: Role, finding: Finding, row: Row | None) -> Json:
        of, policy = self.texts.of, role.policies[finding.policy]
        statement, bundle = statement_of(role, finding), bundle_of(role, finding)
        return {
            "role": at,
            "id$": of(finding.id),
            "verdict$": of(finding.verdict.value),
            "state$": of(_state(role, finding)),
            "severity$": of(finding.severity),
            "actions$": of(finding.actions),
            "resources$": of(finding.resources),
            "allBut$": of(tuple(key for key in ("NotAction", "NotResource") if key in statement)),
            "claim$": of(row.claim if row else finding.why),
            "evidence$": of(row.evidence if row else ""),
            "reasons$": of(tuple(reason.value for reason in finding.reasons)),
            "severe$": of(finding.severe),
            "at": [finding.policy, finding.statement],
            "policy$": of(policy.name),
            "statement$": of(statement_name(role, finding.policy, finding.statement)),
            "condition$": of(_one_line_json(statement.get("Condition"))),
            "place$": of(_place(finding.location) if finding.location else finding.location_note),
            "framework$": of(bundle.framework if bundle else ""),
            "bundle$": of(f"{bundle.framework} {bundle.name}" if bundle else ""),
            "note$": of(finding.note),
            "fails": int(finding.id in self._viewed.failing_ids),
            "rule$": self._rule([row] if row and _is_acceptable(row) else []),
            "redundant": int(finding.redundant),
            "isNew": int(finding.id in self._new),
        }

    # --- groups ------------------------------------------------------------------------------------

    def groups(self) -> Iterator[Json]:
        """What people look at first: the same grant of many roles as one, in the order of the report."""
        view = self._view
        yield from self._of_state("other", view.other_groups)
        yield from self._of_state("confirmed", view.groups)
        yield from self._of_state("unconfirmed", view.doubts)
        yield from self._of_state("bundle", view.remainders)
        yield from self._of_state("unobservable", groups_of(view.unobservable))
        yield from self._of_state("accepted", groups_of(view.accepted))

    def _of_state(self, state: str, groups: Iterable[Group]) -> Iterator[Json]:
        for group in groups:
            yield {
                "state$": self.texts.of(state),
                "severity$": self.texts.of(group.severity),
                "actions$": self.texts.of(group.actions),
                "resources$": self.texts.of(group.resources),
                "claim$": self.texts.of(group.claim),
                "evidence$": self.texts.of(group.evidence),
                "functions$": self.texts.each(group.functions),
                "who$": self.texts.of(group.who),
                "places$": self.texts.each(map(_place, group.places)),
                "fails": int(group.fails),
                "rule$": self._rule(group.rows if _is_open(state) and len(group.ids) > 1 else []),
                "rows": [self._members(row) for row in group.rows],
            }

    def _rule(self, rows: Sequence[Row]) -> int:
        """The lines of what accepts these in the configuration; none for none."""
        names_hidden = self._view.names_hidden
        return self.texts.each(rule_lines(rows, names_hidden=names_hidden) if rows else ())

    def _members(self, row: Row) -> list[int]:
        below = row.below or (row,)
        return [self._places[id(f)] for part in below for f in (part.finding, *part.alike)]

    # --- roles -------------------------------------------------------------------------------------

    def roles(self) -> Iterator[Json]:
        """The roles, with the smaller policies."""
        smaller = {suggestion.role: suggestion.policies for suggestion in self._view.suggestions}
        for role in self._report.roles:
            yield {
                "name$": self.texts.of(role.name),
                "arn$": self.texts.of(role.arn),
                "functions$": self.texts.each(self._viewed.names(role)),
                "problems$": self.texts.each(_problems(role)),
                "trusted$": self.texts.of(role.trusted),
                "boundary$": self.texts.of(role.boundary or ""),
                "objections$": self.texts.of(role.objections),
                "policies$": self.texts.of(
                    tuple(tuple(text.splitlines()) for text in smaller.get(role.arn, ()))
                ),
            }

    def edits(self) -> Iterator[Json]:
        """What to change in single statements."""
        for suggestion in self._view.suggestions:
            for edit in suggestion.edits:
                yield {
                    "role": self._roles[suggestion.role],
                    "at": [edit.policy_position, edit.statement],
                    "policy$": self.texts.of(edit.policy),
                    "statement$": self.texts.of(edit.name),
                    "managedByAws": int(edit.managed_by_aws),
                    "template$": self.texts.of(edit.template),
                    "lines$": self.texts.each(edit.difference.splitlines()),
                }

    # --- functions ---------------------------------------------------------------------------------

    def functions(self) -> Iterator[Json]:
        """The workloads, and how much was seen of them."""
        for workload in self._report.workloads:
            evidence = workload.evidence
            yield {
                "name$": self.texts.of(self._viewed.name(workload.id)),
                "id$": self.texts.of(workload.id),
                "kind$": self.texts.of(workload.kind),
                "candidates$": self.texts.each(workload.candidates),
                "role": self._roles.get(workload.role or "", -1),
                "roleArn$": self.texts.of(workload.role or ""),
                "reported": int(workload.reported),
                "rights$": self.texts.of(workload.rights or ""),
                "traces": evidence.traces,
                "incomplete": evidence.incomplete_traces,
                "calls": evidence.calls,
                "invocations": evidence.invocations,
                "firstSeen$": self.texts.of(_minute(evidence.first_seen)),
                "lastSeen$": self.texts.of(_minute(evidence.last_seen)),
                "lastChanged$": self.texts.of(_minute(evidence.last_changed)),
                "allClients": int(evidence.auto_instrumented or evidence.all_clients_traced),
                "reasons$": self.texts.of(tuple(reason.value for reason in evidence.reasons)),
                "unmapped$": self.texts.each(_unmapped(workload)),
            }

    def used(self) -> Iterator[Json]:
        """The permissions that workloads used, as traces and as CloudTrail show."""
        for at, workload in enumerate(self._report.workloads):
            for recorded, permissions in ((0, workload.used), (1, workload.recorded)):
                for used in permissions:
                    yield {
                        "function": at,
                        "action$": self.texts.of(used.action),
                        "resource$": self.texts.of(used.resource),
                        "required": int(used.required),
                        "recorded": recorded,
                        "calls": used.count,
                        "lastSeen$": self.texts.of(_minute(used.last_seen)),
                        "trace$": self.texts.of(used.trace_ids[0] if used.trace_ids else ""),
                    }

    def denied(self) -> Iterator[Json]:
        """The calls that AWS denied."""
        for at, workload in enumerate(self._report.workloads):
            for denied in workload.denied:
                yield {
                    "function": at,
                    "action$": self.texts.of(denied.action),
                    "resource$": self.texts.of(denied.resource),
                    "calls": denied.count,
                    "meaning$": self.texts.of(denied.meaning),
                }


def _is_open(state: str) -> bool:
    return state in ("other", "confirmed", "unconfirmed")


def _is_acceptable(row: Row) -> bool:
    """Whether a rule would change what becomes of a finding."""
    return row.fails or is_to_act_on(row.role, row.finding)


def _state(role: Role, finding: Finding) -> str:
    """What a finding is to the team: accepted, confirmed or not; of what is no excess, its verdict.

    What a bundle grants beyond use is "bundle" where none is smaller.
    """
    if finding.accepted:
        return "accepted"
    if finding.verdict not in EXCESS:
        return finding.verdict.value
    if is_remainder(role, finding):
        return "bundle"
    return "confirmed" if finding.confirmed else "unconfirmed"


def _place(location: Location) -> str:
    made_by = f", made by {location.made_by}" if location.made_by else ""
    return f"{location.path}:{location.line}{made_by}"


def _problems(role: Role) -> Sequence[str]:
    """What could not be read of a role."""
    missing = [f"the scan lacked {permission}" for permission in role.missing_permissions]
    shared = [] if role.workloads_complete else ["other workloads may use this role"]
    return [*missing, *role.problems, *shared]


def _unmapped(workload: Workload) -> list[str]:
    return [
        f"{call.service or '?'} {call.operation or '?'} ({call.count}): {call.reason}"
        for call in workload.unmapped
    ]


def _one_line_json(value: Any) -> str:
    return " ".join(json_text(value).split()) if value else ""


def _minute(time: str | None) -> str:
    return time[:16].replace("T", " ") if time else ""
