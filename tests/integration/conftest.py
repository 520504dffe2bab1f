"""What the integration tests share: one moto server a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.moto_aws import MotoAws


@pytest.fixture(scope="session")
def aws() -> Iterator[MotoAws]:
    """A moto server. It is shared: begin with `aws.reset()`."""
    with MotoAws() as server:
        yield server
