"""A report as it is shown: names in the place of ARNs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from scanner.model import EXCESS, Arn, Verdict
from scanner.model.workloads import noun_of
from scanner.report.records import BundleUse, Finding, Report, Role, Workload
from scanner.verdict.reason_help import Runs

_LISTED = 4


@dataclass(frozen=True)
class ViewedReport:
    """A report, with what is looked up in it again and again."""

    report: Report

    @cached_property
    def workloads(self) -> Mapping[str, Workload]:
        """The workloads by id."""
        return {workload.id: workload for workload in self.report.workloads}

    @cached_property
    def failing_ids(self) -> frozenset[str]:
        """The ids of the findings that fail the gate."""
        return frozenset(self.report.gate.failing if self.report.gate else ())

    def selected(self, role: Role) -> list[str]:
        """The ids of the workloads of a role that the report is about."""
        return [id_ for id_ in role.workloads if self._is_reported(id_)]

    def with_code(self, roles: Iterable[Role]) -> set[str]:
        """The ids of these workloads of some roles: what a platform does to start one is none of its own."""
        ids = {id_ for role in roles for id_ in self.selected(role)}
        return {id_ for id_ in ids if id_ not in self.workloads or not self.workloads[id_].platform_only}

    @cached_property
    def noun(self) -> str:
        """What the workloads are called that were compared or never traced: a word that is true of all."""
        compared = {id_ for role in self.report.roles for id_ in role.workloads}
        return noun_of(
            workload.kind
            for workload in self.report.workloads
            if workload.id in compared or is_never_traced(workload)
        )

    def name(self, id_: str) -> str:
        """The name of a workload by its id; with its account where the report is of several."""
        name, workload = name_of_workload(id_), self.workloads.get(id_)
        account = workload.account if workload and len(self.report.scan.accounts) > 1 else None
        return f"{name} ({account})" if account and account not in name else name

    def _is_reported(self, id_: str) -> bool:
        workload = self.workloads.get(id_)
        return workload is None or workload.reported

    def runs(self, role: Role) -> frozenset[Runs]:
        """What runs with a role."""
        return runs_of(self.workloads[id_] for id_ in role.workloads if id_ in self.workloads)

    def names(self, role: Role) -> tuple[str, ...]:
        """The names of these workloads; that of the role where there are none."""
        return tuple(map(self.name, self.selected(role))) or (role.name,)

    def who(self, role: Role) -> str:
        """The same in a line."""
        return listed(self.names(role))


def name_of_workload(id_: str) -> str:
    """The name of a workload by its id: of an ARN the last field, else the whole id."""
    return id_.rpartition(":")[2] if Arn.parse(id_) else id_


def runs_of(workloads: Iterable[Workload]) -> frozenset[Runs]:
    """What runs with a role of these workloads: their kinds, or platforms alone."""
    listed = list(workloads)
    kinds = frozenset[Runs](workload.kind for workload in listed if not workload.platform_only)
    return kinds or frozenset[Runs]("platform" for _ in listed[:1])


def is_never_traced(workload: Workload) -> bool:
    """Whether a workload was asked for, and no trace shows it."""
    seen = workload.evidence.traces or workload.evidence.calls
    return workload.reported and not seen and not workload.platform_only


def bundle_of(role: Role, finding: Finding) -> BundleUse | None:
    """The bundle that the grants of a finding belong to."""
    return None if finding.bundle is None else role.bundles[finding.bundle]


def statement_of(role: Role, finding: Finding) -> Mapping[str, Any]:
    """The statement that grants what a finding is about; empty where the report does not hold it."""
    return _statement(role, finding.policy, finding.statement)


def _statement(role: Role, policy: int, statement: int) -> Mapping[str, Any]:
    statements = role.policies[policy].statements if policy < len(role.policies) else ()
    return statements[statement] if statement < len(statements) else {}


def statement_name(role: Role, policy: int, statement: int) -> str:
    """A statement as every output names it: "statement ReadNotes" by its Sid, else "statement 0".

    The number is its place, which counts from 0 as in report.json.
    """
    return f"statement {_statement(role, policy, statement).get('Sid') or statement}"


def is_remainder(role: Role, finding: Finding) -> bool:
    """Whether a finding is of a framework's bundle than which none is smaller: there is nothing to do."""
    bundle = bundle_of(role, finding)
    return bundle is not None and bundle.fits


def is_to_act_on(role: Role, finding: Finding) -> bool:
    """Whether a finding is excess that nobody accepts, and that could be removed."""
    return is_open_excess(finding) and not is_remainder(role, finding)


def is_open_excess(finding: Finding) -> bool:
    """Whether a finding is excess that nobody accepts."""
    return finding.verdict in EXCESS and not finding.accepted


def is_undecided(role: Role, finding: Finding) -> bool:
    """Whether a grant may be excess, and nothing that was seen decides it."""
    doubtful = is_to_act_on(role, finding) and not finding.confirmed
    return doubtful or finding.verdict is Verdict.UNOBSERVABLE


def listed(texts: Iterable[str], before: str = "") -> str:
    """A few of the texts, and how many more there are."""
    distinct = list(dict.fromkeys(texts))
    more = len(distinct) - _LISTED
    if more <= 1:
        return before + ", ".join(distinct)
    return f"{before}{', '.join(distinct[:_LISTED])} and {more} more"


def short(resource: str) -> str:
    """The last field of a resource ARN: `table/notes`. What is no ARN, or ends in `:*`, stays as it is."""
    arn = Arn.parse(resource)
    return arn.resource if arn and arn.resource != "*" else resource


def json_text(value: Any, *, indented: bool = True) -> str:
    """JSON text. What could be a tag, and what does not print, is escaped as JSON has it."""
    layout = orjson.OPT_INDENT_2 if indented else None
    text = orjson.dumps(value, option=layout).decode().replace("<", "\\u003c")
    if text.isascii():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
