"""What real SDKs wrote (`make sdk-fixtures`): each call is read and mapped, whoever recorded it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.mapping.access_denied import denial_of
from scanner.mapping.permissions import required_permissions
from scanner.mapping.services import prefix_of
from scanner.model import Arn, ObservedCall, Outcome, Unmapped
from scanner.model.readings import TraceReading
from scanner.traces.files import FilesSource
from tests.sdks.environments import FUNCTION, HERE, Capture, captures

_DATA = Path(__file__).resolve().parents[2] / "data" / "sdks"
_CAPTURES = list(captures())
_WHOLE = {f"{capture.sdk}-{capture.language}": capture for capture in _CAPTURES if capture.whole}
_of_each = pytest.mark.parametrize("capture", _CAPTURES, ids=[capture.name for capture in _CAPTURES])
_of_spans = pytest.mark.parametrize("sdk", ["adot-python", "adot-node", "otel-python", "otel-node"])

Row = dict[str, Any]
_SCRIPT: list[Row] = [json.loads(line) for line in (HERE / "script.jsonl").read_text().splitlines()]
# the X-Ray SDK for Node makes no subsegment of a request that the client never built
_UNRECORDED = {("xray-node", "never-sent")}


def _read(path: Path) -> TraceReading:
    readings: list[TraceReading] = []
    warnings = Warnings()

    def emit(items: Sequence[object]) -> None:
        readings.extend(item for item in items if isinstance(item, TraceReading))

    report = FilesSource((path,)).read(lambda _: emit, warnings)
    assert (report.skipped.documents, warnings.all()) == (0, [])
    (reading,) = readings
    return reading


@cache
def _reading(capture: Capture) -> TraceReading:
    return _read(_DATA / capture.file)


def _in_order(reading: TraceReading) -> list[ObservedCall]:
    return sorted(reading.calls, key=lambda observed: observed.time)


def _script(capture: Capture) -> list[Row]:
    rows = [row for row in _SCRIPT if capture.whole or row.get("short")]
    sdk = f"{capture.sdk}-{capture.language}"
    return [row for row in rows if (sdk, row.get("outcome", "ok")) not in _UNRECORDED]


def _needs(observed: ObservedCall) -> frozenset[tuple[str, str, bool]]:
    needs = required_permissions(observed.call)
    assert not isinstance(needs, Unmapped), observed.call
    return frozenset(need.permission[:3] for need in needs if need.required)


@_of_each
def test_every_call_is_read_and_mapped(capture: Capture) -> None:
    reading, rows = _reading(capture), _script(capture)
    assert reading.complete
    calls = _in_order(reading)
    assert [(prefix_of(seen.call.service), seen.call.operation) for seen in calls] == [
        (prefix_of(row["service"]), row["operation"]) for row in rows
    ]
    for seen in calls:
        _needs(seen)


def test_the_captures_call_many_services() -> None:
    assert len({row["service"] for row in _SCRIPT}) >= 40


_OUTCOMES = {"throttled": Outcome.FAILED}
# the X-Ray SDK for Python records no error of the client itself, and none of an answer that never came
_UNTOLD = {("xray-python", "never-sent"): Outcome.OK}


@_of_each
def test_how_calls_ended(capture: Capture) -> None:
    expected = [row.get("outcome", "ok") for row in _script(capture)]
    sdk = f"{capture.sdk}-{capture.language}"
    assert [observed.call.outcome for observed in _in_order(_reading(capture))] == [
        _UNTOLD.get((sdk, outcome)) or _OUTCOMES.get(outcome) or Outcome(outcome) for outcome in expected
    ]


_PLACE = "@123456789012/eu-west-1"
_WORKLOADS = {
    "lambda": FUNCTION,
    "ecs": f"ecs:shop/api{_PLACE}",
    "ec2": f"ec2:?/shop-api{_PLACE}",
    "eks": f"eks:shop/prod/api{_PLACE}",
}
# beside Lambda the X-Ray SDKs tell the host at most: no account, no family, nothing of Kubernetes
_OF_XRAY = {"ecs": "other:shop-api@/", "ec2": "ec2:?/shop-api@/eu-west-1", "eks": None}


@_of_each
def test_the_workload_is_what_it_ran_on(capture: Capture) -> None:
    beside_lambda = capture.sdk == "xray" and capture.compute != "lambda"
    expected = _OF_XRAY[capture.compute] if beside_lambda else _WORKLOADS[capture.compute]
    reading = _reading(capture)
    assert set(reading.workloads) == ({expected} if expected else set())
    assert {seen.call.workload for seen in reading.calls} == {expected}


@_of_each
def test_a_refusal_names_the_role(capture: Capture) -> None:
    for run in _reading(capture).workloads.values():
        assert run.hints.denied_role == "shop-role"


@_of_each
def test_a_refusal_names_the_action_of_the_script(capture: Capture) -> None:
    """An answer to HEAD has no body, and so no message."""
    ended = zip(_script(capture), _in_order(_reading(capture)), strict=True)
    of_denied = [(row["action"], seen.message) for row, seen in ended if "action" in row]
    assert of_denied
    for action, message in of_denied:
        assert denial_of(message).action in (action, None)


@_of_each
def test_instrumentation_by_an_agent_is_seen(capture: Capture) -> None:
    for run in _reading(capture).workloads.values():
        assert (run.auto_instrumented, run.by_xray_sdk) == (capture.sdk != "xray", capture.sdk == "xray")


@_of_spans
def test_a_request_on_a_line_of_its_own_says_the_same(sdk: str, tmp_path: Path) -> None:
    capture = _WHOLE[sdk]
    lines = tmp_path / "spans.jsonl"
    request = json.loads((_DATA / capture.file).read_text())
    lines.write_text("".join(json.dumps({"resourceSpans": [one]}) + "\n" for one in request["resourceSpans"]))
    assert _in_order(_read(lines)) == _in_order(_reading(capture))


@_of_each
def test_what_is_private_stays_in_the_spans(capture: Capture) -> None:
    said = repr(_reading(capture))
    assert not any(text in said for text in ("AKIAEXAMPLE", "2065550100", "select 1", "a@example.com"))


_BOTH = frozenset({"python", "node"})
_NODE = frozenset({"node"})
_NONE: frozenset[str] = frozenset()
# a permission whose resource is told exactly: in which languages by ADOT, plain OpenTelemetry, the X-Ray SDK
_TOLD = [
    ("dynamodb:BatchGetItem dynamodb:table/orders", _BOTH, _BOTH, _BOTH),
    ("dynamodb:BatchGetItem dynamodb:table/stock", _BOTH, _BOTH, _BOTH),
    ("dynamodb:GetItem dynamodb:table/denied-stock", _BOTH, _BOTH, _BOTH),
    ("dynamodb:GetItem dynamodb:table/orders", _BOTH, _BOTH, _BOTH),
    ("dynamodb:PutItem dynamodb:table/orders", _BOTH, _BOTH, _BOTH),
    ("dynamodb:Query dynamodb:table/orders/index/by-customer", _BOTH, _BOTH, _BOTH),
    ("dynamodb:UpdateItem dynamodb:table/throttled-stock", _BOTH, _BOTH, _BOTH),
    ("lambda:InvokeFunction lambda:function:denied-fn", _BOTH, _BOTH, _BOTH),
    ("lambda:InvokeFunction lambda:function:price-fn", _BOTH, _BOTH, _BOTH),
    ("lambda:InvokeFunction lambda:function:price-fn:live", _BOTH, _NODE, _BOTH),
    # the qualifier is in no span: that an alias may have been meant is possible, not told
    ("lambda:InvokeFunction lambda:function:tax-fn", _BOTH, _BOTH, _NONE),
    ("lambda:InvokeFunction lambda:function:tax-fn:live", _NONE, _NONE, _BOTH),
    ("s3:DeleteObject s3:orders/*", _BOTH, _NODE, _BOTH),
    ("s3:GetObject s3:denied-orders/*", _BOTH, _NODE, _BOTH),
    ("s3:GetObject s3:orders/*", _BOTH, _NODE, _BOTH),
    ("s3:ListBucket s3:orders", _BOTH, _NODE, _BOTH),
    ("s3:PutObject s3:archive/*", _BOTH, _NODE, _BOTH),
    ("s3:PutObject s3:orders/*", _BOTH, _NODE, _BOTH),
    ("bedrock:InvokeModel bedrock:foundation-model/amazon.titan-text-lite-v1", _BOTH, _BOTH, _NONE),
    (
        "bedrock:InvokeModel bedrock:foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
        _BOTH,
        _BOTH,
        _NONE,
    ),
    ("bedrock:InvokeModel bedrock:foundation-model/denied.model-v1:0", _BOTH, _BOTH, _NONE),
    ("secretsmanager:GetSecretValue secretsmanager:secret:db-doecve", _BOTH, _BOTH, _NONE),
    ("states:StartExecution states:stateMachine:ship", _BOTH, _BOTH, _NONE),
    ("states:StartExecution states:stateMachine:throttled-ship", _BOTH, _BOTH, _NONE),
    ("sns:Publish sns:orders", _BOTH, _BOTH, _BOTH),
    ("sqs:ReceiveMessage sqs:orders", _BOTH, _BOTH, _BOTH),
    ("sqs:SendMessage sqs:denied-partner", _BOTH, _BOTH, _BOTH),
    ("sqs:SendMessage sqs:orders", _BOTH, _BOTH, _BOTH),
    ("sqs:GetQueueUrl sqs:orders", _BOTH, _NONE, _BOTH),
    ("kinesis:PutRecord kinesis:stream/clicks", _BOTH, _NODE, _NONE),
    ("bedrock:GetAgent bedrock:agent/AGENT12345", _BOTH, _NONE, _NONE),
    ("bedrock:Retrieve bedrock:knowledge-base/KB12345678", _BOTH, _NONE, _NONE),
    ("bedrock-agentcore:StopRuntimeSession bedrock-agentcore:runtime/shop-AbCdEf1234", _BOTH, _NONE, _NONE),
    ("sagemaker:InvokeEndpoint sagemaker:endpoint/price", _NONE, _NONE, _BOTH),
]


def _told(sdk: str) -> set[str]:
    """What a whole capture tells exactly: the action, the resource's service and its name."""
    told = set()
    for observed in _reading(_WHOLE[sdk]).calls:
        for action, resource, exact in _needs(observed):
            arn = Arn.parse(resource)
            if exact and arn:
                told.add(f"{action} {arn.service}:{arn.resource}")
    return told


@pytest.mark.parametrize("sdk", list(_WHOLE))
def test_a_resource_is_exact_where_the_sdk_tells_it(sdk: str) -> None:
    kind, _, language = sdk.partition("-")
    column = ("adot", "otel", "xray").index(kind)
    assert _told(sdk) == {permission for permission, *by in _TOLD if language in by[column]}


# where the languages need other permissions for the same call, and why
_DIFFERENCES = {
    "adot": {},
    "otel": {
        ("s3", "*"): "the botocore instrumentation for Python has no part for S3",
        ("kinesis", "PutRecord"): "the botocore instrumentation for Python has no part for Kinesis",
        ("lambda", "Invoke"): "Python names the function without the alias of its ARN",
    },
    "xray": {
        ("s3", "HeadObject"): "HeadObject is not in the whitelist of the SDK for Python",
        ("s3", "GetObject"): "Node makes no subsegment of a request that was never built",
    },
}


@pytest.mark.parametrize("kind", list(_DIFFERENCES))
def test_python_and_node_need_the_same_for_the_same_calls(kind: str) -> None:
    needs = {language: _needs_by_call(f"{kind}-{language}") for language in ("python", "node")}
    differ = {call for call in needs["python"] if needs["python"][call] != needs["node"].get(call)}
    known = _DIFFERENCES[kind]
    assert {(service, operation) for service, operation in differ if (service, "*") not in known} == {
        call for call in known if call[1] != "*"
    }
    assert {service for service, _ in differ} == {service for service, _ in known}


def _needs_by_call(sdk: str) -> dict[tuple[str, str], set[tuple[str, str, bool]]]:
    needs: dict[tuple[str, str], set[tuple[str, str, bool]]] = {}
    capture = _WHOLE[sdk]
    for row, observed in zip(_script(capture), _in_order(_reading(capture)), strict=True):
        needs.setdefault((row["service"], row["operation"]), set()).update(_needs(observed))
    return needs
