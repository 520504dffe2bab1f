"""The command line: its commands, its help, and how it ends."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scanner import cli
from scanner.cli import COMMANDS, main
from scanner.commands.command import Command
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


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_a_command_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for words in (f"help {name}", f"{name} --help"):
        with pytest.raises(SystemExit) as raised:
            main(words.split())
        assert raised.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("help explian", "unexpected argument 'explian'; did you mean explain?"),
        ("help -c", "unexpected argument 'help'"),
        ("help scan -c", "unexpected argument 'help'"),
    ],
)
def test_help_of_what_is_no_command_is_wrong_use(
    words: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == EXIT_USAGE
    assert line in capsys.readouterr().err


def test_every_command_has_the_option_that_shows_where_it_fails() -> None:
    for command in COMMANDS.values():
        assert "--verbose" in command.parser().format_help()


def test_a_command_that_is_misspelled_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explian", "0a1b"]) == EXIT_USAGE
    assert "unexpected argument 'explian'; did you mean explain?" in capsys.readouterr().err


CALLS = [
    ("doctor --region us-east-1", "doctor", {"region": ["us-east-1"]}),
    ("--region us-east-1 doctor", "doctor", {"region": ["us-east-1"]}),
    ("--region us-east-1 eu-west-1 doctor", "doctor", {"region": ["us-east-1", "eu-west-1"]}),
    ("--region a,b --region c doctor --profile p", "doctor", {"region": ["a", "b", "c"], "profile": "p"}),
    ("--region=a doctor", "doctor", {"region": ["a"]}),
    ("--profile doctor --region a", "scan", {"profile": "doctor", "region": ["a"]}),
    ("--role x report", "report", {"role": ["x"], "file": None}),
    ("--role x y report r.json --service s3", "report", {"role": ["x", "y"], "file": Path("r.json")}),
    ("-v report r.json", "report", {"verbose": True, "file": Path("r.json")}),
    ("--report r.json --all explain 0a1b", "explain", {"report": Path("r.json"), "id": "0a1b"}),
    ("-r 720 scan -c", "scan", {"time_range": "720", "compare": True}),
    ("-r720 scan", "scan", {"time_range": "720"}),
    ("-cr 720 scan", "scan", {"time_range": "720", "compare": True}),
    ("-r scan", "scan", {"time_range": "scan"}),
    # names of workloads and files, which may be anything
    ("--workloads report", "scan", {"workloads": ["report"]}),
    ("--workloads api report demo", "scan", {"workloads": ["api", "report", "demo"]}),
    ("--stack demo doctor -c", "scan", {"stack": ["demo", "doctor"], "compare": True}),
    ("--role report demo", "demo", {"role": ["report"]}),
    ("explain report", "explain", {"id": "report"}),
]


@pytest.mark.parametrize(("words", "name", "options"), CALLS, ids=[words for words, *_ in CALLS])
def test_a_command_may_stand_behind_options(
    words: str, name: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = {}

    def recorded(command: str) -> Command:
        def run(arguments: argparse.Namespace, *_: object) -> int:
            called[command] = vars(arguments)
            return 0

        return replace(COMMANDS[command], run=run)

    monkeypatch.setattr(cli, "COMMANDS", {command: recorded(command) for command in COMMANDS})
    assert main(words.split()) == 0
    assert list(called) == [name]
    assert {key: called[name][key] for key in options} == options


@pytest.mark.parametrize("words", ["-c report", "--no-such doctor", "x doctor", "doctor scan"])
def test_a_command_that_no_option_leads_to_is_two_lines(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == EXIT_USAGE
    assert len(capsys.readouterr().err.splitlines()) == 2


WRONG_USE = [
    (["-s", "soon"], "--start-time: 'soon' is not a time", "use 2026-"),
    (["-s", "2999-01-01"], "--start-time: 2999-01-01 is in the future", "use an earlier time"),
    (["-s", "40d"], "the start is more than 30 days ago", "choose a later --start-time"),
    (["-r", "0"], "--time-range: '0' is not a duration", "use minutes"),
    (["--top", "0"], "--top: '0' is not a whole number", "`xray-privilege-scan --help` shows"),
    (["--wait", "x"], "--wait: 'x' is not a number", "`xray-privilege-scan --help` shows"),
    (["--fail-on", "never", "unused"], "--fail-on: `never` cannot be combined", "give it alone"),
    (["--fail-on-severity", "write"], "--fail-on-severity requires verdicts", "add --fail-on"),
    (["--usage-only", "--fail-on", "unused"], "--fail-on requires a comparison", "remove --usage-only"),
    (["--update-baseline"], "--update-baseline requires --baseline", "name the file to write"),
    (["--traces", "x", "--wait", "5"], "--traces: --trace-ids, --filter, --wait", "remove them"),
    (["report", "a", "b"], "unexpected argument 'b'", "`xray-privilege-scan report --help` shows"),
]


@pytest.mark.parametrize(("words", "problem", "advice"), WRONG_USE, ids=lambda value: str(value)[:30])
def test_an_option_that_is_wrong_is_two_lines_what_and_what_to_do(
    words: list[str], problem: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == EXIT_USAGE
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"xray-privilege-scan: {problem}")
    assert second.startswith(f"xray-privilege-scan: {advice}")
    assert advice not in first
