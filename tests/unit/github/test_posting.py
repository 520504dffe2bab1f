"""The life of a comment, over HTTP, at a GitHub that remembers."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from scanner.github import api, comment
from scanner.github.errors import GithubError
from tests.fakes.github import (
    CREATE,
    DELETE,
    GRAPHQL,
    LIST,
    UPDATE,
    USER,
    FakeGitHub,
    Script,
)
from tests.unit.github.tools import QUICK, draft, post, post_draft, repository, texts


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
    last = post_draft(github, draft("resolved", (4, 1), has_findings=False))
    assert (last.kind, last.url) == ("update", first.url)
    assert texts(github) == ["looks good", "resolved"]
    assert comment.run_of(github.bodies(7)[1]) == (4, 1)


def test_an_older_run_that_ends_later_changes_nothing(github: FakeGitHub) -> None:
    post(github, "of run 5", (5, 2))
    assert post(github, "of run 4", (4, 1)).kind == "keep"
    assert post(github, "of the attempt before", (5, 1)).note == "a newer run wrote the comment"
    assert texts(github) == ["of run 5"]


def test_two_legs_of_a_matrix_have_a_comment_each(github: FakeGitHub) -> None:
    for key in ("test (a)", "test (b)", "test (a)"):
        post_draft(github, draft(f"of {key}", key=key))
    assert texts(github) == ["of test (a)", "of test (b)"]


def test_nothing_is_asked_where_comments_are_switched_off(github: FakeGitHub) -> None:
    assert post_draft(github, draft(mode="never")).kind == "skip"
    assert github.requests == []


def test_nothing_to_say_and_nothing_said_before(github: FakeGitHub) -> None:
    assert post_draft(github, draft(has_findings=False)).kind == "skip"
    assert post_draft(github, draft(has_findings=False, mode="always")).kind == "create"


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
    assert texts(github) == ["forged", "forged", "forged", "mine"]


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
        assert texts(github) == ["forged", "two"]


# -- several comments with one key


@pytest.mark.parametrize(("run", "kept"), [(4, "new"), (2, "of run 3")])
def test_of_several_own_comments_the_oldest_stays_and_says_what_the_newest_run_found(
    github: FakeGitHub, run: int, kept: str
) -> None:
    for number in (1, 3, 2):
        github.comment(7, comment.marker("k", (number, 1)) + f"\nof run {number}")
    posted = post(github, "new", (run, 1))
    assert texts(github) == [kept]
    assert posted.url == f"{github.url}/{github.name}/pull/7#issuecomment-1001"
    assert "2 more with the same key" in posted.note


@pytest.mark.parametrize("other_run", [1, 3])
def test_another_job_comments_between_list_and_create(github: FakeGitHub, other_run: int) -> None:
    theirs = comment.marker("k", (other_run, 1)) + f"\nof run {other_run}"
    github.script = Script(meanwhile={LIST: [lambda: github.comment(7, theirs)]})
    posted = post(github, "of run 2", (2, 1))
    assert texts(github) == [f"of run {max(2, other_run)}"]
    assert posted.url == f"{github.url}/{github.name}/pull/7#issuecomment-1001"


@pytest.mark.parametrize("runs", [(1, 2), (2, 1), (1, 1)])
def test_two_jobs_at_once_leave_one_comment(runs: tuple[int, int]) -> None:
    with FakeGitHub() as github:
        both_listed = threading.Barrier(2, timeout=10).wait
        github.script = Script(meanwhile={LIST: [both_listed, both_listed]})
        jobs = [threading.Thread(target=post, args=(github, f"of run {run}", (run, 1))) for run in runs]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        assert texts(github) == [f"of run {max(runs)}"]


def test_a_key_of_another_job_is_left_alone(github: FakeGitHub) -> None:
    theirs = comment.marker("other", (1, 1)) + "\ntheirs"
    github.script = Script(meanwhile={LIST: [lambda: github.comment(7, theirs)]})
    post(github, "mine")
    assert texts(github) == ["theirs", "mine"]


def test_where_nothing_may_be_deleted_all_say_the_same(github: FakeGitHub) -> None:
    for number in (1, 2):
        github.comment(7, comment.marker("k", (number, 1)) + f"\nof run {number}")
    github.script = Script(rights=(LIST, CREATE, UPDATE, GRAPHQL))
    assert post(github, "new", (3, 1)).kind == "update"
    assert texts(github) == ["new", "new"]


def test_where_it_is_not_known_who_commented_nothing_of_another_app_is_deleted() -> None:
    with FakeGitHub(viewer=None) as github:
        for author in ("one[bot]", "other[bot]"):
            github.comment(7, comment.marker("k", (1, 1)) + f"\nof {author}", author=author, kind="Bot")
        post(github, "new", (2, 1))
        assert texts(github) == ["new", "of other[bot]"]


def test_a_comment_that_is_deleted_meanwhile_is_created_again(github: FakeGitHub) -> None:
    (first,) = [post(github, "old", (1, 1))]
    stored = github.comments[7][0].id
    github.script = Script(meanwhile={LIST: [lambda: github.delete(stored)]})
    posted = post_draft(github, draft("new", (2, 1)), replace(QUICK, waits=4))
    assert texts(github) == ["new"]
    assert posted.kind == "create" and posted.url != first.url


def test_a_comment_that_is_there_and_cannot_be_updated_is_no_deleted_one(github: FakeGitHub) -> None:
    post(github, "old", (1, 1))
    github.script = Script(rights=(LIST, GRAPHQL, CREATE), denial=(404, "Not Found"))
    with pytest.raises(GithubError) as caught:
        post_draft(github, draft("new", (2, 1)), replace(QUICK, waits=4))
    assert caught.value.needed == "permissions: pull-requests: write"
    assert texts(github) == ["old"]


# -- Forgejo and Gitea


@pytest.mark.parametrize("viewer", ["gitea-actions", "forgejo-actions"])
@pytest.mark.parametrize("may_ask", [True, False])
def test_on_forgejo_and_gitea_the_comment_is_found_again(viewer: str, may_ask: bool) -> None:
    with FakeGitHub(viewer=viewer, prefix="/api/v1", is_gitea=True) as github:
        rights = (LIST, CREATE, UPDATE, DELETE, *((USER,) if may_ask else ()))
        github.script = Script(rights=rights)
        github.comment(7, comment.marker("k", (99, 1)) + "\nforged", author="mallory")
        github.comment(7, "chat", author="someone")
        at = api.repository(github.token, github.url, github.name, "", QUICK)
        assert at.viewer_login() == (viewer if may_ask else None)
        assert comment.post(at, 7, draft("one", (1, 1))).kind == "create"
        assert comment.post(at, 7, draft("two", (2, 1))).kind == "update"
        assert texts(github) == ["forged", "chat", "two"]
        asked = {request.path.partition("?")[0] for request in github.requests}
        assert not any("/users/" in path for path in asked), "not asked for every commenter"


def test_a_person_on_github_with_such_a_name_is_a_person(github: FakeGitHub) -> None:
    github.viewer = None
    github.comment(7, comment.marker("k", (99, 1)) + "\nforged", author="gitea-actions")
    assert post(github, "mine").kind == "create"


def test_a_text_that_is_too_long_is_shortened(github: FakeGitHub) -> None:
    assert post(github, "\n".join(["ß🔴" * 40] * 2000)).kind == "create"
    assert len(github.bodies(7)[0]) <= 65_536
    assert github.bodies(7)[0].endswith(comment.NOTE)


def test_the_urls_of_a_server_of_one_s_own() -> None:
    with FakeGitHub(prefix="/api/v3") as github:
        assert github.graphql_url.endswith("/api/graphql")
        at = api.repository(github.token, github.url + "/", github.name, limits=QUICK)
        assert at.viewer_login() == "github-actions"
        assert comment.post(at, 7, draft()).kind == "create"
        assert {request.path.split("?")[0] for request in github.requests} == {
            "/api/graphql",
            f"/api/v3/repos/{github.name}/issues/7/comments",
        }
