"""Functions, their roles and their traces as the files that stand for AWS, and how to scan them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes import notes
from tests.fakes.traces import ACCOUNT, REGION, Json, make_trace_id, trace_of
from tests.integration.tools import Ran, run, write_json

TRACES = 5
_MINUTES_AGO = 120.0


@dataclass(frozen=True)
class Function:
    """A function with a role of its own, and the invocations that were traced.

    `policies` are inline ones: the statements by their name. `invocations` holds the call subsegments of each
    trace. `keys` are further keys of the function's configuration, `document` of its traced document;
    `versions` are further published versions, `event_sources` the ARNs that it reads from.
    """

    name: str
    policies: dict[str, list[Json]]
    invocations: Sequence[Sequence[Json]]
    managed: Sequence[str] = ()
    keys: Json = field(default_factory=dict)
    document: Json = field(default_factory=dict)
    versions: Sequence[Json] = ()
    event_sources: Sequence[str] = ()
    partition: str = "aws"
    region: str = REGION

    @property
    def role(self) -> str:
        return f"arn:{self.partition}:iam::{ACCOUNT}:role/{self.name}-role"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def configurations(self) -> list[Json]:
        """The function and its published versions, as ListFunctions answers them."""
        configuration = {
            "FunctionName": self.name,
            "FunctionArn": self.arn,
            "Runtime": "python3.13",
            "Role": self.role,
            "LastModified": "2026-01-02T00:00:00.000+0000",
            "TracingConfig": {"Mode": "Active"},
            "Version": "$LATEST",
            **self.keys,
        }
        published = [
            configuration | version | {"FunctionArn": f"{self.arn}:{version['Version']}"}
            for version in self.versions
        ]
        return [configuration, *published]

    @property
    def role_details(self) -> Json:
        """The role, as GetAccountAuthorizationDetails answers it."""
        return {
            "Path": "/",
            "RoleName": f"{self.name}-role",
            "Arn": self.role,
            "CreateDate": "2026-01-01T00:00:00+00:00",
            "AssumeRolePolicyDocument": notes.trust(),
            "RolePolicyList": [
                {"PolicyName": name, "PolicyDocument": _policy(statements)}
                for name, statements in self.policies.items()
            ],
            "AttachedManagedPolicies": [
                {"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn} for arn in self.managed
            ],
        }

    def traces(self, now: float, times: float = 1.0) -> list[Json]:
        """The traces, from two minutes ago on; all times in their documents are multiplied by `times`."""
        begin = now - _MINUTES_AGO
        return [
            self._trace(calls, begin + number, f"{self.name} {number}", times)
            for number, calls in enumerate(self.invocations)
        ]

    def _trace(self, calls: Sequence[Json], start: float, seed: str, times: float) -> Json:
        def at(offset: float, length: float) -> Json:
            return {"start_time": (start + offset) * times, "end_time": (start + offset + length) * times}

        trace_id = make_trace_id(start, seed)
        digits = trace_id.rsplit("-", 1)[-1]
        ids = [f"{digits[:12]}{number:04x}" for number in range(len(calls) + 3)]
        subsegments = [
            {"id": id_, **at(0.1 + 0.01 * number, 0.005)} | _without_nothing(call)
            for number, (id_, call) in enumerate(zip(ids[3:], calls, strict=True))
        ]
        invocation = {"id": ids[2], "name": "Invocation", **at(0.1, 0.8), "subsegments": subsegments}
        function = {
            "id": ids[1],
            "parent_id": ids[0],
            "name": self.name,
            "origin": "AWS::Lambda::Function",
            "aws": {"account_id": ACCOUNT, "function_arn": self.arn},
            **at(0.05, 0.9),
            "subsegments": [invocation],
            **self.document,
        }
        service = {
            "id": ids[0],
            "name": self.name,
            "origin": "AWS::Lambda",
            "resource_arn": self.arn,
            **at(0.0, 1.0),
        }
        return trace_of(trace_id, [service, function])


def _without_nothing(call: Json) -> Json:
    return {key: value for key, value in call.items() if value is not None}


def _policy(statements: Sequence[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def documents(
    functions: Iterable[Function],
    now: float,
    *,
    managed: Mapping[str, list[Json]] | None = None,
    times: float = 1.0,
) -> tuple[Json, Json, Json]:
    """What the files of functions, of IAM and of traces hold. `managed` are managed policies, by ARN."""
    known = list(functions)
    listed: Json = {
        "Functions": [configuration for function in known for configuration in function.configurations],
        "EventSourceMappings": [
            {"EventSourceArn": source, "FunctionArn": function.arn, "State": "Enabled"}
            for function in known
            for source in function.event_sources
        ],
        "FunctionEventInvokeConfigs": [],
    }
    details: Json = {
        "RoleDetailList": [function.role_details for function in known],
        "Policies": [_managed(arn, statements) for arn, statements in (managed or {}).items()],
    }
    traces = [trace for function in known for trace in function.traces(now, times)]
    return listed, details, {"Traces": traces}


def scan_functions(
    folder: Path,
    functions: Iterable[Function],
    *options: object,
    managed: Mapping[str, list[Json]] | None = None,
    times: float = 1.0,
) -> Ran:
    """The command on the files of these functions. `managed` holds statements of managed policies, by ARN."""
    listed, details, traces = documents(functions, time.time(), managed=managed, times=times)
    files = {
        "--iam": write_json(folder / "iam.json", details),
        "--functions": write_json(folder / "functions.json", listed),
        "--traces": write_json(folder / "traces.json", traces),
    }
    words = [word for option, path in files.items() for word in (option, path)]
    return run(folder / "out", "-c", *words, *options)


def _managed(arn: str, statements: Sequence[Json]) -> dict[str, Any]:
    version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": _policy(statements)}
    return {
        "PolicyName": arn.rsplit("/", 1)[-1],
        "Arn": arn,
        "Path": "/",
        "DefaultVersionId": "v1",
        "PolicyVersionList": [version | {"CreateDate": "2026-01-01T00:00:00+00:00"}],
    }
