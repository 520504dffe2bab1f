"""What one trace shows: the workloads that ran in it, and their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from scanner.model.calls import ObservedCall
from scanner.model.workloads import NO_HINTS, Hints


class WorkloadRun(NamedTuple):
    """A workload in one trace.

    `start` is when it started (Unix seconds). `ran` is False where the trace shows only that it was
    asked to run. `auto_instrumented` is True where all its AWS clients are instrumented automatically.
    `version` is the published version ("5") that ran, or its alias; None for $LATEST, or where none is named.
    `by_xray_sdk` tells that an X-Ray SDK recorded a call of its, `python_sdk` that a document of it names the
    one for Python. `hints` are what its role may be found by.
    """

    start: float
    ran: bool = False
    auto_instrumented: bool = False
    version: str | None = None
    by_xray_sdk: bool = False
    python_sdk: bool = False
    hints: Hints = NO_HINTS


class TraceReading(NamedTuple):
    """What one trace shows. `complete` is False where some of it is missing, for whatever reason.

    `workloads` are by key. `start` and `end` are Unix seconds, None where no document has a time.
    `unowned` counts documents with calls that belong to no workload though workloads ran in the trace.
    `foreign` tells that all documents are known to be of something else than a workload. `unanswered` are the
    calls of an incomplete trace that no document of what was called stands below. `other_credentials` counts
    calls that a workload made under other credentials than its own, which are not among `calls`. `call_ids`
    are those of `calls`, in the same order, as bytes; empty for one that has none.
    """

    trace_id: str
    documents: int = 0
    unreadable_documents: int = 0
    complete: bool = True
    start: float | None = None
    end: float | None = None
    workloads: Mapping[str, WorkloadRun] = MappingProxyType({})
    calls: Sequence[ObservedCall] = ()
    unowned: int = 0
    foreign: bool = False
    unanswered: Sequence[ObservedCall] = ()
    other_credentials: Mapping[str, int] = MappingProxyType({})
    call_ids: Sequence[bytes] = ()
