"""Suggested changes on lines of a pull request: one review a run, each suggestion once.

The text of a review names, in its first line, which suggestions it made: that stays when somebody deletes
one, which is then not made again. A suggestion names itself in its own first line. Both count only as texts
of the token's own account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from scanner.github.comment import PAUSES, RunId, encoded_key, is_own
from scanner.github.errors import GithubError
from scanner.github.model import Comment, Thread
from scanner.text.escape import counted, fence_for

if TYPE_CHECKING:
    from scanner.github.api import Repository
    from scanner.github.diff import DiffFile
    from scanner.github.pull_reviews import PullReviews

SuggestMode = Literal["on-findings", "never"]

CHANGED = 409
"""The status of an error: the pull request changed while it was reviewed."""

MOST_SUGGESTIONS = 10
LONGEST_SUGGESTION = 60_000
"""Characters, of the 65,536 that a comment may have."""

_REVIEW = re.compile(
    r'<!-- xray-privilege-scan review key="(?P<key>[^"\s<>]*)" run="(?P<run>\d{1,20})\.(?P<attempt>\d{1,9})" '
    r'suggestions="(?P<digests>[0-9a-f ]*)" -->'
)
_SUGGESTION = re.compile(
    r'<!-- xray-privilege-scan suggestion key="(?P<key>[^"\s<>]*)" digest="(?P<digest>[0-9a-f]+)" -->'
)


@dataclass(frozen=True)
class Suggestion:
    """Lines to put in the place of others of the head, from `first` to `last`, and why, as Markdown.

    `digest` stays the same as long as it suggests the same.
    """

    path: str
    first: int
    last: int
    lines: tuple[str, ...]
    why: str
    digest: str

    def comment(self, key: str) -> dict[str, Any]:
        """The comment of the review."""
        text = "\n".join(self.lines)
        fence = fence_for(text)
        marker = f'<!-- xray-privilege-scan suggestion key="{encoded_key(key)}" digest="{self.digest}" -->'
        given = {
            "path": self.path,
            "line": self.last,
            "side": "RIGHT",
            "body": f"{marker}\n{self.why}\n\n{fence}suggestion\n{text}\n{fence}",
        }
        # GitHub refuses a start that is the end
        return given | ({"start_line": self.first, "start_side": "RIGHT"} if self.first < self.last else {})


class Proposed(NamedTuple):
    """Suggestions, the most important first; paths of which is not known what is to be suggested; notes."""

    suggestions: Sequence[Suggestion] = ()
    unsure: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReviewDraft:
    """What a run suggests. `head` is the commit that it is about, empty where it is not known.

    `paths` are the files with something to suggest; `proposed` makes the suggestions, given the head and the
    diff of these files. `more` says where the rest is.
    """

    key: str
    run: RunId
    head: str
    paths: frozenset[str]
    proposed: Callable[[str, Mapping[str, DiffFile]], Proposed]
    more: str = ""


@dataclass(frozen=True)
class PostedReview:
    """How many suggestions were made and how many hidden; notes for the log, as why there are none."""

    url: str = ""
    made: int = 0
    hidden: int = 0
    notes: tuple[str, ...] = ()


class Plan(NamedTuple):
    """The suggestions to make, and the conversations to hide."""

    new: tuple[Suggestion, ...]
    stale: tuple[Thread, ...]


def plan(proposed: Proposed, said: frozenset[str], threads: Mapping[str, Sequence[Thread]]) -> Plan:
    """What is to be made, and what hidden. Pure.

    `said` are the digests of what was suggested before, `threads` the own conversations that are there, by
    digest. What stands there, was resolved or deleted is not suggested again; what lost its lines is.
    """
    first = proposed.suggestions[:MOST_SUGGESTIONS]
    new = tuple(s for s in first if s.digest not in said or _lost_its_lines(threads.get(s.digest, ())))
    wanted = {suggestion.digest for suggestion in proposed.suggestions}
    stale: list[Thread] = []
    for digest, its in threads.items():
        left = [t for t in its if not (t.is_minimized or t.is_resolved)]
        kept = next((t for t in left if not t.is_outdated), None) if digest in wanted else None
        stale += [t for t in left if t is not kept]
    return Plan(new, tuple(stale))


def _lost_its_lines(threads: Sequence[Thread]) -> bool:
    """Whether all that is left of a suggestion cannot be applied any more, and nobody resolved it."""
    return bool(threads) and all(t.is_outdated and not t.is_resolved for t in threads)


def suggest(repository: Repository, number: int, draft: ReviewDraft) -> PostedReview:
    """Review a pull request. Raises GithubError where GitHub refuses."""
    author = repository.viewer_login()
    reviews = repository.reviews_of(number)
    pull = reviews.pull()
    if not pull.is_open:
        return PostedReview(notes=("the pull request is closed",))
    if draft.head and draft.head != pull.head:
        return PostedReview(notes=("the pull request has a newer commit, whose run suggests",))
    for pause in (*PAUSES, None):
        try:
            return _Review(reviews, draft, pull.head, author).post()
        except GithubError as error:
            # what failed half-way may be done: another look tells
            if not error.is_passing or pause is None or not repository.pause(pause):
                raise
    raise AssertionError("unreachable")


class _Review:
    """One look at what is there, and what it takes to bring it up to date."""

    def __init__(self, reviews: PullReviews, draft: ReviewDraft, head: str, author: str | None) -> None:
        self._reviews = reviews
        self._draft = draft
        self._head = head
        self._author = author
        self._made: list[Comment] = []
        self._suggested = 0
        self._notes: list[str] = []

    def post(self) -> PostedReview:
        """Make what is new and hide what is outdated."""
        own = list(_own_reviews(self._reviews.texts(), self._author))
        key = encoded_key(self._draft.key)
        if any(review.key == key and review.run > self._draft.run for review in own):
            return PostedReview(notes=("a newer run made suggestions",))
        proposed = self._proposed()
        self._notes += proposed.notes
        said = frozenset(digest for review in own for digest in review.digests)
        threads = self._threads() if own else {}
        its = plan(proposed, said, threads)
        self._make(its.new)
        if self._suggested < len(its.new):
            refused = counted(len(its.new) - self._suggested, "suggestion")
            self._notes.append(
                f"GitHub refused {refused}, whose lines it does not take for lines of the diff"
            )
        left = len(proposed.suggestions) - len(its.new)
        if left:
            self._notes.append(f"{left} more were made before, or are beyond the first {MOST_SUGGESTIONS}")
        hidden = self._hide([thread for thread in its.stale if _is_of(thread, key, proposed.unsure)])
        url = self._made[0].url if self._made else ""
        return PostedReview(url, self._suggested, hidden, tuple(self._notes))

    def _proposed(self) -> Proposed:
        if not self._draft.paths:
            return Proposed()
        return self._draft.proposed(self._head, self._reviews.diff(self._draft.paths))

    def _threads(self) -> dict[str, list[Thread]]:
        """The own conversations by digest."""
        by_digest: dict[str, list[Thread]] = {}
        try:
            found = self._reviews.threads()
        except GithubError as error:
            self._notes.append(f"nothing is hidden: {error}")
            return by_digest
        for thread in found:
            match = _SUGGESTION.match(thread.comment.body)
            if match and is_own(thread.comment, self._author):
                by_digest.setdefault(match["digest"], []).append(thread)
        return by_digest

    def _make(self, suggestions: Sequence[Suggestion]) -> None:
        """Make suggestions in one review; where GitHub refuses one, those without it in as few as it takes.

        It refuses the whole review, and does not say for which line.
        """
        if not suggestions:
            return
        try:
            self._made.append(self._create(suggestions))
        except GithubError as error:
            if error.status != 422 or "pending review" in error.message:
                raise
            if self._is_moved():
                raise GithubError(
                    CHANGED, "", "the pull request changed meanwhile: its next run suggests"
                ) from None
            half = len(suggestions) // 2
            for part in (suggestions[:half], suggestions[half:]) if half else ():
                self._make(part)
        else:
            self._suggested += len(suggestions)

    def _create(self, suggestions: Sequence[Suggestion]) -> Comment:
        draft = self._draft
        digests = " ".join(suggestion.digest for suggestion in suggestions)
        run = f"{draft.run[0]}.{draft.run[1]}"
        marker = (
            f'<!-- xray-privilege-scan review key="{encoded_key(draft.key)}" run="{run}" '
            f'suggestions="{digests}" -->'
        )
        body = f"{marker}\n{_body(len(suggestions), draft.more)}"
        comments = [suggestion.comment(draft.key) for suggestion in suggestions]
        return self._reviews.create(self._head, body, comments)

    def _is_moved(self) -> bool:
        """Whether the pull request is no longer as it was when the lines were looked up."""
        pull = self._reviews.pull()
        return not pull.is_open or pull.head != self._head

    def _hide(self, threads: Sequence[Thread]) -> int:
        """Hide conversations; what GitHub refuses is a note. How many were hidden."""
        hidden = 0
        for thread in threads:
            try:
                self._reviews.minimize(thread.node)
            except GithubError as error:
                self._notes.append(str(error))
                break
            hidden += 1
        return hidden


def _is_of(thread: Thread, key: str, unsure: frozenset[str]) -> bool:
    """Whether a conversation is one of this key, in a file of which is known what is to be suggested."""
    match = _SUGGESTION.match(thread.comment.body)
    return match is not None and match["key"] == key and thread.path not in unsure


class _OwnReview(NamedTuple):
    key: str
    run: RunId
    digests: tuple[str, ...]


def _own_reviews(texts: Iterable[Comment], author: str | None) -> Iterable[_OwnReview]:
    for text in texts:
        match = _REVIEW.match(text.body)
        if match and is_own(text, author):
            run = (int(match["run"]), int(match["attempt"]))
            yield _OwnReview(match["key"], run, tuple(match["digests"].split()))


def _body(number: int, more: str) -> str:
    """The text of a review: GitHub asks for one."""
    how = (
        f"{number} suggestions take them away, alone or as a batch" if number > 1 else "this takes them away"
    )
    return f"Permissions that no call was seen to use: {how}. {more}".strip()
