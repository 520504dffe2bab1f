"""The file of a checkout that stands for findings without a template."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from scanner.report.code_file import fallback_file


@pytest.mark.parametrize(
    ("files", "workflow", "expected"),
    [
        ((".github/least-privilege.yml", ".github/workflows/a.yml"), "", ".github/least-privilege.yml"),
        (
            (".github/workflows/a.yml", ".github/workflows/b.yml"),
            ".github/workflows/b.yml",
            ".github/workflows/b.yml",
        ),
        (
            (".github/workflows/a.yml", ".github/workflows/z-xray-privilege-scan.yml"),
            "",
            ".github/workflows/z-xray-privilege-scan.yml",
        ),
        ((".github/workflows/b.yml", ".github/workflows/a.yml"), "", ".github/workflows/a.yml"),
        (("README.md", "app.py"), "", "README.md"),
        (("z.py", "b.py", ".hidden"), "", "b.py"),
        (("src/app.py",), "", "src/app.py"),
        ((), "", ".github/least-privilege.yml"),
        (("README.md",), "../../outside.yml", "README.md"),
        (("README.md",), "gone.yml", "README.md"),
    ],
)
def test_findings_without_a_template_stand_in_a_file_that_is_there(
    tmp_path: Path, files: tuple[str, ...], workflow: str, expected: str
) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"uses: owner/{path.stem}@v1\n")
    (tmp_path / "linked.md").symlink_to("/etc/hostname")
    assert fallback_file(tmp_path, Path(".github/least-privilege.yml"), workflow) == expected


def repository(root: Path, *, tracked: Sequence[str], others: Sequence[str] = ()) -> None:
    """A repository with files that git tracks, and others."""
    for name in (*tracked, *others):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    git = ("git", "-C", str(root), "-c", "core.hooksPath=/dev/null", "-c", "index.version=2")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-N", "-f", "--", tracked[0]], check=True)  # an entry with extended flags
    if tracked[1:]:
        subprocess.run([*git, "add", "-f", "--", *tracked[1:]], check=True)


LONG = "src/" + "deep/" * 30 + "handler.py"


@pytest.mark.parametrize(
    ("tracked", "others", "expected"),
    [
        (("z.py", "b.py"), ("a.txt",), "b.py"),
        (("src/app.py", "docs/ünï.md"), ("README.md", "a.txt"), "docs/ünï.md"),
        ((LONG, ".gitignore"), ("a.txt",), LONG),
        ((LONG, "src/z.py"), ("a.txt",), "src/z.py"),
        (("z.py", "report.json", "api.policy.json", "out.sarif"), (), "z.py"),
        (("report.json", "out.sarif"), ("a.txt",), ".github/least-privilege.yml"),
        (("z.py",), (".github/least-privilege.yml",), "z.py"),
    ],
)
def test_files_that_git_tracks_come_first_and_none_that_a_scan_writes(
    tmp_path: Path, tracked: Sequence[str], others: Sequence[str], expected: str
) -> None:
    repository(tmp_path, tracked=tracked, others=others)
    config, outputs = Path(".github/least-privilege.yml"), (Path("out.sarif"),)
    assert fallback_file(tmp_path, config, outputs=outputs) == expected


def test_a_tracked_file_that_is_gone_stands_for_nothing(tmp_path: Path) -> None:
    repository(tmp_path, tracked=("a.py", "b.py"))
    (tmp_path / "a.py").unlink()
    assert fallback_file(tmp_path, Path("config.yml")) == "b.py"


NO_INDICES = (
    b"",
    b"DIRC",
    b"DIRC\0\0\0\4\0\0\0\1",  # a version that is not read
    b"DIRC\0\0\0\2\xff\xff\xff\xff" + b"x" * 99,
)


@pytest.mark.parametrize("index", NO_INDICES)
def test_an_index_that_cannot_be_read_tells_nothing(tmp_path: Path, index: bytes) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_bytes(index)
    (tmp_path / "a.py").touch()
    assert fallback_file(tmp_path, Path("config.yml")) == "a.py"


def test_reports_stand_for_nothing_without_git_too(tmp_path: Path) -> None:
    for name in ("a.sarif", "api.policy.json", "report.html", "report.json", "z.py"):
        (tmp_path / name).touch()
    assert fallback_file(tmp_path, Path("config.yml"), outputs=(Path("a.sarif"),)) == "z.py"
