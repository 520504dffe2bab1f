"""A run beside the last one of the same scope: what is new, fixed and still open. Pure.

Only what a run compared can be fixed or new. An open finding of which a run says nothing (its role was not
read, or its traces confirm it no more) stays in what is recorded, and the next run compares with it again:
a night without traces neither fixes anything, nor makes it new the night after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

import msgspec

from scanner.ledger import Run, RunFinding
from scanner.model import Verdict
from scanner.report import records
from scanner.report.build import iso
from scanner.report.records import Finding, History, PastFinding, PastRun, Report, Role
from scanner.report.view.viewed import is_to_act_on, is_undecided, listed

MOST_RUNS = 30
"""So many runs are told in a report."""

_MOST_IDS = 60  # of a finding: a statement with `NotAction` may have hundreds of grants

State = Literal["open", "fixed", "settled", "undecided"]


@dataclass(frozen=True)
class RunRecord:
    """A run as the ledger keeps it, under its id."""

    id: str
    run: Run


def with_history(report: Report, earlier: Iterable[Run], at: float, scope: str) -> tuple[Report, RunRecord]:
    """The report with what changed since the last of the earlier runs, and what is recorded of this one.

    `at` is the time of this run.
    """
    runs = sorted((run for run in earlier if run.scope == scope and run.at < at), key=lambda run: run.at)
    last = next((run for run in reversed(runs) if run.findings is not None), None)
    states = _states(report, (last.findings or ()) if last else ())
    undecided = _kept(states["undecided"], runs)
    found = tuple(_recorded(role, finding, report) for role, finding in _open(report))
    counts = _counts(report, len(found) + len(undecided))
    run = Run(at, scope, tuple(sorted(counts.items())), tuple(sorted((*found, *map(_carried, undecided)))))
    known = {id_ for finding in (last.findings or () if last else ()) for id_ in _ids(finding)}
    new = [finding for finding in found if last and known.isdisjoint(_ids(finding))]
    history = History(
        previous=iso(last.at) if last else None,
        new=tuple(_ids(finding)[0] for finding in new),
        still_open=tuple(_ids(finding)[0] for finding in found if finding not in new),
        fixed=tuple(map(_past, states["fixed"])),
        settled=tuple(map(_past, states["settled"])),
        undecided=tuple(map(_past, undecided)),
        runs=tuple(_past_run(past) for past in (*runs[-MOST_RUNS + 1 :], run)),
    )
    return msgspec.structs.replace(report, history=history), RunRecord(_id_of(run), run)


def scope_of(accounts: Iterable[str], regions: Iterable[str], chosen: Mapping[str, Iterable[str]]) -> str:
    """What a run was asked for, as a text that is the same for the same.

    `chosen` is what narrows it: a filter, workloads, stacks.
    """
    parts = {"accounts": accounts, "regions": regions, **chosen}
    named = {name: sorted(set(values)) for name, values in parts.items()}
    return "; ".join(f"{name}: {', '.join(values)}" for name, values in named.items() if values)


def _id_of(run: Run) -> str:
    return hashlib.sha256(msgspec.json.encode(run)).hexdigest()[:16]


# --- what became of the findings of the last run ---------------------------------------------------


def _states(report: Report, findings: Iterable[RunFinding]) -> dict[State, list[RunFinding]]:
    states: dict[State, list[RunFinding]] = {"open": [], "fixed": [], "settled": [], "undecided": []}
    judge = _Judge(report)
    for finding in findings:
        states[judge.state(finding)].append(finding)
    return states


class _Judge:
    """What a report says of findings of an earlier run, by the ids of their grants."""

    def __init__(self, report: Report) -> None:
        self._open = {id_ for _, finding in _open(report) for id_ in _grant_ids(finding)}
        self._undecided: set[str] = set()
        self._granted: set[str] = set()
        for role in report.roles:
            for finding in role.findings:
                ids = _grant_ids(finding)
                self._granted.update(ids)
                if is_undecided(role, finding):
                    self._undecided.update(ids)
        self._read = {role.arn for role in report.roles if role.readable}

    def state(self, finding: RunFinding) -> State:
        ids = set(_ids(finding))
        if ids & self._open:
            return "open"
        if ids & self._undecided:
            return "undecided"
        if ids & self._granted:
            return "settled"
        return "fixed" if _role_of(finding) in self._read else "undecided"


def _kept(undecided: Sequence[RunFinding], runs: Sequence[Run]) -> list[RunFinding]:
    """Those that one of the runs whose findings are kept did see: a role that is gone is forgotten."""
    seen = {
        id_ for run in runs for finding in run.findings or () if _was_seen(finding) for id_ in _ids(finding)
    }
    return [finding for finding in undecided if not seen.isdisjoint(_ids(finding))]


# --- a finding as it is recorded -------------------------------------------------------------------


def _open(report: Report) -> Iterator[tuple[Role, Finding]]:
    """The findings that are confirmed and to be acted on, and all that fail the gate."""
    failing: Set[str] = frozenset(report.gate.failing if report.gate else ())
    for role in report.roles:
        for finding in role.findings:
            if (finding.confirmed and is_to_act_on(role, finding)) or finding.id in failing:
                yield role, finding


def _grant_ids(finding: Finding) -> tuple[str, ...]:
    return finding.grant_ids or (finding.id,)


def _recorded(role: Role, finding: Finding, report: Report) -> RunFinding:
    ids = dict.fromkeys((finding.id, *_grant_ids(finding)[:_MOST_IDS]))
    return RunFinding(
        id=" ".join(ids),
        # an ARN has no blanks; names are masked to the end of the line, where they are hidden
        label=f"{role.arn} {listed(finding.actions)} on {listed(finding.resources)}",
        severity=finding.severity,
        verdict=finding.verdict.value,
        confirmed=finding.confirmed,
        failing=report.gate is not None and finding.id in report.gate.failing,
    )


def _carried(finding: RunFinding) -> RunFinding:
    """An open finding of an earlier run, which this run says nothing of."""
    return finding._replace(confirmed=False, failing=False)


def _was_seen(finding: RunFinding) -> bool:
    return finding.confirmed or finding.failing


def _ids(finding: RunFinding) -> list[str]:
    return finding.id.split(" ")


def _role_of(finding: RunFinding) -> str:
    return finding.label.partition(" ")[0]


# --- the records -----------------------------------------------------------------------------------


def _past(finding: RunFinding) -> PastFinding:
    role, _, label = finding.label.partition(" ")
    return PastFinding(
        id=_ids(finding)[0],
        role=role,
        label=label,
        severity=finding.severity,
        verdict=Verdict(finding.verdict),
    )


def _counts(report: Report, number_open: int) -> dict[str, int]:
    of_excess = [f for role in report.roles for f in role.findings if is_to_act_on(role, f)]
    confirmed = sum(finding.confirmed for finding in of_excess)
    return {
        "open": number_open,
        "confirmed": confirmed,
        "unconfirmed": len(of_excess) - confirmed,
        "failing": len(report.gate.failing) if report.gate else 0,
    }


def _past_run(run: Run) -> PastRun:
    counts = dict(run.counts)
    return records.PastRun(
        time=iso(run.at),
        open=counts.get("open", 0),
        confirmed=counts.get("confirmed", 0),
        unconfirmed=counts.get("unconfirmed", 0),
        failing=counts.get("failing", 0),
    )
