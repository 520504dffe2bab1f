"""The command line: its commands, its help, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanner.cli import COMMANDS, main
from scanner.errors import EXIT_GATE, EXIT_USAGE


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


def test_a_command_that_is_misspelled_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explian", "0a1b"]) == EXIT_USAGE
    assert "unexpected argument 'explian'; did you mean explain?" in capsys.readouterr().err
