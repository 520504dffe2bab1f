"""The reviews of the fake GitHub: pull requests with files, suggestions on their lines, who resolves them."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

PULL, FILES, REVIEWS, REVIEW = "pull", "files", "reviews", "review"
THREADS, MINIMIZE = "threads", "minimize"
OUTSIDE = (
    "Pull request review thread line must be part of the diff and Pull request review thread diff hunk can't "
    "be blank"
)
_SUGGESTED = re.compile(r"^(`{3,})suggestion\n(.*?)\n?^\1$", re.MULTILINE | re.DOTALL)


class Content(NamedTuple):
    """What a file holds in the base and at the head."""

    before: bytes
    after: bytes
    has_patch: bool = True
    status: str = "modified"

    @property
    def patch(self) -> str:
        """The hunks as GitHub gives them."""
        texts = (self.before.decode(), self.after.decode())
        old, new = map(_lines, texts)
        return "\n".join(list(difflib.unified_diff(old, new, lineterm=""))[2:])

    def hunks(self) -> list[set[int]]:
        """The lines of the head that each hunk shows, counted otherwise than the program does."""
        texts = (self.before.decode(), self.after.decode())
        old, new = map(_lines, texts)
        grouped = difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(3)
        return [{line + 1 for _, _, _, c, d in group for line in range(c, d)} for group in grouped]


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


@dataclass
class StoredThread:
    """A conversation on lines, of which only the first comment is known."""

    id: int
    path: str
    first: int
    last: int
    body: str
    author: str
    kind: str = "Bot"
    text: bytes = b""
    is_resolved: bool = False
    is_outdated: bool = False
    is_minimized: bool = False

    @property
    def suggested(self) -> str | None:
        """What the suggestion would put there."""
        match = _SUGGESTED.search(self.body)
        return match[2] if match else None


@dataclass
class StoredReview:
    """A review. Nobody can delete it once it is there."""

    id: int
    body: str
    author: str
    commit: str
    kind: str = "Bot"


@dataclass
class ReviewedPull:
    """A pull request, what it changes, and what was said of it."""

    number: int
    head: str
    files: dict[str, Content]
    state: str = "open"
    is_draft: bool = False
    reviews: list[StoredReview] = field(default_factory=list)
    threads: list[StoredThread] = field(default_factory=list)
    refused: set[tuple[str, int]] = field(default_factory=set)
    """lines that GitHub refuses though they look like lines of the diff"""

    def push(self, head: str, files: Mapping[str, Content]) -> None:
        """Another commit: conversations whose lines changed are outdated."""
        self.head, self.files = head, dict(files)
        for thread in self.threads:
            content = self.files.get(thread.path)
            thread.is_outdated |= content is None or thread.text not in content.after

    def apply(self, thread: StoredThread) -> bytes:
        """The file after somebody applied a suggestion."""
        content = self.files[thread.path].after
        lines = content.split(b"\n")
        end = b"\r" if lines[thread.first - 1].endswith(b"\r") else b""
        given = [line.encode() + end for line in (thread.suggested or "").split("\n")]
        return b"\n".join([*lines[: thread.first - 1], *given, *lines[thread.last :]])

    @property
    def open_threads(self) -> list[StoredThread]:
        """The conversations that a reviewer sees."""
        return [t for t in self.threads if not (t.is_minimized or t.is_outdated or t.is_resolved)]


class ReviewRefusal(Exception):  # noqa: N818  the name says more than an "Error" would
    """Status and message of an answer that refuses."""

    def __init__(self, status: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.more: Json = {"errors": list(errors)} if errors else {}


def blob(content: bytes) -> str:
    """Git's name of a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def create(pull: ReviewedPull, body: Json, author: str, new_id: Callable[[], int]) -> StoredReview:
    """A review that a client asks for: all of it, or nothing."""
    if not str(body.get("body") or "").strip() or body.get("event") != "COMMENT":
        raise ReviewRefusal(422, "Unprocessable Entity", "Review must have a body and be submitted")
    if body.get("commit_id") != pull.head:
        raise ReviewRefusal(422, "Unprocessable Entity", "commit_id is not part of the pull request")
    threads = [_thread(pull, given, author, new_id) for given in body.get("comments", [])]
    review = StoredReview(new_id(), body["body"], author, pull.head)
    pull.reviews.append(review)
    pull.threads += threads
    return review


def _thread(pull: ReviewedPull, given: Json, author: str, new_id: Callable[[], int]) -> StoredThread:
    path, line = given["path"], int(given["line"])
    first = int(given.get("start_line", line))
    if path not in pull.files:
        raise ReviewRefusal(422, "Unprocessable Entity", "Path could not be resolved")
    if len(given["body"]) > 65_536:
        raise ReviewRefusal(422, "Unprocessable Entity", "Body is too long")
    if "start_line" in given and first >= line:
        raise ReviewRefusal(422, "Unprocessable Entity", "start line must precede the end line")
    content = pull.files[path]
    hunk = next((hunk for hunk in content.hunks() if line in hunk), None)
    if hunk is None or (path, line) in pull.refused:
        raise ReviewRefusal(422, "Unprocessable Entity", OUTSIDE)
    if first not in hunk:
        raise ReviewRefusal(422, "Unprocessable Entity", "start line must be part of the same hunk")
    text = b"\n".join(content.after.split(b"\n")[first - 1 : line])
    return StoredThread(new_id(), path, first, line, given["body"], author, text=text)


def threads_json(pull: ReviewedPull, site: str, after: str | None, size: int = 2) -> Json:
    """A page of the conversations as GraphQL tells them; pages are short, so that there are several."""
    start = int(after or 0)
    nodes = [
        {
            "isResolved": thread.is_resolved,
            "isOutdated": thread.is_outdated,
            "path": thread.path,
            "comments": {
                "nodes": [
                    {
                        "id": f"PRRC_{thread.id}",
                        "databaseId": thread.id,
                        "body": thread.body,
                        "url": f"{site}#discussion_r{thread.id}",
                        "isMinimized": thread.is_minimized,
                        "author": {
                            "__typename": thread.kind,
                            "login": thread.author.removesuffix("[bot]"),
                        },
                    }
                ]
            },
        }
        for thread in pull.threads[start : start + size]
    ]
    end = start + size
    page = {"hasNextPage": end < len(pull.threads), "endCursor": str(end)}
    return {"repository": {"pullRequest": {"reviewThreads": {"pageInfo": page, "nodes": nodes}}}}


def minimize(pulls: Mapping[int, ReviewedPull], given: Json) -> Json:
    """Hide a comment."""
    for pull in pulls.values():
        for thread in pull.threads:
            if given["input"]["subjectId"] == f"PRRC_{thread.id}":
                thread.is_minimized = True
                return {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}
    raise ReviewRefusal(404, "Could not resolve to a node with the global id")


def review_json(review: StoredReview, pull: ReviewedPull, api: str, site: str, user: Json) -> Json:
    """A review as the API says it."""
    html = f"{site}/pull/{pull.number}#pullrequestreview-{review.id}"
    address = f"{api}/pulls/{pull.number}"
    return {
        "id": review.id,
        "node_id": f"PRR_{review.id}",
        "user": user,
        "body": review.body,
        "state": "COMMENTED",
        "commit_id": review.commit,
        "html_url": html,
        "pull_request_url": address,
        "_links": {"html": {"href": html}, "pull_request": {"href": address}},
        "submitted_at": "2026-01-02T03:04:05Z",
        "author_association": "NONE",
    }


def files_json(pull: ReviewedPull, api: str, site: str) -> list[Json]:
    """The files of a pull request as the API says them; large ones have no patch."""
    return [
        {
            "sha": blob(content.after),
            "filename": path,
            "status": content.status,
            "additions": 1,
            "deletions": 1,
            "changes": 2,
            "blob_url": f"{site}/blob/{pull.head}/{path}",
            "raw_url": f"{site}/raw/{pull.head}/{path}",
            "contents_url": f"{api}/contents/{path}?ref={pull.head}",
        }
        | ({"patch": content.patch} if content.has_patch else {})
        for path, content in pull.files.items()
    ]


def pull_json(simple: Json, pull: ReviewedPull) -> Json:
    """What the API says of one pull request more than in a list."""
    counts = dict.fromkeys(
        ("additions", "changed_files", "comments", "commits", "deletions", "review_comments"), 1
    )
    return (
        simple
        | counts
        | {
            "maintainer_can_modify": False,
            "mergeable": None,
            "mergeable_state": "unknown",
            "merged": False,
            "merged_by": None,
            "draft": pull.is_draft,
        }
    )
