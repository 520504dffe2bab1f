"""`fix`: a report and a checkout -> a patch that git takes, or changed files."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from scanner.cli import main
from scanner.places import with_places
from scanner.report.build import report
from scanner.report.schema import plain
from tests.fakes import notes
from tests.unit.action.test_publish import walk_through

GONE = "          - dynamodb:GetItem\n"
AFTER = notes.SERVERLESS.replace(GONE, "")


def git(folder: Path, *words: str, given: bytes | None = None) -> bytes:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Project(NamedTuple):
    """A repository with a service in it, and the report of a scan of that."""

    root: Path
    report: Path
    folder: str = ""

    @property
    def template(self) -> Path:
        return self.root / self.folder / "serverless.yml"

    def fix(self, *words: str) -> int:
        place = ("--report", str(self.report), "--checkout", str(self.root / self.folder))
        return main(["fix", *place, *words])


def project(tmp_path: Path, content: bytes = notes.SERVERLESS.encode(), folder: str = "") -> Project:
    its = Project(tmp_path / "repository", tmp_path / "report.json", folder)
    its.template.parent.mkdir(parents=True)
    its.template.write_bytes(content)
    git(its.root, "init", "-q")
    git(its.root, "add", "-A")
    git(its.root, "commit", "-q", "-m", "a")
    request, result = walk_through()
    placed = with_places(result, request, None, its.template.parent)  # type: ignore[arg-type]  # asks nobody
    its.report.write_bytes(orjson.dumps(plain(report(placed, request))))
    return its


STYLES = {
    "plain": notes.SERVERLESS.encode(),
    "CRLF": notes.SERVERLESS.replace("\n", "\r\n").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + notes.SERVERLESS.encode(),
    "no newline at the end": notes.SERVERLESS.rstrip("\n").encode(),
    "no newline, CRLF": notes.SERVERLESS.rstrip("\n").replace("\n", "\r\n").encode(),
    "a line that Unicode breaks": ("# a\u2028# b \U0001f600\n" + notes.SERVERLESS).encode(),
}


@pytest.mark.parametrize("content", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("folder", ["", "services/a b", "ü", 'quoted"\\'])
def test_git_takes_the_patch(
    tmp_path: Path, content: bytes, folder: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    its = project(tmp_path, content, folder)
    capfdbinary.readouterr()
    assert its.fix() == 0
    patch = capfdbinary.readouterr().out
    assert its.template.read_bytes() == content
    git(its.root, "apply", "--check", given=patch)
    git(its.root, "apply", given=patch)
    end = b"\r\n" if b"\r" in content else b"\n"
    assert its.template.read_bytes() == content.replace(GONE.strip("\n").encode() + end, b"")


def test_files_are_changed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its = project(tmp_path)
    its.template.chmod(0o640)
    assert its.fix("--apply") == 0
    assert "1 edit made, for 1 finding" in capsys.readouterr().err
    assert its.template.read_text() == AFTER
    assert stat.S_IMODE(its.template.stat().st_mode) == 0o640
    before = its.template.stat()
    assert its.fix("--apply") == 0
    assert "1 edit already made" in capsys.readouterr().err
    assert its.template.stat() == before
    assert its.fix() == 0
    assert capsys.readouterr().out == ""


REFUSED: dict[str, Any] = {
    "not committed": (lambda f: f.write_text(notes.SERVERLESS + "# later\n"), "scan again"),
    "gone": (lambda f: f.unlink(), "no such file"),
    "a link": (lambda f: (f.rename(f.with_name("b.yml")), f.symlink_to("b.yml")), "is a link"),
    "another text": (lambda f: f.write_text("a: b\n"), "scan again"),
}


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("how", ["--diff", "--apply"])
def test_a_file_that_is_another_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, why: str, how: str
) -> None:
    its = project(tmp_path)
    change(its.template)
    before = its.template.read_bytes() if its.template.exists() else b""
    assert its.fix(how) == 1
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""
    assert (its.template.read_bytes() if its.template.exists() else b"") == before


def test_what_git_has_no_copy_of_is_changed_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    its = project(tmp_path)
    git(its.root, "rm", "-q", "--cached", "serverless.yml")
    assert its.fix("--apply") == 1
    assert "git has no copy of it" in capsys.readouterr().err
    assert its.template.read_text() == notes.SERVERLESS
    assert its.fix("--apply", "--outside-git") == 0
    assert its.template.read_text() == AFTER


def test_outside_of_git_a_patch_has_paths_from_the_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    its = project(tmp_path, folder="a")
    monkeypatch.setenv("PATH", os.devnull)
    assert its.fix() == 0
    assert "--- a/serverless.yml\n" in capsys.readouterr().out
    assert its.fix("--apply") == 1


def changed_report(its: Project, **changes: Any) -> None:
    document = orjson.loads(its.report.read_bytes())
    document["fixes"][0].update(changes)
    its.report.write_bytes(orjson.dumps(document))


@pytest.mark.parametrize(
    "path", ["../out.yml", "/etc/out.yml", ".git/config.yml", "serverless.yml/../out.yml"]
)
def test_a_report_cannot_name_files_out_of_the_checkout(tmp_path: Path, path: str) -> None:
    its = project(tmp_path)
    (tmp_path / "out.yml").write_text(notes.SERVERLESS)
    (its.root / "out.yml").write_text(notes.SERVERLESS)
    changed_report(its, path=path)
    assert its.fix("--apply", "--outside-git") == 1
    assert (tmp_path / "out.yml").read_text() == (its.root / "out.yml").read_text() == notes.SERVERLESS


def test_an_edit_that_grants_more_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its = project(tmp_path)
    changed_report(its, replacement='          - "*"\n')
    assert its.fix("--apply") == 1
    assert "would not just take permissions away" in capsys.readouterr().err
    assert its.template.read_text() == notes.SERVERLESS


def test_edits_that_need_a_look_are_held_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its = project(tmp_path)
    changed_report(its, disposition="needs-a-look", why="because")
    assert its.fix("--apply") == 0
    assert "1 edit that needs a look: `--unsafe` takes them too" in capsys.readouterr().err
    assert its.template.read_text() == notes.SERVERLESS
    assert its.fix("--apply", "--unsafe") == 0
    assert "needs a look: because" in capsys.readouterr().err
    assert its.template.read_text() == AFTER


def test_findings_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its = project(tmp_path)
    document = orjson.loads(its.report.read_bytes())
    (id_,) = document["fixes"][0]["findings"]
    others = [f["id"] for role in document["roles"] for f in role["findings"] if f["id"] != id_]
    assert its.fix(others[0]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no edit to make" in said.err
    assert its.fix(id_[:6]) == 0
    assert capsys.readouterr().out
    assert its.fix("ffffffff") == 2


def test_a_report_without_lines_says_how_to_get_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    its = project(tmp_path)
    request, result = walk_through()
    its.report.write_bytes(orjson.dumps(plain(report(result, replace(request)))))
    assert its.fix() == 0
    assert "scan with `--checkout DIR`" in capsys.readouterr().err


def of_another_file(its: Project, path: str, before: str, after: str) -> Path:
    """Let the report have an edit of a file that the project has."""
    file = its.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{before}\n")
    git(its.root, "add", "-A")
    git(its.root, "commit", "-q", "-m", "b")
    digest = sha256(file.read_bytes()).hexdigest()
    place = {"start": 0, "end": len(before), "before": before, "replacement": after}
    changed_report(its, path=path, digest=digest, **place)
    return file


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (".github/workflows/ci.yml", "run: false # a b", "run: a"),
        ("package.json", '{"scripts": {"test": "true"}}', '{"scripts": {}}'),
        ("iam.yml", "- { Effect: Allow, Action: a:B, Resource: b }", "- { Effect: Allow, Action: a:B }"),
    ],
)
def test_files_that_no_template_is_written_in_are_left(
    tmp_path: Path, path: str, before: str, after: str
) -> None:
    its = project(tmp_path)
    file = of_another_file(its, path, before, after)
    assert its.fix("--apply", "--unsafe") == 1
    assert file.read_text() == f"{before}\n"


@pytest.mark.parametrize("disposition", ["safe", "needs-a-look"])
def test_an_edit_of_something_else_in_a_template_is_refused(tmp_path: Path, disposition: str) -> None:
    its = project(tmp_path)
    document = orjson.loads(its.report.read_bytes())
    before = document["fixes"][0]["before"]
    changed_report(its, replacement="          # $(curl example.org)\n", disposition=disposition)
    assert before
    assert its.fix("--apply", "--unsafe") == 1
    assert its.template.read_text() == notes.SERVERLESS
