"""What is answered over HTTP, to friends and to others."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest

from scanner.errors import EXIT_USAGE, ScanError
from scanner.report.html import content_security_policy
from scanner.watch import server as module
from scanner.watch.pages import Names
from scanner.watch.server import Server, serving
from scanner.watch.status import Board, Numbers, Status
from tests.unit.watch.fakes import PAGE, START, schedule

EMPTY = Status(START)
REPORTED = replace(EMPTY, last_success=START, numbers=Numbers(), page=PAGE)


@contextmanager
def served(status: Status = REPORTED, host: str = "127.0.0.1") -> Iterator[Server]:
    with serving(host, 0, Board(status), schedule(), lambda: START, lambda line: None) as server:
        yield server


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as server:
        yield server


def ask(
    server: Server, path: str = "/", method: str = "GET", host: str | None = None
) -> http.client.HTTPResponse:
    with closing(http.client.HTTPConnection(server.place, timeout=10)) as connection:
        connection.request(method, path, headers={"Host": host} if host is not None else {})
        response = connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]  # kept beside the head
        return response


def connected(server: Server) -> socket.socket:
    host, port, *_ = server.server_address
    return socket.create_connection((str(host), port), timeout=10)


def raw(server: Server, request: bytes) -> bytes:
    with connected(server) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_the_last_report_is_the_page_with_the_policy_that_it_needs(server: Server) -> None:
    response = ask(server)
    assert (response.status, response.body) == (200, PAGE)  # type: ignore[attr-defined]  # see ask
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"].startswith(content_security_policy())
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Server"] == "xray-privilege-scan"


def test_before_the_first_report_the_page_says_that_there_is_none() -> None:
    with served(EMPTY) as server:
        response = ask(server)
    assert response.status == 200
    assert b"No report yet" in response.body  # type: ignore[attr-defined]  # see ask
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/?x=1"])
def test_a_head_is_that_of_the_answer_without_its_body(server: Server, path: str) -> None:
    got, head = ask(server, path), ask(server, path, "HEAD")
    assert head.status == got.status == 200
    assert head.headers["Content-Length"] == str(len(got.body))  # type: ignore[attr-defined]  # see ask
    assert head.body == b""  # type: ignore[attr-defined]  # see ask


@pytest.mark.parametrize(
    "path", ["/report.json", "/healthz/", "/%2e%2e/etc/passwd", "/../../etc/passwd", "/index.html", "*"]
)
def test_everything_else_is_not_found(server: Server, path: str) -> None:
    assert ask(server, path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "NONSENSE"])
def test_only_get_and_head_are_allowed(server: Server, method: str) -> None:
    response = ask(server, "/", method)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9464", "127.0.0.1:1", "127.5.5.5", "[::1]:9464"])
def test_a_server_for_this_machine_is_called_by_its_names(server: Server, host: str) -> None:
    assert ask(server, host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example:9464", "10.0.0.1", "127.0.0.1.evil.example", "a b", "", "x@y"],
)
def test_a_server_for_this_machine_does_not_answer_to_other_names(server: Server, host: str) -> None:
    """DNS rebinding: somebody's page in a browser of this machine must not read the report."""
    assert ask(server, host=host).status == 421


def test_a_server_for_all_may_have_any_name() -> None:
    names = Names(is_loopback=False, listen="0.0.0.0")
    assert names.allows("scan.monitoring.svc:9464")
    assert not names.allows("a b")
    assert Names(is_loopback=True, listen="watch.internal").allows("watch.internal:80")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
        (b"GET\r\n\r\n", 400),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),  # as to a proxy
        (b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n", 400),  # a client that speaks TLS
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 200),
    ],
)
def test_odd_requests_are_refused_and_not_quoted(server: Server, request_: bytes, status: int) -> None:
    answer = raw(server, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"nosniff" in answer
    assert b"xxx" not in answer


def test_a_client_that_is_slow_is_dropped_however_it_drips(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.5)
    began = time.monotonic()
    with connected(server) as connection, pytest.raises(OSError):
        while time.monotonic() - began < 8:
            connection.sendall(b"X")
            time.sleep(0.1)
    assert time.monotonic() - began < 5


def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 0.3)
    with served(replace(REPORTED, page=b"x" * 50_000_000)) as server:
        idle = threading.active_count()
        with connected(server) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(1)
            began = time.monotonic()
            while threading.active_count() > idle and time.monotonic() - began < 5:
                time.sleep(0.02)
            assert threading.active_count() == idle


def test_many_connections_take_a_bounded_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as server, ExitStack() as stack:
        before = threading.active_count()
        for _ in range(module.AT_ONCE):
            stack.enter_context(connected(server))
        until = time.monotonic() + 5
        while threading.active_count() - before < module.AT_ONCE and time.monotonic() < until:
            time.sleep(0.01)
        assert raw(server, b"").startswith(b"HTTP/1.1 503 ")
        assert threading.active_count() - before <= module.AT_ONCE
    with served() as server:
        assert ask(server).status == 200


def test_room_is_made_when_a_connection_ends(server: Server) -> None:
    for _ in range(3 * module.AT_ONCE):
        assert ask(server, "/healthz").status == 200


def test_an_address_that_is_taken_is_wrong_use(server: Server) -> None:
    with pytest.raises(ScanError, match=r"--listen: 127\.0\.0\.1:") as raised:
        Server("127.0.0.1", server.server_address[1], server.answers, print)
    assert raised.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "x" * 300])
def test_an_address_that_is_not_of_this_machine_is_wrong_use(host: str) -> None:
    with pytest.raises(ScanError, match="--listen: ") as raised, served(host=host):
        pass
    assert raised.value.exit_code == EXIT_USAGE


def test_a_fault_of_an_answer_is_said_and_ends_nothing() -> None:
    lines: list[str] = []

    def now() -> float:
        raise ValueError("secret")

    with serving("127.0.0.1", 0, Board(EMPTY), schedule(), now, lines.append) as server:
        assert raw(server, b"GET /healthz HTTP/1.0\r\n\r\n") == b""
        assert raw(server, b"GET /healthz HTTP/1.0\r\n\r\n") == b""
    assert lines == ["a request was not answered: ValueError"] * 2


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_is_listened_at_too() -> None:
    with served(host="::1") as server:
        assert server.place.startswith("[::1]:")
        assert server.names.is_loopback
