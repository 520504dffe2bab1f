"""The events of a workload as one history, and what it shows that was never called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Certainty, Need, Observation, Outcome, Permission, Unmapped
from scanner.records.cloudtrail.event import Event
from scanner.records.cloudtrail.history import LAG, History, history_of, never_called

ACCOUNT = "123456789012"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret"
HOUR, DAY = 3600.0, 86400.0
NOW = 1_790_000_040.0


LIST = Need(Permission("logs:CreateLogStream", "*", exact=False), Certainty.REQUIRED)
GET_SECRET = Need(
    Permission("secretsmanager:GetSecretValue", f"{SECRET}:db-??????", exact=True), Certainty.REQUIRED
)


def event(moment: float, *needs: Need, outcome: Outcome = Outcome.OK, id_: str = "") -> Event:
    return Event(id_ or str(moment), moment, outcome, needs)


def made(*events: Event) -> History:
    return history_of(events, regions=["eu-west-1"], complete=True, start=NOW - DAY, end=NOW)


def test_events_are_counted_by_permission() -> None:
    history = made(
        event(NOW - 10, LIST),
        event(NOW - 30, LIST, outcome=Outcome.FAILED),
        event(NOW - 20, LIST, id_="same"),
        event(NOW - 20, LIST, id_="same"),
        event(NOW - 40, GET_SECRET, outcome=Outcome.DENIED),
        event(NOW - 50, GET_SECRET, outcome=Outcome.NEVER_SENT),
    )
    assert history.used == {LIST: Observation(3, 0, NOW - 30, NOW - 10, 2)}
    assert history.attempted == {GET_SECRET: Observation(2, 0, NOW - 50, NOW - 40, 0)}


def test_an_event_whose_caller_was_not_recognised_does_not_show_that_the_workload_ran() -> None:
    assert made(event(NOW - 5 * HOUR, LIST, outcome=Outcome.NEVER_SENT)).last_settled is None


@given(st.lists(st.integers(min_value=0, max_value=86_400)), st.randoms())
def test_the_order_of_events_does_not_matter(ages: list[int], random: Any) -> None:
    events = [event(NOW - age, LIST, GET_SECRET) for age in ages]
    shuffled = events.copy()
    random.shuffle(shuffled)
    assert made(*events) == made(*shuffled)
    settled = [NOW - age for age in ages if age >= LAG]
    assert made(*events).last_settled == max(settled, default=None)


RAN = made(event(NOW - 5 * HOUR, LIST))  # it ran once, five hours ago
SIX_HOURS_AGO = NOW - 6 * HOUR
UNKNOWN = Unmapped("secretsmanager", "GetSomethingNew", "unknown-operation", "secretsmanager")


@pytest.mark.parametrize(
    ("history", "never"),
    [
        (RAN, True),
        (replace(RAN, complete=False), False),
        (replace(RAN, regions=frozenset({"us-east-1"})), False),
        (replace(RAN, start=NOW - 5.5 * HOUR), False),  # the first half hour after the change is missing
        (made(), False),  # did it run at all, and are its calls found by its name?
        (made(event(NOW - HOUR, LIST)), False),  # what came with it may not have been delivered
        (made(event(NOW - 7 * HOUR, LIST)), False),  # that was the old code
        (made(event(NOW - 5 * HOUR, LIST), event(NOW - HOUR, GET_SECRET)), False),
        (made(event(NOW - 5 * HOUR, LIST), event(NOW - 20 * HOUR, GET_SECRET)), False),
        (made(event(NOW - 5 * HOUR, LIST), event(NOW - HOUR, GET_SECRET, outcome=Outcome.DENIED)), False),
        (made(event(NOW - 5 * HOUR, LIST), Event("u", NOW - HOUR, Outcome.OK, UNKNOWN)), False),
        (
            made(event(NOW - 5 * HOUR, LIST), Event("u", NOW, Outcome.OK, UNKNOWN._replace(prefix=None))),
            False,
        ),
        (
            made(event(NOW - 5 * HOUR, LIST), Event("u", NOW, Outcome.OK, UNKNOWN._replace(prefix="sqs"))),
            True,
        ),
        (History(), False),
    ],
)
def test_never_called(history: History, never: bool) -> None:
    assert never_called(history, "secretsmanager:getsecretvalue", "eu-west-1", SIX_HOURS_AGO) is never


@pytest.mark.parametrize(
    ("action", "region", "never"),
    [
        ("secretsmanager:batchgetsecretvalue", "eu-west-1", True),
        ("ssm:getparametersbypath", "eu-west-1", True),
        ("ssm:getparameter", "us-east-1", False),
        ("ssm:getparameter", "*", False),  # it may have been called where nothing was read
        ("ssm:getparameter", "", False),
        ("s3:getobject", "eu-west-1", False),  # an event of the data plane: never in event history
        ("appconfig:getlatestconfiguration", "eu-west-1", False),
        ("kms:decrypt", "eu-west-1", False),  # services use keys without an event for each use
    ],
)
def test_only_what_event_history_always_holds_can_be_missing_in_it(
    action: str, region: str, never: bool
) -> None:
    assert never_called(RAN, action, region, SIX_HOURS_AGO) is never


def test_a_change_of_unknown_time_leaves_it_undecided() -> None:
    assert not never_called(RAN, "ssm:getparameter", "eu-west-1", 0.0)
