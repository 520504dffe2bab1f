"""Spans in all spellings: the same span comes out, whoever wrote it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from scanner.spans.documents import loads, spans_in
from scanner.spans.span import Span
from tests.unit.spans.documents import (
    CALL,
    END,
    GET,
    ROOT,
    START,
    TASK,
    TRACE,
    printed,
    record,
    request,
    span,
)


def spans_of(content: Any) -> list[Span]:
    """The spans of a document, parsed as a file is."""
    value = loads(content if isinstance(content, bytes) else json.dumps(content).encode())
    found = spans_in(value)
    assert found is not None
    return [span for span in found if span is not None]


def _snake(value: Any) -> Any:
    if isinstance(value, dict):
        return {_snake_name(name): _snake(item) for name, item in value.items()}
    return [_snake(item) for item in value] if isinstance(value, list) else value


def _snake_name(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _message(document: Any) -> str:
    return json.dumps(document)


_OLD: Any = request(span())
_OLD_RESOURCE = _OLD["resourceSpans"][0]
_OLD_RESOURCE["instrumentationLibrarySpans"] = [
    {"instrumentationLibrary": {"name": "app"}, "spans": _OLD_RESOURCE.pop("scopeSpans")[0]["spans"]}
]
_IN_BASE64: dict[str, Any] = {
    "traceId": _base64(TRACE),
    "spanId": _base64(CALL),
    "parentSpanId": _base64(ROOT),
}
_SHAPES: dict[str, Any] = {
    "OTLP": request(span()),
    "OTLP in several lines": json.dumps(request(span()), indent=1).encode(),
    "OTLP with names of numbers": request(
        span(kind="SPAN_KIND_CLIENT", status={"code": "STATUS_CODE_UNSET"})
    ),
    "OTLP with upper case": request(span(CALL.upper(), traceId=TRACE.upper(), parentSpanId=ROOT.upper())),
    "OTLP with base64": request(span(**_IN_BASE64)),
    "OTLP with plain numbers": request(span(startTimeUnixNano=START, endTimeUnixNano=END)),
    "OTLP in snake case": _snake(request(span())),
    "OTLP with null": request(span(attributes={**GET, "aws.dynamodb.table_names": None})),
    "old OTLP": _OLD,
    "Tempo": {"batches": request(span())["resourceSpans"]},
    "one resource": request(span())["resourceSpans"][0],
    "one span with its resource": {**span(), "resource": request()["resourceSpans"][0]["resource"]},
    "OTLP with attributes as an object": request({**span(), "attributes": GET}),
    "record": record(),
    "record without an end": record(endTimeUnixNano=None),
    "row of Logs Insights": {
        "results": [[{"field": "@message", "value": _message(record())}, {"field": "@ptr", "value": "x"}]],
        "status": "Complete",
    },
    "row of fields": {
        "results": [
            [
                *({"field": f"attributes.{name}", "value": str(value)} for name, value in GET.items()),
                *({"field": f"resource.attributes.{name}", "value": value} for name, value in TASK.items()),
                *(
                    {"field": name, "value": str(record()[name])}
                    for name in (
                        "traceId",
                        "spanId",
                        "parentSpanId",
                        "name",
                        "kind",
                        "startTimeUnixNano",
                        "endTimeUnixNano",
                    )
                ),
            ]
        ]
    },
    "events": {"events": [{"timestamp": 1, "message": _message(record())}]},
    "subscription": {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "aws/spans",
        "logEvents": [{"id": "1", "timestamp": 1, "message": _message(record())}],
    },
    "export to S3": b"2026-11-27T11:34:59.709Z " + _message(record()).encode(),
    "console": printed(),
}


@pytest.mark.parametrize("shape", _SHAPES.values(), ids=_SHAPES)
def test_the_same_span_comes_out_of_every_shape(shape: Any) -> None:
    (found,) = spans_of(shape)
    assert (found.trace_id, found.span_id, found.parent_id) == (TRACE, CALL, ROOT)
    assert (found.kind, found.status, found.name) == ("client", "unset", "S3.GetObject")
    assert found.start == pytest.approx(START / 1e9, abs=1e-5)
    assert found.end == pytest.approx(END / 1e9, abs=1e-5)
    expected = {**GET, "aws.request_id": True}
    kept = {name: value for name, value in found.attributes.items() if value is not None}
    assert {name: str(value) for name, value in kept.items()} == {n: str(v) for n, v in expected.items()}
    assert found.resource == TASK


def test_what_a_subscription_or_a_row_says_of_the_account() -> None:
    (found,) = spans_of(_SHAPES["subscription"])
    row = [
        {"field": "@log", "value": "210987654321:aws/spans"},
        {"field": "@message", "value": _message(record())},
    ]
    (by_row,) = spans_of({"results": [row]})
    assert (found.log, by_row.log) == ("123456789012", "210987654321")


def test_a_failure_is_told_by_status_and_events() -> None:
    event = {"name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": "X"}}]}
    failed = span(status={"code": 2, "message": "no"}, events=[event])
    for shape in (request(failed), _snake(request(failed))):
        (found,) = spans_of(shape)
        assert (found.status, found.message, found.error_type) == ("error", "no", "X")


def test_a_span_in_progress_has_no_end() -> None:
    (found,) = spans_of(
        record(endTimeUnixNano=None, durationNano=None, attributes={"aws.xray.inprogress": True})
    )
    assert found.end is None


def test_the_sampling_of_a_traces_state_is_kept() -> None:
    (found,) = spans_of(request(span(traceState="rojo=1,ot=th:c;rv:1")))
    assert found.attributes["_ot.th"] == "c"


@pytest.mark.parametrize(
    "broken",
    [
        request({"spanId": CALL}),
        request(span(traceId=7)),
        request(span(traceId="")),
        record(spanId=None),
        {"events": [{"message": "START RequestId"}]},
        {"results": [[{"field": "count", "value": "7"}]]},
    ],
)
def test_what_has_no_ids_is_no_span(broken: Any) -> None:
    found = spans_in(loads(json.dumps(broken).encode()))
    assert found is not None
    assert list(found) == [None]


@pytest.mark.parametrize("other", [{"Traces": []}, {"Functions": []}, [1], "text", 5, None, {"id": "a"}, []])
def test_anything_else_holds_no_spans(other: Any) -> None:
    assert spans_in(other) is None
