"""The action's inputs: what they mean, how wrong values are refused, held to action.yml and the docs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.action.inputs import ONE_VALUE, SEVERAL_VALUES, SEVERAL_WORDS, effective_config, inputs_of
from scanner.action.publish.outputs import OUTPUTS
from scanner.action.wording import by_inputs
from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate.config import TeamConfig
from scanner.gate.decide import GatePolicy
from scanner.gate.load_config import load_config
from scanner.model import EXCESS, Verdict
from scanner.options.parsers import Options, scan_options
from scanner.options.request import gate_of, request_of
from scanner.request import ScanRequest
from scripts import generate_docs

ROOT = Path(__file__).resolve().parents[3]
NOW = 1_795_000_000.0


def inputs(**values: str) -> dict[str, str]:
    """Inputs as the runner sets them: hyphens stay, letters are upper case."""
    return {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in values.items()}


def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return loaded


def test_the_defaults() -> None:
    defaults = inputs_of({"GITHUB_WORKFLOW": "ci", "GITHUB_JOB": "test"})
    assert defaults.options == Options(compare=True)
    assert (defaults.comment, defaults.redact, defaults.annotations) == ("on-findings", "auto", True)
    assert defaults.key == "ci/test"


def test_the_defaults_of_action_yml_are_those_of_the_code() -> None:
    defaults = {name: str(spec.get("default", "")) for name, spec in manifest()["inputs"].items()}
    environ = {f"INPUT_{name.upper()}": value for name, value in defaults.items() if name != "github-token"}
    assert inputs_of(environ) == inputs_of({})


def asked(environ: dict[str, str], file: str = "") -> tuple[ScanRequest, GatePolicy]:
    """The request and the gate of a run with these inputs, and a configuration with these lines."""
    given = inputs_of(environ)
    config = effective_config(given, load_config(f"version: 1\n{file}") if file else TeamConfig())
    return request_of(given.options, NOW, config), gate_of(given.options, config)


def test_inputs_become_the_options_of_the_command_line() -> None:
    environ = inputs(
        time_range="30",
        filter='service("x")',
        workloads="notes-*\n other \n",
        wait="90",
        min_traces="3",
        assume_instrumented="true",
        region="eu-west-1 us-east-1",
        evidence="last-accessed, invocations",
    )
    request, _ = asked(environ)
    assert request.start == NOW - 1800
    assert (request.filter, request.wait) == ('service("x")', 90.0)
    assert request.workloads == ("notes-*", "other")
    assert request.regions == ("eu-west-1", "us-east-1")
    assert request.evidence == {"last-accessed", "invocations"}
    assert (request.requirements.min_traces, request.requirements.assume_instrumented) == (3, True)
    assert request.compare


def test_inputs_say_where_traces_and_workloads_are_read(tmp_path: Path) -> None:
    definition = {"taskDefinition": {"taskDefinitionArn": "arn", "family": "api", "containerDefinitions": []}}
    file = tmp_path / "with blanks, commas.json"
    file.write_text(json.dumps(definition))
    request, _ = asked(
        inputs(
            source="spans",
            log_group="aws/spans, /other/spans\narn:aws:logs:eu-west-1:123456789012:log-group:aws/spans",
            max_scan_gb="2.5",
            workload_config=f"{file}\n",
        )
    )
    assert (request.source, request.max_scan_gb) == ("spans", 2.5)
    assert request.log_groups == (
        "aws/spans",
        "/other/spans",
        "arn:aws:logs:eu-west-1:123456789012:log-group:aws/spans",
    )
    assert request.workload_config is not None


def test_inputs_name_the_roles_of_accounts_a_line_each() -> None:
    first, second = "arn:aws:iam::111111111111:role/ci/a,b", "arn:aws:iam::222222222222:role/scan"
    request, _ = asked(inputs(assume_role=f"{first}\n  {second}\n", external_id="shop:1"))
    assert [(role.arn, role.external_id) for role in request.assumed_roles] == [
        (first, "shop:1"),
        (second, "shop:1"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"external_id": "shop"}, "`external-id` requires `assume-role`"),
        ({"assume_role": "scan"}, "input `assume-role`: 'scan' is not the ARN of a role"),
        ({"source": "spans", "traces": "traces"}, "`source` spans does not go with `traces`"),
        ({"source": "files"}, "`source` files requires files"),
        ({"source": "xray", "max_scan_gb": "5"}, "`max-scan-gb` applies to spans in log groups only"),
        ({"log_group": "aws/spans", "filter": "error"}, "`filter` is X-Ray's"),
        ({"workload_config": "is-not-there"}, "`workload-config`: is-not-there"),
        ({"workload_config": "x", "compare": "false"}, "`workload-config` requires a comparison"),
    ],
)
def test_what_does_not_go_together_is_named_by_inputs(given: dict[str, str], said: str) -> None:
    with pytest.raises(ScanError) as raised:
        asked(inputs(**given))
    assert said in by_inputs(str(raised.value))


@pytest.mark.parametrize("value", ["-x", "--help", "a b", "=", "'"])
def test_a_value_is_never_an_option(value: str) -> None:
    options = inputs_of(inputs(workloads=value, filter=value)).options
    assert (options.workloads, options.filter) == ((value,), value)


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
    _, gate = asked(inputs(fail_on=value))
    assert {verdict.value for verdict in gate.fail_on} == expected


U, B = Verdict.UNUSED, Verdict.BROAD


@pytest.mark.parametrize(
    ("given", "file", "expected"),
    [
        ({}, "", {"fail_on": {U, B}}),
        ({}, "fail-on: [unused, broad]", {"fail_on": {U, B}}),
        ({}, "fail-on: never", {"fail_on": set()}),
        ({"fail_on": "unused"}, "fail-on: never", {"fail_on": {U}}),
        ({"fail_on": "never"}, "fail-on: broad", {"fail_on": set()}),
        ({"compare": "false"}, "fail-on: broad", {"fail_on": set()}),
        ({}, "", {"at_least": "data-access"}),
        ({"fail_on": "unused"}, "", {"at_least": "data-access"}),
        ({"fail_on_severity": "all"}, "fail-on-severity: write", {"at_least": "all"}),
        ({}, "fail-on-severity: write", {"at_least": "write"}),
        ({"fail_on_severity": "data-access"}, "fail-on-severity: write", {"at_least": "data-access"}),
        ({}, "", {"include_unconfirmed": False}),
        ({}, "include-unconfirmed: true", {"include_unconfirmed": True}),
        ({"include_unconfirmed": "false"}, "include-unconfirmed: true", {"include_unconfirmed": False}),
        ({"include_unconfirmed": "true"}, "include-unconfirmed: false", {"include_unconfirmed": True}),
        ({}, "", {"insufficient": "warn"}),
        ({}, "on-insufficient-evidence: fail", {"insufficient": "fail"}),
        (
            {"on_insufficient_evidence": "warn"},
            "on-insufficient-evidence: fail",
            {"insufficient": "warn"},
        ),
        ({}, "", {"min_traces": 1}),
        ({}, "min-traces: 20", {"min_traces": 20}),
        ({"min_traces": "1"}, "min-traces: 20", {"min_traces": 1}),
        *(
            case
            for name, key in (("min_observed_days", "min-observed-days"), ("grace_days", "grace-days"))
            for case in (
                ({}, "", {name: 0}),
                ({}, f"{key}: 14", {name: 14}),
                ({name: "7"}, f"{key}: 14", {name: 7}),
                ({name: "0"}, f"{key}: 14", {name: 0}),
                ({name: "7"}, f"{key}: 0", {name: 7}),
            )
        ),
        ({}, "", {"assume_instrumented": False}),
        ({}, "assume-instrumented: true", {"assume_instrumented": True}),
        ({"assume_instrumented": "false"}, "assume-instrumented: true", {"assume_instrumented": False}),
        ({"assume_instrumented": "true"}, "assume-instrumented: false", {"assume_instrumented": True}),
    ],
)
def test_an_input_wins_over_the_configuration_and_that_over_the_default(
    given: dict[str, str], file: str, expected: dict[str, Any]
) -> None:
    request, gate = asked(inputs(**given), file)
    ((name, value),) = expected.items()
    assert getattr(request.requirements if hasattr(request.requirements, name) else gate, name) == value


def test_the_default_gate_is_that_of_the_command_line_with_the_same_verdicts() -> None:
    options = scan_options(["-c", "--fail-on", "unused", "broad"])
    _, gate = asked({})
    assert gate == replace(gate_of(options, TeamConfig()), insufficient=gate.insufficient)


@pytest.mark.parametrize(
    ("given", "file", "more"),
    [
        ({}, "", set()),
        ({"fail_on": "unused ineffective"}, "", set()),  # it fails nothing
        ({}, "fail-on: unobservable", {Verdict.UNOBSERVABLE}),
    ],
)
def test_a_baseline_holds_what_may_fail(given: dict[str, str], file: str, more: set[Verdict]) -> None:
    request, _ = asked(inputs(**given), file)
    assert request.baseline_verdicts == {*EXCESS, *more}


def test_messages_name_the_configuration_as_the_input_does() -> None:
    assert asked({})[0].config_name == ".github/least-privilege.yml"
    assert asked(inputs(config="./privileges.yml"))[0].config_name == "privileges.yml"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("fail_on", "everything", "never"),
        ("fail_on_severity", "high", "permissions-management"),
        ("comment", "sometimes", "on-findings"),
        ("issue", "always", "never, on-findings"),
        ("suggest", "always", "on-findings, never"),
        ("redact", "yes", "auto"),
        ("on_insufficient_evidence", "ignore", "warn"),
        ("annotations", "1", "true"),
        ("compare", "no", "false"),
        ("min_traces", "0", "whole number"),
        ("min_observed_days", "two weeks", "whole number of days"),
        ("grace_days", "-1", "whole number of days"),
        ("grace_days", "10000", "at most 9999"),
        ("wait", "long", "seconds"),
        ("source", "x-ray", "auto, xray, spans, files"),
        ("max_scan_gb", "100GB", "number above 0"),
        ("max_scan_gb", "0", "number above 0"),
        ("evidence", "last-accessed guesses", "last-accessed, cloudtrail, invocations"),
        ("config", "/etc/passwd", "from its root"),
        ("config", "../other/least-privilege.yml", "from its root"),
        ("config", "a/../../b.yml", "from its root"),
        ("config", ".", "from its root"),
        ("baseline", "/baseline.json", "from its root"),
        ("baseline", "a/../baseline.json", "from its root"),
    ],
)
def test_a_wrong_value_is_refused_with_those_that_are_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(ScanError, match=allowed) as raised:
        inputs_of(inputs(**{name: value}))
    assert raised.value.exit_code == EXIT_USAGE
    assert name.replace("_", "-") in str(raised.value)


def test_the_issue_has_labels_with_spaces_and_assignees_with_or_without_an_at() -> None:
    given = inputs(
        issue="on-findings",
        issue_labels="least privilege, security\ntriage, security",
        issue_assignees="@octocat hubot",
        issue_title="Rights of\nproduction",
    )
    issue = inputs_of(given).issue
    assert (issue.mode, issue.title) == ("on-findings", "Rights of production")
    assert issue.labels == ("least privilege", "security", "triage")
    assert issue.assignees == ("octocat", "hubot")
    assert inputs_of(inputs()).issue.mode == "never"


def test_every_input_is_read_and_every_input_that_is_read_is_in_action_yml() -> None:
    code = (ROOT / "scanner" / "action" / "inputs.py").read_text()
    read = set(re.findall(r'(?:text|words|phrases|several|boolean|one_of|days)\("([a-z-]+)"', code))
    read |= {*ONE_VALUE, *SEVERAL_VALUES, *SEVERAL_WORDS}
    assert read == set(manifest()["inputs"])


def test_every_output_is_in_action_yml() -> None:
    assert list(OUTPUTS) == list(manifest()["outputs"])


@pytest.mark.parametrize("page", generate_docs.PAGES, ids=lambda page: page.name)
def test_the_documentation_is_as_action_yml_and_the_parsers_have_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == generate_docs.page_text(text), "run `make schemas`"


def test_all_inputs_and_outputs_are_documented() -> None:
    text = (ROOT / "docs" / "action.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for part in ("inputs", "outputs") for name in manifest()[part])
