"""The types of the reports: what follows from them is current, and is what is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.iam.severity import SEVERITY_LEVELS
from scanner.mapping.access_denied import DenialCause
from scanner.model import Verdict
from scanner.report import records
from scanner.report.build import excessive_permissions, report
from scanner.report.schema import plain
from scanner.verdict.reasons import Reason
from scripts import generate_schemas
from tests.unit.report.examples import COMPARE, unused_scan

NAMES = sorted(generate_schemas.ROOTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_that_of_the_types(name: str) -> None:
    written = generate_schemas.schema_path(name).read_text(encoding="utf-8")
    assert written == generate_schemas.schema_text(name), "run `make schemas`"


@pytest.mark.parametrize("page", generate_schemas.DOCUMENTS, ids=lambda page: page.name)
def test_the_tables_of_the_documents_are_those_of_the_types(page: Path) -> None:
    document = page.read_text(encoding="utf-8")
    assert document == generate_schemas.document_text(document), "run `make schemas`"


def test_every_type_with_keys_has_a_table_in_a_document() -> None:
    document = "".join(page.read_text(encoding="utf-8") for page in generate_schemas.DOCUMENTS)
    with_keys = {name for name, value in generate_schemas.definitions().items() if "properties" in value}
    assert set(re.findall(r"<!-- (\w+): made by", document)) == with_keys


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_described_and_no_other_is_allowed(name: str) -> None:
    for definition in generate_schemas.schema_of(name)["$defs"].values():
        if "properties" in definition:
            assert definition["additionalProperties"] is False
            assert all(value["description"] for value in definition["properties"].values())


def test_values_are_those_of_the_program_in_its_order() -> None:
    types = generate_schemas.definitions()
    assert types["Verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert types["Reason"]["enum"] == [reason.value for reason in Reason]
    assert types["DenialCause"]["enum"] == [cause.value for cause in DenialCause]
    assert types["Finding"]["properties"]["severity"]["enum"] == [*SEVERITY_LEVELS, "none"]


def test_a_report_that_is_read_back_is_the_one_that_was_written() -> None:
    written = report(unused_scan(), COMPARE)
    assert msgspec.convert(plain(written), records.Report) == written


def test_excess_that_is_read_back_is_the_one_that_was_written() -> None:
    written = excessive_permissions(unused_scan(), COMPARE)
    assert msgspec.convert(plain(written), tuple[records.Excess, ...]) == written


def test_keys_of_later_versions_are_passed_over() -> None:
    def with_more(value: Any) -> Any:
        if isinstance(value, dict) and (not value or not set(value) <= set(written.severe_actions)):
            return {"later": 1} | {key: with_more(part) for key, part in value.items()}
        return [with_more(part) for part in value] if isinstance(value, list) else value

    written = report(unused_scan(), COMPARE)
    later = with_more(plain(written))
    for key in ("policies", "changes", "suggested_policy"):  # statements are kept as they are
        later["roles"][0][key] = plain(written)["roles"][0][key]
    assert msgspec.convert(later, records.Report) == written
