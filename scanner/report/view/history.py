"""What changed since the last run of the same scope, and how many findings there were over time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from scanner.report.records import History, PastFinding, Report
from scanner.report.view.rows import resources_of
from scanner.report.view.values import Change, Row, SinceLastRun, Trend
from scanner.report.view.viewed import ViewedReport, short
from scanner.text.escape import counted

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
        new=tuple(_new(history, rows)),
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
    """The new findings, in the order of the rows: a bundle by its parts."""
    new = set(history.new)
    for row in rows:
        for part in row.below or (row,):
            ids = [id_ for id_ in part.ids if id_ in new]
            new.difference_update(ids)
            if ids:
                yield Change(
                    id=ids[0],
                    who=part.who,
                    what=f"{part.actions} on {resources_of(part)}",
                    severity=part.severity,
                )


def _past(viewed: ViewedReport, findings: Iterable[PastFinding]) -> Iterator[Change]:
    roles = {role.arn: role for role in viewed.report.roles}
    for finding in findings:
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
        text=f"open findings in the last {counted(len(counts), 'run')}: {_course(counts)}",
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


def report_time(report: Report) -> str:
    """When the scanned time of a report ended, for people; empty where it is unknown."""
    return _minute(report.scan.end)
