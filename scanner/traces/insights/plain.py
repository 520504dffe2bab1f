"""Requests to AWS that no AWS client recorded, and whether they are more than the calls' own. Pure.

Below a call some languages record its HTTP request as a span of its own. Aggregated rows do not show which
span stands below which, so the numbers decide: about as many requests as calls of a workload to a service
are the calls' own (with some repeated ones); fewer or many more are requests that somebody signed himself.
"""

from __future__ import annotations

from dataclasses import replace

from scanner.mapping.partitions import service_part
from scanner.mapping.permissions import required_permissions
from scanner.mapping.services import prefix_of
from scanner.model import CallRow, Unmapped

_REPEATED = 1.25
_REPEATED_ALWAYS = 5


class PlainRequests:
    """Counts calls and requests by workload and service."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str | None, str], int] = {}
        self._requests: dict[tuple[str | None, str, bool], CallRow] = {}

    def add_call(self, row: CallRow) -> None:
        """Count calls of an AWS client."""
        key = (row.call.workload, prefix_of(row.call.service) or "")
        self._calls[key] = self._calls.get(key, 0) + row.count

    def add_request(self, row: CallRow | None) -> None:
        """Count requests."""
        if row is None:
            return
        needs = required_permissions(row.call)
        prefix = (needs.prefix or "") if isinstance(needs, Unmapped) else ""
        key = (row.call.workload, prefix, service_part(row.call.service) is not None)
        known = self._requests.get(key)
        if known is not None:
            row = replace(
                known,
                count=known.count + row.count,
                first_seen=min(known.first_seen, row.first_seen),
                last_seen=max(known.last_seen, row.last_seen),
            )
        self._requests[key] = row

    def doubts(self) -> list[CallRow]:
        """The requests that are not the calls' own."""
        return [
            row
            for (workload, prefix, names_host), row in self._requests.items()
            if not _are_of_calls(row.count, self._calls.get((workload, prefix), 0), names_host)
        ]


def _are_of_calls(requests: int, calls: int, names_host: bool) -> bool:
    """Whether requests are those of calls: all that a library for messages tells of, where there are any."""
    return calls > 0 and (not names_host or calls <= requests <= calls * _REPEATED + _REPEATED_ALWAYS)
