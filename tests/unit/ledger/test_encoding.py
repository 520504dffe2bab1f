"""A ledger as a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.ledger import (
    EMPTY,
    HOUR,
    Bucket,
    BucketKey,
    Fold,
    GrantName,
    Ledger,
    RoleRead,
    Run,
    Seen,
    Use,
    encoding,
    merged,
)
from scanner.ledger.encoding import NotALedgerError, decoded, encoded
from tests.examples import examples
from tests.unit.ledger.ledgers import NEED, ledgers

_SOME = Ledger(
    uses={Use("function", NEED, sent=True): Seen(1.0, 2.0, 3)},
    roles={RoleRead("role", 5.0): frozenset({GrantName("p", "a:B", "*")})},
)


@given(ledgers)
@examples(120)
def test_what_is_written_is_read_again(ledger: Ledger) -> None:
    kept = merged(ledger, EMPTY)
    assert decoded(encoded(kept)) == kept


@given(ledgers)
@examples(40)
def test_the_same_ledger_has_the_same_bytes(ledger: Ledger) -> None:
    assert encoded(decoded(encoded(ledger))) == encoded(ledger)


_FILE = encoded(merged(_SOME, EMPTY))


@given(st.lists(st.tuples(st.integers(0, len(_FILE) - 1), st.integers(1, 255)), min_size=1, max_size=9))
@examples(300)
def test_bytes_that_change_are_noticed_or_harmless(changes: list[tuple[int, int]]) -> None:
    content = bytearray(_FILE)
    for at, by in changes:
        content[at] ^= by
    _is_noticed_or_harmless(bytes(content))


@given(st.integers(0, len(_FILE)))
@examples(120)
def test_a_file_that_is_cut_off_is_noticed(length: int) -> None:
    _is_noticed_or_harmless(_FILE[:length])


def _is_noticed_or_harmless(content: bytes) -> None:
    try:
        assert decoded(content) == _SOME
    except NotALedgerError as error:
        assert error.advice


@given(st.binary(max_size=300))
@examples(100)
def test_no_bytes_crash(content: bytes) -> None:
    with pytest.raises(NotALedgerError):
        decoded(content)


def _changed(path: Path, sql: str) -> bytes:
    path.write_bytes(_FILE)
    database = sqlite3.connect(path)
    database.executescript(sql)
    database.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("PRAGMA user_version=7", "newer version of this program .schema 7, this one knows 1"),
        ("PRAGMA application_id=1", "SQLite file of another program"),
        ("PRAGMA user_version=0", "is damaged .there was no schema 0"),
        ("UPDATE use SET workload='another'", "not what this program wrote"),
        ("DELETE FROM use", "not what this program wrote"),
        ("CREATE TABLE more(x)", "not what this program wrote"),
        ("CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM use; END", "not what this program wrote"),
        ("DROP TABLE seal", "is damaged"),
        ("PRAGMA journal_mode=WAL", "is damaged"),
    ],
)
def test_what_others_wrote_is_refused(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(NotALedgerError, match=message):
        decoded(_changed(tmp_path / "ledger", sql))


def test_vacuum_changes_nothing(tmp_path: Path) -> None:
    assert decoded(_changed(tmp_path / "ledger", "VACUUM")) == _SOME


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"{}", "is no ledger")])
def test_what_is_no_ledger_is_named(content: bytes, message: str) -> None:
    with pytest.raises(NotALedgerError, match=message):
        decoded(content)


def test_an_older_schema_is_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "VERSION", 3)
    monkeypatch.setattr(
        encoding,
        "MIGRATIONS",
        {1: "UPDATE use SET workload = workload || '-2'", 2: "UPDATE use SET workload = workload || '-3'"},
    )
    assert [use.workload for use in decoded(_FILE).uses] == ["function-2-3"]


def test_text_that_no_file_can_hold_is_replaced() -> None:
    ledger = Ledger(uses={Use("a\ud800", NEED, sent=True): Seen(1.0, 2.0, 3)})
    assert [use.workload for use in decoded(encoded(ledger)).uses] == ["a\ufffd"]


_KEY = BucketKey("1", "r", "xray", "m", 24 * HOUR)
_FULL = merged(
    _SOME,
    Ledger(
        buckets={_KEY._replace(start=0): Bucket(True, 9.0, b"b")},
        days={_KEY: Fold(3, 9.0, b"d")},
        runs={"id": Run(1.0, "scope", (("n", 1),), ())},
    ),
)
_ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bucket SET read_at = NULL",
        "UPDATE bucket SET read_at = 9e999",
        "UPDATE bucket SET start = 'soon'",
        "UPDATE bucket SET start = start + 7",
        "UPDATE bucket SET start = -3600",
        "UPDATE bucket SET start = 9223372036854775807",
        "UPDATE bucket SET content = NULL",
        "UPDATE bucket SET account = x'ff'",
        "UPDATE bucket SET whole = 2",
        "UPDATE day SET hours = '-1'",
        "UPDATE day SET hours = hex(zeroblob(1000000))",
        "UPDATE use SET first = 'x'",
        "UPDATE use SET last = 9e999",
        "UPDATE use SET times = NULL",
        "UPDATE use SET workload = NULL",
        "UPDATE role SET read_at = 'x'",
        "UPDATE run SET at = 1e18",
        "ALTER TABLE bucket ADD COLUMN more",
        "CREATE TRIGGER t AFTER INSERT ON seal BEGIN DELETE FROM use; END",
        f"DROP TABLE bucket; CREATE VIEW bucket AS {_ENDLESS}",
    ],
)
def test_what_this_program_never_writes_is_refused_whoever_sealed_it(change: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(encoded(_FULL))
        database.executescript(change)
        if "VIEW" not in change:
            database.execute("UPDATE seal SET digest = ?", (encoding._digest(database),))
        content = database.serialize()
    with pytest.raises(NotALedgerError, match="is damaged"):
        decoded(content)
