"""Requests over HTTP to AWS that no AWS client recorded, and whether they are more than the calls' own. Pure.

Below a call some languages record its HTTP request as a span of its own. Aggregated rows do not show which
span stands below which, so the numbers decide: about as many requests as calls of a workload to a service
are the calls' own (with some repeated ones); fewer or many more are requests that somebody signed himself.
"""

from __future__ import annotations

from dataclasses import replace

from scanner.mapping.permissions import required_permissions
from scanner.mapping.services import prefix_of
from scanner.model import CallRow, Unmapped

_REPEATED = 1.25
_REPEATED_ALWAYS = 5


class PlainRequests:
    """Counts calls and requests by workload and service."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str | None, str], int] = {}
        self._requests: dict[tuple[str | None, str], CallRow] = {}

    def add_call(self, row: CallRow) -> None:
        """Count calls of an AWS client."""
        key = (row.call.workload, prefix_of(row.call.service) or "")
        self._calls[key] = self._calls.get(key, 0) + row.count

    def add_request(self, row: CallRow | None) -> None:
        """Count requests."""
        if row is None:
            return
        needs = required_permissions(row.call)
        key = (row.call.workload, (needs.prefix or "") if isinstance(needs, Unmapped) else "")
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
            for key, row in self._requests.items()
            if not self._calls.get(key, 0)
            or not self._calls[key] <= row.count <= self._calls[key] * _REPEATED + _REPEATED_ALWAYS
        ]
