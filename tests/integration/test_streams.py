"""Standard output and standard error that are closed, full, or read by nobody any more."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.examples import thorough
from tests.fakes.moto_aws import ROOT
from tests.integration.tools import environment, run

EXAMPLES = ROOT / "examples"
SCAN = ("-c", "--traces", EXAMPLES / "traces", "--iam", EXAMPLES / "iam.json")
FUNCTIONS = ("--functions", EXAMPLES / "functions.json")
GATE = ("--fail-on", "unused")


def slow(*values: object) -> ParameterSet:
    """Values that are tried where all is."""
    return pytest.param(*values, marks=thorough)


def in_a_shell(folder: Path, redirection: str, *arguments: object, unbuffered: str = "") -> tuple[int, str]:
    """The exit code of the command, called in a shell with a redirection, and what reaches standard error."""
    folder.mkdir(exist_ok=True)
    command = shlex.join([sys.executable, "-m", "scanner", *map(str, arguments)])
    done = subprocess.run(
        ["bash", "-c", f"{command} {redirection}; exit ${{PIPESTATUS[0]}}"],
        cwd=folder,
        env=environment({"PYTHONUNBUFFERED": unbuffered}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("redirection", [*map(slow, (">&-", "2>&-", "2> /dev/full")), "<&- >&- 2>&-"])
def test_streams_that_are_closed_change_neither_reports_nor_the_gate(
    tmp_path: Path, redirection: str
) -> None:
    assert in_a_shell(tmp_path, redirection, *SCAN, *FUNCTIONS, *GATE)[0] == 1
    json.loads((tmp_path / "report.json").read_bytes())


@pytest.mark.parametrize("redirection", [">&- 2>&-", slow("2> /dev/full")])
def test_streams_that_are_closed_fail_no_scan(tmp_path: Path, redirection: str) -> None:
    assert in_a_shell(tmp_path, redirection, *SCAN, *FUNCTIONS)[0] == 0
    json.loads((tmp_path / "report.json").read_bytes())


@pytest.mark.parametrize("redirection", [*map(slow, (">&-", "2>&-", "2> /dev/full")), "<&- >&- 2>&-"])
@pytest.mark.parametrize("wrong", ["--no-such-option", "--traces=not-there"])
def test_wrong_use_has_its_exit_code_where_nobody_can_be_told(
    tmp_path: Path, redirection: str, wrong: str
) -> None:
    assert in_a_shell(tmp_path, redirection, wrong)[0] == 2


@pytest.mark.parametrize("format_", ["text", slow("json")])
def test_an_output_that_is_full_is_told_after_the_reports_are_written(tmp_path: Path, format_: str) -> None:
    code, err = in_a_shell(tmp_path, "> /dev/full", *SCAN, *FUNCTIONS, "--format", format_)
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith(
        "xray-privilege-scan: standard output cannot be written to: No space left on device"
    )
    json.loads((tmp_path / "report.json").read_bytes())


@pytest.mark.parametrize(
    ("reader", "unbuffered"), [("head -c 1", ""), slow("head -c 1", "1"), slow("true", "")]
)
def test_a_reader_that_goes_away_does_not_open_the_gate(tmp_path: Path, reader: str, unbuffered: str) -> None:
    options = (*SCAN, *FUNCTIONS, "--format", "json", *GATE)
    code, err = in_a_shell(tmp_path, f"| {reader}", *options, unbuffered=unbuffered)
    assert code == 1
    assert err == "xray-privilege-scan: 1 finding matches `fail-on`\n"


@pytest.mark.parametrize(("reader", "unbuffered"), [slow("head -c 1", ""), ("true", "1")])
def test_a_reader_that_goes_away_fails_no_scan(tmp_path: Path, reader: str, unbuffered: str) -> None:
    options = (*SCAN, *FUNCTIONS, "--format", "json")
    assert in_a_shell(tmp_path, f"| {reader}", *options, unbuffered=unbuffered) == (0, "")


@pytest.mark.parametrize(
    ("word", "redirection", "expected"),
    [
        ("--help", "| true", 0),
        ("--help", ">&-", 0),
        ("--help", "> /dev/full", 2),
        ("--help", "> /dev/full 2>&1", 2),
        slow("--version", "| true", 0),
        ("--version", "> /dev/full", 2),
    ],
)
def test_what_needs_no_scan_is_printed_likewise(
    tmp_path: Path, word: str, redirection: str, expected: int
) -> None:
    assert in_a_shell(tmp_path, redirection, word)[0] == expected


@pytest.mark.parametrize(("redirection", "expected"), [slow("| true", 0), ("> /dev/full", 2)])
def test_a_story_is_told_likewise(tmp_path: Path, redirection: str, expected: int) -> None:
    ran = run(tmp_path, *SCAN, *FUNCTIONS)
    (finding,) = ran.findings("unused")
    assert in_a_shell(tmp_path, redirection, "explain", finding["id"])[0] == expected
