"""Whom an incomplete trace doubts: the functions in it, and those whose document it surely lacks."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.traces.documents import Trace
from scanner.traces.reading import read_trace
from scanner.usage.builder import UsageBuilder
from tests.unit.traces.segments import call, invocation, segment, service

NAMES = ("f", "g", "h")
OTHER_REGION = "arn:aws:lambda:eu-west-1:123456789012:function:g"


def arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def run_of(name: str, id_: str = "1", parent: str | None = None, calls: Any = ()) -> list[dict[str, Any]]:
    """The documents of a function that ran."""
    caller: dict[str, Any] = {} if parent is None else {"parent_id": parent}
    ran = invocation(arn(name), f"{id_}b", f"{id_}a", name=name, subsegments=list(calls))
    return [service(arn(name), f"{id_}a", **caller), ran]


def doubted(*documents: Any, truncated: bool = True) -> tuple[set[str], bool]:
    """The functions that a trace doubts, of three that complete traces show; and whether it doubts all."""
    builder = UsageBuilder()
    for name in NAMES:
        builder.add(read_trace(Trace(f"complete {name}", tuple(run_of(name)))))
    builder.add(read_trace(Trace("cut off", documents, truncated=truncated)))
    usages = {usage.workload: usage for usage in builder.usages()}
    names = {name for name in NAMES if usages[arn(name)].evidence.last_incomplete is not None}
    return names, builder.unattributed_gaps > 0


def invoke(name: str | None = "g", id_: str = "i", **more: Any) -> dict[str, Any]:
    aws: dict[str, Any] = {"operation": "Invoke", "region": "us-east-1"}
    if name is not None:
        aws["function_name"] = name
    return call(id_, name="Lambda", **{"aws": aws, **more})


def failed(message: str) -> dict[str, Any]:
    cause = {"exceptions": [{"id": "e", "type": "AccessDeniedException", "message": message}]}
    return {"error": True, "http": {"response": {"status": 403}}, "cause": cause}


ATHENA = call("q", name="Athena", aws={"operation": "StartQueryExecution", "region": "us-east-1"})
ROTATE = call("q", name="SecretsManager", aws={"operation": "RotateSecret", "region": "us-east-1"})


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        pytest.param(run_of("f"), {"f"}, id="the function in it"),
        pytest.param(run_of("f") + run_of("g", "2"), {"f", "g"}, id="all functions in it"),
        pytest.param(run_of("f", calls=[invoke()]), {"f", "g"}, id="one that was invoked by name"),
        pytest.param(run_of("f", calls=[invoke("g:PROD")]), {"f", "g"}, id="by an alias"),
        pytest.param(run_of("f", calls=[invoke(arn("g"))]), {"f", "g"}, id="by its ARN"),
        pytest.param(run_of("f", calls=[invoke(OTHER_REGION)]), {"f"}, id="one elsewhere"),
        pytest.param(run_of("f", calls=[invoke("z")]), {"f"}, id="one that was never seen"),
        pytest.param(
            [*run_of("f", calls=[invoke()]), service(arn("g"), "s", parent_id="i")],
            {"f", "g"},
            id="asked to run",
        ),
        pytest.param(run_of("f", calls=[ATHENA]), {"f"}, id="one that an operation may invoke"),
        pytest.param(run_of("f", calls=[ROTATE]), {"f"}, id="one that a service may invoke"),
        pytest.param(
            run_of("f", calls=[invoke(**failed("not authorized to perform"))]),
            {"f"},
            id="one that was denied",
        ),
        pytest.param(run_of("f", calls=[invoke(None)]), {"f", "g", "h"}, id="one of any name"),
        pytest.param(
            run_of("f", calls=[invoke(None)]) + run_of("g", "2", parent="i"),
            {"f", "g"},
            id="one of any name, which is in it",
        ),
        pytest.param(
            run_of("f", calls=[invoke(None, aws={"operation": "Invoke", "region": "eu-west-1"})]),
            {"f"},
            id="one of any name in another region",
        ),
        pytest.param(
            [segment("s", "AWS::ApiGateway::Stage", subsegments=[invoke("h")])], {"h"}, id="by API Gateway"
        ),
        pytest.param(
            [segment("s", "AWS::ECS::Container", subsegments=[call("c")])], set(), id="of a container"
        ),
        pytest.param([segment("s", subsegments=[call("c")])], set(), id="of a client"),
    ],
)
def test_a_truncated_trace_doubts_functions(documents: list[Any], expected: set[str]) -> None:
    assert doubted(*documents) == (expected, False)
    assert doubted(*documents, truncated=False)[0] == set()


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param([], id="no document"),
        pytest.param(["{"], id="none that can be read"),
        pytest.param([segment("s", "AWS::ECS::Container"), "{"], id="one that cannot be read"),
        pytest.param([{**call("c"), "type": "subsegment", "parent_id": "lost"}], id="a part of a lost one"),
        pytest.param([segment("o", parent_id="lost", subsegments=[call("c")])], id="one of OpenTelemetry"),
        pytest.param([segment("o", "AWS::Lambda::Function", parent_id="lost")], id="a nameless function's"),
        pytest.param([segment("o", "AWS::Lambda::Function")], id="a nameless function's, without a parent"),
    ],
)
def test_a_truncated_trace_without_a_function_may_be_anybodys(documents: list[Any]) -> None:
    assert doubted(*documents) == (set(), True)


# --- documents without an owner -----------------------------------------------------------------


def unowned(*documents: Any) -> int:
    return read_trace(Trace("1-5-5", documents)).unowned


@pytest.mark.parametrize(
    "thread",
    [
        pytest.param(segment("t", subsegments=[call("c")]), id="without a parent"),
        pytest.param(segment("t", parent_id="lost", subsegments=[call("c")]), id="below what did not arrive"),
        pytest.param({"trace_id": "1-5-5", **call("t", namespace="remote")}, id="a call itself"),
    ],
)
def test_a_document_that_nothing_joins_to_the_function_is_a_doubt(thread: dict[str, Any]) -> None:
    assert unowned(*run_of("f"), thread) == 1
    assert doubted(*run_of("f"), thread, truncated=False) == ({"f"}, False)
    assert unowned(thread) == 0


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(segment("t", subsegments=[{"id": "x", "name": "step"}]), id="without calls"),
        pytest.param(segment("t", "AWS::ECS::Container", subsegments=[call("c")]), id="of another compute"),
        pytest.param(segment("t", parent_id="r", subsegments=[call("c")]), id="of a server that was called"),
    ],
)
def test_documents_of_others_are_no_doubt(other: dict[str, Any]) -> None:
    request = {"id": "r", "name": "api.example.com", "namespace": "remote"}
    assert unowned(*run_of("f", calls=[request]), other) == 0


def test_the_document_of_a_caller_is_no_doubt() -> None:
    caller = segment("t", subsegments=[invoke("f", "i"), call("c")])
    stage = segment("s", "AWS::ApiGateway::Stage", parent_id="i", subsegments=[invoke("f", "j")])
    assert unowned(caller, stage, *run_of("f", parent="j")) == 0
    assert unowned(caller, *run_of("f", parent="i")) == 0
