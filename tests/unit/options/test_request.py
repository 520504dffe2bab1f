"""What the options ask of a scan, and which of them do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.errors import ScanError
from scanner.options.parsers import scan_options
from scanner.options.request import request_of

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fail-on", "unused"], "add -c"),
        (["--fail-on-severity", "all"], "add -c"),
        (["-c", "--fail-on-severity", "all"], "requires verdicts: add --fail-on"),
        (["--iam", "x.json"], "add -c"),
        (["--traces", "x", "--filter", "y"], "do not apply"),
        (["--trace-ids", "x", "-r", "5"], "do not apply"),
        (["--trace-ids", "missing-file"], "cannot be read"),
        (["-c", "--iam", "missing-file"], "cannot be read"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str) -> None:
    with pytest.raises(ScanError, match=message):
        request_of(scan_options(arguments), NOW)


def test_trace_ids_are_read_in_every_spelling(tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text(
        "# from the test client\n"
        "1-5759e988-bd862e3fe1be46a994272793\n"
        "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272794;Parent=53995c3f42cd8ad8;Sampled=1\n"
        "\n"
        "00-5759e988bd862e3fe1be46a994272795-53995c3f42cd8ad8-01\n"
        "1-5759e988-bd862e3fe1be46a994272793  # twice\n"
    )
    request = request_of(scan_options(["--trace-ids", str(ids)]), NOW)
    assert [trace_id[-1] for trace_id in request.trace_ids] == ["3", "4", "5"]
    assert request.wait > 0


@pytest.mark.parametrize("content", ["", "# nothing\n", "not an id\n"])
def test_a_file_without_trace_ids_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "ids").write_text(content)
    with pytest.raises(ScanError, match="no trace id"):
        request_of(scan_options(["--trace-ids", str(tmp_path / "ids")]), NOW)
