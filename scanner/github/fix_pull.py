"""The one pull request that the action keeps up to date with edits that remove what nobody used.

It is found again by its branch, by the marker in its first line, and by its author. Its branch is replaced
as a whole, on top of the default branch, as long as all commits on it are the action's own. The new commit is
made on a branch of the run: a branch that is first moved back to its base has no change for a moment, and
GitHub closes its pull request for good (DataDog/dd-trace-rb#6204).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from scanner.github.comment import (
    PAUSES,
    CommentDraft,
    RunId,
    encoded_key,
    find,
    full_body,
    run_of,
    text_of,
)
from scanner.github.errors import GithubError, MovedError
from scanner.github.failures import FIX
from scanner.github.model import FixPull, without_bot

if TYPE_CHECKING:
    from scanner.github.api import Repository
    from scanner.github.branches import Base, BranchCommit

FixMode = Literal["never", "on-findings"]
FixActionKind = Literal["create", "renew", "update", "keep", "wait", "leave", "close", "tidy", "skip"]

HEADLINE = "Remove AWS permissions that nobody used"
TRAILER = "Xray-Privilege-Scan-Key"
"""The line of a commit's message that tells the action's own commits, and their key."""

_BRANCH = "xray-privilege-scan/fix/"
_MAKING = "xray-privilege-scan/making/"
_LONGEST_NAME = 60
_HASH_DIGITS = 12
_STATE = re.compile(
    r'<!-- xray-privilege-scan fix="(?P<state>open|left|obsolete)" edits="(?P<edits>[0-9a-f,]*)" '
    r'content="(?P<content>[0-9a-f]*)" -->\n?'
)
_LEFT = "> [!NOTE]\n> Somebody else committed to this branch: the action leaves it alone from now on."
_RECORD = re.compile(r'<!-- xray-privilege-scan recorded="[^"]*" -->')
_OBSOLETE = "Nothing of this is left to remove: closed, and its branch deleted."


class FixState(NamedTuple):
    """What the marker of a pull request holds: `edits` that it offers, and the `content` of its files.

    `left`: somebody else committed to the branch, and the text says so; `obsolete`: the action closed it.
    """

    state: Literal["open", "left", "obsolete"] = "open"
    edits: frozenset[str] = frozenset()
    content: str = ""

    @property
    def line(self) -> str:
        """It as a line, which is not shown."""
        edits = ",".join(sorted(self.edits))
        return f'<!-- xray-privilege-scan fix="{self.state}" edits="{edits}" content="{self.content}" -->\n'


@dataclass(frozen=True)
class FixContent:
    """What a run would have the pull request hold: the files as they should be, and what to say.

    `edits` are the edits in `files`, by their hashes. `unseen`: this run cannot tell of some that the pull
    request offered whether they are still good. `record` is a line that the next run is given.
    """

    files: Mapping[str, bytes]
    edits: frozenset[str]
    body: str
    record: str = ""
    unseen: bool = False
    why: str = ""

    @property
    def digest(self) -> str:
        """A hash of the files."""
        digest = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            digest.update(hashlib.sha256(path.encode(errors="surrogatepass")).digest())
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()[:16]


class Told(NamedTuple):
    """What a pull request told last (empty where there is none), and edits that people declined."""

    body: str
    declined: frozenset[str]


@dataclass(frozen=True)
class FixDraft:
    """The pull request of a run. `content` makes it, for the head of the base and after what was told."""

    key: str
    run: RunId
    content: Callable[[str, Told], FixContent]

    @property
    def branch(self) -> str:
        """The branch of the key."""
        return _BRANCH + safe_name(self.key)

    @property
    def making(self) -> str:
        """The branch on which this run makes its commit."""
        return f"{_MAKING}{safe_name(self.key)}-{self.run[0]}.{self.run[1]}"

    def text(self, state: FixState, content: FixContent) -> str:
        """The text of the pull request as it is sent."""
        record = f"{content.record}\n" if content.record else ""
        return full_body(CommentDraft(f"{state.line}{record}{content.body}", self.key, self.run))


class BranchNow(NamedTuple):
    """The branch as it is: where (None: there is none), whether all of it is ours, and how many commits."""

    head: str | None
    is_ours: bool = True
    commits: int = 0


@dataclass(frozen=True)
class FixAction:
    """What becomes of the pull request, and why."""

    kind: FixActionKind
    reason: str


@dataclass(frozen=True)
class PostedFix:
    """What became of the pull request, and its address where it is open."""

    kind: FixActionKind
    url: str
    reason: str


def edit_hash(*parts: str) -> str:
    """A name for an edit, by all that tells it from others."""
    text = "\0".join(parts).encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_HASH_DIGITS]


def safe_name(key: str) -> str:
    """A key as a part of a branch's name: different keys have different ones."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-")[:_LONGEST_NAME].strip("-")
    if safe == key and safe == safe.lower() and safe:
        return safe
    # a ref that differs in case alone is the same file on some disks
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else digest


def state_of(body: str) -> FixState:
    """What the marker of a pull request holds; that of none where somebody changed it."""
    match = _STATE.search(body)
    if match is None:
        return FixState()
    edits = frozenset(filter(None, match["edits"].split(",")))
    return FixState(match["state"], edits, match["content"])  # type: ignore[arg-type]  # the pattern's words


def fix_action(
    base: Base, pull: FixPull | None, now: BranchNow, run: RunId, content: FixContent
) -> FixAction:
    """What is to be done. Pure."""
    if pull is not None:
        return _action_of_open(base, pull, now, run, content)
    if not content.files:
        return FixAction("skip", content.why or "there is no edit to offer")
    if not now.is_ours:
        return FixAction("leave", "somebody else committed to its branch: delete that for a new one")
    return FixAction("create", "there is no open one")


def _action_of_open(base: Base, pull: FixPull, now: BranchNow, run: RunId, content: FixContent) -> FixAction:
    told = state_of(pull.body)
    if (run_of(pull.body) or (0, 0)) > run:
        return FixAction("keep", "a newer run wrote it")
    if now.head is None:
        return FixAction("keep", "its branch was deleted a moment ago")
    if not now.is_ours:
        return FixAction("leave", "somebody else committed to its branch")
    if content.unseen and content.edits <= told.edits:
        return FixAction("wait", "this run cannot tell whether all of it is still good")
    if not content.files:
        return FixAction("close", content.why or "nothing of it is left")
    if told.content != content.digest or told.edits != content.edits or not now.commits:
        return FixAction("renew", "its edits, or the files that they are of, changed")
    if pull.base != base.branch:
        return FixAction("update", "the default branch is another one")
    return FixAction("update", "its edits are the same")


def keep_fix(repository: Repository, draft: FixDraft) -> PostedFix:
    """Bring the pull request up to date. Raises GithubError where GitHub refuses."""
    author = repository.viewer_login()
    for pause in (*PAUSES, None):
        try:
            return _keep(repository, draft, author)
        except GithubError as error:
            again = pause is not None and (error.is_passing or isinstance(error, MovedError))
            if not again or not repository.pause(pause or 0):
                raise
    raise AssertionError("unreachable")


def _keep(repository: Repository, draft: FixDraft, author: str | None) -> PostedFix:
    branches = repository.branches
    base = branches.base()
    own = find(branches.pulls(draft.branch), draft.key, author)
    pull = next((pull for pull in own if pull.is_open), None)
    head = branches.head(draft.branch)
    commits = branches.commits(base.head, head) if head else []
    now = BranchNow(head, _are_ours(commits, draft.key, author), len(commits or ()))
    content = draft.content(base.head, Told(pull.body if pull else "", _declined(own)))
    action = fix_action(base, pull, now, draft.run, content)
    is_over = action.kind == "skip" and bool(own) and state_of(own[-1].body).state == "obsolete"
    if is_over and head and now.is_ours:
        branches.remove(base, draft.branch, head)  # a run that ended half-way left it
        return PostedFix("tidy", "", action.reason)
    pull = _carry_out(_Means(repository, draft, base, content, now), action, pull)
    is_open = pull is not None and action.kind != "close"
    return PostedFix(action.kind, pull.url if pull and is_open else "", action.reason)


class _Means(NamedTuple):
    """What it takes to change a pull request."""

    repository: Repository
    draft: FixDraft
    base: Base
    content: FixContent
    now: BranchNow

    @property
    def text(self) -> str:
        """The text that it should have."""
        state = FixState("open", self.content.edits, self.content.digest)
        return self.draft.text(state, self.content)


def _carry_out(means: _Means, action: FixAction, pull: FixPull | None) -> FixPull | None:
    """Do it; the pull request after that, if there is one."""
    branches = means.repository.branches
    if action.kind == "create":
        return _create(means)
    if pull is None:
        return None
    if action.kind == "renew":
        _put_commit(means)
        branches.update_pull(pull.id, means.text, base=_other_base(means, pull))
    elif action.kind == "update":
        if text_of(pull.body) != text_of(means.text) or _other_base(means, pull):
            branches.update_pull(pull.id, means.text, base=_other_base(means, pull))
    elif action.kind == "wait":
        body = _RECORD.sub(lambda _: means.content.record, pull.body, count=1)
        if body != pull.body:
            branches.update_pull(pull.id, body)
    elif action.kind == "leave":
        _say_left(means, pull)
    elif action.kind == "close":
        state = state_of(pull.body)._replace(state="obsolete")
        branches.update_pull(pull.id, _with_state(pull.body, state), closed=True)
        with suppress(GithubError):  # in a locked conversation nobody may say so
            means.repository.create_comment(pull.id, _OBSOLETE, FIX)
        branches.remove(means.base, means.draft.branch, means.now.head or "")
    return pull


def _create(means: _Means) -> FixPull:
    """A new pull request. Where it is refused, its branch goes again."""
    branches, draft = means.repository.branches, means.draft
    made = _put_commit(means)
    try:
        title = f"{HEADLINE} ({draft.key})"
        return branches.open_pull(means.base.branch, draft.branch, title[:256], means.text)
    except GithubError as error:
        if not (error.is_passing or isinstance(error, MovedError)):
            with suppress(GithubError):
                branches.remove(means.base, draft.branch, made)
        raise


def _put_commit(means: _Means) -> str:
    """Have the branch be one commit on top of the base, which is returned: never, for a moment, none."""
    branches, draft = means.repository.branches, means.draft
    branches.delete(draft.making)  # of an earlier try of this run
    branches.create(draft.making, means.base.head)
    try:
        message = (HEADLINE, f"{_listed(means.content.files)}\n\n{TRAILER}: {encoded_key(draft.key)}")
        made = branches.commit(draft.making, means.base.head, message, means.content.files)
        if means.now.head is None:
            branches.create(draft.branch, made)
        else:
            branches.move(means.base, draft.branch, means.now.head, made)
        return made
    finally:
        with suppress(GithubError):
            branches.delete(draft.making)


def _listed(files: Mapping[str, bytes]) -> str:
    number = len(files)
    return f"In {number} file{'' if number == 1 else 's'}. Why stands in the pull request."


def _other_base(means: _Means, pull: FixPull) -> str:
    return "" if pull.base == means.base.branch else means.base.branch


def _say_left(means: _Means, pull: FixPull) -> None:
    """Say once that the branch is left alone."""
    state = state_of(pull.body)
    if state.state != "left":
        body = _with_state(pull.body, state._replace(state="left"), _LEFT)
        means.repository.branches.update_pull(pull.id, body)


def _with_state(body: str, state: FixState, note: str = "") -> str:
    """A text with another state, and a note above it."""
    line = state.line + (f"{note}\n\n" if note else "")
    if _STATE.search(body):
        return _STATE.sub(lambda _: line, body, count=1)
    first, _, rest = body.partition("\n")
    return f"{first}\n{line}{rest}"


def _are_ours(commits: Sequence[BranchCommit] | None, key: str, author: str | None) -> bool:
    """Whether all commits of a branch are the action's own: by the account, and by a line of the message."""
    line = f"{TRAILER}: {encoded_key(key)}"
    return commits is not None and all(
        line in commit.message.splitlines() and _is_own(commit, author) for commit in commits
    )


def _is_own(commit: BranchCommit, author: str | None) -> bool:
    if author is None:
        return commit.is_bot
    return commit.author is not None and without_bot(commit.author).lower() == without_bot(author).lower()


def _declined(own: Sequence[FixPull]) -> frozenset[str]:
    """The edits of pull requests that people closed without merging them."""
    closed = [state_of(pull.body) for pull in own if not pull.is_open and not pull.is_merged]
    return frozenset(edit for state in closed if state.state != "obsolete" for edit in state.edits)
