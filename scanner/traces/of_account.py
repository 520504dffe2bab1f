"""What the traces that one account shows tell, where other accounts tell of theirs. Pure.

A trace that crosses accounts may be in several of them, and a monitoring account sees those of others. Calls
count wherever they are seen. That a workload ran, and that its trace is complete, only its own account tells,
where that is read as well: so no trace confirms twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from functools import cache

from scanner.model import Call, CallRow, RunRow, account_of
from scanner.model.readings import TraceReading
from scanner.model.workloads import WorkloadKey


@dataclass(frozen=True)
class OfAccount:
    """An account whose traces are read, empty where it may be any; `others` are read by themselves."""

    account: str
    others: Set[str]

    def told(self, item: TraceReading | CallRow | RunRow) -> Iterator[TraceReading | CallRow | RunRow]:
        """What an item tells."""
        if isinstance(item, CallRow):
            yield replace(item, call=self._call(item.call))
        elif isinstance(item, RunRow):
            yield from self._run(item)
        else:
            yield from self._reading(item)

    def _run(self, row: RunRow) -> Iterator[RunRow]:
        row = replace(row, workload=_placed(row.workload, self.account))
        if not self._is_foreign(row.workload):
            yield row
        elif not row.complete:
            yield replace(row, traces=0, begun=0)  # calls of it are missing, whoever says so

    def _reading(self, reading: TraceReading) -> Iterator[TraceReading | CallRow | RunRow]:
        runs = {_placed(key, self.account): run for key, run in reading.workloads.items()}
        calls = [observed._replace(call=self._call(observed.call)) for observed in reading.calls]
        own = {key: run for key, run in runs.items() if not self._is_foreign(key)}
        foreign = [observed for observed in calls if self._is_foreign(observed.call.workload)]
        for call, time, message in foreign:
            yield CallRow(call, 1, time, time, message, trace_id=reading.trace_id)
        if not (reading.complete and not reading.unowned):
            for key, run in runs.items():
                if key not in own:
                    yield RunRow(key, 0, run.start, run.start, complete=False)
        kept = [observed for observed in calls if not self._is_foreign(observed.call.workload)]
        if runs and not own and not kept:
            return
        others = {
            _placed(key, self.account) if key else key: number
            for key, number in reading.other_credentials.items()
        }
        yield reading._replace(
            workloads=own,
            calls=kept,
            unanswered=[o._replace(call=self._call(o.call)) for o in reading.unanswered],
            other_credentials=others,
            foreign=reading.foreign or bool(runs and not own),
        )

    def _call(self, call: Call) -> Call:
        return call if call.workload is None else call._replace(workload=_placed(call.workload, self.account))

    def _is_foreign(self, workload: str | None) -> bool:
        return workload is not None and account_of(workload) in self.others


@cache
def _placed(workload: str, account: str) -> str:
    """The workload's key; with the account that showed it where it has none."""
    key = WorkloadKey.parse(workload)
    return workload if key.account or not account else key._replace(account=account).text
