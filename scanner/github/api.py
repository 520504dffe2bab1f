"""What the action asks of GitHub's API, and what it says where GitHub refuses.

REST: docs.github.com/en/rest/issues/comments, .../rest/commits/commits, .../rest/repos/contents. Limits
and how to wait: docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from github import Auth, Github
from github.ContentFile import ContentFile
from github.GithubException import GithubException, IncompletableObject, RateLimitExceededExceedsMaxWait
from github.GithubRetry import GithubRetry
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.NamedUser import NamedUser
from github.Organization import Organization
from github.PullRequest import PullRequest
from requests.exceptions import RequestException
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import ConnectionPool

from scanner.text.escape import one_line

API_URL = "https://api.github.com"
WRITE = "permissions: pull-requests: write"
READ = "permissions: pull-requests: read"
CONTENTS = "permissions: contents: read"
LARGEST_FILE = 50_000_000  # bytes; GitHub itself gives up to 100 MB

_USER_AGENT = "xray-privilege-scan"
_LONGEST_MESSAGE = 300
# what PyGithub raises over an answer, or a redirection, that it does not expect
_MISUNDERSTANDINGS = (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError)
_RATE_LIMITED = ("rate limit", "please wait a few minutes", "please retry your request again later")


class GithubError(Exception):
    """GitHub did not do what it was asked. One line: what, why, and which right or value would change it.

    `status` is the HTTP status, 0 where there was no answer. `needed` names what is missing, as it is written
    in a workflow; empty where nothing in the workflow would help.
    """

    def __init__(self, status: int, needed: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.needed = needed
        self.message = message

    @property
    def is_passing(self) -> bool:
        """Whether the fault was GitHub's or the network's; what was asked for may be done all the same."""
        return self.status == 0 or self.status >= 500


class NoFileError(GithubError):
    """What a path leads to is no file that can be read: a folder, a submodule, a link to elsewhere."""


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request. `author` is None where the account is gone."""

    id: int
    body: str
    author: str | None
    is_bot: bool
    url: str


@dataclass(frozen=True)
class Limits:
    """How patient the action is with GitHub. `waits` bounds all waiting of a run together, in seconds.

    GitHub asks to wait a minute after a secondary rate limit that does not say how long it lasts, and to
    leave a second between writes.
    """

    waits: float = 65
    secondary: float = 60
    backoff: float = 0.5
    tries: int = 5
    timeout: int = 15
    between_requests: float = 0.1
    between_writes: float = 1


class Patience:
    """What is left of the time that a run may wait for GitHub."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def spend(self, seconds: float) -> bool:
        """Wait, if there is time left for it; whether there was."""
        if seconds > self.left:
            return False
        self.left -= seconds
        time.sleep(seconds)
        return True


class _Retry(GithubRetry):
    """PyGithub's rules for trying again, with one bound on all waits, `Retry-After` included.

    Requests that GitHub refused for their rate are tried again whatever they do. Others only if they change
    nothing when they are carried out twice: a POST that failed may have been carried out.
    """

    def __init__(self, patience: Patience, **options: Any) -> None:
        self._patience = patience
        super().__init__(**options)

    def new(self, **options: Any) -> _Retry:
        return super().new(patience=self._patience, **options)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method.upper() == "POST" and status_code >= 500:
            return False
        return super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> _Retry:
        if error is not None and method == "POST" and self._is_read_error(error):
            raise error
        retry: Any = super().increment(method, url, response, error, _pool, _stacktrace)  # type: ignore[arg-type]
        if response is not None:
            wait = retry.wait_after(response)
            if wait > self._patience.left:
                raise RateLimitExceededExceedsMaxWait(
                    response.status, {"message": response.reason}, dict(response.headers), wait=wait
                )
        return retry  # type: ignore[no-any-return]

    def wait_after(self, response: BaseHTTPResponse) -> float:
        """The seconds to wait after an answer."""
        said = self.get_retry_after(response)
        if said is not None:
            return said
        if response.status != 429:
            return self.get_backoff_time()
        reset = response.headers.get("x-ratelimit-reset", "")
        if response.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            return max(0.0, int(reset) + 1 - time.time())
        return self.secondary_rate_wait

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        self._patience.spend(self.get_backoff_time() if response is None else self.wait_after(response))


def connect(
    token: str, api_url: str = API_URL, limits: Limits | None = None, patience: Patience | None = None
) -> Github:
    """The client of an API, bounded in all that it waits."""
    limits = limits or Limits()
    if not token.strip():
        raise GithubError(401, "github-token", "there is no token for GitHub: pass `github-token`")
    retry = _Retry(
        patience or Patience(limits.waits),
        secondary_rate_wait=limits.secondary,
        max_rate_limit_wait=limits.waits,
        total=limits.tries,
        backoff_factor=limits.backoff,
        status_forcelist=[403, 429, *range(500, 600)],
        allowed_methods=None,
        raise_on_status=False,
    )
    return Github(
        auth=Auth.Token(token.strip()),
        base_url=api_url.rstrip("/"),
        timeout=limits.timeout,
        user_agent=_USER_AGENT,
        per_page=100,
        retry=retry,
        seconds_between_requests=limits.between_requests,
        seconds_between_writes=limits.between_writes,
        lazy=True,
    )


def repository(
    token: str,
    api_url: str,
    name: str,
    graphql_url: str | None = None,
    limits: Limits | None = None,
) -> Repository:
    """The repository `owner/name`. Without a GraphQL URL it is the one that belongs to the API's."""
    limits = limits or Limits()
    patience = Patience(limits.waits)
    client = connect(token, api_url, limits, patience)
    graphql = client
    if graphql_url:
        graphql = connect(token, graphql_url.rstrip("/").removesuffix("/graphql"), limits, patience)
    return Repository(client, name, graphql, patience)


class Repository:
    """What the action reads and writes in one repository. Every failure is a GithubError."""

    def __init__(
        self, client: Github, name: str, graphql: Github | None = None, patience: Patience | None = None
    ) -> None:
        self.name = name
        self._client = client
        self._graphql = graphql or client
        self._patience = patience or Patience(Limits().waits)

    def viewer_login(self) -> str | None:
        """The token's own account, without `[bot]`; None if GitHub does not tell.

        The default token of a workflow cannot call `GET /user`, but GraphQL knows its viewer.
        """
        try:
            with _told("tell whose token this is", ""):
                _, answer = self._graphql.requester.graphql_query("query { viewer { login } }", {})
        except GithubError:
            return None
        data = answer.get("data")
        viewer = data.get("viewer") if isinstance(data, dict) else None
        login = viewer.get("login") if isinstance(viewer, dict) else None
        return without_bot(login) if isinstance(login, str) and login else None

    def comments(self, number: int) -> list[Comment]:
        """All comments of a pull request, the oldest first."""
        with _told(f"list the comments of #{number}", WRITE):
            return [_comment(comment) for comment in self._issue(number).get_comments()]

    def create_comment(self, number: int, body: str) -> Comment:
        """A new comment."""
        with _told(f"comment on #{number}", WRITE):
            return _comment(self._issue(number).create_comment(body))

    def update_comment(self, number: int, comment_id: int, body: str) -> Comment:
        """Another text for a comment."""
        with _told(f"update the comment on #{number}", WRITE):
            comment = self._issue(number).get_comment(comment_id)
            comment.edit(body)
            return _comment(comment)

    def open_pull_request_of_commit(
        self, sha: str, note: Callable[[str], None] = lambda _: None, branch: str | None = None
    ) -> int | None:
        """The open pull request whose head is a commit; None, with a note, unless there is exactly one.

        GitHub finds no pull request by a commit that only a fork has: with `branch` ("owner:branch") it is
        looked up by that.
        """
        with _told("find the pull request of the commit", READ):
            repository = self._client.get_repo(self.name)
            if branch:
                pulls = repository.get_pulls(state="open", head=branch)
            else:
                pulls = repository.get_commit(sha).get_pulls()
            number, why = the_pull_request(map(_pull, pulls), sha)
        if why:
            note(why)
        return number

    def file(self, path: str, ref: str) -> bytes | None:
        """What a file holds at a commit, or at the tip of the default branch if `ref` is empty.

        None where there is no such file. `path` is relative to the repository. A link to a file of the
        repository is followed, by GitHub itself. Raises NoFileError for what is no file.
        """
        doing = f"read {one_line(path)} at {ref[:10] or 'the default branch'}"
        with _told(doing, CONTENTS):
            found = self._contents(path, ref)
            if found is None:
                return None
            if isinstance(found, list) or found.type != "file":
                kind = "folder" if isinstance(found, list) else found.type
                raise NoFileError(200, "", f"GitHub did not {doing}: it is no file there, but a {kind}")
            if found.size > LARGEST_FILE:
                raise NoFileError(200, "", f"GitHub did not {doing}: it holds over {LARGEST_FILE:,} bytes")
            return self._bytes(found)

    def _contents(self, path: str, ref: str) -> ContentFile | list[ContentFile] | None:
        repository = self._client.get_repo(self.name)
        at = {"ref": ref} if ref else {}
        try:
            return repository.get_contents(path, **at)
        except GithubException as error:
            if error.status != 404:
                raise
            # Without the right to read, GitHub may say the same. The root is there wherever it can be read.
            repository.get_contents("", **at)
            return None

    def _bytes(self, found: ContentFile) -> bytes:
        """The bytes of a file: of one over 1 MB GitHub tells where they are, and not what."""
        if found.encoding == "none":
            return base64.b64decode(self._client.get_repo(self.name).get_git_blob(found.sha).content)
        return found.decoded_content

    def pause(self, seconds: float) -> bool:
        """Wait, if the run's patience allows it; whether it did."""
        return self._patience.spend(seconds)

    def _issue(self, number: int) -> Issue:
        return self._client.get_repo(self.name).get_issue(number)


@dataclass(frozen=True)
class Pull:
    """As much of a pull request as it takes to tell whether it is meant."""

    number: int
    state: str
    head: str


def the_pull_request(pulls: Iterable[Pull], sha: str) -> tuple[int | None, str]:
    """The number of the one open pull request with this head, else None and why. Pure."""
    numbers = sorted({pull.number for pull in pulls if pull.state == "open" and pull.head == sha})
    if len(numbers) == 1:
        return numbers[0], ""
    if not numbers:
        return None, f"no open pull request has the commit {sha[:12]} as its head"
    listed = ", ".join(f"#{number}" for number in numbers)
    return None, f"several open pull requests have the commit {sha[:12]} as their head: {listed}"


def without_bot(login: str) -> str:
    """A login as GraphQL spells it: REST adds `[bot]` to an app's."""
    return login[: -len("[bot]")] if login.lower().endswith("[bot]") else login


def _comment(comment: IssueComment) -> Comment:
    # attributes that the answer holds: asking for more would be a request for each comment
    user: NamedUser | Organization | None = comment.user  # PyGithub does not say that it may be missing
    return Comment(
        id=comment.id,
        body=comment.body or "",
        author=user.login if user else None,
        is_bot=user is not None and user.type == "Bot",
        url=comment.html_url or "",
    )


def _pull(pull: PullRequest) -> Pull:
    return Pull(pull.number, pull.state, pull.head.sha)


@contextmanager
def _told(doing: str, needed: str) -> Iterator[None]:
    """Turn every failure into a GithubError, without what caused it: that may hold the token."""
    try:
        yield
    except RequestException as error:
        failure = GithubError(0, "", f"GitHub could not be reached to {doing} ({type(error).__name__})")
    except (IncompletableObject, *_MISUNDERSTANDINGS) as error:
        why = f"GitHub's answer, when asked to {doing}, is not understood ({type(error).__name__})"
        failure = GithubError(0, "", why)
    except GithubException as error:
        failure = error_of(error, doing, needed)
    else:
        return
    raise failure from None


def error_of(error: GithubException, doing: str, needed: str) -> GithubError:
    """What an answer of GitHub means to the user. Pure."""
    status, said = error.status or 0, _said(error.data)
    asked = f"GitHub did not {doing} ({status}{': ' if said else ''}{said})"
    if _is_rate_limit(status, said, error):
        return GithubError(status, "", f"{asked}: its rate limit is used up for longer than the action waits")
    if isinstance(error, RateLimitExceededExceedsMaxWait):
        return GithubError(status, "", f"{asked}: there is no time left to wait for it")
    if status == 401:
        return GithubError(status, "github-token", f"{asked}: `github-token` is not valid, or no longer")
    if status == 403 and "locked" in said.lower():
        return GithubError(status, "", f"{asked}: the conversation is locked")
    if status in (403, 404) and needed:
        return GithubError(status, needed, f"{asked}: {_missing(needed)}")
    return GithubError(status, "", asked)


def _missing(needed: str) -> str:
    if needed != WRITE:
        return f"the job needs `{needed}`"
    return (
        f"the job needs `{needed}` (`issues: write` does as well). In a pull request from a fork or by "
        "Dependabot the token is read-only, whatever the job asks for"
    )


def _is_rate_limit(status: int, said: str, error: GithubException) -> bool:
    if status == 429 or (status == 403 and isinstance(error, RateLimitExceededExceedsMaxWait)):
        return True
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    limited = "retry-after" in headers or any(sign in said.lower() for sign in _RATE_LIMITED)
    return status == 403 and limited


def _said(data: Any) -> str:
    """GitHub's own message, with what it says of single fields, as one line that is not too long."""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    details = [
        str(entry.get("message") or entry.get("code") or "") if isinstance(entry, dict) else str(entry)
        for entry in (errors if isinstance(errors, list) else [])
    ]
    texts = [text for text in (str(data.get("message") or ""), *details) if text]
    line = one_line("; ".join(texts))
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 3] + "..."
