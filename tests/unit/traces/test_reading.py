"""What one trace shows: runs of workloads, each call once, whether it is complete."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Outcome
from scanner.traces.documents import Trace
from scanner.traces.reading import read_trace
from tests.unit.traces.segments import F, call, invocation, read, service


def test_a_call_that_stands_in_two_documents_counts_once() -> None:
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c")}
    assert len(read(service(), invocation(subsegments=[call("c")]), streamed).calls) == 1


def test_a_function_that_was_only_asked_to_run_did_not_run() -> None:
    assert not read(service()).workloads[F].ran
    assert read(service(), invocation()).workloads[F].ran


@pytest.mark.parametrize(("status", "complete"), [(200, False), (202, True), (429, True), ("200", True)])
def test_a_function_that_answered_and_left_no_document_is_a_gap(status: object, complete: bool) -> None:
    asked = service(http={"response": {"status": status}})
    assert read(asked).complete is complete
    assert read(asked, invocation()).complete


def test_truncated_and_unreadable_traces_are_incomplete() -> None:
    assert not read(service(), truncated=True).complete
    broken = read(service(), "{")
    assert (broken.complete, broken.unreadable_documents) == (False, 1)


def test_attempts_are_no_runs() -> None:
    attempt = {"id": "x", "name": "Attempt #1"}
    assert not read(service(subsegments=[attempt])).workloads[F].ran


def test_a_function_started_when_its_own_document_says() -> None:
    late = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c", start_time=900.0)}
    assert read(service(), invocation(), late).workloads[F].start == 10.0


def test_the_finished_copy_of_a_call_tells_how_it_ended() -> None:
    begun = call("c", in_progress=True, http={})
    ended = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c", error=True)}
    ended["http"] = {"response": {"status": 403}}
    (observed,) = read(service(), invocation(subsegments=[begun]), ended).calls
    assert observed.call.outcome is Outcome.DENIED


@pytest.mark.parametrize(
    ("of_service", "of_function", "version"),
    [
        (F, F, None),
        (F + ":$LATEST", F, None),
        (F + ":live", F, "live"),
        (F, F + ":5", "5"),
        (F + ":live", F + ":5", "5"),  # the number tells more than the alias
        (F + ":5", F + ":live", "5"),
    ],
)
def test_which_version_ran_whatever_the_order_of_the_documents(
    of_service: str, of_function: str, version: str | None
) -> None:
    documents = service(of_service), invocation(of_function)
    assert read(*documents).workloads[F].version == version
    assert read(*reversed(documents)).workloads[F].version == version


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "namespace",
                    "aws",
                    "subsegments",
                    "http",
                    "response",
                    "status",
                    "cause",
                    "exceptions",
                    "parent_id",
                    "origin",
                    "resource_arn",
                    "function_arn",
                    "operation",
                    "region",
                    "in_progress",
                    "inferred",
                    "start_time",
                    "table_name",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4))
def test_no_document_however_odd_stops_the_reading(documents: list[Any]) -> None:
    texts = [
        orjson.dumps(d, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")
        for d in documents
        if _fits(d)
    ]
    reading = read_trace(Trace("1-5-5", tuple(texts)))
    assert reading.documents == len(texts)


def _fits(document: Any) -> bool:
    try:
        orjson.dumps(document)
    except (TypeError, orjson.JSONEncodeError):
        return False
    return True
