"""The one comment that the action keeps up to date in a pull request.

It is found again by a marker in its first line, which names the key that tells several uses of the action
apart, and the run that wrote it; and by its author, so that nobody can have the action edit a comment of
theirs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import quote

from scanner.github.commands import shortened
from scanner.github.errors import GithubError
from scanner.github.model import Comment, without_bot

if TYPE_CHECKING:
    from scanner.github.api import Repository

C = TypeVar("C", bound=Comment)

CommentMode = Literal["on-findings", "always", "never"]
CommentActionKind = Literal["create", "update", "keep", "skip"]
RunId = tuple[int, int]
"""GITHUB_RUN_ID and GITHUB_RUN_ATTEMPT"""

COMMENT_CHARACTERS = 65_536
"""GitHub's limit for a comment, in characters (code points), not bytes."""

NOTE = "*The rest did not fit into a comment: the run's summary holds all of it.*"

_LONGEST_KEY = 200
_MARKER = re.compile(
    r'<!-- xray-privilege-scan key="(?P<key>[^"\s<>]*)" run="(?P<run>\d{1,20})\.(?P<attempt>\d{1,9})" -->'
)
_PASSING = re.compile(
    r"\d[\d,]* (?:traces?|AWS calls?)|\d{4}-\d\d-\d\d \d\d(?::|&#58;)\d\d|/actions/runs/\d+"
    # what the ledger's other runs saw
    r"|\*\*Since the last run\*\*[^\n]*"
)
PAUSES = (1.0, 2.0)
"""Seconds before another look at what is there, where something failed half-way."""


@dataclass(frozen=True)
class CommentDraft:
    """What a run would have the comment say. `key` tells several uses of the action apart."""

    body: str
    key: str
    run: RunId
    mode: CommentMode = "on-findings"
    has_findings: bool = True


@dataclass(frozen=True)
class CommentAction:
    """What becomes of the comment, and why."""

    kind: CommentActionKind
    reason: str


@dataclass(frozen=True)
class Posted:
    """What became of the comment: its address, if there is one, and a note for the log."""

    kind: CommentActionKind
    url: str | None
    note: str


def encoded_key(key: str) -> str:
    """A key as it stands in the marker: different keys are never spelled alike, and none can end the comment.

    Percent-encoded, so that neither quotes nor brackets nor line ends are left; a `-` after another too,
    since `--` may not stand in an HTML comment. A very long one keeps its beginning and gets a hash.
    """
    encoded = quote(key, safe="", errors="surrogatepass").replace("~", "%7E").replace("--", "-%2D")
    if len(encoded) <= _LONGEST_KEY:
        return encoded
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{encoded[: _LONGEST_KEY - len(digest) - 1]}~{digest}"


def marker(key: str, run: RunId) -> str:
    """The first line of the comment; it is not shown."""
    return f'<!-- xray-privilege-scan key="{encoded_key(key)}" run="{run[0]}.{run[1]}" -->'


def run_of(body: str) -> RunId | None:
    """The run that wrote a comment; None if the comment is not one of the action's."""
    match = _MARKER.match(body)
    return (int(match["run"]), int(match["attempt"])) if match else None


def text_of(body: str) -> str:
    """A comment as it compares: the marker, times, numbers of traces and the run's address do not count.

    These differ in every run, and say nothing new; so does the line on the last run of the ledger.
    """
    text = _MARKER.sub("", body, count=1) if run_of(body) else body
    return _PASSING.sub("", text).replace("\r\n", "\n").strip()


def find(comments: Iterable[C], key: str, author: str | None) -> Sequence[C]:
    """The action's own comments (or issues) with this key, the oldest first: that one stays of several.

    `author` is the token's own account. Where it is not known, an app's comment counts as its own: people
    cannot write those.
    """
    encoded = encoded_key(key)
    matching = [c for c in comments if _key_of(c.body) == encoded and is_own(c, author)]
    return sorted(matching, key=lambda comment: comment.id)


def latest(own: Sequence[C]) -> C | None:
    """Of several comments the one that the newest run wrote."""
    return max(own, key=lambda comment: (run_of(comment.body) or (0, 0), comment.id), default=None)


def _key_of(body: str) -> str | None:
    match = _MARKER.match(body)
    return match["key"] if match else None


def is_own(comment: Comment, author: str | None) -> bool:
    """Whether a comment is the action's. `author` is the token's own account, None where it is not known."""
    if author is None:
        return comment.is_bot
    if comment.author is None:
        return False
    return without_bot(comment.author).lower() == without_bot(author).lower()


def comment_action(existing: Comment | None, draft: CommentDraft) -> CommentAction:
    """What is to be done with the comment. Pure.

    A comment that is there is always brought up to date, so that it says so when everything is fixed. One
    that says the same already is left alone, its marker too: its run is then the first that said so.
    """
    if draft.mode == "never":
        return CommentAction("skip", "comments are switched off")
    if existing is None:
        if draft.mode == "on-findings" and not draft.has_findings:
            return CommentAction("skip", "nothing to report, and no earlier comment to update")
        return CommentAction("create", "there is no comment yet")
    if (run_of(existing.body) or (0, 0)) > draft.run:
        return CommentAction("keep", "a newer run wrote the comment")
    if text_of(existing.body) == text_of(full_body(draft)):
        return CommentAction("keep", "the comment says the same already")
    return CommentAction("update", "the comment was out of date")


def full_body(draft: CommentDraft, limit: int = COMMENT_CHARACTERS) -> str:
    """The comment as it is sent, marker first; shortened, as a last resort, to what GitHub takes."""
    first = marker(draft.key, draft.run) + "\n"
    return first + shortened(draft.body, limit - len(first), len, NOTE)


def post(
    repository: Repository, number: int, draft: CommentDraft, body_after: Callable[[str], str] | None = None
) -> Posted:
    """Bring the comment of a pull request up to date. Raises GithubError where GitHub refuses.

    `body_after` makes the body where there is a comment already, given what that says.
    """
    if draft.mode == "never":
        return Posted("skip", None, comment_action(None, draft).reason)
    author = repository.viewer_login()
    for pause in (*PAUSES, None):
        own = find(repository.comments(number), draft.key, author)
        newest = latest(own)
        if newest and body_after:
            draft = replace(draft, body=body_after(newest.body))
        action = comment_action(newest, draft)
        try:
            return _carry_out(repository, number, action, draft, own)
        except GithubError as error:
            again = pause is not None and _may_end_otherwise(action, error)
            if not again or not repository.pause(pause or 0):
                raise
    raise AssertionError("unreachable")


def _may_end_otherwise(action: CommentAction, error: GithubError) -> bool:
    """Whether another look at the comments may help.

    A comment whose creation failed half-way may be there all the same. One that was deleted meanwhile is not.
    """
    return error.is_passing if action.kind == "create" else error.status == 404


def _carry_out(
    repository: Repository, number: int, action: CommentAction, draft: CommentDraft, own: Sequence[Comment]
) -> Posted:
    body = full_body(draft)
    if action.kind == "create":
        created = repository.create_comment(number, body)
        own = _look_again(repository, number, draft.key, created)
        body = _body_of(own)
    elif not own:
        return Posted(action.kind, None, action.reason)
    elif action.kind == "keep":
        body = _body_of(own)
    kept = _merged(repository, number, own, body)
    more = f"; {len(own) - 1} more with the same key: only the oldest stays" if len(own) > 1 else ""
    return Posted(action.kind, kept.url, action.reason + more)


def _body_of(own: Sequence[Comment]) -> str:
    newest = latest(own)
    return newest.body if newest else ""


def _look_again(repository: Repository, number: int, key: str, created: Comment) -> Sequence[Comment]:
    """The own comments after one was created: another job with the same key may have created one as well."""
    try:
        return find(repository.comments(number), key, created.author) or [created]
    except GithubError:
        return [created]  # the comment is there; a later run finds what this one cannot list


def _merged(repository: Repository, number: int, own: Sequence[Comment], body: str) -> Comment:
    """The oldest of the own comments with this text, without the others. All jobs agree on the oldest."""
    kept, *others = own
    if kept.body != body:
        try:
            kept = repository.update_comment(number, kept.id, body)
        except GithubError as error:
            if error.status != 404 or not others:
                raise
            return _merged(repository, number, others, body)
    for other in others:
        if other.author == kept.author:
            _delete(repository, number, other, body)
    return kept


def _delete(repository: Repository, number: int, comment: Comment, body: str) -> None:
    """Delete a comment; where that is refused, it says at least what the other one says."""
    try:
        repository.delete_comment(number, comment.id)
    except GithubError as error:
        if error.status != 404 and comment.body != body:
            with suppress(GithubError):
                repository.update_comment(number, comment.id, body)
