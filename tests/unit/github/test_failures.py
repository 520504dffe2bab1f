"""What GitHub refuses, and what the user reads of it."""

from __future__ import annotations

from typing import Any

import pytest
from github.GithubException import GithubException, RateLimitExceededExceedsMaxWait

from scanner.github.errors import GithubError
from scanner.github.failures import WRITE, error_of
from tests.fakes.github import (
    CREATE,
    GRAPHQL,
    LIST,
    NOT_ACCESSIBLE,
    UPDATE,
    FakeGitHub,
    Script,
)
from tests.unit.github.tools import post, repository


@pytest.mark.parametrize(
    ("rights", "did_not"),
    [
        ((GRAPHQL,), "list the comments of #7"),
        ((GRAPHQL, LIST, UPDATE), "comment on #7"),
    ],
)
@pytest.mark.parametrize("denial", [(403, NOT_ACCESSIBLE), (404, "Not Found")])
def test_a_missing_right_is_named(
    github: FakeGitHub, rights: tuple[str, ...], did_not: str, denial: tuple[int, str]
) -> None:
    github.script = Script(rights=rights, denial=denial)
    with pytest.raises(GithubError) as caught:
        post(github)
    error = caught.value
    assert (error.status, error.needed) == (denial[0], "permissions: pull-requests: write")
    assert f"GitHub did not {did_not} ({denial[0]}: {denial[1]})" in error.message
    assert "`permissions: pull-requests: write` (`issues: write` does as well)" in error.message
    assert "fork" in error.message and "\n" not in error.message
    assert github.count(CREATE) <= 1, "a refusal is not tried again"


def test_a_missing_right_to_update_is_named(github: FakeGitHub) -> None:
    post(github, "one")
    github.script = Script(rights=(GRAPHQL, LIST, CREATE))
    with pytest.raises(GithubError, match=r"did not update the comment on #7 \(403"):
        post(github, "two", (2, 1))


def test_a_token_that_is_not_valid(github: FakeGitHub) -> None:
    with pytest.raises(GithubError) as caught:
        repository(github, token="ghs_wrong_token").comments(7)
    assert (caught.value.status, caught.value.needed) == (401, "github-token")
    assert "Bad credentials" in caught.value.message


@pytest.mark.parametrize("token", ["", "  \n"])
def test_no_token(github: FakeGitHub, token: str) -> None:
    with pytest.raises(GithubError) as caught:
        repository(github, token=token)
    assert caught.value.needed == "github-token"


@pytest.mark.parametrize(
    "token", ["ghs_secret\nX-Evil: 1", "ghs_secret\u20ac", "ghs_secret", "ghs_secret\x00"]
)
def test_no_error_holds_the_token(github: FakeGitHub, token: str) -> None:
    with pytest.raises(GithubError) as caught:
        repository(github, token=token).comments(7)
    assert "secret" not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_text_that_github_does_not_take(github: FakeGitHub) -> None:
    with pytest.raises(GithubError) as caught:
        repository(github).create_comment(7, "x" * 65_537)
    assert (caught.value.status, caught.value.needed) == (422, "")
    assert "Validation Failed; Body is too long (maximum is 65536 characters)" in caught.value.message


def test_a_locked_conversation(github: FakeGitHub) -> None:
    github.script.locked = (7,)
    with pytest.raises(GithubError, match="the conversation is locked") as caught:
        post(github)
    assert caught.value.needed == ""


def test_a_message_of_github_s_is_one_harmless_line_of_some_length() -> None:
    error = GithubException(400, {"message": "a\n::error::b\r" + "x" * 1000}, {})
    message = error_of(error, "do it", "").message
    assert message.startswith(r"GitHub did not do it (400: a\n::error::b\rxxx")
    assert len(message) < 400 and message.isprintable()


@pytest.mark.parametrize("data", [None, "text", [], {"data": "<html>"}, {"message": None, "errors": "none"}])
def test_an_answer_without_a_message(data: Any) -> None:
    assert error_of(GithubException(418, data, None), "do it", "").message == "GitHub did not do it (418)"


@pytest.mark.parametrize(
    "mangled", [b"<html>", b"", [1], {"message": "x"}, [{"id": None}], [{"id": 1, "body": None}]]
)
def test_an_answer_that_is_not_understood(github: FakeGitHub, mangled: Any) -> None:
    github.script.mangle = lambda operation, answer: mangled if operation == LIST else answer
    try:
        assert [c.body for c in repository(github).comments(7)] in ([], [""])
    except GithubError as error:
        assert "not understood" in error.message


def test_a_wait_that_would_be_too_long_is_a_rate_limit_too() -> None:
    error = RateLimitExceededExceedsMaxWait(403, {"message": "Forbidden"}, {}, wait=100)
    assert "rate limit" in error_of(error, "do it", WRITE).message
