"""The one issue that the action keeps up to date in a repository, for runs of no pull request.

It is found again as the comment is: by the marker in its first line, and by its author. Whoever watches it
gets a mail when it is opened, closed, opened again, and at each comment, not when its text changes. So a run
does at most one of the four: what a closed or reopened issue is about stands in its text, which changes in
the same request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scanner.github.comment import PAUSES, CommentDraft, RunId, find, full_body, latest, run_of
from scanner.github.errors import GithubError
from scanner.github.failures import ISSUES
from scanner.github.model import Comment, Issue

if TYPE_CHECKING:
    from scanner.github.api import Repository

IssueMode = Literal["never", "on-findings"]
IssueActionKind = Literal["create", "comment", "update", "close", "reopen", "keep", "skip"]

LONGEST_TITLE = 256

_STATES: Mapping[IssueActionKind, tuple[str, str]] = {
    "close": ("closed", "completed"),
    "reopen": ("open", "reopened"),
}


@dataclass(frozen=True)
class IssueContent:
    """What a run would have the issue say, after what it said before.

    `news` is what is new or fixed since, as a comment; empty where nothing is. `is_open`: there are findings;
    `is_clean`: there are none, not even some that the run could not see.
    """

    body: str
    news: str = ""
    has_new: bool = False
    is_open: bool = False
    is_clean: bool = False


@dataclass(frozen=True)
class IssueDraft:
    """The issue of a run. `key` tells several uses of the action apart.

    Title, labels and assignees are those of a new issue: people may change them later. `content_after` makes
    the content, given what was told last, empty where nothing was.
    """

    key: str
    run: RunId
    title: str
    content_after: Callable[[str], IssueContent]
    labels: Sequence[str] = ()
    assignees: Sequence[str] = ()

    def text(self, text: str) -> str:
        """A text as it is sent, with the marker."""
        return full_body(CommentDraft(text, self.key, self.run))


@dataclass(frozen=True)
class IssueAction:
    """What becomes of the issue, and why."""

    kind: IssueActionKind
    reason: str


@dataclass(frozen=True)
class PostedIssue:
    """What became of the issue: its address, if there is one, and notes for the log."""

    kind: IssueActionKind
    url: str
    notes: tuple[str, ...]


def issue_action(existing: Issue | None, told: RunId, draft_run: RunId, content: IssueContent) -> IssueAction:
    """What is to be done with the issue. `told` is the run that last told something. Pure."""
    if existing is None:
        if content.is_open:
            return IssueAction("create", "there is no issue yet")
        return IssueAction("skip", "nothing to report, and no earlier issue to update")
    if told > draft_run:
        return IssueAction("keep", "a newer run wrote the issue")
    if existing.is_open:
        if content.is_clean:
            return IssueAction("close", "nothing is left")
        if content.news:
            return IssueAction("comment", "something is new or fixed")
        return IssueAction("update", "nothing is new or fixed")
    if content.has_new:
        return IssueAction("reopen", "something new was found")
    if content.is_open and existing.state_reason == "completed":
        return IssueAction("reopen", "it was closed as completed, and is still found")
    if content.is_open:
        return IssueAction("update", "somebody closed it, and nothing is new: it stays closed")
    return IssueAction("update", "it is closed, and nothing was found")


def keep_issue(repository: Repository, draft: IssueDraft) -> PostedIssue:
    """Bring the issue up to date. Raises GithubError where GitHub refuses."""
    author = repository.viewer_login()
    for pause in (*PAUSES, None):
        own = find(repository.issues(author), draft.key, author)
        try:
            return _carry_out(repository, draft, own, author)
        except GithubError as error:
            again = pause is not None and _may_end_otherwise(error)
            if not again or not repository.pause(pause or 0):
                raise
    raise AssertionError("unreachable")


def _may_end_otherwise(error: GithubError) -> bool:
    """Whether another look may help: what failed half-way may be done, what was deleted meanwhile is gone."""
    is_gone = error.status == 404 or (error.status == 410 and "deleted" in error.message)
    return error.is_passing or is_gone


def _carry_out(
    repository: Repository, draft: IssueDraft, own: Sequence[Issue], author: str | None
) -> PostedIssue:
    existing = own[0] if own else None
    told = _told_last(repository, draft.key, own, author)
    content = draft.content_after(told.body if told else "")
    run = (run_of(told.body) if told else None) or (0, 0)
    action = issue_action(existing, run, draft.run, content)
    notes = [action.reason]
    if action.kind == "create":
        created, refused = _create(repository, draft, draft.text(content.body))
        own = _look_again(repository, draft.key, created, author)
        notes += refused
        _renew(repository, own)
    elif existing is None:
        return PostedIssue(action.kind, "", tuple(notes))
    elif action.kind == "keep":
        _renew(repository, own)
    else:
        notes += _comment(repository, existing, draft, content) if action.kind == "comment" else []
        state, reason = _STATES.get(action.kind, ("", ""))
        repository.update_issue(existing.id, draft.text(content.body), state, reason)
    notes += _close_duplicates(repository, own)
    return PostedIssue(action.kind, own[0].url, tuple(notes))


def _told_last(repository: Repository, key: str, own: Sequence[Issue], author: str | None) -> Comment | None:
    """What the newest run told: an issue's text, or a comment whose run did not come to change the text."""
    if not own:
        return None
    comments = find(repository.comments(own[0].id, ISSUES), key, author)
    told: list[Comment] = [*comments, *own]
    return max(told, key=lambda text: run_of(text.body) or (0, 0))


def _create(repository: Repository, draft: IssueDraft, body: str) -> tuple[Issue, list[str]]:
    """A new issue, without the labels and assignees that GitHub refuses, and what it refused."""
    title, refusal = draft.title[:LONGEST_TITLE], None
    for labels, assignees in _fewer(draft):
        try:
            created = repository.create_issue(title, body, labels, assignees)
        except GithubError as error:
            if error.status not in (403, 422) or not (labels or assignees):
                raise
            refusal = refusal or error
            continue
        missing = _missing(draft, created)
        why = f" ({refusal})" if refusal and missing else ""
        return created, [f"GitHub did not set {', '.join(missing)}{why}"] if missing else []
    raise AssertionError("unreachable")


def _fewer(draft: IssueDraft) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Labels and assignees, then less and less of them."""
    tries = ((draft.labels, draft.assignees), (draft.labels, ()), ((), draft.assignees), ((), ()))
    yield from dict.fromkeys((tuple(labels), tuple(assignees)) for labels, assignees in tries)


def _missing(draft: IssueDraft, created: Issue) -> list[str]:
    labels, assignees = ({name.lower() for name in names} for names in (created.labels, created.assignees))
    return [
        *(f"label `{name}`" for name in draft.labels if name.lower() not in labels),
        *(f"assignee `{name}`" for name in draft.assignees if name.lower() not in assignees),
    ]


def _comment(repository: Repository, issue: Issue, draft: IssueDraft, content: IssueContent) -> list[str]:
    """Comment on the issue, before its text changes: a run that ends between has told what changed.

    In the comment stands what the text will record, so that a later run knows. What a locked conversation
    keeps out is a note.
    """
    try:
        repository.create_comment(issue.id, draft.text(content.news), ISSUES)
    except GithubError as error:
        if error.status == 403 and not error.needed and "locked" in error.message:
            return [str(error)]
        raise
    return []


def _look_again(repository: Repository, key: str, created: Issue, author: str | None) -> Sequence[Issue]:
    """The own issues after one was created: another job with the same key may have created one as well."""
    try:
        found = find(repository.issues(author), key, created.author)
    except GithubError:
        return [created]  # the issue is there; a later run finds what this one cannot list
    return found if any(issue.id == created.id for issue in found) else [*found, created]


def _renew(repository: Repository, own: Sequence[Issue]) -> None:
    """Have the oldest of the own issues say what the newest run found."""
    newest = latest(own)
    if newest and newest.body != own[0].body:
        repository.update_issue(own[0].id, newest.body)


def _close_duplicates(repository: Repository, own: Sequence[Issue]) -> list[str]:
    """Close all but the oldest. They lose the marker, and so are never found again."""
    kept, *others = own
    others = [other for other in others if other.author == kept.author]
    for other in others:
        text = f"Duplicate of #{kept.id}"
        try:
            repository.update_issue(other.id, text, *(("closed", "duplicate") if other.is_open else ()))
        except GithubError as error:
            if error.status == 422:  # older servers do not know the reason
                repository.update_issue(other.id, text, "closed", "not_planned")
            elif error.status not in (404, 410):
                raise
    return [f"{len(others)} more with the same key: only the oldest stays"] if others else []
