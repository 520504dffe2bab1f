"""Segment documents for tests, and what is read of them."""

from __future__ import annotations

from typing import Any

from scanner.model.readings import TraceReading
from scanner.traces.documents import Trace
from scanner.traces.reading import read_trace

F = "arn:aws:lambda:us-east-1:123456789012:function:f"
G = "arn:aws:lambda:us-east-1:123456789012:function:g"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


def segment(id_: str, origin: str | None = None, **more: Any) -> dict[str, Any]:
    document = {"id": id_, "name": "f", "trace_id": "1-5-5", "start_time": 10.0, "end_time": 11.0, **more}
    return {**document, "origin": origin} if origin else document


def call(id_: str, operation: str = "GetItem", **more: Any) -> dict[str, Any]:
    aws = {"operation": operation, "region": "us-east-1", "table_name": "t"}
    return {
        "id": id_,
        "name": "DynamoDB",
        "namespace": "aws",
        "start_time": 10.5,
        "http": {"response": {"status": 200}},
        "aws": aws,
        **more,
    }


def invocation(arn: str = F, id_: str = "b", parent: str = "a", **more: Any) -> dict[str, Any]:
    """The document of a function that ran."""
    return segment(id_, "AWS::Lambda::Function", parent_id=parent, aws={"function_arn": arn}, **more)


def service(arn: str = F, id_: str = "a", **more: Any) -> dict[str, Any]:
    """The document of the Lambda service."""
    return segment(id_, "AWS::Lambda", resource_arn=arn, **more)


def read(*documents: Any, **more: Any) -> TraceReading:
    return read_trace(Trace("1-5-5", documents, **more))


def owners(*documents: Any) -> list[str | None]:
    return [observed.call.workload for observed in read(*documents).calls]
