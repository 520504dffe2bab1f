"""What the action knows of comments, issues, pull requests and accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request or an issue. `author` is None where the account is gone."""

    id: int
    body: str
    author: str | None
    is_bot: bool
    url: str


@dataclass(frozen=True)
class Issue(Comment):
    """An issue that is no pull request; `id` is its number.

    `state_reason` is why it is closed ("completed", "not_planned", "duplicate"), empty where the server does
    not say.
    """

    is_open: bool
    state_reason: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...]


@dataclass(frozen=True)
class FixPull(Comment):
    """A pull request of the repository's own branch; `id` is its number, `base` the branch it goes to."""

    is_open: bool
    is_merged: bool
    branch: str
    base: str


@dataclass(frozen=True)
class Pull:
    """As much of a pull request as it takes to tell whether it is meant."""

    number: int
    state: str
    head: str


@dataclass(frozen=True)
class ReviewedPull:
    """A pull request, as far as it says whether it can be reviewed. `head` is the commit."""

    is_open: bool
    head: str


@dataclass(frozen=True)
class Thread:
    """A conversation on lines of a pull request: `comment` is its first, `node` names that for GraphQL.

    `is_outdated`: the lines changed since. `is_minimized`: the comment is hidden.
    """

    comment: Comment
    path: str
    node: str
    is_resolved: bool
    is_outdated: bool
    is_minimized: bool


def the_pull_request(pulls: Iterable[Pull], sha: str) -> tuple[int | None, str]:
    """The number of the one open pull request with this head, else None and why."""
    numbers = sorted({pull.number for pull in pulls if pull.state == "open" and pull.head == sha})
    if len(numbers) == 1:
        return numbers[0], ""
    if not numbers:
        return None, f"no open pull request has the commit {sha[:12]} as its head"
    listed = ", ".join(f"#{number}" for number in numbers)
    return None, f"several open pull requests have the commit {sha[:12]} as their head: {listed}"


class Author(NamedTuple):
    """Who wrote something; `login` is None where the account is gone."""

    login: str | None
    is_bot: bool

    @staticmethod
    def of(account: Mapping[str, Any] | None) -> Author:
        """The author of an answer of the REST API, by its account."""
        login, kind = (account or {}).get("login"), (account or {}).get("type")
        return Author(login, login is not None and is_app(login, kind if isinstance(kind, str) else None))


def is_app(login: str, account_type: str | None) -> bool:
    """Whether an account is an app's, so that no person writes its comments.

    A server that tells no types is Forgejo or Gitea: their workflows have one account, whose name nobody
    else gets. github.com/go-gitea/gitea/blob/main/models/user/user_system.go,
    codeberg.org/forgejo/forgejo/src/branch/forgejo/models/user/user_system.go
    """
    return account_type == "Bot" or (account_type is None and login in _WORKFLOW_ACCOUNTS)


_WORKFLOW_ACCOUNTS = ("forgejo-actions", "gitea-actions")


def without_bot(login: str) -> str:
    """A login as GraphQL spells it: REST adds `[bot]` to an app's."""
    return login[: -len("[bot]")] if login.lower().endswith("[bot]") else login
