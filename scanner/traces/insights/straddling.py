"""The traces that began while a region was switched over: X-Ray and the log group both have some of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scanner.aws.logs import LogsClient
from scanner.traces.documents import compact_id
from scanner.traces.insights import query_text
from scanner.traces.insights.cost import Meter
from scanner.traces.insights.queries import DeniedError, GroupMissingError, Queries, Row
from scanner.traces.insights.source import SpansRequest
from scanner.traces.insights.trees import OVERLAP
from scanner.traces.insights.windows import Window
from scanner.traces.insights.work import Gaps, Job, work


def traces_since(
    client: LogsClient, request: SpansRequest, switched: float, meter: Meter
) -> frozenset[bytes]:
    """The ids of traces with spans right after a time. Where they cannot be read, their calls count twice."""
    ids: set[bytes] = set()

    def take(_: Window, rows: Iterable[Row]) -> None:
        ids.update(compact_id(row["traceId"]) for row in rows if "traceId" in row)

    start = math.floor(switched)
    queries = Queries(client, request.groups, meter, request.pace, request.limit)
    try:
        work(queries, [Job(query_text.trace_ids_query(), Window(start, start + OVERLAP), take)], Gaps())
    except (DeniedError, GroupMissingError):
        return frozenset()
    finally:
        queries.close()
    return frozenset(ids)
