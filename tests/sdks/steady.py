"""The same run gives the same text: ids, times and what tells this machine from others are made anew."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.sdks.environments import HERE, INSTALLED

_BASE = 1_795_000_000  # Unix seconds; each later time is a millisecond more
_LENGTHS = {"traceId": 32, "spanId": 16, "parentSpanId": 16, "trace_id": 32, "id": 16, "parent_id": 16}
_NANOSECONDS = ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano")
_SECONDS = ("start_time", "end_time")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_MACHINE_ID = Path("/etc/machine-id")
_MACHINE = {
    socket.gethostname(): "ip-10-0-0-1.eu-west-1.compute.internal",
    _MACHINE_ID.read_text().strip() if _MACHINE_ID.exists() else "": "0123456789abcdef0123456789abcdef",
}
_PATHS = ((str(INSTALLED), "/srv/sdks"), (str(HERE), "/srv/app"))
# an attribute, or a member of a document -> what stands for its value
_OF_THIS_MACHINE: dict[str, Any] = {
    "aws.extended_request_id": "REQUEST",
    "aws.request.extended_id": "REQUEST",
    "aws.request.id": "REQUEST",
    "aws.request_id": "REQUEST",
    "exception.stacktrace": "at /srv/app",
    "host.arch": "amd64",
    "id_2": "REQUEST",
    "net.peer.port": 443,
    "network.peer.port": 443,
    "paths": [],
    "process.command": "run",
    "process.command_args": "run",
    "process.command_line": "run",
    "process.executable.name": "run",
    "process.executable.path": "/srv/app/run",
    "process.owner": "app",
    "process.parent_pid": 1,
    "process.pid": 7,
    "process.runtime.description": "runtime",
    "request_id": "REQUEST",
    "server.port": 443,
    "service.instance.id": "INSTANCE",
    "stack": [],
    "thread.id": 1,
    "user_agent.original": "aws-sdk",
    "working_directory": "/srv/app",
}


def steady(values: Iterable[Any], name: str) -> list[str]:
    """The lines of a file: OTLP with each span on a line of its own, or X-Ray's documents."""
    values = sorted(values, key=lambda value: value.get("start_time", 0))
    as_steady = _Steady(name, values)
    if any("resourceSpans" in value for value in values):
        return list(_lines(_grouped(values), as_steady))
    return [_text(as_steady.of(document)) for document in values]


def _grouped(requests: list[Any]) -> dict[str, dict[str, list[Any]]]:
    """Spans by their resource and their scope: how they came in batches is chance."""
    groups: dict[str, dict[str, list[Any]]] = {}
    for request in requests:
        for of_resource in request["resourceSpans"]:
            scopes = groups.setdefault(_text(of_resource.get("resource", {})), {})
            for of_scope in of_resource["scopeSpans"]:
                scopes.setdefault(_text(of_scope.get("scope", {})), []).extend(of_scope["spans"])
    return groups


def _lines(groups: dict[str, dict[str, list[Any]]], as_steady: _Steady) -> Iterator[str]:
    yield '{"resourceSpans":['
    for more_resources, (resource, scopes) in _with_more(sorted(groups.items())):
        yield f'{{"resource":{_text(as_steady.of(json.loads(resource)))},"scopeSpans":['
        for more_scopes, (scope, spans) in _with_more(sorted(scopes.items())):
            yield f'{{"scope":{scope},"spans":['
            spans.sort(key=lambda span: (int(span["startTimeUnixNano"]), -int(span["endTimeUnixNano"])))
            for more_spans, span in _with_more(spans):
                yield _text(as_steady.of(span)) + more_spans
            yield "]}" + more_scopes
        yield "]}" + more_resources
    yield "]}"


def _with_more(items: list[Any]) -> Iterator[tuple[str, Any]]:
    """Each item after the text that stands behind it in a list."""
    for number, item in enumerate(items, 1):
        yield "," if number < len(items) else "", item


class _Steady:
    """Makes ids and times anew, by their order in time."""

    def __init__(self, name: str, values: list[Any]) -> None:
        self._name = name
        self._ids: dict[str, str] = {}
        self._uuids: dict[str, str] = {}
        self._starts = sorted({_start(span)[0] for value in values for span in _spans(value)})
        for span in sorted((span for value in values for span in _spans(value)), key=_start):
            for key, length in _LENGTHS.items():
                if isinstance(span.get(key), str) and span[key]:
                    self._id(span[key], length)

    def of(self, value: Any, key: str = "") -> Any:
        """A value with what is steady in the place of chance."""
        if key in _OF_THIS_MACHINE:
            return _OF_THIS_MACHINE[key]
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        if isinstance(value, dict):
            return self._of_attribute(value) or {name: self.of(inner, name) for name, inner in value.items()}
        if key in _NANOSECONDS:
            return str(_BASE * 10**9 + int(self._milliseconds(int(value)) * 10**6))
        if key in _SECONDS:
            return round(_BASE + self._milliseconds(value) / 1000, 4)
        if not isinstance(value, str):
            return value
        return self._id(value, _LENGTHS[key]) if key in _LENGTHS and value else self._of_text(value)

    def _milliseconds(self, time: int | float) -> float:
        """The number of the start at a time; between two starts which end came first is chance."""
        number = bisect_left(self._starts, time)
        return number if self._starts[number : number + 1] == [time] else number - 0.5

    def _of_attribute(self, value: dict[str, Any]) -> dict[str, Any] | None:
        """An attribute of OTLP whose value is of this machine."""
        if set(value) != {"key", "value"} or value["key"] not in _OF_THIS_MACHINE:
            return None
        stands = _OF_THIS_MACHINE[value["key"]]
        form = "intValue" if isinstance(stands, int) else "stringValue"
        as_it_was = str(stands) if isinstance(value["value"].get(form), str) else stands
        return {"key": value["key"], "value": {form: as_it_was}}

    def _of_text(self, text: str) -> str:
        if text and text in _MACHINE:
            return _MACHINE[text]
        for path, instead in _PATHS:
            text = text.replace(path, instead)
        return _UUID.sub(lambda match: self._uuid(match[0]), text)

    def _uuid(self, uuid: str) -> str:
        return self._uuids.setdefault(uuid, f"00000000-0000-4000-8000-{len(self._uuids):012x}")

    def _id(self, old: str, length: int) -> str:
        if old not in self._ids:
            made = hashlib.sha256(f"{self._name} {len(self._ids)}".encode()).hexdigest()[:length]
            dashed = f"1-{made[:8]}-{made[8:]}"
            self._ids[old] = dashed if old.startswith("1-") else made
        return self._ids[old]


def _spans(value: Any) -> Iterator[dict[str, Any]]:
    """The spans, documents and parts of documents in a value."""
    if isinstance(value, list):
        for inner in value:
            yield from _spans(inner)
    elif isinstance(value, dict):
        if "startTimeUnixNano" in value or "start_time" in value:
            yield value
        for inner in value.values():
            yield from _spans(inner)


def _start(span: dict[str, Any]) -> tuple[int | float, int | float]:
    if "start_time" in span:
        return span["start_time"], -span.get("end_time", 0)
    return int(span["startTimeUnixNano"]), -int(span["endTimeUnixNano"])


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
