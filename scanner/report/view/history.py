"""What changed since the last run of the same scope, and how many findings there were over time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.report.records import History, PastFinding
from scanner.report.view.rows import resources_of
from scanner.report.view.values import Change, Row, SinceLastRun, Trend
from scanner.report.view.viewed import ViewedReport, short

_SEVERITIES = (*SEVERITY_LEVELS, NONE)
_BARS = "▁▂▃▄▅▆▇█"
_ARN = re.compile(r"arn:[^\s,]+")
MOST_RUNS = 30


def since_last_run(viewed: ViewedReport, rows: Iterable[Row]) -> SinceLastRun | None:
    """What changed, with the rows of this run by which new findings are named; None without a ledger."""
    history = viewed.report.history
    if history is None:
        return None
    return SinceLastRun(
        previous=_minute(history.previous),
        text=_text(history),
        number_new=len(history.new),
        new=tuple(sorted(_new(history, rows), key=_rank)),
        fixed=tuple(_past(viewed, history.fixed)),
        settled=tuple(_past(viewed, history.settled)),
        undecided=tuple(_past(viewed, history.undecided)),
        still_open=len(history.still_open),
        trend=_trend(history),
    )


def _minute(time: str | None) -> str:
    return f"{time[:16].replace('T', ' ')} UTC" if time else ""


def _text(history: History) -> str:
    """The numbers in a line; only those that say something."""
    if history.previous is None:
        return "the first run of this scope: the next one is compared with it"
    parts = [
        f"{len(history.new):,} new",
        f"{len(history.fixed):,} fixed",
        f"{len(history.still_open):,} still open",
        f"{len(history.settled):,} used or accepted by now" if history.settled else "",
        f"{len(history.undecided):,} not decided in this run" if history.undecided else "",
    ]
    return ", ".join(filter(None, parts))


def _new(history: History, rows: Iterable[Row]) -> Iterator[Change]:
    """The new findings: a bundle by its parts, where some of it was known."""
    new, known = set(history.new), set(history.still_open)
    for row in rows:
        parts = (row,) if known.isdisjoint(row.all_ids) else row.below or (row,)
        for part in parts:
            ids = [id_ for id_ in part.all_ids if id_ in new]
            if ids:
                yield replace(change_of(part), id=ids[0], number=len(ids))


def _rank(finding: Change | PastFinding) -> int:
    return _SEVERITIES.index(finding.severity)


def change_of(row: Row) -> Change:
    """A row as a change: a bundle is one, of the findings in it that are to be acted on."""
    what = f"{row.actions} on {row.resources if row.below else resources_of(row)}"
    ids = [id_ for part in row.decided for id_ in part.ids] or row.all_ids
    return Change(ids[0], row.who, what, row.severity, len(ids))


def _past(viewed: ViewedReport, findings: Iterable[PastFinding]) -> Iterator[Change]:
    roles = {role.arn: role for role in viewed.report.roles}
    for finding in sorted(findings, key=_rank):
        role = roles.get(finding.role)
        yield Change(
            id=finding.id,
            who=viewed.who(role) if role else finding.role.rpartition("/")[2],
            what=_ARN.sub(lambda arn: short(arn[0]), finding.label),
            severity=finding.severity,
        )


# --- over time -------------------------------------------------------------------------------------


def _trend(history: History) -> Trend | None:
    """The open findings of the last runs; None where there is nothing to compare."""
    runs = history.runs[-MOST_RUNS:]
    if len(runs) < 2:
        return None
    counts = tuple(run.open for run in runs)
    return Trend(
        counts=counts,
        bars=bars(counts),
        course=_course(counts),
    )


def bars(counts: Sequence[int]) -> str:
    """Numbers as a line of small bars; what is not zero is higher than zero."""
    most = max(counts, default=0)
    top = len(_BARS) - 1
    return "".join(_BARS[max(round(count / most * top), 1) if count else 0] for count in counts)


def _course(counts: Sequence[int]) -> str:
    """How the numbers went, for those who do not see the bars: "from 4 to 2, at most 7"."""
    first, last, most, least = counts[0], counts[-1], max(counts), min(counts)
    if most == least:
        return f"{last:,} in each"
    beyond = [
        f"at most {most:,}" if most > max(first, last) else "",
        f"at least {least:,}" if least < min(first, last) else "",
    ]
    ends = f"{first:,} then and now" if first == last else f"from {first:,} to {last:,}"
    return ", ".join(filter(None, (ends, *beyond)))
