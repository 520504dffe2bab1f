"""What the server answers. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import orjson

from scanner.report.html import content_security_policy
from scanner.watch.metrics import CONTENT_TYPE, is_healthy, metrics
from scanner.watch.schedule import Schedule
from scanner.watch.status import Status

_METHODS = ("GET", "HEAD")
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:\[\]/@]+))(?::[0-9]{1,5})?")
_NOTHING = "default-src 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NO_REPORT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>xray-privilege-scan</title></head>
<body><h1>No report yet</h1><p>No scan has succeeded since the watch began: <a href="/healthz">/healthz</a>
says when the next one begins, the log of the container what went wrong.</p></body></html>
"""


class Answer(NamedTuple):
    """An answer to a request."""

    status: HTTPStatus
    content_type: str
    body: bytes
    headers: Mapping[str, str]


class Names(NamedTuple):
    """The names that a request may call the server by; all, unless only this machine reaches it.

    A page of somebody else's, whose name suddenly leads to this machine, would else read the report in the
    browser of whoever looks at it (DNS rebinding).
    """

    is_loopback: bool
    listen: str

    def allows(self, host: str) -> bool:
        """Whether a request may have this Host header."""
        match = _HOST.fullmatch(host.strip())
        if not match:
            return False
        if not self.is_loopback:
            return True
        name = (match["six"] or match["name"]).lower()
        return name in ("localhost", self.listen.lower()) or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Whether a text is an address that only this machine reaches."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def answer(method: str, target: str, status: Status, schedule: Schedule, now: float) -> Answer:
    """The answer to a request for a path."""
    path = target.partition("?")[0]
    if path not in ("/", "/healthz", "/metrics"):
        return refusal(HTTPStatus.NOT_FOUND)
    if method not in _METHODS:
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(_METHODS)})
    if path == "/metrics":
        return _answer(HTTPStatus.OK, CONTENT_TYPE, metrics(status, schedule, now).encode())
    if path == "/healthz":
        return _health(status, schedule, now)
    policy = content_security_policy() if status.page else _NOTHING
    return _answer(HTTPStatus.OK, "text/html; charset=utf-8", status.page or _NO_REPORT, policy=policy)


def refusal(status: HTTPStatus, more: Mapping[str, str] | None = None) -> Answer:
    """An answer that says only what is wrong."""
    return _answer(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode(), more)


def _health(status: Status, schedule: Schedule, now: float) -> Answer:
    healthy = is_healthy(status, schedule, now)
    body = {
        "status": "ok" if healthy else "overdue",
        "scanning": status.scanning,
        "last_success": status.last_success,
        "next_scan": status.next_scan,
        "consecutive_failures": status.failures_in_a_row,
    }
    code = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return _answer(code, "application/json", orjson.dumps(body) + b"\n")


def _answer(
    status: HTTPStatus,
    content_type: str,
    body: bytes,
    more: Mapping[str, str] | None = None,
    *,
    policy: str = _NOTHING,
) -> Answer:
    headers = {**_HEADERS, "Content-Security-Policy": f"{policy}; frame-ancestors 'none'", **(more or {})}
    return Answer(status, content_type, body, headers)
