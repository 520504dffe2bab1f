"""Saved traces as a source: the shapes of files, each trace once, what is skipped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.model import CallRow, RunRow
from scanner.model.readings import TraceReading
from scanner.traces.files import FilesSource
from scanner.traces.source import SkippedTraces, SourceReport
from tests.unit.traces.segments import call, invocation, service


def trace(id_: str = "1-1", *documents: Any, **more: Any) -> dict[str, Any]:
    """A trace as BatchGetTraces returns it."""
    texts = [json.dumps(document) for document in documents or (service(), invocation())]
    return {"Id": id_, "Segments": [{"Id": "a", "Document": text} for text in texts], **more}


def read(*paths: Path) -> tuple[list[TraceReading], SourceReport, list[str]]:
    """The readings of files, the report of their source, and the codes of its warnings."""
    readings: list[TraceReading] = []
    warnings = Warnings()

    def emit(items: Sequence[TraceReading | CallRow | RunRow]) -> None:
        readings.extend(item for item in items if isinstance(item, TraceReading))

    report = FilesSource(paths).read(lambda _: emit, warnings)
    return readings, report, [warning.code for warning in warnings.all()]


def written(folder: Path, text: str | bytes, name: str = "t.json") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Traces": [trace("1-1"), trace("1-2")]}),
        json.dumps([trace("1-1"), [trace("1-2")]]),
        "\n".join([json.dumps(trace("1-1")), "", json.dumps(trace("1-2"))]),
        "\ufeff" + json.dumps([trace("1-1"), trace("1-2")]),
        gzip.compress(json.dumps([trace("1-1"), trace("1-2")]).encode(), mtime=0),
        json.dumps([{**service(), "trace_id": "1-1"}, json.dumps({**service(), "trace_id": "1-2"})]),
        json.dumps([{"Document": json.dumps({**service(), "trace_id": id_})} for id_ in ("1-1", "1-2")]),
    ],
)
def test_the_shapes_of_saved_traces(tmp_path: Path, text: str | bytes) -> None:
    readings, report, codes = read(written(tmp_path, text))
    assert [reading.trace_id for reading in readings] == ["1-1", "1-2"]
    assert (report, codes) == (SourceReport(SkippedTraces()), [])


def test_documents_outside_a_trace_are_put_together_by_its_id(tmp_path: Path) -> None:
    documents = [invocation(subsegments=[call("c")]), service()]
    files = [written(tmp_path, json.dumps(d), f"{n}.json") for n, d in enumerate(documents)]
    ((reading,), _, _) = read(*files)
    assert (reading.documents, len(reading.calls)) == (2, 1)


def test_a_trace_that_is_saved_twice_is_read_once(tmp_path: Path) -> None:
    readings, report, _ = read(written(tmp_path, json.dumps([trace(), trace()])))
    assert (len(readings), report.skipped) == (1, SkippedTraces())


def test_another_copy_of_a_trace_may_hold_more_of_it(tmp_path: Path) -> None:
    readings, report, _ = read(written(tmp_path, json.dumps([trace("1-1", service()), trace()])))
    assert (len(readings), report.skipped) == (1, SkippedTraces(unprocessed=1))


def test_what_is_skipped_is_counted(tmp_path: Path) -> None:
    page = {"Traces": [trace(LimitExceeded=True), 7], "UnprocessedTraceIds": ["1-8", "1-9"]}
    readings, report, _ = read(written(tmp_path, json.dumps([page, {"no": "trace"}])))
    assert len(readings) == 1
    assert report.skipped == SkippedTraces(documents=2, truncated=1, unprocessed=2)


def test_a_file_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "[no JSON", "a.json"),
        written(tmp_path, gzip.compress(b"[]")[:-4], "b.gz"),
        written(tmp_path, json.dumps(trace()), "c.json"),
    ]
    readings, report, codes = read(*files)
    assert (len(readings), report.skipped.documents) == (1, 2)
    assert codes == ["file-unread", "file-unread"]


def test_a_folder_is_read_but_for_files_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for number, name in enumerate(("a.json", "inner/b.jsonl", ".hidden.json")):
        written(tmp_path, json.dumps(trace(f"1-{number}")), name)
    written(tmp_path, "notes", "notes.txt")
    readings, _, codes = read(tmp_path)
    assert [reading.trace_id for reading in readings] == ["1-0", "1-1"]
    assert codes == ["file-ignored"]


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (["README.md"], []),
        (["README", "LICENSE", "index.HTML"], []),
        (["traces.zip"], ["1 other file in saved was not read: traces.zip"]),
        (["README.md", "a.bin", "b.zip"], ["2 other files in saved were not read: a.bin, b.zip"]),
        ([*"abcd"], ["4 other files in saved were not read: a, b, c, ..."]),
    ],
)
def test_files_of_something_else_in_a_folder_are_named_once(
    tmp_path: Path, others: list[str], told: list[str]
) -> None:
    (tmp_path / "saved").mkdir()
    for name in others:
        written(tmp_path / "saved", "something else", name)
    warnings = Warnings()
    FilesSource((tmp_path / "saved",)).read(lambda _: lambda items: None, warnings)
    assert [warning.message for warning in warnings.all()] == told


def test_texts_that_hold_traces_are_read(tmp_path: Path) -> None:
    written(tmp_path, json.dumps(trace()), "README.md")
    readings, _, codes = read(tmp_path)
    assert (len(readings), codes) == (1, [])


def test_a_path_that_is_not_there_ends_the_scan(tmp_path: Path) -> None:
    with pytest.raises(ScanError) as raised:
        read(tmp_path / "gone.json")
    assert raised.value.exit_code == EXIT_USAGE


def test_a_named_file_that_is_another_one_ends_the_scan(tmp_path: Path) -> None:
    for text in ("no JSON", json.dumps({"RoleDetailList": []})):
        with pytest.raises(ScanError, match="holds no traces: it looks like") as raised:
            read(written(tmp_path, text))
        assert raised.value.exit_code == EXIT_USAGE


def test_a_file_that_holds_traces_among_others_is_read(tmp_path: Path) -> None:
    readings, report, _ = read(written(tmp_path, json.dumps([{"Functions": []}, trace(), 5])))
    assert (len(readings), report.skipped.documents) == (1, 2)


def test_many_documents_outside_a_trace_are_put_together(tmp_path: Path) -> None:
    documents = [
        {**document, "trace_id": f"1-{number}", "metadata": {"x": "y" * 1000}}
        for document in (service(), invocation(subsegments=[call("c")]))
        for number in range(10_000)
    ]
    readings, report, _ = read(written(tmp_path, "\n".join(map(json.dumps, documents))))
    assert [reading.documents for reading in readings] == [2] * 10_000
    assert report.skipped == SkippedTraces()


def test_a_document_that_is_nested_too_deeply_is_counted(tmp_path: Path) -> None:
    metadata: Any = 1
    for _ in range(500):
        metadata = [metadata]
    document = {**service(), "trace_id": "1-1", "metadata": {"x": metadata}}
    ((reading,), _, _) = read(written(tmp_path, json.dumps(document)))
    assert (reading.documents, reading.unreadable_documents, reading.complete) == (1, 1, False)
