"""What CloudWatch Logs says of a log group: since when it is there, and how long it keeps events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scanner.aws.ask import Failure, attempt
from scanner.aws.logs import LogsClient

_DAY = 86_400.0


class Group(NamedTuple):
    """A log group. Times are Unix seconds; `kept` is how long events stay (seconds), None for ever."""

    created: float = 0.0
    kept: float | None = None
    stored: float = 0.0

    def since(self, now: float) -> float:
        """From when on the group has all events."""
        return max(self.created, now - self.kept if self.kept else 0.0)


def groups_of(client: LogsClient, names: Sequence[str]) -> dict[str, Group] | Failure:
    """The groups of some names or ARNs, those that are there. Raises ScanError for bad credentials."""
    found: dict[str, Group] = {}
    for name in names:
        by = {"logGroupIdentifiers": [name]} if name.startswith("arn:") else {"logGroupNamePrefix": name}
        answer = attempt(lambda by=by: client.describe_log_groups(**by))  # type: ignore[misc]  # the loop's
        if isinstance(answer, Failure):
            return answer
        for listed in answer.get("logGroups", ()):
            if name in (listed.get("logGroupName"), listed.get("logGroupArn")):
                days = listed.get("retentionInDays")
                found[name] = Group(
                    created=float(listed.get("creationTime", 0)) / 1000,
                    kept=days * _DAY if days else None,
                    stored=float(listed.get("storedBytes", 0)),
                )
    return found
