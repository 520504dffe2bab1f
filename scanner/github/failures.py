"""What GitHub's refusals and PyGithub's exceptions mean to the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from github.GithubException import GithubException, IncompletableObject, RateLimitExceededExceedsMaxWait
from requests.exceptions import RequestException

from scanner.github.errors import GithubError, MovedError
from scanner.text.escape import one_line

WRITE = "permissions: pull-requests: write"
READ = "permissions: pull-requests: read"
CONTENTS = "permissions: contents: read"
ISSUES = "permissions: issues: write"
REVIEWS = "pull-requests: write"
FIX = "permissions: contents: write, pull-requests: write"

_LONGEST_MESSAGE = 300
# what PyGithub raises over an answer, or a redirection, that it does not expect
_MISUNDERSTANDINGS = (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError)
_PROTECTED = ("protected", "rule violation", "branch is locked", "lock branch", "signed commits")
_RATE_LIMITED = ("rate limit", "please wait a few minutes", "please retry your request again later")


@contextmanager
def github_errors(doing: str, needed: str) -> Iterator[None]:
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
    status, message = error.status or 0, _message_of(error.data)
    asked = f"GitHub did not {doing} ({status}{': ' if message else ''}{message})"
    if _is_rate_limit(status, message, error):
        return GithubError(status, "", f"{asked}: its rate limit is used up for longer than the action waits")
    if isinstance(error, RateLimitExceededExceedsMaxWait):
        return GithubError(status, "", f"{asked}: there is no time left to wait for it")
    if status == 401:
        return GithubError(status, "github-token", f"{asked}: `github-token` is not valid, or no longer")
    if needed == FIX and (why := _why_not_fixed(status, message)):
        return GithubError(status, "", f"{asked}: {why}")
    if needed == FIX and status == 409:
        return MovedError(status, "", f"{asked}: it was changed at the same time")
    if status == 403 and "locked" in message.lower():
        return GithubError(status, "", f"{asked}: the conversation is locked")
    if status == 403 and "archived" in message.lower():
        return GithubError(status, "", f"{asked}: the repository is archived, and cannot be changed")
    if status == 410 and "disabled" in message.lower():
        switch = "switch them on in its settings, or set `issue: never`"
        return GithubError(status, "", f"{asked}: the repository has its issues switched off: {switch}")
    if status in (403, 404) and needed:
        return GithubError(status, needed, f"{asked}: {_missing(needed)}")
    return GithubError(status, "", asked)


def _why_not_fixed(status: int, message: str) -> str:
    """What keeps a fix pull request out that no right of the job changes; empty where nothing does."""
    text = message.lower()
    if "not permitted to create or approve pull requests" in text:
        return (
            "switch on `Allow GitHub Actions to create and approve pull requests` in the settings of the "
            "repository or its organisation (Actions, General), or pass the token of a GitHub App as "
            "`github-token`"
        )
    if status in (400, 403, 409, 422) and any(sign in text for sign in _PROTECTED):
        return "a rule protects or locks the branch: let it leave out `xray-privilege-scan/**`"
    return ""


def _missing(needed: str) -> str:
    if needed == FIX:
        return f"the job needs `{needed}`; for an organisation's read-only tokens, a GitHub App's token helps"
    if needed not in (WRITE, REVIEWS):
        return f"the job needs `{needed}`"
    other = " (`issues: write` does as well)" if needed == WRITE else ""
    return (
        f"the job needs `{needed}`{other}. In a pull request from a fork or by Dependabot the token is "
        "read-only, whatever the job asks for"
    )


def _is_rate_limit(status: int, message: str, error: GithubException) -> bool:
    if status == 429 or (status == 403 and isinstance(error, RateLimitExceededExceedsMaxWait)):
        return True
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    limited = "retry-after" in headers or any(sign in message.lower() for sign in _RATE_LIMITED)
    return status == 403 and limited


def _message_of(data: Any) -> str:
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
