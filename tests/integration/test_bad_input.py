"""Input of every shape that is accepted, and of many that are not: told in a line, and the rest done."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.report.schema import validate
from tests.fakes import notes
from tests.fakes.moto_aws import ROOT
from tests.fakes.traces import Call, Json, Shape, documents_of, lambda_trace, make_trace_id, trace_of
from tests.fakes.xray import FakeXRay
from tests.integration.tools import (
    Ran,
    environment,
    notes_files,
    notes_trace,
    recent_notes_traces,
    run,
    run_process,
    write_json,
)

START = 1_795_428_130.0
VERBS = tuple(notes.OPERATIONS)
DELETE = notes.function_arn("delete")
TRACES = recent_notes_traces(START)
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

# What must never reach a terminal or a page as it is: escape, carriage return, C1, direction marks.
HARMFUL = "\x1b\x07\r\x00\x9b\x7f\u202e\u2066\u200f\u2028"
EVIL = (
    "\x1b[31mred\x1b[0m\r\n\x07\x00\x9b31m\u202egnp\u2066.exe\u200f\u2028"
    "| <img src=x onerror=alert(1)> `x` [a](http://b) @all"
)


def scan(folder: Path, *traces: Path, more: tuple[object, ...] = ()) -> Ran:
    """The whole job from files, in this process; `folder/out` holds the reports."""
    options = notes_files(folder / "options")
    return run(folder / "out", *options, "--traces", *traces, *more)


def file_of(folder: Path, content: Any, name: str = "traces.json") -> Path:
    """A file that holds bytes or text as they are, and everything else as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    elif isinstance(content, str):
        (folder / name).write_text(content, encoding="utf-8")
    else:
        write_json(folder / name, content)
    return folder / name


def reasons(ran: Ran) -> list[list[str]]:
    return [finding["reasons"] for finding in ran.findings("unused", "broad")]


def objects(trace: Json) -> list[Json]:
    """The documents of a trace, parsed."""
    return [json.loads(document) for document in documents_of(trace)]


def lines(values: list[Any]) -> str:
    return "\n".join(json.dumps(value) for value in values)


# --- all accepted shapes ------------------------------------------------------------------------------

ALL_DOCUMENTS = [document for trace in TRACES for document in objects(trace)]
WITH_OBJECTS = [
    {**trace, "Segments": [{"Id": d["id"], "Document": d} for d in objects(trace)]} for trace in TRACES
]
SHAPES: dict[str, Any] = {
    "what batch-get-traces prints": {"Traces": TRACES, "UnprocessedTraceIds": []},
    "pages of it, a line each": lines([{"Traces": TRACES[:2]}, {"Traces": TRACES[2:]}]),
    "a list of pages": [{"Traces": TRACES[:2]}, {"Traces": TRACES[2:]}],
    "a list of traces": TRACES,
    "JSON lines of traces": lines(TRACES),
    "JSON lines with empty lines": "\n\n" + lines(TRACES).replace("\n", "\r\n\n") + "\n",
    "a list of documents": ALL_DOCUMENTS,
    "JSON lines of documents": lines(ALL_DOCUMENTS),
    "a list of documents as texts": [json.dumps(document) for document in ALL_DOCUMENTS],
    "a list of segments": [segment for trace in TRACES for segment in trace["Segments"]],
    "documents as objects": {"Traces": WITH_OBJECTS},
    "lists of documents, a trace each": [objects(trace) for trace in TRACES],
    "gzip": gzip.compress(json.dumps({"Traces": TRACES}).encode()),
    "gzip of JSON lines": gzip.compress(lines(ALL_DOCUMENTS).encode()),
    "gzip in two members": gzip.compress(lines(TRACES[:2]).encode() + b"\n")
    + gzip.compress(lines(TRACES[2:]).encode()),
    "with a byte order mark": b"\xef\xbb\xbf" + json.dumps({"Traces": TRACES}).encode(),
    "in the order of arrival reversed": ALL_DOCUMENTS[::-1],
}


def is_the_walk_through(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    assert (ran.report["scan"]["traces"], ran.report["scan"]["calls"]) == (5, 5)
    assert (ran.skipped, ran.warnings) == ({}, {})
    (entry,) = ran.excess
    assert entry["arn"] == DELETE
    assert reasons(ran) == [[]]


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_saved_traces_gives_the_same_finding(tmp_path: Path, content: Any) -> None:
    is_the_walk_through(scan(tmp_path, file_of(tmp_path, content)))


def test_one_trace_and_one_document_are_read_by_themselves(tmp_path: Path) -> None:
    delete = TRACES[VERBS.index("delete")]
    for name, content in (("trace", delete), ("document", objects(delete)[1])):
        ran = scan(tmp_path / name, file_of(tmp_path, content, f"{name}.json"))
        assert ran.report["scan"]["traces"] == 1
        assert reasons(ran) == [[]]


def test_files_and_folders_of_all_shapes_are_read_together(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    file_of(folder / "a" / "b", TRACES[0], "deep.json")
    file_of(folder / "a", gzip.compress(lines([TRACES[1]]).encode()), "lines.jsonl.gz")
    file_of(folder, objects(TRACES[2]), "documents.json")
    file_of(folder / ".git", "not JSON", "config")
    file_of(folder, "not JSON", ".DS_Store")
    rest = file_of(tmp_path, TRACES[3:], "rest.json")
    is_the_walk_through(scan(tmp_path, folder, rest))


def test_a_trace_that_was_saved_twice_is_counted_once(tmp_path: Path) -> None:
    one, two = file_of(tmp_path, TRACES, "1.json"), file_of(tmp_path, {"Traces": WITH_OBJECTS}, "2.json")
    is_the_walk_through(scan(tmp_path, one, two, one))


def test_documents_of_one_trace_in_several_files_are_put_together(tmp_path: Path) -> None:
    for number, document in enumerate(ALL_DOCUMENTS):
        file_of(tmp_path / "saved", document, f"{number}.json")
    is_the_walk_through(scan(tmp_path, tmp_path / "saved"))


def test_unprocessed_ids_of_a_saved_answer_leave_no_finding_confirmed(tmp_path: Path) -> None:
    answer = {"Traces": TRACES, "UnprocessedTraceIds": [make_trace_id(START, "lost")]}
    ran = scan(tmp_path, file_of(tmp_path, answer))
    assert ran.skipped == {"traces_unprocessed": 1}
    assert reasons(ran) == [["incomplete-traces"]]


# --- files that are broken ----------------------------------------------------------------------------

COMPRESSED = gzip.compress(json.dumps({"Traces": TRACES}).encode())
FLIPPED = COMPRESSED[:400] + bytes([COMPRESSED[400] ^ 0xFF]) + COMPRESSED[401:]
DAMAGED: dict[str, Any] = {
    "half of it": json.dumps({"Traces": TRACES})[:-40],
    "half of it, indented": json.dumps({"Traces": TRACES}, indent=4)[:-40],
    "not UTF-8": b'{"Traces": ["\xff\xfe"]}',
    "half of UTF-16": json.dumps({"Traces": TRACES}).encode("utf-16")[:-41],
    "gzip cut in the middle": COMPRESSED[: len(COMPRESSED) // 2],
    "gzip with a flipped byte": FLIPPED,
    "gzip with only its head": COMPRESSED[:6],
    "gzip and rubbish": COMPRESSED + b"rubbish",
    "traces and rubbish": json.dumps({"Traces": TRACES}) + "rubbish",
    "a list 10,000 levels deep": "[" * 10_000 + "]" * 10_000,
    "an object 10,000 levels deep": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "traces that are texts": {"Traces": ["hello"]},
    "traces that are numbers": {"Traces": [5, None]},
    "a trace without an id": {"Segments": []},
    "a trace with a number as id": {"Id": 5, "Segments": TRACES[0]["Segments"]},
    "NaN": '{"id": "a", "trace_id": "b", "start_time": NaN}',
}
NO_TRACES: dict[str, Any] = {
    "text": "hello",
    "binary": bytes(range(256)),
    "gzip of text": gzip.compress(b"hello"),
    "a list 1,000 levels deep": "[" * 1_000 + "5" + "]" * 1_000,
    "segments 900 levels deep": '{"Document":' * 900 + "1" + "}" * 900,
    "a number": "42",
    "null": "null",
    "a text of JSON": '"hello"',
    "numbers": [1, 2.5, True, None],
    "another document": {"Reservations": [], "Owner": "me"},
    "two values in a line": "{} {}",
    "roles": notes.iam(),
    "functions": notes.functions(),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_reported_and_the_others_are_read(tmp_path: Path, content: Any) -> None:
    good = file_of(tmp_path, TRACES, "good.json")
    ran = scan(tmp_path, good, file_of(tmp_path, content, "broken.json"))
    left_unread(ran)


@pytest.mark.parametrize("content", NO_TRACES.values(), ids=NO_TRACES)
def test_a_file_of_a_folder_that_holds_no_traces_is_reported_and_the_others_are_read(
    tmp_path: Path, content: Any
) -> None:
    file_of(tmp_path / "saved", TRACES, "good.json")
    file_of(tmp_path / "saved", content, "broken.json")
    ran = scan(tmp_path, tmp_path / "saved")
    left_unread(ran)
    assert "broken.json holds no traces: it looks like" in ran.warning_texts


def left_unread(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 5
    assert ran.skipped["documents"] >= 1
    assert ran.warnings
    assert reasons(ran) == [["incomplete-traces"]], "what was not read may be any function's"
    assert ran.excess


@pytest.mark.parametrize("name", ["half of it", "gzip cut in the middle", "traces and rubbish"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    good = file_of(tmp_path, TRACES, "good.json")
    ran = scan(tmp_path, file_of(tmp_path, DAMAGED[name], "broken.json"), good)
    assert "broken.json" in ran.warning_texts
    assert "broken.json" in ran.out


@pytest.mark.parametrize("content", NO_TRACES.values(), ids=NO_TRACES)
def test_a_named_file_without_traces_is_wrong_use(tmp_path: Path, content: Any) -> None:
    good = file_of(tmp_path, TRACES, "good.json")
    ran = scan(tmp_path, good, file_of(tmp_path, content))
    ran.ends_with(2, "traces.json holds no traces: it looks like")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (notes.iam(), "a file of roles and policies: --iam takes it"),
        (notes.functions(), "a list of Lambda functions: --functions takes it"),
        ({"Version": "2012-10-17", "Statement": []}, "a policy document"),
        ({"schema_version": 1, "scan": {}}, "a report.json"),
        ({"Records": [{"eventVersion": "1.11"}]}, "a file of CloudTrail"),
        ({"events": [{"message": "START"}], "searchedLogStreams": []}, "events of CloudWatch Logs"),
        ("<!DOCTYPE html><p>Sign in", "an HTML page"),
        (b"PK\x03\x04\x14\x00", "a zip archive"),
        (gzip.compress(gzip.compress(b"[]")), "gzip that was packed twice"),
        (json.dumps(notes.iam())[:-20], "a file of roles and policies"),
        ("time,id\n1,2\n", "text that is not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_a_wrong_file_is_recognised(tmp_path: Path, content: Any, says: str) -> None:
    scan(tmp_path, file_of(tmp_path, content)).ends_with(2, "--traces", "traces.json", says)


@pytest.mark.parametrize("option", ["--iam", "--functions", "--report"])
def test_traces_in_the_place_of_another_file_are_recognised(tmp_path: Path, option: str) -> None:
    traces = file_of(tmp_path, {"Traces": TRACES}, "t.json")
    command = ("explain", "0") if option == "--report" else ("-c", "--traces", traces)
    run(tmp_path / "out", *command, option, traces).ends_with(2, option, "saved traces: --traces takes it")


def test_of_broken_json_nothing_is_guessed(tmp_path: Path) -> None:
    broken = file_of(tmp_path, "{broken", "iam.json")
    ran = run(tmp_path / "out", "-c", "--traces", file_of(tmp_path, {"Traces": TRACES}), "--iam", broken)
    ran.ends_with(2, "--iam", "is not JSON")
    assert "looks like" not in ran.err


@pytest.mark.parametrize("name", ["gzip with only its head", "NaN", "an object 10,000 levels deep"])
def test_a_damaged_file_alone_is_no_trace(tmp_path: Path, name: str) -> None:
    scan(tmp_path, file_of(tmp_path, DAMAGED[name])).ends_with(3, "no trace was found in the files")


@pytest.mark.parametrize(
    "name",
    ["half of it", "half of it, indented", "half of UTF-16", "traces and rubbish", "gzip cut in the middle"],
)
def test_the_traces_before_the_damage_are_read(tmp_path: Path, name: str) -> None:
    ran = scan(tmp_path, file_of(tmp_path, DAMAGED[name]))
    assert ran.report["scan"]["traces"] >= 1
    assert ran.skipped == {"documents": 1}


# --- how files are packed and passed -------------------------------------------------------------------


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress,
        lambda content: content.decode().encode("utf-16"),
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: gzip.compress(content[:100]) + gzip.compress(content[100:]),
        lambda content: gzip.compress(content.decode().encode("utf-16")),
    ],
    ids=["gzip", "UTF-16", "UTF-8 with a mark", "gzip in two members", "gzip of UTF-16"],
)
def test_every_option_reads_packed_files(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    options = notes_files(tmp_path / "options")
    for name in ("iam.json", "functions.json"):
        path = tmp_path / "options" / name
        path.write_bytes(packed(path.read_bytes()))
    traces = file_of(tmp_path, packed(json.dumps({"Traces": TRACES}, indent=4).encode()))
    is_the_walk_through(run(tmp_path / "out", *options, "--traces", traces))


@pytest.mark.parametrize(
    ("option", "runner"), [("--traces", run_process), ("--iam", run), ("--functions", run)]
)
def test_a_file_is_read_from_standard_input(tmp_path: Path, option: str, runner: Callable[..., Ran]) -> None:
    words = [*notes_files(tmp_path / "options"), "--traces", str(file_of(tmp_path, TRACES))]
    place = words.index(option) + 1
    content, words[place] = gzip.compress(Path(words[place]).read_bytes()), "-"
    is_the_walk_through(runner(tmp_path / "out", *words, stdin=content))


def test_two_files_from_standard_input_are_wrong_use(tmp_path: Path) -> None:
    ran = run(tmp_path / "out", "-c", "--traces", "-", "--iam", "-")
    ran.ends_with(2, "--traces and --iam", "only one file")
    ran = run(tmp_path / "out", "-c", "--baseline", "-", "--update-baseline")
    ran.ends_with(2, "--baseline must name a file")


@pytest.mark.parametrize("option", ["--traces", "--iam", "--functions", "--config", "--baseline"])
def test_pipes_and_devices_are_refused(tmp_path: Path, option: str) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    traces = file_of(tmp_path, TRACES)
    for path, says in ((tmp_path / "pipe.json", "is a pipe"), ("/dev/zero", "is a device")):
        ran = run(tmp_path / "out", "-c", "--traces", traces, option, path)
        ran.ends_with(2, option, str(path), says)


def test_a_pipe_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    file_of(tmp_path / "saved", TRACES)
    os.mkfifo(tmp_path / "saved" / "pipe.json")
    ran = scan(tmp_path, tmp_path / "saved")
    assert ran.report["scan"]["traces"] == 5
    assert ran.warnings == {"file-ignored": 1}


def test_half_a_file_of_json_lines_gives_the_lines_that_are_whole(tmp_path: Path) -> None:
    ran = scan(tmp_path, file_of(tmp_path, lines(TRACES) + '\n{"Id": "1-'))
    assert ran.report["scan"]["traces"] == 5
    assert ran.skipped == {"documents": 1}
    assert reasons(ran) == [["incomplete-traces"]]


@pytest.mark.parametrize("content", [b"", b" \n\n", gzip.compress(b"")], ids=["empty", "blank", "gzip"])
def test_an_empty_file_changes_nothing(tmp_path: Path, content: bytes) -> None:
    good = file_of(tmp_path, TRACES, "good.json")
    ran = scan(tmp_path, file_of(tmp_path, content), good)
    assert ran.report["scan"]["traces"] == 5
    assert ran.code == 0
    scan(tmp_path, file_of(tmp_path, content)).ends_with(3, "no trace was found")


def test_an_empty_folder_holds_no_trace(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    scan(tmp_path, tmp_path / "saved").ends_with(3, "no trace was found")


def test_other_files_in_a_folder_are_named_and_the_traces_read(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    file_of(folder, TRACES)
    file_of(folder, "# Traces\n", "README.md")
    file_of(folder, b"\x89PNG\r\n\x1a\n\x00", "screen.png")
    (folder / "loop").symlink_to(folder)
    ran = scan(tmp_path, folder)
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 5
    assert "README.md" not in ran.warning_texts
    assert "screen.png" in ran.warning_texts
    assert ran.excess


def test_a_path_that_does_not_exist_is_wrong_use(tmp_path: Path) -> None:
    good = file_of(tmp_path, TRACES)
    scan(tmp_path, good, tmp_path / "nothing.json").ends_with(2, "nothing.json does not exist")


def test_a_name_with_control_characters_in_a_warning_is_escaped(tmp_path: Path) -> None:
    good = file_of(tmp_path, TRACES)
    ran = scan(tmp_path, good, file_of(tmp_path, "[hello", "a\x1b[31m\u202e\n<b>.json"))
    assert "<b>.json" in ran.out
    assert not set(HARMFUL) & set(ran.out)


# --- documents that are broken ------------------------------------------------------------------------


def mended(change: Callable[[Json], Any], *, document: int = 1) -> list[Any]:
    """The traces, with a document of the delete function's changed."""
    delete = TRACES[VERBS.index("delete")]
    documents: list[Any] = objects(delete)
    documents[document] = change(documents[document])
    segments = [{"Id": "x", "Document": d if isinstance(d, str) else json.dumps(d)} for d in documents]
    return [{**delete, "Segments": segments}, *(trace for trace in TRACES if trace is not delete)]


DOCUMENTS: dict[str, Any] = {
    "text": lambda _: "hello",
    "empty": lambda _: "",
    "half of it": lambda d: json.dumps(d)[:-10],
    "10,000 levels deep": lambda _: '{"id":"a","subsegments":[' * 10_000 + "]}" * 10_000,
    "a list": lambda d: [d],
    "null": lambda _: None,
    "NaN as its start": lambda d: json.dumps(d).replace(str(d["start_time"]), "NaN"),
    "no id": lambda d: {key: value for key, value in d.items() if key != "id"},
    "a number as id": lambda d: {**d, "id": 5},
}


@pytest.mark.parametrize("change", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_broken_document_is_counted_and_the_others_are_read(
    tmp_path: Path, change: Callable[[Json], Any]
) -> None:
    ran = scan(tmp_path, file_of(tmp_path, mended(change)))
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 5
    assert ran.skipped == {"documents": 1}
    assert ran.warnings["documents-unreadable"] == 1
    assert all("incomplete-traces" in found for found in reasons(ran))
    assert len(ran.report["roles"]) == 5


def test_a_segment_without_its_document_is_counted(tmp_path: Path) -> None:
    traces = json.loads(json.dumps(TRACES))
    del traces[0]["Segments"][0]["Document"]
    ran = scan(tmp_path, file_of(tmp_path, traces))
    assert ran.skipped == {"documents": 1}


def test_a_trace_without_segments_is_counted_and_confirms_nothing(tmp_path: Path) -> None:
    traces = [{key: value for key, value in TRACES[0].items() if key != "Segments"}, *TRACES[1:]]
    ran = scan(tmp_path, file_of(tmp_path, {"Traces": traces}))
    assert ran.skipped or ran.warnings


ODD: dict[str, Callable[[Json], Any]] = {
    "times that are texts": lambda d: {**d, "start_time": "now", "end_time": "later"},
    "times too large for a calendar": lambda d: {**d, "start_time": 1e18, "end_time": 1e300},
    "times too large for a float": lambda d: json.dumps(d).replace(str(d["start_time"]), "9" * 400),
    "an exponent too large": lambda d: json.dumps(d).replace(str(d["start_time"]), "1e999"),
    "times before the calendar": lambda d: {**d, "start_time": -1e18},
    "no times": lambda d: {key: value for key, value in d.items() if not key.endswith("_time")},
    "aws a text": lambda d: {**d, "aws": "hello"},
    "aws null": lambda d: {**d, "aws": None},
    "subsegments a text": lambda d: {**d, "subsegments": "hello"},
    "subsegments an object": lambda d: {**d, "subsegments": {"a": 1}},
    "subsegments of all kinds": lambda d: {**d, "subsegments": [None, 1, "x", [], {}]},
    "its own parent": lambda d: {**d, "parent_id": d["id"]},
    "a parent that is an object": lambda d: {**d, "parent_id": {"id": 1}},
    "a function ARN that is a list": lambda d: {**d, "aws": {"function_arn": [1]}},
    "a function ARN that is none": lambda d: {**d, "aws": {"function_arn": "hello"}},
    "an empty function ARN": lambda d: {**d, "aws": {"function_arn": ""}},
    "a function ARN cut short": lambda d: {**d, "aws": {"function_arn": "arn:aws:lambda"}},
    "the ARN of something else": lambda d: {**d, "aws": {"function_arn": "arn:aws:s3:::bucket"}},
    "a function ARN of nowhere": lambda d: {
        **d,
        "aws": {"function_arn": DELETE.replace("us-east-1", "no where\n/..")},
    },
    "a function ARN without a region": lambda d: {
        **d,
        "aws": {"function_arn": DELETE.replace("us-east-1", "")},
    },
    "an origin that is a list": lambda d: {**d, "origin": []},
    "a namespace that is an object": lambda d: {**d, "namespace": {"a": 1}},
    "an in_progress that is a text": lambda d: {**d, "in_progress": "yes"},
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_a_document_with_odd_values_does_not_disturb_the_others(
    tmp_path: Path, change: Callable[[Json], Any]
) -> None:
    ran = scan(tmp_path, file_of(tmp_path, mended(change)))
    assert ran.code == 0, ran.err
    validate("report", ran.document)
    assert ran.used(notes.function_name("get")) != set()
    assert len(ran.report["roles"]) >= 4


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_a_document_with_odd_values_can_be_read_without_comparing(
    tmp_path: Path, change: Callable[[Json], Any]
) -> None:
    ran = run(tmp_path / "out", "-v", "--traces", file_of(tmp_path, mended(change)))
    assert ran.code == 0, ran.err
    validate("report", ran.document)


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_a_document_with_odd_values_can_be_compared_with_an_aws_that_knows_nothing(
    tmp_path: Path, change: Callable[[Json], Any]
) -> None:
    """The function's region and name come from the trace, and are asked for."""
    iam = write_json(tmp_path / "iam.json", notes.iam())
    file = file_of(tmp_path, mended(change)[:1])
    options = ("-c", "--traces", file, "--iam", iam)
    with FakeXRay([]) as aws:  # it refuses whatever is not X-Ray's
        ran = run(tmp_path / "out", *options, env={"AWS_ENDPOINT_URL": aws.url})
    ran.ends_with(3, "nothing can be compared")


CALLS: dict[str, Json] = {
    "no operation": {"aws": {"region": "us-east-1"}},
    "no aws": {"aws": None},
    "an operation that is a list": {"aws": {"operation": []}},
    "an operation that does not exist": {"aws": {"operation": "DoTheImpossible"}},
    "a service that does not exist": {"name": "NoSuchService"},
    "a name that is a number": {"name": 7},
    "an empty name": {"name": ""},
    "a name of 100,000 characters": {"name": "x" * 100_000},
    "an operation with a path": {"aws": {"operation": "../../etc/passwd"}},
}


@pytest.mark.parametrize("change", CALLS.values(), ids=CALLS)
def test_a_call_that_cannot_be_mapped_is_counted_and_named(tmp_path: Path, change: Json) -> None:
    ran = scan(tmp_path, file_of(tmp_path, mended(lambda d: with_call(d, change))))
    assert ran.code == 0, ran.err
    assert ran.skipped["calls"] == 1
    (unmapped,) = [u for workload in ran.report["workloads"] for u in workload["unmapped"]]
    assert unmapped["count"] == 1
    assert unmapped["reason"]
    assert "unmapped-operation" in reasons(ran)[0]
    assert "Could not be mapped" in ran.out


def with_call(document: Json, change: Json) -> Json:
    """The document with one more call, changed."""
    call = {
        "id": "ffffffffffffffff",
        "name": "DynamoDB",
        "namespace": "aws",
        "start_time": START,
        "end_time": START + 1,
        "aws": {"operation": "GetItem", "table_name": "notes", "region": "us-east-1"},
        **change,
    }
    return {**document, "subsegments": [*document["subsegments"], call]}


PARAMETERS: dict[str, Json] = {
    "numbers": {"table_name": 5, "region": 7, "account_id": 123456789012},
    "objects": {"table_name": {"a": 1}, "region": [], "resource_names": {"a": 1}},
    "nulls": {"table_name": None, "region": None, "resource_names": [None]},
    "nothing": {"table_name": "", "region": "", "account_id": ""},
    "an ARN that is none": {"table_name": "arn:::::"},
    "an ARN cut short": {"table_name": "arn:aws:dynamodb"},
    "wildcards": {"table_name": "*", "region": "*"},
    "a name of 100,000 characters": {"table_name": "x" * 100_000},
    "a list of all kinds": {"table_names": [1, None, "x", {}], "resource_names": "dict_keys([])"},
    "a variable": {"table_name": "${aws:username}"},
}


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_of_odd_kinds_do_not_disturb_the_scan(tmp_path: Path, parameters: Json) -> None:
    aws = {"operation": "GetItem", **parameters}
    ran = scan(tmp_path, file_of(tmp_path, mended(lambda d: with_call(d, {"aws": aws}))))
    assert ran.code == 0, ran.err
    validate("report", ran.document)
    seen = [u for u in workload(ran, "delete")["used"] if u["action"] == "dynamodb:GetItem"]
    assert seen, "the call needed the action, whatever it was made on"
    for policy in (tmp_path / "out").glob("*.policy.json"):
        assert "${" not in policy.read_text(encoding="utf-8").replace("${$}", ""), "it would be a variable"


def workload(ran: Ran, verb: str) -> Any:
    (found,) = [w for w in ran.report["workloads"] if w["arn"] == notes.function_arn(verb)]
    return found


def test_a_document_of_200_kilobytes_is_read(tmp_path: Path) -> None:
    shape = Shape(handlers=("handler",) * 5, extra={"metadata": {"default": {"body": "x" * 50_000}}})
    calls = [Call("DynamoDB", "DeleteItem", {"table_name": "notes"})] * 400
    trace = lambda_trace(DELETE, calls, START, shape=shape)
    assert max(map(len, documents_of(trace))) > 100_000
    big = lambda_trace(DELETE, calls * 2, START + 1, shape=shape, seed="big")
    assert max(map(len, documents_of(big))) > 200_000
    ran = scan(tmp_path, file_of(tmp_path, [trace, big]))
    assert workload(ran, "delete")["evidence"]["calls"] == 1200
    assert reasons(ran) == [[]]


def test_a_document_that_nests_500_levels_is_read(tmp_path: Path) -> None:
    """orjson reads up to 1,024 levels."""
    shape = Shape(handlers=tuple(f"level {n}" for n in range(240)))
    trace = lambda_trace(
        DELETE, [Call("DynamoDB", "DeleteItem", {"table_name": "notes"})], START, shape=shape
    )
    ran = scan(tmp_path, file_of(tmp_path, [trace]))
    assert reasons(ran) == [[]]


def test_documents_that_are_each_other_s_parents_come_to_an_end(tmp_path: Path) -> None:
    one = {"id": "a" * 16, "name": "x", "parent_id": "b" * 16, "start_time": START}
    two = {"id": "b" * 16, "name": "x", "parent_id": "a" * 16, "start_time": START}
    ran = scan(tmp_path, file_of(tmp_path, [*TRACES, trace_of(make_trace_id(START, "loop"), [one, two])]))
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 6


# --- names ---------------------------------------------------------------------------------------------


def evil_application(folder: Path, name: str = EVIL, region: str = notes.REGION) -> tuple[object, ...]:
    """An application whose function, role, policy, statement, table and error message have an evil name."""
    arn = f"arn:aws:lambda:{region}:{notes.ACCOUNT}:function:{name.replace(':', '')}"
    role = f"arn:aws:iam::{notes.ACCOUNT}:role/{name}"
    table = f"arn:aws:dynamodb:us-east-1:{notes.ACCOUNT}:table/{name}"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": name, "Effect": "Allow", "Action": ["dynamodb:*", f"x:{name}"], "Resource": [table, "*"]},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role},
        ],
    }
    iam = notes.iam()
    iam["RoleDetailList"] = [
        {
            "RoleName": name,
            "Arn": role,
            "AssumeRolePolicyDocument": notes.trust(),
            "RolePolicyList": [{"PolicyName": name, "PolicyDocument": policy}, {"PolicyName": name}],
        }
    ]
    functions = {"Functions": [{"FunctionArn": arn, "FunctionName": name, "Role": role}]}
    calls = [
        Call("DynamoDB", "GetItem", {"table_name": name}),
        Call("S3", "GetObject", {"bucket_name": name}, 403, "AccessDenied", f"not authorized {name}"),
        Call(name, name),
        Call("DynamoDB", name),
    ]
    trace = lambda_trace(arn, calls, START)
    return (
        *("-c", "-v", "--traces", file_of(folder, [trace], "evil-traces.json")),
        *("--iam", write_json(folder / "iam.json", iam)),
        *("--functions", write_json(folder / "functions.json", functions)),
    )


def is_harmless(text: str) -> None:
    assert not set(HARMFUL) & set(text), sorted(set(HARMFUL) & set(text))


def test_evil_names_do_no_harm_on_a_terminal_that_is_none(tmp_path: Path) -> None:
    ran = run(tmp_path / "out", *evil_application(tmp_path))
    assert ran.code == 0, ran.err
    is_harmless(ran.out.replace("\n", ""))
    is_harmless(ran.err)
    assert "\\x1b" in ran.out, "they are shown, escaped"


def test_evil_names_do_no_harm_on_a_terminal(tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, *evil_application(tmp_path))
    assert "never used" in shown or "only used" in shown
    # the terminal's own line ends and rich's own colours stay
    for line in shown.splitlines():
        assert "\x1b[31m" not in line
        is_harmless(line.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[3m", "").rstrip("\r"))


def on_a_terminal(folder: Path, *arguments: object) -> str:
    """What the command shows on a terminal."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "scanner", *map(str, arguments)]
    env = environment({"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"})
    with subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=follower, stderr=subprocess.PIPE
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 65_536)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert process.stderr is not None
        error = process.stderr.read().decode()
    os.close(leader)
    assert process.returncode == 0, error
    return shown.decode()


def test_evil_names_do_no_harm_in_markdown(tmp_path: Path) -> None:
    ran = run(tmp_path / "out", *evil_application(tmp_path), "--format", "markdown")
    is_harmless(ran.out)
    outside = "".join(ran.out.split("```")[::2])
    for part in ("<img", "onerror=", "](http", "@all", "`x`"):
        assert part not in outside, part
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1, "no name adds a column"


def test_an_evil_region_does_no_harm_in_markdown(tmp_path: Path) -> None:
    region = "<img src=x onerror=alert(1)>[a](http//b)@all"
    ran = run(tmp_path / "out", *evil_application(tmp_path, "plain", region), "--format", "markdown")
    for part in ("<img", "](http", "@all"):
        assert part not in ran.out, part


def test_a_name_cannot_end_the_code_block_of_a_suggestion(tmp_path: Path) -> None:
    ran = run(tmp_path / "out", *evil_application(tmp_path, "a\n```\n# title\n````"), "--format", "markdown")
    assert "\n# title" not in ran.out


def test_evil_names_are_whole_in_the_reports(tmp_path: Path) -> None:
    ran = run(tmp_path / "out", *evil_application(tmp_path))
    validate("report", ran.document)
    (entry,) = ran.excess
    assert entry["role"].endswith(EVIL)


def test_a_message_of_aws_with_an_access_key_is_not_shown(tmp_path: Path) -> None:
    message = (
        f'User is not authorized to perform: s3:GetObject, secretAccessKey="{SECRET}" AKIAIOSFODNN7EXAMPLE'
    )
    call = Call("S3", "GetObject", {"bucket_name": "b"}, 403, "AccessDenied", message)
    ran = scan(tmp_path, file_of(tmp_path, [lambda_trace(DELETE, [call], START)]), more=("-v",))
    written = ran.out + ran.err + "".join(p.read_text() for p in ran.folder.glob("*"))
    assert SECRET not in written
    assert "AKIAIOSFODNN7EXAMPLE" not in written


FILE_NAMES = [
    "../../../evil",
    "/etc/evil",
    "..",
    ".",
    "a/b",
    "a\\b",
    "CON",
    "x" * 300,
    "\x00",
    "é\u202e",
    " ",
]


@pytest.mark.parametrize("name", FILE_NAMES, ids=map(ascii, FILE_NAMES))
def test_a_policy_file_stands_in_the_output_folder_whatever_the_function_is_called(
    tmp_path: Path, name: str
) -> None:
    arn = f"arn:aws:lambda:us-east-1:{notes.ACCOUNT}:function:{name}"
    out = tmp_path / "deep" / "er" / "out"
    file = file_of(tmp_path / "in", [lambda_trace(arn, [Call("S3", "ListBuckets")], START)])
    ran = run(tmp_path, "--traces", file, "--output-dir", out)
    assert ran.code == 0, ran.err
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and p.parent != out and p != file]
    assert outside == []
    (policy,) = out.glob("*.policy.json")
    assert policy.stat().st_size
    assert not policy.name.startswith(".")
    assert len(policy.name) < 200
    assert replace(ran, folder=out).report["workloads"][0]["name"] == name


def test_policy_files_whose_names_collide_get_a_suffix(tmp_path: Path) -> None:
    arns = [
        f"arn:aws:lambda:{region}:{account}:function:{name}"
        for region in ("us-east-1", "eu-west-1")
        for account in ("123456789012", "210987654321")
        for name in ("same", "Same", "same-2", "a b", "a_b")
    ]
    traces = [
        lambda_trace(arn, [Call("SQS", "SendMessage", {"queue_url": f"https://sqs/{n}/q{n}"})], START + n)
        for n, arn in enumerate(arns)
    ]
    ran = run(tmp_path / "out", "--traces", file_of(tmp_path, traces))
    assert ran.code == 0
    files = list((tmp_path / "out").glob("*.policy.json"))
    assert len(files) == len(arns) == 20
    assert len({file.name.lower() for file in files}) == 20, "some file systems tell no case"
    assert len({file.read_bytes() for file in files}) == 20


def test_what_the_terminal_s_encoding_does_not_hold_is_shown_in_another_way(tmp_path: Path) -> None:
    options = (*notes_files(tmp_path / "options"), "--traces", file_of(tmp_path, TRACES))
    ran = run_process(tmp_path, *options, "--format", "markdown", env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 0, ran.err
    assert "notes-app-api-test-delete" in ran.out
    evil = evil_application(tmp_path, "日本-ü-🔴")
    ran = run_process(tmp_path, *evil, env={"PYTHONIOENCODING": "cp1252"})
    assert ran.code == 0, ran.err
    assert "never used" in ran.out or "only used" in ran.out


# --- IAM and Lambda from files -------------------------------------------------------------------------


def compare(folder: Path, iam: Any = None, functions: Any = None) -> Ran:
    """The walk-through with another file of roles or functions."""
    options = [
        *("--iam", file_of(folder, notes.iam() if iam is None else iam, "iam.json")),
        *("--functions", file_of(folder, notes.functions() if functions is None else functions, "f.json")),
    ]
    return run(folder / "out", "-c", "--traces", ROOT / "examples" / "traces", *options)


WRONG: dict[str, Any] = {
    "text": "hello",
    "empty": "",
    "half of it": json.dumps(notes.iam())[:-30],
    "not UTF-8": b"\xff\xfe",
    "10,000 levels deep": "[" * 10_000 + "]" * 10_000,
    "a list": [],
    "a number": "5",
    "an empty object": {},
    "another answer": {"Traces": []},
    "a list that is none": {"RoleDetailList": {}, "Functions": {}},
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_file_that_is_not_of_iam_is_wrong_use(tmp_path: Path, content: Any) -> None:
    compare(tmp_path, iam=content).ends_with(2, "--iam")


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_file_that_is_not_of_lambda_is_wrong_use(tmp_path: Path, content: Any) -> None:
    compare(tmp_path, functions=content).ends_with(2, "--functions")


def test_files_that_do_not_exist_are_wrong_use(tmp_path: Path) -> None:
    options = ("-c", "--traces", ROOT / "examples" / "traces")
    run(tmp_path, *options, "--iam", tmp_path / "no.json").ends_with(2, "--iam", "no.json")
    run(tmp_path, *options, "--functions", tmp_path / "no.json").ends_with(2, "--functions", "no.json")


def roles_with(verb: str, **change: Any) -> Json:
    """The roles, with something of one function's changed."""
    iam = notes.iam()
    for role in iam["RoleDetailList"]:
        if role["RoleName"] == notes.role_name(verb):
            role |= change
    return iam


def inline(document: Any) -> list[Json]:
    return [{"PolicyName": "odd", "PolicyDocument": document}]


ALLOW: Json = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
NOT_POLICIES: dict[str, Any] = {
    "text": "hello",
    "null": None,
    "a number": 5,
    "a list": [ALLOW],
    "no statement": {"Version": "2012-10-17"},
    "a statement that is a text": {"Statement": "Allow all"},
    "a statement in a list that is a text": {"Statement": [ALLOW, "Allow all"]},
    "no effect": {"Statement": [{"Action": "*", "Resource": "*"}]},
    "an effect that is none": {"Statement": [{**ALLOW, "Effect": "allow"}]},
    "no action": {"Statement": [{"Effect": "Allow", "Resource": "*"}]},
    "an action that is a number": {"Statement": [{**ALLOW, "Action": 5}]},
    "actions of all kinds": {"Statement": [{**ALLOW, "Action": ["s3:GetObject", None]}]},
    "an empty list of actions": {"Statement": [{**ALLOW, "Action": []}]},
    "no resource": {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]},
    "a resource that is an object": {"Statement": [{**ALLOW, "Resource": {"a": 1}}]},
}


@pytest.mark.parametrize("document", NOT_POLICIES.values(), ids=NOT_POLICIES)
def test_a_policy_that_is_not_one_is_named_and_the_others_are_compared(tmp_path: Path, document: Any) -> None:
    both = [*inline(document), {"PolicyName": "notes", "PolicyDocument": notes.policy("delete")}]
    ran = compare(tmp_path, iam=roles_with("delete", RolePolicyList=both))
    assert ran.code == 0, ran.err
    assert ran.warnings == {"policy-unread": 1}
    assert "odd" in ran.warning_texts
    assert notes.role_name("delete") in ran.out
    (entry,) = ran.excess
    assert entry["arn"] == DELETE
    (role,) = [r for r in ran.report["roles"] if r["name"] == notes.role_name("delete")]
    assert not role["readable"]
    assert role["suggested_policy"] is None


ODD_POLICIES: dict[str, Json] = {
    "one statement": {"Statement": ALLOW},
    "no version": {"Statement": [ALLOW]},
    "an action that does not exist": {"Statement": [{**ALLOW, "Action": "s3:DoTheImpossible"}]},
    "a service that does not exist": {"Statement": [{**ALLOW, "Action": "nosuch:Thing"}]},
    "an action without a service": {"Statement": [{**ALLOW, "Action": "GetObject"}]},
    "an empty action": {"Statement": [{**ALLOW, "Action": ""}]},
    "actions in capitals": {"Statement": [{**ALLOW, "Action": "S3:GETOBJECT"}]},
    "an empty resource": {"Statement": [{**ALLOW, "Resource": ""}]},
    "a resource that is no ARN": {"Statement": [{**ALLOW, "Resource": "bucket"}]},
    "many wildcards": {"Statement": [{**ALLOW, "Resource": "arn:aws:s3:::" + "*?a" * 200}]},
    "a condition that is a text": {"Statement": [{**ALLOW, "Condition": "never"}]},
    "a variable without an end": {"Statement": [{**ALLOW, "Resource": "arn:aws:s3:::${aws:"}]},
    "a sid that is a number": {"Statement": [{**ALLOW, "Sid": 5}]},
    "no statements": {"Statement": []},
}


@pytest.mark.parametrize("document", ODD_POLICIES.values(), ids=ODD_POLICIES)
def test_an_odd_policy_is_compared(tmp_path: Path, document: Json) -> None:
    both = [*inline(document), {"PolicyName": "notes", "PolicyDocument": notes.policy("delete")}]
    ran = compare(tmp_path, iam=roles_with("delete", RolePolicyList=both))
    assert ran.code == 0, ran.err
    validate("report", ran.document)
    assert ran.warnings == {}
    found = {action for f in ran.findings("unused", "broad") for action in f["actions"]}
    assert "dynamodb:GetItem" in found


@pytest.mark.parametrize(
    "change",
    [
        {"AssumeRolePolicyDocument": "hello"},
        {"AssumeRolePolicyDocument": None},
        {"AssumeRolePolicyDocument": {"Statement": [5]}},
        {"AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Principal": "*"}]}},
        {"AttachedManagedPolicies": [{"PolicyName": "gone", "PolicyArn": "arn:aws:iam::aws:policy/gone"}]},
    ],
    ids=["text", "null", "a number", "everyone", "an attached policy that is not in the file"],
)
def test_a_role_that_is_not_fully_known_leaves_its_findings_unconfirmed_or_is_reported(
    tmp_path: Path, change: Json
) -> None:
    ran = compare(tmp_path, iam=roles_with("delete", **change))
    assert ran.code == 0, ran.err
    assert ran.excess
    if "AssumeRolePolicyDocument" in change:
        assert reasons(ran) == [["role-users-unknown"]]
    else:
        assert ran.warnings == {"policy-missing": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"RolePolicyList": "hello"},
        {"RolePolicyList": [5]},
        {"AttachedManagedPolicies": [None]},
        {"Arn": None},
    ],
    ids=["policies that are a text", "policies that are numbers", "attached nulls", "no ARN"],
)
def test_a_role_of_odd_shape_is_reported_and_the_others_are_compared(tmp_path: Path, change: Json) -> None:
    ran = compare(tmp_path, iam=roles_with("update", **change))
    assert ran.code == 0, ran.err
    assert [entry["arn"] for entry in ran.excess] == [DELETE]
    (role,) = [r for r in ran.report["roles"] if r["arn"].endswith(notes.role_name("update"))]
    assert not role["readable"], "a part of it was left out"
    assert ran.warnings


@pytest.mark.parametrize("policies", [None, 5, "hello", {"a": 1}, [None, 5, {"Arn": []}]])
def test_managed_policies_of_odd_shape_do_not_disturb_the_others(tmp_path: Path, policies: Any) -> None:
    ran = compare(tmp_path, iam=notes.iam() | {"Policies": policies})
    assert ran.code == 0, ran.err
    assert [entry["arn"] for entry in ran.excess] == [DELETE]


def test_a_role_that_is_not_in_the_file_is_reported_and_the_others_are_compared(tmp_path: Path) -> None:
    iam = notes.iam()
    del iam["RoleDetailList"][0]
    ran = compare(tmp_path, iam=iam)
    assert ran.code == 0
    assert ran.warnings == {"role-missing": 1}
    assert [entry["arn"] for entry in ran.excess] == [DELETE]


def test_no_role_in_the_file_at_all_ends_with_exit_code_3(tmp_path: Path) -> None:
    compare(tmp_path, iam={"RoleDetailList": []}).ends_with(3, "no role")


@pytest.mark.parametrize(
    ("more", "env"),
    [
        ({"--iam": {"RoleDetailList": []}}, {}),
        ({}, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}),
    ],
    ids=["no role in the file", "no credentials"],
)
def test_a_scan_that_need_not_compare_reports_usage_where_no_role_can_be_read(
    more: dict[str, Any], env: dict[str, str], tmp_path: Path
) -> None:
    files = [
        word for option, file in more.items() for word in (option, write_json(tmp_path / "f.json", file))
    ]
    traces = ("--traces", ROOT / "examples" / "traces", *files)
    ran = run(tmp_path / "out", *traces, env=env)
    assert ran.code == 0, ran.err
    assert ran.warnings["not-compared"] == 1
    assert ran.report["scan"]["compared"] is False
    assert "no role was compared" in ran.out
    run(tmp_path / "out", *traces, "--fail-on", "unused", env=env).ends_with(3)
    alone = run(tmp_path / "out", "--traces", ROOT / "examples" / "traces", "--usage-only", env=env)
    assert alone.code == 0
    assert "not-compared" not in alone.warnings


def test_a_file_of_roles_that_is_wrong_is_wrong_use_also_where_nothing_need_be_compared(
    tmp_path: Path,
) -> None:
    wrong = write_json(tmp_path / "iam.json", {"RoleDetailList": 5})
    run(tmp_path, "--traces", ROOT / "examples" / "traces", "--iam", wrong).ends_with(2, "--iam")


def test_a_function_that_is_not_in_the_file_is_reported_and_the_others_are_compared(tmp_path: Path) -> None:
    functions = notes.functions()
    del functions["Functions"][0]
    ran = compare(tmp_path, functions=functions)
    assert ran.code == 0
    assert ran.warnings == {"function-missing": 1}
    assert [entry["arn"] for entry in ran.excess] == [DELETE]


@pytest.mark.parametrize(
    "change",
    [
        {"Role": None},
        {"Role": 5},
        {"Role": "hello"},
        {"LastModified": "yesterday"},
        {"LastModified": 5},
        {"TracingConfig": "Active"},
        {"LoggingConfig": {"LogGroup": 5}},
        {"LoggingConfig": []},
        {"FunctionArn": 5},
        {"FunctionArn": "hello"},
    ],
    ids=str,
)
def test_a_function_of_odd_shape_does_not_disturb_the_others(tmp_path: Path, change: Json) -> None:
    functions = notes.functions()
    functions["Functions"][0] |= change
    ran = compare(tmp_path, functions=functions)
    assert ran.code == 0, ran.err
    validate("report", ran.document)
    assert DELETE in [entry["arn"] for entry in ran.excess]


def test_functions_that_are_no_objects_are_told(tmp_path: Path) -> None:
    functions = notes.functions()
    functions["Functions"] += [None, 5, "hello"]
    ran = compare(tmp_path, functions=functions)
    assert ran.code == 0, ran.err
    assert ran.warnings == {"function-unread": 3}


# --- where the reports go ------------------------------------------------------------------------------


def test_an_output_folder_that_is_a_file_is_wrong_use(tmp_path: Path) -> None:
    file = file_of(tmp_path, "hello", "out")
    ran = run(tmp_path, "--traces", ROOT / "examples" / "traces", "--output-dir", file)
    ran.ends_with(2, "--output-dir")


def test_a_markdown_file_that_is_a_folder_is_wrong_use(tmp_path: Path) -> None:
    ran = run(tmp_path, "--traces", ROOT / "examples" / "traces", "--markdown", tmp_path)
    ran.ends_with(2, "--markdown")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--traces", "x", "--trace-ids", "y"],
        ["--traces", "x", "-f", "y"],
        ["--traces", "x", "-s", "5"],
        ["--trace-ids", "x", "-r", "5"],
        ["--usage-only", "--fail-on", "unused"],
        ["--usage-only", "--iam", "x"],
        ["--usage-only", "-c"],
        ["--no-such-option"],
        ["--comp"],
        ["--format", "xml"],
        ["stray"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together_are_wrong_use(tmp_path: Path, arguments: list[str]) -> None:
    ran = run(tmp_path, *arguments)
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("xray-privilege-scan: ")
    assert list(tmp_path.iterdir()) == []


def test_the_notes_function_is_found_by_its_parent_where_no_document_names_it(tmp_path: Path) -> None:
    trace = notes_trace("delete", START, shape=Shape(function_arn=False))
    assert workload(scan(tmp_path, file_of(tmp_path, [trace])), "delete")["evidence"]["calls"] == 1


LONG = "x" * 300


@pytest.mark.parametrize(
    "options",
    [
        ("--csv", LONG),
        ("--sarif", f"{LONG}/x"),
        ("--baseline", LONG, "--update-baseline"),
        ("--traces", LONG),
        ("--traces", ",".join(f"{number}.json" for number in range(100))),
        ("--trace-ids", LONG),
        ("--config", LONG),
        ("--iam", LONG),
        ("--output-dir", LONG),
        ("--csv", "-"),
    ],
)
def test_a_name_that_no_file_can_have_is_no_fault_of_the_program(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    traces = () if options[0] in ("--traces", "--trace-ids") else ("--traces", ROOT / "examples" / "traces")
    run(tmp_path, *traces, *options).ends_with(2, options[0])
    assert not list(tmp_path.iterdir())
