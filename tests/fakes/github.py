"""A small GitHub with a memory, over real HTTP.

In a test, with the client pointed at it::

    with FakeGitHub() as fake:
        fake.comment(7, "hello", author="someone")
        repository = api.repository(fake.token, fake.url, fake.name, fake.graphql_url)
        ...
        assert [c.body for c in fake.comments[7]] == [...]

It knows issues and the comments of issues and pull requests, the pull requests of a commit, their files and
reviews, the files of a commit, and GraphQL's viewer and conversations. What it answers satisfies GitHub's
API description (tests/github/test_contract.py holds it to that), and it refuses what GitHub refuses though
the description does not say so: a body of more than 65,536 characters, a token without the right. ``Script``
holds all that may go wrong.

Where a proxy stands before it, ``public_url`` is the proxy's address: the links in its answers lead there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.fakes.github_branches import (
    BRANCH_OPERATIONS,
    COMMIT,
    COMPARE,
    CREATE_PULL,
    CREATE_REF,
    DELETE_REF,
    MOVE,
    REF,
    REPOSITORY,
    UPDATE_PULL,
    Branches,
    BranchRefusal,
    StoredPull,
    commit_json,
    comparison_json,
    ref_json,
)
from tests.fakes.github_issues import (
    CREATE_ISSUE,
    LIST_ISSUES,
    UPDATE_ISSUE,
    IssueRefusal,
    Issues,
    StoredIssue,
    issue_json,
)
from tests.fakes.github_reviews import (
    FILES,
    MINIMIZE,
    PULL,
    REVIEW,
    REVIEWS,
    THREADS,
    Content,
    ReviewedPull,
    ReviewRefusal,
    files_json,
    minimize,
    pull_json,
    review_json,
    threads_json,
)
from tests.fakes.github_reviews import create as create_review
from tests.fakes.serving import PromptHandler

Json = dict[str, Any]

LONGEST_BODY = 65_536
FOREVER = float("inf")
LIST, CREATE, UPDATE, DELETE = "list", "create", "update", "delete"
PULLS, GRAPHQL, USER = "pulls", "graphql", "user"
HEADS, CONTENTS, BLOB = "heads", "contents", "blob"

BASE = "0" * 39 + "1"
"""the tip of the default branch"""
LARGEST_CONTENT = 1024 * 1024
"""of a larger file the contents tell no content, and the blob does"""

NOT_ACCESSIBLE = "Resource not accessible by integration"
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach "
    "out to GitHub Support for help, please include the request ID 0A1B:2C3D:4E5F."
)
PRIMARY = "API rate limit exceeded for installation ID 1234567."
_DOCS = "https://docs.github.com/rest"
_TIME = "2026-01-02T03:04:05Z"


@dataclass
class Script:
    """How the fake behaves. It may be changed while it runs; the defaults are GitHub on a good day."""

    delay: float = 0.0
    """seconds before each answer"""
    rights: Collection[str] = (
        *(LIST, CREATE, UPDATE, DELETE, PULLS, GRAPHQL, HEADS, CONTENTS, BLOB),
        *(LIST_ISSUES, CREATE_ISSUE, UPDATE_ISSUE),
        *(PULL, FILES, REVIEWS, REVIEW, THREADS, MINIMIZE),
        *BRANCH_OPERATIONS,
    )
    """what the token may do; the rest is refused with `denial`, as USER is to a workflow's own token"""
    denial: tuple[int, str] = (403, NOT_ACCESSIBLE)
    """status and message where a right is missing"""
    fail_first: float = 0
    """the first k requests are answered with `failure`"""
    failure: int = 502
    """status of an answer that fails; 0: the connection is closed without one"""
    fail: Mapping[str, int] = field(default_factory=dict)
    """operation -> so many requests of it are answered with `failure`"""
    fail_after: Mapping[str, int] = field(default_factory=dict)
    """operation -> so many requests of it are carried out, and answered with `failure` all the same"""
    drop_first: float = 0
    """the connections of the first k requests are closed without an answer"""
    limit_first: float = 0
    """the first k requests hit the rate limit"""
    limited: tuple[int, str, Mapping[str, str]] = (403, SECONDARY, MappingProxyType({}))
    """status, message and headers of that answer"""
    locked: Collection[int] = ()
    """the issues whose conversation is locked"""
    mangle: Callable[[str, Any], Any] | None = None
    """replaces the answer of an operation"""
    meanwhile: dict[str, list[Callable[[], object]]] = field(default_factory=dict)
    """operation -> what others do after its first, second, ... answer was found and before it is sent"""


class Request(NamedTuple):
    """One request as it came, and how it was answered (status 0: the connection was closed)."""

    operation: str
    method: str
    path: str
    body: Json
    authorization: str
    time: float
    status: int


@dataclass
class Stored:
    """A comment. `author` is None where the account is gone."""

    id: int
    number: int
    body: str
    author: str | None
    kind: str
    edits: int = 0


class Link(NamedTuple):
    """A symbolic link in a commit, which leads to no file there."""

    target: str


class Submodule(NamedTuple):
    """A submodule in a commit."""

    url: str


class _Refusal(Exception):  # noqa: N818  the name says more than an "Error" would
    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"message": message, "documentation_url": _DOCS, "status": str(status)} | more


class _Drop(Exception):  # noqa: N818  it tells the server what to do, and is no error
    """The connection is to be closed without an answer."""


class _Answer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


class FakeGitHub:
    """The fake: a context manager that serves on a port of its own, in threads of its own."""

    def __init__(
        self,
        name: str = "octocat/notes-app",
        viewer: str | None = "github-actions[bot]",
        script: Script | None = None,
        prefix: str = "",
        *,
        is_gitea: bool = False,
    ) -> None:
        """`is_gitea`: as Forgejo and Gitea are, without GraphQL, types of users, and links to objects."""
        self.is_gitea = is_gitea
        self.name = name
        self.viewer = viewer
        self.token = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
        self.script = script or Script()
        self.prefix = prefix
        self.requests: list[Request] = []
        self.comments: dict[int, list[Stored]] = {}
        self.issues = Issues()
        self.reviewed: dict[int, ReviewedPull] = {}
        self.pulls: dict[str, list[Json]] = {}
        self.files: dict[str, dict[str, bytes | Link | Submodule]] = {BASE: {}}
        self.branches = Branches()
        self.branches.start(BASE, self.files[BASE])
        self.public_url = ""
        self.url = ""
        self.graphql_url = ""
        self._ids = 1000
        self._asked = 0
        self._asked_of: Counter[str] = Counter()
        self._failed_after: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._server: ThreadingHTTPServer | None = None

    # -- for tests

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"github": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.public_url = root + self.prefix
        # as on GitHub Enterprise Server: /api/v3 beside /api/graphql
        self.graphql_url = root + self.prefix.removesuffix("/v3") + "/graphql"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def comment(self, number: int, body: str, author: str | None = None, kind: str = "User") -> Stored:
        """Somebody comments; without an author it is the token's own account."""
        if author is None:
            author, kind = self.viewer, "Bot"
        return self._store(number, body, author, kind)

    def ghost_comment(self, number: int, body: str) -> Stored:
        """A comment whose author's account is gone."""
        return self._store(number, body, None, "User")

    def pull_request(
        self, number: int, sha: str, *, commits: Collection[str] = (), state: str = "open", fork: bool = False
    ) -> None:
        """A pull request with `sha` as its head, which is found by its other commits too."""
        pull = self._pull(number, sha, state, "someone/notes-app" if fork else self.name)
        for commit in (sha, *commits):
            self.pulls.setdefault(commit, []).append(pull)

    def reviewed_pull(self, number: int, head: str, files: Mapping[str, Content]) -> ReviewedPull:
        """A pull request that can be reviewed, with what it changes."""
        self.reviewed[number] = ReviewedPull(number, head, dict(files))
        return self.reviewed[number]

    def commit(self, files: Mapping[str, str | bytes | Link | Submodule], sha: str = BASE) -> None:
        """A commit with these files, by their paths."""
        self.files[sha] = {
            path: content.encode() if isinstance(content, str) else content for path, content in files.items()
        }
        if sha == BASE:
            self.branches.start(BASE, self.files[BASE])

    def delete(self, comment_id: int) -> bool:
        """Somebody deletes a comment; whether it was there."""
        for comments in self.comments.values():
            for comment in comments:
                if comment.id == comment_id:
                    comments.remove(comment)
                    return True
        return False

    def bodies(self, number: int) -> list[str]:
        """The texts of all comments, in order."""
        return [comment.body for comment in self.comments.get(number, [])]

    def count(self, operation: str, status: int | None = None) -> int:
        """How many requests of an operation came (and were answered with that status)."""
        return sum(r.operation == operation and status in (None, r.status) for r in self.requests)

    # -- the server

    def handle(
        self, method: str, target: str, raw: bytes, authorization: str
    ) -> tuple[int, bytes, dict[str, str]] | None:
        """Answer one request: status, body, headers; None to close the connection."""
        url = urlsplit(target)
        path = url.path.removeprefix(self.prefix)
        operation, arguments = _route(method, path, url.path)
        body: Json = {}
        answer: _Answer | None
        try:
            body = json.loads(raw or b"{}")
            operation = _mutation(body) or _graphql_operation(body) if operation == GRAPHQL else operation
            with self._lock:
                self._misbehave(operation, authorization)
                answer = self._answer(operation, arguments, parse_qs(url.query), body)
                self._fail_after(operation)
        except _Refusal as denial:
            answer = _Answer(denial.status, denial.body, denial.headers)
            if operation in (COMMIT, MOVE) and str(denial) == self.script.denial[1]:
                answer = _graphql_error(denial.body["message"], "FORBIDDEN")
        except BranchRefusal as denial:
            refused = _Refusal(denial.status, denial.message)
            answer = _Answer(refused.status, refused.body, refused.headers)
            if operation in (COMMIT, MOVE):
                answer = _graphql_error(denial.message, denial.kind)
        except (IssueRefusal, ReviewRefusal) as denial:
            refused = _Refusal(denial.status, denial.message, **denial.more)
            answer = _Answer(refused.status, refused.body, refused.headers)
        except _Drop:
            answer = None
        at = time.monotonic() - self._started
        status = answer.status if answer else 0
        self.requests.append(Request(operation, method, target, body, authorization, at, status))
        if self.script.delay:
            time.sleep(self.script.delay)
        if others := self.script.meanwhile.get(operation):
            others.pop(0)()
        if answer is None:
            return None
        content = self.script.mangle(operation, answer.body) if self.script.mangle else answer.body
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        return answer.status, data, dict(answer.headers)

    def _misbehave(self, operation: str, authorization: str) -> None:
        script = self.script
        self._asked += 1
        if self._asked <= script.drop_first:
            raise _Drop
        self._asked_of[operation] += 1
        if self._asked <= script.fail_first or self._asked_of[operation] <= script.fail.get(operation, 0):
            raise self._failure()
        if self._asked <= script.limit_first:
            status, message, headers = script.limited
            raise _Refusal(status, message, headers)
        if authorization.removeprefix("token ").removeprefix("Bearer ") != self.token:
            raise _Refusal(401, "Bad credentials")
        if operation and operation not in script.rights:
            raise _Refusal(*script.denial)

    def _fail_after(self, operation: str) -> None:
        self._failed_after[operation] += 1
        if self._failed_after[operation] <= self.script.fail_after.get(operation, 0):
            raise self._failure()

    def _failure(self) -> Exception:
        return _Refusal(self.script.failure, "Server Error") if self.script.failure else _Drop()

    # -- the API

    def _answer(
        self, operation: str, arguments: tuple[str, ...], query: Mapping[str, list[str]], body: Json
    ) -> _Answer:
        if operation in (GRAPHQL, THREADS, MINIMIZE, COMMIT, MOVE) and not self.is_gitea:
            return _Answer(200, self._graphql(operation, body), {})
        if operation == USER:
            return _Answer(200, _user(self.public_url, self.viewer or "", "User"), {})
        if not operation or "/".join(arguments[:2]) != self.name:
            raise _Refusal(404, "Not Found")
        if operation == PULLS:
            return self._page(
                self.pulls.get(arguments[2], []), query, f"/repos/{self.name}/commits/{arguments[2]}/pulls"
            )
        if operation == HEADS:
            head, state = query.get("head", [""])[0], query.get("state", ["open"])[0]
            every = {p["number"]: p for pulls in self.pulls.values() for p in pulls}
            every |= {pull.number: self._own_pull(pull) for pull in self.branches.pulls.values()}
            every = {number: p for number, p in every.items() if state in ("all", p["state"])}
            listed = [p for p in every.values() if head in ("", p["head"]["label"])]
            return self._page(listed, query, f"/repos/{self.name}/pulls")
        if operation in (CONTENTS, BLOB):
            ref = query.get("ref", ["main"])[0]
            is_blob = operation == BLOB
            found = self._blob(arguments[2]) if is_blob else self._contents(unquote(arguments[2]), ref)
            return _Answer(200, found, {})
        if operation in (PULL, FILES, REVIEWS, REVIEW):
            return self._answer_reviews(operation, int(arguments[2]), query, body)
        if operation in BRANCH_OPERATIONS:
            return self._answer_branches(operation, arguments, body)
        if operation in (LIST_ISSUES, CREATE_ISSUE, UPDATE_ISSUE):
            return self._answer_issues(operation, arguments, query, body)
        return self._answer_comments(operation, int(arguments[2]), query, body)

    def _mutate(self, operation: str, asked: Json) -> Json:
        if operation == COMMIT:
            assert asked["branch"]["repositoryNameWithOwner"] == self.name
            data = self.branches.commit_on_branch(asked, self.viewer or "app[bot]")
        else:
            data = self.branches.update_refs(asked)
        self._keep_commits()
        return {"data": data}

    def _answer_branches(self, operation: str, arguments: tuple[str, ...], body: Json) -> _Answer:
        branches, api = self.branches, f"{self.public_url}/repos/{self.name}"
        site, rest = f"{_site(self.public_url)}/{self.name}", unquote("".join(arguments[2:3]))
        if operation == REPOSITORY:
            owner = _user(self.public_url, self.name.split("/")[0], "User")
            known = {"default_branch": branches.default, "archived": branches.is_archived}
            more = {"network_count": 0, "subscribers_count": 0, "has_discussions": False}
            return _Answer(200, _repository(self.public_url, self.name, owner) | known | more, {})
        if operation == REF:
            if rest not in branches.refs:
                raise _Refusal(404, "Not Found")
            return _Answer(200, ref_json(rest, branches.refs[rest], api), {})
        if operation == CREATE_REF:
            branch = branches.create_ref(body["ref"], body["sha"])
            return _Answer(201, ref_json(branch, body["sha"], api), {})
        if operation == DELETE_REF:
            branches.delete_ref(rest)
            return _Answer(204, b"", {})
        if operation == COMPARE:
            base, head = rest.split("...")
            base_json, *commits = [
                commit_json(c, api, site, _user(self.public_url, c.author, c.kind) if c.author else None)
                for c in (branches.commits[base], *branches.ahead(base, head))
            ]
            return _Answer(200, comparison_json(base_json, commits, api, site), {})
        if operation == CREATE_PULL:
            created = branches.create_pull(body, _body_of(body), self.viewer or "app[bot]")
            return _Answer(201, self._own_pull(created, whole=True), {})
        text = _body_of(body) if "body" in body else None
        return _Answer(200, self._own_pull(branches.update_pull(int(rest), body, text), whole=True), {})

    def _keep_commits(self) -> None:
        """Have the files of all commits be read by their hashes."""
        self.files |= {sha: dict(commit.files) for sha, commit in self.branches.commits.items()}

    def _own_pull(self, pull: StoredPull, *, whole: bool = False) -> Json:
        answer = self._pull(pull.number, pull.head, pull.state, self.name) | {
            "title": pull.title,
            "body": pull.body,
            "user": _user(self.public_url, pull.author, pull.kind),
            "head": _branch(self.public_url, self.name, pull.branch, pull.head),
            "base": _branch(self.public_url, self.name, pull.base, BASE),
            "merged_at": _TIME if pull.merged else None,
        }
        counts = ("comments", "review_comments", "commits", "additions", "deletions", "changed_files")
        more: Json = {
            "merged": pull.merged,
            "mergeable": None,
            "mergeable_state": "unknown",
            "merged_by": None,
        }
        more |= {"maintainer_can_modify": False} | dict.fromkeys(counts, 1)
        return answer | more if whole else answer

    def _answer_issues(
        self, operation: str, arguments: tuple[str, ...], query: Mapping[str, list[str]], body: Json
    ) -> _Answer:
        if operation == LIST_ISSUES:
            found = self.issues.listed(query, self.is_gitea)
            return self._page(list(map(self._issue, found)), query, f"/repos/{self.name}/issues")
        if operation == CREATE_ISSUE:
            created = self.issues.create(body, _body_of(body), self.viewer or "app[bot]")
            return _Answer(201, self._issue(created), {})
        changed = self.issues.update(int(arguments[2]), body, _body_of, self.is_gitea)
        return _Answer(200, self._issue(changed), {})

    def _answer_reviews(
        self, operation: str, number: int, query: Mapping[str, list[str]], body: Json
    ) -> _Answer:
        pull = self._reviewed(number)
        api, site = f"{self.public_url}/repos/{self.name}", f"{_site(self.public_url)}/{self.name}"
        path = f"/repos/{self.name}/pulls/{number}"
        if operation == PULL:
            simple = self._pull(number, pull.head, pull.state, self.name)
            return _Answer(200, pull_json(simple, pull), {})
        if operation == FILES:
            return self._page(files_json(pull, api, site), query, f"{path}/files")
        if operation == REVIEWS:
            listed = [
                review_json(review, pull, api, site, _user(self.public_url, review.author, review.kind))
                for review in pull.reviews
            ]
            return self._page(listed, query, f"{path}/reviews")
        if number in self.script.locked:
            raise _Refusal(403, "Unable to create a review because the conversation is locked.")
        made = create_review(pull, body, self.viewer or "app[bot]", self._new_id)
        user = _user(self.public_url, made.author, made.kind)
        return _Answer(200, review_json(made, pull, api, site, user), {})

    def _reviewed(self, number: int) -> ReviewedPull:
        if number not in self.reviewed:
            raise _Refusal(404, "Not Found")
        return self.reviewed[number]

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    def _answer_comments(
        self, operation: str, number: int, query: Mapping[str, list[str]], body: Json
    ) -> _Answer:
        """Answer for the comments of an issue, or for a comment of this number."""
        if operation == UPDATE:
            return self._update(number, _body_of(body))
        if operation == DELETE:
            if not self.delete(number):
                raise _Refusal(404, "Not Found")
            return _Answer(204, b"", {})
        if operation == LIST:
            listed = [self._comment(c) for c in self.comments.get(number, [])]
            return self._page(listed, query, f"/repos/{self.name}/issues/{number}/comments")
        if number in self.script.locked:
            raise _Refusal(403, "Unable to create comment because issue is locked.")
        if number in self.issues.deleted:
            raise _Refusal(410, "This issue was deleted")
        stored = self._store(number, _body_of(body), self.viewer or "app[bot]", "Bot")
        if number in self.issues.stored:
            self.issues.notify(number, "commented")
        return _Answer(201, self._comment(stored), {})

    def _graphql(self, operation: str, body: Json) -> Json:
        given = body.get("variables") or {}
        if operation == THREADS:
            site = f"{_site(self.public_url)}/{self.name}/pull/{given['number']}"
            return {"data": threads_json(self._reviewed(given["number"]), site, given["after"])}
        if operation == MINIMIZE:
            return {"data": minimize(self.reviewed, given)}
        if operation in (COMMIT, MOVE):
            return self._mutate(operation, body["variables"]["input"])
        if self.viewer is None:
            return {"data": None, "errors": [{"type": "FORBIDDEN", "message": NOT_ACCESSIBLE}]}
        return {"data": {"viewer": {"login": self.viewer.removesuffix("[bot]")}}}

    def _contents(self, path: str, ref: str) -> Json | list[Json]:
        self._keep_commits()
        default = self.branches.default
        files = self.files.get(
            self.branches.refs[default] if ref in (default, f"refs/heads/{default}") else ref
        )
        if files is None:
            raise _Refusal(404, f"No commit found for the ref {ref}")
        if path in files:
            return self._content(path, files[path], ref)
        folder = f"{path}/" if path else ""
        inside = {name.removeprefix(folder).split("/")[0] for name in files if name.startswith(folder)}
        if path and not inside:
            raise _Refusal(404, "Not Found")
        return [self._entry(folder + name, files.get(folder + name), ref) for name in sorted(inside)]

    def _content(self, path: str, content: bytes | Link | Submodule, ref: str) -> Json:
        entry = self._entry(path, content, ref)
        if isinstance(content, Link):
            return entry | {"target": content.target}
        if isinstance(content, Submodule):
            nowhere = {"git_url": None, "html_url": None, "download_url": None}
            links = {"self": entry["url"], "git": None, "html": None}
            return entry | nowhere | {"submodule_git_url": content.url, "type": "submodule", "_links": links}
        if len(content) > LARGEST_CONTENT:
            return entry | {"content": "", "encoding": "none"}
        return entry | {"content": base64.encodebytes(content).decode(), "encoding": "base64"}

    def _entry(self, path: str, content: bytes | Link | Submodule | None, ref: str) -> Json:
        """What a listing tells of a file, a link, a submodule ("file" in listings), or a folder (None)."""
        kind = "dir" if content is None else "symlink" if isinstance(content, Link) else "file"
        sha = _sha_of(content if isinstance(content, bytes) else path.encode())
        url = f"{self.public_url}/repos/{self.name}/contents/{path}?ref={ref}"
        git = f"{self.public_url}/repos/{self.name}/git/{'trees' if content is None else 'blobs'}/{sha}"
        html = f"{_site(self.public_url)}/{self.name}/blob/{ref}/{path}"
        return {
            "type": kind,
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": sha,
            "size": len(content) if isinstance(content, bytes) else 0,
            "url": url,
            "git_url": git,
            "html_url": html,
            "download_url": html if kind == "file" else None,
            "_links": {"self": url, "git": git, "html": html},
        }

    def _blob(self, sha: str) -> Json:
        for files in self.files.values():
            for content in files.values():
                if isinstance(content, bytes) and _sha_of(content) == sha:
                    return {
                        "sha": sha,
                        "node_id": f"B_{sha}",
                        "size": len(content),
                        "url": f"{self.public_url}/repos/{self.name}/git/blobs/{sha}",
                        "content": base64.encodebytes(content).decode(),
                        "encoding": "base64",
                    }
        raise _Refusal(404, "Not Found")

    def _update(self, comment_id: int, body: str) -> _Answer:
        for comments in self.comments.values():
            for comment in comments:
                if comment.id == comment_id:
                    comment.body = body
                    comment.edits += 1
                    return _Answer(200, self._comment(comment), {})
        raise _Refusal(404, "Not Found")

    def _store(self, number: int, body: str, author: str | None, kind: str) -> Stored:
        self._ids += 1
        stored = Stored(self._ids, number, body, author, kind)
        self.comments.setdefault(number, []).append(stored)
        return stored

    def _page(self, items: list[Json], query: Mapping[str, list[str]], path: str) -> _Answer:
        size = min(100, int(query.get("per_page", ["30"])[0]))
        page = int(query.get("page", ["1"])[0])
        last = max(1, -(-len(items) // size))

        def link(to: int, relation: str) -> str:
            asked = {name: values[0] for name, values in query.items()}
            return (
                f"<{self.public_url}{path}?{urlencode(asked | {'per_page': size, 'page': to})}>; "
                f'rel="{relation}"'
            )

        links = [link(page - 1, "prev"), link(1, "first")] if page > 1 else []
        links += [link(page + 1, "next"), link(last, "last")] if page < last else []
        return _Answer(
            200, items[(page - 1) * size : page * size], {"Link": ", ".join(links)} if links else {}
        )

    # -- what its answers hold

    def _issue(self, issue: StoredIssue) -> Json:
        api = f"{self.public_url}/repos/{self.name}"
        user = issue.author and _user(self.public_url, issue.author, issue.kind)
        users = [_user(self.public_url, name, "User") for name in issue.assignees]
        answer = issue_json(issue, api, f"{_site(self.public_url)}/{self.name}", user or None, users)
        if self.is_gitea:
            del answer["state_reason"]
            answer["user"] = {"id": -2, "login": issue.author or "Ghost", "full_name": "", "is_admin": False}
        return answer

    def _comment(self, comment: Stored) -> Json:
        base = f"{self.public_url}/repos/{self.name}/issues"
        html = f"{_site(self.public_url)}/{self.name}/pull/{comment.number}"
        if self.is_gitea:  # modules/structs/issue_comment.go and user.go of go-gitea/gitea
            return {
                "id": comment.id,
                "html_url": f"{html}#issuecomment-{comment.id}",
                "pull_request_url": html,
                "body": comment.body,
                "user": {"id": -2, "login": comment.author or "Ghost", "full_name": "", "is_admin": False},
                "created_at": _TIME,
                "updated_at": _TIME,
            }
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "url": f"{base}/comments/{comment.id}",
            "html_url": f"{html}#issuecomment-{comment.id}",
            "issue_url": f"{base}/{comment.number}",
            "body": comment.body,
            "user": comment.author and _user(self.public_url, comment.author, comment.kind),
            "created_at": _TIME,
            "updated_at": _TIME,
            "author_association": "NONE",
        }

    def _pull(self, number: int, sha: str, state: str, head: str) -> Json:
        base = f"{self.public_url}/repos/{self.name}"
        html = f"{_site(self.public_url)}/{self.name}/pull/{number}"
        urls = {
            "url": f"{base}/pulls/{number}",
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "issue_url": f"{base}/issues/{number}",
            "commits_url": f"{base}/pulls/{number}/commits",
            "review_comments_url": f"{base}/pulls/{number}/comments",
            "review_comment_url": f"{base}/pulls/comments{{/number}}",
            "comments_url": f"{base}/issues/{number}/comments",
            "statuses_url": f"{base}/statuses/{sha}",
        }
        linked = ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment")
        return urls | {
            "id": 5000 + number,
            "node_id": f"PR_{number}",
            "number": number,
            "state": state,
            "locked": False,
            "title": "A change",
            "user": _user(self.public_url, "someone", "User"),
            "body": None,
            "labels": [],
            "milestone": None,
            "created_at": _TIME,
            "updated_at": _TIME,
            "closed_at": None if state == "open" else _TIME,
            "merged_at": None,
            "merge_commit_sha": None,
            "assignee": None,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "head": _branch(self.public_url, head, "change", sha),
            "base": _branch(self.public_url, self.name, "main", BASE),
            "_links": {"self": {"href": urls["url"]}}
            | {name: {"href": urls[f"{name}_url"]} for name in linked},
            "author_association": "CONTRIBUTOR",
            "auto_merge": None,
            "draft": False,
        }


def _route(method: str, path: str, whole: str) -> tuple[str, tuple[str, ...]]:
    if method == "POST" and whole.endswith("/graphql"):
        return GRAPHQL, ()
    for wanted, pattern, operation in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and method == wanted:
            return operation, match.groups()
    return "", ()


def _graphql_operation(body: Json) -> str:
    query = str(body.get("query"))
    return MINIMIZE if "minimizeComment" in query else THREADS if "reviewThreads" in query else GRAPHQL


def _mutation(body: Json) -> str:
    """The mutation that GraphQL is asked for."""
    query = str(body.get("query"))
    return COMMIT if "createCommitOnBranch(" in query else MOVE if "updateRefs(" in query else ""


def _graphql_error(message: str, kind: str) -> _Answer:
    return _Answer(200, {"data": None, "errors": [{"type": kind, "message": message, "path": ["x"]}]}, {})


_REPO = r"/repos/([^/]+)/([^/]+)"
_ROUTES = (
    ("GET", _REPO + r"/issues/(\d+)/comments", LIST),
    ("POST", _REPO + r"/issues/(\d+)/comments", CREATE),
    ("PATCH", _REPO + r"/issues/comments/(\d+)", UPDATE),
    ("GET", _REPO + r"/issues", LIST_ISSUES),
    ("POST", _REPO + r"/issues", CREATE_ISSUE),
    ("PATCH", _REPO + r"/issues/(\d+)", UPDATE_ISSUE),
    ("DELETE", _REPO + r"/issues/comments/(\d+)", DELETE),
    ("GET", "/user", USER),
    ("GET", _REPO + r"/commits/([^/]+)/pulls", PULLS),
    ("GET", _REPO + r"/pulls", HEADS),
    ("GET", _REPO + r"/pulls/(\d+)", PULL),
    ("GET", _REPO + r"/pulls/(\d+)/files", FILES),
    ("GET", _REPO + r"/pulls/(\d+)/reviews", REVIEWS),
    ("POST", _REPO + r"/pulls/(\d+)/reviews", REVIEW),
    ("GET", _REPO + r"/contents/(.*)", CONTENTS),
    ("GET", _REPO + r"/git/blobs/([0-9a-f]+)", BLOB),
    ("GET", _REPO, REPOSITORY),
    ("GET", _REPO + r"/git/ref/heads/(.+)", REF),
    ("POST", _REPO + r"/git/refs", CREATE_REF),
    ("DELETE", _REPO + r"/git/refs/heads/(.+)", DELETE_REF),
    ("GET", _REPO + r"/compare/(.+)", COMPARE),
    ("POST", _REPO + r"/pulls", CREATE_PULL),
    ("PATCH", _REPO + r"/pulls/(\d+)", UPDATE_PULL),
)


def _sha_of(content: bytes) -> str:
    """Git's name of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _body_of(body: Json) -> str:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip():
        raise _invalid("missing_field", "Body cannot be blank")
    if len(text) > LONGEST_BODY:
        raise _invalid("unprocessable", f"Body is too long (maximum is {LONGEST_BODY} characters)")
    return text


def _invalid(code: str, message: str) -> _Refusal:
    error = {"resource": "IssueComment", "code": code, "field": "data", "message": message}
    return _Refusal(422, "Validation Failed", errors=[error])


def _site(api: str) -> str:
    return api.split("/api/")[0]


def _user(api: str, login: str, kind: str) -> Json:
    url = f"{api}/users/{login.replace('[', '%5B').replace(']', '%5D')}"
    return {
        "login": login,
        "id": 41898282,
        "node_id": "U_1",
        "avatar_url": f"{_site(api)}/avatars/1",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{_site(api)}/apps/{login.removesuffix('[bot]')}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": kind,
        "site_admin": False,
    }


def _branch(api: str, repository: str, ref: str, sha: str) -> Json:
    owner = repository.split("/")[0]
    user = _user(api, owner, "User")
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user,
        "repo": _repository(api, repository, user),
    }


# the links of a repository that are its address and this
_PLAIN_LINKS = (
    *("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges"),
    *("stargazers", "subscribers", "subscription", "tags", "teams"),
)
_LINKS_WITH_MORE = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "statuses_url": "/statuses/{sha}",
    "trees_url": "/git/trees{/sha}",
}


def _repository(api: str, full_name: str, owner: Json) -> Json:
    url, html = f"{api}/repos/{full_name}", f"{_site(api)}/{full_name}"
    links = {f"{name}_url": f"{url}/{name}" for name in _PLAIN_LINKS}
    links |= {name: url + rest for name, rest in _LINKS_WITH_MORE.items()}
    counts = (
        *("forks", "forks_count", "open_issues", "open_issues_count", "size"),
        *("stargazers_count", "watchers", "watchers_count"),
    )
    features = ("has_issues", "has_projects", "has_wiki", "has_pages", "has_downloads")
    return links | {
        "id": 1296269,
        "node_id": "R_1",
        "name": full_name.split("/")[1],
        "full_name": full_name,
        "owner": owner,
        "private": True,
        "visibility": "private",
        "html_url": html,
        "url": url,
        "clone_url": f"{html}.git",
        "git_url": f"git:example.com/{full_name}.git",
        "ssh_url": f"git@example.com:{full_name}.git",
        "svn_url": html,
        "mirror_url": None,
        "description": None,
        "homepage": None,
        "language": None,
        "license": None,
        "fork": False,
        "archived": False,
        "disabled": False,
        "default_branch": "main",
        "pushed_at": _TIME,
        "created_at": _TIME,
        "updated_at": _TIME,
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(features, True),
    }


class _Server(ThreadingHTTPServer):
    def handle_error(self, *args: Any) -> None:
        """A client that does not wait for its answer is no fault of the fake's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*args)


class _Handler(PromptHandler):
    github: FakeGitHub

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.github.handle(self.command, self.path, raw, self.headers.get("Authorization") or "")
        if answer is None:
            self.close_connection = True
            return
        status, data, headers = answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815  http.server asks for these names
