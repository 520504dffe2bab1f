"""Faults that pass, and rate limits: what is waited for, and what is not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from scanner.github.errors import GithubError
from scanner.github.retry import RetryLimits, WaitBudget
from tests.fakes.github import (
    CREATE,
    FOREVER,
    LIST,
    PRIMARY,
    SECONDARY,
    UPDATE,
    FakeGitHub,
    Script,
)
from tests.unit.github.tools import QUICK, draft, post, post_draft, repository, texts

# -- faults that pass


@pytest.mark.parametrize("failure", [500, 502, 503, 504])
def test_the_first_requests_fail(github: FakeGitHub, failure: int) -> None:
    github.comment(7, "x", author="someone")
    github.script = Script(fail_first=3, failure=failure)
    assert [c.body for c in repository(github).comments(7)] == ["x"]
    assert github.count(LIST) == 4


def test_the_first_connections_are_dropped(github: FakeGitHub) -> None:
    github.script = Script(drop_first=2)
    assert repository(github).comments(7) == []
    assert github.count(LIST) == 3


def test_a_comment_is_posted_through_failures(github: FakeGitHub) -> None:
    github.script = Script(fail_first=2)
    assert post(github).kind == "create"
    assert texts(github) == ["text"]


@pytest.mark.parametrize("failure", [500, 502, 504, 0])
def test_a_comment_whose_creation_failed_half_way_is_not_written_twice(
    github: FakeGitHub, failure: int
) -> None:
    github.script = Script(fail_after={CREATE: 1}, failure=failure)
    posted = post_draft(github, draft(), replace(QUICK, waits=4))
    assert texts(github) == ["text"]
    assert (posted.kind, posted.url) == ("keep", f"{github.url}/{github.name}/pull/7#issuecomment-1001")


def test_a_creation_that_failed_wholly_is_tried_again(github: FakeGitHub) -> None:
    github.script = Script(fail={CREATE: 1}, failure=503)
    assert post_draft(github, draft(), replace(QUICK, waits=4)).kind == "create"
    assert texts(github) == ["text"]
    assert github.count(CREATE) == 2


def test_an_update_that_fails_is_tried_again(github: FakeGitHub) -> None:
    post(github, "one")
    github.script = Script(fail_after={UPDATE: 2})
    assert post(github, "two", (2, 1)).kind == "update"
    assert texts(github) == ["two"]


def test_github_is_down(github: FakeGitHub) -> None:
    github.script = Script(fail_first=FOREVER, failure=503)
    started = time.monotonic()
    with pytest.raises(GithubError) as caught:
        post(github)
    assert caught.value.status == 503 and caught.value.is_passing
    assert time.monotonic() - started < 5


def test_nobody_answers() -> None:
    with FakeGitHub() as github:
        at = repository(github)
    with pytest.raises(GithubError) as caught:
        at.comments(7)
    assert caught.value.status == 0
    assert "GitHub could not be reached to list the comments of #7 (ConnectionError)" in caught.value.message


def test_slow_answers_are_waited_for_but_not_for_ever(github: FakeGitHub) -> None:
    github.script = Script(delay=0.3)
    assert repository(github).comments(7) == []
    github.script = Script(delay=2)
    with pytest.raises(GithubError) as caught:
        repository(github, replace(QUICK, timeout=1, tries=1)).comments(7)
    assert caught.value.status == 0


# -- rate limits


@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (403, SECONDARY, {}),
        (429, SECONDARY, {}),
        (403, SECONDARY, {"Retry-After": "1"}),
        (429, SECONDARY, {"Retry-After": "1"}),
        (429, PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}),
        (403, PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}),
    ],
)
@pytest.mark.parametrize("operation", [LIST, CREATE])
def test_a_short_rate_limit_is_waited_for(
    github: FakeGitHub, operation: str, status: int, message: str, headers: Mapping[str, str]
) -> None:
    github.script = Script(limit_first=1, limited=(status, message, headers))
    waits: list[float] = []
    at = repository(github, replace(QUICK, sleep=waits.append))
    if operation == LIST:
        assert at.comments(7) == []
    else:
        assert at.create_comment(7, "x").body == "x"
    assert github.count(operation) == 2
    assert sum(waits) == (1 if "Retry-After" in headers else QUICK.secondary if message == SECONDARY else 0)


@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (403, SECONDARY, {"Retry-After": "1466"}),
        (429, SECONDARY, {"Retry-After": "1466"}),
        (503, "Unavailable", {"Retry-After": "1466"}),
        (403, PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "RESET"}),
        (429, PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "RESET"}),
    ],
)
@pytest.mark.parametrize("operation", [LIST, CREATE])
def test_a_long_rate_limit_is_not_waited_for(
    github: FakeGitHub, operation: str, status: int, message: str, headers: Mapping[str, str]
) -> None:
    headers = {k: v.replace("RESET", str(int(time.time()) + 1466)) for k, v in headers.items()}
    github.script = Script(limit_first=FOREVER, limited=(status, message, headers))
    at, started = repository(github), time.monotonic()
    with pytest.raises(GithubError) as caught:
        at.comments(7) if operation == LIST else at.create_comment(7, "x")
    assert time.monotonic() - started < 1
    assert caught.value.status == status
    limited = "its rate limit is used up for longer than the action waits"
    # a 503 says nothing of rates, and what was to be created may be there: that is looked at first
    busy = "there is no time left to wait for it" if operation == LIST else "503: Unavailable"
    assert (busy if status == 503 else limited) in caught.value.message
    assert github.count(operation) == 1


def test_all_waits_together_are_bounded(github: FakeGitHub) -> None:
    github.script = Script(limit_first=FOREVER, limited=(403, SECONDARY, {"Retry-After": "1"}))
    waits: list[float] = []
    at = repository(github, replace(QUICK, waits=2.5, tries=50, sleep=waits.append))
    for _ in range(3):
        with pytest.raises(GithubError, match="rate limit"):
            at.comments(7)
    assert waits == [1, 1]
    assert github.count(LIST) == 5  # two waits of a second, and a first try each


def test_as_it_is_in_earnest_no_wait_is_longer_than_about_a_minute() -> None:
    assert RetryLimits().waits <= 65
    assert WaitBudget(1).spend(2) is False
