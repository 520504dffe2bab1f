"""The action's flow without its image: inputs and event in, comment, annotations, summary, exit code out."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from entrypoint import main
from scanner.errors import EXIT_INTERRUPTED
from scanner.gate.load_baseline import load_baseline
from scanner.report.recorded import Record, recorded_in
from scanner.result import ScanResult
from scanner.scan import scan
from tests.examples import thorough
from tests.fakes import notes
from tests.fakes.github import BASE, CONTENTS, CREATE, GRAPHQL, LIST, FakeGitHub, Script
from tests.fakes.github_reviews import Content

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NUMBER = 7


class Ran(NamedTuple):
    code: int
    log: str
    summary: str
    outputs: dict[str, str]


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


def event(github: FakeGitHub, *, fork: bool = False, private: bool = True) -> dict[str, Any]:
    base = {"full_name": github.name}
    head = {"full_name": "someone/notes-app" if fork else github.name}
    return {
        "number": NUMBER,
        "pull_request": {"number": NUMBER, "head": {"repo": head}, "base": {"repo": base, "sha": BASE}},
        "repository": {**base, "private": private},
    }


class Step:
    """The action as a step of a workflow, on the walk-through's files unless inputs say otherwise."""

    def __init__(self, github: FakeGitHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._github = github
        self._folder = folder
        self._monkeypatch = monkeypatch
        self.workspace = folder / "workspace"
        self.workspace.mkdir()

    def run(
        self,
        payload: dict[str, Any] | None = None,
        *,
        name: str = "pull_request",
        run_id: int = 900,
        debug: bool = False,
        **inputs: str,
    ) -> Ran:
        """Run it for an event, that of a pull request if none is given."""
        self._prepare(payload)
        environ = self._environ(name, run_id, debug) | self._inputs(inputs)
        self._monkeypatch.chdir(self.workspace)
        out = io.StringIO()
        code = main(environ, out, now=notes.FIRST_TRACE + 3600)
        return self._ran(code, out.getvalue())

    def run_process(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run it for a pull request as a process of its own, as the image does."""
        self._prepare(None)
        environ = os.environ | self._environ("pull_request", 900, debug=True) | self._inputs(inputs)
        command = [sys.executable, str(ROOT / "entrypoint.py")]
        return subprocess.run(
            command, env=environ, cwd=self.workspace, capture_output=True, text=True, check=False, timeout=60
        )

    def _ran(self, code: int, log: str) -> Ran:
        folder = self._folder
        outputs = dict(line.split("=", 1) for line in (folder / "outputs").read_text().splitlines())
        return Ran(code, log, (folder / "summary").read_text(), outputs)

    def _prepare(self, payload: dict[str, Any] | None) -> None:
        folder = self._folder
        (folder / "event.json").write_text(
            json.dumps(payload if payload is not None else event(self._github))
        )
        for file in ("summary", "outputs"):
            (folder / file).write_text("")

    def _environ(self, name: str, run_id: int, debug: bool) -> dict[str, str]:
        return {
            "GITHUB_REPOSITORY": self._github.name,
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_WORKFLOW": "ci",
            "GITHUB_JOB": "scan",
            "GITHUB_API_URL": self._github.url,
            "GITHUB_GRAPHQL_URL": self._github.graphql_url,
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(self._folder / "event.json"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self._folder / "summary"),
            "GITHUB_OUTPUT": str(self._folder / "outputs"),
            "RUNNER_DEBUG": "1" if debug else "",
        }

    def _inputs(self, inputs: dict[str, str]) -> dict[str, str]:
        given = {
            "traces": str(EXAMPLES / "traces"),
            "iam": str(EXAMPLES / "iam.json"),
            "functions": str(EXAMPLES / "functions.json"),
            "github-token": self._github.token,
            **{key.replace("_", "-"): value for key, value in inputs.items()},
        }
        return {f"INPUT_{key.upper()}": value for key, value in given.items()}


@pytest.fixture
def step(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    return Step(github, tmp_path, monkeypatch)


def fixed(folder: Path) -> str:
    """The file of --iam in which the delete function's role was mended."""
    document = notes.iam()
    (role,) = [r for r in document["RoleDetailList"] if r["RoleName"] == notes.role_name("delete")]
    role["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] = ["dynamodb:DeleteItem"]
    (folder / "fixed.json").write_text(json.dumps(document))
    return str(folder / "fixed.json")


def test_a_comment_is_made_left_alone_and_resolved(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    first = step.run()
    (body,) = github.bodies(NUMBER)
    assert first.code == 1
    assert "notes-app-api-test-delete" in body
    assert '-    "dynamodb:GetItem",' in body
    assert first.outputs["comment-url"]
    step.run(run_id=901)
    assert github.bodies(NUMBER) == [body]
    last = step.run(run_id=902, iam=fixed(tmp_path))
    (resolved,) = github.bodies(NUMBER)
    assert last.code == 0
    gone = "<code>dynamodb&#58;GetItem</code> is gone from <code>notes-app-api-test-delete</code>"
    assert f"### ✅ Fixed: {gone}" in resolved
    step.run(run_id=903, iam=fixed(tmp_path))
    assert github.bodies(NUMBER) == [resolved], "a run that finds the same says the same"


def test_an_older_run_leaves_the_newer_comment(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    step.run(run_id=901)
    before = github.bodies(NUMBER)
    step.run(run_id=900, iam=fixed(tmp_path))
    assert github.bodies(NUMBER) == before


def test_the_annotation_stands_on_the_line_that_grants(step: Step, github: FakeGitHub) -> None:
    (step.workspace / "serverless.yml").write_text(notes.SERVERLESS)
    ran = step.run()
    assert f"::error file=serverless.yml,line={notes.SERVERLESS_LINE}," in ran.log
    assert f"serverless&#46;yml&#58;{notes.SERVERLESS_LINE}" in github.bodies(NUMBER)[0]


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({}, 1),
        ({"fail_on": "never"}, 0),
        ({"fail_on": "broad"}, 0),
        ({"fail_on_severity": "write"}, 0),
        ({"fail_on_severity": "read"}, 1),
        ({"fail_on": "broad", "min_traces": "99", "on_insufficient_evidence": "fail"}, 1),
        ({"min_traces": "99", "on_insufficient_evidence": "pass"}, 0),
        ({"min_traces": "99", "include_unconfirmed": "true"}, 1),
    ],
)
def test_the_inputs_decide_what_fails(step: Step, inputs: dict[str, Any], code: int) -> None:
    assert step.run(comment="never", **inputs).code == code


def test_a_fork_gets_no_comment_and_its_result_in_the_summary(step: Step, github: FakeGitHub) -> None:
    ran = step.run(event(github, fork=True))
    assert github.bodies(NUMBER) == []
    assert "from a fork" in ran.log
    assert "notes-app-api-test-delete" in ran.summary


def test_a_token_that_may_not_comment_is_reported_what_it_lacks(step: Step, github: FakeGitHub) -> None:
    github.script = Script(rights=(LIST, GRAPHQL))
    ran = step.run()
    assert ran.code == 1, "the gate stands"
    assert "pull-requests: write" in ran.log
    assert "Traceback" not in ran.log


def recorded(github: FakeGitHub) -> Record:
    """What the line that is not shown of the comment records."""
    record = recorded_in(github.bodies(NUMBER)[0], str)
    assert record is not None and record.open
    return record


def test_in_public_no_account_id_is_shown_but_in_the_files(step: Step, github: FakeGitHub) -> None:
    ran = step.run(event(github, private=False))
    shown = ran.log + ran.summary + github.bodies(NUMBER)[0] + repr(recorded(github))
    assert notes.ACCOUNT not in shown
    report = step.workspace / ran.outputs["report"]
    assert notes.ACCOUNT in report.read_text()


def test_outputs_hold_no_arn(step: Step) -> None:
    ran = step.run()
    assert "arn:" not in str(ran.outputs)
    assert (ran.outputs["conclusion"], ran.outputs["unused"]) == ("failure", "1")


def test_a_wrong_input_ends_the_step_at_once(step: Step) -> None:
    ran = step.run(fail_on="everything")
    assert ran.code == 2
    assert "::error" in ran.log
    assert "unused, broad" in ran.log


def test_without_a_trace_the_step_is_green_and_says_so(step: Step, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    ran = step.run(traces=str(empty))
    assert (ran.code, ran.outputs["conclusion"]) == (0, "neutral")
    assert "no trace was found" in ran.log
    assert step.run(traces=str(empty), on_insufficient_evidence="fail").code == 1


def test_a_schedule_reports_without_a_comment(step: Step, github: FakeGitHub) -> None:
    ran = step.run({"repository": {"private": True}}, name="schedule")
    assert {request.operation for request in github.requests} == {CONTENTS}
    assert "notes-app-api-test-delete" in ran.summary


def night(step: Step, run_id: int, **inputs: str) -> Ran:
    """A scheduled run that keeps the issue."""
    payload = {"schedule": "17 5 * * *", "repository": {"private": True, "default_branch": "main"}}
    return step.run(payload, name="schedule", run_id=run_id, debug=False, issue="on-findings", **inputs)


def with_scan(folder: Path) -> str:
    """The file of --iam in which the role of the delete function grants one action more."""
    document = notes.iam()
    (role,) = [r for r in document["RoleDetailList"] if r["RoleName"] == notes.role_name("delete")]
    role["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"].append("dynamodb:PutItem")
    (folder / "more.json").write_text(json.dumps(document))
    return str(folder / "more.json")


def test_the_life_of_an_issue(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    first = night(step, 900, issue_labels="security", issue_title="Rights")
    (issue,) = github.issues.stored.values()
    assert first.code == 1, "the exit code is the gate's"
    assert first.outputs["issue-url"] == f"{github.url}/{github.name}/issues/20"
    assert (issue.title, issue.labels, issue.state) == ("Rights", ["security"], "open")
    assert "### ❌ Remove 1 permission from <code>notes-app-api-test-delete</code>" in issue.body
    assert github.bodies(20) == []

    night(step, 901)
    night(step, 902, iam=with_scan(tmp_path))
    (comment,) = github.bodies(20)
    assert (
        "### 1 new" in comment and "<code>dynamodb&#58;PutItem</code> on <code>table/notes</code>" in comment
    )
    assert "+1 new, 1 known, 0 fixed" in issue.body

    empty = tmp_path / "empty"
    empty.mkdir()
    before = issue.body
    assert "no issue: nothing was compared" in night(step, 903, traces=str(empty), iam=fixed(tmp_path)).log
    unsure = night(step, 904, min_traces="99", iam=with_scan(tmp_path))
    assert unsure.code == 0
    assert issue.state == "open", "what a run cannot confirm is not gone"
    assert "2 findings that this run could not see" in issue.body
    assert issue.body != before

    last = night(step, 905, iam=fixed(tmp_path))
    assert (last.code, issue.state, issue.state_reason) == (0, "closed", "completed")
    assert "### ✅ Fixed: 2 findings are gone from" in issue.body
    night(step, 906, iam=fixed(tmp_path))
    assert "### ✅ Fixed: 2 findings are gone from" in issue.body
    night(step, 907)
    assert issue.state == "open"
    events = [event for _, event in github.issues.notifications]
    assert events == ["opened", "commented", "closed", "reopened"]


def test_an_issue_is_kept_by_no_pull_request(step: Step, github: FakeGitHub) -> None:
    ran = step.run(issue="on-findings")
    assert github.issues.stored == {}
    assert "no issue: it is kept by runs of no pull request" in ran.log
    assert ran.outputs["issue-url"] == "" and ran.outputs["comment-url"]


def test_an_issue_that_may_not_be_kept_is_a_warning_that_names_the_right(
    step: Step, github: FakeGitHub
) -> None:
    github.script = Script(rights=(GRAPHQL, CONTENTS))
    ran = night(step, 900)
    assert ran.code == 1
    assert "::warning" in ran.log and "the job needs `permissions: issues: write`" in ran.log


def test_in_public_an_issue_hides_what_the_comment_hides(step: Step, github: FakeGitHub) -> None:
    payload = {"repository": {"private": False, "visibility": "public"}}
    step.run(payload, name="schedule", issue="on-findings")
    (issue,) = github.issues.stored.values()
    record = recorded_in(issue.body, str)
    assert record is not None and record.open
    assert notes.ACCOUNT not in issue.body + repr(record)


def secret_iam(folder: Path) -> str:
    """The file of --iam with grants whose names tell more than a public comment should."""
    document = notes.iam()
    (role,) = [r for r in document["RoleDetailList"] if r["RoleName"] == notes.role_name("delete")]
    role["RolePolicyList"][0]["PolicyDocument"]["Statement"] += [
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": resource}
        for resource in (
            "arn:aws:s3:::bkt/private/my KEYONE.csv",
            "arn:aws:s3:*:*:bkt/private/KEYTWO.csv",
            "arn:aws:s3:us-east-1:123456789012:accesspoint/ap/object/KEYTHREE",
            "arn:aws:s3:::*KEYFOUR.csv",
        )
    ] + [
        {
            "Effect": "Allow",
            "Action": "secretsmanager:DeleteSecret",
            "Resource": [
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:it's-SECRETONE",
                "*secret:SECRETTWO",
            ],
            "Condition": {"StringLike": {"s3:prefix": ["KEYFIVE/*"]}},
        }
    ]
    (folder / "secret.json").write_text(json.dumps(document))
    return str(folder / "secret.json")


def test_in_public_no_name_of_a_secret_and_no_key_is_shown(
    step: Step, github: FakeGitHub, tmp_path: Path
) -> None:
    ran = step.run(event(github, private=False), iam=secret_iam(tmp_path))
    shown = ran.log + ran.summary + github.bodies(NUMBER)[0] + repr(recorded(github))
    assert "s3" in shown
    for name in ("KEYONE", "KEYTWO", "KEYTHREE", "KEYFOUR", "KEYFIVE", "SECRETONE", "SECRETTWO"):
        assert name not in shown


def test_what_could_not_be_confirmed_at_all_is_not_success(step: Step, tmp_path: Path) -> None:
    document = notes.iam()
    for role in document["RoleDetailList"]:
        del role["AssumeRolePolicyDocument"]
    (tmp_path / "no-trust.json").write_text(json.dumps(document))
    ran = step.run(iam=str(tmp_path / "no-trust.json"), on_insufficient_evidence="fail")
    assert (ran.code, ran.outputs["conclusion"]) == (1, "failure")
    assert "role-users-unknown" in ran.log


def test_a_function_that_was_never_compared_is_reported(step: Step, tmp_path: Path) -> None:
    listed = notes.functions()
    listed["Functions"] = [f for f in listed["Functions"] if "delete" not in f["FunctionName"]]
    (tmp_path / "fewer.json").write_text(json.dumps(listed))
    ran = step.run(functions=str(tmp_path / "fewer.json"))
    assert ran.outputs["conclusion"] == "neutral"
    assert "never compared: notes-app-api-test-delete" in ran.log
    assert "No excessive permissions" not in ran.summary


def test_a_run_that_sees_nothing_leaves_the_comment_of_one_that_saw(
    step: Step, github: FakeGitHub, tmp_path: Path
) -> None:
    step.run()
    before = github.bodies(NUMBER)
    (tmp_path / "empty").mkdir()
    step.run(run_id=901, traces=str(tmp_path / "empty"))
    step.run(run_id=902, compare="false")
    assert github.bodies(NUMBER) == before


def test_a_verdict_that_fails_is_shown_whatever_it_is(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    document = notes.iam()
    statements = document["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"]["Statement"]
    statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})
    (tmp_path / "pass.json").write_text(json.dumps(document))
    ran = step.run(iam=str(tmp_path / "pass.json"), fail_on="unobservable")
    assert ran.code == 1
    assert "::error" in ran.log and "iam:PassRole" in ran.log
    assert "PassRole" in github.bodies(NUMBER)[0]


def test_the_pull_request_of_a_fork_s_run_is_found_by_its_branch(step: Step, github: FakeGitHub) -> None:
    sha = "a" * 40
    github.pull_request(NUMBER, sha, fork=True)
    (pull,) = github.pulls.pop(sha)  # GitHub does not find it by the commit
    github.pulls["elsewhere"] = [pull]
    owner, _, branch = pull["head"]["label"].partition(":")
    payload = {
        "workflow_run": {
            "pull_requests": [],
            "head_sha": sha,
            "head_branch": branch,
            "head_repository": {"owner": {"login": owner}},
        },
        "repository": {"private": True},
    }
    step.run(payload, name="workflow_run")
    assert len(github.bodies(NUMBER)) == 1


@pytest.mark.parametrize("folder", ["/tmp/out", "../out", "."])
def test_reports_stay_in_the_workspace(step: Step, folder: str) -> None:
    assert step.run(output_dir=folder).code == 2


def test_the_log_holds_the_whole_report_in_a_group(step: Step) -> None:
    ran = step.run(annotations="false")
    assert "::group::" in ran.log
    assert "dynamodb:GetItem  table/notes  never used" in ran.log


def test_debug_logs_come_when_the_runner_asks_for_them(step: Step, github: FakeGitHub) -> None:
    assert "::debug::" not in step.run().log
    assert "::debug::notes-app-api-test-get: 4 traces" in step.run(debug=True).log


# --- configuration and baseline ------------------------------------------------------------------

CONFIG = ".github/least-privilege.yml"
VERSION = "version: 1\n"
IGNORE = """\
ignore:
  - workload: notes-app-api-test-delete
    action: dynamodb:GetItem
    reason: the delete page will show the note
"""
EXPIRED = IGNORE + "    expires: 2026-01-31\n    owner: '@team-notes'\n"


def check_out(workspace: Path, files: dict[str, str]) -> None:
    """Write files into the workspace, as the checkout of a pull request holds them."""
    for path, text in files.items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(text)


def granted(folder: Path, *actions: str) -> str:
    """The file of --iam in which the delete function's role holds these actions beside the one it needs."""
    document = notes.iam()
    (role,) = [r for r in document["RoleDetailList"] if r["RoleName"] == notes.role_name("delete")]
    statement = role["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]
    statement["Action"] = ["dynamodb:DeleteItem", *actions]
    (folder / "granted.json").write_text(json.dumps(document))
    return str(folder / "granted.json")


def baseline_of(folder: Path) -> str:
    """What the command line writes as the baseline of the walk-through."""
    from scanner.cli import main as command_line

    file, examples = folder / "baseline.json", EXAMPLES
    words = ["-c", "--traces", str(examples / "traces"), "--iam", str(examples / "iam.json")]
    words += ["--functions", str(examples / "functions.json"), "--output-dir", str(folder / "out")]
    assert command_line([*words, "--baseline", str(file), "--update-baseline"]) == 0
    assert len(load_baseline(file.read_text(), "baseline.json").entries) == 1
    return file.read_text()


def test_a_pull_request_that_accepts_its_own_finding_still_fails_and_shows_that_it_does(
    step: Step, github: FakeGitHub
) -> None:
    github.commit({CONFIG: VERSION})
    check_out(step.workspace, {CONFIG: VERSION + IGNORE})
    ran = step.run()
    (body,) = github.bodies(NUMBER)
    assert (ran.code, ran.outputs["new"], ran.outputs["accepted"]) == (1, "1", "0")
    assert "### ❌ " in body and "because of `fail-on: unused`" in body
    for text in (body, ran.summary):
        assert ": what it changes takes effect after the merge." in text
        assert "\n```diff\n--- a/.github/least-privilege.yml\n" in text
        assert "\n+    action: dynamodb:GetItem\n" in text
    assert f"This pull request changes {CONFIG}" in ran.log


def test_the_same_rule_in_the_base_accepts_it(step: Step, github: FakeGitHub) -> None:
    github.commit({CONFIG: VERSION + IGNORE})
    check_out(step.workspace, {CONFIG: VERSION + IGNORE})
    ran = step.run()
    assert (ran.code, ran.outputs["conclusion"]) == (0, "success")
    assert (ran.outputs["new"], ran.outputs["accepted"], ran.outputs["unused"]) == ("0", "1", "0")
    assert github.bodies(NUMBER) == [], "what is accepted is no finding to comment on"
    assert "no excessive permission found, and 1 finding that the team accepts" in ran.summary
    assert "::error" not in ran.log


def test_a_rule_that_is_taken_out_counts_until_the_merge_and_is_commented_on(
    step: Step, github: FakeGitHub
) -> None:
    github.commit({CONFIG: VERSION + IGNORE})
    check_out(step.workspace, {CONFIG: VERSION})
    assert step.run().code == 0
    (body,) = github.bodies(NUMBER)
    assert "\n-    action: dynamodb:GetItem\n" in body


def test_a_configuration_that_a_pull_request_adds_takes_effect_after_the_merge(
    step: Step, github: FakeGitHub
) -> None:
    check_out(step.workspace, {CONFIG: VERSION + "fail-on: never\n"})
    assert step.run().code == 1
    assert ": it takes effect after the merge." in github.bodies(NUMBER)[0]


@pytest.mark.parametrize(
    ("config", "inputs", "code"),
    [
        ("fail-on: never\n", {}, 0),
        ("fail-on: never\n", {"fail_on": "unused"}, 1),
        ("min-traces: 99\non-insufficient-evidence: fail\n", {}, 1),
        ("min-traces: 99\non-insufficient-evidence: fail\n", {"on_insufficient_evidence": "warn"}, 0),
        ("min-traces: 99\ninclude-unconfirmed: true\n", {}, 1),
    ],
)
def test_the_configuration_decides_what_fails_unless_an_input_does(
    step: Step, github: FakeGitHub, config: str, inputs: dict[str, Any], code: int
) -> None:
    github.commit({CONFIG: VERSION + config})
    assert step.run(comment="never", **inputs).code == code


def test_a_rule_that_expired_fails_with_its_reason(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    github.commit({CONFIG: VERSION + EXPIRED})
    known = {"known.json": baseline_of(tmp_path)}
    for files in ({}, known):  # an expired rule fails even where nothing else does
        github.commit({CONFIG: VERSION + EXPIRED, **files})
        ran = step.run(baseline="known.json" if files else "")
        (body,) = github.bodies(NUMBER)
        assert (ran.code, ran.outputs["conclusion"]) == (1, "failure")
        cause = "" if files else "`fail-on: unused` and "
        assert f"Fails because of {cause}a rule that expired" in body
        assert "the delete page will show the note" in body and "team-notes" in body
        assert "✅" not in body
        assert "::error title=xray-privilege-scan::a rule of the configuration expired" in ran.log


def test_with_a_baseline_only_what_is_new_fails(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    github.commit({"known.json": baseline_of(tmp_path)})
    known = step.run(baseline="known.json")
    assert known.code == 0
    counts = [known.outputs[name] for name in ("new", "accepted", "fixed", "unused", "failing")]
    assert counts == ["0", "1", "0", "0", "0"]
    more = granted(tmp_path, "dynamodb:GetItem", "dynamodb:Scan")
    new = step.run(baseline="known.json", iam=more)
    assert new.code == 1
    assert [new.outputs[name] for name in ("new", "accepted", "fixed", "failing")] == ["1", "1", "0", "1"]
    (error,) = [line for line in new.log.splitlines() if line.startswith("::error")]
    assert "dynamodb:Scan" in error and "GetItem" not in error
    fixed = step.run(baseline="known.json", iam=granted(tmp_path))
    assert (fixed.code, fixed.outputs["fixed"]) == (0, "1")


def test_a_baseline_that_the_pull_request_writes_accepts_nothing(
    step: Step, github: FakeGitHub, tmp_path: Path
) -> None:
    github.commit({"known.json": '{"version": 1, "findings": []}\n'})
    check_out(step.workspace, {"known.json": baseline_of(tmp_path)})
    ran = step.run(baseline="known.json")
    assert (ran.code, ran.outputs["new"]) == (1, "1")
    assert '"action": "dynamodb:GetItem"' in github.bodies(NUMBER)[0]


HEAD = "e" * 40
BASE_OF_PULL: dict[str, Any] = {"number": NUMBER, "base": {"sha": BASE}}
EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "push": ("push", {"ref": "refs/heads/mine", "after": HEAD}),
    "push to main": ("push", {"ref": "refs/heads/main", "after": HEAD}),
    "schedule": ("schedule", {}),
    "workflow_dispatch": ("workflow_dispatch", {"ref": "refs/heads/mine"}),
    "pull_request": ("pull_request", {"pull_request": BASE_OF_PULL}),
    "pull_request_target": ("pull_request_target", {"pull_request": BASE_OF_PULL}),
    "merge_group": (
        "merge_group",
        {"merge_group": {"base_ref": "refs/heads/main", "base_sha": HEAD, "head_sha": HEAD}},
    ),
    "workflow_run": ("workflow_run", {"workflow_run": {"event": "push", "head_sha": HEAD}}),
    "workflow_run of a pull request": (
        "workflow_run",
        {"workflow_run": {"event": "pull_request", "head_sha": HEAD, "pull_requests": [BASE_OF_PULL]}},
    ),
    "workflow_run of a fork": (
        "workflow_run",
        {"workflow_run": {"event": "pull_request", "head_sha": HEAD, "pull_requests": []}},
    ),
    "issue_comment": ("issue_comment", {"issue": {"number": NUMBER, "pull_request": {"url": ""}}}),
    "release": ("release", {"action": "published"}),
    "nothing known": ("something_new", {}),
}


@pytest.mark.parametrize(("name", "payload"), EVENTS.values(), ids=EVENTS)
def test_whatever_starts_the_run_no_change_accepts_its_own_finding(
    step: Step, github: FakeGitHub, tmp_path: Path, name: str, payload: dict[str, Any]
) -> None:
    payload = payload | {"repository": {"private": True}}
    known = baseline_of(tmp_path)
    check_out(step.workspace, {CONFIG: VERSION + IGNORE, "known.json": known})
    github.commit({CONFIG: VERSION, "known.json": '{"version": 1, "findings": []}\n'})
    own = step.run(payload, name=name, baseline="known.json")
    assert (own.code, own.outputs["new"]) == (1, "1")
    github.commit({CONFIG: VERSION + IGNORE})
    assert step.run(payload, name=name).code == 0
    github.commit({"known.json": known})
    assert step.run(payload, name=name, baseline="known.json").code == 0


def test_a_push_leaves_the_comment_of_the_pull_request_alone(step: Step, github: FakeGitHub) -> None:
    step.run()
    (body,) = github.bodies(NUMBER)
    github.pull_request(NUMBER, HEAD)
    push = {"ref": "refs/heads/mine", "after": HEAD, "repository": {"private": True}}
    for run_id in (901, 902):
        step.run(push, name="push", run_id=run_id, fail_on="never", comment="always")
    of_pull_request, of_push = github.bodies(NUMBER)
    assert of_pull_request == body
    assert "Fails because" in of_pull_request and "Fails because" not in of_push


def test_after_the_merge_the_log_says_what_counts(step: Step, github: FakeGitHub) -> None:
    check_out(step.workspace, {CONFIG: VERSION + IGNORE})
    ran = step.run({"repository": {"private": True}}, name="schedule")
    assert f"{CONFIG} counts as it is in the default branch, not as it was checked out" in ran.log


def test_where_the_base_cannot_be_read_nothing_is_judged(step: Step, github: FakeGitHub) -> None:
    check_out(step.workspace, {CONFIG: VERSION + IGNORE})
    github.script = Script(rights=(LIST, GRAPHQL))
    ran = step.run()
    assert ran.code == 2
    assert "permissions: contents: read" in ran.log
    assert "Traceback" not in ran.log


def test_without_a_token_a_repository_without_these_files_is_scanned_all_the_same(step: Step) -> None:
    ran = step.run(github_token="")
    assert ran.code == 1
    assert "no configuration is used" in ran.log
    assert "notes-app-api-test-delete" in ran.summary


@pytest.mark.parametrize("inputs", [{"config": "rules.yml"}, {"baseline": "known.json"}])
def test_a_file_that_an_input_names_must_be_there(step: Step, inputs: dict[str, Any]) -> None:
    ran = step.run(**inputs)
    assert ran.code == 2
    assert "neither at 0000000000 nor in the checkout" in ran.log


def test_a_configuration_of_the_base_with_a_mistake_is_reported_line_by_line(
    step: Step, github: FakeGitHub
) -> None:
    github.commit({CONFIG: VERSION + "fail-on: all\nmin-traces: no\n"})
    ran = step.run()
    assert ran.code == 2
    assert f"{CONFIG}:2: " in ran.log and f"{CONFIG}:3: " in ran.log
    assert "as of 0000000000" in ran.log


def test_a_configuration_of_the_pull_request_with_a_mistake_is_a_warning(
    step: Step, github: FakeGitHub
) -> None:
    github.commit({CONFIG: VERSION + IGNORE})
    check_out(step.workspace, {CONFIG: VERSION + "fail-on: all\n"})
    ran = step.run()
    assert ran.code == 0
    assert "The configuration of this pull request cannot be read" in github.bodies(NUMBER)[0]
    assert "::warning title=xray-privilege-scan::the configuration of this pull request" in ran.log


def test_what_a_pull_request_writes_cannot_burst_or_dress_up_the_comment(
    step: Step, github: FakeGitHub
) -> None:
    line = "# ``` </details> <!-- @everyone ::error::owned " + "x" * 300 + "\n"
    check_out(step.workspace, {CONFIG: VERSION + line * 500, "known.json": "[\n" + line * 500})
    ran = step.run(event(github, private=False), baseline="known.json")
    (body,) = github.bodies(NUMBER)
    assert len(body) <= 65_536
    assert '-    "dynamodb:GetItem",' in body, "findings have room beside it"
    assert "````diff" in body
    assert not [line for line in ran.log.splitlines() if line.startswith("::error::owned")]


def test_in_public_what_a_pull_request_changes_tells_no_account(step: Step, github: FakeGitHub) -> None:
    check_out(step.workspace, {CONFIG: VERSION + f"# arn:aws:iam::{notes.ACCOUNT}:role/notes\n"})
    ran = step.run(event(github, private=False))
    shown = ran.log + ran.summary + github.bodies(NUMBER)[0]
    assert "role/notes" in shown
    assert notes.ACCOUNT not in shown


def unreadable(folder: Path, name: str) -> dict[str, str]:
    """Inputs with which a scan has much to explain."""
    empty = folder / f"empty-{name}"
    empty.mkdir()
    iam, functions = notes.iam(), notes.functions()
    if name == "cut off":
        functions["NextMarker"] = "more"
    del iam["RoleDetailList"][0]
    for role in iam["RoleDetailList"]:
        del role["AssumeRolePolicyDocument"]
    (empty / "iam.json").write_text(json.dumps(iam))
    (empty / "functions.json").write_text(json.dumps(functions))
    return {
        "iam": str(empty / "iam.json"),
        "functions": str(empty / "functions.json"),
        "min_traces": "99",
        "workloads": "notes-*\nnobody",
    }


@pytest.mark.parametrize(
    "inputs",
    [
        {"traces": "nowhere"},
        {"traces": ".", "functions": "functions.json"},
        {"start_time": "2999-01-01", "traces": ""},
        {"filter": "x"},
        {"compare": "false"},
        {"traces": "", "trace_ids": "none.txt", "region": "us-east-1 eu-west-1"},
        {"name": "few"},
        {"name": "cut off"},
    ],
)
def test_messages_name_inputs_and_no_options(
    step: Step, github: FakeGitHub, tmp_path: Path, inputs: dict[str, Any]
) -> None:
    if name := inputs.get("name"):
        inputs = unreadable(tmp_path, name)
    ran = step.run(comment="always", **inputs)
    written = [path.read_text() for path in step.workspace.rglob("report.*") if path.suffix != ".html"]
    assert len(written) == (2 if "min_traces" in inputs else 0)
    shown = "\n".join([ran.log, ran.summary, *github.bodies(NUMBER), *written])
    assert not re.findall(r".*(?<![\w-])--[a-z].*", shown)
    for expected in ("`min-traces`", "`workloads` 'nobody'") if "min_traces" in inputs else ("`",):
        assert expected in shown


def test_a_run_that_is_cancelled_ends_in_a_line(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("scanner.action.run._scan", cancelled)
    ran = step.run()
    assert ran.code == EXIT_INTERRUPTED
    assert ran.log.endswith(
        "::error title=xray-privilege-scan::interrupted: no result is published any more\n"
    )


def test_a_run_that_is_cancelled_while_it_reads_publishes_no_part_of_a_result(
    step: Step, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    step.run()
    before = github.bodies(NUMBER)

    def cancelled(*asked: Any) -> ScanResult:
        result = scan(*asked)
        return replace(result, traced=replace(result.traced, interrupted=True))

    monkeypatch.setattr("scanner.action.run.scan", cancelled)
    ran = step.run(run_id=901)
    assert (ran.code, ran.outputs, ran.summary) == (EXIT_INTERRUPTED, {}, "")
    assert github.bodies(NUMBER) == before
    (error,) = re.findall(r"^::error .*$", ran.log, re.MULTILINE)
    assert "interrupted while traces were read" in error
    report = next(step.workspace.rglob("report.json"))
    assert json.loads(report.read_text())["scan"]["interrupted"]


def test_wrong_use_is_reported_before_github_is_asked(step: Step, github: FakeGitHub) -> None:
    assert step.run(traces="", time_range="soon").code == 2
    assert github.count(CONTENTS) == 0


# --- what changed since the last comment ------------------------------------------------------------


def title_of(github: FakeGitHub) -> str:
    """The title of the only comment."""
    (body,) = github.bodies(NUMBER)
    return next(line for line in body.splitlines() if line.startswith("### "))


@pytest.mark.parametrize("private", [True, False])
def test_the_title_says_what_is_new_and_what_was_fixed_since_the_last_comment(
    step: Step, github: FakeGitHub, tmp_path: Path, private: bool
) -> None:
    def title_after(run_id: int, *actions: str) -> str:
        step.run(event(github, private=private), run_id=run_id, iam=granted(tmp_path, *actions))
        return title_of(github)

    assert " new, " not in title_after(901, "dynamodb:GetItem"), "there was no comment before"
    assert title_after(902, "dynamodb:GetItem", "dynamodb:PutItem").endswith("+1 new, 1 known, 0 fixed")
    again = title_after(903, "dynamodb:GetItem", "dynamodb:PutItem")
    assert again.endswith("+1 new, 1 known, 0 fixed"), "nothing changed since"
    assert title_after(904, "dynamodb:PutItem").endswith("+0 new, 1 known, 1 fixed")
    (body,) = github.bodies(NUMBER)
    fixed_line = "- <code>dynamodb&#58;GetItem</code> on <code>table/notes</code>"
    assert fixed_line in body
    gone = "<code>dynamodb&#58;PutItem</code> is gone from <code>notes-app-api-test-delete</code>"
    assert title_after(905) == f"### ✅ Fixed: {gone}"


def test_what_was_not_scanned_again_is_not_fixed(step: Step, github: FakeGitHub) -> None:
    step.run(run_id=901)
    step.run(run_id=902, workloads="notes-app-api-test-get")
    assert "Fixed" not in github.bodies(NUMBER)[0]


def test_what_the_team_accepts_is_not_fixed(step: Step, github: FakeGitHub) -> None:
    step.run(run_id=901)
    github.commit({CONFIG: VERSION + IGNORE})
    step.run(run_id=902)
    assert "Fixed" not in github.bodies(NUMBER)[0]


def test_with_a_baseline_the_title_counts_against_it(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    github.commit({"known.json": baseline_of(tmp_path)})
    step.run(baseline="known.json", iam=granted(tmp_path, "dynamodb:GetItem", "dynamodb:PutItem"))
    assert title_of(github).endswith("+1 new, 1 known, 0 fixed")


def test_the_lines_that_a_pull_request_adds_are_suggested_away_once(step: Step, github: FakeGitHub) -> None:
    template = notes.SERVERLESS.encode()
    before = template.replace(b"          - dynamodb:GetItem\n", b"")
    (step.workspace / "serverless.yml").write_bytes(template)
    pull = github.reviewed_pull(NUMBER, HEAD, {"serverless.yml": Content(before, template)})
    payload = event(github)
    payload["pull_request"]["head"]["sha"] = HEAD
    for run_id in (900, 901):
        ran = step.run(payload, run_id=run_id)
        assert "::warning" not in ran.log
    (thread,) = pull.threads
    assert pull.apply(thread) == before
    assert len(pull.reviews) == 1


def test_places_are_linked_at_the_head_of_the_pull_request(step: Step, github: FakeGitHub) -> None:
    (step.workspace / "serverless.yml").write_text(notes.SERVERLESS)
    payload = event(github)
    payload["pull_request"]["head"]["sha"] = HEAD
    step.run(payload)
    address = f"https://github.com/{github.name}/blob/{HEAD}/serverless.yml#L{notes.SERVERLESS_LINE}"
    (body,) = github.bodies(NUMBER)
    assert f"[<code>serverless&#46;yml&#58;{notes.SERVERLESS_LINE}</code>]({address})" in body
    assert "\n-          - dynamodb:GetItem\n" in body, "the change is the template's own"


# --- what libraries say -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(fail={CREATE: 9}, failure=502), marks=thorough, id="POST fails"),
        pytest.param(Script(rights=(LIST, GRAPHQL, CONTENTS)), marks=thorough, id="POST is refused"),
        pytest.param(
            Script(limited=(403, "::error::rate limit", {"Retry-After": "1"}), limit_first=1), id="rate limit"
        ),
    ],
)
def test_no_line_of_a_library_reaches_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    with FakeGitHub(script=script) as github:
        ran = Step(github, tmp_path, monkeypatch).run_process()
        assert github.count(CREATE) >= 1
    assert ran.stderr == ""
    assert github.url not in ran.stdout
    assert github.token not in ran.stdout


def test_neither_loggers_nor_warnings_nor_threads_of_libraries_speak_to_the_runner(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatty(*_: Any) -> int:
        logger = logging.getLogger("some.library")
        logger.addHandler(logging.StreamHandler())
        logger.critical("::set-env name=A::b")
        warnings.warn("::error::from a library", UserWarning, stacklevel=1)
        thread = threading.Thread(target=lambda: 1 // 0)
        thread.start()
        thread.join()
        return 0

    monkeypatch.setattr("scanner.action.run.run", chatty)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
        step.run()
    assert capsys.readouterr().err == ""
    assert not logging.root.manager.disable
