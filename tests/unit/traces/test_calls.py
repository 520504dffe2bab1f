"""A node of a document -> a call: what it called, with which parameters, and how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Outcome
from tests.unit.traces.segments import call, invocation, read, service


def test_a_plain_request_to_aws_is_a_call_of_an_unknown_operation() -> None:
    url = "https://bucket.s3.us-east-1.amazonaws.com/key"
    request = {"id": "r", "name": "s3", "namespace": "remote", "http": {"request": {"url": url}}}
    (observed,) = read(service(), invocation(subsegments=[request])).calls
    assert (observed.call.service, observed.call.operation) == ("bucket.s3.us-east-1.amazonaws.com", "")


def test_the_request_of_an_instrumented_client_is_no_second_call() -> None:
    request = {
        "id": "r",
        "namespace": "remote",
        "http": {"request": {"url": "https://dynamodb.amazonaws.com"}},
    }
    assert len(read(service(), invocation(subsegments=[call("c", subsegments=[request])])).calls) == 1


def test_calls_that_a_call_made_count_too() -> None:
    token = call("t", "AssumeRole", name="STS", aws={"operation": "AssumeRole"})
    outer = call("c", subsegments=[{"id": "x", "name": "retry", "subsegments": [token]}])
    assert len(read(service(), invocation(subsegments=[outer])).calls) == 2


def failure(type_: str = "", message: str = "") -> dict[str, Any]:
    return {"exceptions": [{"id": "e", "type": type_, "message": message}]}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, Outcome.OK),
        ({"http": {}}, Outcome.OK),
        (
            {"error": True, "http": {"response": {"status": 404}}, "cause": failure("NoSuchKey")},
            Outcome.FAILED,
        ),
        ({"error": True, "fault": True, "http": {"response": {"status": 400}}}, Outcome.FAILED),
        ({"fault": True, "http": {"response": {"status": 500}}}, Outcome.FAILED),
        ({"throttle": True, "http": {"response": {"status": 429}}}, Outcome.FAILED),
        ({"error": True, "http": {"response": {"status": 403}}}, Outcome.DENIED),
        (
            {"error": True, "http": {"response": {"status": 403}}, "cause": failure("ClientError")},
            Outcome.DENIED,
        ),
        (
            {"error": True, "http": {"response": {"status": 400}}, "cause": failure("AccessDeniedException")},
            Outcome.DENIED,
        ),
        (
            {
                "error": True,
                "http": {"response": {"status": 400}},
                "cause": failure("X", "User: u is not authorized to perform: s3:GetObject"),
            },
            Outcome.DENIED,
        ),
        (
            {"error": True, "http": {"response": {"status": 403}}, "cause": failure("ExpiredToken")},
            Outcome.FAILED,
        ),
        (
            {"error": True, "http": {"response": {"status": 403}}, "cause": failure("InvalidObjectState")},
            Outcome.FAILED,
        ),
        ({"fault": True, "http": {}, "cause": failure("ParamValidationError")}, Outcome.NEVER_SENT),
        ({"fault": True, "http": {}, "cause": "53995c3f42cd8ad8"}, Outcome.NEVER_SENT),
    ],
)
def test_outcomes(how: dict[str, Any], expected: Outcome) -> None:
    (observed,) = read(service(), invocation(subsegments=[call("c", **how)])).calls
    assert observed.call.outcome is expected


@pytest.mark.parametrize(
    ("aws", "expected"),
    [
        ({"table_names": "dict_keys(['a', 'b'])"}, (("table_name", "a"), ("table_name", "b"))),
        ({"table_names": ["a"]}, (("table_name", "a"),)),
        ({"copy_source": "from/a/b.txt", "bucket": "to"}, (("bucket", "to"), ("copy_source", "from"))),
        ({"copy_source": "/from/a?versionId=1"}, (("copy_source", "from"),)),
        ({"copy_source": {"Bucket": "from", "Key": "k"}}, (("copy_source", "from"),)),
        ({"bucket_name": "b", "key": "k", "version_id": "v"}, (("bucket_name", "b"), ("version_id", "*"))),
        ({"resource_names": ["t"]}, (("resource_name", "t"),)),
        ({"table_name": "t", "resource_names": ["t"]}, (("table_name", "t"),)),
        ({"table_name": 7, "message_id": "m", "consumed_capacity": {}}, ()),
    ],
)
def test_only_what_names_a_resource_is_kept(aws: dict[str, Any], expected: Any) -> None:
    (observed,) = read(invocation(subsegments=[call("c", aws=aws)])).calls
    assert observed.call.parameters == expected
