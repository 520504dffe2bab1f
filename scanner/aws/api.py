"""What the readers ask AWS with: clients, made when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from scanner.aws.interruption import Interruption
from scanner.model.arn import account_of

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudtrail.client import CloudTrailClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_xray.client import XRayClient

    from scanner.aws.logs import LogsClient


class Stack(NamedTuple):
    """A CloudFormation stack with those nested in it: the names of its functions, and its logical ids.

    `logical_ids` maps physical names to "Stack/LogicalId".
    """

    functions: tuple[str, ...]
    logical_ids: Mapping[str, str]


SESSION_NAME = "xray-privilege-scan"
"""The name of sessions of assumed roles, which CloudTrail shows, where the user gives none."""


class AssumedRole(NamedTuple):
    """A role of the account that is to be scanned, and how it is assumed."""

    arn: str
    external_id: str = ""
    session_name: str = SESSION_NAME

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return account_of(self.arn)


class Aws(Protocol):
    """The clients of a scan, made when they are asked for."""

    @property
    def interruption(self) -> Interruption:
        """What ends the requests of all accounts."""

    def assuming(self, role: AssumedRole) -> Aws:
        """The clients of another account. Raises ScanError where the role cannot be assumed."""

    def xray(self, region: str) -> XRayClient:
        """The X-Ray client of a region."""

    def iam(self) -> IAMClient:
        """The client of the account."""

    def functions(self, region: str) -> LambdaClient:
        """The Lambda client of a region."""

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """The CloudTrail client of a region."""

    def cloudwatch(self, region: str) -> CloudWatchClient:
        """The CloudWatch client of a region."""

    def logs(self, region: str) -> LogsClient:
        """The CloudWatch Logs client of a region."""

    def cloudformation(self, region: str) -> CloudFormationClient:
        """The CloudFormation client of a region."""

    def client(self, service: str, region: str) -> Any:
        """The client of a service, by boto3's name of it, for a region."""

    def stack(self, name: str) -> Stack:
        """A CloudFormation stack. Raises ScanError."""

    def region(self) -> str:
        """The region that is configured. Raises ScanError where there is none."""
