"""The spans in log groups of one region as a source of traces, by queries of Logs Insights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scanner.aws.ask import Failure, warn_of_denial
from scanner.aws.interruption import terminated_as_interrupted
from scanner.aws.logs import LogsClient
from scanner.aws.times import SYSTEM_CLOCK, Clock
from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.traces.insights import query_text
from scanner.traces.insights.cost import USD_PER_GB, Bound, Meter, cost_note, estimate, shown_gb, shown_price
from scanner.traces.insights.group import Group, groups_of
from scanner.traces.insights.queries import (
    MOST_ROWS,
    DeniedError,
    GroupMissingError,
    Pace,
    Queries,
    QueryError,
)
from scanner.traces.insights.reader import QUERIES, SpansReader
from scanner.traces.insights.windows import Window, merged
from scanner.traces.source import (
    SPANS,
    Coverage,
    Emit,
    EmitOf,
    Origin,
    SkippedTraces,
    SourceReport,
    warn_of_sampling,
)

GROUP = "aws/spans"
LAG = 300
"""Seconds after which records are read: AWS says nothing of how long they take."""
SETTLED = 900
"""Seconds after which none is still to come. Until then what ran shows what it used, and no absence."""
_PROBE = 60


def store_of(groups: Sequence[str]) -> str:
    """The name of the store that some log groups are."""
    return SPANS if tuple(groups) == (GROUP,) else f"{SPANS}:{','.join(sorted(groups))}"


class NoSpansError(Exception):
    """The spans cannot be read at all. The message completes "spans cannot be read: ..."."""


@dataclass(frozen=True)
class SpansRequest:
    """What is asked of log groups of spans. Times are Unix seconds; `wait` is how long may be waited.

    `bound` is for what AWS reads for all queries, `usd_per_gb` is what that costs. `older_elsewhere` tells
    that what was before the groups were made is read from another place. `limit` is that of rows.
    `hourly`: the rows of each hour stand by themselves.
    """

    start: float
    end: float
    groups: tuple[str, ...] = (GROUP,)
    bound: Bound = field(default_factory=Bound)
    usd_per_gb: float = USD_PER_GB
    wait: float = 0.0
    older_elsewhere: bool = False
    limit: int = MOST_ROWS
    hourly: bool = False
    pace: Pace = Pace()  # noqa: RUF009  # frozen


@dataclass(frozen=True)
class InsightsSource:
    """The spans in some log groups of a region."""

    region: str
    client_of_region: Callable[[str], LogsClient]
    request: SpansRequest
    clock: Clock = SYSTEM_CLOCK
    name: str = "spans"

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        """Read the spans, as far as they can be read.

        Raises ScanError where more would be read than allowed, or AWS cannot be asked; NoSpansError where
        there are none to read, or a right is missing.
        """
        client = self.client_of_region(self.region)
        said = Warnings()  # of use only where the spans are read
        groups = self._groups(client, said)
        window = self._window(groups, said)
        settled = math.floor(self.clock.now() - SETTLED)
        meter = Meter(self.request.bound)
        queries = Queries(client, self.request.groups, meter, self.request.pace, self.request.limit)
        store = store_of(self.request.groups)

        def emit_in(part: Window) -> Emit:
            return emit_of(Origin(self.region, store, part.start, part.last))

        reader = SpansReader(queries, self.region, emit_in, self.request.hourly)
        interrupted = False
        try:
            with terminated_as_interrupted():
                self._check_cost(queries, window, groups)
                interrupted = self._read(reader, window, settled)
        except DeniedError as error:
            on = "the log group's key" if str(error).startswith("kms:") else "the log group"
            raise NoSpansError(f"{error} is denied: allow it on {on}") from error
        except GroupMissingError as error:
            raise NoSpansError(
                f"there is no log group {', '.join(self.request.groups)} in {self.region}"
            ) from error
        except ScanError as error:
            if error.exit_code == EXIT_USAGE:
                raise
            raise NoSpansError(str(error)) from error
        finally:
            queries.close()
        if reader.gaps.unread and not (reader.rows or interrupted):
            raise NoSpansError("; ".join(reader.gaps.causes))
        for warning in said.all():
            warnings.add(warning.code, warning.message, warning.count)
        self._warn(reader, warnings)
        return SourceReport(
            SkippedTraces(windows=reader.gaps.windows),
            regions=(self.region,),
            start=float(window.start),
            end=float(window.end),
            notes=(*self._lag_note(window, settled), cost_note(meter, self.region, self.request.usd_per_gb)),
            interrupted=interrupted,
            first=reader.first,
            covered=(self._covered(window, groups),),
        )

    def _read(self, reader: SpansReader, window: Window, settled: int) -> bool:
        """Read a window, as far as that goes; whether it was interrupted."""
        try:
            reader.read(window, settled)
        except KeyboardInterrupt:
            reader.gaps.add_unread(window, "interrupted")
            return True
        except ScanError as error:  # the network is gone, or the credentials are
            if not reader.rows:
                raise
            reader.gaps.add_unread(window, str(error))
        return False

    # --- when ---

    def _groups(self, client: LogsClient, warnings: Warnings) -> dict[str, Group]:
        answer = groups_of(client, self.request.groups)
        if not isinstance(answer, Failure):
            return answer
        if answer.denied:
            means = "since when the log group has spans is unknown"
            warn_of_denial("logs:DescribeLogGroups", means, warnings)
        else:
            warnings.add("log-groups-unread", f"log groups could not be read: {answer.message}")
        return {}

    def _window(self, groups: dict[str, Group], warnings: Warnings) -> Window:
        """The time that can be read: no newer than what has surely arrived, no older than what is kept."""
        now = self.clock.now()
        wait = min(self.request.wait, max(0.0, self.request.end + SETTLED - now))
        if wait:
            self.clock.sleep(wait)
            now = self.clock.now()
        end = math.floor(min(self.request.end, now - LAG))
        start = math.floor(self.request.start)
        since = max((group.since(now) for group in groups.values()), default=0.0)
        created = max((group.created for group in groups.values()), default=0.0)
        if since > start and not (self.request.older_elsewhere and since == created):
            warnings.add(
                "spans-since",
                f"{', '.join(sorted(groups))} holds spans since {_when(since)} only: what ran before is "
                "not seen there",
            )
        start = max(start, math.floor(since))
        if start >= end:
            raise NoSpansError(f"none of the time asked for can be read before {_when(end + LAG)}")
        return Window(start, end)

    def _covered(self, window: Window, groups: dict[str, Group]) -> Coverage:
        """What was read; also the time before a group was made, in which nothing is."""
        names = self.request.groups
        made = max((group.created for group in groups.values()), default=0.0)
        is_all = len(names) == 1 and window.start == math.floor(made)
        start = min(self.request.start, window.start) if is_all else window.start
        return Coverage(self.region, store_of(names), start, window.last)

    # --- cost ---

    def _check_cost(self, queries: Queries, window: Window, groups: dict[str, Group]) -> None:
        """Raise ScanError where the queries would read more than is allowed, as far as a minute tells."""
        bound = self.request.bound
        if math.isinf(bound.gb):
            return
        middle = window.start + window.seconds // 2
        probe = Window(middle, min(middle + _PROBE, window.end))
        before = queries.meter.gb
        try:
            queries.run(query_text.probe_query(), probe)
        except QueryError:
            return  # the bound holds all the same
        probed = (queries.meter.gb - before) * 1e9 / probe.seconds
        now = self.clock.now()
        stored = sum(g.stored / max(now - g.since(now), _PROBE) for g in groups.values() if g.created)
        expected = estimate(window.seconds, probed, stored, QUERIES)
        total = bound.expect(expected.gb)
        if total > bound.gb:
            others = f", and {shown_gb(total)} with what was begun elsewhere" if total > expected.gb else ""
            price = shown_price(expected.gb, self.request.usd_per_gb)
            raise ScanError(
                f"{QUERIES} queries over this time would read about {shown_gb(expected.gb)} of "
                f"{', '.join(self.request.groups)} ({price}){others}, more than --max-scan-gb "
                f"{bound.gb:g} allows: shorten --time-range, or allow more",
                EXIT_USAGE,
            )

    def _lag_note(self, window: Window, settled: int) -> tuple[str, ...]:
        """What the end of the time says less, and how long to wait for it."""
        left = math.ceil(self.request.end - settled)
        if left <= 1:
            return ()
        read = f"spans of {self.region} were read up to {_when(window.end)}"
        believed = max(min(settled, window.end), window.start)
        return (
            f"{read}; what ran after {_when(believed)} confirms nothing yet, since records may still arrive "
            f"(--wait {left} reads all)",
        )

    # --- what is missing ---

    def _warn(self, reader: SpansReader, warnings: Warnings) -> None:
        gaps = reader.gaps
        warn_of_sampling(reader.sampled, warnings)
        if gaps.unread:
            causes = "; ".join(gaps.causes)
            warnings.add(
                "spans-unread", f"spans of {_shown(gaps.unread)} were not read ({causes})", len(gaps.unread)
            )
        if gaps.cut:
            warnings.add(
                "spans-cut",
                f"a second with more than {self.request.limit:,} distinct rows was read in part: "
                f"{_shown(gaps.cut)}",
                len(gaps.cut),
            )


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _shown(windows: Sequence[Window]) -> str:
    """When windows are, the first ones."""
    whole = merged(windows)
    first = f"{_when(whole[0].start)} to {_when(whole[0].end)}"
    return f"{first} and {len(whole) - 1} more" if len(whole) > 1 else first
