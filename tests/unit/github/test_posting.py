"""The life of a comment, over HTTP, at a GitHub that remembers."""

from __future__ import annotations

import pytest

from scanner.github import api, comment
from tests.fakes.github import (
    CREATE,
    LIST,
    UPDATE,
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


def test_of_several_own_comments_the_newest_is_updated(github: FakeGitHub) -> None:
    for number in (1, 2, 3):
        github.comment(7, comment.marker("k", (number, 1)) + f"\n{number}")
    posted = post(github, "new", (4, 1))
    assert texts(github) == ["1", "2", "new"]
    assert "2 older ones" in posted.note


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
