"""The one comment that the action keeps up to date in a pull request.

It is found again by a marker in its first line, which names the key that tells several uses of the action
apart, and the run that wrote it; and by its author, so that nobody can have the action edit a comment of
theirs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from scanner.github.api import Comment, GithubError, Repository, without_bot
from scanner.github.commands import shortened

Mode = Literal["on-findings", "always", "never"]
Kind = Literal["create", "update", "keep", "skip"]
Run = tuple[int, int]
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
)
_PAUSES = (1.0, 2.0)


@dataclass(frozen=True)
class Action:
    """What becomes of the comment, and why."""

    kind: Kind
    reason: str


@dataclass(frozen=True)
class Posted:
    """What became of the comment: its address, if there is one, and what the log says of it."""

    kind: Kind
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


def marker(key: str, run: Run) -> str:
    """The first line of the comment; it is not shown."""
    return f'<!-- xray-privilege-scan key="{encoded_key(key)}" run="{run[0]}.{run[1]}" -->'


def run_of(body: str) -> Run | None:
    """The run that wrote a comment; None if the comment is not one of the action's."""
    match = _MARKER.match(body)
    return (int(match["run"]), int(match["attempt"])) if match else None


def text_of(body: str) -> str:
    """A comment as it compares: the marker, times, numbers of traces and the run's address do not count.

    These differ in every run, and say nothing new.
    """
    text = _MARKER.sub("", body, count=1) if run_of(body) else body
    return _PASSING.sub("", text).replace("\r\n", "\n").strip()


def find(comments: Iterable[Comment], key: str, author: str | None) -> Sequence[Comment]:
    """The action's own comments with this key, the newest first.

    `author` is the token's own account. Where it is not known, an app's comment counts as its own: people
    cannot write those.
    """
    wanted = encoded_key(key)
    own = [c for c in comments if _key_of(c.body) == wanted and _is_own(c, author)]
    return sorted(own, key=lambda comment: comment.id, reverse=True)


def _key_of(body: str) -> str | None:
    match = _MARKER.match(body)
    return match["key"] if match else None


def _is_own(comment: Comment, author: str | None) -> bool:
    if author is None:
        return comment.is_bot
    if comment.author is None:
        return False
    return without_bot(comment.author).lower() == without_bot(author).lower()


def decide(existing: Comment | None, body: str, *, run: Run, mode: Mode, has_findings: bool) -> Action:
    """What is to be done with the comment. Pure.

    A comment that is there is always brought up to date, so that it says so when everything is fixed. One
    that says the same already is left alone, its marker too: its run is then the first that said so.
    """
    if mode == "never":
        return Action("skip", "comments are switched off")
    if existing is None:
        if mode == "on-findings" and not has_findings:
            return Action("skip", "there is nothing to say, and no earlier comment to bring up to date")
        return Action("create", "there is no comment yet")
    if (run_of(existing.body) or (0, 0)) > run:
        return Action("keep", "a newer run wrote the comment")
    if text_of(existing.body) == text_of(body):
        return Action("keep", "the comment says the same already")
    return Action("update", "the comment was out of date")


def full_body(body: str, key: str, run: Run, limit: int = COMMENT_CHARACTERS) -> str:
    """The comment as it is sent, marker first; shortened, as a last resort, to what GitHub takes."""
    first = marker(key, run) + "\n"
    return first + shortened(body, limit - len(first), len, NOTE)


def post(
    repository: Repository,
    number: int,
    body: str,
    *,
    key: str,
    run: Run,
    mode: Mode = "on-findings",
    has_findings: bool,
) -> Posted:
    """Bring the comment of a pull request up to date. Raises GithubError where GitHub refuses."""
    if mode == "never":
        return Posted("skip", None, decide(None, body, run=run, mode=mode, has_findings=has_findings).reason)
    sent = full_body(body, key, run)
    author = repository.viewer_login()
    for pause in (*_PAUSES, None):
        own = find(repository.comments(number), key, author)
        action = decide(own[0] if own else None, sent, run=run, mode=mode, has_findings=has_findings)
        try:
            return _carry_out(repository, number, sent, action, own)
        except GithubError as error:
            # a comment whose creation failed half-way may be there all the same: look before trying again
            again = action.kind == "create" and error.is_passing and pause is not None
            if not again or not repository.pause(pause or 0):
                raise
    raise AssertionError("unreachable")


def _carry_out(
    repository: Repository, number: int, body: str, action: Action, own: Sequence[Comment]
) -> Posted:
    if action.kind == "create":
        return Posted("create", repository.create_comment(number, body).url, action.reason)
    if not own:
        return Posted(action.kind, None, action.reason)
    note = action.reason
    if len(own) > 1:
        note += f"; there are {len(own) - 1} older ones with the same key, which are left as they are"
    if action.kind == "update":
        return Posted("update", repository.update_comment(number, own[0].id, body).url, note)
    return Posted(action.kind, own[0].url, note)
