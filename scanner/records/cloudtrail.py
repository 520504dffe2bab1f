"""CloudTrail's event history: the management events of a function's own session.

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

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson

from scanner.aws.ask import THREADS, Question, ask
from scanner.aws.errors import is_passing
from scanner.aws.times import time_of
from scanner.errors import ScanError, Warnings
from scanner.iam.arns import works_on
from scanner.iam.patterns import is_pattern
from scanner.mapping import services
from scanner.mapping.parameters import NOT_RESOURCES, RESOURCE_PARAMETERS
from scanner.mapping.permissions import required_permissions
from scanner.mapping.resources import snake_case
from scanner.model import Call, Certainty, Need, Observation, Outcome, Unmapped
from scanner.model.workloads import workload_name
from scanner.text.tables import rows

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.client import CloudTrailClient

T = TypeVar("T")
Sleep = Callable[[float], object]

LAG = 2 * 3600
"""Seconds after which an event is taken to be there.

Five minutes is AWS's average and no promise; more than 25 minutes have been seen.
"""
RETENTION = 90 * 86400
"""Seconds that event history goes back."""
MOST_PAGES = 40
"""Pages (50 events, half a second) that are read of one workload and region, if nothing else is asked for."""

_PAUSE = 0.5  # two requests a second
_THROTTLED_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
_MOST_TEXT = 2048
_ARN_FIELDS = 6


class Event(NamedTuple):
    """One API call of a workload as event history has it. `time` is in Unix seconds.

    `needs` is what it needs, or why that cannot be told.
    """

    id: str
    time: float
    outcome: Outcome
    needs: tuple[Need, ...] | Unmapped


@dataclass(frozen=True)
class History:
    """What event history shows of a workload from `start` to `end` (Unix seconds).

    `used` are the needs of calls that AWS carried out or that failed for another reason than a missing
    right, `attempted` those of calls that it denied, `unmapped` calls of which the permissions cannot be
    told, with their number. `regions` are those that were read to the end; `complete` tells whether these
    are all that were asked for. `last_settled` is the time of the newest event of which all that came before
    it has been delivered too (LAG before `end`).
    """

    used: Mapping[Need, Observation] = field(default_factory=dict)
    attempted: Mapping[Need, Observation] = field(default_factory=dict)
    unmapped: Mapping[Unmapped, int] = field(default_factory=dict)
    complete: bool = False
    regions: frozenset[str] = frozenset()
    start: float = 0.0
    end: float = 0.0
    last_settled: float | None = None


@cache
def _recorded() -> frozenset[str]:
    """The actions (lower case) whose every call is an event in event history, under the caller's name."""
    return frozenset(row["action"].lower() for row in rows("records", "event_history"))


def never_called(history: History, action: str, grant_region: str, changed: float) -> bool:
    """Whether event history shows that a workload did not call an action (lower case) since `changed`.

    That takes an action of which every call is recorded (data/event_history.csv; no action of KMS, whose keys
    services use without an event for each use), the whole time from `changed` to the end, the region of the
    resource (`grant_region`; a grant for all regions can be used where nothing was read), and no event that
    cannot be mapped to its actions. It also takes an event of the workload after `changed` which is old
    enough (LAG): it proves that the workload ran, and that its calls are found by its name.

    `changed` is in Unix seconds: the workload's last change, or a later beginning of what is judged. False is
    "unknown" as well. What Lambda itself does for an event source is not in it.
    """
    prefix = action.partition(":")[0]
    return (
        action in _recorded()
        and history.complete
        and grant_region in history.regions
        and history.start <= changed
        and history.last_settled is not None
        and history.last_settled > changed
        and not any(n.permission.action.lower() == action for n in (*history.used, *history.attempted))
        and not any(unmapped.prefix in (None, prefix) for unmapped in history.unmapped)
    )


def history_of(
    events: Iterable[Event], *, regions: Collection[str], complete: bool, start: float, end: float
) -> History:
    """The events of a workload, each of which counts once, as one history. Pure."""
    used: dict[Need, Observation] = {}
    attempted: dict[Need, Observation] = {}
    unmapped: dict[Unmapped, int] = {}
    last_settled: float | None = None
    for event in {event.id: event for event in events}.values():
        if event.time <= end - LAG:
            last_settled = max(event.time, last_settled or 0.0)
        if isinstance(event.needs, Unmapped):
            unmapped[event.needs] = unmapped.get(event.needs, 0) + 1
            continue
        counts = attempted if event.outcome is Outcome.DENIED else used
        for need in event.needs:
            # Event history is searched for what may have been needed, not for what else would have done.
            key = need if need.required else need._replace(certainty=Certainty.POSSIBLE)
            counts[key] = _seen_again(counts.get(key), event)
    return History(
        dict(sorted(used.items())),
        dict(sorted(attempted.items())),
        unmapped,
        complete,
        frozenset(regions),
        start,
        end,
        last_settled,
    )


def _seen_again(seen: Observation | None, event: Event) -> Observation:
    succeeded = 1 if event.outcome is Outcome.OK else 0
    if seen is None:
        return Observation(1, 0, event.time, event.time, succeeded)
    first, last = min(seen.first_seen, event.time), max(seen.last_seen, event.time)
    return Observation(seen.count + 1, 0, first, last, seen.succeeded + succeeded)


# --- one event -----------------------------------------------------------------------------------

# How lists of CloudTrail name the single resources in them: ssm GetParameters, secretsmanager
# BatchGetSecretValue
_LISTS = {"names": "name", "secret_id_list": "secret_id"}
_PARAMETERS = RESOURCE_PARAMETERS | {"key_id"}
_KEY = re.compile(r"(?:mrk-)?[0-9a-f-]{32,36}")
# "UpdateFunctionCode20150331v2": the API's version, of which only the date is taken off elsewhere
_API_VERSION = re.compile(r"(?<=\d{8})v\d+$")
_DENIED = re.compile(r"access_?denied|unauthorized|not_?authorized|forbidden", re.IGNORECASE)
_DENIED_MESSAGE = re.compile(r"not authorized to perform", re.IGNORECASE)
_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
# docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
_SECRET_REFERENCE = "/aws/reference/secretsmanager"  # noqa: S105  # the beginning of a parameter's name


def read_event(text: Any, workload: str, role: str) -> Event | None:
    """A `CloudTrailEvent` (JSON text) of a workload, None where it is of somebody else, or no API call.

    Event history finds events by the name of the session: that it is the workload's own role is checked here.
    Raises ValueError where that cannot be told.
    """
    event = orjson.loads(text)
    if not isinstance(event, dict):
        raise ValueError("an event is no object")
    if not _is_of(_dict(event.get("userIdentity")), role, workload_name(workload)):
        return None
    if event.get("eventType", "AwsApiCall") != "AwsApiCall":
        return None
    moment = time_of(event.get("eventTime"))
    source, name, event_id = (_text(event.get(key)) for key in ("eventSource", "eventName", "eventID"))
    if moment is None or not (source and name and event_id):
        raise ValueError("an event lacks its time, its id or what was called")
    service = source.removesuffix(".amazonaws.com")
    call = Call(
        workload,
        service,
        _API_VERSION.sub("", name),
        parameters_of(services.prefix_of(service), _dict(event.get("requestParameters"))),
        _text(event.get("awsRegion")),
        _text(event.get("recipientAccountId")),
        _outcome(event),
    )
    return Event(event_id, moment.timestamp(), call.outcome, _needs(call, _arns(event)))


def _is_of(identity: Mapping[str, Any], role: str, session: str) -> bool:
    """Whether an event's caller is a session of a role.

    docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if identity.get("type") != "AssumedRole":
        return False
    if _text(identity.get("principalId")).partition(":")[2] != session:
        return False
    issuer = _text(_dict(_dict(identity.get("sessionContext")).get("sessionIssuer")).get("arn"))
    if not issuer:
        raise ValueError("an event names no role")
    return issuer == role


def _outcome(event: Mapping[str, Any]) -> Outcome:
    code = _text(event.get("errorCode"))
    if not code:
        return Outcome.OK
    denied = _DENIED.search(code) or _DENIED_MESSAGE.search(_text(event.get("errorMessage")))
    return Outcome.DENIED if denied else Outcome.FAILED


def parameters_of(prefix: str | None, raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The parameters of an event that can name a resource, as `Call.parameters` has them.

    CloudTrail writes "secretId", traces "secret_id".
    """
    found: list[tuple[str, str]] = []
    for key, value in raw.items():
        name = snake_case(key)
        if name in _LISTS and isinstance(value, list):
            found += [(_LISTS[name], text) for one in value for text in _names(prefix, _LISTS[name], one)]
        elif name == "version_id" and value:
            found.append((name, "*"))  # only whether there is one matters, as in traces
        elif name in _PARAMETERS or (name.endswith(("_arn", "_name")) and name not in NOT_RESOURCES):
            found += [(name, text) for text in _names(prefix, name, value)]
    return tuple(sorted(found))


def _names(prefix: str | None, name: str, value: Any) -> list[str]:
    """What a parameter's value may name, none where it is no name."""
    text = value if isinstance(value, str) else ""
    if not text or len(text) > _MOST_TEXT or is_pattern(text):
        return []
    whole = text.startswith("arn:")
    if name == "key_id" and not whole and not _KEY.fullmatch(text):
        return []  # an alias: which key it stands for, the event's resources tell
    if prefix == "ssm" and name == "name" and not whole:
        return [text.partition(":")[0]]  # "name:label", "name:version"
    if name == "secret_id" and whole:
        # An ARN may lack the six characters at the end, and a name may end like one that has them:
        # docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
        partial = f"{text}-??????"
        return [text, partial] if _SECRET_SUFFIX.search(text) else [partial]
    return [text]


def _needs(call: Call, arns: Collection[str]) -> tuple[Need, ...] | Unmapped:
    """The needs of a call, on the very resources that the event names where it does."""
    needs = required_permissions(call)
    if isinstance(needs, Unmapped):
        return needs
    found: dict[Need, None] = {}
    for need in needs:
        permission = need.permission
        if not need.required and _is_no_reference(call, permission.action):
            continue
        named = [arn for arn in arns if works_on(permission.action, arn)]
        for arn in named:
            found[need._replace(permission=permission._replace(resource=arn, exact=True))] = None
        if not named:
            found[need] = None
    return tuple(found)


def _is_no_reference(call: Call, action: str) -> bool:
    """Whether a call reads a parameter that does not stand for a secret, though another one might."""
    names = [value for name, value in call.parameters if name == "name"]
    return (
        call.service == "ssm"
        and action.startswith("secretsmanager:")
        and bool(names)
        and not any(_SECRET_REFERENCE in name for name in names)
    )


def _arns(event: Mapping[str, Any]) -> list[str]:
    """The ARNs of the resources that an event names."""
    resources = event.get("resources")
    found = []
    for resource in resources if isinstance(resources, list) else ():
        arn = _dict(resource).get("ARN")
        if isinstance(arn, str) and len(arn) <= _MOST_TEXT and not is_pattern(arn):
            fields = arn.split(":", _ARN_FIELDS - 1)
            if fields[0] == "arn" and len(fields) == _ARN_FIELDS:
                found.append(arn)
    return found


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value[:_MOST_TEXT] if isinstance(value, str) else ""


# --- from AWS ------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """What was read of a workload in a region so far."""

    region: str
    workload: str
    events: list[Event] = field(default_factory=list)
    begun: bool = False
    complete: bool = False


def read_cloudtrail(
    client_of_region: Callable[[str], CloudTrailClient],
    workloads: Mapping[str, str],
    starts: Mapping[str, float],
    end: float,
    warnings: Warnings,
    sleep: Sleep = time.sleep,
    *,
    regions: Collection[str] = (),
    most_pages: int = MOST_PAGES,
    now: Callable[[], float] = time.time,
) -> dict[str, History]:
    """The event history of functions by ARN, since the start that each has. Times are Unix seconds.

    `workloads` gives the role of each.

    Each function is looked for in its own region and in `regions`. What is older than 90 days is not asked
    for: `History.start` says so. A function with more than `most_pages` pages in a region is not read to the
    end, nor is a region that fails. Needs cloudtrail:LookupEvents. Raises ScanError where the credentials are
    refused in a function's own region; elsewhere that may mean a region which is not enabled.
    """
    end = min(end, now())
    oldest = max(end, now()) - RETENTION
    starts = {arn: max(starts[arn], oldest) for arn in workloads}
    asked = {arn: {_region(arn), *regions} for arn in workloads}
    by_region: dict[str, list[str]] = {}
    for arn, wanted in asked.items():
        for region in sorted(wanted) if starts[arn] < end else ():
            by_region.setdefault(region, []).append(arn)
    reader = _Reader(client_of_region, workloads, starts, end, warnings, sleep, most_pages)
    with ThreadPoolExecutor(THREADS) as pool:
        readings = [one for ones in pool.map(reader.region, by_region.items()) for one in ones]
    histories = {}
    for arn in workloads:
        own = [reading for reading in readings if reading.workload == arn]
        complete = {reading.region for reading in own if reading.complete}
        events = [event for reading in own for event in reading.events]
        histories[arn] = history_of(
            events, regions=complete, complete=complete == asked[arn], start=starts[arn], end=end
        )
    return histories


def _region(arn: str) -> str:
    fields = arn.split(":")
    return fields[3] if len(fields) > _ARN_FIELDS else ""


class _Reader(NamedTuple):
    """What all requests of one reading have in common."""

    client_of_region: Callable[[str], CloudTrailClient]
    workloads: Mapping[str, str]
    starts: Mapping[str, float]
    end: float
    warnings: Warnings
    sleep: Sleep
    most_pages: int

    def region(self, asked: tuple[str, Collection[str]]) -> list[_Reading]:
        """Read a region's workloads one after the other: the pace is an account's in a region."""
        region, arns = asked
        readings = [_Reading(region, arn) for arn in arns]
        question = Question(
            "cloudtrail:LookupEvents",
            "calls of init code and extensions, and those that services make for a function, are not known",
            "history-unread",
            f"CloudTrail's event history of {region}",
        )
        home = region in {_region(arn) for arn in arns}
        try:
            client = ask(question, lambda: self.client_of_region(region), self.warnings)
            for reading in readings:
                if client is not None:
                    self._read(client, reading, question)
                if not reading.begun:
                    break  # it is the same for the others
        except ScanError:
            if home:
                raise
            self.warnings.add(
                question.code, f"{question.what} could not be read: the region may not be enabled"
            )
        return readings

    def _read(self, client: CloudTrailClient, reading: _Reading, question: Question) -> None:
        """Read all pages of a workload in a region."""
        request: dict[str, Any] = {
            "LookupAttributes": [
                {"AttributeKey": "Username", "AttributeValue": workload_name(reading.workload)}
            ],
            "StartTime": datetime.fromtimestamp(self.starts[reading.workload], UTC),
            "EndTime": datetime.fromtimestamp(self.end, UTC),
            "MaxResults": 50,
        }
        readable = True
        for _ in range(self.most_pages):
            page = ask(question, lambda: self._page(client, request), self.warnings)
            if page is None:
                return
            reading.begun = True
            self.sleep(_PAUSE)
            readable = self._add(page.get("Events") or (), reading) and readable
            if not page.get("NextToken"):
                reading.complete = readable
                return
            request["NextToken"] = page["NextToken"]
        self.warnings.add(
            "history-cut-off",
            f"CloudTrail's event history of {reading.workload} in {reading.region} is longer than "
            f"{self.most_pages} pages: calls that were not found in it may have been made all the same",
        )

    def _page(self, client: CloudTrailClient, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """One page, asked for again where AWS throttles or fails."""
        from botocore.exceptions import ClientError

        for pause in _THROTTLED_PAUSES:
            try:
                return client.lookup_events(**request)
            except ClientError as error:
                if not is_passing(error):
                    raise
            self.sleep(pause)
        return client.lookup_events(**request)

    def _add(self, events: Iterable[Mapping[str, Any]], reading: _Reading) -> bool:
        """Add a page's events, and whether all of them could be read."""
        unreadable = 0
        for raw in events:
            try:
                event = read_event(
                    raw.get("CloudTrailEvent"), reading.workload, self.workloads[reading.workload]
                )
            except ValueError:
                unreadable += 1
                continue
            if event is not None:
                reading.events.append(event)
        if unreadable:
            self.warnings.add(
                "history-unreadable",
                f"events of {reading.workload} in CloudTrail's event history could not be read: calls that "
                "were not found in it may have been made all the same",
                unreadable,
            )
        return not unreadable
