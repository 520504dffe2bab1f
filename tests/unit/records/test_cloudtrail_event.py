"""One event of CloudTrail as a call with what it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Outcome, Unmapped
from scanner.records.cloudtrail.event import Event, parameters_of, read_event
from tests.fakes.evidence import Json, call_event

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/notes"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:notes-list"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY_ID}"
PARAMETER = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret"
NOW = 1_790_000_040.0


def read(call: str = "ssm:GetParameter", /, session: str = "notes-list", **more: Any) -> Event | None:
    event = call_event(ROLE, session, call, NOW, **more)
    return read_event(json.dumps(event), FUNCTION, ROLE)


def needs(call: str, /, **more: Any) -> set[tuple[str, str, bool, bool]]:
    event = read(call, **more)
    assert event is not None and not isinstance(event.needs, Unmapped)
    return {(*need.permission[:3], need.required) for need in event.needs}


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
        # the caller was not recognised: what it may do was never asked
        ("InvalidAccessKeyId", Outcome.NEVER_SENT),
        ("InvalidClientTokenId", Outcome.NEVER_SENT),
        ("Client.InvalidClientTokenId", Outcome.NEVER_SENT),
        ("ExpiredToken", Outcome.NEVER_SENT),
        ("ExpiredTokenException", Outcome.NEVER_SENT),
        ("SignatureDoesNotMatch", Outcome.NEVER_SENT),
        ("InvalidSignature", Outcome.NEVER_SENT),
        ("UnrecognizedClientException", Outcome.NEVER_SENT),
        ("InvalidParameterException", Outcome.FAILED),
    ],
)
def test_the_outcome_of_an_event(error: str, outcome: Outcome) -> None:
    event = read(errorCode=error)
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
