"""Records of spans as Transaction Search keeps them: small words for cases."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]

ACCOUNT, REGION = "123456789012", "eu-west-1"
START = 1_795_500_000
"""Unix seconds of the first records."""

_SYSTEM = {"rpc.system": "aws-api"}


def function_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:{name}"


def state_machine_arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


class Spans:
    """Makes records with ids of their own, the same ones each time."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.records: list[Record] = []

    def trace(self) -> str:
        return f"{next(self._numbers):032x}"

    def add(
        self,
        second: float,
        trace: str,
        parent: str = "",
        *,
        name: str = "span",
        kind: str = "CLIENT",
        attributes: Mapping[str, Any] = {},
        resource: Mapping[str, Any] = {},
        status: str = "UNSET",
        **more: Any,
    ) -> str:
        """Add a record; the id of its span."""
        span = f"{next(self._numbers):016x}"
        start = int((START + second) * 1000) * 1_000_000
        record: Record = {
            "resource": {"attributes": dict(resource)} if resource else {},
            "traceId": trace,
            "spanId": span,
            "parentSpanId": parent,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": start,
            "endTimeUnixNano": start + 1_000_000,
            "durationNano": 1_000_000,
            "attributes": dict(attributes),
            "status": {"code": status},
            **more,
        }
        if not parent:
            del record["parentSpanId"]
        self.records.append({key: value for key, value in record.items() if value != "absent"})
        return span

    # --- workloads ---

    def run(
        self, second: float, function: str, trace: str = "", parent: str = "", account: str = ACCOUNT
    ) -> tuple[str, str]:
        """A run of a function that the ADOT layer for Python traces: its trace and its first span."""
        trace = trace or self.trace()
        span = self.add(
            second,
            trace,
            parent,
            name=function,
            kind="SERVER",
            attributes={"cloud.resource_id": function_arn(function, account), "faas.trigger": "other"},
            resource=_resource_of(function),
        )
        return trace, span

    def task(self, second: float, family: str, task: str) -> tuple[str, str, dict[str, Any]]:
        """A request of a task on ECS: its trace, its first span, its resource."""
        resource = {
            "service.name": family,
            "aws.ecs.task.arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/{task}",
            "aws.ecs.cluster.arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop",
            "aws.ecs.task.family": family,
            "aws.ecs.task.revision": "7",
            "cloud.region": REGION,
            "telemetry.auto.version": "0.21.0-aws",
        }
        trace = self.trace()
        return trace, self.add(second, trace, kind="SERVER", resource=resource), resource

    def call(
        self,
        second: float,
        run: tuple[str, str],
        function: str,
        operation: str,
        attributes: Mapping[str, Any] = {},
        **more: Any,
    ) -> str:
        """A call of a function: "S3.GetObject"."""
        service, method = operation.split(".")
        return self.add(
            second,
            *run,
            name=operation,
            attributes={
                **_SYSTEM,
                "rpc.service": service,
                "rpc.method": method,
                "aws.region": REGION,
                "cloud.resource_id": function_arn(function),
                "http.status_code": 200,
                "aws.request_id": f"{next(self._numbers):036x}",
                **attributes,
            },
            resource=_resource_of(function),
            scope={"name": "opentelemetry.instrumentation.botocore"},
            **more,
        )

    def denied(self, second: float, run: tuple[str, str], function: str, operation: str, message: str) -> str:
        """A call that AWS denied."""
        return self.call(
            second,
            run,
            function,
            operation,
            {"http.status_code": 400},
            status="ERROR",
            events=[
                {
                    "name": "exception",
                    "timeUnixNano": 1,
                    "attributes": {
                        "exception.type": "botocore.errorfactory.AccessDenied",
                        "exception.message": message,
                        "exception.stacktrace": "Traceback ...",
                    },
                }
            ],
        )

    def state_machine(self, second: float, name: str, operations: Mapping[str, str]) -> str:
        """An execution of a state machine, as X-Ray converts it: only its first span names it."""
        trace = self.trace()
        arn = state_machine_arn(name)
        root = self.add(
            second,
            trace,
            name=name,
            kind="SERVER",
            attributes={"aws.xray.origin": "AWS::StepFunctions::StateMachine", "cloud.resource_id": arn},
            resource={"cloud.resource_id": arn, "cloud.provider": "aws", "service.name": name},
            _aws={"xray": {"name": name, "type": "segment"}},
        )
        for number, (state, operation) in enumerate(operations.items(), 1):
            inner = self.add(
                second + number / 10,
                trace,
                root,
                name=state,
                kind="INTERNAL",
                _aws={"xray": {"name": state, "type": "subsegment"}},
            )
            service, method = operation.split(".")
            self.add(
                second + number / 10,
                trace,
                inner,
                name=operation,
                attributes={
                    **_SYSTEM,
                    "rpc.service": service,
                    "rpc.method": method,
                    "aws.region": REGION,
                    "http.status_code": 200,
                    "aws.request_id": "R",
                    "aws.local.service": "UnknownService",
                    "aws.local.environment": "generic:default",
                },
                resource={"cloud.provider": "aws"},
                _aws={"xray": {"name": service, "namespace": "aws", "type": "subsegment"}},
            )
        return trace

    def segment_call(self, second: float, run: tuple[str, str], operation: str, **attributes: Any) -> str:
        """A call as X-Ray converts it: it names no workload, or a service that X-Ray made up."""
        service, method = operation.split(".")
        return self.add(
            second,
            *run,
            name=operation,
            attributes={
                **_SYSTEM,
                "rpc.service": service,
                "rpc.method": method,
                "aws.region": REGION,
                "http.status_code": 200,
                "aws.request_id": "R",
                **{name.replace("__", "."): value for name, value in attributes.items()},
            },
            resource={"cloud.provider": "aws"},
            _aws={"xray": {"name": service, "namespace": "aws", "type": "subsegment"}},
        )

    def request(self, second: float, run: tuple[str, str], host: str, function: str = "", **more: Any) -> str:
        """A request over HTTP to one of AWS's services: of a function, or of whatever stands above."""
        workload = {"cloud.resource_id": function_arn(function)} if function else {}
        attributes = {"http.request.method": "POST", "server.address": host, **workload}
        resource = _resource_of(function) if function else {"cloud.provider": "aws"}
        return self.add(second, *run, name="POST", attributes=attributes, resource=resource, **more)

    def in_progress(self, span: str) -> None:
        """Add the record that was written before a span ended."""
        finished = next(record for record in self.records if record["spanId"] == span)
        self.records.append(_unended(finished))

    def lost(self, span: str) -> None:
        """Replace the record of a span by the one that was written before it ended."""
        at = next(n for n, record in enumerate(self.records) if record["spanId"] == span)
        self.records[at] = _unended(self.records[at])


def _unended(record: Record) -> Record:
    attributes = {**record["attributes"], "aws.xray.inprogress": True}
    unended = {**record, "endTimeUnixNano": None, "attributes": attributes, "status": {"code": "UNSET"}}
    unended.pop("durationNano", None)
    unended.pop("events", None)
    return unended


def _resource_of(function: str) -> dict[str, Any]:
    return {
        "faas.name": function,
        "faas.version": "$LATEST",
        "cloud.region": REGION,
        "service.name": function,
        "telemetry.auto.version": "0.21.0-aws",
    }
