"""What one trace shows: the workloads that ran in it, and their calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanner.model import ObservedCall
from scanner.model.calls import OPENTELEMETRY
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.model.workloads import qualifier_of
from scanner.traces.calls import calls_below, observed_call
from scanner.traces.documents import (
    Node,
    Trace,
    dict_of,
    is_opentelemetry,
    is_recorded_by_an_sdk,
    is_written_by_a_service,
    names_python_sdk,
    number_of,
    parse_documents,
    xray_of,
)
from scanner.traces.owners import LAMBDA_ORIGINS, Owner, Owners, is_part

_NOT_RUN = WorkloadRun(0.0)

_CallNode = tuple[Node, str | None, str]
"""A node that is a call, its workload, and how it was instrumented."""


def read_trace(trace: Trace) -> TraceReading:
    """Read all calls of a trace and the workloads that it shows."""
    documents = parse_documents(trace.documents)
    owners = Owners(documents.segments)
    owner_of = [(segment, owners.of(segment)) for segment in documents.segments]
    workloads = _runs(owner_of)
    calls, cut_off = _calls(owner_of, workloads)
    complete = documents.complete and documents.received > 0 and not (trace.truncated or trace.partial)
    complete = complete and not cut_off and all(owner.known for _, owner in owner_of)
    complete = complete and not _lacks_a_run(owner_of, workloads)
    observed = [observed_call(*call) for call in calls]
    start, end = _span(documents.segments)
    return TraceReading(
        trace.id,
        documents=documents.received,
        unreadable_documents=documents.unreadable,
        complete=complete,
        start=start,
        end=end,
        workloads=workloads,
        calls=observed,
        unowned=_unowned(owner_of, owners) if workloads else 0,
        foreign=not (workloads or documents.unreadable) and _is_foreign(owner_of, owners),
        unanswered=() if complete else _unanswered(calls, observed, documents.segments),
    )


def _runs(owner_of: Sequence[tuple[Node, Owner]]) -> dict[str, WorkloadRun]:
    """The workloads that own documents, by key."""
    workloads: dict[str, WorkloadRun] = {}
    for segment, owner in owner_of:
        if owner.workload is not None:
            workloads[owner.workload] = _with_segment(workloads.get(owner.workload), segment)
    return workloads


_OK = 200


def _lacks_a_run(owner_of: Sequence[tuple[Node, Owner]], workloads: Mapping[str, WorkloadRun]) -> bool:
    """Whether Lambda says that a function answered, of which no document says that it ran.

    docs.aws.amazon.com/lambda/latest/dg/services-xray.html: Lambda records a segment, the function another.
    A status of 202 is an event that Lambda took, 429 one that it refused: the function may not have run.
    """
    return any(
        owner.workload is not None
        and segment.get("origin") == "AWS::Lambda"
        and not workloads[owner.workload].ran
        and dict_of(dict_of(segment.get("http")).get("response")).get("status") == _OK
        for segment, owner in owner_of
    )


def _calls(
    owner_of: Sequence[tuple[Node, Owner]], workloads: dict[str, WorkloadRun]
) -> tuple[list[_CallNode], bool]:
    """The calls of a trace, and whether one of them is known as in progress only.

    Notes in `workloads` whose calls an X-Ray SDK recorded.
    """
    finished: list[_CallNode] = []
    in_progress: list[_CallNode] = []
    for segment, owner in owner_of:
        instrumentation = OPENTELEMETRY if is_opentelemetry(segment) else ""
        may_be_of_an_sdk = not (instrumentation or is_written_by_a_service(segment))
        for node, workload in calls_below(segment, owner.workload):
            nodes = in_progress if node.get("in_progress") is True else finished
            nodes.append((node, workload, instrumentation))
            run = workloads.get(workload or "") if may_be_of_an_sdk else None
            if run is not None and not run.by_xray_sdk and is_recorded_by_an_sdk(node):
                workloads[workload or ""] = run._replace(by_xray_sdk=True)
    ended = _each_once(finished)
    calls = _each_once([*ended, *in_progress]) if in_progress else ended
    return calls, len(calls) > len(ended)


def _unowned(owner_of: Sequence[tuple[Node, Owner]], owners: Owners) -> int:
    """How many documents with calls may be of a workload in the trace, though nothing joins them to one.

    A worker thread without a trace context starts such a document, and a second tracer. A document that a
    workload's stands below is a caller's, one below a request is another server's.
    """
    owned = [segment for segment, owner in owner_of if owner.workload is not None]
    return sum(
        1
        for segment, owner in owner_of
        if owner.workload is None
        and segment.get("origin") is None
        and not is_part(segment)
        and not owners.arrived(segment.get("parent_id"))
        and any(True for _ in calls_below(segment, None))
        and not owners.leads_to(segment, owned)
    )


def _is_foreign(owner_of: Sequence[tuple[Node, Owner]], owners: Owners) -> bool:
    """Whether each document of a trace without workloads is known to be of something else."""
    return bool(owner_of) and all(
        owner.known
        and segment.get("origin") not in LAMBDA_ORIGINS
        and (
            segment.get("origin") is not None
            or segment.get("parent_id") is None
            or owners.arrived(segment.get("parent_id"))
        )
        for segment, owner in owner_of
    )


def _unanswered(
    calls: Sequence[_CallNode], observed: Sequence[ObservedCall], segments: Sequence[Node]
) -> list[ObservedCall]:
    """The calls without a document of what was called."""
    answered = {str(segment.get("parent_id")) for segment in segments if not is_part(segment)}
    return [
        seen for (node, *_), seen in zip(calls, observed, strict=True) if str(node.get("id")) not in answered
    ]


def _each_once(nodes: Sequence[_CallNode]) -> list[_CallNode]:
    """Each call once: it may stand in its segment and in a document of its own. The first copy counts."""
    unique: dict[object, _CallNode] = {}
    for number, call in enumerate(nodes):
        node_id = call[0].get("id")
        unique.setdefault(node_id if isinstance(node_id, str) else number, call)
    return list(unique.values())


def _span(segments: Sequence[Node]) -> tuple[float | None, float | None]:
    """When the first document starts and the last one ends."""
    starts, ends = [], []
    for segment in segments:
        start, end = number_of(segment.get("start_time")), number_of(segment.get("end_time"))
        if start is not None:
            starts.append(start)
            ends.append(start if end is None else end)
    return min(starts, default=None), max(ends, default=None)


def _with_segment(run: WorkloadRun | None, segment: Node) -> WorkloadRun:
    """What is known of a run of a workload, with what a further document of it says."""
    run = run or _NOT_RUN
    # The function's own document says when it ran: Lambda's may have queued the event before, and a part
    # that was streamed begins later.
    ran = segment.get("origin") != "AWS::Lambda" and segment.get("type") != "subsegment"
    return run._replace(
        start=_start(run, number_of(segment.get("start_time")) or 0.0, ran),
        ran=run.ran or ran,
        auto_instrumented=run.auto_instrumented or _is_auto_instrumented(segment),
        version=_version(run.version, segment),
        python_sdk=run.python_sdk or names_python_sdk(segment),
    )


def _version(version: str | None, segment: Node) -> str | None:
    """The published version that ran, as far as a further document of Lambda names it; else its alias.

    docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html: what a function's ARN ends with.
    """
    arns = (dict_of(segment.get("aws")).get("function_arn"), segment.get("resource_arn"))
    named = (qualifier_of(arn) for arn in arns if isinstance(arn, str))
    qualifiers = [qualifier for qualifier in (version, *named) if qualifier]
    if not qualifiers:
        return None
    return max(qualifiers, key=lambda qualifier: (qualifier.isdecimal(), qualifier))


def _start(run: WorkloadRun, start: float, ran: bool) -> float:
    """When a workload started, whatever the order of the documents."""
    if ran == run.ran:
        return max(run.start, start)
    return start if ran else run.start


def _is_auto_instrumented(segment: Node) -> bool:
    return xray_of(segment).get("auto_instrumentation") is True
