"""Configuration and baseline of a run: what counts, what is refused, what a change is shown to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.action.file_changes import describe, markdown_of
from scanner.action.trusted_files import (
    MOST_SHOWN,
    FileReader,
    TrustedFiles,
    checkout_text,
    files_to_trust,
    read_trusted_files,
)
from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate.baseline import Baseline
from scanner.gate.config import TeamConfig
from scanner.github.errors import GithubError
from scanner.github.event import TrustedSource
from scanner.text.redact import PUBLIC_REDACTION

BASE, HEAD = "95790bf891e76fee5e1747ab589903a6a1f80f22", "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
PATH = ".github/least-privilege.yml"
STRICT, LAX = "version: 1\nmin-traces: 20\n", "version: 1\nfail-on: never\n"
INVALID = "version: 1\nfail-on: nothing\n"
EMPTY_BASELINE = '{"version": 1, "findings": []}'
CHECKOUT, PULL_REQUEST, DEFAULT_BRANCH = TrustedSource(), TrustedSource(BASE), TrustedSource("", "")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def write(workspace: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(text, encoding="utf-8")


def reader(files: Mapping[str, str | bytes]) -> FileReader:
    def read(path: str, ref: str) -> bytes | None:
        assert ref in (BASE, "")
        content = files.get(path)
        return content.encode() if isinstance(content, str) else content

    return read


def unreachable(path: str, ref: str) -> bytes | None:
    right = "permissions: contents: read"
    raise GithubError(403, right, f"GitHub did not answer: the job needs `{right}`")


def team(
    workspace: Path,
    base: FileReader | Mapping[str, str | bytes],
    source: TrustedSource = PULL_REQUEST,
    config: str | None = None,
    baseline: str | None = None,
) -> TrustedFiles:
    """The team's files, given those of the base or what reads them, and the names in the inputs."""
    files = files_to_trust(Path(config) if config else None, Path(baseline) if baseline else None)
    read = reader(base) if isinstance(base, Mapping) else base
    return read_trusted_files(files, source, workspace, read, lambda line: None)


# --- what counts ---------------------------------------------------------------------------------


def test_on_a_pull_request_the_base_counts(workspace: Path) -> None:
    write(workspace, {PATH: LAX})
    trusted = team(workspace, {PATH: STRICT})
    assert (trusted.config.min_traces, trusted.config.fail_on) == (20, None)


def test_outside_of_github_the_checkout_counts_and_nobody_is_asked(workspace: Path) -> None:
    write(workspace, {PATH: STRICT})
    trusted = team(workspace, unreachable, CHECKOUT)
    assert trusted.config.min_traces == 20
    assert trusted.changes == ()


def test_where_the_default_branch_counts_the_log_names_what_differs_in_the_checkout(workspace: Path) -> None:
    write(workspace, {PATH: LAX})
    log: list[str] = []
    files = files_to_trust(None, None)
    trusted = read_trusted_files(files, DEFAULT_BRANCH, workspace, reader({PATH: STRICT}), log.append)
    assert (trusted.config.min_traces, trusted.changes) == (20, ())
    assert log == [f"{PATH} counts as it is in the default branch, not as it was checked out"]
    write(workspace, {PATH: STRICT})
    assert read_trusted_files(files, DEFAULT_BRANCH, workspace, reader({PATH: STRICT}), log.append)
    assert len(log) == 1


@pytest.mark.parametrize("source", [CHECKOUT, PULL_REQUEST])
def test_without_any_file_the_defaults_count(workspace: Path, source: TrustedSource) -> None:
    assert team(workspace, {}, source) == TrustedFiles(TeamConfig(), None, ())


def test_what_a_pull_request_adds_counts_after_the_merge(workspace: Path) -> None:
    write(workspace, {PATH: LAX})
    trusted = team(workspace, {})
    assert trusted.config == TeamConfig()
    (change,) = trusted.changes
    assert describe(change) == f"This pull request adds {PATH}: it takes effect after the merge"
    assert "+fail-on: never" in change.difference


def test_a_baseline_that_a_pull_request_adds_knows_nothing_yet(workspace: Path) -> None:
    write(workspace, {"baseline.json": EMPTY_BASELINE})
    trusted = team(workspace, {}, baseline="baseline.json")
    assert trusted.baseline is None
    assert [change.kind for change in trusted.changes] == ["baseline"]


@pytest.mark.parametrize("source", [CHECKOUT, PULL_REQUEST])
def test_files_with_other_names(workspace: Path, source: TrustedSource) -> None:
    files = {"aws/rules.yml": STRICT, "aws/known.json": EMPTY_BASELINE}
    write(workspace, files)
    trusted = team(workspace, files, source, "./aws/rules.yml", "aws/known.json")
    assert (trusted.config.min_traces, trusted.baseline) == (20, Baseline())
    assert not trusted.changes


@pytest.mark.parametrize("source", [CHECKOUT, PULL_REQUEST])
@pytest.mark.parametrize(
    ("config", "baseline", "name"),
    [("rules.yml", None, "`config`: rules.yml"), (None, "known.json", "`baseline`: known.json")],
)
def test_a_file_that_is_named_must_be_there(
    workspace: Path, source: TrustedSource, config: str | None, baseline: str | None, name: str
) -> None:
    with pytest.raises(ScanError, match=f"input {name} is .*the checkout") as caught:
        team(workspace, {}, source, config, baseline)
    assert caught.value.exit_code == EXIT_USAGE


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("source", [CHECKOUT, PULL_REQUEST])
@pytest.mark.parametrize(
    ("path", "text", "wrong"),
    [
        (PATH, INVALID, f"{PATH}:2: `fail-on`: 'nothing' is not allowed"),
        ("known.json", "[]", "known.json: not a baseline"),
    ],
)
def test_a_file_that_counts_must_be_right(
    workspace: Path, source: TrustedSource, path: str, text: str, wrong: str
) -> None:
    write(workspace, {path: text, "known.json": EMPTY_BASELINE} | {path: text})
    with pytest.raises(ScanError) as caught:
        team(workspace, {"known.json": EMPTY_BASELINE} | {path: text}, source, None, "known.json")
    assert caught.value.exit_code == EXIT_USAGE
    assert str(caught.value).startswith(wrong)
    assert ("is used as of 95790bf891: fix it there" in str(caught.value)) == (source == PULL_REQUEST)


def test_a_file_that_counts_must_be_text(workspace: Path) -> None:
    with pytest.raises(ScanError, match="is not text in UTF-8"):
        team(workspace, {PATH: b"\xff"})


def test_where_github_cannot_be_asked_and_there_is_nothing_to_read_the_run_goes_on(workspace: Path) -> None:
    log: list[str] = []
    files = files_to_trust(None, None)
    trusted = read_trusted_files(files, PULL_REQUEST, workspace, unreachable, log.append)
    assert trusted == TrustedFiles()
    (line,) = log
    assert "permissions: contents: read" in line


@pytest.mark.parametrize(
    ("files", "config", "baseline", "held"),
    [
        ({PATH: LAX}, None, None, PATH),
        ({PATH: STRICT}, None, None, PATH),
        ({}, "rules.yml", None, "rules.yml"),
        ({}, None, "known.json", "known.json"),
        ({PATH: LAX}, None, "known.json", f"{PATH} and known.json"),
    ],
)
def test_where_github_cannot_be_asked_the_pull_request_s_own_file_never_counts(
    workspace: Path, files: Mapping[str, str], config: str | None, baseline: str | None, held: str
) -> None:
    write(workspace, files)
    with pytest.raises(ScanError) as caught:
        team(workspace, unreachable, config=config, baseline=baseline)
    assert caught.value.exit_code == EXIT_USAGE
    assert f"`permissions: contents: read`. {held} must be read from the base" in str(caught.value)


def test_a_link_out_of_the_checkout_is_not_followed(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text(LAX)
    (workspace / ".github").mkdir()
    (workspace / PATH).symlink_to("../../secret.yml")
    with pytest.raises(ScanError, match="outside the checkout"):
        team(workspace, {}, CHECKOUT)
    (change,) = team(workspace, {PATH: STRICT}).changes
    assert change.difference == ""
    assert change.problems == (f"{PATH} is a link to outside the checkout",)


def test_a_folder_of_the_path_may_not_lead_out_of_the_checkout_either(
    workspace: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"elsewhere/least-privilege.yml": LAX})
    (workspace / ".github").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ScanError, match="outside the checkout"):
        checkout_text(workspace, PATH)


def test_a_link_within_the_checkout_is_followed(workspace: Path) -> None:
    write(workspace, {"aws/rules.yml": STRICT, ".github/x": ""})
    (workspace / PATH).symlink_to("../aws/rules.yml")
    assert checkout_text(workspace, PATH) == STRICT


@pytest.mark.parametrize(
    ("link", "target"), [(PATH, "../.git/config"), (".github", ".git"), (PATH, "../module/.git/config")]
)
def test_a_link_into_git_s_folder_shows_nothing_of_it(workspace: Path, link: str, target: str) -> None:
    secret = "[http]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n"
    for folder in (".git", "module/.git"):
        write(workspace, {f"{folder}/config": secret, f"{folder}/least-privilege.yml": secret})
    (workspace / link).parent.mkdir(exist_ok=True)
    (workspace / link).symlink_to(target)
    (change,) = team(workspace, {PATH: STRICT}).changes
    assert "c2VjcmV0" not in markdown_of([change], str)
    assert change.problems == (f"{PATH} is a link into Git's own folder",)
    with pytest.raises(ScanError, match="Git's own folder"):
        checkout_text(workspace, PATH)


def test_what_a_link_leads_to_is_not_shown(workspace: Path) -> None:
    write(workspace, {".npmrc": "_authToken=c2VjcmV0", ".github/x": ""})
    (workspace / PATH).symlink_to("../.npmrc")
    (change,) = team(workspace, {PATH: STRICT}).changes
    assert "c2VjcmV0" not in markdown_of([change], str)
    assert change.problems == (f"{PATH} is a link: what it holds is not shown",)


@pytest.mark.parametrize("target", ["least-privilege.yml", "nothing", "."])
def test_a_link_that_leads_to_no_file_is_refused(workspace: Path, target: str) -> None:
    (workspace / ".github").mkdir()
    (workspace / PATH).symlink_to(target)
    with pytest.raises(ScanError, match=r"is not a file|cannot be read"):
        checkout_text(workspace, PATH)


# --- what a pull request changes -----------------------------------------------------------------


def test_what_a_pull_request_changes_is_shown(workspace: Path) -> None:
    write(workspace, {PATH: LAX})
    (change,) = team(workspace, {PATH: STRICT}).changes
    assert describe(change) == (
        f"This pull request changes {PATH}: what it changes takes effect after the merge"
    )
    assert "-min-traces: 20\n+fail-on: never\n" in change.difference
    shown = markdown_of([change], lambda line: line)
    assert "<details><summary>What it changes</summary>\n\n```diff\n--- a/.github/" in shown
    assert shown.endswith("\n```\n</details>")


@pytest.mark.parametrize("text", [STRICT, STRICT.replace("\n", "\r\n"), "\ufeff" + STRICT])
def test_what_is_the_same_is_not_shown(workspace: Path, text: str) -> None:
    write(workspace, {PATH: text})
    assert not team(workspace, {PATH: STRICT}).changes


def test_a_configuration_of_the_pull_request_that_is_wrong_is_reported_and_does_not_count(
    workspace: Path,
) -> None:
    write(workspace, {PATH: INVALID})
    trusted = team(workspace, {PATH: STRICT})
    assert trusted.config.min_traces == 20
    (change,) = trusted.changes
    assert change.problems[0].startswith(f"{PATH}:2: `fail-on`: 'nothing' is not allowed")
    assert "The configuration of this pull request cannot be read" in markdown_of([change], str)


def test_of_many_problems_some_are_told(workspace: Path) -> None:
    write(workspace, {PATH: STRICT + "".join(f"key{n}: {'x' * 999}\n" for n in range(40))})
    (change,) = team(workspace, {PATH: STRICT}).changes
    assert len(change.problems) == 6
    assert change.problems[-1] == "and 35 more"


@pytest.mark.parametrize(
    ("git", "removed"),
    [
        ({}, False),  # nothing was checked out
        ({".git/HEAD": "ref: refs/heads/x"}, True),
        ({".git/HEAD": "ref: refs/heads/x", ".git/info/sparse-checkout": "/src/"}, False),
    ],
)
def test_a_file_counts_as_removed_only_where_that_is_sure(
    workspace: Path, git: Mapping[str, str], removed: bool
) -> None:
    write(workspace, git)
    changes = team(workspace, {PATH: STRICT}).changes
    expected = [f"This pull request removes {PATH}: it counts until the merge"] if removed else []
    assert [describe(change) for change in changes] == expected


@pytest.mark.parametrize(
    ("checked_out", "shown"),
    [
        (HEAD, True),
        (BASE, False),
        ("ref: refs/heads/main", False),
        (None, False),
    ],
)
def test_where_the_event_checks_out_the_base_only_a_checkout_of_the_head_shows_the_change(
    workspace: Path, checked_out: str | None, shown: bool
) -> None:
    write(workspace, {PATH: LAX} | ({".git/HEAD": f"{checked_out}\n"} if checked_out else {}))
    assert bool(team(workspace, {PATH: STRICT}, TrustedSource(BASE, HEAD)).changes) == shown
    assert not team(workspace, {PATH: STRICT}, TrustedSource(BASE, "")).changes


def test_a_change_leaves_room_for_findings_and_cannot_dress_up_the_comment(workspace: Path) -> None:
    evil = "".join(f"# {n} ``` ~~~ </details> @everyone <img src=x> {'x' * 250}\n" for n in range(900))
    write(workspace, {PATH: STRICT + evil})
    (change,) = team(workspace, {PATH: STRICT}).changes
    assert len(change.difference) < MOST_SHOWN + 50
    assert change.difference.endswith("\n(cut: too long to show)\n")
    shown = markdown_of([change], str)
    assert "\n````diff\n" in shown
    assert shown.count("\n````\n") == 1


def test_in_public_a_change_tells_no_account(workspace: Path) -> None:
    rule = 'ignore:\n  - role: "arn:aws:iam::123456789012:role/x"\n    reason: x\n'
    write(workspace, {PATH: STRICT + rule})
    shown = markdown_of(team(workspace, {PATH: STRICT}).changes, PUBLIC_REDACTION.text)
    assert "role/x" in shown and "123456789012" not in shown
