"""`ledger` on the command line, and a ledger in S3 as moto plays it (which answers 412)."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scanner.aws.clients import Clients
from scanner.cli import main
from scanner.errors import EXIT_NOTHING_READ, EXIT_OK, EXIT_USAGE
from scanner.ledger import EMPTY, Ledger, LedgerStore, LedgerUnreadError, Run, Seen, Use, ledger_store
from tests.fakes.moto_aws import MotoAws
from tests.unit.ledger.ledgers import NEED

_S3 = "s3://ledgers/team/ledger.sqlite"
_AT = 1_767_225_600.0  # 2026-01-01
_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"


def run(name: str) -> Ledger:
    return Ledger(runs={name: Run(_AT, "scope", (), None)})


def store(place: str) -> LedgerStore:
    return ledger_store(place, Clients(None, None), lambda _: None)


@pytest.fixture
def s3(aws: MotoAws, monkeypatch: pytest.MonkeyPatch) -> MotoAws:
    aws.reset()
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    aws.client("s3").create_bucket(Bucket="ledgers")
    return aws


@pytest.fixture
def path(tmp_path: Path) -> str:
    place = str(tmp_path / "ledger.sqlite")
    uses = {
        Use(_FUNCTION, NEED, sent=True): Seen(_AT, _AT + 5, 3),
        Use(f"{_FUNCTION}-old", NEED, sent=True): Seen(_AT - 86_400, _AT - 5, 3),
    }
    store(place).add(Ledger(uses=uses, runs=run("first").runs))
    return place


def test_what_is_added_to_s3_is_read_again(s3: MotoAws) -> None:
    assert store(_S3).read() == EMPTY
    store(_S3).add(run("first"))
    assert store(_S3).add(run("second")) == store(_S3).read()
    assert store(_S3).read().runs.keys() == {"first", "second"}


def test_runs_at_once_lose_nothing_in_s3(s3: MotoAws) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: store(_S3).add(run(f"run{number}")), range(6)))
    assert len(store(_S3).read().runs) == 6


def test_a_bucket_that_does_not_exist_is_named(s3: MotoAws) -> None:
    with pytest.raises(LedgerUnreadError, match="the bucket none-such does not exist"):
        store("s3://none-such/ledger").read()


def test_rights_that_are_missing_are_named(s3: MotoAws, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = s3.create_user_with(["s3:PutObject"])
    for name, value in s3.environment(key, secret).items():
        monkeypatch.setenv(name, value)
    with s3.enforce_iam(), pytest.raises(LedgerUnreadError, match="s3:GetObject is denied: allow it on arn"):
        store(_S3).read()


def test_a_ledger_in_s3_is_shown(s3: MotoAws, capsys: pytest.CaptureFixture[str]) -> None:
    store(_S3).add(run("first"))
    assert main(["ledger", "show", "--ledger", _S3]) == EXIT_OK
    assert capsys.readouterr().out.startswith(f"{_S3}: ")


def test_a_file_is_shown(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "show", path]) == EXIT_OK
    shown = capsys.readouterr().out
    assert "2 uses" in shown
    assert "orders-old" in shown


def test_a_file_is_exported(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "export", path]) == EXIT_OK
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert [workload["workload"] for workload in document["workloads"]] == [_FUNCTION, f"{_FUNCTION}-old"]


def test_a_file_is_pruned(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "prune", path, "--before", "2026-01-01"]) == EXIT_OK
    assert "0 hours, 1 use, 0 readings of roles and 0 runs from before 2026-01-01" in capsys.readouterr().err
    assert [use.workload for use in store(path).read().uses] == [_FUNCTION]
    assert main(["ledger", "prune", path, "--keep-days", "1"]) == EXIT_OK
    assert store(path).read() == EMPTY


def test_where_nothing_is_kept_nothing_is_pruned_and_no_file_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "legder.sqlite"
    assert main(["ledger", "prune", str(missing), "--keep-days", "400"]) == EXIT_OK
    assert f"{missing} holds nothing: there is nothing to forget" in capsys.readouterr().err
    assert not missing.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show"], "ledger show: no ledger is named\n"),
        (["show", "one", "--ledger", "other"], "ledger show: two ledgers are named"),
        (["prune", "one"], "name --before DATE or --keep-days N"),
        (["prune", "one", "--before", "soon"], "--before: 'soon' is not a date, such as 2026-01-31"),
        (["prune", "one", "--keep-days", "-3"], "--keep-days"),
        (["prune", "one", "--keep-days", "3", "--before", "2026-01-01"], "does not go with"),
        (["show", "one", "--before", "2026-01-01"], "--before goes with `ledger prune` only"),
        (["list", "one"], "'list' is not one of show, export, prune"),
        (["show", "https://example.com/ledger"], "is neither a path nor s3://BUCKET/KEY"),
    ],
)
def test_wrong_use_is_told(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", *words]) == EXIT_USAGE
    assert message in capsys.readouterr().err


def test_what_is_no_ledger_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text("{}")
    assert main(["ledger", "show", str(tmp_path / "report.json")]) == EXIT_NOTHING_READ
    assert f"--ledger: {tmp_path}{os.sep}report.json is no ledger" in capsys.readouterr().err
