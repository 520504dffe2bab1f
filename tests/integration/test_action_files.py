"""The files that the action writes and reads, in a checkout that a pull request made."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import EXIT_NOTHING_READ, EXIT_USAGE
from scanner.gate.baseline import Baseline
from scanner.gate.load_baseline import dump_baseline
from scanner.output import destination
from scanner.output.destination import Destination, git_folder, opened
from tests.fakes import notes
from tests.fakes.github import BASE, FakeGitHub
from tests.integration.test_action_flow import EXAMPLES, Step, event

FOLDER = "xray-privilege-scan"
REPORTS = (
    "report.json",
    "excessive_permissions.json",
    "report.html",
    "report.md",
    "notes-app-api-test-get.policy.json",
)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture
def step(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    return Step(github, tmp_path, monkeypatch)


def from_a_fork(github: FakeGitHub) -> dict[str, object]:
    return event(github, fork=True)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("target", [".git/config", "../precious", "not-there"])
def test_a_report_that_a_pull_request_made_a_link_is_not_followed(
    step: Step, github: FakeGitHub, name: str, target: str
) -> None:
    path, folder = step.workspace / target, step.workspace / FOLDER
    if target != "not-there":
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    folder.mkdir()
    (folder / name).symlink_to(Path("..") / target)
    ran = step.run(from_a_fork(github), name="pull_request_target")
    assert ran.code == 1, ran.log
    if target == "not-there":
        assert not path.exists()
    else:
        assert path.read_text() == "precious"
    assert stat.S_ISREG((folder / name).lstat().st_mode)


@pytest.mark.parametrize(
    ("link", "target", "folder"),
    [
        ("xray-privilege-scan", "..", ""),
        ("xray-privilege-scan", "/", ""),
        ("xray-privilege-scan", "../not-there", ""),
        ("xray-privilege-scan", ".", ""),
        ("out", "../elsewhere", "out/scan"),
        ("out", ".git", "out/hooks"),
        ("out", ".github/workflows", "out"),
        (".github", "plain", "plain"),
        ("xray-privilege-scan", "xray-privilege-scan", ""),
    ],
)
def test_an_output_folder_that_a_link_takes_out_of_the_workspace_or_into_git_is_refused(
    step: Step, tmp_path: Path, link: str, target: str, folder: str
) -> None:
    for name in ("elsewhere", "workspace/.git/hooks", "workspace/plain"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (step.workspace / link).symlink_to(target)
    ran = step.run(output_dir=folder)
    assert ran.code == 2
    assert "input `output-dir`" in ran.log
    assert not list(tmp_path.rglob("report.json"))


def test_an_output_folder_that_is_a_link_within_the_workspace_is_followed(step: Step) -> None:
    (step.workspace / "build").mkdir()
    (step.workspace / FOLDER).symlink_to("build")
    assert step.run().code == 1
    assert (step.workspace / "build" / "report.json").is_file()


@pytest.mark.parametrize("folder", [".git", ".git/hooks", ".github/x", ".GitHub", "a/.git/x", ".Git./x"])
def test_the_action_refuses_the_folders_of_git_and_github(step: Step, folder: str) -> None:
    ran = step.run(output_dir=folder)
    assert ran.code == 2
    assert "input `output-dir`" in ran.log
    assert not list(step.workspace.rglob("*"))


def test_a_folder_that_becomes_a_link_after_it_was_checked_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root" / "out").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    checked = destination._checked

    def then_replaced(given: Destination) -> Path:
        path = checked(given)
        shutil.rmtree(tmp_path / "root" / "out")
        (tmp_path / "root" / "out").symlink_to(tmp_path / "elsewhere")
        return path

    monkeypatch.setattr(destination, "_checked", then_replaced)
    given = Destination(Path("out"), "output-dir", print, root=tmp_path / "root")
    with pytest.raises(Exception, match="cannot be written to"), opened(given) as folder:
        folder.write({"report.json": b"x"})
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_folder_that_becomes_a_link_while_it_is_open_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root" / "out").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    with opened(Destination(tmp_path / "root" / "out", "output-dir", print)) as folder:
        (tmp_path / "root" / "out").rename(tmp_path / "root" / "moved")
        (tmp_path / "root" / "out").symlink_to(tmp_path / "elsewhere")
        folder.write({"report.json": b"x"})
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (tmp_path / "root" / "moved" / "report.json").read_bytes() == b"x"


@pytest.mark.parametrize("input_name", ["traces", "iam", "functions", "trace_ids"])
@pytest.mark.parametrize("target", ["../secret", ".git/config"])
def test_an_input_that_a_pull_request_made_a_link_is_refused_unread(
    step: Step, github: FakeGitHub, input_name: str, target: str
) -> None:
    (step.workspace / ".git").mkdir()
    (step.workspace / target).write_text("AUTHORIZATION: basic c2VjcmV0")
    (step.workspace / "file").symlink_to(target)
    inputs: dict[str, Any] = {"traces": ""} if input_name == "trace_ids" else {}
    ran = step.run(from_a_fork(github), name="pull_request_target", **{**inputs, input_name: "file"})
    assert ran.code == 2
    assert f"input `{input_name.replace('_', '-')}`" in ran.log
    assert "link" in ran.log
    assert "c2VjcmV0" not in ran.log + ran.summary


def test_a_link_in_a_folder_of_traces_is_refused_unless_it_stays_in_the_checkout(
    step: Step, github: FakeGitHub, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLES / "traces", step.workspace / "saved")
    (step.workspace / "traces").mkdir()
    for number, path in enumerate(sorted((step.workspace / "saved").iterdir())):
        (step.workspace / "traces" / f"{number}.json").symlink_to(path)
    assert step.run(traces="traces").code == 1
    (tmp_path / "secret.json").write_text("[]")
    (step.workspace / "traces" / "x.json").symlink_to(tmp_path / "secret.json")
    assert step.run(traces="traces").code == 2
    # what the workflow itself names outside of the checkout is its own
    (tmp_path / "link").symlink_to(step.workspace / "saved")
    assert step.run(traces=str(tmp_path / "link")).code == 1


def test_a_head_that_is_checked_out_for_pull_request_target_changes_neither_configuration_nor_baseline(
    step: Step, github: FakeGitHub
) -> None:
    config, baseline = ".github/least-privilege.yml", "baseline.yml"
    github.commit({config: "version: 1\n", baseline: dump_baseline(Baseline())}, BASE)
    (step.workspace / ".github").mkdir()
    (step.workspace / config).write_text("version: 1\nfail-on: [never]\n")
    (step.workspace / baseline).symlink_to("/etc/passwd")
    ran = step.run(from_a_fork(github), name="pull_request_target", baseline=baseline)
    assert ran.code == 1, ran.log
    assert "root:" not in ran.log + ran.summary


def test_a_scan_that_could_read_nothing_leaves_earlier_reports_alone(step: Step) -> None:
    step.run()
    before = {path: path.read_bytes() for path in (step.workspace / FOLDER).iterdir()}
    (step.workspace / "nothing").mkdir()
    ran = step.run(traces="nothing")
    assert ran.outputs["conclusion"] == "neutral"
    assert (ran.outputs["report"], ran.outputs["excessive-permissions"]) == ("", "")
    assert {path: path.read_bytes() for path in (step.workspace / FOLDER).iterdir()} == before


def test_the_log_names_the_files_to_open(step: Step) -> None:
    ran = step.run()
    for name in ("report.json", "excessive_permissions.json", "report.md", "*.policy.json (5 files)"):
        assert f"written: {FOLDER}/{name}" in ran.log


def test_a_report_names_its_policy_files(step: Step) -> None:
    step.run()
    report = json.loads((step.workspace / FOLDER / "report.json").read_bytes())
    names = {path.name for path in (step.workspace / FOLDER).glob("*.policy.json")}
    assert (
        set(report["policy_files"])
        == names
        == {f"{notes.function_name(v)}.policy.json" for v in notes.OPERATIONS}
    )


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("repo/.git/x", ".git"),
        ("repo/a/.GITHUB", ".github"),
        ("repo/a/.github ", ".github"),
        ("repo/github", None),
    ],
)
def test_git_s_folders_are_known_by_their_names(tmp_path: Path, path: str, refused: str | None) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    assert git_folder(tmp_path / path, None) == refused
    assert git_folder(tmp_path / path, tmp_path / "repo") == refused


def test_sarif_is_written_where_the_input_says_and_named_by_an_output(step: Step) -> None:
    (step.workspace / ".github").mkdir()
    (step.workspace / ".github" / "least-privilege.yml").write_text("version: 1\n")
    ran = step.run(sarif="results.sarif")
    assert ran.code == 1
    assert ran.outputs["sarif"] == "results.sarif"
    (run,) = json.loads((step.workspace / "results.sarif").read_bytes())["runs"]
    (result,) = run["results"]
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == ".github/least-privilege.yml"
    assert step.run().outputs["sarif"] == ""


def test_sarif_hides_names_where_the_comment_does(step: Step) -> None:
    step.run(sarif="out/results.sarif", redact="always")
    text = (step.workspace / "out" / "results.sarif").read_text()
    assert notes.ACCOUNT not in text
    assert notes.ACCOUNT in (step.workspace / FOLDER / "report.json").read_text()


@pytest.mark.parametrize("path", ["../x.sarif", "/tmp/x.sarif", ".github/x.sarif", ".git/x", "link/x.sarif"])
def test_sarif_stays_in_the_workspace_and_out_of_git(step: Step, tmp_path: Path, path: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (step.workspace / "link").symlink_to(tmp_path / "elsewhere")
    ran = step.run(sarif=path)
    assert ran.code == 2
    assert "input `sarif`" in ran.log
    assert not list(tmp_path.rglob("*.sarif"))


@pytest.mark.parametrize("name", ["report.json", "report.md"])
def test_sarif_is_none_of_the_reports(step: Step, name: str) -> None:
    ran = step.run(sarif=f"{FOLDER}/{name}")
    assert ran.code == 2
    assert f"input `sarif`: {FOLDER}/{name} is a report of `output-dir`" in ran.log


@pytest.mark.parametrize(("region", "text"), [("nowhere-9", "does not exist"), ("", "no AWS region")])
def test_a_region_that_is_wrong_is_red_and_no_want_of_evidence(
    step: Step, monkeypatch: pytest.MonkeyPatch, region: str, text: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    ran = step.run(traces="", region=region)
    assert ran.code == EXIT_NOTHING_READ, ran.log
    assert text in ran.log
    assert "`region`" in ran.log


def test_an_input_of_nothing_but_commas_says_so(step: Step) -> None:
    for name, ran in (("traces", step.run(traces=",")), ("workloads", step.run(workloads=","))):
        assert ran.code == EXIT_USAGE
        assert f"input `{name}`: expected a value that is not empty" in ran.log
