"""A ledger as the bytes of a SQLite file, and back. Never changed in place: always written as a whole.

www.sqlite.org/fileformat2.html: where the header has the version of the schema and the kind of file.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from hashlib import blake2b

import msgspec

from scanner.ledger.tables import SCHEMA, TABLES, Row, ledger_of
from scanner.ledger.values import Ledger
from scanner.text.escape import well_formed

VERSION = 1  # of the schema
MIGRATIONS: Mapping[int, str] = {}
"""What makes the schema of a version that of the next one, in SQL."""

_KIND = 0x78707367  # "xpsg": what tells a ledger from other SQLite files
_HEADER = 100
_MAGIC = b"SQLite format 3\0"


class NotALedgerError(ValueError):
    """Bytes that are no ledger, or one that this program cannot read. The message completes "FILE ...".

    `advice` says what to do.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


def encoded(ledger: Ledger) -> bytes:
    """The file of a ledger: the same bytes for the same ledger, by the same SQLite."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(
            f"PRAGMA application_id={_KIND}; PRAGMA user_version={VERSION}; BEGIN; {SCHEMA}"
        )
        for table in TABLES:
            marks = ", ".join("?" * table.columns)
            rows = sorted(table.rows(ledger), key=_comparable)
            database.executemany(
                f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})",  # noqa: S608  # names of ours
                (_writable(row) for row in rows),
            )
        database.execute("INSERT INTO seal VALUES (?)", (_digest(database),))
        database.execute("COMMIT")
        return database.serialize()


def decoded(content: bytes) -> Ledger:
    """The ledger that a file holds. Raises NotALedgerError, whatever the bytes."""
    version = _version(content)
    try:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
            database.deserialize(content)
            database.executescript(
                "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON"
            )
            _check(database, version)
            _migrate(database, version)
            return ledger_of({table.name: table.checked(_rows(database, table.name)) for table in TABLES})
    except (
        sqlite3.Error,
        msgspec.MsgspecError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        MemoryError,
    ) as error:
        if isinstance(error, NotALedgerError):
            raise
        raise _damaged(str(error)) from error


def _version(content: bytes) -> int:
    """The version of the schema, from the header."""
    if not content:
        raise NotALedgerError("is empty", "remove it, or bring back an earlier copy")
    if not content.startswith(_MAGIC):
        raise NotALedgerError("is no ledger", "name another file")
    if len(content) < _HEADER:
        raise _damaged("it is cut off")
    if int.from_bytes(content[68:72]) != _KIND:
        raise NotALedgerError("is a SQLite file of another program", "name another file")
    version = int.from_bytes(content[60:64])
    if version > VERSION:
        raise NotALedgerError(
            f"was written by a newer version of this program (schema {version}, this one knows {VERSION})",
            "use that version, or name another file",
        )
    return version


def _damaged(why: str) -> NotALedgerError:
    return NotALedgerError(
        f"is damaged ({why})",
        "bring back an earlier copy, or remove it to begin anew",
    )


def _check(database: sqlite3.Connection, version: int) -> None:
    """Raises NotALedgerError where anything is not as it was written.

    The schema comes first: a view of a stranger may never end.
    """
    schema = _schema(database)
    if any(kind != "table" and sql for kind, _, sql in schema) or (
        version == VERSION and schema != _own_schema()
    ):
        raise _damaged("it is not what this program wrote")
    problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise _damaged(" ".join(str(problem).split()))
    if database.execute("SELECT digest FROM seal").fetchall() != [(_digest(database),)]:
        raise _damaged("it is not what this program wrote")


def _migrate(database: sqlite3.Connection, version: int) -> None:
    database.execute("PRAGMA query_only=OFF")
    while version < VERSION:
        if version not in MIGRATIONS:
            raise _damaged(f"there was no schema {version}")
        database.executescript(MIGRATIONS[version])
        version += 1


def _digest(database: sqlite3.Connection) -> bytes:
    """Over the schema and all rows but the seal's, whatever the version."""
    digest = blake2b(digest_size=16)
    schema = _schema(database)
    digest.update(msgspec.msgpack.encode(schema))
    for kind, name, _ in schema:
        if kind == "table" and name != "seal":
            for row in _rows(database, name):
                digest.update(msgspec.msgpack.encode(row))
    return digest.digest()


def _schema(database: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    """What the file holds: the kind of each, its name, and the SQL that made it."""
    return database.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


@cache
def _own_schema() -> list[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SCHEMA)
        return _schema(database)


def _rows(database: sqlite3.Connection, table: str) -> Iterator[Row]:
    name = table.replace('"', '""')
    return database.execute(f'SELECT * FROM "{name}" ORDER BY rowid')  # noqa: S608  # quoted


def _comparable(row: Row) -> list[tuple[bool, object]]:
    return [(value is not None, value) for value in row]


def _writable(row: Row) -> Row:
    """A row without what SQLite cannot write: surrogates that are alone."""
    return [well_formed(value) if isinstance(value, str) else value for value in row]
