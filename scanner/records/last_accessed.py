"""IAM's last-accessed data of a role: which services and actions it never tried to use.

What IAM says of it (docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html):

- Activity appears within four hours. A report never changes: a newer one has to be asked for.
- Services are tracked for at least 400 days. Of actions, those of Amazon S3 since 12 April 2020, of EC2, IAM
  and Lambda since 7 April 2021, of other services since 23 May 2023.
- Every authenticated attempt counts, refused ones too: it tells who asked, never whether it was allowed.
- A service is listed if a policy of the role allows something of it: it is listed without a time where the
  role did not try. What resource policies, boundaries, SCPs and session policies say does not count here.
- Actions are only those on the list of docs.aws.amazon.com/IAM/latest/UserGuide/
  access_policies_last-accessed-action-last-accessed.html: management events, no event of a data plane. An
  action that is not listed is not tracked, or not allowed to the role: nothing is said of it.
- iam:PassRole is not tracked.
- Only some regions are tracked (`tracks`).
- Only who asked for a report may read it, with temporary credentials only in the same session.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from scanner.aws.ask import THREADS, Question, UnreadError, ask
from scanner.errors import Warnings
from scanner.mapping.untraced import UNOBSERVABLE
from scanner.text.tables import rows
from scanner.workloads.platform import untraced

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

LAG = 4 * 3600
"""Seconds after which activity has appeared, as IAM says: "within four hours"."""

# Reports take some seconds. The pauses between two looks grow; they end after about a minute.
_FIRST_PAUSE = 0.25
_GROWTH = 1.5
_LONGEST_PAUSE = 5.0
_PATIENCE = 60.0
_PAGE = 1000  # services: the most that MaxItems allows
_MOST_PAGES = 20  # IAM knows some 450 services


@dataclass(frozen=True)
class LastAccessed:
    """When a role last tried to use what its policies allow, as far as IAM tracks it. Times are Unix seconds.

    `services` are by IAM prefix and `actions` by name ("lambda:getfunction"), both in lower case; None is
    never in the tracking period. `actions` holds only those that IAM tracks. `asked` is when the report was
    asked for: it shows what came LAG seconds or more before.
    """

    services: Mapping[str, float | None]
    actions: Mapping[str, float | None]
    asked: float

    def never(self, action: str) -> bool:
        """Whether IAM says that the role never tried to use an action (in lower case, no pattern).

        A service that was never used speaks for all its actions, an action only where it is tracked itself.
        False is "unknown" as well: an unlisted service, and what is used without a call of its own
        (iam:PassRole, keys that other services use), of which IAM promises nothing.
        """
        prefix = action.partition(":")[0]
        why = untraced(action)
        if prefix not in self.services or (why and why.kind == UNOBSERVABLE):
            return False
        if action in self.actions:
            return self.actions[action] is None
        return self.services[prefix] is None

    def accessed_since(self, action: str, since: float) -> Literal["action", "service"] | None:
        """Whether the role tried to use an action (in lower case) after `since`, as far as IAM tells.

        "action" where it tells of the action itself, "service" where only of its service. None is never, or
        unknown.
        """
        if action in self.actions:
            return "action" if _is_after(self.actions[action], since) else None
        return "service" if _is_after(self.services.get(action.partition(":")[0]), since) else None


def _is_after(moment: float | None, since: float) -> bool:
    return moment is not None and moment > since


def counts_for(trace_starts: Sequence[float], changed: float, asked: float, lag: float = LAG) -> bool:
    """Whether a record asked for at `asked` can show what a workload did since `changed` (Unix seconds)."""
    return newest_recorded(trace_starts, changed, asked, lag) > 0


def newest_recorded(trace_starts: Sequence[float], changed: float, asked: float, lag: float = LAG) -> float:
    """The start of the newest trace of which a record asked for at `asked` tells, 0 where there is none.

    A record lags behind: it says something only of a trace that began after the change and at least `lag`
    seconds before it was asked for.
    """
    return max((start for start in trace_starts if changed < start <= asked - lag), default=0.0)


@cache
def _tracked_regions() -> frozenset[str]:
    return frozenset(row["region"] for row in rows("records", "last_accessed_regions"))


def tracks(region: str) -> bool:
    """Whether IAM tracks calls in a region: "never" says nothing of the others.

    docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html#last-accessed_tracking-period
    """
    return region in _tracked_regions()


# --- from AWS ------------------------------------------------------------------------------------


def read_last_accessed(
    client: IAMClient,
    role_arns: Iterable[str],
    warnings: Warnings,
    now: float,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, LastAccessed]:
    """The last-accessed data of roles by ARN; a role of which it could not be read is missing.

    `now` is the time of asking in Unix seconds. All reports are asked for first, then each is waited for, a
    minute at most. Needs iam:GenerateServiceLastAccessedDetails and iam:GetServiceLastAccessedDetails.
    Raises ScanError where the credentials are refused.
    """
    roles = list(dict.fromkeys(role_arns))
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = list(pool.map(partial(_start, client, warnings), roles))
        started = [(role, job) for role, job in zip(roles, jobs, strict=True) if job]
        reports = list(pool.map(lambda job: _finish(client, job, warnings, now, sleep), started))
    return {role: report for (role, _), report in zip(started, reports, strict=True) if report}


def _question(operation: str, role: str) -> Question:
    return Question(
        action=f"iam:{operation}",
        means="which services and actions a role never used is not known from IAM",
        code="last-accessed-unread",
        what=f"IAM's last-accessed data of {role}",
    )


def _start(client: IAMClient, warnings: Warnings, role: str) -> str | None:
    def start() -> str:
        return client.generate_service_last_accessed_details(Arn=role, Granularity="ACTION_LEVEL")["JobId"]

    return ask(_question("GenerateServiceLastAccessedDetails", role), start, warnings)


def _finish(
    client: IAMClient,
    started: tuple[str, str],
    warnings: Warnings,
    now: float,
    sleep: Callable[[float], object],
) -> LastAccessed | None:
    role, job = started

    def finish() -> LastAccessed:
        return _parsed(list(_pages(client, job, sleep)), now)

    return ask(_question("GetServiceLastAccessedDetails", role), finish, warnings)


def _pages(client: IAMClient, job: str, sleep: Callable[[float], object]) -> Iterator[Mapping[str, Any]]:
    """The pages of a report, once it is there."""
    page = _first_page(client, job, sleep)
    for _ in range(_MOST_PAGES):
        yield page
        if not page.get("IsTruncated"):
            return
        page = client.get_service_last_accessed_details(JobId=job, MaxItems=_PAGE, Marker=page["Marker"])
    raise UnreadError("it has no end")


def _first_page(client: IAMClient, job: str, sleep: Callable[[float], object]) -> Mapping[str, Any]:
    for pause in _pauses():
        page: Mapping[str, Any] = client.get_service_last_accessed_details(JobId=job, MaxItems=_PAGE)
        status = page.get("JobStatus")
        if status == "COMPLETED":
            return page
        if status != "IN_PROGRESS":
            raise UnreadError(f"the report is {status}: {(page.get('Error') or {}).get('Code')}")
        sleep(pause)
    raise UnreadError(f"the report took longer than {_PATIENCE:g} seconds; scan again later")


def _pauses() -> Iterator[float]:
    pause, waited = _FIRST_PAUSE, 0.0
    while waited < _PATIENCE:
        yield pause
        waited += pause
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _parsed(pages: Iterable[Mapping[str, Any]], now: float) -> LastAccessed:
    """The pages of one report as data. Raises UnreadError where it does not say when it was made."""
    services: dict[str, float | None] = {}
    actions: dict[str, float | None] = {}
    asked = now
    for page in pages:
        created = page.get("JobCreationDate")
        if not isinstance(created, datetime):
            raise UnreadError("the report does not say when it was made")
        # IAM may answer with a report that it made before: what counts is when that was
        asked = min(asked, created.timestamp())
        for service in page.get("ServicesLastAccessed") or ():
            prefix = str(service.get("ServiceNamespace", "")).lower()
            services[prefix] = _later(services.get(prefix), service.get("LastAuthenticated"))
            for action in service.get("TrackedActionsLastAccessed") or ():
                name = f"{prefix}:{action.get('ActionName', '')}".lower()
                actions[name] = _later(actions.get(name), action.get("LastAccessedTime"))
    return LastAccessed(services, actions, asked)


def _later(known: float | None, moment: datetime | None) -> float | None:
    """When something was last used: never only where nothing else is known of it."""
    seconds = None if moment is None else moment.timestamp()
    return seconds if known is None else max(known, seconds or known)
