"""The events of a workload as one history, and what it shows that was never called. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from scanner.model import Certainty, Need, Observation, Outcome, Unmapped
from scanner.model.usage import earliest, latest
from scanner.records.cloudtrail.event import Event
from scanner.text.tables import rows

LAG = 2 * 3600
"""Seconds after which an event is taken to be there.

Five minutes is AWS's average and no promise; more than 25 minutes have been seen.
"""

_NOT_CARRIED_OUT = (Outcome.DENIED, Outcome.NEVER_SENT)


@dataclass(frozen=True)
class History:
    """What event history shows of a workload from `start` to `end` (Unix seconds).

    `used` are the needs of calls that AWS carried out or that failed for another reason than a missing
    right, `attempted` those of calls that it denied or whose credentials it refused, `unmapped` calls of
    which the permissions are not known, with their number. `regions` are those that were read to the end;
    `complete` tells whether these are all that were asked for. `last_settled` is the time of the newest event
    of which all that came before it has been delivered too (LAG before `end`).
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
        and not any(need.permission.action.lower() == action for need in (*history.used, *history.attempted))
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
        recognised = event.outcome is not Outcome.NEVER_SENT
        if recognised and event.time <= end - LAG:
            last_settled = max(event.time, last_settled or 0.0)
        if isinstance(event.needs, Unmapped):
            unmapped[event.needs] = unmapped.get(event.needs, 0) + 1
            continue
        counts = attempted if event.outcome in _NOT_CARRIED_OUT else used
        for need in event.needs:
            # Event history is searched for what may have been needed, not for what else would have done.
            key = need if need.required else need._replace(certainty=Certainty.POSSIBLE)
            counts[key] = _observed_again(counts.get(key), event)
    return History(
        used=dict(sorted(used.items())),
        attempted=dict(sorted(attempted.items())),
        unmapped=unmapped,
        complete=complete,
        regions=frozenset(regions),
        start=start,
        end=end,
        last_settled=last_settled,
    )


def _observed_again(observation: Observation | None, event: Event) -> Observation:
    succeeded = 1 if event.outcome is Outcome.OK else 0
    if observation is None:
        return Observation(
            count=1, traces=0, first_seen=event.time, last_seen=event.time, succeeded=succeeded
        )
    return Observation(
        count=observation.count + 1,
        traces=0,
        first_seen=earliest(observation.first_seen, event.time),
        last_seen=latest(observation.last_seen, event.time),
        succeeded=observation.succeeded + succeeded,
    )
