"""Lines of OTLP that are read by their text hold what a JSON parser finds in them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.spans import otlp, otlp_lines
from tests.unit.spans.documents import GET, pairs, request, span

_BUCKET = {"key": "aws.s3.bucket", "value": {"stringValue": "b"}}
_INSIDE = {"kvlistValue": {"values": [_BUCKET, {"key": "rpc.service", "value": {"stringValue": "SQS"}}]}}
_DIVIDER = '"}},{"key":"rpc.service","value":{"stringValue":"SQS'
_CASES: dict[str, Any] = {
    "usual": pairs(GET),
    "none": [],
    "null": None,
    "object": {"rpc.service": "S3"},
    "attributes within one": [*pairs(GET), {"key": "a", "value": _INSIDE}, _BUCKET],
    "attributes within a list": [{"key": "a", "value": {"arrayValue": {"values": [_BUCKET, _INSIDE]}}}],
    "value before key": [_BUCKET, {"value": {"stringValue": "S3"}, "key": "rpc.service"}, _BUCKET],
    "a text with the divider": pairs({**GET, "db.statement": _DIVIDER, "aws.s3.key": _DIVIDER}),
    "quotation marks and letters": pairs({**GET, "aws.s3.bucket": 'ü"\\\u2028', 'rpc"service': "x"}),
    "names twice": [*pairs(GET), *pairs({"aws.s3.bucket": "other"})],
    "snake case": [{"key": "rpc.service", "value": {"string_value": "S3"}}],
    "no value": [{"key": "rpc.service"}, _BUCKET],
    "no attribute": [_BUCKET, 7, {"kye": "a"}, _BUCKET],
    "long": pairs({**GET, "aws.s3.bucket": "b" * 5000, "db.statement": "s" * 5000}),
}


def _both(document: Any, separators: tuple[str, str] | None = (",", ":")) -> tuple[list[Any], list[Any]]:
    """The spans of a document by its text, and as parsed."""
    content = json.dumps(document, separators=separators).encode()
    line = otlp_lines.loads(content.replace(b'{"resourceSpans": ', b'{"resourceSpans":'))
    assert isinstance(line, otlp_lines.Line)
    return list(otlp_lines.spans_of(line)), list(otlp.spans_of(document))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("attributes", _CASES.values(), ids=_CASES)
def test_attributes_are_what_they_are_for_a_parser(attributes: Any, separators: tuple[str, str]) -> None:
    for _ in range(2):  # the second time from what is known
        by_text, parsed = _both(request(span() | {"attributes": attributes}), separators)
        assert by_text == parsed
        assert by_text[0] is not None


_JSON = st.recursive(
    st.sampled_from(["b", _DIVIDER, "\\", 7, None, *_CASES.values()]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "value", "stringValue", "rpc.service"]), inner, max_size=3)
    ),
)


@given(st.lists(st.builds(dict, key=st.sampled_from([*GET, "other"]), value=_JSON) | _JSON, max_size=4))
def test_any_attributes_are_what_they_are_for_a_parser(attributes: list[Any]) -> None:
    by_text, parsed = _both(request(span() | {"attributes": attributes}))
    assert by_text == parsed


@pytest.mark.parametrize("broken", [b"\xff", b"\x01", b"\\x", b'"'])
def test_a_span_that_is_not_json_is_not_read_in_part(broken: bytes) -> None:
    content = orjson.dumps(request(span(attributes={**GET, "db.statement": "HERE"}))).replace(b"HERE", broken)
    try:
        value = otlp_lines.loads(content)
    except orjson.JSONDecodeError:
        return
    assert list(otlp_lines.spans_of(value)) == [None]


def test_what_is_nested_too_deeply_is_not_read() -> None:
    deep = b'{"stringValue":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    content = orjson.dumps(request(span(attributes={"a": "HERE"}))).replace(b'{"stringValue":"HERE"}', deep)
    with pytest.raises(orjson.JSONDecodeError):
        otlp_lines.loads(content)
