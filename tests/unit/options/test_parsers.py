"""The options of the command line as a frozen value."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.cli import main
from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parsers import Options, scan_options


def test_options_that_are_not_given_have_the_defaults_of_the_value() -> None:
    assert scan_options([]) == Options()


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_wait_that_is_no_time(value: str) -> None:
    with pytest.raises(ScanError, match=f"--wait: '{value}' is not a number of seconds"):
        scan_options([f"--wait={value}"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--region", "us-east-1,eu-west-1"], {"region": ("us-east-1", "eu-west-1")}),
        (["--regions", "a, b", "--region=c"], {"region": ("a", "b", "c")}),
        (["--fail-on", "unused,broad"], {"fail_on": ("unused", "broad")}),
        (["--evidence=cloudtrail,invocations"], {"evidence": ("cloudtrail", "invocations")}),
        (["--workloads", "a-*,b", "c"], {"workloads": ("a-*", "b", "c")}),
        (["--stack", "a,,b,"], {"stack": ("a", "b")}),
        (["--verdict", "unused,broad"], {"verdict": ("unused", "broad")}),
        (["--traces", "a.json,b.json"], {"traces": (Path("a.json"), Path("b.json"))}),
        (["-o", "reports"], {"output_dir": Path("reports")}),
    ],
)
def test_lists_take_commas_and_guesses_work(words: list[str], expected: dict[str, object]) -> None:
    assert scan_options(words) == Options(**expected)  # type: ignore[arg-type]  # names of a table


def test_a_comma_in_the_name_of_a_file_that_exists_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "a,b.json"
    path.touch()
    assert scan_options(["--traces", str(path)]).traces == (path,)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--regoin", "x"], "unknown option --regoin; did you mean --region?"),
        (["--time-rnge=5"], "unknown option --time-rnge; did you mean --time-range?"),
        (["--zzz"], "unknown option --zzz"),
        (["--output", "x"], "unknown option --output; did you mean --output-dir?"),
        (["-c", "report"], "unexpected argument 'report': a command is named once, before its options"),
        (["--", "foo"], "unexpected argument 'foo'"),
        (["--traces", ""], "--traces: expected a value that is not empty"),
        (["stray"], "unexpected argument 'stray'"),
        (["--fail-on", "unused,brod"], "--fail-on: 'brod' is not one of unused, broad, unobservable, "
         "ineffective, never; did you mean broad?"),
        (["--fail-on-severity", "Write"], "--fail-on-severity: 'Write' is not one of privilege-escalation, "
         "permissions-management, destruction, write, data-access, tagging, read, list, all; did you mean "
         "write?"),
        (["-c", "--usage-only"], "--usage-only: does not go with --compare"),
        (["--fail-on-severity", "x"], "--fail-on-severity: 'x' is not one of privilege-escalation, "
         "permissions-management, destruction, write, data-access, tagging, read, list, all"),
        (["--region"], "--region: expected at least one argument"),
        (["--region", ","], "--region: expected a value that is not empty"),
        (["-s"], "--start-time: expected one argument"),
        (["--no-assume-instrumented=x"], "--assume-instrumented: takes no value, not 'x'"),
        (["--evil\x1b[31m"], "unknown option --evil\\x1b[31m"),
    ],
)  # fmt: skip
def test_wrong_use_is_two_lines(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == EXIT_USAGE
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"xray-privilege-scan: {message}"
    assert second == "xray-privilege-scan: `xray-privilege-scan --help` shows all options"
