"""A scripted stand-in for what AWS records beside traces, over real HTTP.

It answers, as far as moto does not:

- IAM's GenerateServiceLastAccessedDetails and GetServiceLastAccessedDetails,
- CloudTrail's LookupEvents, by user name and time, the newest event first,
- CloudWatch's GetMetricData of the sums of a function's invocations,
- CloudFormation's DescribeStackResources by a physical name, and GetTemplate.

In a test, with the clients pointed at it::

    with FakeEvidence(Script(events=[...])) as fake:
        client = fake.client("cloudtrail")
        ...
        assert fake.count("LookupEvents") == 2

The region of a request is that of its signature. ``Script`` holds all that may go wrong.
"""

from __future__ import annotations

import json
import struct
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.fakes.clients import client_of
from tests.fakes.serving import PromptHandler

Json = dict[str, Any]

GENERATE, GET = "GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"
LOOKUP, METRICS = "LookupEvents", "GetMetricData"
STACK_RESOURCES, TEMPLATE = "DescribeStackResources", "GetTemplate"


class Service(NamedTuple):
    """A service in a role's last-accessed data. Times are Unix seconds, None is never."""

    namespace: str
    last: float | None = None
    actions: Mapping[str, float | None] = {}


@dataclass
class Script:
    """What the fake knows and how it behaves. It may be changed while it runs."""

    services: Mapping[str, Sequence[Service]] = field(default_factory=dict)
    """role ARN -> its last-accessed data; other roles do not exist"""
    asked: float = 0.0
    """when the reports were asked for, in Unix seconds"""
    polls: int = 0
    """in so many looks at a report it is still in progress"""
    failed: Collection[str] = ()
    """roles whose reports fail"""
    undated: bool = False
    """reports do not say when they were made"""

    events: Sequence[Json] = ()
    """CloudTrail's events, as `CloudTrailEvent` holds them: of the region `awsRegion`"""
    raw_events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """user name -> texts that stand in `CloudTrailEvent`, before all events"""

    invocations: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """function -> (Unix seconds, invocations in that minute)"""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """function -> the last status code of its data, if not Complete"""

    stacks: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """(region, stack) -> its roles: name -> logical id; each stack has a bucket too"""
    modules: Mapping[str, Json] = field(default_factory=dict)
    """logical id -> what is said of the module that made it"""
    templates: Mapping[str, str] = field(default_factory=dict)
    """stack -> the text of its template"""

    page_size: int = 50
    """services, events or data points a page"""
    endless: bool = False
    """every page is followed by another"""
    denied: Collection[str] = ()
    """operations that are answered with AccessDenied"""
    bad_credentials: Collection[str] = ()
    """regions in which the credentials are refused"""
    throttle: Counter[str] = field(default_factory=Counter)
    """operation -> so many requests are throttled first"""
    fail_after: Mapping[str, int] = field(default_factory=dict)
    """operation -> after so many requests all others fail with status 400"""


class Request(NamedTuple):
    """One request as it came, and the error code that it was answered with ("" for none)."""

    operation: str
    region: str
    body: Json
    error: str


class _Refusal(Exception):  # noqa: N818  the name says more than an "Error" would
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class FakeEvidence:
    """The fake: a context manager that serves on a port of its own. ``requests`` holds what was asked."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.requests: list[Request] = []
        self.url = ""
        self._lock = threading.Lock()
        self._looks: Counter[str] = Counter()

    def __enter__(self) -> Self:
        fake: FakeEvidence = self

        class Handler(_Handler):
            evidence = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def client(self, service: str, region: str = "eu-west-1") -> Any:
        """A boto3 client that repeats nothing by itself: botocore's pauses are real."""
        return client_of(service, self.url, region)

    def count(self, operation: str, region: str | None = None) -> int:
        """How many requests of an operation came (to a region)."""
        return sum(r.operation == operation and region in (None, r.region) for r in self.requests)

    def bodies(self, operation: str) -> list[Json]:
        """What the requests of an operation asked for, in order."""
        return [request.body for request in self.requests if request.operation == operation]

    def answer(self, operation: str, region: str, body: Json) -> Json:
        """The answer to a request; raises _Refusal."""
        with self._lock:
            error = ""
            try:
                self._misbehave(operation, region)
                if operation in (LOOKUP, STACK_RESOURCES):
                    regional = {LOOKUP: self._lookup, STACK_RESOURCES: self._stack_resources}
                    return regional[operation](body, region)
                answers = {
                    GENERATE: self._generate,
                    GET: self._get,
                    METRICS: self._metrics,
                    TEMPLATE: self._template,
                }
                return answers[operation](body)
            except _Refusal as denial:
                error = denial.code
                raise
            finally:
                self.requests.append(Request(operation, region, body, error))

    def _misbehave(self, operation: str, region: str) -> None:
        script = self.script
        if region in script.bad_credentials:
            raise _Refusal(400, "UnrecognizedClientException")
        if operation in script.denied:
            raise _Refusal(403, "AccessDenied")
        if script.throttle[operation] > 0:
            script.throttle[operation] -= 1
            raise _Refusal(400, "ThrottlingException")
        if self.count(operation) >= script.fail_after.get(operation, 1 << 30):
            raise _Refusal(400, "InvalidInput")

    def _page(self, items: Sequence[Any], token: Any) -> tuple[Sequence[Any], str]:
        start = int(token or 0)
        end = start + self.script.page_size
        more = end < len(items) or self.script.endless
        return items[start:end], str(end) if more else ""

    # -- IAM

    def _generate(self, body: Json) -> Json:
        if body["Arn"] not in self.script.services and body["Arn"] not in self.script.failed:
            raise _Refusal(404, "NoSuchEntity")
        return {"JobId": body["Arn"].ljust(36, "-")}

    def _get(self, body: Json) -> Json:
        role = body["JobId"].rstrip("-")
        self._looks[role] += 1
        made = {} if self.script.undated else {"JobCreationDate": _iso(self.script.asked)}
        if self._looks[role] <= self.script.polls:
            return {"JobStatus": "IN_PROGRESS", **made}
        if role in self.script.failed:
            return {"JobStatus": "FAILED", **made, "Error": {"Code": "ServiceError", "Message": "No luck"}}
        page, token = self._page(self.script.services[role], body.get("Marker"))
        answer = {
            "JobStatus": "COMPLETED",
            "JobType": "ACTION_LEVEL",
            **made,
            "ServicesLastAccessed": [_service(service) for service in page],
            "IsTruncated": "true" if token else "false",
        }
        return {**answer, "Marker": token} if token else answer

    # -- CloudTrail

    def _lookup(self, body: Json, region: str) -> Json:
        (attribute,) = body["LookupAttributes"]
        assert attribute["AttributeKey"] == "Username"
        name = attribute["AttributeValue"]
        found = [
            event
            for event in self.script.events
            if event["awsRegion"] == region
            and event["userIdentity"]["principalId"].endswith(f":{name}")
            and body["StartTime"] <= _unix(event["eventTime"]) <= body["EndTime"]
        ]
        found.sort(key=lambda event: _unix(event["eventTime"]), reverse=True)
        texts = [*self.script.raw_events.get(name, ()), *(json.dumps(event) for event in found)]
        page, token = self._page(texts, body.get("NextToken"))
        answer: Json = {"Events": [{"Username": name, "CloudTrailEvent": text} for text in page]}
        return {**answer, "NextToken": token} if token else answer

    # -- CloudFormation

    def _stack_resources(self, body: Json, region: str) -> Json:
        for (of_region, stack), roles in self.script.stacks.items():
            if of_region == region and body["PhysicalResourceId"] in roles:
                resources = [(name, logical_id, "AWS::IAM::Role") for name, logical_id in roles.items()]
                return {
                    "StackResources": [
                        {
                            "StackName": stack,
                            "PhysicalResourceId": name,
                            "LogicalResourceId": logical_id,
                            "ResourceType": kind,
                            **self.script.modules.get(logical_id, {}),
                        }
                        for name, logical_id, kind in [*resources, ("bucket", "Bucket", "AWS::S3::Bucket")]
                    ]
                }
        raise _Refusal(400, "ValidationError")

    def _template(self, body: Json) -> Json:
        assert body["TemplateStage"] == "Original"
        return {"TemplateBody": self.script.templates[body["StackName"]]}

    # -- CloudWatch

    def _metrics(self, body: Json) -> Json:
        points = [
            (query["Id"], function, moment, value)
            for query in body["MetricDataQueries"]
            for function in [query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]]
            for moment, value in self._sums(function, query["MetricStat"]["Period"], body)
        ]
        page, token = self._page(points, body.get("NextToken"))
        results = []
        for query in body["MetricDataQueries"]:
            function = query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
            own = [point for point in page if point[0] == query["Id"]]
            later = token and any(p[0] == query["Id"] for p in points[int(token) :])
            results.append(
                {
                    "Id": query["Id"],
                    "Label": "Invocations",
                    "Timestamps": [_Time(moment) for _, _, moment, _ in own],
                    "Values": [value for _, _, _, value in own],
                    "StatusCode": "PartialData" if later else self.script.statuses.get(function, "Complete"),
                }
            )
        return {"MetricDataResults": results, **({"NextToken": token} if token else {})}

    def _sums(self, function: str, period: int, body: Json) -> list[tuple[float, float]]:
        """The sums of whole periods, as CloudWatch gives them."""
        sums: Counter[float] = Counter()
        for moment, value in self.script.invocations.get(function, ()):
            bucket = moment // period * period
            if body["StartTime"] <= bucket < body["EndTime"]:
                sums[bucket] += value  # type: ignore[assignment]  # a Counter of floats
        return sorted(sums.items())


def _service(service: Service) -> Json:
    entry: Json = {"ServiceName": service.namespace.title(), "ServiceNamespace": service.namespace}
    if service.last is not None:
        entry |= {"LastAuthenticated": _iso(service.last), "LastAuthenticatedRegion": "eu-west-1"}
    if service.actions:
        entry["TrackedActionsLastAccessed"] = [
            {"ActionName": name} if last is None else {"ActionName": name, "LastAccessedTime": _iso(last)}
            for name, last in service.actions.items()
        ]
    return entry


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# --- the protocols: query (IAM), JSON (CloudTrail), CBOR (CloudWatch) ----------------------------------


class _Handler(PromptHandler):
    evidence: FakeEvidence

    def do_POST(self) -> None:  # noqa: N802  http.server asks for the name
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        region = self.headers["Authorization"].split("/")[2]
        if self.headers.get("smithy-protocol"):
            operation, body, kind = self.path.rpartition("/")[2], _cbor(raw), "application/cbor"
        elif "X-Amz-Target" in self.headers:
            operation, body = self.headers["X-Amz-Target"].rpartition(".")[2], json.loads(raw)
            kind = "application/x-amz-json-1.1"
        else:
            body = {key: values[0] for key, values in parse_qs(raw.decode()).items()}
            operation, kind = body["Action"], "text/xml"
        try:
            status, answer = 200, self.evidence.answer(operation, region, body)
        except _Refusal as denial:
            status = denial.status
            answer = {"__type": denial.code, "message": "No", "Error": {"Code": denial.code}}
        self._reply(status, kind, _written(kind, operation, status, answer))

    def _reply(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if kind == "application/cbor":
            self.send_header("smithy-protocol", "rpc-v2-cbor")
        self.end_headers()
        self.wfile.write(content)


def _written(kind: str, operation: str, status: int, answer: Json) -> bytes:
    if kind == "application/cbor":
        return _to_cbor(answer)
    if kind != "text/xml":
        return json.dumps(answer).encode()
    if status != 200:
        return f"<ErrorResponse><Error><Code>{answer['__type']}</Code></Error></ErrorResponse>".encode()
    return _xml({f"{operation}Response": {f"{operation}Result": answer}}).encode()


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(part)}</{key}>" for key, part in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(part)}</member>" for part in value)
    return escape(str(value))


class _Time(float):
    """Unix seconds that are written as a time."""


def _head(major: int, number: int) -> bytes:
    return bytes([major << 5 | 27]) + number.to_bytes(8, "big")


def _to_cbor(value: Any) -> bytes:
    """A value as CBOR (RFC 8949), as far as these answers need it."""
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(_to_cbor(k) + _to_cbor(v) for k, v in value.items())
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(_to_cbor, value))
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    tag = b"\xc1" if isinstance(value, _Time) else b""  # tag 1: seconds since 1970
    return tag + b"\xfb" + struct.pack(">d", value)


def _cbor(raw: bytes) -> Any:
    """What a request's CBOR means; tags (of times) are left out."""
    value, end = _cbor_item(raw, 0)
    assert end == len(raw)
    return value


def _cbor_item(raw: bytes, at: int) -> tuple[Any, int]:
    major, info = raw[at] >> 5, raw[at] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    number = int.from_bytes(raw[at + 1 : at + 1 + size], "big") if size else info
    after = at + 1 + size
    if major == 7:
        formats = {2: ">e", 4: ">f", 8: ">d"}
        return (
            struct.unpack(formats[size], raw[at + 1 : after])[0] if size in formats else info == 21
        ), after
    if major == 6:
        return _cbor_item(raw, after)
    if major == 3:
        return raw[after : after + number].decode(), after + number
    if major == 0:
        return number, after
    assert major in (4, 5), "a request holds only maps, lists, texts, numbers and times"
    parts = []
    for _ in range(number * (2 if major == 5 else 1)):
        part, after = _cbor_item(raw, after)
        parts.append(part)
    return (dict(zip(parts[::2], parts[1::2], strict=True)) if major == 5 else parts), after


def call_event(
    role: str,
    session: str,
    call: str,
    moment: float,
    *,
    parameters: Json | None = None,
    resources: Sequence[str] = (),
    region: str = "eu-west-1",
    invoked_by: str = "",
    **more: Any,
) -> Json:
    """An event of CloudTrail: `call` is "service:operation" and `moment` in Unix seconds.

    docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    service, _, operation = call.partition(":")
    account, name = role.split(":")[4], role.rpartition("/")[2]
    event: Json = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE:{session}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "accountId": account,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "userName": name}},
            **({"invokedBy": invoked_by} if invoked_by else {}),
        },
        "eventTime": _iso(moment),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "awsRegion": region,
        "requestParameters": parameters,
        "responseElements": None,
        "eventID": f"{session}-{region}-{call}-{moment:.0f}-{json.dumps(parameters, sort_keys=True)}",
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        **more,
    }
    if resources:
        event["resources"] = [{"ARN": arn, "accountId": account} for arn in resources]
    return event
