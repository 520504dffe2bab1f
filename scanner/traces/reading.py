"""What one trace shows: the workloads that ran in it, and their calls. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scanner.model import ObservedCall
from scanner.model.calls import OPENTELEMETRY
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.model.workloads import NO_HINTS, qualifier_of, workload_kind
from scanner.spans.aliases import value_of
from scanner.spans.calls import denied_role
from scanner.spans.credentials import SignedCall, of_others
from scanner.traces.attributes import has_attributes, own_workload, span_of
from scanner.traces.both_forms import id_of_document
from scanner.traces.calls import calls_below, observed_call
from scanner.traces.documents import (
    Node,
    Trace,
    dict_of,
    is_opentelemetry,
    is_part,
    is_recorded_by_an_sdk,
    is_written_by_a_service,
    names_python_sdk,
    number_of,
    operation_of,
    parse_documents,
    xray_of,
)
from scanner.traces.owners import LAMBDA_ORIGINS, Owner, Owners

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
    others = _of_others(calls)
    signed = [call for call in calls if call[0].get("id") not in others] if others else calls
    observed = [observed_call(*call) for call in signed]
    _note_roles(observed, workloads)
    callers = {workload for _, workload, _ in signed}
    workloads = {w: run for w, run in workloads.items() if w in callers or workload_kind(w) != "other"}
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
        unanswered=() if complete else _unanswered(signed, observed, documents.segments),
        other_credentials=_counted(calls, others),
        call_ids=[id_of_document(node.get("id")) for node, *_ in signed],
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
    ended = _without_doubles(_each_once(finished))
    calls = _without_doubles(_each_once([*ended, *in_progress])) if in_progress else ended
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


def _without_doubles(calls: list[_CallNode]) -> list[_CallNode]:
    """The calls without the documents that the collector writes beside them.

    A client's span without one of a server around it becomes a document of the service and, below it, the
    call itself, which has a namespace: exporter/awsxrayexporter/internal/translator/segment.go.
    """
    nameless = {node.get("id") for node, *_ in calls if node.get("namespace") is None}
    if not nameless:
        return calls
    below = {
        (node.get("parent_id"), operation_of(node)) for node, *_ in calls if node.get("namespace") == "aws"
    }
    return [
        call
        for call in calls
        if call[0].get("namespace") is not None or (call[0].get("id"), operation_of(call[0])) not in below
    ]


def _of_others(calls: Sequence[_CallNode]) -> frozenset[object]:
    """The ids of the calls that were made under other credentials."""
    signed = [
        SignedCall(node.get("id"), workload, key, number_of(node.get("start_time")) or 0.0, asks=asks)
        for node, workload, instrumentation in calls
        if instrumentation and has_attributes(node) and (key := value_of("access_key", span_of(node)))
        for asks in (operation_of(node).startswith("AssumeRole"),)
    ]
    return of_others(signed)


def _counted(calls: Sequence[_CallNode], others: Collection[object]) -> dict[str, int]:
    """How many calls each workload made under other credentials."""
    counts: dict[str, int] = {}
    for node, workload, _ in calls if others else ():
        if node.get("id") in others:
            counts[workload or ""] = counts.get(workload or "", 0) + 1
    return counts


def _note_roles(observed: Sequence[ObservedCall], workloads: dict[str, WorkloadRun]) -> None:
    """Note the roles that messages of refusals name."""
    for call, _, message in observed:
        run = workloads.get(call.workload or "") if message else None
        if run is not None and (role := denied_role(message)):
            workloads[call.workload or ""] = run._replace(hints=run.hints._replace(denied_role=role))


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
    named = own_workload(segment)
    return run._replace(
        start=_start(run, number_of(segment.get("start_time")) or 0.0, ran),
        ran=run.ran or ran,
        auto_instrumented=run.auto_instrumented or _is_auto_instrumented(segment),
        version=_version(run.version, segment, named.version if named else None),
        python_sdk=run.python_sdk or names_python_sdk(segment),
        hints=named.hints if named and run.hints == NO_HINTS else run.hints,
    )


def _version(version: str | None, segment: Node, attribute: str | None) -> str | None:
    """The published version that ran, as far as a further document of Lambda names it; else its alias.

    docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html: what a function's ARN ends with.
    """
    arns = (dict_of(segment.get("aws")).get("function_arn"), segment.get("resource_arn"))
    named = (qualifier_of(arn) for arn in arns if isinstance(arn, str))
    qualifiers = [qualifier for qualifier in (version, attribute, *named) if qualifier]
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
