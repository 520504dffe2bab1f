"""What the fix pull request asks of GitHub's API: branches, commits, pull requests.

docs.github.com/en/rest/git/refs, .../rest/commits/commits, .../rest/pulls/pulls,
docs.github.com/en/graphql/reference/mutations (createCommitOnBranch, updateRefs)
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from github import Github
from github.GithubException import GithubException

from scanner.github.errors import GithubError
from scanner.github.failures import FIX, READ, github_errors
from scanner.github.model import Author, FixPull

_COMMIT = """
mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }
"""
_MOVE = "mutation ($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"
_HEADS = "refs/heads/"
_NOTHING = "0" * 40  # in the place of a commit: the branch is deleted
_PAGE = 100
_MOST_PULLS = 1_000
# what GraphQL says in the place of a status: docs.github.com/en/graphql/guides
_STATUSES = {"FORBIDDEN": 403, "NOT_FOUND": 404, "UNPROCESSABLE": 422, "STALE_DATA": 409}
_MOVED = ("expected branch to point to", "pull and try again")


class Base(NamedTuple):
    """The default branch: what the pull request would change. `id` is the repository's for GraphQL."""

    branch: str
    head: str
    id: str


class BranchCommit(NamedTuple):
    """A commit that only a branch has. `author` is None where no account is known."""

    message: str
    author: str | None
    is_bot: bool


class Branches:
    """Branches and pull requests of one repository. Every failure is a GithubError."""

    def __init__(self, name: str, client: Github, graphql: Github) -> None:
        self._name = name
        self._client = client
        self._graphql = graphql

    def base(self) -> Base:
        """The default branch as it is now: a branch may have been renamed since the run began."""
        with github_errors("tell the default branch", FIX):
            found = self._rest("GET", "")
            branch, repository_id = str(found["default_branch"]), str(found["node_id"])
            is_archived = bool(found.get("archived"))
        if is_archived:
            raise GithubError(403, "", "the repository is archived, and cannot be changed")
        head = self.head(branch)
        if head is None:
            raise GithubError(404, "", "the default branch has no commit, or was renamed a moment ago")
        return Base(branch, head, repository_id)

    def head(self, branch: str) -> str | None:
        """The commit that a branch is at, None where there is no such branch."""
        with github_errors(f"read the branch {branch}", FIX):
            try:
                return str(self._rest("GET", f"/git/ref/{_quoted(branch)}")["object"]["sha"])
            except GithubException as error:
                if error.status != 404:
                    raise
                return None

    def commits(self, base: str, head: str) -> list[BranchCommit] | None:
        """The commits of a head that a base does not have; None where they are too many to look at."""
        with github_errors("compare the branch with the default branch", FIX):
            found = self._rest("GET", f"/compare/{base}...{head}", {"per_page": str(_PAGE)})
            if found["total_commits"] > len(found["commits"]):
                return None
            return [_commit(commit) for commit in found["commits"]]

    def pulls(self, branch: str) -> list[FixPull]:
        """The pull requests of a branch of the repository itself, open and closed."""
        with github_errors("list the pull requests", READ):
            owner = self._name.partition("/")[0]
            asked = {"state": "all", "head": f"{owner}:{branch}", "per_page": str(_PAGE)}
            pulls: list[FixPull] = []
            for page in range(1, _MOST_PULLS // _PAGE + 1):
                listed = self._rest("GET", "/pulls", asked | {"page": str(page)})
                pulls += [pull for pull in map(_pull, listed) if pull.branch == branch]
                if len(listed) < _PAGE:
                    break
            return pulls

    def commit(self, branch: str, parent: str, message: tuple[str, str], files: Mapping[str, bytes]) -> str:
        """Put a signed commit on a branch that is at `parent`, and return it. Raises MovedError if it is not.

        `message` is the first line and the rest. The token's own account is the author.
        """
        with _branch_errors("commit", branch):
            additions = [
                {"path": path, "contents": base64.b64encode(content).decode()}
                for path, content in files.items()
            ]
            asked = {
                "branch": {"repositoryNameWithOwner": self._name, "branchName": branch},
                "expectedHeadOid": parent,
                "message": {"headline": message[0], "body": message[1]},
                "fileChanges": {"additions": additions},
            }
            return str(self._mutate(_COMMIT, asked)["createCommitOnBranch"]["commit"]["oid"])

    def create(self, branch: str, head: str) -> None:
        """A new branch. Raises MovedError where there is one already."""
        with _branch_errors("create", branch):
            self._rest("POST", "/git/refs", body={"ref": _HEADS + branch, "sha": head})

    def move(self, base: Base, branch: str, before: str, after: str) -> None:
        """Move a branch from one commit to another, whatever lies between. Raises MovedError if it moved.

        REST's force would also take away what somebody pushed a moment ago: GraphQL compares first.
        """
        self._update(base, branch, before, after, "move")

    def remove(self, base: Base, branch: str, before: str) -> None:
        """Delete a branch that is at a commit. Raises MovedError if it is not."""
        self._update(base, branch, before, _NOTHING, "delete")

    def _update(self, base: Base, branch: str, before: str, after: str, doing: str) -> None:
        with _branch_errors(doing, branch):
            update = {"name": _HEADS + branch, "beforeOid": before, "afterOid": after, "force": True}
            try:
                self._mutate(_MOVE, {"repositoryId": base.id, "refUpdates": [update]})
            except GithubException as error:
                if error.status in (400, 404) and self.head(branch) != before:
                    raise GithubException(409, error.data) from None
                raise

    def delete(self, branch: str) -> None:
        """Delete a branch; whether it was there does not matter."""
        with _branch_errors("delete", branch):
            try:
                self._rest("DELETE", f"/git/refs/{_quoted(branch)}")
            except GithubException as error:
                if error.status not in (404, 422):  # 422: Reference does not exist
                    raise

    def open_pull(self, base: str, branch: str, title: str, body: str) -> FixPull:
        """A new pull request. Raises MovedError where there is one already."""
        with github_errors("create a pull request", FIX):
            asked = {"title": title, "body": body, "head": branch, "base": base}
            try:
                return _pull(self._rest("POST", "/pulls", body=asked))
            except GithubException as error:
                if error.status == 422 and "already exists" in str(error.data):
                    raise GithubException(409, error.data) from None
                raise

    def update_pull(self, number: int, body: str, *, base: str = "", closed: bool = False) -> None:
        """Another text for a pull request; with `base` another branch to go to, and it may be closed."""
        with github_errors(f"update the pull request #{number}", FIX):
            more = ({"base": base} if base else {}) | ({"state": "closed"} if closed else {})
            self._rest("PATCH", f"/pulls/{number}", body={"body": body} | more)

    def _rest(self, verb: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        url = f"/repos/{self._name}{path}"
        _, data = self._client.requester.requestJsonAndCheck(
            verb, url, parameters=dict(query or {}), input=body
        )
        return data

    def _mutate(self, mutation: str, asked: Mapping[str, Any]) -> Any:
        _, answer = self._graphql.requester.graphql_query(mutation, {"input": dict(asked)})
        return answer["data"]


@contextmanager
def _branch_errors(doing: str, branch: str) -> Iterator[None]:
    """As `github_errors`: what GraphQL says of its errors becomes a status."""
    with github_errors(f"{doing} the branch {branch}" if doing != "commit" else f"commit to {branch}", FIX):
        try:
            yield
        except GithubException as error:
            status = _status_of(error)
            if status == error.status:
                raise
            raise GithubException(status, error.data, error.headers) from None


def _status_of(error: GithubException) -> int:
    errors = error.data.get("errors") if isinstance(error.data, dict) else None
    details = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    text = str(error.data).lower()
    if error.status == 422 and "already exists" in text:
        return 409
    if error.status != 400:
        return error.status
    if any(sign in text for sign in _MOVED):
        return 409
    return next((_STATUSES[kind] for entry in details if (kind := str(entry.get("type"))) in _STATUSES), 400)


def _quoted(branch: str) -> str:
    return quote(f"heads/{branch}", safe="/")


def _commit(commit: Mapping[str, Any]) -> BranchCommit:
    return BranchCommit(str(commit["commit"]["message"]), *Author.of(commit.get("author")))


def _pull(data: Mapping[str, Any]) -> FixPull:
    author = Author.of(data.get("user"))
    head = data.get("head") or {}
    of_this_repository = (head.get("repo") or {}).get("full_name") in (
        None,
        data["base"]["repo"]["full_name"],
    )
    return FixPull(
        id=data["number"],
        body=data.get("body") or "",
        author=author.login,
        is_bot=author.is_bot,
        url=data.get("html_url") or "",
        is_open=data.get("state") == "open",
        is_merged=bool(data.get("merged_at")),
        branch=head.get("ref", "") if of_this_repository else "",
        base=data["base"]["ref"],
    )
