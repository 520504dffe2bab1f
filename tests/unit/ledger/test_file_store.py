"""A ledger in a file, which is the old or the new one at any time."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import sqlite3
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import pytest

from scanner.errors import EXIT_USAGE
from scanner.ledger import (
    EMPTY,
    Ledger,
    LedgerStore,
    LedgerUnreadError,
    LedgerUnwrittenError,
    Run,
    ledger_store,
)
from scanner.ledger.kept import LARGEST

_FORK = multiprocessing.get_context("fork")


def run(name: str) -> Ledger:
    return Ledger(runs={name: Run(1.0, "scope", (), None)})


def store(path: Path, root: Path | None = None) -> LedgerStore:
    return ledger_store(str(path), cast(Any, None), lambda _: None, root)


def test_what_is_added_is_read_again(tmp_path: Path) -> None:
    ledger = store(tmp_path / "new" / "ledger.sqlite")
    assert ledger.read() == EMPTY
    ledger.add(run("first"))
    assert ledger.add(run("second")) == ledger.read()
    assert ledger.read().runs.keys() == {"first", "second"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ledger.sqlite"]


def test_it_is_a_file_of_sqlite(tmp_path: Path) -> None:
    store(tmp_path / "ledger").add(run("first"))
    database = sqlite3.connect(tmp_path / "ledger")
    assert database.execute("SELECT id, scope FROM run").fetchall() == [("first", "scope")]
    database.close()


def _add_until_killed(path: Path, first: int, written: Connection) -> None:
    for number in itertools.count(first):
        store(path).add(run(f"run{number:05}"))
        written.send(number)


def test_a_run_that_is_killed_leaves_the_old_or_the_new_ledger(tmp_path: Path) -> None:
    path, chance = tmp_path / "ledger", random.Random(1)
    known: set[str] = set()
    for _ in range(20):
        mine, other = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=_add_until_killed, args=(path, len(known), other))
        process.start()
        other.close()
        assert mine.poll(30)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.join()
        runs = set(store(path).read().runs)
        assert len(runs) > len(known)
        assert runs == {f"run{number:05}" for number in range(len(runs))}
        known = runs
    store(path).add(run("last"))  # no lock is left, nor what was not whole
    assert [left.name for left in tmp_path.iterdir()] == ["ledger"]


def _add_some(path: Path, name: str) -> None:
    for number in range(8):
        store(path).add(run(f"{name}{number}"))


def test_two_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    processes = [_FORK.Process(target=_add_some, args=(path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(store(path).read().runs) == 16


def test_a_file_that_is_damaged_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    store(path).add(run("first"))
    damaged = path.read_bytes()[:-2000]
    path.write_bytes(damaged)
    for use in (store(path).read, lambda: store(path).add(run("second"))):
        with pytest.raises(
            LedgerUnreadError, match=r"ledger is damaged .*: bring back an earlier copy, or remove it"
        ):
            use()
    assert path.read_bytes() == damaged


def test_a_link_is_neither_read_nor_followed(tmp_path: Path) -> None:
    store(tmp_path / "ledger").add(run("first"))
    (tmp_path / "link").symlink_to(tmp_path / "ledger")
    with pytest.raises(LedgerUnreadError, match="link cannot be read: links are not followed"):
        store(tmp_path / "link").read()
    with pytest.raises(LedgerUnwrittenError, match="is a link"):
        store(tmp_path / "link").add(run("second"))


def test_folders_pipes_and_devices_are_no_ledgers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(LedgerUnreadError, match=r"is a (folder|pipe or a device): name a file"):
            store(path).read()
        with pytest.raises(LedgerUnwrittenError, match=r"is a (folder|pipe or a device): name a file"):
            store(path).add(run("first"))


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "ledger").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(LedgerUnreadError, match="has 256 MiB, more than the 256 MiB"):
        store(tmp_path / "ledger").read()


def test_a_place_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    with pytest.raises(LedgerUnwrittenError, match="not a folder below the workspace") as raised:
        store(Path("../ledger"), root=tmp_path / "workspace").add(run("first"))
    assert raised.value.exit_code == EXIT_USAGE
    store(Path("ledger"), root=tmp_path / "workspace").add(run("first"))
    assert store(Path("ledger"), root=tmp_path / "workspace").read() == run("first")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_is_read_only_can_be_read(tmp_path: Path) -> None:
    store(tmp_path / "ledger").add(run("first"))
    tmp_path.chmod(0o500)
    try:
        assert store(tmp_path / "ledger").read() == run("first")
        with pytest.raises(LedgerUnwrittenError, match="cannot be written to: Permission denied"):
            store(tmp_path / "ledger").add(run("second"))
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(LedgerUnwrittenError, match="--ledger: /proc/none cannot be written to"):
        store(Path("/proc/none/ledger")).add(run("first"))
