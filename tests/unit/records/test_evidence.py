"""What AWS recorded beside traces, and what that allows to say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam import catalog
from scanner.model import Certainty, Need, Observation, Outcome, Permission, Unmapped
from scanner.records import cloudtrail, last_accessed
from scanner.records.cloudtrail import Event, History, history_of, never_called, parameters_of, read_event
from scanner.records.invocations import Window, window_of
from scanner.records.last_accessed import LastAccessed, counts_for, tracks
from scanner.text.tables import rows
from tests.fakes.evidence import Json, call_event

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/notes"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:notes-list"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY_ID}"
PARAMETER = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret"
HOUR, DAY = 3600.0, 86400.0
NOW = 1_790_000_040.0

# --- last-accessed data ----------------------------------------------------------------------------

REPORT = LastAccessed(
    services={"lambda": NOW - DAY, "dynamodb": None, "iam": None, "kms": None, "s3": NOW - DAY, "sqs": None},
    actions={
        "lambda:listfunctions": NOW - DAY,
        "lambda:getfunction": None,
        "sqs:createqueue": NOW - DAY,  # contradicts its service
    },
    asked=NOW,
)


@pytest.mark.parametrize(
    ("action", "never"),
    [
        ("dynamodb:getitem", True),  # a service that was never used speaks for all its actions
        ("lambda:getfunction", True),  # so does an action that is tracked
        ("lambda:listfunctions", False),
        ("lambda:invokefunction", False),  # no tracked action: the service was used, this may have been it
        ("s3:getobject", False),
        ("sns:publish", False),  # an unlisted service
        ("sqs:createqueue", False),
        ("sqs:sendmessage", True),
        ("iam:passrole", False),  # not tracked
        ("iam:createrole", True),
        ("kms:decrypt", False),  # used by other services on the role's behalf
    ],
)
def test_never_accessed(action: str, never: bool) -> None:
    assert REPORT.never(action) is never


@pytest.mark.parametrize(
    ("action", "since", "level"),
    [
        ("lambda:listfunctions", NOW - 2 * DAY, "action"),
        ("lambda:listfunctions", NOW - HOUR, None),
        ("lambda:getfunction", NOW - 2 * DAY, None),  # the service was used, but not for this
        ("lambda:invokefunction", NOW - 2 * DAY, "service"),
        ("lambda:invokefunction", NOW - DAY, None),
        ("dynamodb:getitem", 0, None),
        ("sns:publish", 0, None),
    ],
)
def test_accessed_since(action: str, since: float, level: str | None) -> None:
    assert REPORT.accessed_since(action, since) == level


@pytest.mark.parametrize(
    ("starts", "changed", "counts"),
    [
        ([], 0, False),
        ([NOW - 5 * HOUR], 0, True),
        ([NOW - 4 * HOUR], 0, True),
        ([NOW - 4 * HOUR + 1], 0, False),  # may not have appeared yet
        ([NOW - HOUR, NOW - 5 * HOUR], NOW - 6 * HOUR, True),
        ([NOW - HOUR, NOW - 5 * HOUR], NOW - 3 * HOUR, False),  # the old code ran five hours ago
        ([NOW - 5 * HOUR], NOW - 5 * HOUR, False),
    ],
)
def test_a_report_counts_for_what_ran_after_the_change_and_long_enough_before(
    starts: list[float], changed: float, counts: bool
) -> None:
    assert counts_for(starts, changed, NOW) is counts


def test_cloudtrail_lags_less() -> None:
    assert counts_for([NOW - 3 * HOUR], 0, NOW, lag=cloudtrail.LAG)
    assert not counts_for([NOW - 1 * HOUR], 0, NOW, lag=cloudtrail.LAG)
    assert last_accessed.LAG == 4 * HOUR


@pytest.mark.parametrize(
    ("region", "tracked"),
    [("eu-west-1", True), ("us-gov-west-1", True), ("cn-north-1", False), ("xx-new-1", False), ("*", False)],
)
def test_only_some_regions_are_tracked(region: str, tracked: bool) -> None:
    assert tracks(region) is tracked


# --- one event -------------------------------------------------------------------------------------


def read(call: str = "ssm:GetParameter", /, session: str = "notes-list", **more: Any) -> Event | None:
    event = call_event(ROLE, session, call, NOW, **more)
    return read_event(json.dumps(event), FUNCTION, ROLE)


def needs(call: str, /, **more: Any) -> set[tuple[str, str, bool, bool]]:
    event = read(call, **more)
    assert event is not None and not isinstance(event.needs, Unmapped)
    return {(*need.permission, need.required) for need in event.needs}


def named(
    call: str, action: str, parameters: Json | None = None, resources: tuple[str, ...] = ()
) -> set[str]:
    """The resources of one action that a call needs."""
    found = needs(call, parameters=parameters, resources=resources)
    return {resource for name, resource, _, _ in found if name == action}


@pytest.mark.parametrize(
    ("call", "parameters", "resources", "expected"),
    [
        # by name, as traces have it
        ("ssm:GetParameter", {"name": "/db/url"}, (), {f"{PARAMETER}/db/url"}),
        ("ssm:GetParameter", {"name": "url:3"}, (), {f"{PARAMETER}/url"}),
        ("ssm:GetParameter", {"name": f"{PARAMETER}/x"}, (), {f"{PARAMETER}/x"}),
        ("ssm:GetParameters", {"names": ["/a", "/b", 7]}, (), {f"{PARAMETER}/a", f"{PARAMETER}/b"}),
        ("secretsmanager:GetSecretValue", {"secretId": "db"}, (), {f"{SECRET}:db-??????"}),
        # an ARN that may be a whole one or not
        (
            "secretsmanager:GetSecretValue",
            {"secretId": f"{SECRET}:db-AbCdEf"},
            (),
            {f"{SECRET}:db-AbCdEf", f"{SECRET}:db-AbCdEf-??????"},
        ),
        ("secretsmanager:GetSecretValue", {"secretId": f"{SECRET}:db"}, (), {f"{SECRET}:db-??????"}),
        ("kms:Decrypt", {"keyId": KEY_ID}, (), {KEY}),
        ("kms:Decrypt", {"keyId": KEY}, (), {KEY}),
        # the event's own resources are better than any name
        ("kms:Decrypt", {"keyId": "alias/notes"}, (KEY,), {KEY}),
        ("ssm:GetParameter", {"name": "url:label"}, (f"{PARAMETER}/url",), {f"{PARAMETER}/url"}),
        ("ssm:GetParameters", {"names": ["/a"]}, (f"{PARAMETER}/a",), {f"{PARAMETER}/a"}),
        # unless they are of another kind, or no ARN
        ("ssm:GetParameter", {"name": "/a"}, (KEY,), {f"{PARAMETER}/a"}),
        ("ssm:GetParameter", {"name": "/a"}, (f"{PARAMETER}/*", "arn:x", ""), {f"{PARAMETER}/a"}),
        # the API's version
        (
            "lambda:GetFunctionConfiguration20150331v2",
            {"functionName": "f"},
            (),
            {f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"},
        ),
    ],
)
def test_the_resources_of_an_event(
    call: str, parameters: Json, resources: tuple[str, ...], expected: set[str]
) -> None:
    event = read(call, parameters=parameters, resources=resources)
    assert event is not None and not isinstance(event.needs, Unmapped)
    assert {need.permission.resource for need in event.needs if need.required} == expected
    assert all(need.permission.exact for need in event.needs if need.required)


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("kms:Decrypt", {"keyId": "alias/notes"}),
        ("kms:Decrypt", {"keyId": f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/notes"}),
        ("kms:Decrypt", None),
        ("ssm:GetParameter", {"name": "/db/*"}),
        ("ssm:GetParameter", {"name": 7}),
        ("ssm:GetParametersByPath", {"path": "/db"}),
    ],
)
def test_an_unknown_resource_is_not_guessed(call: str, parameters: Json | None) -> None:
    event = read(call, parameters=parameters)
    assert event is not None and not isinstance(event.needs, Unmapped)
    assert all(not need.permission.exact and "*" in need.permission.resource for need in event.needs)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"name": "/db/url"}, False),
        ({"names": ["/a", "/b"]}, False),
        ({"name": "/aws/reference/secretsmanager/db"}, True),
        ({"names": ["/a", "/aws/reference/secretsmanager/db"]}, True),
        (None, True),
    ],
)
def test_only_a_parameter_that_stands_for_a_secret_may_need_the_secret(
    parameters: Json | None, expected: bool
) -> None:
    call = "ssm:GetParameters" if parameters and "names" in parameters else "ssm:GetParameter"
    assert bool(named(call, "secretsmanager:GetSecretValue", parameters)) is expected


def test_a_call_that_a_service_makes_for_the_function_is_the_functions() -> None:
    found = needs("kms:Decrypt", resources=[KEY], invoked_by="s3.amazonaws.com")
    assert found == {("kms:Decrypt", KEY, True, True)}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("", Outcome.OK),
        ("AccessDenied", Outcome.DENIED),
        ("AccessDeniedException", Outcome.DENIED),
        ("Client.UnauthorizedOperation", Outcome.DENIED),
        ("ResourceNotFoundException", Outcome.FAILED),
        ("DryRunOperationException", Outcome.FAILED),
    ],
)
def test_the_outcome_of_an_event(error: str, outcome: Outcome) -> None:
    event = read(error=error)
    assert event is not None and event.outcome is outcome


@pytest.mark.parametrize(
    "more",
    [
        {"session": "notes-list-2"},
        {"session": "other"},
        {"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/notes-list"}},
        {"userIdentity": {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}},
        {"userIdentity": {"type": "AssumedRole", "principalId": "notes-list"}},
        {"userIdentity": []},
        {"eventType": "AwsServiceEvent"},
    ],
)
def test_events_of_others_are_left_out(more: Json) -> None:
    assert read(**more) is None


def test_another_role_with_the_same_session_name_is_another() -> None:
    event = call_event(ROLE.replace("notes", "other"), "notes-list", "ssm:GetParameter", NOW)
    assert read_event(json.dumps(event), FUNCTION, ROLE) is None


@pytest.mark.parametrize(
    "more",
    [
        {"eventTime": "yesterday"},
        {"eventTime": None},
        {"eventName": ""},
        {"eventSource": 7},
        {"eventID": None},
        {"userIdentity": {"type": "AssumedRole", "principalId": "A:notes-list"}},
        {"userIdentity": {"type": "AssumedRole", "principalId": "A:notes-list", "sessionContext": "?"}},
    ],
)
def test_an_event_that_cannot_be_told_is_no_event(more: Json) -> None:
    with pytest.raises(ValueError, match="an event"):
        read(**more)


def test_an_unknown_operation_is_kept_as_such() -> None:
    event = read("ssm:GetSomethingNew")
    assert event is not None
    assert event.needs == Unmapped("ssm", "GetSomethingNew", "unknown-operation", "ssm")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
    st.sampled_from(
        ["requestParameters", "resources", "userIdentity", "eventTime", "errorCode", "awsRegion"]
    ),
)
def test_no_value_in_an_event_is_trusted(value: Any, key: str) -> None:
    event = call_event(ROLE, "notes-list", "ssm:GetParameter", NOW) | {key: value}
    try:
        found = read_event(json.dumps(event), FUNCTION, ROLE)
    except ValueError:
        return
    assert found is None or found.needs is not None


def test_parameters_that_name_no_resource_are_left_out() -> None:
    raw = {"secretId": "db", "versionId": "1", "clientToken": "t", "executionArn": "a", "functionName": "f"}
    assert parameters_of("lambda", raw) == (
        ("function_name", "f"),
        ("secret_id", "db"),
        ("version_id", "*"),
    )


# --- a history -------------------------------------------------------------------------------------

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
    )
    assert history.used == {LIST: Observation(3, 0, NOW - 30, NOW - 10, 2)}
    assert history.attempted == {GET_SECRET: Observation(1, 0, NOW - 40, NOW - 40, 0)}


@given(st.lists(st.integers(min_value=0, max_value=86_400)), st.randoms())
def test_the_order_of_events_does_not_matter(ages: list[int], random: Any) -> None:
    events = [event(NOW - age, LIST, GET_SECRET) for age in ages]
    shuffled = events.copy()
    random.shuffle(shuffled)
    assert made(*events) == made(*shuffled)
    settled = [NOW - age for age in ages if age >= cloudtrail.LAG]
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


# --- invocations -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        # both ends move outwards to full minutes
        (NOW - 3600, NOW, Window(int(NOW) - 3600, int(NOW), 60)),
        (NOW - 3630, NOW - 30, Window(int(NOW) - 3660, int(NOW), 60)),
        (NOW - 0.5, NOW + 0.5, Window(int(NOW) - 60, int(NOW) + 60, 60)),
        # what is older than 15 days is kept by five minutes, what is older than 63 days by the hour
        (1788000000, 1788003600, Window(1788000000, 1788003600, 300)),
        (1788000060, 1788003660, Window(1788000000, 1788003900, 300)),
        (1782000000, 1782003660, Window(1782000000, 1782007200, 3600)),
        # long windows are counted by the hour
        (NOW - 10 * DAY, NOW, Window(1789135200, 1790002800, 3600)),
    ],
)
def test_the_window_that_is_counted(start: float, end: float, window: Window) -> None:
    assert window_of(start, end, NOW) == window


@given(
    st.floats(min_value=0, max_value=400 * DAY),
    st.floats(min_value=0, max_value=400 * DAY),
)
def test_the_counted_window_holds_all_that_was_asked_for(age: float, length: float) -> None:
    start, end = NOW - age, NOW - age + length
    window = window_of(start, end, NOW)
    assert window.start <= start and end <= window.end
    assert start - window.start < window.period and window.end - end < window.period
    assert window.start % window.period == window.end % window.period == 0
    finest = 60 if age < 15 * DAY - HOUR else 300 if age < 63 * DAY - HOUR else 3600
    assert window.period % finest == 0


# --- the data --------------------------------------------------------------------------------------


def test_the_actions_of_event_history_exist_and_have_a_source() -> None:
    found = rows("records", "event_history")
    assert [row["action"] for row in found if catalog.spelled(row["action"]) != row["action"]] == []
    assert all(catalog.action(row["action"]) for row in found)
    assert all(row["source"].startswith("docs.aws.amazon.com/") for row in found)


def test_the_tracked_regions_are_named_once_each_with_a_source() -> None:
    found = rows("records", "last_accessed_regions")
    regions = [row["region"] for row in found]
    assert len(set(regions)) == len(regions)
    assert all(row["source"].startswith("docs.aws.amazon.com/") for row in found)
