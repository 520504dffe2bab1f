"""What a file looks like that is not what it should be."""

from __future__ import annotations

import json

import pytest

from scanner.input.looks import OTHER_JSON, look_of_head, look_of_value
from scanner.options.commands import explain_parser
from scanner.options.parsers import scan_parser
from scanner.text.tables import rows

ROWS = rows("input", "looks")


def test_every_row_has_a_source_and_names_an_option_that_there_is() -> None:
    options = {word for parser in (scan_parser(), explain_parser()) for word in parser._option_string_actions}
    assert {row["option"] for row in ROWS if row["option"]} <= options
    assert all(row["source"] and row["test"] in ("key", "begin") for row in ROWS)


@pytest.mark.parametrize("row", [row for row in ROWS if row["test"] == "key"], ids=lambda row: row["marks"])
def test_a_row_is_found_by_its_keys_in_the_value_and_in_a_part_of_its_text(row: dict[str, str]) -> None:
    value: dict[str, object] = {key: [] for key in row["marks"].split()}
    for look in (
        look_of_value(value),
        look_of_value([value]),
        look_of_head(json.dumps([value])[:-1].encode()),
    ):
        assert look is not None
        assert (look.what, look.option) == (row["looks_like"], row["option"])


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\xef\xbb\xbf", "text"),
        (b"  <HTML lang=en>", "an HTML page"),
        (b"<Error><Code>AccessDenied</Code>", "XML"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        (b"\x89PNG\r\n\x1a\n\x00", "binary data"),
        (b"AWSTemplateFormatVersion: x", "text that is not JSON"),
        ("caf\u00e9".encode()[:-1], "text that is not JSON"),
    ],
)
def test_other_files_are_known_by_how_they_begin(head: bytes, what: str) -> None:
    assert look_of_head(head).what.startswith(what)


def test_other_json_is_just_that() -> None:
    assert look_of_head(b'{"a": 1}') == OTHER_JSON
    assert look_of_value({"a": 1}) is None
    assert look_of_value([]) is None
    assert look_of_value(5) is None
