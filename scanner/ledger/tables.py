"""The tables of a ledger's file: how its values become rows, and rows values."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from scanner.ledger.values import HOUR, Bucket, BucketKey, Fold, Ledger, RoleRead, Run, RunFinding
from scanner.model import Certainty, ConditionValues, GrantName, Need, Permission
from scanner.text.escape import well_formed
from scanner.usage.state import Seen, Use

Row = Sequence[Any]

SCHEMA = """\
CREATE TABLE bucket(account TEXT, region TEXT, source TEXT, mapping TEXT, start INTEGER, whole INTEGER,
  read_at REAL, content BLOB, PRIMARY KEY(account, region, source, mapping, start));
CREATE TABLE day(account TEXT, region TEXT, source TEXT, mapping TEXT, start INTEGER, hours TEXT,
  read_at REAL, content BLOB, PRIMARY KEY(account, region, source, mapping, start));
CREATE TABLE period(account TEXT, region TEXT, source TEXT, mapping TEXT, start INTEGER, hours TEXT,
  read_at REAL, content BLOB, PRIMARY KEY(account, region, source, mapping, start));
CREATE TABLE use(workload TEXT, action TEXT, resource TEXT, exact INTEGER, conditions TEXT, certainty TEXT,
  sent INTEGER, first REAL, last REAL, times INTEGER, sources TEXT,
  PRIMARY KEY(workload, action, resource, exact, conditions, certainty, sent));
CREATE TABLE grants(number INTEGER PRIMARY KEY, names TEXT);
CREATE TABLE role(role TEXT, read_at REAL, grants INTEGER, PRIMARY KEY(role, read_at));
CREATE TABLE run(id TEXT PRIMARY KEY, at REAL, scope TEXT, counts TEXT, findings BLOB);
CREATE TABLE seal(digest BLOB);
"""
"""Version 1. `hours` are bits, in hexadecimal digits. `seal` holds one row: the digest of all others."""

_LARGEST = 1 << 26  # bytes of the findings of a run


_FAR = 10**11  # seconds: past the years of any run
_Time = Annotated[float, Meta(ge=0, le=_FAR)]
_Start = Annotated[int, Meta(ge=0, le=_FAR, multiple_of=HOUR)]
_Flag = Annotated[int, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0)]
_BucketRow = tuple[str, str, str, str, _Start, _Flag, _Time, bytes]
_HoursOfDay = Annotated[str, Meta(pattern=r"\A[0-9a-f]{1,6}\Z")]
_HoursOfPeriod = Annotated[str, Meta(pattern=r"\A[0-9a-f]{1,180}\Z")]
_DayRow = tuple[str, str, str, str, _Start, _HoursOfDay, _Time, bytes]
_PeriodRow = tuple[str, str, str, str, _Start, _HoursOfPeriod, _Time, bytes]
_UseRow = tuple[str, str, str, _Flag, str, str, _Flag, _Time, _Time, _Count, str]
_GrantsRow = tuple[int, str]
_RoleRow = tuple[str, _Time, int]
_RunRow = tuple[str, _Time, str, str, bytes | None]


class Table(NamedTuple):
    """A table: its name, how many columns it has, the rows of a ledger, and what a row must be."""

    name: str
    columns: int
    rows: Callable[[Ledger], Iterable[Row]]
    row: Any

    def checked(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, each of which is such as this program writes. Raises msgspec.ValidationError."""
        return (msgspec.convert(tuple(row), self.row) for row in rows)


def ledger_of(rows: Mapping[str, Iterable[Row]]) -> Ledger:
    """The ledger of the rows of each table."""
    grants = {number: _grants(names) for number, names in rows["grants"]}
    return Ledger(
        buckets={_key(row): Bucket(bool(row[5]), row[6], row[7]) for row in rows["bucket"]},
        days={_key(row): _fold(row) for row in rows["day"]},
        periods={_key(row): _fold(row) for row in rows["period"]},
        uses={_use(row): _seen(row) for row in rows["use"]},
        roles={RoleRead(role, at): grants[number] for role, at, number in rows["role"]},
        runs={row[0]: _run(row) for row in rows["run"]},
    )


def _bucket_rows(ledger: Ledger) -> Iterator[Row]:
    return ((*key, *bucket) for key, bucket in ledger.buckets.items())


def _fold_rows(folds: Mapping[BucketKey, Fold]) -> Iterator[Row]:
    return ((*key, f"{fold.hours:x}", fold.read_at, fold.content) for key, fold in folds.items())


def _use_rows(ledger: Ledger) -> Iterator[Row]:
    for (workload, (permission, certainty), sent), seen in ledger.uses.items():
        action, resource, exact, conditions = permission
        sources = _json(seen.sources)
        yield workload, action, resource, exact, _json(conditions), certainty.value, sent, *seen[:3], sources


def _numbered(ledger: Ledger) -> dict[frozenset[GrantName], int]:
    """The number of each set of grants: the same ones for the same ledger."""
    return {grants: number for number, grants in enumerate(sorted(set(ledger.roles.values()), key=sorted))}


def _grants_rows(ledger: Ledger) -> Iterator[Row]:
    return ((number, _json(sorted(grants))) for grants, number in _numbered(ledger).items())


def _role_rows(ledger: Ledger) -> Iterator[Row]:
    numbers = _numbered(ledger)
    return ((*key, numbers[grants]) for key, grants in ledger.roles.items())


def _run_rows(ledger: Ledger) -> Iterator[Row]:
    for name, run in ledger.runs.items():
        findings = None if run.findings is None else zlib.compress(_json(run.findings).encode())
        yield name, run.at, run.scope, _json(run.counts), findings


TABLES = (
    Table("bucket", 8, _bucket_rows, _BucketRow),
    Table("day", 8, lambda ledger: _fold_rows(ledger.days), _DayRow),
    Table("period", 8, lambda ledger: _fold_rows(ledger.periods), _PeriodRow),
    Table("use", 11, _use_rows, _UseRow),
    Table("grants", 2, _grants_rows, _GrantsRow),
    Table("role", 3, _role_rows, _RoleRow),
    Table("run", 5, _run_rows, _RunRow),
)


def _key(row: Row) -> BucketKey:
    return BucketKey(*row[:5])


def _fold(row: Row) -> Fold:
    return Fold(int(row[5], 16), row[6], row[7])


def _use(row: Row) -> Use:
    workload, action, resource, exact, conditions, certainty, sent = row[:7]
    values = msgspec.json.decode(conditions, type=ConditionValues)
    permission = Permission(action, resource, bool(exact), values)
    return Use(workload, Need(permission, Certainty(certainty)), bool(sent))


def _seen(row: Row) -> Seen:
    first, last, times, sources = row[7:]
    return Seen(first, last, times, msgspec.json.decode(sources, type=tuple[str, ...]))


def _grants(names: str) -> frozenset[GrantName]:
    return frozenset(msgspec.json.decode(names, type=list[GrantName]))


def _run(row: Row) -> Run:
    _, at, scope, counts, findings = row
    return Run(
        at,
        scope,
        msgspec.json.decode(counts, type=tuple[tuple[str, int], ...]),
        None if findings is None else _findings(findings),
    )


def _findings(content: bytes) -> tuple[RunFinding, ...]:
    unpacked = zlib.decompressobj().decompress(content, _LARGEST)
    return msgspec.json.decode(unpacked, type=tuple[RunFinding, ...])


def _json(value: Any) -> str:
    return msgspec.json.encode(well_formed(value)).decode()
