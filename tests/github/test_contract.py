"""The requests of the action and the answers of the tests' GitHub, held to GitHub's API description.

Prism stands between the two and answers with a problem of its own where either of them breaks the contract.
GraphQL has no such description and goes to the fake directly.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from scanner.github import api, comment
from scanner.github.diff import DiffFile
from scanner.github.errors import GithubError, NoFileError
from scanner.github.failures import CONTENTS as CONTENTS_RIGHT
from scanner.github.failures import FIX, WRITE
from scanner.github.fix_pull import FixContent, FixDraft, edit_hash, keep_fix
from scanner.github.issue import IssueContent, IssueDraft, keep_issue
from scanner.github.retry import RetryLimits
from scanner.github.review import PostedReview, Proposed, ReviewDraft, Suggestion, suggest
from tests.fakes.github import (
    BASE,
    BLOB,
    CONTENTS,
    CREATE,
    DELETE,
    GRAPHQL,
    HEADS,
    LIST,
    NOT_ACCESSIBLE,
    PULLS,
    UPDATE,
    FakeGitHub,
    Link,
    Script,
    Submodule,
)
from tests.fakes.github_branches import BRANCH_OPERATIONS, CREATE_PULL, Branches
from tests.fakes.github_issues import CREATE_ISSUE, LIST_ISSUES, UPDATE_ISSUE, Issues
from tests.fakes.github_reviews import FILES, MINIMIZE, PULL, REVIEW, REVIEWS, THREADS, Content, StoredReview
from tests.github import prism

QUICK = RetryLimits(waits=2, secondary=0.2, backoff=0.01, timeout=20, between_requests=0, between_writes=0)
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def proxied() -> Iterator[FakeGitHub]:
    prism.need()
    with FakeGitHub() as fake, prism.proxy(fake.url) as url:
        fake.public_url = url
        yield fake


@pytest.fixture
def github(proxied: FakeGitHub) -> FakeGitHub:
    """An empty GitHub behind the proxy."""
    proxied.script = Script()
    proxied.comments.clear()
    proxied.issues = Issues()
    proxied.reviewed.clear()
    proxied.pulls.clear()
    proxied.files = {BASE: {}}
    proxied.branches = Branches()
    proxied.branches.start(BASE, {})
    proxied.requests.clear()
    return proxied


def repository(github: FakeGitHub) -> api.Repository:
    return api.repository(github.token, github.public_url, github.name, github.graphql_url, QUICK)


def post(github: FakeGitHub, body: str, run: int, *, has_findings: bool = True) -> comment.Posted:
    draft = comment.CommentDraft(body, "CI / test", (run, 1), has_findings=has_findings)
    return comment.post(repository(github), 7, draft)


def raw(github: FakeGitHub, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """A request that the action would never make."""
    request = Request(
        github.public_url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"token {github.token}"},
    )
    try:
        with urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_the_proxy_notices_a_request_that_breaks_the_contract(github: FakeGitHub) -> None:
    path = f"/repos/{github.name}/issues/7/comments"
    assert raw(github, "POST", path, {"text": "x"})[0] == 422
    assert raw(github, "POST", path, {"body": 1})[0] == 422
    assert raw(github, "GET", path + "?per_page=many")[0] == 422
    assert github.requests == []


@pytest.mark.parametrize("missing", ["id", "html_url", "user", "created_at"])
def test_the_proxy_notices_an_answer_that_breaks_the_contract(github: FakeGitHub, missing: str) -> None:
    github.comment(7, "x")
    github.script = Script(
        mangle=lambda _, answer: [{k: v for k, v in c.items() if k != missing} for c in answer]
    )
    assert raw(github, "GET", f"/repos/{github.name}/issues/7/comments")[0] == 500
    with pytest.raises(GithubError) as caught:
        repository(github).comments(7)
    assert caught.value.status == 500


def test_the_life_of_a_comment(github: FakeGitHub) -> None:
    assert post(github, "nothing yet", 1, has_findings=False).kind == "skip"
    first = post(github, "2 findings ß 🔴", 2)
    assert first.kind == "create"
    assert first.url == f"{github.public_url}/{github.name}/pull/7#issuecomment-{github.comments[7][0].id}"
    assert post(github, "2 findings ß 🔴", 3).kind == "keep"
    assert post(github, "1 finding", 4).kind == "update"
    assert post(github, "an older run's", 3).kind == "keep"
    assert post(github, "resolved", 5, has_findings=False).kind == "update"
    assert [comment.text_of(body) for body in github.bodies(7)] == ["resolved"]
    assert {r.operation for r in github.requests} == {GRAPHQL, LIST, CREATE, UPDATE}


def test_pages_of_comments_by_all_kinds_of_accounts(github: FakeGitHub) -> None:
    github.ghost_comment(7, "from an account that is gone")
    for number in range(120):
        github.comment(7, f"chat {number}", author="someone")
    github.comment(7, comment.marker("CI / test", (1, 1)) + "\nold")
    for number in range(120):
        github.comment(7, f"chat {number}", author="another[bot]", kind="Bot")
    assert post(github, "new", 2).kind == "update"
    assert github.count(LIST) == 3


def test_the_longest_comment(github: FakeGitHub) -> None:
    assert post(github, "\n".join(["🔴 ß " * 20] * 2000), 1).kind == "create"
    assert 65_000 < len(github.bodies(7)[0]) <= 65_536


def keep(github: FakeGitHub, found: str, run: int) -> str:
    """Keep the issue; what became of it."""

    def content(told: str) -> IssueContent:
        body = found or "-"
        is_news = bool(told) and comment.text_of(told) != body
        return IssueContent(body, body if is_news else "", is_news and bool(found), bool(found), not found)

    draft = IssueDraft("CI", (run, 1), "Rights", content, ["security"], ["octocat"])
    return keep_issue(repository(github), draft).kind


def test_the_life_of_an_issue(github: FakeGitHub) -> None:
    for number in range(120):
        github.issues.add(f"Change {number}", "", github.viewer, is_pull_request=True)
        github.issues.add(f"Issue {number}", "", None)
    kinds = [keep(github, found, run) for run, found in enumerate(["a", "ab", "ab", "", "c"], 1)]
    assert kinds == ["create", "comment", "update", "close", "reopen"]
    assert {r.operation for r in github.requests} == {
        *(GRAPHQL, LIST_ISSUES, LIST, CREATE_ISSUE, UPDATE_ISSUE, CREATE)
    }


def test_duplicates_are_closed_and_a_refused_assignee_is_left_out(github: FakeGitHub) -> None:
    github.issues.assignable = set()
    for run in (1, 2):
        github.issues.add("Rights", comment.marker("CI", (run, 1)) + "\na", github.viewer)
    assert keep(github, "a", 3) == "update"
    assert github.issues.stored[21].state_reason == "duplicate"
    github.issues.stored.clear()
    assert keep(github, "a", 4) == "create"


def fix(github: FakeGitHub, edits: str, run: int) -> str:
    """Keep the fix pull request; what became of it."""
    files = {"a/template.yml": edits.encode()} if edits else {}
    content = FixContent(files, frozenset(map(edit_hash, edits)), f"ß 🔴 {edits}")
    return keep_fix(repository(github), FixDraft("CI / test", (run, 1), lambda head, told: content)).kind


def test_the_life_of_a_fix_pull_request(github: FakeGitHub) -> None:
    kinds = [fix(github, edits, run) for run, edits in enumerate(["", "a", "a", "ab", ""], 1)]
    assert kinds == ["skip", "create", "update", "renew", "close"]
    assert fix(github, "a", 6) == "create"
    (branch,) = {pull.branch for pull in github.branches.pulls.values()}
    github.branches.push(branch, {"a/template.yml": "by hand"})
    assert fix(github, "ab", 7) == "leave"
    assert {*BRANCH_OPERATIONS, GRAPHQL, HEADS, CREATE} == {r.operation for r in github.requests}


@pytest.mark.parametrize("denial", [(403, NOT_ACCESSIBLE), (404, "Not Found")])
def test_a_refusal_to_open_a_pull_request(github: FakeGitHub, denial: tuple[int, str]) -> None:
    rights = [right for right in Script().rights if right != CREATE_PULL]
    github.script = Script(rights=rights, denial=denial)
    with pytest.raises(GithubError) as caught:
        fix(github, "a", 1)
    assert (caught.value.status, caught.value.needed) == (denial[0], FIX)
    assert list(github.branches.refs) == ["main"]


def test_the_pull_request_of_a_commit(github: FakeGitHub) -> None:
    for number in range(100, 205):
        github.pull_request(number, f"{number:040d}", commits=[SHA], fork=True)
    github.pull_request(5, SHA, state="closed")
    github.pull_request(7, SHA)
    assert repository(github).open_pull_request_of_commit(SHA) == 7
    assert github.count(PULLS) == 2


@pytest.mark.parametrize("denial", [(403, NOT_ACCESSIBLE), (404, "Not Found")])
def test_a_refusal(github: FakeGitHub, denial: tuple[int, str]) -> None:
    github.script = Script(rights=(GRAPHQL, LIST), denial=denial)
    with pytest.raises(GithubError) as caught:
        post(github, "x", 1)
    assert (caught.value.status, caught.value.needed) == (denial[0], WRITE)


def test_of_two_comments_with_one_key_one_is_deleted(github: FakeGitHub) -> None:
    for number in (1, 2):
        github.comment(7, comment.marker("CI / test", (number, 1)) + "\nold")
    assert post(github, "new", 3).kind == "update"
    assert [comment.text_of(body) for body in github.bodies(7)] == ["new"]
    assert github.count(DELETE, 204) == 1


def test_a_validation_error(github: FakeGitHub) -> None:
    with pytest.raises(GithubError, match="Body is too long") as caught:
        repository(github).create_comment(7, "x" * 65_537)
    assert caught.value.status == 422


PATH = ".github/least-privilege.yml"


@pytest.mark.parametrize("path", [PATH, "baseline.json"])
@pytest.mark.parametrize("ref", [BASE, ""])
def test_a_file_of_a_commit(github: FakeGitHub, path: str, ref: str) -> None:
    at = repository(github)
    assert at.file(path, ref) is None
    assert github.count(CONTENTS) == 2, "the file, and the root, which is there"
    github.commit({path: "version: 1 # ß 🔴"})
    assert at.file(path, ref) == "version: 1 # ß 🔴".encode()
    github.commit({path: b"x" * 2_000_000})
    assert at.file(path, ref) == b"x" * 2_000_000
    assert github.count(BLOB) == 1


@pytest.mark.parametrize(
    "files",
    [
        {f"{PATH}/inside": "x"},
        {f"{PATH}/more/inside": "x"},
        {PATH: Link("/etc/passwd")},
        {PATH: Submodule("https://github.com/octocat/other")},
    ],
)
def test_what_is_no_file_of_a_commit(github: FakeGitHub, files: dict[str, Any]) -> None:
    github.commit(files)
    with pytest.raises(NoFileError):
        repository(github).file(PATH, BASE)


@pytest.mark.parametrize("path", [PATH, "baseline.json"])
@pytest.mark.parametrize("missing", ["sha", "type", "download_url"])
def test_the_proxy_notices_a_file_that_breaks_the_contract(
    github: FakeGitHub, path: str, missing: str
) -> None:
    github.commit({path: "x"})
    github.script = Script(mangle=lambda _, answer: {k: v for k, v in answer.items() if k != missing})
    assert raw(github, "GET", f"/repos/{github.name}/contents/{path}")[0] == 500


@pytest.mark.parametrize("denial", [(403, NOT_ACCESSIBLE), (404, "Not Found")])
def test_a_refusal_to_show_a_file(github: FakeGitHub, denial: tuple[int, str]) -> None:
    github.commit({PATH: "x"})
    github.script = Script(rights=(LIST,), denial=denial)
    with pytest.raises(GithubError) as caught:
        repository(github).file(PATH, BASE)
    assert (caught.value.status, caught.value.needed) == (denial[0], CONTENTS_RIGHT)


def review(github: FakeGitHub, run: int, *lines: int) -> PostedReview:
    """Suggest something for lines of a pull request."""

    def proposed(head: str, diff: Mapping[str, DiffFile]) -> Proposed:
        return Proposed([Suggestion("a.yml", n, n + n % 2, ("x",), "Unused.", f"{n:016x}") for n in lines])

    draft = ReviewDraft("CI", (run, 1), SHA, frozenset({"a.yml"}), proposed)
    return suggest(repository(github), 7, draft)


def test_the_life_of_suggestions(github: FakeGitHub) -> None:
    content = Content(b"", b"".join(b"%d\n" % number for number in range(20)), status="added")
    many = {f"{number}.yml": content._replace(has_patch=False) for number in range(120)}
    pull = github.reviewed_pull(7, SHA, many | {"a.yml": content})
    pull.refused = {("a.yml", 6)}
    posted = review(github, 1, 2, 3, 6)
    assert posted.made == 2
    assert posted.url.startswith(f"{github.public_url}/{github.name}/pull/7#pullrequestreview-")
    again = review(github, 2, 2)
    assert (again.made, again.hidden) == (0, 1)
    assert {r.operation for r in github.requests} == {
        GRAPHQL,
        PULL,
        FILES,
        REVIEWS,
        REVIEW,
        THREADS,
        MINIMIZE,
    }


@pytest.mark.parametrize("missing", ["commit_id", "user", "_links"])
def test_the_proxy_notices_a_review_that_breaks_the_contract(github: FakeGitHub, missing: str) -> None:
    github.reviewed_pull(7, SHA, {}).reviews.append(StoredReview(1, "x", "someone", SHA))
    github.script = Script(
        mangle=lambda _, answer: [{k: v for k, v in r.items() if k != missing} for r in answer]
    )
    assert raw(github, "GET", f"/repos/{github.name}/pulls/7/reviews")[0] == 500
    assert raw(github, "POST", f"/repos/{github.name}/pulls/7/reviews", {"event": "PRAISE"})[0] == 422


def test_a_locked_pull_request(github: FakeGitHub) -> None:
    github.reviewed_pull(7, SHA, {"a.yml": Content(b"", b"1\n2\n")})
    github.script = Script(locked=(7,))
    with pytest.raises(GithubError, match="the conversation is locked"):
        review(github, 1, 1)
