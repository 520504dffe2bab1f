"""The action's repository and its comment, at a GitHub that remembers."""

from __future__ import annotations

from scanner.github import api, comment
from scanner.github.comment import CommentDraft, CommentMode, Posted, RunId
from scanner.github.retry import RetryLimits
from tests.fakes.github import FakeGitHub

# shorter than in earnest, and nobody waits
QUICK = RetryLimits(
    waits=1.5,
    secondary=0.2,
    backoff=0.01,
    timeout=3,
    between_requests=0,
    between_writes=0,
    sleep=lambda seconds: None,
)
SHA = "0123456789abcdef0123456789abcdef01234567"
NUMBER = 7
"""The pull request that is commented on."""


def repository(github: FakeGitHub, limits: RetryLimits = QUICK, token: str | None = None) -> api.Repository:
    return api.repository(
        github.token if token is None else token, github.url, github.name, github.graphql_url, limits
    )


def draft(
    body: str = "text",
    run: RunId = (1, 1),
    *,
    key: str = "k",
    mode: CommentMode = "on-findings",
    has_findings: bool = True,
) -> CommentDraft:
    return CommentDraft(body, key, run, mode=mode, has_findings=has_findings)


def post(github: FakeGitHub, body: str = "text", run: RunId = (1, 1)) -> Posted:
    """Post as a run with findings does."""
    return post_draft(github, draft(body, run))


def post_draft(github: FakeGitHub, of: CommentDraft, limits: RetryLimits = QUICK) -> Posted:
    return comment.post(repository(github, limits), NUMBER, of)


def texts(github: FakeGitHub) -> list[str]:
    """The texts of the comments, without their markers."""
    return [comment.text_of(body) for body in github.bodies(NUMBER)]
