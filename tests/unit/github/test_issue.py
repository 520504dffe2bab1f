"""The life of the issue, over HTTP, at a GitHub that remembers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from scanner.github import api
from scanner.github.comment import marker, run_of, text_of
from scanner.github.errors import GithubError
from scanner.github.issue import IssueContent, IssueDraft, PostedIssue, keep_issue
from scanner.github.retry import RetryLimits
from tests.fakes.github import CREATE, GRAPHQL, LIST, USER, FakeGitHub, Script
from tests.fakes.github_issues import CREATE_ISSUE, LIST_ISSUES, UPDATE_ISSUE
from tests.unit.github.tools import QUICK, repository

TITLE = "Excessive AWS permissions (nightly)"
PATIENT = replace(QUICK, waits=60)


def content_of(findings: Iterable[str]) -> Callable[[str], IssueContent]:
    """The content of a run that found these: its body lists them, as the real one records them."""
    current = sorted(findings)

    def after(told: str) -> IssueContent:
        before = told_findings(told)
        new = [] if before is None else [name for name in current if name not in before]
        fixed = [name for name in before or () if name not in current]
        body = json.dumps(current)
        return IssueContent(
            body=body,
            news=body if new or fixed else "",
            has_new=bool(new),
            is_open=bool(current),
            is_clean=not current,
        )

    return after


def told_findings(body: str) -> list[str] | None:
    return [str(name) for name in json.loads(text_of(body))] if body else None


def draft(findings: Iterable[str], run: int, key: str = "nightly") -> IssueDraft:
    return IssueDraft(key, (run, 1), TITLE, content_of(findings))


def keep(github: FakeGitHub, findings: Iterable[str], run: int, limits: RetryLimits = PATIENT) -> PostedIssue:
    """Keep the issue as a run does that found these."""
    return keep_issue(repository(github, limits), draft(findings, run))


def events(github: FakeGitHub) -> list[str]:
    """The notifications, in order."""
    return [event for _, event in github.issues.notifications]


def open_issues(github: FakeGitHub) -> list[int]:
    return [issue.number for issue in github.issues.stored.values() if issue.state == "open"]


def only(github: FakeGitHub) -> tuple[str, str | None, list[str] | None]:
    """The state of the only issue, why, and what its body records."""
    (issue,) = github.issues.stored.values()
    return issue.state, issue.state_reason, told_findings(issue.body)


# -- its life


def test_twenty_nights(github: FakeGitHub) -> None:
    nights = [
        "",
        "ab",
        "ab",
        "ab",
        "abc",
        "abc",
        "bc",
        "bc",
        "",
        "",
        "d",
        "d",
        "de",
        "df",
        "",
        "",
        "",
        "a",
        "a",
        "",
    ]
    kinds = [keep(github, found, run).kind for run, found in enumerate(nights, 1)]
    assert kinds == [
        *("skip", "create", "update", "update", "comment", "update", "comment", "update", "close", "update"),
        *("reopen", "update", "comment", "comment", "close", "update", "update", "reopen", "update", "close"),
    ]
    assert events(github) == [
        *("opened", "commented", "commented", "closed", "reopened", "commented", "commented", "closed"),
        *("reopened", "closed"),
    ]
    (issue,) = github.issues.stored.values()
    assert run_of(issue.body) == (20, 1)
    assert (issue.title, issue.state, issue.state_reason) == (TITLE, "closed", "completed")


def test_the_address_of_the_issue(github: FakeGitHub) -> None:
    url = f"{github.url}/{github.name}/issues/20"
    assert keep(github, "", 1).url == ""
    assert [keep(github, found, run).url for run, found in enumerate(["a", "ab", "", "a"], 2)] == [url] * 4


def test_an_older_run_that_ends_later_changes_nothing(github: FakeGitHub) -> None:
    keep(github, "ab", 5)
    assert keep(github, "abc", 4).kind == "keep"
    assert keep(github, "", 3).kind == "keep"
    assert only(github) == ("open", None, ["a", "b"])
    assert events(github) == ["opened"]


def test_two_keys_have_an_issue_each(github: FakeGitHub) -> None:
    for run, key in enumerate(("staging", "production", "staging"), 1):
        keep_issue(repository(github), draft("a", run, key))
    assert len(open_issues(github)) == 2


# -- what people do


def test_what_a_person_closed_as_not_planned_stays_closed_until_something_is_new(github: FakeGitHub) -> None:
    keep(github, "ab", 1)
    github.issues.close(20, "not_planned")
    assert [keep(github, found, run).kind for run, found in enumerate(["ab", "a", "a"], 2)] == ["update"] * 3
    assert only(github) == ("closed", "not_planned", ["a"])
    assert keep(github, "ac", 5).kind == "reopen"
    assert events(github) == ["opened", "reopened"]


def test_what_is_closed_as_completed_and_still_there_opens_again(github: FakeGitHub) -> None:
    keep(github, "a", 1)
    github.issues.close(20, "completed")
    assert keep(github, "a", 2).kind == "reopen"
    github.issues.close(20, "completed")
    assert keep(github, "", 3).kind == "update"
    assert events(github) == ["opened", "reopened"]


def test_an_issue_that_was_deleted_or_moved_is_opened_anew_only_for_findings(github: FakeGitHub) -> None:
    keep(github, "a", 1)
    github.issues.delete(20)
    assert keep(github, "", 2).kind == "skip"
    assert keep(github, "a", 3).kind == "create"
    assert open_issues(github) == [21]


def test_an_issue_that_is_deleted_meanwhile(github: FakeGitHub) -> None:
    keep(github, "a", 1)
    github.script = Script(meanwhile={LIST_ISSUES: [lambda: github.issues.delete(20)]})
    assert keep(github, "ab", 2).kind == "create"
    assert open_issues(github) == [21]


def test_in_a_locked_issue_the_text_is_brought_up_to_date(github: FakeGitHub) -> None:
    keep(github, "a", 1)
    github.script = Script(locked=(20,))
    posted = keep(github, "ab", 2)
    assert "the conversation is locked" in posted.notes[1]
    assert only(github) == ("open", None, ["a", "b"])


def test_a_title_labels_and_assignees_are_set_once(github: FakeGitHub) -> None:
    wanted = replace(draft("a", 1), labels=("security",), assignees=("octocat",))
    keep_issue(repository(github), wanted)
    (issue,) = github.issues.stored.values()
    assert (issue.labels, issue.assignees) == (["security"], ["octocat"])
    issue.title, issue.labels, issue.assignees = "Ours", [], []
    keep_issue(repository(github), replace(wanted, run=(2, 1)))
    assert (issue.title, issue.labels, issue.assignees) == ("Ours", [], [])


# -- what is found


@pytest.mark.parametrize("viewer", ["my-app[bot]", "some-person", None])
@pytest.mark.parametrize("others", [0, 99, 250])
def test_the_own_issue_is_found_among_all_others(viewer: str | None, others: int) -> None:
    with FakeGitHub(viewer=viewer) as github:
        assert keep(github, "a", 1).kind == "create"
        for number in range(others):
            github.issues.add(f"Issue {number}", marker("nightly", (99, 1)), "mallory", "User")
            github.issues.add(f"Change {number}", "", viewer, is_pull_request=True)
        assert keep(github, "ab", 2).kind == "comment"
        assert keep(github, "", 3).kind == "close"


def test_the_issue_of_a_person_is_found_beside_those_of_an_app_of_that_name() -> None:
    with FakeGitHub(viewer="octocat") as github:
        github.issues.add("Of the app", "", "octocat[bot]")
        assert [keep(github, "a", run).kind for run in (1, 2)] == ["create", "update"]


def test_a_pull_request_is_no_issue(github: FakeGitHub) -> None:
    text = marker("nightly", (1, 1)) + '\n["a"]'
    github.issues.add("Change", text, github.viewer, is_pull_request=True)
    assert keep(github, "a", 2).kind == "create"


def test_somebody_else_s_marker_is_not_touched(github: FakeGitHub) -> None:
    text = marker("nightly", (99, 1)) + '\n["a"]'
    github.issues.add("Forged", text, "mallory", "User")
    keep(github, "a", 1)
    github.comment(21, text, author="mallory")
    keep(github, "a", 2)
    assert github.issues.stored[20].body == text
    assert run_of(github.issues.stored[21].body) == (2, 1)


@pytest.mark.parametrize("may_ask", [True, False])
def test_on_forgejo_and_gitea(may_ask: bool) -> None:
    with FakeGitHub(viewer="forgejo-actions", prefix="/api/v1", is_gitea=True) as github:
        more = (USER,) if may_ask else ()
        github.script = Script(rights=(*Script().rights, *more))
        at = api.repository(github.token, github.url, github.name, "", PATIENT)
        kinds = [keep_issue(at, draft(found, run)).kind for run, found in enumerate(["a", "ab", "", "c"], 1)]
        assert kinds == ["create", "comment", "close", "reopen"]
        github.issues.close(20, None)
        assert keep_issue(at, draft("c", 9)).kind == "update", "why it was closed is not known"


def test_a_server_of_one_s_own() -> None:
    with FakeGitHub(prefix="/api/v3") as github:
        assert keep(github, "a", 1).url.endswith("/octocat/notes-app/issues/20")
        assert {r.path.partition("?")[0] for r in github.requests if r.operation == LIST_ISSUES} == {
            "/api/v3/repos/octocat/notes-app/issues"
        }


# -- what is refused


@pytest.mark.parametrize(
    ("labels", "assignable", "set_labels", "set_assignees", "missing"),
    [
        (set(), None, [], ["octocat"], "label `security`"),
        ({"security"}, set(), ["security"], [], "assignee `octocat`"),
        (set(), set(), [], [], "label `security`, assignee `octocat`"),
        (None, None, ["security"], ["octocat"], ""),
    ],
)
def test_a_label_or_assignee_that_is_refused_never_loses_the_issue(
    github: FakeGitHub,
    labels: set[str] | None,
    assignable: set[str] | None,
    set_labels: list[str],
    set_assignees: list[str],
    missing: str,
) -> None:
    github.issues.labels, github.issues.assignable = labels, assignable
    posted = keep_issue(
        repository(github), replace(draft("a", 1), labels=("security",), assignees=("octocat",))
    )
    (issue,) = github.issues.stored.values()
    assert (issue.labels, issue.assignees) == (set_labels, set_assignees)
    assert bool(posted.notes[1:]) == bool(missing) and missing in "".join(posted.notes)
    assert events(github) == ["opened"]


def test_labels_that_github_drops_without_an_error_are_named(github: FakeGitHub) -> None:
    github.issues.drops_labels = True
    posted = keep_issue(repository(github), replace(draft("a", 1), labels=("security",)))
    assert posted.notes[1:] == ("GitHub did not set label `security`",)


@pytest.mark.parametrize("denial", [(403, "Resource not accessible by integration"), (404, "Not Found")])
@pytest.mark.parametrize("rights", [(GRAPHQL,), (GRAPHQL, LIST, LIST_ISSUES)])
def test_a_token_that_may_not_names_the_missing_right(
    github: FakeGitHub, denial: tuple[int, str], rights: tuple[str, ...]
) -> None:
    github.script = Script(rights=rights, denial=denial)
    with pytest.raises(GithubError) as caught:
        keep_issue(repository(github), replace(draft("a", 1), labels=("security",)))
    assert caught.value.needed == "permissions: issues: write"
    assert "the job needs `permissions: issues: write`" in str(caught.value)


def test_a_comment_that_is_refused_names_the_right_for_issues(github: FakeGitHub) -> None:
    keep(github, "a", 1)
    github.script = Script(rights=(GRAPHQL, LIST, LIST_ISSUES, UPDATE_ISSUE))
    with pytest.raises(GithubError, match="issues: write"):
        keep(github, "ab", 2)
    assert only(github) == ("open", None, ["a"]), "nobody was told, so that a later run tells"


@pytest.mark.parametrize(
    ("archived", "why"), [(True, "the repository is archived"), (False, "issues switched off")]
)
def test_a_repository_without_issues_or_archived(github: FakeGitHub, archived: bool, why: str) -> None:
    github.issues.is_archived, github.issues.is_disabled = archived, not archived
    with pytest.raises(GithubError, match=why) as caught:
        keep(github, "a", 1)
    assert caught.value.needed == ""


def test_a_title_that_is_too_long_is_cut(github: FakeGitHub) -> None:
    keep_issue(repository(github), replace(draft("a", 1), title="t" * 300))
    assert [len(issue.title) for issue in github.issues.stored.values()] == [256]


# -- what fails half-way


@pytest.mark.parametrize("failure", [502, 0])
@pytest.mark.parametrize("operation", [CREATE_ISSUE, CREATE, UPDATE_ISSUE])
@pytest.mark.parametrize("found", ["ab", ""])
def test_what_was_done_and_failed_all_the_same_is_not_done_twice(
    github: FakeGitHub, failure: int, operation: str, found: str
) -> None:
    if operation != CREATE_ISSUE:
        keep(github, "a", 1)
    before = len(events(github))
    github.script = Script(failure=failure, fail_after={operation: 1})
    keep(github, found, 2)
    assert len(events(github)) - before == (found != "" or operation != CREATE_ISSUE)
    assert len(open_issues(github)) == bool(found)


def test_a_run_that_ends_between_comment_and_text_has_told(github: FakeGitHub) -> None:
    keep(github, "a", 1)
    github.script = Script(fail={UPDATE_ISSUE: 99})
    with pytest.raises(GithubError):
        keep(github, "ab", 2)
    assert only(github) == ("open", None, ["a"])
    github.script = Script()
    assert keep(github, "ab", 3).kind == "update"
    assert events(github) == ["opened", "commented"]
    github.script = Script(fail={UPDATE_ISSUE: 99})
    with pytest.raises(GithubError):
        keep(github, "abc", 4)
    github.script = Script()
    assert keep(github, "ab", 5).kind == "comment", "everybody was told of c, which is gone"


# -- several at once


@pytest.mark.parametrize("runs", [(1, 2), (2, 1), (1, 1)])
def test_two_runs_at_once_leave_one_issue(runs: tuple[int, int]) -> None:
    with FakeGitHub() as github:
        both = threading.Barrier(2, timeout=10).wait
        # the account has no issues yet: both ask for the app's, and for the person's
        github.script = Script(meanwhile={LIST_ISSUES: [both] * 4 + [lambda: None] * 20})
        jobs = [threading.Thread(target=keep, args=(github, str(run), run)) for run in runs]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        assert open_issues(github) == [20]
        assert told_findings(github.issues.stored[20].body) == [str(max(runs))]
        github.script = Script()
        assert keep(github, str(max(runs)), 3).kind == "update"


@pytest.mark.parametrize("reasons", [("completed", "not_planned", "duplicate"), ("completed", "not_planned")])
def test_of_several_the_oldest_stays_and_the_others_are_closed_as_duplicates(
    github: FakeGitHub, reasons: tuple[str, ...]
) -> None:
    github.issues.reasons = reasons
    for run in (1, 3, 2):
        github.issues.add(TITLE, marker("nightly", (run, 1)) + f'\n["{run}"]', github.viewer)
    assert keep(github, "3", 2).kind == "keep"
    assert open_issues(github) == [20]
    assert told_findings(github.issues.stored[20].body) == ["3"]
    others = [github.issues.stored[number] for number in (21, 22)]
    assert {(other.body, other.state_reason) for other in others} == {("Duplicate of #20", reasons[-1])}
