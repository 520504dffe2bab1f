"""Branches, commits and pull requests of branches in the fake GitHub, and what becomes of them.

As GitHub does, it closes a pull request whose branch is deleted or has no commit that its base does not have;
refuses to open two of one branch; and answers GraphQL's errors with status 200.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

REPOSITORY, REF, CREATE_REF, DELETE_REF = "repository", "ref", "ref-create", "ref-delete"
COMPARE, CREATE_PULL, UPDATE_PULL = "compare", "pull-create", "pull-update"
COMMIT, MOVE = "commit", "move"
BRANCH_OPERATIONS = (
    *(REPOSITORY, REF, CREATE_REF, DELETE_REF, COMPARE, CREATE_PULL, UPDATE_PULL, COMMIT, MOVE),
)
NOT_PERMITTED = "GitHub Actions is not permitted to create or approve pull requests."
PROTECTED = "Cannot update this protected ref."
_NOTHING = "0" * 40
_TIME = "2026-01-02T03:04:05Z"


class StoredCommit(NamedTuple):
    """A commit. Its files are those of the fake, by its hash."""

    sha: str
    parent: str | None
    message: str
    author: str | None
    kind: str
    files: Mapping[str, Any]


@dataclass
class StoredPull:
    """A pull request of a branch of the repository."""

    number: int
    branch: str
    base: str
    title: str
    body: str
    author: str
    kind: str
    state: str = "open"
    merged: bool = False
    head: str = ""
    edits: int = 0


class BranchRefusal(Exception):  # noqa: N818  the name says more than an "Error" would
    """An answer that refuses; `kind` is GraphQL's word for it."""

    def __init__(self, status: int, message: str, kind: str = "UNPROCESSABLE") -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


@dataclass
class Branches:
    """All branches. `locked` are those that nobody may change; `pulls_allowed` is the setting."""

    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, StoredCommit] = field(default_factory=dict)
    pulls: dict[int, StoredPull] = field(default_factory=dict)
    default: str = "main"
    is_archived: bool = False
    pulls_allowed: bool = True
    locked: Collection[str] = ()
    next_number: int = 500
    _made: int = 0

    def start(self, sha: str, files: Mapping[str, Any]) -> None:
        """The default branch, at its first commit."""
        self.commits[sha] = StoredCommit(sha, None, "first", "someone", "User", files)
        self.refs[self.default] = sha

    def push(
        self,
        branch: str,
        files: Mapping[str, str | bytes],
        author: str = "someone",
        kind: str = "User",
        message: str = "a change",
    ) -> str:
        """Somebody commits to a branch."""
        parent = self.refs[branch]
        content = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        sha = self._commit(parent, content, message, author, kind)
        self._set(branch, sha)
        return sha

    def pull_of(self, branch: str) -> StoredPull | None:
        """The open pull request of a branch."""
        return next((p for p in self.pulls.values() if p.branch == branch and p.state == "open"), None)

    def merge(self, number: int, *, squash: bool = True) -> None:
        """Somebody merges a pull request; its branch stays."""
        pull = self.pulls[number]
        files = self.commits[self.refs[pull.branch]].files
        pull.state, pull.merged = "closed", True
        if squash:
            self.push(pull.base, dict(files), message=pull.title)
        else:
            self.refs[pull.base] = self.refs[pull.branch]

    def close(self, number: int) -> None:
        """Somebody closes a pull request."""
        self.pulls[number].state = "closed"

    def ahead(self, base: str, head: str) -> list[StoredCommit]:
        """The commits of one that another does not have, the oldest first."""
        known = {commit.sha for commit in self._history(base)}
        return [commit for commit in self._history(head) if commit.sha not in known][::-1]

    def files(self, branch: str) -> Mapping[str, Any]:
        """What is in a branch."""
        return self.commits[self.refs[branch]].files

    # -- what a client asks for

    def create_ref(self, ref: str, sha: str) -> str:
        """A branch that a client creates."""
        self._check(ref.removeprefix("refs/heads/"))
        branch = ref.removeprefix("refs/heads/")
        if branch in self.refs:
            raise BranchRefusal(422, "Reference already exists")
        if any(known.startswith(f"{branch}/") or branch.startswith(f"{known}/") for known in self.refs):
            raise BranchRefusal(422, "Reference cannot be created: a folder has its name")
        if sha not in self.commits:
            raise BranchRefusal(422, "Object does not exist")
        self.refs[branch] = sha
        return branch

    def delete_ref(self, branch: str) -> None:
        """A branch that a client deletes."""
        self._check(branch)
        if branch not in self.refs:
            raise BranchRefusal(422, "Reference does not exist")
        self._set(branch, None)

    def commit_on_branch(self, asked: Json, author: str) -> Json:
        """createCommitOnBranch."""
        branch, expected = asked["branch"]["branchName"], asked["expectedHeadOid"]
        self._check(branch)
        if branch not in self.refs:
            raise BranchRefusal(200, "A branch with that name does not exist", "NOT_FOUND")
        if self.refs[branch] != expected:
            message = (
                f'Expected branch to point to "{self.refs[branch]}" but it did not.  Pull and try again.'
            )
            raise BranchRefusal(200, message, "STALE_DATA")
        additions = {
            entry["path"]: base64.b64decode(entry["contents"], validate=True)
            for entry in asked["fileChanges"]["additions"]
        }
        if any(path.startswith(".github/workflows/") for path in additions):
            raise BranchRefusal(200, "refusing to allow a bot to create or update a workflow", "FORBIDDEN")
        message = f"{asked['message']['headline']}\n\n{asked['message']['body']}"
        sha = self._commit(expected, additions, message, author, "Bot")
        self._set(branch, sha)
        return {"createCommitOnBranch": {"commit": {"oid": sha}}}

    def update_refs(self, asked: Json) -> Json:
        """updateRefs."""
        assert asked["repositoryId"] == "R_1"
        for update in asked["refUpdates"]:
            branch, after = update["name"].removeprefix("refs/heads/"), update["afterOid"]
            assert branch != update["name"]
            self._check(branch)
            if self.refs.get(branch, _NOTHING) != update["beforeOid"]:
                raise BranchRefusal(200, "The ref is not at the commit that was expected")
            if after != _NOTHING and not update["force"]:
                assert self.refs[branch] in {commit.sha for commit in self._history(after)}
            self._set(branch, None if after == _NOTHING else after)
        return {"updateRefs": {"clientMutationId": None}}

    def create_pull(self, asked: Json, text: str, author: str) -> StoredPull:
        """A pull request that a client opens."""
        if not self.pulls_allowed:
            raise BranchRefusal(403, NOT_PERMITTED)
        branch, base = asked["head"], asked["base"]
        if branch not in self.refs or base not in self.refs:
            raise BranchRefusal(422, "Validation Failed")
        if self.pull_of(branch):
            raise BranchRefusal(422, f"A pull request already exists for octocat:{branch}.")
        if not self.ahead(self.refs[base], self.refs[branch]):
            raise BranchRefusal(422, f"No commits between {base} and {branch}")
        pull = StoredPull(self.next_number, branch, base, asked["title"], text, author, "Bot")
        pull.head = self.refs[branch]
        self.next_number += 1
        self.pulls[pull.number] = pull
        return pull

    def update_pull(self, number: int, asked: Json, text: str | None) -> StoredPull:
        """A pull request that a client changes."""
        pull = self.pulls[number]
        if text is not None:
            pull.body = text
        pull.base = asked.get("base", pull.base)
        pull.state = asked.get("state", pull.state)
        pull.edits += 1
        return pull

    def _check(self, branch: str) -> None:
        if self.is_archived:
            raise BranchRefusal(403, "Repository was archived so is read-only.", "FORBIDDEN")
        if branch in self.locked:
            raise BranchRefusal(422, PROTECTED)

    def _commit(self, parent: str, files: Mapping[str, Any], message: str, author: str, kind: str) -> str:
        self._made += 1
        sha = hashlib.sha1(f"{self._made} {parent}".encode(), usedforsecurity=False).hexdigest()
        every = {**self.commits[parent].files, **files}
        self.commits[sha] = StoredCommit(sha, parent, message, author, kind, every)
        return sha

    def _set(self, branch: str, sha: str | None) -> None:
        if sha is None:
            del self.refs[branch]
        else:
            self.refs[branch] = sha
        for pull in self.pulls.values():
            if pull.branch == branch and pull.state == "open":
                if sha is None or not self.ahead(self.refs[pull.base], sha):
                    pull.state = "closed"
                pull.head = sha or pull.head

    def _history(self, sha: str | None) -> list[StoredCommit]:
        found = []
        while sha is not None:
            found.append(self.commits[sha])
            sha = found[-1].parent
        return found


def ref_json(branch: str, sha: str, api: str) -> Json:
    """A branch as the API says it."""
    return {
        "ref": f"refs/heads/{branch}",
        "node_id": "REF_1",
        "url": f"{api}/git/refs/heads/{branch}",
        "object": {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"},
    }


def commit_json(commit: StoredCommit, api: str, site: str, user: Json | None) -> Json:
    """A commit as a comparison has it."""
    who = {"name": commit.author or "?", "email": "a@example.com", "date": _TIME}
    url = f"{api}/commits/{commit.sha}"
    return {
        "url": url,
        "sha": commit.sha,
        "node_id": f"C_{commit.sha}",
        "html_url": f"{site}/commit/{commit.sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "url": f"{api}/git/commits/{commit.sha}",
            "author": who,
            "committer": who,
            "message": commit.message,
            "comment_count": 0,
            "tree": {"sha": commit.sha, "url": f"{api}/git/trees/{commit.sha}"},
        },
        "author": user,
        "committer": user,
        "parents": [
            {"sha": parent, "url": f"{api}/commits/{parent}", "html_url": f"{site}/commit/{parent}"}
            for parent in [commit.parent]
            if parent
        ],
    }


def comparison_json(base: Json, commits: list[Json], api: str, site: str) -> Json:
    """A comparison as the API says it."""
    url = f"{api}/compare/{base['sha']}...x"
    return {
        "url": url,
        "html_url": f"{site}/compare/x",
        "permalink_url": f"{site}/compare/x",
        "diff_url": f"{site}/compare/x.diff",
        "patch_url": f"{site}/compare/x.patch",
        "base_commit": base,
        "merge_base_commit": base,
        "status": "ahead" if commits else "identical",
        "ahead_by": len(commits),
        "behind_by": 0,
        "total_commits": len(commits),
        "commits": commits,
        "files": [],
    }
