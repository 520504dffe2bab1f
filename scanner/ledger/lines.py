"""What a ledger knows, in lines of at most 80 columns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from scanner.ledger.encoding import encoded
from scanner.ledger.summary import Coverage, Observed, Span, coverage_of, hours_in, observed_of
from scanner.ledger.values import Ledger
from scanner.model.workloads import short_name
from scanner.text.escape import counted
from scanner.text.wrap import middle_cut, wrapped

_WIDTH = 80
_WORKLOADS = 20  # are shown
_GAPS = 3  # of a place are shown
_MORE = "`--all` shows all"
_DAYS = "Days: those with complete traces of the workload, in the hours above; the fewest come first"
_ONLY_USES = (
    "No hours are known: scans of saved traces, or with filters or chosen workloads, add only what was used"
)


class _Column(NamedTuple):
    """A column: its title, at most how wide, and whether it holds numbers."""

    title: str
    width: int
    number: bool = False


_PLACES = (
    _Column("Account", 12),
    _Column("Region", 14),
    _Column("Source", 9),
    _Column("Since", 10),
    _Column("Until", 10),
    _Column("Hours", 7, number=True),
    _Column("Missing", 7, number=True),
)
_OBSERVED = (
    _Column("Workload", 40),
    _Column("Days", 5, number=True),
    _Column("Traces", 9, number=True),
    _Column("Uses", 5, number=True),
    _Column("Last seen", 10),
)


def lines_of(name: str, ledger: Ledger, everything: bool = False) -> Iterator[str]:
    """What a ledger knows; only the beginning of long lists, unless everything is asked for."""
    if ledger == Ledger():
        yield from wrapped(f"{name} holds nothing yet: a scan with --ledger begins it", _WIDTH)
        return
    coverage = coverage_of(ledger)
    observed = sorted(observed_of(ledger, coverage), key=lambda workload: len(workload.days))
    yield from wrapped(f"{name}: {', '.join(_sizes(ledger, observed))}", _WIDTH)
    if coverage:
        yield ""
        yield from _table(_PLACES, [_place(known) for known in coverage])
        yield from _notes(coverage, everything)
    if observed:
        yield ""
        shown = observed if everything else observed[:_WORKLOADS]
        yield from _table(_OBSERVED, [_observed(workload) for workload in shown])
        if len(shown) < len(observed):
            yield f"and {counted(len(observed) - len(shown), 'workload')} more: {_MORE}"
        yield from wrapped(_DAYS if coverage else _ONLY_USES, _WIDTH)
    yield from _others(ledger)


def _sizes(ledger: Ledger, observed: Sequence[Observed]) -> list[str]:
    return [
        size_text(len(encoded(ledger))),
        counted(len(observed), "workload"),
        counted(len(ledger.uses), "use"),
        counted(len({read.role for read in ledger.roles}), "role"),
        counted(len(ledger.runs), "run"),
    ]


def size_text(size: int) -> str:
    """A size for people."""
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(size // 1000, 1)} kB"


def _place(known: Coverage) -> list[str]:
    first, last = (known.read[0].start, known.read[-1].end - 1) if known.read else (None, None)
    missing = sum(span.hours for span in known.missing)
    account, region, source = known.place
    return [account, region, source, _day(first), _day(last), f"{known.hours:,}", f"{missing:,}"]


def _observed(workload: Observed) -> list[str]:
    return [
        short_name(workload.workload),
        f"{len(workload.days):,}",
        f"{workload.traces:,}",
        f"{workload.uses:,}",
        _day(workload.last),
    ]


def _notes(coverage: Sequence[Coverage], everything: bool) -> Iterator[str]:
    for known in coverage:
        where = " ".join(known.place)
        shown = known.missing if everything else known.missing[-_GAPS:]
        if known.missing:
            more = (
                f" and {len(known.missing) - len(shown):,} more ({_MORE})" if shown != known.missing else ""
            )
            newest = ", ".join(_gap(span) for span in reversed(shown))
            yield from _paragraph(f"Not read in {where}: {newest}{more}")
        if known.outdated:
            yield from _paragraph(
                f"By other rules only, of another version or other overrides, in {where}: "
                f"{counted(known.outdated, 'hour')}, in which what was used counts, and nothing is evidence"
            )


def _paragraph(text: str) -> Iterator[str]:
    first, *rest = wrapped(text, _WIDTH - 2)
    yield first
    yield from (f"  {line}" for line in rest)


def _gap(span: Span) -> str:
    hours = f"{span.hours:,} h" if span.hours > 1 else "1 h"
    return f"{_minute(span.start)} ({hours})"


def _others(ledger: Ledger) -> Iterator[str]:
    if ledger.roles:
        yield ""
        first = min(read.read_at for read in ledger.roles)
        roles = counted(len({read.role for read in ledger.roles}), "role")
        yield f"The grants of {roles} are known since {_day(first)}"
    if ledger.runs:
        last = max(run.at for run in ledger.runs.values())
        which = f"last of {len(ledger.runs):,} runs" if len(ledger.runs) > 1 else "only run"
        yield f"The {which} was at {_minute(last)} UTC"


def pruned_line(name: str, before: Ledger, after: Ledger, time: float) -> str:
    """What a ledger no longer knows."""
    lost = (
        counted(hours_in(before) - hours_in(after), "hour"),
        counted(len(before.uses) - len(after.uses), "use"),
        counted(len(before.roles) - len(after.roles), "reading") + " of roles",
        counted(len(before.runs) - len(after.runs), "run"),
    )
    left = size_text(len(encoded(after)))
    forgotten = f"{', '.join(lost[:-1])} and {lost[-1]}"
    return f"{name}: {forgotten} from before {_minute(time)} UTC are forgotten, {left} are left"


def _table(columns: Sequence[_Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    cut = [
        [middle_cut(cell, column.width) for column, cell in zip(columns, row, strict=True)] for row in rows
    ]
    widths = [max(len(column.title), *(len(row[at]) for row in cut)) for at, column in enumerate(columns)]
    for row in ([column.title for column in columns], *cut):
        cells = (
            _aligned(column)(cell, width) for column, cell, width in zip(columns, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _aligned(column: _Column) -> Callable[[str, int], str]:
    return str.rjust if column.number else str.ljust


def _day(seconds: float | None) -> str:
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _minute(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
