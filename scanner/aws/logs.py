"""What the scan asks of CloudWatch Logs, as a type: boto3's client has these methods, whichever its stubs."""

from __future__ import annotations

from typing import Any, Protocol


class LogsClient(Protocol):
    """The requests of docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html."""

    @property
    def meta(self) -> Any:
        """What botocore knows of the client: its region, its model."""

    def start_query(self, **request: Any) -> dict[str, Any]:
        """Begin a query."""

    def get_query_results(self, **request: Any) -> dict[str, Any]:
        """What a query found so far, or a page of all of it."""

    def stop_query(self, **request: Any) -> dict[str, Any]:
        """End a query."""

    def describe_queries(self, **request: Any) -> dict[str, Any]:
        """The queries of the account."""

    def describe_log_groups(self, **request: Any) -> dict[str, Any]:
        """The log groups of the account."""
