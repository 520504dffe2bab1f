"""CloudTrail's event history: the management events of a workload's session.

What AWS says of it:

- It holds the management events of the last 90 days of each region, in every account, whatever trails there
  are; KMS events cannot be left out of it, events of data planes are never in it
  (docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html, and
  logging-management-events-with-cloudtrail.html there).
- LookupEvents answers two requests a second for an account and region, 50 events each, the newest first
  (docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html).
- An event is filed where the service that was called runs, not where the caller does.
- A function's role session has the function's name
  (aws.amazon.com/blogs/security/easily-control-naming-individual-iam-role-sessions/), and the user name of an
  event is the session's. What Lambda does with the role to poll an event source has another session.
- What a service does for its caller ("forward access session") is an event of the caller, with `invokedBy`
  (docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html): the role needs that too.
- "CloudTrail typically delivers logs within an average of about 5 minutes of an API call. This time is not
  guaranteed." (docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.aws.ask import THREADS, Question, ask
from scanner.aws.errors import is_passing
from scanner.aws.times import SYSTEM_CLOCK, Clock
from scanner.errors import ScanError, Warnings
from scanner.model import region_of
from scanner.model.workloads import workload_name
from scanner.records.cloudtrail.event import Event, read_event
from scanner.records.cloudtrail.history import History, history_of

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.client import CloudTrailClient

RETENTION = 90 * 86400
"""Seconds that event history goes back."""
MOST_PAGES = 40
"""Pages (50 events, half a second) that are read of one workload and region, if nothing else is asked for."""

_PAUSE = 0.5  # two requests a second
_THROTTLED_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)


class Session(NamedTuple):
    """Whose events are looked for: those of a workload with its role, since `start` (Unix seconds)."""

    workload: str
    role: str
    start: float


@dataclass(frozen=True)
class HistoryRequest:
    """What is looked for until `end` (Unix seconds): in each workload's own region and in `regions`.

    A workload with more than `most_pages` pages in a region is not read to the end.
    """

    sessions: tuple[Session, ...]
    end: float
    regions: Collection[str] = ()
    most_pages: int = MOST_PAGES


class _Reading(NamedTuple):
    """What was read of a workload in a region. `begun` tells that at least a page was answered."""

    region: str
    workload: str
    events: tuple[Event, ...]
    begun: bool
    complete: bool


def read_cloudtrail(
    client_of_region: Callable[[str], CloudTrailClient],
    request: HistoryRequest,
    warnings: Warnings,
    clock: Clock = SYSTEM_CLOCK,
) -> dict[str, History]:
    """The event history of workloads by key, since the start that each has.

    What is older than 90 days is not asked for: `History.start` says so. Nor is a region read to the end that
    fails. Needs cloudtrail:LookupEvents. Raises ScanError where the credentials are refused in a workload's
    own region; elsewhere that may mean a region which is not enabled.
    """
    end = min(request.end, clock.now())
    oldest = max(end, clock.now()) - RETENTION
    sessions = [session._replace(start=max(session.start, oldest)) for session in request.sessions]
    regions_of = {session.workload: {region_of(session.workload), *request.regions} for session in sessions}
    by_region: dict[str, list[Session]] = {}
    for session in sessions:
        for region in sorted(regions_of[session.workload]) if session.start < end else ():
            by_region.setdefault(region, []).append(session)
    reader = _RegionReader(
        client_of_region=client_of_region,
        end=end,
        most_pages=request.most_pages,
        warnings=warnings,
        clock=clock,
    )
    with ThreadPoolExecutor(THREADS) as pool:
        of_regions = list(pool.map(lambda item: reader.read_region(*item), by_region.items()))
    readings = [reading for of_region in of_regions for reading in of_region]
    histories = {}
    for session in sessions:
        of_workload = [reading for reading in readings if reading.workload == session.workload]
        complete = {reading.region for reading in of_workload if reading.complete}
        histories[session.workload] = history_of(
            (event for reading in of_workload for event in reading.events),
            regions=complete,
            complete=complete == regions_of[session.workload],
            start=session.start,
            end=end,
        )
    return histories


class _RegionReader(NamedTuple):
    """What all requests of one reading have in common."""

    client_of_region: Callable[[str], CloudTrailClient]
    end: float
    most_pages: int
    warnings: Warnings
    clock: Clock

    def read_region(self, region: str, sessions: Sequence[Session]) -> list[_Reading]:
        """Read a region's workloads one after the other: the pace is an account's in a region."""
        readings: list[_Reading] = []
        question = _question(region)
        try:
            client = ask(question, lambda: self.client_of_region(region), self.warnings)
            if client is None:
                return []
            for session in sessions:
                reading = self._read(client, region, session)
                readings.append(reading)
                if not reading.begun:
                    break  # it is the same for the others
        except ScanError:
            if region in {region_of(session.workload) for session in sessions}:
                raise
            self.warnings.add(
                question.code, f"{question.what} could not be read: the region may not be enabled"
            )
        return readings

    def _read(self, client: CloudTrailClient, region: str, session: Session) -> _Reading:
        """Read all pages of a workload in a region."""
        request: dict[str, Any] = {
            "LookupAttributes": [
                {"AttributeKey": "Username", "AttributeValue": workload_name(session.workload)}
            ],
            "StartTime": datetime.fromtimestamp(session.start, UTC),
            "EndTime": datetime.fromtimestamp(self.end, UTC),
            "MaxResults": 50,
        }
        events: tuple[Event, ...] = ()
        readable, begun = True, False
        for _ in range(self.most_pages):
            page = ask(_question(region), partial(self._page, client, request), self.warnings)
            if page is None:
                return _Reading(
                    region=region, workload=session.workload, events=events, begun=begun, complete=False
                )
            begun = True
            self.clock.sleep(_PAUSE)
            of_page, unreadable = _events(page.get("Events") or (), session)
            events += of_page
            readable = readable and not unreadable
            self._warn_of_unreadable(session, unreadable)
            if not page.get("NextToken"):
                return _Reading(
                    region=region, workload=session.workload, events=events, begun=begun, complete=readable
                )
            request["NextToken"] = page["NextToken"]
        self.warnings.add(
            "history-cut-off",
            f"CloudTrail's event history of {session.workload} in {region} is longer than "
            f"{self.most_pages} pages: calls that were not found in it may have been made all the same",
        )
        return _Reading(region=region, workload=session.workload, events=events, begun=begun, complete=False)

    def _page(self, client: CloudTrailClient, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """One page, asked for again where AWS throttles or fails."""
        from botocore.exceptions import ClientError

        for pause in _THROTTLED_PAUSES:
            try:
                return client.lookup_events(**request)
            except ClientError as error:
                if not is_passing(error):
                    raise
            self.clock.sleep(pause)
        return client.lookup_events(**request)

    def _warn_of_unreadable(self, session: Session, unreadable: int) -> None:
        if unreadable:
            self.warnings.add(
                "history-unreadable",
                f"events of {session.workload} in CloudTrail's event history could not be read: calls that "
                "were not found in it may have been made all the same",
                unreadable,
            )


def _question(region: str) -> Question:
    return Question(
        action="cloudtrail:LookupEvents",
        means="calls of init code and extensions, and those that services make for a function, are not known",
        code="history-unread",
        what=f"CloudTrail's event history of {region}",
    )


def _events(page: Iterable[Mapping[str, Any]], session: Session) -> tuple[tuple[Event, ...], int]:
    """The events of a session on a page, and how many events could not be read."""
    events, unreadable = [], 0
    for entry in page:
        try:
            event = read_event(entry.get("CloudTrailEvent"), session.workload, session.role)
        except ValueError:
            unreadable += 1
            continue
        if event is not None:
            events.append(event)
    return tuple(events), unreadable
