"""The fix pull request in the action's flow: from a scan and a checkout to a branch, a commit and a text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import notes
from tests.fakes.github import BASE, CONTENTS, GRAPHQL, FakeGitHub, Script
from tests.fakes.github_branches import StoredPull
from tests.integration.test_action_flow import EVENTS, Ran, Step, fixed

BRANCH = "xray-privilege-scan/fix/nightly"
PATH = "services/notes/serverless.yml"
GONE = "          - dynamodb:GetItem\n"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture
def step(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    its = Step(github, tmp_path, monkeypatch)
    write(its, github, notes.SERVERLESS)
    return its


def write(step: Step, github: FakeGitHub, template: str, path: str = PATH) -> None:
    """Have the default branch and the checkout hold a template."""
    github.commit({path: template})
    file = step.workspace / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(template)


def night(step: Step, run_id: int = 900, public: bool = False, **inputs: str) -> Ran:
    repository = {"private": not public, "default_branch": "main"}
    given = {"fix_pull_request": "on-findings", "key": "nightly"} | inputs
    payload = {"repository": repository}
    return step.run(payload, name="schedule", run_id=run_id, debug=False, **given)


def the_pull(github: FakeGitHub) -> StoredPull:
    (pull,) = github.branches.pulls.values()
    return pull


def test_an_unused_permission_is_removed_in_a_pull_request(step: Step, github: FakeGitHub) -> None:
    ran = night(step)
    assert ran.code == 1, "the exit code is the gate's"
    pull = the_pull(github)
    assert ran.outputs["fix-pull-request-url"] == f"{github.url}/{github.name}/pull/{pull.number}"
    assert github.branches.files(BRANCH) == {PATH: notes.SERVERLESS.replace(GONE, "").encode()}
    assert (pull.branch, pull.base) == (BRANCH, "main")
    assert pull.title == "Remove AWS permissions that nobody used (nightly)"
    for part in (
        "1 edit for 1 finding",
        "<code>dynamodb&#58;GetItem</code>",
        "never used",
        "GITHUB_TOKEN",
        "not offered again",
        "full report",
    ):
        assert part in pull.body
    assert (step.workspace / PATH).read_text() == notes.SERVERLESS, "the checkout stays as it is"


def test_it_is_off_unless_it_is_asked_for(step: Step, github: FakeGitHub) -> None:
    ran = night(step, fix_pull_request="never")
    assert not github.branches.pulls and ran.outputs["fix-pull-request-url"] == ""


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_only_runs_of_the_default_branch_keep_it(
    step: Step, github: FakeGitHub, event: tuple[str, dict[str, Any]]
) -> None:
    name, payload = event
    ran = step.run(
        {"repository": {"private": True, "default_branch": "main"}, **payload},
        name=name,
        fix_pull_request="on-findings",
    )
    if name == "schedule" or payload.get("ref") == "refs/heads/main":
        assert github.branches.pulls
    else:
        assert not github.branches.pulls
        assert "no fix pull request: " in ran.log


def test_another_text_in_the_default_branch_is_left_alone(step: Step, github: FakeGitHub) -> None:
    github.commit({PATH: "# changed since\n" + notes.SERVERLESS})
    ran = night(step)
    assert not github.branches.pulls
    assert f"`{PATH}` in the default branch: it is not the file that the scan read" in ran.log


def test_a_file_that_the_default_branch_does_not_have_is_left_alone(step: Step, github: FakeGitHub) -> None:
    github.commit({})
    ran = night(step)
    assert not github.branches.pulls
    assert f"`{PATH}` in the default branch: there is no such file" in ran.log


def test_workflows_are_never_touched(step: Step, github: FakeGitHub) -> None:
    (step.workspace / PATH).unlink()
    write(step, github, notes.SERVERLESS, ".github/workflows/serverless.yml")
    night(step)
    assert not github.branches.pulls


def test_what_was_merged_and_deployed_ends_it(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    night(step, 900)
    ran = night(step, 901, iam=fixed(tmp_path))
    assert "fix pull request: close" in ran.log
    assert (the_pull(github).state, list(github.branches.refs)) == ("closed", ["main"])
    assert ran.outputs["fix-pull-request-url"] == ""


def test_a_run_that_saw_less_leaves_it_open(step: Step, github: FakeGitHub, tmp_path: Path) -> None:
    night(step, 900)
    before = github.branches.refs[BRANCH]
    (tmp_path / "empty").mkdir()
    assert "nothing was compared" in night(step, 901, traces=str(tmp_path / "empty")).log
    assert "fix pull request: wait" in night(step, 902, min_traces="99").log
    (step.workspace / PATH).unlink()  # a run without a checkout
    assert "fix pull request: wait" in night(step, 903).log
    assert (the_pull(github).state, github.branches.refs[BRANCH]) == ("open", before)


def test_what_the_team_accepts_is_withdrawn(step: Step, github: FakeGitHub) -> None:
    night(step, 900)
    accepted = "version: 1\nignore:\n  - action: dynamodb:GetItem\n    reason: needed\n"
    github.commit({PATH: notes.SERVERLESS, ".github/least-privilege.yml": accepted})
    assert "fix pull request: close" in night(step, 901).log


def test_in_public_names_are_hidden_in_the_text(step: Step, github: FakeGitHub) -> None:
    night(step, public=True)
    assert notes.ACCOUNT not in the_pull(github).body
    assert github.branches.files(BRANCH)[PATH] == notes.SERVERLESS.replace(GONE, "").encode()


def test_a_missing_right_is_a_warning_that_names_it(step: Step, github: FakeGitHub) -> None:
    github.script = Script(rights=(GRAPHQL, CONTENTS, "pulls", "heads", "repository", "ref"))
    ran = night(step)
    assert ran.code == 1
    assert "::warning" in ran.log
    assert "the job needs `permissions: contents: write, pull-requests: write`" in ran.log


def test_the_setting_that_keeps_it_out_is_named(step: Step, github: FakeGitHub) -> None:
    github.branches.pulls_allowed = False
    assert "Allow GitHub Actions to create and approve pull requests" in night(step).log
    assert list(github.branches.refs) == ["main"]
    assert github.branches.refs["main"] == BASE
