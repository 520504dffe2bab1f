"""Windows read side by side: halved where a limit cuts, and counted where they could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.traces.insights.queries import QUERIES_AT_ONCE, Answer, Queries, QueryError, Row, TooLongError
from scanner.traces.insights.windows import Window, halves
from scanner.traces.source import Emit

EmitIn = Callable[[Window], Emit]
"""What takes that which a window shows."""

Take = Callable[[Window, Sequence[Row]], None]
"""Takes the rows of a window that was read whole. It is called in one thread."""


class Job(NamedTuple):
    """A query over a window, and what takes its rows."""

    text: str
    window: Window
    take: Take


@dataclass
class Gaps:
    """What could not be read.

    `unread` are windows of which a query gave nothing, `causes` why; `cut` are seconds with more rows than
    the limit.
    """

    unread: list[Window] = field(default_factory=list)
    cut: list[Window] = field(default_factory=list)
    causes: dict[str, int] = field(default_factory=dict)

    def add_unread(self, window: Window, cause: str) -> None:
        """Note a window that could not be read."""
        self.unread.append(window)
        self.causes[cause] = self.causes.get(cause, 0) + 1

    @property
    def windows(self) -> int:
        """How many windows are missing, or not whole."""
        return len(self.unread) + len(self.cut)


def work(queries: Queries, jobs: Iterable[Job], gaps: Gaps) -> None:
    """Do all jobs. What cannot be read is noted in `gaps`.

    Raises DeniedError, GroupMissingError, ScanError, and KeyboardInterrupt: then the jobs that are left are
    gaps as well.
    """
    running: dict[Future[Answer], Job] = {}
    pool = ThreadPoolExecutor(QUERIES_AT_ONCE)

    def submit(job: Job) -> None:
        running[pool.submit(queries.run, job.text, job.window)] = job

    try:
        for job in jobs:
            submit(job)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                for part in _taken(future, running[future], gaps):
                    submit(part)
                del running[future]
    finally:
        for future, job in running.items():
            future.cancel()
            gaps.add_unread(job.window, "interrupted")
        if running:
            queries.close()
        pool.shutdown(wait=True, cancel_futures=True)


def _taken(future: Future[Answer], job: Job, gaps: Gaps) -> list[Job]:
    """Hand over what a job found; the jobs that are to be done in its place."""
    try:
        rows, cut = future.result()
    except TooLongError as error:
        parts = halves(job.window)
        if parts is None:
            gaps.add_unread(job.window, str(error))
        return [job._replace(window=part) for part in parts or ()]
    except QueryError as error:
        gaps.add_unread(job.window, str(error))
        return []
    parts = halves(job.window) if cut else None
    if parts is not None:
        return [job._replace(window=part) for part in parts]
    if cut:
        gaps.cut.append(job.window)
    job.take(job.window, rows)
    return []
