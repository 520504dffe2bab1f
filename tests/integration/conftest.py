"""What the integration tests share: one moto server a test process, botocore's files, and short pauses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import pytest
from botocore.loaders import JSONFileLoader, Loader
from botocore.retries.standard import ExponentialBackoff

from scanner.github import api
from scanner.github.retry import RetryLimits
from scanner.traces import xray_requests
from tests.fakes.botocore_files import read_file
from tests.fakes.moto_aws import MotoAws


@pytest.fixture(scope="session")
def aws() -> Iterator[MotoAws]:
    """A moto server. It is shared: begin with `aws.reset()`."""
    with MotoAws() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """botocore's files are parsed once a test process, not once a run: half of a small scan's time."""
    load_once, listed = cache(read_file), Loader.list_available_services

    @cache
    def list_once(paths: tuple[str, ...], kind: str) -> list[str]:
        return listed(Loader(list(paths), include_default_search_paths=False), kind)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(JSONFileLoader, "load_file", lambda self, path: load_once(path))
        patched.setattr(
            Loader,
            "list_available_services",
            lambda self, type_name: list_once(tuple(self.search_paths), type_name),
        )
        yield


@pytest.fixture(scope="module", autouse=True)
def pauses_are_short() -> Iterator[None]:
    """Between a request that failed and the same again: as many as ever, in a tenth of their time.

    Between requests to GitHub there are none.
    """
    of_botocore, of_ours = ExponentialBackoff.delay_amount, xray_requests.RETRY_PAUSES
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ExponentialBackoff, "delay_amount", lambda *given: of_botocore(*given) / 10)
        patched.setattr(xray_requests, "RETRY_PAUSES", tuple(pause / 10 for pause in of_ours))
        patched.setattr(api, "RetryLimits", partial(RetryLimits, between_requests=0.0, between_writes=0.0))
        yield
