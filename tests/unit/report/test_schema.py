"""What is written is valid, and validation that remembers shapes hides no error."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from scanner.report.build import excessive_permissions, report
from scanner.report.schema import Name, plain, report_bytes, schema, validate
from tests.unit.report.examples import COMPARE, unused_scan

NAMES: list[Name] = ["report", "excessive_permissions"]


def documents() -> dict[Name, Any]:
    """Both reports of a scan, as they are written."""
    scan = unused_scan()
    return {
        "report": plain(report(scan, COMPARE)),
        "excessive_permissions": plain(excessive_permissions(scan, COMPARE)),
    }


@pytest.mark.parametrize("name", NAMES)
def test_both_reports_are_valid(name: Name) -> None:
    validate(name, documents()[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema_and_says_of_texts_no_more_than_validation_looks_at(name: Name) -> None:
    described = schema(name)
    Draft202012Validator.check_schema(described)
    assert not _keywords(described) & {
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "uniqueItems",
        "maxItems",
        "maximum",
    }


def _keywords(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keywords(part) for part in value.values()))
    return set().union(*(_keywords(part) for part in value)) if isinstance(value, list) else set()


PLACES = st.lists(st.integers(0, 12), min_size=1, max_size=8)
BROKEN: st.SearchStrategy[Any] = st.sampled_from([None, 7, -1, "", "unused", "nonsense", [], {}, True, 1.5])


@pytest.mark.parametrize("name", NAMES)
@given(places=PLACES, broken=BROKEN)
def test_validation_finds_what_plain_jsonschema_finds(name: Name, places: list[int], broken: Any) -> None:
    """The memory of shapes hides no error: anything put anywhere is judged as without it."""
    document = documents()[name]
    _put(document, places, broken)
    is_valid = Draft202012Validator(schema(name)).is_valid(document)
    try:
        validate(name, document)
        assert is_valid
    except ValidationError:
        assert not is_valid


def _put(value: Any, places: list[int], broken: Any) -> None:
    """Put a value at a place of a document: each number chooses a key or an item, one level down."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = keys[places[0] % len(keys)]
    inner = value[key]
    if len(places) > 1 and isinstance(inner, dict | list) and inner:
        _put(inner, places[1:], broken)
    else:
        value[key] = broken


def _broken(path: list[Any], value: Any) -> Any:
    """report.json with another value at a path, or with one more key."""
    document = documents()["report"]
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return document


FINDING = ["roles", 0, "findings", 0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["further"], 1),
        (["schema_version"], 1),
        (["scan", "source"], None),
        (["scan", "traces"], -1),
        (["scan", "records"], ["hearsay"]),
        (["scan", "skipped", "further"], 0),
        (["workloads", 0, "kind"], "toaster"),
        (["workloads", 0, "evidence", "invocations"], -1),
        (["workloads", 0, "evidence", "reasons"], ["nonsense"]),
        (["workloads", 0, "used", 0, "exact"], 1),
        ([*FINDING, "verdict"], "nonsense"),
        ([*FINDING, "reasons"], ["nonsense"]),
        ([*FINDING, "severity"], "nonsense"),
        ([*FINDING, "remedy"], "nonsense"),
        ([*FINDING, "sources"], ["invocations"]),
        ([*FINDING, "policy"], "own"),
        ([*FINDING, "statement"], -1),
        ([*FINDING, "used"], [-1]),
        (["roles", 0, "policies", 0, "kind"], "borrowed"),
        (["roles", 0, "suggested_policy", "Version"], "2008-10-17"),
        (["accepted", "baseline"], {"known": 1}),
    ],
)
def test_what_no_report_holds_is_invalid(path: list[Any], value: Any) -> None:
    with pytest.raises(ValidationError):
        validate("report", _broken(path, value))


@pytest.mark.parametrize("missing", ["Verdict", "Confirmed", "Reasons", "Used", "Action", "Resource"])
def test_a_statement_of_the_excess_has_its_keys(missing: str) -> None:
    document = documents()["excessive_permissions"]
    del document[0]["excessPermissions"][0][missing]
    with pytest.raises(ValidationError):
        validate("excessive_permissions", document)


def test_a_list_of_no_excess_is_not_written() -> None:
    with pytest.raises(ValidationError):
        validate("excessive_permissions", [])


def test_many_findings_are_validated_in_seconds() -> None:
    document = documents()["report"]
    (role,) = document["roles"]
    role["findings"] = [
        {**finding, "id": f"{number:012x}", "actions": [f"dynamodb:Action{number}"]}
        for number in range(20_000)
        for finding in role["findings"][:2]
    ]
    began = time.process_time()
    validate("report", document)
    assert time.process_time() - began < 5


def test_report_json_is_the_same_data_with_a_line_for_each_finding() -> None:
    document = documents()["report"]
    text = report_bytes(document).decode()
    assert json.loads(text) == document
    findings = [finding for role in document["roles"] for finding in role["findings"]]
    lines = [line.strip().removesuffix(",") for line in text.splitlines()]
    assert all(
        json.dumps(finding, separators=(",", ":"), ensure_ascii=False) in lines for finding in findings
    )
