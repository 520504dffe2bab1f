"""What the action asks of GitHub's API: the pull request of a commit, the files of a commit."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.github.errors import GithubError, NoFileError
from scanner.github.model import Pull, the_pull_request
from tests.fakes.github import (
    BASE,
    BLOB,
    CONTENTS,
    LIST,
    NOT_ACCESSIBLE,
    PULLS,
    FakeGitHub,
    Link,
    Script,
    Submodule,
)
from tests.unit.github.tools import SHA, repository

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
    with pytest.raises(NoFileError, match=f"{PATH} at 0000000000: it is not a file there, but a {kind}"):
        repository(github).file(PATH, BASE)


def test_a_file_that_is_too_large_is_refused(github: FakeGitHub) -> None:
    github.commit({PATH: "x"})
    github.script.mangle = lambda _, answer: answer | {"size": 50_000_001, "content": "", "encoding": "none"}
    with pytest.raises(NoFileError, match="50,000,000 bytes"):
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
