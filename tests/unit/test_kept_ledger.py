"""The ledger of a run in its place: what cannot be read or written, and what a pull request cannot bring."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.github.trusted_run import why_read_only
from scanner.kept_ledger import KeptLedger, is_of_commit, ledger_of_workflow
from scanner.ledger import EMPTY, Ledger, LedgerUnreadError, LedgerUnwrittenError, MemoryStore, RoleRead
from scanner.request import ScanRequest

ROLES = Ledger(roles={RoleRead("arn:aws:iam::1:role/r", 1.0): frozenset()})


class Broken(MemoryStore):
    """A store that can be neither read nor written."""

    def read(self) -> Ledger:
        raise LedgerUnreadError("--ledger: x is no ledger")

    def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        raise LedgerUnwrittenError("--ledger: x cannot be written")


def test_what_is_kept_comes_with_the_request_and_is_added_to() -> None:
    kept = KeptLedger(MemoryStore())
    assert kept.add(ROLES) is None
    assert kept.read_for(ScanRequest()).ledger == ROLES


def test_a_ledger_that_cannot_be_read_is_a_warning() -> None:
    request = KeptLedger(Broken()).read_for(ScanRequest())
    assert request.ledger is None
    assert [(w.code, "without the ledger" in w.message) for w in request.warnings] == [
        ("ledger-unread", True)
    ]


def test_a_ledger_that_cannot_be_written_is_a_warning() -> None:
    warning = KeptLedger(Broken()).add(EMPTY)
    assert warning is not None
    assert (warning.code, warning.message) == ("ledger-unwritten", "--ledger: x cannot be written")


@pytest.mark.parametrize(
    ("name", "ref", "default", "may_write"),
    [
        ("schedule", "refs/heads/main", "", True),
        ("push", "refs/heads/main", "main", True),
        ("workflow_dispatch", "refs/heads/main", "main", True),
        ("push", "refs/heads/feature", "main", False),
        ("push", "refs/tags/main", "main", False),
        ("push", "refs/heads/main", "", False),
        ("workflow_dispatch", "refs/heads/feature", "main", False),
        ("pull_request", "refs/pull/7/merge", "main", False),
        ("pull_request_target", "refs/heads/main", "main", False),
        ("workflow_run", "refs/heads/main", "main", False),
        ("issue_comment", "refs/heads/main", "main", False),
        ("merge_group", "refs/heads/gh-readonly-queue/main/pr-7", "main", False),
        ("", "", "", False),
    ],
)
def test_which_runs_may_add_to_the_ledger(name: str, ref: str, default: str, may_write: bool) -> None:
    event: dict[str, Any] = {"repository": {"default_branch": default}} if default else {}
    assert (why_read_only(name, event, ref) == "") is may_write


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A commit with a ledger, a folder with one and a link to it; beside it a file that is none of it."""
    for path in ("ledger.db", "kept/ledger.db", "tracked/own.db"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    (tmp_path / "link").symlink_to("kept")
    run = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*run, "init", "-q"], check=True)
    subprocess.run([*run, "add", "ledger.db", "kept", "link"], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("place", "of_commit"),
    [
        ("ledger.db", True),
        ("./ledger.db", True),
        ("kept/ledger.db", True),
        ("kept/../ledger.db", True),
        ("link/ledger.db", True),
        ("link/new.db", True),
        ("kept/new.db", False),
        ("tracked/own.db", False),
        ("new.db", False),
    ],
)
def test_files_of_the_commit(checkout: Path, place: str, of_commit: bool) -> None:
    assert is_of_commit(checkout, place) is of_commit


@pytest.mark.parametrize(
    ("place", "of_commit"), [("ledger.db", True), ("link/new.db", True), ("kept/new.db", False)]
)
def test_files_of_a_commit_in_a_folder_of_the_workspace(checkout: Path, place: str, of_commit: bool) -> None:
    workspace = checkout.with_name(f"{checkout.name}-workspace")
    workspace.mkdir()
    checkout.rename(workspace / "src")
    assert is_of_commit(workspace, f"src/{place}") is of_commit
    (workspace / "shortcut").symlink_to("src")
    assert is_of_commit(workspace, f"shortcut/{place}") is of_commit


def test_where_there_is_no_checkout_no_file_is_of_a_commit(tmp_path: Path) -> None:
    assert not is_of_commit(tmp_path, "ledger.db")


def test_an_index_that_cannot_be_read_hides_nothing(checkout: Path) -> None:
    (checkout / ".git" / "index").write_bytes(b"DIRC of another version")
    assert is_of_commit(checkout, "new.db")


def said_of(checkout: Path, place: str, why: str) -> list[str]:
    kept = ledger_of_workflow(place, None, lambda _: None, checkout, why)  # type: ignore[arg-type]  # not asked
    assert kept is not None
    return [warning.message for warning in kept.read_for(ScanRequest()).warnings]


def test_a_pull_request_cannot_bring_a_ledger(checkout: Path) -> None:
    (text,) = said_of(checkout, "ledger.db", "`pull_request` is no run of the default branch")
    assert "is a file of the commit" in text
    assert said_of(checkout, "new.db", "`pull_request` is no run of the default branch") == []


def test_on_the_default_branch_its_own_file_is_read(checkout: Path) -> None:
    (checkout / "ledger.db").unlink()
    assert said_of(checkout, "ledger.db", "") == []
