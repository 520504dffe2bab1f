"""Releases and workflows: what is pinned, the order of a release, and what its steps do to a repository."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples" / "workflows").glob("*.yml"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = "ghcr.io/octocat/xray-privilege-scan@sha256:" + "0123456789abcdef" * 4
BASE = "FROM python:3.13-slim-trixie"
TAG = "v1.2.0"


def workflow(name: str) -> Any:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


# --- what is pinned ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_has_rights_that_no_job_asks_for(path: Path) -> None:
    loaded = yaml.safe_load(path.read_text())
    assert loaded["permissions"] == {}
    assert all("permissions" in job for job in loaded["jobs"].values())


def test_one_action_has_one_commit_everywhere() -> None:
    pins = set()
    for path in [*WORKFLOWS, *EXAMPLES, *DOCUMENTS]:
        pins |= set(re.findall(r"uses: ([\w./-]+?/[\w.-]+?)(?:/[\w-]+)?@([0-9a-f]{40})", path.read_text()))
    names = [name for name, _ in pins]
    assert len(names) > 5
    assert sorted(names) == sorted(set(names))


def test_the_base_image_is_literal_and_the_same_in_both_stages() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(bases) == 2 and len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", bases[0])


def test_readers_are_shown_the_action_pinned_by_commit() -> None:
    uses = [
        use for path in [*DOCUMENTS, *EXAMPLES] for use in re.findall(r"uses: (OWNER/.*)", path.read_text())
    ]
    assert uses
    assert all(re.fullmatch(r"OWNER/xray-privilege-scan@(COMMIT|[0-9a-f]{40}) # v\S+", use) for use in uses)


def test_everything_that_is_no_python_is_packaged() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    for path in (ROOT / "scanner").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            packages = [folder for folder in path.parents if (folder / "__init__.py").exists()]
            name = path.relative_to(packages[0]).as_posix()
            assert any(fnmatch(name, pattern) for pattern in patterns), path


# --- the order of a release ----------------------------------------------------------------------


def before(jobs: dict[str, Any], name: str) -> set[str]:
    """The jobs that are through before a job starts."""
    needs = jobs[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(before(jobs, earlier) for earlier in direct))


def test_a_release_is_started_by_hand_and_goes_from_the_image_to_the_major_tag() -> None:
    loaded = workflow("release.yml")
    assert list(loaded[True]) == ["workflow_dispatch"], "YAML reads `on` as true"
    jobs = loaded["jobs"]
    order = ["check", "test", "image", "tag", "release", "package", "major"]
    for index, name in enumerate(order):
        assert before(jobs, name) == set(order[:index])


def test_the_image_is_for_both_platforms_and_attested() -> None:
    steps = workflow("release.yml")["jobs"]["image"]["steps"]
    (build,) = [step["with"] for step in steps if step.get("id") == "build"]
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert sum("attest" in step.get("uses", "") for step in steps) == 3


def test_the_package_is_published_without_a_token_by_a_job_that_builds_nothing() -> None:
    jobs = workflow("pypi.yml")["jobs"]
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert "environment" not in jobs["build"], "PyPI trusts the environment"
    assert "secrets." not in (ROOT / ".github" / "workflows" / "pypi.yml").read_text()


# --- its steps, in a repository ------------------------------------------------------------------


class Repository:
    """A clone of a small repository, with a stand-in for `gh` that writes down what it is called with."""

    def __init__(self, folder: Path) -> None:
        self.origin, self.clone, self.bin = folder / "origin", folder / "clone", folder / "bin"
        self.bin.mkdir()
        stand_in = f'#!/bin/sh\necho "$*" >> {folder}/called\n[ "$2" != view ] || [ -e {folder}/drafted ]\n'
        (self.bin / "gh").write_text(stand_in)
        (self.bin / "gh").chmod(0o755)
        self.folder = folder
        self.git("init", "--quiet", "--bare", str(self.origin), cwd=folder)
        self.git("init", "--quiet", "--initial-branch=main", str(self.clone), cwd=folder)
        self.git("remote", "add", "origin", str(self.origin))
        (self.clone / ".ci").mkdir()
        for name, text in {
            ".ci/release": (ROOT / ".ci" / "release").read_text(),
            "action.yml": "runs:\n  using: docker\n  image: Dockerfile\n",
            "Dockerfile": f"{BASE}@sha256:{'0' * 64} AS builder\n{BASE}@sha256:{'0' * 64}\n",
            "pyproject.toml": '[project]\nversion = "1.2.0"\n',
            "CHANGELOG.md": "# Changelog\n\n## [1.2.0]\n\nNew things.\n\n## [1.1.0]\n\nOld things.\n",
        }.items():
            (self.clone / name).write_text(text)
        (self.clone / ".ci" / "release").chmod(0o755)
        self.commit("one")

    def git(self, *words: str, cwd: Path | None = None) -> str:
        ran = subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *words],
            cwd=cwd or self.clone,
            check=True,
            capture_output=True,
            text=True,
        )
        return ran.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")

    def step(self, name: str, tag: str = TAG, **environ: str) -> tuple[int, str]:
        """A step of the release: its exit code, and what it says."""
        ran = subprocess.run(
            [str(self.clone / ".ci" / "release"), name],
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "TAG": tag,
                "REFERENCE": REFERENCE,
                "DEFAULT_BRANCH": "main",
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_REPOSITORY": "octocat/xray-privilege-scan",
                "RUNNER_TEMP": str(self.folder),
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    def tags(self) -> dict[str, str]:
        """The tags of the origin and their commits."""
        lines = self.git("ls-remote", "--tags", str(self.origin)).splitlines()
        return {ref.removeprefix("refs/tags/"): commit for commit, ref in (line.split() for line in lines)}

    def called(self) -> list[str]:
        return (self.folder / "called").read_text().splitlines()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_what_is_complete_can_be_released(repository: Repository) -> None:
    assert repository.step("check") == (0, "")


@pytest.mark.parametrize(
    ("tag", "environ", "file", "text", "why"),
    [
        ("1.2.0", {}, "", "", "the version is not vX.Y.Z"),
        ("v1.2", {}, "", "", "the version is not vX.Y.Z"),
        ("v01.2.0", {}, "", "", "the version is not vX.Y.Z"),
        ("v1.2.0\nx", {}, "", "", "the version is not vX.Y.Z"),
        ("v1.3.0", {}, "", "", "pyproject.toml has another version"),
        (TAG, {"GITHUB_REF": "refs/heads/change"}, "", "", "releases are made on main"),
        (TAG, {}, "CHANGELOG.md", "## [1.1.0]\n\nOld things.\n", "no section [1.2.0]"),
        (TAG, {}, "action.yml", "  image: docker://x\n", "does not name the Dockerfile"),
        (TAG, {}, "Dockerfile", f"{BASE} AS builder\n{BASE}@sha256:{'0' * 64}\n", "without a digest"),
    ],
)
def test_what_is_not_complete_is_not_released(
    repository: Repository, tag: str, environ: dict[str, str], file: str, text: str, why: str
) -> None:
    if file:
        (repository.clone / file).write_text(text)
    code, said = repository.step("check", tag, **environ)
    assert code == 1
    assert said.startswith("::error title=release::") and why in said


def test_the_tag_runs_the_image_by_its_digest_and_the_branch_stays(repository: Repository) -> None:
    main = repository.git("rev-parse", "HEAD")
    assert repository.step("tag")[0] == 0
    tagged = repository.tags()[TAG]
    assert repository.git("show", f"{tagged}:action.yml").splitlines()[-1] == f"  image: docker://{REFERENCE}"
    assert repository.git("rev-parse", f"{tagged}^") == main
    assert repository.git("ls-remote", str(repository.origin), "refs/heads/main").split()[0] == main


def test_a_step_that_runs_again_makes_the_same_tag(repository: Repository) -> None:
    assert repository.step("tag")[0] == 0
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    assert repository.step("tag")[0] == 0, "the same commit: there is nothing to push"


def test_a_tag_that_is_there_is_never_moved(repository: Repository) -> None:
    assert repository.step("tag")[0] == 0
    before = repository.tags()
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    other = REFERENCE.replace("0123", "4567")
    assert repository.step("tag", REFERENCE=other)[0] != 0
    assert repository.tags() == before


@pytest.mark.parametrize("reference", ["", "ghcr.io/octocat/x@", "ghcr.io/octocat/x:v1", "x|e id;@sha256:0"])
def test_without_a_digest_there_is_no_tag(repository: Repository, reference: str) -> None:
    assert repository.step("tag", REFERENCE=reference)[0] == 1
    assert repository.tags() == {}


def test_a_release_is_a_draft_first_and_says_how_it_is_verified(repository: Repository) -> None:
    repository.step("tag")
    assert repository.step("publish")[0] == 0
    _, create, edit = repository.called()
    assert create.startswith(f"release create {TAG} --draft --verify-tag --title {TAG} --notes-file ")
    assert edit == f"release edit {TAG} --draft=false"
    notes = (repository.folder / "notes.md").read_text()
    assert "New things." in notes and "Old things." not in notes
    assert f"- uses: octocat/xray-privilege-scan@{repository.tags()[TAG]} # {TAG}\n" in notes
    assert f"gh attestation verify oci://{REFERENCE} --repo octocat/xray-privilege-scan\n" in notes


def test_a_draft_that_is_there_is_published(repository: Repository) -> None:
    (repository.folder / "drafted").touch()
    assert repository.step("publish")[0] == 0
    assert repository.called() == [f"release view {TAG}", f"release edit {TAG} --draft=false"]


def test_a_prerelease_is_one(repository: Repository) -> None:
    assert repository.step("publish", "v1.2.0-rc.1")[0] == 0
    assert "--prerelease" in repository.called()[1]


@pytest.mark.parametrize(
    ("tags", "released", "moves"),
    [
        (["v1.2.0"], "v1.2.0", True),
        (["v1.2.0", "v1.10.0"], "v1.10.0", True),
        (["v1.2.0", "v1.10.0"], "v1.2.0", False),
        (["v1.2.0", "v2.0.0"], "v1.2.0", True),
        (["v1.2.0", "v1.3.0-rc.1"], "v1.3.0-rc.1", False),
        (["v1.2.0", "v1.3.0-rc.1"], "v1.2.0", True),
        (["v10.0.0", "v1.0.0"], "v1.0.0", True),
    ],
)
def test_the_major_tag_is_that_of_the_newest_version(
    repository: Repository, tags: list[str], released: str, moves: bool
) -> None:
    major = released.partition(".")[0]
    repository.git("tag", major)
    repository.git("push", "--quiet", "origin", major)
    for tag in tags:
        repository.commit(tag)
        repository.git("tag", tag)
        repository.git("push", "--quiet", "origin", tag)
    old = repository.tags()[major]
    assert repository.step("major", released)[0] == 0
    assert repository.tags()[major] == (repository.tags()[released] if moves else old)
