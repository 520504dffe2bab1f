"""What the action asks of GitHub's API.

docs.github.com/en/rest/issues/comments, .../rest/issues/issues, .../rest/commits/commits,
.../rest/repos/contents
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cached_property

from github import Github
from github.ContentFile import ContentFile
from github.GithubException import GithubException
from github.GithubObject import NotSet
from github.Issue import Issue as GithubIssue
from github.IssueComment import IssueComment
from github.NamedUser import NamedUser
from github.Organization import Organization
from github.PullRequest import PullRequest

from scanner.github.branches import Branches
from scanner.github.errors import GithubError, NoFileError
from scanner.github.event import ref_name
from scanner.github.failures import CONTENTS, ISSUES, READ, WRITE, github_errors
from scanner.github.model import Author, Comment, Issue, Pull, is_app, the_pull_request, without_bot
from scanner.github.pull_reviews import PullReviews
from scanner.github.retry import RetryLimits, WaitBudget, connect
from scanner.text.escape import one_line

LARGEST_FILE = 50_000_000  # bytes; GitHub itself gives up to 100 MB


def repository(
    token: str,
    api_url: str,
    name: str,
    graphql_url: str | None = None,
    limits: RetryLimits | None = None,
) -> Repository:
    """The repository `owner/name`. Without a GraphQL URL it is the one that belongs to the API's."""
    limits = limits or RetryLimits()
    budget = WaitBudget(limits.waits, limits.sleep)
    client = connect(token, api_url, limits, budget)
    graphql = client
    if graphql_url:
        graphql = connect(token, graphql_url.rstrip("/").removesuffix("/graphql"), limits, budget)
    return Repository(client=client, name=name, graphql=graphql, budget=budget)


class Repository:
    """What the action reads and writes in one repository. Every failure is a GithubError."""

    def __init__(
        self, client: Github, name: str, graphql: Github | None = None, budget: WaitBudget | None = None
    ) -> None:
        self.name = name
        self._client = client
        self._graphql = graphql or client
        self._budget = budget or WaitBudget(RetryLimits().waits)

    def viewer_login(self) -> str | None:
        """The token's own account, without `[bot]`; None if GitHub does not tell.

        The default token of a workflow cannot call `GET /user`, but GraphQL knows its viewer. Forgejo and
        Gitea have no GraphQL; they may answer the other. Both are asked once.
        """
        return self._viewer

    @cached_property
    def _viewer(self) -> str | None:
        return self._graphql_viewer() or self._rest_viewer()

    def _graphql_viewer(self) -> str | None:
        try:
            with github_errors("tell whose token this is", ""):
                _, answer = self._graphql.requester.graphql_query("query { viewer { login } }", {})
        except GithubError:
            return None
        data = answer.get("data")
        viewer = data.get("viewer") if isinstance(data, dict) else None
        login = viewer.get("login") if isinstance(viewer, dict) else None
        return without_bot(login) if isinstance(login, str) and login else None

    def _rest_viewer(self) -> str | None:
        try:
            with github_errors("tell whose token this is", ""):
                login = self._client.get_user().login
        except GithubError:
            return None
        return without_bot(login) if login else None

    def comments(self, number: int, needed: str = WRITE) -> list[Comment]:
        """All comments of a pull request or an issue, the oldest first."""
        with github_errors(f"list the comments of #{number}", needed):
            return [_comment(comment) for comment in self._issue(number).get_comments()]

    def create_comment(self, number: int, body: str, needed: str = WRITE) -> Comment:
        """A new comment."""
        with github_errors(f"comment on #{number}", needed):
            return _comment(self._issue(number).create_comment(body))

    def update_comment(self, number: int, comment_id: int, body: str) -> Comment:
        """Another text for a comment."""
        with github_errors(f"update the comment on #{number}", WRITE):
            comment = self._issue(number).get_comment(comment_id)
            comment.edit(body)
            return _comment(comment)

    def delete_comment(self, number: int, comment_id: int) -> None:
        """Take a comment away."""
        with github_errors(f"delete a comment on #{number}", WRITE):
            self._issue(number).get_comment(comment_id).delete()

    def issues(self, author: str | None) -> list[Issue]:
        """The issues of an account, whether open or closed; all of them where it is not known.

        REST adds `[bot]` to the login of an app, which is not known to be one. Forgejo and Gitea do not
        know the parameter, and list all.
        """
        with github_errors("list the issues", ISSUES):
            if author is None:
                return self._issues()
            both = (*self._issues(f"{author}[bot]"), *self._issues(author))
            return list({issue.id: issue for issue in both}.values())

    def _issues(self, creator: str = "") -> list[Issue]:
        listed = self._client.get_repo(self.name).get_issues(
            state="all",
            creator=creator or NotSet,  # type: ignore[arg-type]  # a login does, though its type does not say so
        )
        try:
            return [_issue(issue) for issue in listed if not issue._rawData.get("pull_request")]
        except GithubException as error:
            if error.status == 422 and creator:
                return []  # no such account
            raise

    def create_issue(self, title: str, body: str, labels: Sequence[str], assignees: Sequence[str]) -> Issue:
        """A new issue. GitHub may leave labels and assignees out, without an error."""
        with github_errors("create an issue", ISSUES):
            repository = self._client.get_repo(self.name)
            created = repository.create_issue(
                title,
                body,
                labels=list(labels) if labels else NotSet,
                assignees=list(assignees) if assignees else NotSet,
            )
            return _issue(created)

    def update_issue(self, number: int, body: str, state: str = "", state_reason: str = "") -> None:
        """Another text for an issue; with `state` ("open", "closed") that too, in one request."""
        with github_errors(f"update issue #{number}", ISSUES):
            issue = self._issue(number)
            issue.edit(body=body, state=state or NotSet, state_reason=state_reason or NotSet)

    def open_pull_request_of_commit(
        self, sha: str, note: Callable[[str], None] = lambda _: None, branch: str | None = None
    ) -> int | None:
        """The open pull request whose head is a commit; None, with a note, unless there is exactly one.

        GitHub finds no pull request by a commit that only a fork has: with `branch` ("owner:branch") it is
        looked up by that.
        """
        with github_errors("find the pull request of the commit", READ):
            repository = self._client.get_repo(self.name)
            if branch:
                pulls = repository.get_pulls(state="open", head=branch)
            else:
                pulls = repository.get_commit(sha).get_pulls()
            number, why = the_pull_request(map(_pull, pulls), sha)
        if why:
            note(why)
        return number

    def reviews_of(self, number: int) -> PullReviews:
        """What is read and written of the reviews of a pull request."""
        return PullReviews(self._client, self._graphql, self.name, number)

    def file(self, path: str, ref: str) -> bytes | None:
        """What a file holds at a commit, or at the tip of the default branch if `ref` is empty.

        None where there is no such file. `path` is relative to the repository. A link to a file of the
        repository is followed, by GitHub itself. Raises NoFileError for what is no file.
        """
        doing = f"read {one_line(path)} at {ref_name(ref)}"
        with github_errors(doing, CONTENTS):
            content = self._contents(path, ref)
            if content is None:
                return None
            if isinstance(content, list) or content.type != "file":
                kind = "folder" if isinstance(content, list) else content.type
                raise NoFileError(200, "", f"GitHub did not {doing}: it is not a file there, but a {kind}")
            if content.size > LARGEST_FILE:
                raise NoFileError(200, "", f"GitHub did not {doing}: it is over {LARGEST_FILE:,} bytes")
            return self._bytes(content)

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

    def _bytes(self, content: ContentFile) -> bytes:
        """The bytes of a file. The answer for a file over 1 MB names the blob that has them."""
        if content.encoding == "none":
            return base64.b64decode(self._client.get_repo(self.name).get_git_blob(content.sha).content)
        return content.decoded_content

    @property
    def branches(self) -> Branches:
        """Its branches and pull requests."""
        return Branches(self.name, self._client, self._graphql)

    def pause(self, seconds: float) -> bool:
        """Wait, if the run's budget allows it; whether it did."""
        return self._budget.spend(seconds)

    def _issue(self, number: int) -> GithubIssue:
        return self._client.get_repo(self.name).get_issue(number)


def _comment(comment: IssueComment) -> Comment:
    # attributes that the answer holds: asking for more would be a request for each comment
    user: NamedUser | Organization | None = comment.user  # PyGithub does not say that it may be missing
    return Comment(
        id=comment.id,
        body=comment.body or "",
        author=user.login if user else None,
        is_bot=user is not None and is_app(user.login, _type_of(user)),
        url=comment.html_url or "",
    )


def _issue(issue: GithubIssue) -> Issue:
    # what the answer holds: PyGithub would ask again for what it does not
    data = issue._rawData
    author = Author.of(data.get("user"))
    return Issue(
        id=data["number"],
        body=data.get("body") or "",
        author=author.login,
        is_bot=author.is_bot,
        url=data.get("html_url") or "",
        is_open=data.get("state") == "open",
        state_reason=data.get("state_reason") or "",
        labels=tuple(str(label.get("name")) for label in data.get("labels") or ()),
        assignees=tuple(str(user.get("login")) for user in data.get("assignees") or ()),
    )


def _type_of(user: NamedUser | Organization) -> str | None:
    """The type of an account; None where the server has no types, as Forgejo and Gitea.

    `user.type` would ask them for the account, once for each comment.
    """
    account_type = user._rawData.get("type")
    return account_type if isinstance(account_type, str) else None


def _pull(pull: PullRequest) -> Pull:
    return Pull(pull.number, pull.state, pull.head.sha)
