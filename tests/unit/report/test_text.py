"""The summary for a file or a terminal."""

from __future__ import annotations

import io

from scanner.report.text import print_text
from tests.unit.report.examples import COMPARE, bundle_scan, unused_scan
from tests.unit.report.views import viewed


def test_the_text_for_a_file_is_plain_lines() -> None:
    out = io.StringIO()
    print_text(viewed(unused_scan(), COMPARE), out)
    assert "f: dynamodb:Scan on table/t: never used" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_the_grants_of_a_bundle_stand_below_it() -> None:
    out = io.StringIO()
    print_text(viewed(bundle_scan(), COMPARE), out)
    lines = out.getvalue().splitlines()
    place = next(n for n, line in enumerate(lines) if "CDK grantReadData on table/t: only GetItem" in line)
    assert lines[place].startswith("  f: ")
    assert lines[place + 1].startswith("    dynamodb:BatchGetItem, ")
