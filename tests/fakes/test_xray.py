"""The scripted X-Ray does what its script says, seen through boto3."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.fakes.clients import client_of
from tests.fakes.traces import Call, Shape, documents_of, function_arn, lambda_trace
from tests.fakes.xray import DESTINATION, FETCH, FOREVER, LISTING, FakeXRay, Script

NOW = int(time.time())
TRACES = [
    lambda_trace(function_arn("f"), [Call("S3", "GetObject", {"bucket_name": "b"})], NOW - 60 * age)
    for age in range(1, 8)
]
IDS = [trace["Id"] for trace in TRACES]


def at(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def listed(fake: FakeXRay, start: float = NOW - 3600, end: float = NOW, **more: Any) -> list[dict[str, Any]]:
    """The summaries of all pages."""
    xray, summaries = fake.client(), []
    while True:
        page = xray.get_trace_summaries(StartTime=at(start), EndTime=at(end), **more)
        summaries += [dict(summary) for summary in page.get("TraceSummaries", [])]
        if "NextToken" not in page:
            return summaries
        more["NextToken"] = page["NextToken"]


def ids_of(summaries: list[dict[str, Any]]) -> list[str]:
    return [summary["Id"] for summary in summaries]


def error_of(action: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        action()
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_lists_and_fetches() -> None:
    with FakeXRay(TRACES) as fake:
        assert ids_of(listed(fake)) == IDS
        assert ids_of(listed(fake, NOW - 180, NOW - 120)) == IDS[1:3], "both ends are included"
        answer = fake.client().batch_get_traces(TraceIds=[*IDS[:4], "1-00000000-000000000000000000000000"])
        assert [trace["Id"] for trace in answer["Traces"]] == IDS[:4]
        assert answer["Traces"][0]["Segments"] == TRACES[0]["Segments"]
        assert fake.count(LISTING) == 2 and fake.fetched()[IDS[0]] == 1


def test_refuses_what_xray_refuses() -> None:
    with FakeXRay(TRACES) as fake:
        xray = fake.client()
        invalid = ("InvalidRequestException", 400)
        assert (
            error_of(lambda: xray.get_trace_summaries(StartTime=at(NOW - 6 * 3600 - 1), EndTime=at(NOW)))
            == invalid
        )
        assert error_of(lambda: xray.get_trace_summaries(StartTime=at(NOW), EndTime=at(NOW - 1))) == invalid
        assert error_of(lambda: xray.batch_get_traces(TraceIds=IDS[:6])) == invalid
        assert error_of(lambda: xray.batch_get_traces(TraceIds=[])) == invalid
        fake.script = Script(page_size=1)
        token = xray.get_trace_summaries(StartTime=at(NOW - 600), EndTime=at(NOW))["NextToken"]
        assert (
            error_of(lambda: xray.get_trace_summaries(StartTime=at(0), EndTime=at(1), NextToken=token))
            == invalid
        )


def test_pages_with_empty_ones_between_and_duplicates() -> None:
    with FakeXRay(TRACES, Script(page_size=3, empty_pages=2, duplicate_summaries=True)) as fake:
        found = ids_of(listed(fake))
        assert sorted(set(found)) == sorted(IDS) and len(found) > len(IDS)
        assert fake.count(LISTING) == 3 * 3 + 3


def test_filter_partial_and_late_traces() -> None:
    script = Script(filter=lambda trace, expression: expression in documents_of(trace)[0])
    with FakeXRay(TRACES, script) as fake:
        assert ids_of(listed(fake, FilterExpression=IDS[2])) == [IDS[2]]
        fake.script = Script(partial={IDS[0]: 2}, appear_polls={IDS[1]: 2})
        first, second = listed(fake), listed(fake)
        assert first[0]["IsPartial"] and not second[0]["IsPartial"], (
            "the filtered listing counted as the first"
        )
        assert IDS[1] not in ids_of(first) and IDS[1] in ids_of(second)


def test_fetches_that_are_not_complete() -> None:
    growing = [
        lambda_trace(function_arn("g"), [], NOW, shape=Shape(in_progress=busy)) for busy in (True, False)
    ]
    script = Script(
        unprocessed={IDS[0]: 1, IDS[1]: FOREVER},
        limit_exceeded={IDS[2]},
        versions={growing[0]["Id"]: growing},
        batch_page_size=2,
    )
    with FakeXRay(TRACES, script) as fake:
        xray = fake.client()
        first = xray.batch_get_traces(TraceIds=IDS[:3])
        assert first["UnprocessedTraceIds"] == IDS[:2] and not first["Traces"]
        rest = xray.batch_get_traces(TraceIds=IDS[:3], NextToken=first["NextToken"])
        assert rest["Traces"][0]["LimitExceeded"] and "NextToken" not in rest
        assert xray.batch_get_traces(TraceIds=[IDS[0]])["Traces"]
        fetched = [xray.batch_get_traces(TraceIds=[growing[0]["Id"]])["Traces"][0] for _ in range(3)]
        documents = [json.loads(trace["Segments"][1]["Document"]) for trace in fetched]
        assert ["in_progress" in document for document in documents] == [True, False, False]


def test_errors_as_scripted() -> None:
    with FakeXRay(TRACES, Script(drop_first=1, fail_first=2, throttle_every=4)) as fake:
        xray = fake.client()
        with pytest.raises(ConnectionClosedError):
            xray.batch_get_traces(TraceIds=IDS[:1])
        assert error_of(lambda: xray.batch_get_traces(TraceIds=IDS[:1])) == ("InternalFailure", 500)
        xray.batch_get_traces(TraceIds=IDS[:1])
        assert error_of(lambda: xray.batch_get_traces(TraceIds=IDS[:1])) == ("ThrottledException", 429)
        fake.script = Script(denied={FETCH, DESTINATION})
        assert error_of(lambda: xray.batch_get_traces(TraceIds=IDS[:1])) == ("AccessDeniedException", 403)
        assert [request.status for request in fake.requests] == [0, 500, 200, 429, 403]


def test_segment_destination() -> None:
    with FakeXRay() as fake:
        xray = fake.client()
        assert xray.get_trace_segment_destination()["Destination"] == "XRay"
        fake.script = Script(destination=("CloudWatchLogs", "ACTIVE"))
        assert xray.get_trace_segment_destination()["Status"] == "ACTIVE"
        fake.script = Script(destination=None)
        assert error_of(xray.get_trace_segment_destination)[1] == 404


def test_refuses_other_services() -> None:
    with FakeXRay() as fake:
        assert error_of(client_of("lambda", fake.url).list_functions) == ("AccessDeniedException", 403)
        assert error_of(client_of("iam", fake.url).list_roles) == ("AccessDenied", 403)


def test_throttles_by_load_and_by_rate() -> None:
    with FakeXRay(TRACES, Script(delay=0.1, throttle_in_flight=4)) as fake:
        xray = fake.client()

        def ask(_: int) -> int:
            try:
                return xray.batch_get_traces(TraceIds=IDS[:1])["ResponseMetadata"]["HTTPStatusCode"]
            except ClientError as error:
                return error.response["ResponseMetadata"]["HTTPStatusCode"]

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(ask, range(8)))
        assert statuses.count(200) >= 4 and 429 in statuses and fake.in_flight_max > 4
        fake.script = Script(throttle_per_second=3)
        assert [ask(0) for _ in range(5)] == [200, 200, 200, 429, 429]


def test_answers_without_keys_or_sense() -> None:
    with FakeXRay(TRACES, Script(missing={"TraceSummaries", "Document"})) as fake:
        assert listed(fake) == []
        trace = fake.client().batch_get_traces(TraceIds=IDS[:1])["Traces"][0]
        assert "Document" not in trace["Segments"][0] and "Id" in trace
        fake.script = Script(mangle=lambda operation, answer: {"Traces": None} | answer)
        assert fake.client().batch_get_traces(TraceIds=IDS[:1])["Traces"]
        fake.script = Script(mangle=lambda operation, answer: b"<html>")
        assert "Traces" not in fake.client().batch_get_traces(TraceIds=IDS[:1]), (
            "botocore reads it as nothing"
        )
