"""What the action asks of GitHub about the reviews of a pull request.

docs.github.com/en/rest/pulls/reviews, .../rest/pulls/pulls#list-pull-requests-files,
docs.github.com/en/graphql/reference (PullRequestReviewThread, minimizeComment)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from github import Github
from github.PullRequest import PullRequest

from scanner.github.diff import DiffFile, hunks_of
from scanner.github.failures import REVIEWS, github_errors
from scanner.github.model import Author, Comment, ReviewedPull, Thread

Json = Mapping[str, Any]

_THREADS = """
query Threads($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          isResolved
          isOutdated
          path
          comments(first: 1) {
            nodes { id databaseId body url isMinimized author { __typename login } }
          }
        }
      }
    }
  }
}
"""
_MOST_PAGES = 30  # of threads, a hundred each


class PullReviews:
    """The reviews of one pull request. Every failure is a GithubError."""

    def __init__(self, client: Github, graphql: Github, repository: str, number: int) -> None:
        self._client = client
        self._graphql = graphql
        self._repository = repository
        self.number = number

    def pull(self) -> ReviewedPull:
        """The pull request as it is now."""
        with github_errors(f"read pull request #{self.number}", REVIEWS):
            pull = self._pull()
            return ReviewedPull(pull.state == "open", pull.head.sha)

    def texts(self) -> list[Comment]:
        """The texts of all reviews, the oldest first."""
        with github_errors(f"list the reviews of #{self.number}", REVIEWS):
            return [_review(review._rawData) for review in self._pull().get_reviews()]

    def diff(self, paths: Collection[str]) -> dict[str, DiffFile]:
        """Those of these files that the pull request changes, by their paths at its head."""
        found: dict[str, DiffFile] = {}
        with github_errors(f"list the files of #{self.number}", REVIEWS):
            for file in self._pull().get_files():
                data = file._rawData  # what the answer holds: PyGithub would ask again for a missing patch
                path = data.get("filename")
                if path in paths and data.get("status") != "removed":
                    hunks = hunks_of(data.get("patch") or "")
                    found[path] = DiffFile(path, data.get("sha") or "", hunks)
                if len(found) == len(paths):
                    break
        return found

    def create(self, head: str, body: str, comments: Sequence[Json]) -> Comment:
        """A review that comments, with comments on lines of a commit."""
        given = {"commit_id": head, "body": body, "event": "COMMENT", "comments": list(comments)}
        path = f"/repos/{self._repository}/pulls/{self.number}/reviews"
        with github_errors(f"review #{self.number}", REVIEWS):
            _, answer = self._client.requester.requestJsonAndCheck("POST", path, input=given)
            return _review(answer)

    def threads(self) -> list[Thread]:
        """All conversations on lines. Only GraphQL tells whether they are resolved or hidden."""
        found: list[Thread] = []
        after: str | None = None
        with github_errors(f"list the conversations of #{self.number}", REVIEWS):
            for _ in range(_MOST_PAGES):
                owner, _, name = self._repository.partition("/")
                given = {"owner": owner, "name": name, "number": self.number, "after": after}
                _, answer = self._graphql.requester.graphql_query(_THREADS, given)
                page = answer["data"]["repository"]["pullRequest"]["reviewThreads"]
                found += [_thread(node) for node in page["nodes"] if node["comments"]["nodes"]]
                if not page["pageInfo"]["hasNextPage"]:
                    break
                after = page["pageInfo"]["endCursor"]
        return found

    def minimize(self, node: str) -> None:
        """Hide a comment as outdated."""
        given = {"subjectId": node, "classifier": "OUTDATED"}
        with github_errors(f"hide a comment on #{self.number}", REVIEWS):
            self._graphql.requester.graphql_named_mutation(
                "minimizeComment", given, "minimizedComment { isMinimized }"
            )

    def _pull(self) -> PullRequest:
        return self._client.get_repo(self._repository).get_pull(self.number)


def _review(data: Json) -> Comment:
    author = Author.of(data.get("user"))
    return Comment(
        id=data["id"],
        body=data.get("body") or "",
        author=author.login,
        is_bot=author.is_bot,
        url=data.get("html_url") or "",
    )


def _thread(node: Json) -> Thread:
    comment = node["comments"]["nodes"][0]
    author = comment.get("author") or {}
    return Thread(
        comment=Comment(
            id=comment.get("databaseId") or 0,
            body=comment["body"],
            author=author.get("login"),
            is_bot=author.get("__typename") == "Bot",
            url=comment.get("url") or "",
        ),
        path=node["path"],
        node=comment["id"],
        is_resolved=node["isResolved"],
        is_outdated=node["isOutdated"],
        is_minimized=comment["isMinimized"],
    )
