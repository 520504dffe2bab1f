"""Spans in files: whatever these are called, and whatever else stands beside them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import ScanError
from scanner.model.readings import TraceReading
from scanner.traces import span_store
from scanner.traces.source import SkippedTraces
from tests.unit.spans.documents import (
    CALL,
    END,
    GET,
    KEY,
    ROOT,
    START,
    TASK,
    TRACE,
    printed,
    record,
    request,
    root,
    span,
)
from tests.unit.traces.segments import call, invocation, service
from tests.unit.traces.test_files import read, trace, written

_LINES = "\n".join(json.dumps(line) for line in (request(root()), request(span())))
_ROW = [{"field": "@message", "value": json.dumps(record())}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("spans.txt", _LINES),
        ("otlp", gzip.compress(_LINES.encode())),
        ("a.json", json.dumps([request(root()), [request(span())]])),
        ("a.jsonl", json.dumps(record()) + "\n" + json.dumps(record("1" * 16))),
        ("000000.gz", gzip.compress(b"2026-11-27T12:00:00.000Z " + json.dumps(record()).encode() + b"\n")),
        ("a.json", json.dumps({"results": [_ROW], "status": "Complete"}, indent=1)),
        (
            "a.json",
            json.dumps({"Traces": [{"Id": TRACE, "Spans": [{"Id": "1", "Document": json.dumps(record())}]}]}),
        ),
        ("a.json", json.dumps(printed()) + json.dumps(printed())),
    ],
)
@pytest.mark.parametrize("in_folder", [False, True])
def test_a_file_of_spans_is_known_by_what_it_holds(
    tmp_path: Path, name: str, content: str | bytes, in_folder: bool
) -> None:
    path = written(tmp_path, content, name)
    (reading,), report, codes = read(tmp_path if in_folder else path)
    assert (reading.trace_id, list(reading.workloads)) == (TRACE, [KEY])
    assert (report.skipped, codes) == (SkippedTraces(), [])


def test_formats_may_be_mixed_in_a_folder(tmp_path: Path) -> None:
    written(tmp_path, _LINES, "spans.jsonl")
    written(tmp_path, json.dumps({"Traces": [trace("1-1")]}), "traces.json")
    written(tmp_path, json.dumps([{**service(), "trace_id": "1-2"}]), "documents.json")
    written(tmp_path, "notes", "notes.txt")
    readings, _, codes = read(tmp_path)
    assert {reading.trace_id for reading in readings} == {TRACE, "1-1", "1-2"}
    assert codes == ["file-ignored"]


def test_the_spans_of_a_trace_may_stand_in_several_files(tmp_path: Path) -> None:
    files = [
        written(tmp_path, json.dumps(d), f"{n}.json")
        for n, d in enumerate((request(span()), request(root())))
    ]
    ((reading,), _, _) = read(*files)
    assert (reading.documents, reading.complete) == (2, True)


def test_many_spans_are_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_store, "_BLOCK", 200)
    monkeypatch.setattr(span_store, "_IN_MEMORY", 1000)
    denied = {"code": 2, "message": "User: x is not authorized to perform: s3:GetObject"}
    lines = [
        request(root(traceId=f"{n:032x}"), span(traceId=f"{n:032x}", status=denied)) for n in range(1, 300)
    ]
    readings, _, _ = read(written(tmp_path, "\n".join(map(json.dumps, lines))))
    assert len(readings) == 299
    assert {(len(r.calls), r.complete, r.calls[0].message) for r in readings} == {
        (1, True, denied["message"])
    }


def test_spans_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    _, report, _ = read(
        written(tmp_path, json.dumps([request({"spanId": "1"}), record(traceId=None), trace()]))
    )
    assert report.skipped == SkippedTraces(documents=2)


def test_log_events_of_something_else_are_no_traces(tmp_path: Path) -> None:
    events: Any = {"events": [{"message": "START", "timestamp": 1}], "searchedLogStreams": []}
    with pytest.raises(ScanError, match="looks like events of CloudWatch Logs"):
        read(written(tmp_path, json.dumps(events)))


def test_sampling_is_named_where_spans_tell_it(tmp_path: Path) -> None:
    _, _, codes = read(written(tmp_path, json.dumps(request(root(traceState="ot=th:c")))))
    assert codes == ["spans-sampled"]
    _, _, codes = read(written(tmp_path, json.dumps(request(root(traceState="ot=th:0")))))
    assert codes == []


def test_segments_and_spans_of_one_file(tmp_path: Path) -> None:
    segment = {**invocation(subsegments=[call("c")]), "trace_id": "1-2"}
    readings, _, _ = read(written(tmp_path, json.dumps([segment, record(), record("9" * 16)])))
    assert [len(reading.calls) for reading in readings] == [1, 2]


_AS_DOCUMENT = {
    "id": ROOT,
    "trace_id": f"1-{TRACE[:8]}-{TRACE[8:]}",
    "start_time": START / 1e9,
    "end_time": END / 1e9,
    "origin": "AWS::ECS::Fargate",
    "aws": {"ecs": {"task_family": "api", "task_arn": TASK["aws.ecs.task.arn"]}},
}
_CALL_AS_DOCUMENT = {**call(CALL, "GetObject"), "name": "S3"}


def _calls(readings: list[TraceReading]) -> list[tuple[str | None, str]]:
    return [(seen.call.workload, seen.call.operation) for reading in readings for seen in reading.calls]


@pytest.mark.parametrize("first", ["a", "z"])
def test_a_trace_that_was_saved_in_both_forms_counts_once(tmp_path: Path, first: str) -> None:
    document = {**_AS_DOCUMENT, "subsegments": [_CALL_AS_DOCUMENT]}
    written(tmp_path, json.dumps(document), f"{first}.json")
    written(tmp_path, json.dumps(request(root(), span())), "m.json")
    readings, _, _ = read(tmp_path)
    assert len(readings) == 1
    assert _calls(readings) == [(KEY, "GetObject")]


def test_a_call_that_only_the_spans_have_counts_too(tmp_path: Path) -> None:
    document = {**_AS_DOCUMENT, "subsegments": [_CALL_AS_DOCUMENT]}
    put = span("1" * 16, attributes={**GET, "rpc.method": "PutObject"})
    written(tmp_path, json.dumps([document]), "a.json")
    written(tmp_path, json.dumps(request(root(), span(), put)), "m.json")
    readings, _, _ = read(tmp_path)
    assert sorted(_calls(readings)) == [(KEY, "GetObject"), (KEY, "PutObject")]


def test_whose_a_call_is_the_spans_may_tell(tmp_path: Path) -> None:
    document = {**_AS_DOCUMENT, "aws": {}, "subsegments": [_CALL_AS_DOCUMENT]}
    written(tmp_path, json.dumps([document]), "a.json")
    written(tmp_path, json.dumps(request(root(), span())), "m.json")
    readings, _, _ = read(tmp_path)
    assert (KEY, "GetObject") in _calls(readings)
