"""What the tests of the built image share. They run where ACTION_IMAGE names it: .ci/run does."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.action.harness import REPOSITORY
from tests.fakes.github import FakeGitHub
from tests.fakes.moto_aws import MotoAws
from tests.github import prism


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the built image. Without one the test is skipped; with one, nothing is."""
    name = os.environ.get("ACTION_IMAGE", "")
    if not name:
        pytest.skip("ACTION_IMAGE names no image: `ACTION_IMAGE=$(.ci/build-image) pytest tests/action`")
    return name


@pytest.fixture(scope="session")
def aws(image: str) -> Iterator[MotoAws]:
    """A moto server. It is shared: begin with `aws.reset()`."""
    with MotoAws() as server:
        yield server


@pytest.fixture
def checked_github(image: str) -> Iterator[FakeGitHub]:
    """A GitHub behind a proxy that holds requests and answers to GitHub's own description of its API."""
    prism.need()
    with FakeGitHub(REPOSITORY) as fake, prism.proxy(fake.url) as url:
        fake.public_url = url
        yield fake
