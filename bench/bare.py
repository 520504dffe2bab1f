"""The baseline: as little as boto3 threads can do to fetch every trace and parse every document.

The span is split into windows that are listed side by side; ids go to BatchGetTraces five at a time, as soon
as they are listed. Nothing is retried beyond botocore's own, nothing is kept, nothing is looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_xray import XRayClient


class Bare:
    """The loop, and what it counted."""

    def __init__(self, client: XRayClient, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._pool = pool
        self._fetches: list[Future[tuple[int, int]]] = []

    def run(self, start: int, end: int, windows: int) -> tuple[int, int]:
        """Fetch all traces of a span; return the number of traces and of documents."""
        edges = [start + (end - start) * index // windows for index in range(windows + 1)]
        listings = [self._pool.submit(self._list, *edge) for edge in pairwise(edges)]
        for listing in listings:
            listing.result()
        counts = [fetch.result() for fetch in self._fetches]
        return sum(traces for traces, _ in counts), sum(documents for _, documents in counts)

    def _list(self, start: int, end: int) -> None:
        window = {
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(end - 1, UTC),
        }
        token: dict[str, str] = {}
        while True:
            page = self._client.get_trace_summaries(**window, **token)  # type: ignore[arg-type]
            ids = [summary["Id"] for summary in page["TraceSummaries"]]
            for first in range(0, len(ids), 5):
                self._fetches.append(self._pool.submit(self._fetch, ids[first : first + 5]))
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    def _fetch(self, ids: list[str]) -> tuple[int, int]:
        traces = self._client.batch_get_traces(TraceIds=ids)["Traces"]
        documents = 0
        for trace in traces:
            for segment in trace["Segments"]:
                json.loads(segment["Document"])
                documents += 1
        return len(traces), documents


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch the traces of the last so many minutes and print how many there were."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description=main.__doc__)
    parser.add_argument("-r", "--time-range", type=int, default=720, metavar="MINUTES")
    parser.add_argument("--threads", type=int, default=48)
    parser.add_argument("--windows", type=int, default=16)
    args = parser.parse_args(argv)

    config = Config(max_pool_connections=args.threads)
    client: XRayClient = boto3.client("xray", config=config)
    end = int(time.time())
    with ThreadPoolExecutor(args.threads) as pool:
        traces, documents = Bare(client, pool).run(end - args.time_range * 60, end, args.windows)
    sys.stdout.write(f"{traces} traces, {documents} documents\n")


if __name__ == "__main__":
    main()
