"""Documents of a trace: which of them count."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.traces.documents import Trace, parse_documents, trace_from_api
from tests.unit.traces.segments import call, invocation, read, segment, service


def test_inferred_copies_are_no_calls() -> None:
    copy = segment("z", "AWS::DynamoDB::Table", parent_id="c", inferred=True, aws=call("c")["aws"])
    assert len(read(service(), invocation(subsegments=[call("c")]), copy).calls) == 1


def test_a_finished_document_replaces_the_one_in_progress() -> None:
    reading = read(invocation(in_progress=True, subsegments=[call("c")]), invocation(), service())
    assert reading.complete
    assert reading.calls == []


def test_a_document_in_progress_with_none_to_replace_it_leaves_the_trace_incomplete() -> None:
    reading = read(invocation(in_progress=True, subsegments=[call("c")]), service())
    assert not reading.complete
    assert len(reading.calls) == 1


def test_documents_in_progress_come_last() -> None:
    begun, ended = segment("a", in_progress=True), segment("b")
    documents = parse_documents([begun, ended, "{", segment("c", inferred=True)])
    assert documents.segments == (ended, begun)
    assert (documents.received, documents.unreadable, documents.complete) == (4, 1, False)


def test_an_id_that_is_no_text_is_the_id_of_nothing() -> None:
    odd = segment("a", subsegments=[{"id": ["b"]}, {"id": {}}])
    assert not read(odd, segment("b", in_progress=True)).complete


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"Id": "1-1", "Segments": [{"Id": "a", "Document": "{}"}]}, Trace("1-1", ("{}",))),
        ({"Id": "1-1", "Segments": [], "LimitExceeded": True}, Trace("1-1", (None,), truncated=True)),
        ({"Id": "1-1", "Segments": [{"id": "a"}, "x"]}, Trace("1-1", ({"id": "a"}, "x"))),
        ({"Id": "1-1", "Segments": [{"Id": "a"}]}, Trace("1-1", (None,))),
        ({"Segments": []}, None),
        ([], None),
    ],
)
def test_a_trace_as_the_api_returns_it(raw: Any, expected: Trace | None) -> None:
    assert trace_from_api(raw) == expected
