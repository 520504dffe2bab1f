"""The command line, night after night: what a webhook is told, and that its address is nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.moto_aws import ROOT
from tests.fakes.serving import Answer
from tests.integration.tools import Ran, run
from tests.unit.notify.reports import Hook, hook

EXAMPLES = ROOT / "examples"
SECRET = "s3cr3tTok3n"


def night(folder: Path, received: Hook, *options: object, iam: Path = EXAMPLES / "iam.json") -> Ran:
    """A scan of the walk-through, in which one function holds a permission that it never uses."""
    files = ("--traces", EXAMPLES / "traces", "--iam", iam, "--functions", EXAMPLES / "functions.json")
    return run(folder, *files, *options, env={"XPS_NOTIFY_URL": received.url})


def mended(folder: Path) -> Path:
    """The roles, after somebody removed what was never used."""
    text = (EXAMPLES / "iam.json").read_text(encoding="utf-8")
    document: Any = json.loads(text)
    for role in document["RoleDetailList"]:
        for policy in role["RolePolicyList"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                if isinstance(actions, list) and "dynamodb:DeleteItem" in actions:
                    statement["Action"] = [action for action in actions if action != "dynamodb:GetItem"]
    path = folder / "mended.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def everything(folder: Path) -> str:
    """All that runs wrote, as text."""
    return "".join(
        path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*")) if path.is_file()
    )


def test_what_changed_is_told_and_nothing_else(tmp_path: Path) -> None:
    ledger = ("--ledger", tmp_path / "ledger.db")
    with hook() as received:
        first = night(tmp_path, received, *ledger)
        again = night(tmp_path, received, *ledger)
        fixed = night(tmp_path, received, *ledger, iam=mended(tmp_path))
        quiet = night(tmp_path, received, *ledger, iam=mended(tmp_path))
    assert [message["title"] for message in received.messages] == [
        "Remove 1 permission from notes-app-api-test-delete",
        "5 functions: no excessive permission found",
    ]
    assert [one["what"] for one in received.messages[1]["fixed"]] == ["dynamodb:GetItem on table/notes"]
    assert "webhook: told of 1 open" in first.err
    assert "webhook: nothing is new or fixed" in again.err
    assert "webhook: told of 1 fixed" in fixed.err
    assert "webhook: nothing is new or fixed" in quiet.err
    assert "Since last run: +0 (0 new, 0 fixed, 0 still open; the last run was" in quiet.out
    assert [past["open"] for past in quiet.report["history"]["runs"]] == [1, 1, 0, 0]
    assert SECRET not in everything(tmp_path) + "".join(ran.out + ran.err for ran in (first, fixed, quiet))


@pytest.mark.parametrize("notify_format", ["slack", "teams", "json"])
def test_without_a_ledger_every_run_with_findings_is_told(tmp_path: Path, notify_format: str) -> None:
    with hook() as received:
        for _ in range(2):
            assert night(tmp_path, received, "--notify-format", notify_format).code == 0
        night(tmp_path, received, iam=mended(tmp_path))
    assert len(received.requests) == 2


@pytest.mark.parametrize("verbose", [(), ("-v",)])
@pytest.mark.parametrize(
    "answers",
    [
        [Answer(404, b"/hooks/T0/B0/s3cr3tTok3n")],
        [Answer(307, b"", {"Location": "http://127.0.0.1:9/hooks/T0/B0/s3cr3tTok3n"})],
        [Answer(400, b"s3cr3tTok3n")],
    ],
    ids=["gone", "redirect", "refused"],
)
def test_a_webhook_that_fails_changes_no_exit_code_and_is_named_nowhere(
    tmp_path: Path, answers: list[Answer], verbose: tuple[str, ...]
) -> None:
    with hook(answers) as received:
        passed = night(tmp_path, received, *verbose)
        failed = night(tmp_path, received, *verbose, "--fail-on", "unused")
    assert (passed.code, failed.code) == (0, 1)
    assert "the webhook of XPS_NOTIFY_URL was not told: it answers" in passed.err
    said = "".join(ran.out + ran.err for ran in (passed, failed))
    assert SECRET not in said + everything(tmp_path)
    assert received.url not in said


@pytest.mark.parametrize(
    "url", [f"http://example.com/{SECRET}", f"https://{SECRET}@example.com", f"{SECRET}"]
)
def test_an_address_that_is_wrong_changes_no_exit_code_and_is_named_nowhere(tmp_path: Path, url: str) -> None:
    ran = night(tmp_path, Hook(url), "-v")
    assert ran.code == 0
    assert "was not told: the address " in ran.err
    assert SECRET not in ran.out + ran.err + everything(tmp_path)


def test_a_demo_tells_nobody(tmp_path: Path) -> None:
    with hook() as received:
        assert run(tmp_path, "demo", env={"XPS_NOTIFY_URL": received.url}).code == 0
    assert received.requests == []
