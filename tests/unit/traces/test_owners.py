"""Whose a call is: the workload that a document names, or its parents name."""

from __future__ import annotations

from tests.unit.traces.segments import MACHINE, F, G, call, invocation, owners, read, segment, service


def test_a_call_belongs_to_the_function_that_its_document_names() -> None:
    assert owners(service(), invocation(subsegments=[call("c")])) == [F]


def test_a_nested_call_belongs_to_it_too() -> None:
    handler = {"id": "h", "name": "## handler", "subsegments": [{"id": "i", "subsegments": [call("c")]}]}
    assert owners(service(), invocation(subsegments=[handler])) == [F]


def test_without_a_function_arn_the_parents_resource_tells() -> None:
    ran = segment("b", "AWS::Lambda::Function", parent_id="a", subsegments=[call("c")])
    assert owners(ran, service()) == [F]


def test_versions_and_aliases_are_one_function() -> None:
    assert owners(service(), invocation(F + ":PROD", subsegments=[call("c")])) == [F]


def test_streamed_subsegments_belong_to_the_function_however_deep() -> None:
    handler = {"type": "subsegment", "trace_id": "1-5-5", "id": "h", "name": "handler", "parent_id": "b"}
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "h", **call("c")}
    assert owners(streamed, handler, invocation(), service()) == [F]


def test_a_document_of_opentelemetry_without_an_origin_belongs_to_the_function() -> None:
    otel = segment("o", parent_id="b", subsegments=[call("c")])
    assert owners(service(), invocation(), otel) == [F]


def test_a_function_called_by_a_function_has_its_own_calls() -> None:
    invoke = call("i", "Invoke", name="Lambda", aws={"operation": "Invoke", "function_name": "g"})
    caller = invocation(subsegments=[invoke])
    callee = [service(G, "x", parent_id="i"), invocation(G, "y", "x", subsegments=[call("c")])]
    assert sorted(str(o) for o in owners(service(), caller, *callee)) == [F, G]


def test_what_a_called_service_does_is_not_the_functions_doing() -> None:
    request = {"id": "r", "name": "api.example.com", "namespace": "remote"}
    other = segment("o", parent_id="r", subsegments=[call("c")])
    assert owners(service(), invocation(subsegments=[request]), other) == [None]


def test_a_segment_of_another_kind_of_compute_is_no_function() -> None:
    container = segment("e", "AWS::ECS::Container", parent_id="b", subsegments=[call("c")])
    assert owners(service(), invocation(), container) == [None]


def test_api_gateways_own_call_belongs_to_no_function() -> None:
    invoke = call("i", "Invoke", name="Lambda", aws={"operation": "Invoke", "function_name": "f"})
    stage = segment("s", "AWS::ApiGateway::Stage", subsegments=[invoke])
    assert owners(stage, service(parent_id="i"), invocation(subsegments=[call("c")])) == [None, F]


def test_a_state_machines_calls_are_its_own() -> None:
    machine = segment("m", "AWS::StepFunctions::StateMachine", resource_arn=MACHINE, subsegments=[call("c")])
    assert owners(machine) == [MACHINE]


def test_a_loop_of_parents_ends() -> None:
    assert owners(segment("a", parent_id="b", subsegments=[call("c")]), segment("b", parent_id="a")) == [None]


def test_a_part_whose_document_did_not_arrive_leaves_the_trace_incomplete() -> None:
    streamed = {"type": "subsegment", "trace_id": "1-5-5", "parent_id": "lost", **call("c")}
    assert not read(service(), invocation(), streamed).complete


def test_a_segment_of_a_plain_server_below_the_function_is_not_the_function() -> None:
    custom = {"id": "u", "name": "my step"}
    server = segment("o", parent_id="u", subsegments=[call("c")])
    assert owners(service(), invocation(subsegments=[custom]), server) == [None]
