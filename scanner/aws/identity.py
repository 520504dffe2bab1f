"""Whose the configured credentials are."""

from __future__ import annotations

from scanner.aws.api import Aws
from scanner.aws.ask import Failure, attempt


def account_of_credentials(aws: Aws, region: str) -> str | Failure:
    """The number of the account of the credentials, or why it is not known. Raises ScanError for bad ones.

    It needs no right: docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    return attempt(lambda: str(aws.client("sts", region).get_caller_identity()["Account"]))
