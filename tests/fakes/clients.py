"""boto3 clients of a fake."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from tests.fakes.traces import REGION


def client_of(service: str, url: str, region: str = REGION) -> Any:
    """A client that repeats nothing by itself: botocore's pauses are real. Good for 64 requests at once."""
    return boto3.client(  # type: ignore[call-overload]  # the service is no literal here
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
    )
