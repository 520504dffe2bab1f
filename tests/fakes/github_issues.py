"""The issues of the fake GitHub: what is stored, what its API says of them, and who gets a mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

LIST_ISSUES, CREATE_ISSUE, UPDATE_ISSUE = "issues", "issue-create", "issue-update"
_TIME = "2026-01-02T03:04:05Z"


class Notification(NamedTuple):
    """What everybody who watches the repository is told: an issue was opened, closed, reopened, commented."""

    number: int
    event: str


@dataclass
class StoredIssue:
    """An issue, or a pull request, which the issues' API lists too."""

    number: int
    title: str
    body: str
    author: str | None
    kind: str
    state: str = "open"
    state_reason: str | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    is_pull_request: bool = False
    edits: int = 0


class IssueRefusal(Exception):  # noqa: N818  the name says more than an "Error" would
    """Status and message of an answer that refuses."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message = status, message
        errors = [{"resource": "Issue", "field": field, "code": "invalid"}] if field else []
        self.more: Json = {"errors": errors} if errors else {}


@dataclass
class Issues:
    """All issues of the repository.

    `labels` are those that exist, None for any; one that does not is refused as GitHub refuses it to those
    that may not push. `assignable` are the accounts that may be assigned, None for any. `is_disabled`,
    `is_archived`: of the repository. `reasons` are those that the server knows for a closed issue, none on
    Forgejo and Gitea.
    """

    stored: dict[int, StoredIssue] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    notifications: list[Notification] = field(default_factory=list)
    labels: set[str] | None = None
    assignable: set[str] | None = None
    drops_labels: bool = False
    is_disabled: bool = False
    is_archived: bool = False
    reasons: tuple[str, ...] = ("completed", "not_planned", "duplicate", "reopened")
    next_number: int = 20

    def add(self, title: str, body: str, author: str | None, kind: str = "Bot", **more: Any) -> StoredIssue:
        """Somebody opens an issue."""
        issue = StoredIssue(self.next_number, title, body, author, kind, **more)
        self.next_number += 1
        self.stored[issue.number] = issue
        if not issue.is_pull_request:
            self.notify(issue.number, "opened")
        return issue

    def notify(self, number: int, event: str) -> None:
        """Tell everybody who watches."""
        self.notifications.append(Notification(number, event))

    def close(self, number: int, reason: str | None = "not_planned") -> None:
        """Somebody closes an issue: that is no notification of the action's."""
        self.stored[number].state, self.stored[number].state_reason = "closed", reason

    def delete(self, number: int) -> None:
        """Somebody deletes an issue, or moves it to another repository."""
        self.stored.pop(number, None)
        self.deleted.add(number)

    def listed(self, query: Mapping[str, list[str]], is_gitea: bool) -> list[StoredIssue]:
        """What a query finds, the newest first."""
        self._check_writable(is_write=False)
        state, creator = query.get("state", ["open"])[0], query.get("creator", [""])[0]
        every = [issue for issue in self.stored.values() if state in ("all", issue.state)]
        if creator and not is_gitea:
            if not any(issue.author == creator for issue in self.stored.values()):
                raise IssueRefusal(422, "Validation Failed", "creator")
            every = [issue for issue in every if issue.author == creator]
        return sorted(every, key=lambda issue: -issue.number)

    def create(self, body: Json, text: str, author: str) -> StoredIssue:
        """An issue that a client asks for."""
        self._check_writable()
        labels, assignees = body.get("labels") or [], body.get("assignees") or []
        if not str(body.get("title") or "").strip() or len(body["title"]) > 256:
            raise IssueRefusal(422, "Validation Failed", "title")
        if self.labels is not None and not set(labels) <= self.labels:
            raise IssueRefusal(403, "You do not have permission to create labels on this repository.")
        if self.assignable is not None and not set(assignees) <= self.assignable:
            raise IssueRefusal(422, "Validation Failed", "assignees")
        labels = [] if self.drops_labels else labels
        return self.add(body["title"], text, author, labels=labels, assignees=assignees)

    def update(self, number: int, body: Json, text_of: Callable[[Json], str], is_gitea: bool) -> StoredIssue:
        """An issue that a client changes."""
        self._check_writable()
        if number in self.deleted:
            raise IssueRefusal(410, "This issue was deleted")
        if number not in self.stored:
            raise IssueRefusal(404, "Not Found")
        issue = self.stored[number]
        reason = body.get("state_reason")
        if reason is not None and reason not in self.reasons and not is_gitea:
            raise IssueRefusal(422, "Validation Failed", "state_reason")
        if "body" in body:
            issue.body = text_of(body)
            issue.edits += 1
        if "state" in body and body["state"] != issue.state:
            issue.state = body["state"]
            issue.state_reason = None if is_gitea else reason or "completed"
            self.notify(number, "closed" if issue.state == "closed" else "reopened")
        return issue

    def _check_writable(self, *, is_write: bool = True) -> None:
        if self.is_disabled:
            raise IssueRefusal(410, "Issues are disabled for this repo")
        if self.is_archived and is_write:
            raise IssueRefusal(403, "Repository was archived so is read-only.")


def issue_json(issue: StoredIssue, api: str, site: str, user: Json | None, users: list[Json]) -> Json:
    """An issue as the API says it; `users` are the assignees."""
    url = f"{api}/issues/{issue.number}"
    labels = [
        {
            "id": number,
            "node_id": f"LA_{number}",
            "url": f"{api}/labels/{number}",
            "name": name,
            "description": None,
            "color": "ededed",
            "default": False,
        }
        for number, name in enumerate(issue.labels)
    ]
    pull = f"{site}/pull/{issue.number}"
    links = {
        "url": f"{api}/pulls/{issue.number}",
        "html_url": pull,
        "diff_url": f"{pull}.diff",
        "patch_url": f"{pull}.patch",
    }
    return {
        "id": 70_000 + issue.number,
        "node_id": f"I_{issue.number}",
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": pull if issue.is_pull_request else f"{site}/issues/{issue.number}",
        "number": issue.number,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "title": issue.title,
        "body": issue.body,
        "user": user,
        "labels": labels,
        "assignee": users[0] if users else None,
        "assignees": users,
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": 0,
        "closed_at": None if issue.state == "open" else _TIME,
        "created_at": _TIME,
        "updated_at": _TIME,
        "author_association": "NONE",
    } | ({"pull_request": links} if issue.is_pull_request else {})
