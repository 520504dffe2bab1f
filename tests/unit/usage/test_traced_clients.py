"""What shows that all AWS clients of a workload are traced."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import EXCESS
from scanner.usage.builder import UsageBuilder
from scanner.workloads.lambda_function import parse_function
from tests.unit.cases import HOUR, NOW, ROLE, allow, arn, compared, function, policy, table
from tests.unit.traces.segments import MACHINE, F, call, invocation, read, segment, service

PUBLISH = allow("sns:Publish", arn("sns", "alerts"))
GET = allow("dynamodb:GetItem", table("t"))
RECENT = NOW - HOUR / 2


def xray(sdk: str, **more: Any) -> dict[str, Any]:
    return {"aws": {"function_arn": F, "xray": {"sdk": sdk, **more}}}


def reasons(runtime: str, *documents: Any, deployed: float = NOW - HOUR, **more: Any) -> tuple[str, ...]:
    """Why sns:Publish is not confirmed unused, of a function that was seen to read a table."""
    builder = UsageBuilder()
    builder.add(read(*documents))
    configured = function(deployed=deployed, runtime=runtime, **more)
    result = compared([policy(GET, PUBLISH)], builder.usages(), [configured])
    (finding,) = (found for found in result.findings if found.actions == ("sns:Publish",))
    return tuple(map(str, finding.reasons))


def ran(*calls: Any, start: float = RECENT, **more: Any) -> list[dict[str, Any]]:
    """The documents of a function that made these calls."""
    nodes = [{"start_time": start, **made} for made in calls]
    times: dict[str, Any] = {"start_time": start, "end_time": start}
    return [service(**times), {**invocation(subsegments=nodes, **times), **more}]


@pytest.mark.parametrize("runtime", ["python3.13", "python3.9"])
def test_on_lambda_one_call_shows_that_botocore_is_patched(runtime: str) -> None:
    assert reasons(runtime, *ran(call("c", start_time=RECENT))) == ()


@pytest.mark.parametrize("runtime", ["nodejs22.x", "java21", "dotnet8", "ruby3.3", "provided.al2023", ""])
def test_other_sdks_patch_client_by_client(runtime: str) -> None:
    assert reasons(runtime, *ran(call("c", start_time=RECENT))) == ("service-not-traced",)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param({"namespace": "remote"}, id="of another namespace"),
        pytest.param({"namespace": None}, id="without a namespace"),
        pytest.param({"aws": {"table_name": "t"}}, id="without an operation"),
    ],
)
def test_what_the_sdk_did_not_record_does_not_show_it(made: dict[str, Any]) -> None:
    assert "service-not-traced" in reasons("python3.13", *ran({**call("c", start_time=RECENT), **made}))


def test_a_call_of_a_service_document_does_not_show_it() -> None:
    first, second = ran(call("c", namespace="remote", start_time=RECENT))
    first["subsegments"] = [call("d", start_time=RECENT)]
    assert reasons("python3.13", first, second) == ("service-not-traced",)


def test_a_streamed_call_shows_it_too() -> None:
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "b", **call("c", start_time=RECENT)}
    assert reasons("python3.13", *ran(), streamed) == ()


def test_a_call_before_the_last_change_does_not_show_it() -> None:
    builder = UsageBuilder()
    builder.add(read(*ran(call("c", start_time=NOW - 3 * HOUR), start=NOW - 3 * HOUR)))
    builder.add(read(*ran(call("c", namespace="remote", start_time=RECENT))))
    result = compared([policy(GET, PUBLISH)], builder.usages(), [function(runtime="python3.13")])
    (finding,) = (found for found in result.findings if found.verdict in EXCESS)
    assert finding.reasons == ("service-not-traced",)


@pytest.mark.parametrize("sdk", ["X-Ray for Python", "X-Ray SDK for Python", "xray-python"])
def test_the_sdk_that_a_document_names_tells_the_same(sdk: str) -> None:
    assert reasons("", *ran(call("c", start_time=RECENT), **xray(sdk))) == ()


@pytest.mark.parametrize(
    "sdk",
    ["X-Ray for Node.js", "X-Ray for Java", "X-Ray for Go", "X-Ray for .NET", "X-Ray for Ruby", "Python"],
)
def test_another_sdk_does_not(sdk: str) -> None:
    assert reasons("", *ran(call("c", start_time=RECENT), **xray(sdk))) == ("service-not-traced",)


def test_opentelemetry_shows_it_where_it_says_so_only() -> None:
    by_hand = ran(call("c", start_time=RECENT), **xray("opentelemetry for python"))
    assert reasons("python3.13", *by_hand) == ("service-not-traced",)
    automatic = ran(
        call("c", start_time=RECENT), **xray("opentelemetry for python", auto_instrumentation=True)
    )
    assert reasons("nodejs22.x", *automatic) == ()


def test_outside_lambda_threads_lose_their_context() -> None:
    sdk = {"xray": {"sdk": "X-Ray for Python"}}
    machine = segment(
        "m",
        "AWS::StepFunctions::StateMachine",
        resource_arn=MACHINE,
        aws=sdk,
        subsegments=[call("c", start_time=RECENT)],
    )
    builder = UsageBuilder()
    builder.add(read(machine))
    (usage,) = builder.usages()
    assert usage.evidence.by_python_sdk == 10.0
    result = compared([policy(PUBLISH)], [usage])
    assert not any(finding.confirmed for finding in result.findings)


def test_the_runtime_is_part_of_a_functions_configuration() -> None:
    document = {"FunctionArn": F, "Role": ROLE, "Runtime": "python3.13"}
    parsed = parse_function(document)
    assert parsed is not None
    assert parsed.runtime == "python3.13"
    image = parse_function({"FunctionArn": F, "PackageType": "Image"})
    assert image is not None
    assert image.runtime == ""
