"""The commands beside `scan`: a report shown again, the sample data, files in other formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.fakes.moto_aws import ROOT
from tests.integration.tools import Ran, run

EXAMPLES = ROOT / "examples"
FROM_FILES = (
    *("--traces", EXAMPLES / "traces", "--iam", EXAMPLES / "iam.json"),
    *("--functions", EXAMPLES / "functions.json"),
)
NO_AWS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_DEFAULT_REGION": ""}
FIRST_VERSION = ROOT / "tests" / "cases" / "report-1.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """`demo`, in a folder of its own."""
    return run(tmp_path_factory.mktemp("demo"), "demo", env=NO_AWS)


def test_demo_needs_no_aws_and_finds_the_permission(demo: Ran) -> None:
    assert demo.code == 0, demo.err
    assert "Remove 1 permission from notes-app-api-test-delete" in demo.out
    assert (demo.folder / "demo" / "report.json").is_file()
    assert "demo/report.json" in demo.out


def test_demo_is_the_walk_through_of_the_examples(demo: Ran, tmp_path: Path) -> None:
    assert run(tmp_path, *FROM_FILES).code == 0
    sample = ROOT / "scanner" / "commands" / "data" / "demo"
    for path in (EXAMPLES / "iam.json", EXAMPLES / "functions.json", *(EXAMPLES / "traces").iterdir()):
        assert (sample / path.relative_to(EXAMPLES)).read_bytes() == path.read_bytes()
    assert (
        json.loads((demo.folder / "demo" / "report.json").read_bytes())["roles"]
        == (json.loads((tmp_path / "report.json").read_bytes())["roles"])
    )


def test_demo_is_not_judged_by_the_configuration_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "least-privilege.yml").write_text("version: 1\nfail-on: unused\n")
    assert run(tmp_path, "demo", env=NO_AWS).code == 0


@pytest.mark.parametrize("named", [["FILE"], ["--report", "FILE"]])
def test_report_shows_what_the_scan_showed(demo: Ran, named: list[str], tmp_path: Path) -> None:
    path = str(demo.folder / "demo" / "report.json")
    ran = run(tmp_path, "report", *(word.replace("FILE", path) for word in named), env=NO_AWS)
    assert ran.code == 0, ran.err
    assert demo.out.startswith(ran.out.partition("\n\n")[0])


def test_report_takes_the_report_of_the_folder(demo: Ran) -> None:
    assert run(demo.folder / "demo", "report", env=NO_AWS).out.startswith("Remove 1 permission")


@pytest.mark.parametrize("name", ["text", "markdown", "html", "csv", "json", "sarif"])
def test_report_reads_both_versions_in_every_format(name: str, demo: Ran, tmp_path: Path) -> None:
    for path in (FIRST_VERSION, demo.folder / "demo" / "report.json"):
        ran = run(tmp_path, "report", path, "--format", name, env=NO_AWS)
        assert ran.code == 0, ran.err
        assert ran.out
        if name in ("json", "sarif"):
            json.loads(ran.out)


@pytest.mark.parametrize("name", ["text", "markdown", "csv", "sarif"])
def test_report_has_the_filters_of_the_terminal(name: str, demo: Ran) -> None:
    path = demo.folder / "demo" / "report.json"
    shown = run(demo.folder, "report", path, "--format", name, "--severity", "data-access").out
    filtered = run(demo.folder, "report", path, "--format", name, "--severity", "write").out
    assert "dynamodb:GetItem" in shown
    assert "dynamodb:GetItem" not in filtered


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["not-there.json"], "not-there.json does not exist"),
        ([], "there is no report.json in this folder"),
        (["."], "there is no report.json in this folder"),
        ([EXAMPLES / "iam.json"], "iam"),
        (["--format", "pdf"], "pdf"),
    ],
)
def test_report_of_something_else_is_wrong_use(words: list[object], text: str, tmp_path: Path) -> None:
    ran = run(tmp_path, "report", *words, env=NO_AWS)
    assert ran.code == 2
    assert text in ran.err


@pytest.mark.parametrize("command", ["report", "explain"])
def test_a_report_that_is_not_there_is_told_where_to_come_from(command: str, tmp_path: Path) -> None:
    ran = run(tmp_path, *([command] if command == "report" else [command, "0a1b"]), env=NO_AWS)
    problem, advice = ran.err.splitlines()
    assert "there is no report.json in this folder" in problem
    assert "scan first" in advice


def test_the_folder_of_a_report_stands_for_it(demo: Ran) -> None:
    by_folder = run(demo.folder, "report", "demo", env=NO_AWS)
    assert by_folder.out == run(demo.folder, "report", "demo/report.json", env=NO_AWS).out
    assert run(demo.folder, "explain", "897730f80039", "--report", "demo", env=NO_AWS).code == 0


def test_an_excess_file_is_named_with_the_file_that_is_wanted(demo: Ran) -> None:
    ran = run(demo.folder / "demo", "report", "excessive_permissions.json", env=NO_AWS)
    ran.ends_with(2, "an excessive_permissions.json of an earlier scan", "report.json beside it")


@pytest.mark.parametrize("format_", ["text", "csv", "html"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["--role", "nope"],
            "no role matches --role; roles in this report: notes-app-api-test-create",
        ),
        (["--service", "s3"], "no finding matches --service; services in this report: dynamodb"),
        (
            ["--severity", "write", "--role", "*-delete-role"],
            "no finding matches --severity write, --role *-",
        ),
    ],
)
def test_filters_that_match_nothing_say_what_there_is(
    words: list[str], text: str, format_: str, demo: Ran, tmp_path: Path
) -> None:
    ran = run(demo.folder / "demo", "report", "--format", format_, *words, env=NO_AWS)
    assert ran.code == 0
    assert ran.err.startswith(f"xray-privilege-scan: {text}")
    assert ran.err.count("\n") == 1
    shown = run(demo.folder / "demo", "report", "--format", format_, "--role", "*-delete-role", env=NO_AWS)
    assert shown.err == ""


def test_a_scan_writes_the_same_files_as_report_prints(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("what SARIF names where no template is known\n")
    names = ("markdown", "html", "csv", "sarif")
    files = [word for name in names for word in (f"--{name}", f"x.{name}")]
    ran = run(tmp_path, *FROM_FILES, *files)
    assert ran.code == 0, ran.err
    for name in names:
        assert f"x.{name}" in ran.out
        again = run(tmp_path, "report", "--format", name, env=NO_AWS).out
        assert (tmp_path / f"x.{name}").read_text(encoding="utf-8") == again


def test_the_csv_of_a_scan_has_the_finding(tmp_path: Path) -> None:
    run(tmp_path, *FROM_FILES, "--csv", "x.csv")
    (line,) = csv.DictReader((tmp_path / "x.csv").open(encoding="utf-8", newline=""))
    assert (line["verdict"], line["actions"]) == ("unused", "dynamodb:GetItem")


def test_sarif_of_a_scan_in_a_checkout_names_the_line_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "template.yml").write_text(
        "Resources:\n"
        "  Role:\n"
        "    Type: AWS::IAM::Role\n"
        "    Properties:\n"
        "      RoleName: notes-app-api-test-delete-role\n"
        "      Policies:\n"
        "        - PolicyName: notes\n"
        "          PolicyDocument:\n"
        "            Statement:\n"
        "              - Effect: Allow\n"
        "                Action:\n"
        "                  - dynamodb:DeleteItem\n"
        "                  - dynamodb:GetItem\n"
        "                Resource: arn:aws:dynamodb:us-east-1:*:table/notes\n"
    )
    assert run(tmp_path, *FROM_FILES, "--sarif", "x.sarif").code == 0
    (sarif,) = json.loads((tmp_path / "x.sarif").read_bytes())["runs"]
    place = sarif["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("template.yml", 13)
