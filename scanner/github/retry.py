"""Trying again where GitHub is busy or fails, with one bound on all that a run waits.

docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from github import Auth, Github
from github.GithubException import RateLimitExceededExceedsMaxWait
from github.GithubRetry import GithubRetry
from urllib3 import BaseHTTPResponse

from scanner.github.errors import GithubError

API_URL = "https://api.github.com"
_USER_AGENT = "xray-privilege-scan"


@dataclass(frozen=True)
class RetryLimits:
    """How long the action waits for GitHub. `waits` bounds all waiting of a run together, in seconds.

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
    sleep: Callable[[float], object] = time.sleep


class WaitBudget:
    """What is left of the time that a run may wait for GitHub."""

    def __init__(self, seconds: float, sleep: Callable[[float], object] = time.sleep) -> None:
        self.left = seconds
        self._sleep = sleep

    def spend(self, seconds: float) -> bool:
        """Wait, if there is time left for it; whether there was."""
        if seconds > self.left:
            return False
        self.left -= seconds
        self._sleep(seconds)
        return True


class _BudgetedRetry(GithubRetry):
    """PyGithub's rules for trying again, with one bound on all waits, `Retry-After` included.

    Requests that GitHub refused for their rate are tried again whatever they do. Others only if they change
    nothing when they are carried out twice: a POST that failed may have been carried out.
    """

    def __init__(self, budget: WaitBudget, **options: Any) -> None:
        self._budget = budget
        super().__init__(**options)

    def new(self, **options: Any) -> _BudgetedRetry:
        return super().new(budget=self._budget, **options)

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
        *pool_and_stacktrace: Any,
        **named: Any,
    ) -> _BudgetedRetry:
        if error is not None and method == "POST" and self._is_read_error(error):
            raise error
        retry: Any = super().increment(method, url, response, error, *pool_and_stacktrace, **named)  # type: ignore[arg-type]
        if response is not None:
            wait = retry.wait_after(response)
            if wait > self._budget.left:
                raise RateLimitExceededExceedsMaxWait(
                    response.status, {"message": response.reason}, dict(response.headers), wait=wait
                )
        return retry  # type: ignore[no-any-return]

    def wait_after(self, response: BaseHTTPResponse) -> float:
        """The seconds to wait after an answer."""
        retry_after = self.get_retry_after(response)
        if retry_after is not None:
            return retry_after
        if response.status != 429:
            return self.get_backoff_time()
        reset = response.headers.get("x-ratelimit-reset", "")
        if response.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            return max(0.0, int(reset) + 1 - time.time())
        return self.secondary_rate_wait

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        self._budget.spend(self.get_backoff_time() if response is None else self.wait_after(response))


def connect(
    token: str, api_url: str = API_URL, limits: RetryLimits | None = None, budget: WaitBudget | None = None
) -> Github:
    """The client of an API, bounded in all that it waits."""
    limits = limits or RetryLimits()
    if not token.strip():
        raise GithubError(401, "github-token", "there is no token for GitHub: pass `github-token`")
    retry = _BudgetedRetry(
        budget or WaitBudget(limits.waits, limits.sleep),
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
