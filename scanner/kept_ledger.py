"""The ledger of a run in its place: read before the scan, added to after the report. It never ends a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from scanner.aws.api import Aws
from scanner.input.git_index import tracked_files
from scanner.ledger import Ledger, LedgerError, LedgerStore, ledger_store, merged
from scanner.model import ScanWarning
from scanner.report.history import scope_of, with_history
from scanner.report.records import Report
from scanner.request import ScanRequest
from scanner.result import ScanResult
from scanner.text.escape import one_line
from scanner.with_ledger import LEDGER_UNREAD, LEDGER_UNWRITTEN


@dataclass(frozen=True)
class KeptLedger:
    """The place of a ledger. `why_read_only` says why nothing may be added to it, empty where it may.

    `unbelieved` says why it must not even be read.
    """

    store: LedgerStore
    why_read_only: str = ""
    unbelieved: str = ""

    def read_for(self, request: ScanRequest) -> ScanRequest:
        """The request with what is kept; where that cannot be read, with a warning and without a ledger."""
        try:
            if self.unbelieved:
                raise LedgerError(self.unbelieved)
            ledger = self.store.read()
        except LedgerError as error:
            text = f"{error}: the scan goes on without the ledger, and adds nothing to it"
            return replace(request, warnings=(*request.warnings, ScanWarning(LEDGER_UNREAD, text)))
        return replace(request, ledger=ledger, ledger_read_only=bool(self.why_read_only))

    def add(self, addition: Ledger) -> ScanWarning | None:
        """Keep what a scan adds; a warning where that fails: what was kept before is as it was."""
        try:
            self.store.add(addition)
        except LedgerError as error:
            return ScanWarning(LEDGER_UNWRITTEN, str(error))
        return None


def with_runs(report: Report, result: ScanResult, request: ScanRequest) -> tuple[Report, Ledger | None]:
    """The report with what changed since the last run, and what is added to the ledger: None for nothing."""
    known = result.traced.from_ledger
    if request.ledger is None or known is None:
        return report, None
    chosen = {
        "filter": filter(None, [request.filter]),
        "workloads": request.workloads,
        "ids": request.trace_ids[:1],
    }
    scope = scope_of(known.accounts, result.traced.regions, chosen)
    report, record = with_history(report, request.ledger.runs.values(), request.now, scope)
    if result.recorded is None or result.traced.interrupted:
        return report, result.recorded
    return report, merged(result.recorded, Ledger(runs={record.id: record.run}))


def ledger_of_user(
    place: str | None, aws: Aws, say: Callable[[str], None], memory: LedgerStore | None = None
) -> KeptLedger | None:
    """The ledger that `--ledger` names, else `memory`, if any. Raises ScanError for what is no place."""
    store = ledger_store(place, aws, say) if place else memory
    return KeptLedger(store) if store else None


def ledger_of_workflow(
    place: str | None, aws: Aws, say: Callable[[str], None], workspace: Path, why_read_only: str
) -> KeptLedger | None:
    """The ledger that the action's input names. Raises ScanError for what is no place.

    A file of the commit is not believed where the run is not one of the default branch: a pull request could
    bring a ledger that says what it likes.
    """
    if not place:
        return None
    kept = KeptLedger(ledger_store(place, aws, say, workspace), why_read_only)
    if why_read_only and "://" not in place and is_of_commit(workspace, place):
        text = f"--ledger: {one_line(place)} is a file of the commit, and {why_read_only}: it is not believed"
        return replace(kept, unbelieved=text)
    return kept


def is_of_commit(workspace: Path, place: str) -> bool:
    """Whether a file is part of a checked-out commit, or behind a link of it; where unsure, it is.

    A workflow may check out into a folder of its workspace, and several repositories.
    """
    top = workspace.resolve()
    named, real = Path(os.path.normpath(top / place)), (top / place).resolve()
    return any(
        _is_tracked(path, folder)
        for path in (named, real)
        for folder in path.parents
        if top in (folder, *folder.parents) and os.path.lexists(folder / ".git")
    )


def _is_tracked(path: Path, checkout: Path) -> bool:
    tracked = tracked_files(checkout)
    if not tracked:  # an index that cannot be read
        return True
    return any(
        part.relative_to(checkout).as_posix() in tracked
        for part in (path, *path.parents)
        if checkout in part.parents
    )
