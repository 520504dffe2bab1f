"""The API and the sticky comment, through PyGithub and over HTTP, against a GitHub that remembers."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from github.GithubException import GithubException, RateLimitExceededExceedsMaxWait

from scanner.github import api, comment
from scanner.github.api import GithubError, Limits, Pull, error_of, the_pull_request
from tests.fakes.github import (
    BASE,
    BLOB,
    CONTENTS,
    CREATE,
    FOREVER,
    GRAPHQL,
    LIST,
    NOT_ACCESSIBLE,
    PRIMARY,
    PULLS,
    SECONDARY,
    UPDATE,
    FakeGitHub,
    Link,
    Script,
    Submodule,
)

# as patient as in earnest, in a shorter time
QUICK = Limits(waits=1.5, secondary=0.2, backoff=0.01, timeout=3, between_requests=0, between_writes=0)
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


def repository(github: FakeGitHub, limits: Limits = QUICK, token: str | None = None) -> api.Repository:
    return api.repository(
        github.token if token is None else token, github.url, github.name, github.graphql_url, limits
    )


def post(
    github: FakeGitHub,
    body: str = "text",
    run: tuple[int, int] = (1, 1),
    *,
    key: str = "k",
    mode: comment.Mode = "on-findings",
    has_findings: bool = True,
    limits: Limits = QUICK,
) -> comment.Posted:
    at = repository(github, limits)
    return comment.post(at, 7, body, key=key, run=run, mode=mode, has_findings=has_findings)


def written(github: FakeGitHub) -> list[str]:
    """The texts of the comments, less their markers."""
    return [comment.text_of(body) for body in github.bodies(7)]


# -- the life of a comment


def test_created_left_alone_updated_resolved(github: FakeGitHub) -> None:
    github.comment(7, "looks good", author="someone")
    first = post(github, "2 findings", (1, 1))
    assert first.kind == "create"
    assert first.url == f"{github.url}/{github.name}/pull/7#issuecomment-1002"
    assert post(github, "2 findings", (2, 1)) == comment.Posted(
        "keep", first.url, "the comment says the same already"
    )
    assert github.count(UPDATE) == 0
    assert post(github, "1 finding", (3, 1)).kind == "update"
    last = post(github, "resolved", (4, 1), has_findings=False)
    assert (last.kind, last.url) == ("update", first.url)
    assert written(github) == ["looks good", "resolved"]
    assert comment.run_of(github.bodies(7)[1]) == (4, 1)


def test_an_older_run_that_ends_later_changes_nothing(github: FakeGitHub) -> None:
    post(github, "of run 5", (5, 2))
    assert post(github, "of run 4", (4, 1)).kind == "keep"
    assert post(github, "of the attempt before", (5, 1)).note == "a newer run wrote the comment"
    assert written(github) == ["of run 5"]


def test_two_legs_of_a_matrix_have_a_comment_each(github: FakeGitHub) -> None:
    for key in ("test (a)", "test (b)", "test (a)"):
        post(github, f"of {key}", (1, 1), key=key)
    assert written(github) == ["of test (a)", "of test (b)"]


def test_nothing_is_asked_where_comments_are_switched_off(github: FakeGitHub) -> None:
    assert post(github, mode="never").kind == "skip"
    assert github.requests == []


def test_nothing_to_say_and_nothing_said_before(github: FakeGitHub) -> None:
    assert post(github, has_findings=False).kind == "skip"
    assert post(github, has_findings=False, mode="always").kind == "create"


@pytest.mark.parametrize("before", [0, 29, 30, 99, 100, 101, 350])
def test_the_own_comment_is_found_on_every_page(github: FakeGitHub, before: int) -> None:
    for number in range(before):
        github.comment(7, f"chat {number}", author="someone")
    post(github, "one", (1, 1))
    for number in range(120):
        github.comment(7, f"more {number}", author="someone")
    assert post(github, "two", (2, 1)).kind == "update"
    assert github.bodies(7)[before].endswith("two")
    assert len(github.bodies(7)) == before + 121
    assert {
        request.path.split("per_page=")[1][:3] for request in github.requests if request.operation == LIST
    } == {"100"}


def test_somebody_else_s_marker_is_not_touched(github: FakeGitHub) -> None:
    forged = comment.marker("k", (99, 1)) + "\nforged"
    github.comment(7, forged, author="mallory")
    github.comment(7, forged, author="another-app[bot]", kind="Bot")
    github.ghost_comment(7, forged)
    assert post(github, "mine").kind == "create"
    assert written(github) == ["forged", "forged", "forged", "mine"]


@pytest.mark.parametrize("viewer", ["my-app[bot]", "Some-Person"])
def test_other_accounts_than_the_default_one_know_themselves(viewer: str) -> None:
    with FakeGitHub(viewer=viewer) as github:
        assert repository(github).viewer_login() == viewer.removesuffix("[bot]")
        post(github, "one", (1, 1))
        assert post(github, "two", (2, 1)).kind == "update"


@pytest.mark.parametrize("script", [Script(rights=(LIST, CREATE, UPDATE)), Script()])
def test_where_the_viewer_is_not_told_an_app_s_comment_is_the_own_one(script: Script) -> None:
    with FakeGitHub(
        viewer=None if script.rights != (LIST, CREATE, UPDATE) else "x[bot]", script=script
    ) as github:
        assert repository(github).viewer_login() is None
        github.comment(7, comment.marker("k", (1, 1)) + "\nforged", author="mallory")
        assert post(github, "one", (1, 1)).kind == "create"
        assert post(github, "two", (2, 1)).kind == "update"
        assert written(github) == ["forged", "two"]


def test_of_several_own_comments_the_newest_is_updated(github: FakeGitHub) -> None:
    for number in (1, 2, 3):
        github.comment(7, comment.marker("k", (number, 1)) + f"\n{number}")
    posted = post(github, "new", (4, 1))
    assert written(github) == ["1", "2", "new"]
    assert "2 older ones" in posted.note


def test_a_text_that_is_too_long_is_shortened(github: FakeGitHub) -> None:
    assert post(github, "\n".join(["ß🔴" * 40] * 2000)).kind == "create"
    assert len(github.bodies(7)[0]) <= 65_536
    assert github.bodies(7)[0].endswith(comment.NOTE)


# -- GitHub Enterprise Server


def test_the_urls_of_a_server_of_one_s_own() -> None:
    with FakeGitHub(prefix="/api/v3") as github:
        assert github.graphql_url.endswith("/api/graphql")
        at = api.repository(github.token, github.url + "/", github.name, limits=QUICK)
        assert at.viewer_login() == "github-actions"
        assert comment.post(at, 7, "x", key="k", run=(1, 1), has_findings=True).kind == "create"
        assert {request.path.split("?")[0] for request in github.requests} == {
            "/api/graphql",
            f"/api/v3/repos/{github.name}/issues/7/comments",
        }


# -- refusals


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
    assert written(github) == ["text"]


@pytest.mark.parametrize("failure", [500, 502, 504, 0])
def test_a_comment_whose_creation_failed_half_way_is_not_written_twice(
    github: FakeGitHub, failure: int
) -> None:
    github.script = Script(fail_after={CREATE: 1}, failure=failure)
    posted = post(github, limits=replace(QUICK, waits=4))
    assert written(github) == ["text"]
    assert (posted.kind, posted.url) == ("keep", f"{github.url}/{github.name}/pull/7#issuecomment-1001")


def test_a_creation_that_failed_wholly_is_tried_again(github: FakeGitHub) -> None:
    github.script = Script(fail={CREATE: 1}, failure=503)
    assert post(github, limits=replace(QUICK, waits=4)).kind == "create"
    assert written(github) == ["text"]
    assert github.count(CREATE) == 2


def test_an_update_that_fails_is_tried_again(github: FakeGitHub) -> None:
    post(github, "one")
    github.script = Script(fail_after={UPDATE: 2})
    assert post(github, "two", (2, 1)).kind == "update"
    assert written(github) == ["two"]


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
    at = repository(github)
    if operation == LIST:
        assert at.comments(7) == []
    else:
        assert at.create_comment(7, "x").body == "x"
    assert github.count(operation) == 2
    first, second = (request.time for request in github.requests)
    assert second - first >= (1 if "Retry-After" in headers else 0.2 if message == SECONDARY else 0)


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
    at, started = repository(github, replace(QUICK, waits=2.5, tries=50)), time.monotonic()
    for _ in range(3):
        with pytest.raises(GithubError, match="rate limit"):
            at.comments(7)
    assert 2 <= time.monotonic() - started < 3
    assert github.count(LIST) == 5  # two waits of a second, and a first try each


def test_as_it_is_in_earnest_no_wait_is_longer_than_about_a_minute() -> None:
    assert Limits().waits <= 65
    assert api.Patience(1).spend(2) is False


# -- the pull request of a commit


def test_the_open_pull_request_whose_head_it_is(github: FakeGitHub) -> None:
    github.pull_request(3, "f" * 40, commits=[SHA])  # holds the commit, but has moved on
    github.pull_request(5, SHA, state="closed")
    github.pull_request(7, SHA)
    notes: list[str] = []
    assert repository(github).open_pull_request_of_commit(SHA, notes.append) == 7
    assert notes == []


def test_it_is_found_on_every_page(github: FakeGitHub) -> None:
    for number in range(100, 230):
        github.pull_request(number, f"{number:040d}", commits=[SHA], fork=True)
    github.pull_request(7, SHA)
    assert repository(github).open_pull_request_of_commit(SHA) == 7
    assert github.count(PULLS) == 2


@pytest.mark.parametrize(
    ("pulls", "number", "note"),
    [
        ([], None, "no open pull request has the commit 0123456789ab as its head"),
        ([Pull(1, "open", SHA)], 1, ""),
        ([Pull(1, "open", SHA), Pull(1, "open", SHA)], 1, ""),
        ([Pull(1, "closed", SHA), Pull(2, "open", SHA)], 2, ""),
        (
            [Pull(4, "open", SHA), Pull(3, "open", SHA)],
            None,
            "several open pull requests have the commit 0123456789ab as their head: #3, #4",
        ),
    ],
)
def test_the_pull_request(pulls: list[Pull], number: int | None, note: str) -> None:
    assert the_pull_request(pulls, SHA) == (number, note)


def test_no_right_to_look_for_it(github: FakeGitHub) -> None:
    github.script = Script(rights=(LIST,))
    with pytest.raises(GithubError) as caught:
        repository(github).open_pull_request_of_commit(SHA)
    assert caught.value.needed == "permissions: pull-requests: read"


def test_a_wait_that_would_be_too_long_is_a_rate_limit_too() -> None:
    error = RateLimitExceededExceedsMaxWait(403, {"message": "Forbidden"}, {}, wait=100)
    assert "rate limit" in error_of(error, "do it", api.WRITE).message


# -- the files of a commit

PATH = ".github/least-privilege.yml"


@pytest.mark.parametrize(
    "content", [b"", b"version: 1\n", "ß🔴\r\n".encode(), b"\xff\x00", b"x" * 1024 * 1024]
)
def test_a_file_is_read_as_it_is(github: FakeGitHub, content: bytes) -> None:
    github.commit({PATH: content, ".github/other.yml": "no"})
    assert repository(github).file(PATH, BASE) == content
    assert github.count(BLOB) == 0


def test_a_file_over_a_megabyte_is_read_as_a_blob(github: FakeGitHub) -> None:
    content = b"[" + b"1," * 1_000_000 + b"1]"
    github.commit({"baseline.json": content})
    assert repository(github).file("baseline.json", BASE) == content
    assert github.count(BLOB) == 1


def test_a_file_is_read_at_the_commit_that_is_asked_for(github: FakeGitHub) -> None:
    github.commit({PATH: "of the base"})
    github.commit({PATH: "of another"}, SHA)
    at = repository(github)
    assert at.file(PATH, SHA) == b"of another"
    assert at.file(PATH, BASE) == b"of the base"
    assert at.file(PATH, "") == b"of the base", "of the default branch"


@pytest.mark.parametrize("path", ["a b.yml", "ü/ß.yml", "100%.yml", "a#b?c.yml"])
def test_a_file_may_have_any_name(github: FakeGitHub, path: str) -> None:
    github.commit({path: "x"})
    assert repository(github).file(path, BASE) == b"x"


@pytest.mark.parametrize("files", [{}, {".github/other.yml": "x"}])
def test_a_file_that_is_not_there(github: FakeGitHub, files: dict[str, str]) -> None:
    github.commit(files)
    assert repository(github).file(PATH, BASE) is None


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({f"{PATH}/inside": "x"}, "folder"),
        ({PATH: Link("../../elsewhere")}, "symlink"),
        ({PATH: Submodule("https://github.com/octocat/other")}, "submodule"),
    ],
)
def test_what_is_no_file_is_refused(github: FakeGitHub, files: dict[str, Any], kind: str) -> None:
    github.commit(files)
    with pytest.raises(api.NoFileError, match=f"{PATH} at 0000000000: it is no file there, but a {kind}"):
        repository(github).file(PATH, BASE)


def test_a_file_that_is_too_large_is_refused(github: FakeGitHub) -> None:
    github.commit({PATH: "x"})
    github.script.mangle = lambda _, answer: answer | {"size": 50_000_001, "content": "", "encoding": "none"}
    with pytest.raises(api.NoFileError, match="50,000,000 bytes"):
        repository(github).file(PATH, BASE)
    assert github.count(BLOB) == 0


def test_a_commit_that_is_not_there_is_no_missing_file(github: FakeGitHub) -> None:
    with pytest.raises(GithubError, match="No commit found for the ref"):
        repository(github).file(PATH, SHA)


@pytest.mark.parametrize("denial", [(403, NOT_ACCESSIBLE), (404, "Not Found")])
def test_a_missing_right_to_read_is_named_and_never_taken_for_a_missing_file(
    github: FakeGitHub, denial: tuple[int, str]
) -> None:
    github.commit({PATH: "x"})
    github.script = Script(rights=(LIST,), denial=denial)
    with pytest.raises(GithubError) as caught:
        repository(github).file(PATH, BASE)
    assert (caught.value.status, caught.value.needed) == (denial[0], "permissions: contents: read")
    assert caught.value.message.endswith("the job needs `permissions: contents: read`")


@pytest.mark.parametrize("mangled", [b"<html>", {"message": "x"}, {"type": "file"}, None])
def test_an_answer_about_a_file_that_is_not_understood(github: FakeGitHub, mangled: Any) -> None:
    github.commit({PATH: "x"})
    github.script.mangle = lambda operation, answer: mangled if operation == CONTENTS else answer
    with pytest.raises(GithubError):
        repository(github).file(PATH, BASE)


def test_a_file_is_read_through_failures(github: FakeGitHub) -> None:
    github.commit({PATH: "x"})
    github.script = Script(fail_first=2)
    assert repository(github).file(PATH, BASE) == b"x"
