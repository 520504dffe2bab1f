"""The action with a ledger: who adds to it, who only reads it, and what nobody believes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.ledger import Ledger
from scanner.ledger.encoding import decoded
from tests.fakes import notes
from tests.fakes.github import FakeGitHub
from tests.integration.test_action_flow import Step, event

NIGHT = {"repository": {"private": True, "default_branch": "main"}}


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture
def step(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    return Step(github, tmp_path, monkeypatch)


def kept(step: Step) -> Ledger | None:
    file = step.workspace / "ledger.db"
    return decoded(file.read_bytes()) if file.exists() else None


def report(step: Step) -> Any:
    return json.loads((step.workspace / "xray-privilege-scan" / "report.json").read_text())


def test_a_schedule_adds_to_the_ledger_and_tells_what_changed(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = step.run(NIGHT, name="schedule", ledger="ledger.db")
    ledger = kept(step)
    assert ledger is not None
    assert ledger.uses
    assert len(ledger.runs) == 1
    monkeypatch.setattr(notes, "FIRST_TRACE", notes.FIRST_TRACE + 60)  # by which the step's clock goes
    again = step.run(NIGHT, name="schedule", ledger="ledger.db")
    assert (again.code, first.code) == (1, 1)
    assert report(step)["history"]["previous"]
    assert report(step)["history"]["new"] == []
    assert len(kept(step).runs) == 2  # type: ignore[union-attr]  # it is there


def test_a_pull_request_only_reads(step: Step, github: FakeGitHub) -> None:
    ran = step.run(event(github), ledger="ledger.db")
    assert kept(step) is None
    assert "the ledger ledger.db is only read: `pull_request` is no run of the default branch" in ran.log
    step.run(NIGHT, name="schedule", ledger="ledger.db")
    before = kept(step)
    step.run(event(github), ledger="ledger.db")
    assert report(step)["scan"]["ledger"]["adds"] == "the ledger: only read"
    assert kept(step) == before


def test_a_ledger_of_the_commit_is_not_believed(step: Step, github: FakeGitHub) -> None:
    step.run(NIGHT, name="schedule", ledger="ledger.db")
    subprocess.run(["git", "-C", str(step.workspace), "init", "-q"], check=True)
    subprocess.run(["git", "-C", str(step.workspace), "add", "ledger.db"], check=True)
    ran = step.run(event(github), ledger="ledger.db")
    document = report(step)
    assert document["scan"]["ledger"] is None
    (warning,) = [w["message"] for w in document["scan"]["warnings"] if w["code"] == "ledger-unread"]
    assert "`ledger`" in warning
    assert "is a file of the commit" in warning
    assert ran.code == 1


def test_a_ledger_that_cannot_be_kept_costs_nothing(step: Step) -> None:
    (step.workspace / "ledger.db").mkdir()
    ran = step.run(NIGHT, name="schedule", ledger="ledger.db")
    assert ran.code == 1
    assert [w["code"] for w in report(step)["scan"]["warnings"]].count("ledger-unread") == 1


@pytest.mark.parametrize("place", ["/etc/ledger", "../ledger.db", "ftp://host/ledger"])
def test_a_ledger_outside_of_the_workspace_is_wrong_use(step: Step, place: str) -> None:
    ran = step.run(NIGHT, name="schedule", ledger=place)
    assert ran.code == 2
    assert "ledger" in ran.log
