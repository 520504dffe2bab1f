"""The action's inputs: what they mean, how wrong values are refused, held to action.yml and the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.errors import EXIT_USAGE, ScanError
from scanner.model import Verdict
from scanner.options import parser, request_of
from scanner.settings import ONE_VALUE, SEVERAL_VALUES, SWITCHES, settings_of

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_795_000_000.0


def inputs(**values: str) -> dict[str, str]:
    """Inputs as the runner sets them: hyphens stay, letters are upper case."""
    return {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in values.items()}


def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return loaded


def test_the_defaults() -> None:
    settings = settings_of({"GITHUB_WORKFLOW": "ci", "GITHUB_JOB": "test"})
    assert settings.options == ["--compare"]
    assert settings.gate.fail_on == {Verdict.UNUSED}
    assert settings.gate.insufficient == "warn"
    assert (settings.comment, settings.redact, settings.annotations) == ("on-findings", "auto", True)
    assert settings.key == "ci/test"


def test_the_defaults_of_action_yml_are_those_of_the_code() -> None:
    defaults = {name: str(spec.get("default", "")) for name, spec in manifest()["inputs"].items()}
    environ = {
        f"INPUT_{n.upper()}": v for n, v in defaults.items() if n not in ("github-token", "min-traces")
    }
    assert settings_of(environ) == settings_of({})


def test_inputs_become_the_options_of_the_command_line() -> None:
    environ = inputs(
        time_range="30",
        filter='service("x")',
        workloads="notes-*\n other \n",
        wait="90",
        min_traces="3",
        assume_instrumented="true",
        region="eu-west-1",
    )
    request = request_of(parser().parse_args(list(settings_of(environ).options)), NOW)
    assert request.start == NOW - 1800
    assert (request.filter, request.wait) == ('service("x")', 90.0)
    assert request.workloads == ("notes-*", "other")
    assert (request.standard.min_traces, request.standard.assume_instrumented) == (3, True)
    assert request.compare


@pytest.mark.parametrize("value", ["-x", "--help", "a b", "=", "'"])
def test_a_value_is_never_an_option(value: str) -> None:
    options = settings_of(inputs(workloads=value, filter=value)).options
    arguments = parser().parse_args(list(options))
    assert (arguments.workloads, arguments.filter) == ([value], value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("unused", {"unused"}),
        ("unused, broad", {"unused", "broad"}),
        ("unused\nbroad", {"unused", "broad"}),
        ("never", set()),
    ],
)
def test_what_fails(value: str, expected: set[str]) -> None:
    assert {v.value for v in settings_of(inputs(fail_on=value)).gate.fail_on} == expected


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("fail_on", "everything", "never"),
        ("fail_on_severity", "high", "permissions-management"),
        ("comment", "sometimes", "on-findings"),
        ("redact", "yes", "auto"),
        ("on_insufficient_evidence", "ignore", "warn"),
        ("annotations", "1", "true"),
        ("compare", "no", "false"),
        ("min_traces", "0", "whole number"),
        ("wait", "long", "seconds"),
    ],
)
def test_a_wrong_value_is_refused_with_those_that_are_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(ScanError, match=allowed) as raised:
        settings_of(inputs(**{name: value}))
    assert raised.value.exit_code == EXIT_USAGE
    assert name.replace("_", "-") in str(raised.value)


def test_every_input_is_read_and_every_input_that_is_read_is_in_action_yml() -> None:
    code = (ROOT / "scanner" / "settings.py").read_text()
    read = set(re.findall(r'(?:text|words|several|boolean|one_of)\("([a-z-]+)"', code))
    read |= {*ONE_VALUE, *SEVERAL_VALUES, *SWITCHES}
    assert read == set(manifest()["inputs"])


def test_every_output_that_is_set_is_in_action_yml() -> None:
    code = (ROOT / "scanner" / "action.py").read_text()
    block = code[code.index("set_outputs(") : code.index("def _conclude")]
    assert set(re.findall(r'^ +"([a-z-]+)":', block, re.MULTILINE)) == set(manifest()["outputs"])


def test_the_readme_lists_the_inputs_and_outputs_as_action_yml_has_them() -> None:
    readme = (ROOT / "README.md").read_text()
    for part in ("inputs", "outputs"):
        section = readme.partition(f"### {part.capitalize()}\n")[2].partition("\n#")[0]
        documented = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \|$", section, re.MULTILINE))
        for name, spec in manifest()[part].items():
            assert documented.get(name, "").startswith(spec["description"]), (
                f"{name} is not in the README's table"
            )
