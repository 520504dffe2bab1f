"""Answers over HTTP, in a few threads: small requests, one a connection, slow clients are dropped."""

from __future__ import annotations

import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from scanner.errors import EXIT_USAGE, ScanError
from scanner.watch.pages import Answer, Names, answer, is_loopback, refusal
from scanner.watch.schedule import Schedule
from scanner.watch.status import Board

LARGEST_HEAD = 16_384  # bytes of a request
HEAD_SECONDS = 5.0
SEND_SECONDS = 30.0
AT_ONCE = 32  # connections
_POLL = 0.2  # seconds until the end of the server is noticed
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n"
)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """The server of a watch. `place` is where it listens. Raises ScanError where it cannot."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, host: str, port: int, answers: Callable[[str, str], Answer], say: Callable[[str], None]
    ) -> None:
        self.address_family, address = _resolved(host, port)
        self.answers = answers
        self._say = say
        self._free = threading.BoundedSemaphore(AT_ONCE)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ScanError(
                f"--listen: {host}:{port}: {reason}", EXIT_USAGE, "name another port, or address"
            ) from None
        bound: str = self.socket.getsockname()[0]
        self.names = Names(is_loopback(bound), host)
        name = f"[{bound}]" if ":" in bound else bound
        self.place = f"{name}:{self.socket.getsockname()[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; where all are taken, say that at once."""
        if not self._free.acquire(blocking=False):
            with suppress(OSError):
                request.setblocking(False)
                request.send(_BUSY)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread: else the place would be taken for ever
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing; a fault is a line, not what it quotes."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self._say(f"a request was not answered: {type(error).__name__}")


def _resolved(host: str, port: int) -> tuple[Any, Any]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such name"
        raise ScanError(
            f"--listen: {host}: {reason}", EXIT_USAGE, "name an address of this machine"
        ) from None
    family, _, _, _, address = found[0]
    return family, address


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    command = ""

    def handle(self) -> None:
        """Answer one request."""
        head = self._head()
        if head is None:
            return
        self.rfile = io.BufferedReader(io.BytesIO(head))
        self.raw_requestline = self.rfile.readline()
        self.connection.settimeout(SEND_SECONDS)  # for all of an answer: socket.sendall counts so
        if len(head) > LARGEST_HEAD:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self.parse_request():
            self._send(self._answer())

    def _head(self) -> bytes | None:
        """All of a request up to its body, too much of one that is too long; None where it does not come."""
        until, head = time.monotonic() + HEAD_SECONDS, b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) <= LARGEST_HEAD:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.connection.settimeout(left)
            part = self.connection.recv(LARGEST_HEAD)
            if not part:
                return None
            head += part
        return head

    def _answer(self) -> Answer:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) > 1 or (not hosts and self.request_version == "HTTP/1.1"):
            return refusal(HTTPStatus.BAD_REQUEST)
        if hosts and not self.server.names.allows(hosts[0]):
            return refusal(HTTPStatus.MISDIRECTED_REQUEST)
        return self.server.answers(self.command, self.path)

    def _send(self, answered: Answer) -> None:
        self.close_connection = True
        self.send_response(answered.status)
        self.send_header("Content-Type", answered.content_type)
        self.send_header("Content-Length", str(len(answered.body)))
        self.send_header("Connection", "close")
        for name, value in answered.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answered.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request, without quoting it."""
        self.request_version = self.protocol_version
        self._send(refusal(HTTPStatus(code)))

    def handle_expect_100(self) -> bool:
        """Nobody waits for a body."""
        return True

    def version_string(self) -> str:
        """What the server calls itself."""
        return "xray-privilege-scan"

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Requests are not logged: a probe comes every few seconds."""


@contextmanager
def serving(
    host: str,
    port: int,
    board: Board,
    schedule: Schedule,
    now: Callable[[], float],
    say: Callable[[str], None],
) -> Iterator[Server]:
    """Answer requests in the background. Raises ScanError where the address cannot be listened at."""

    def answers(method: str, target: str) -> Answer:
        return answer(method, target, board.status, schedule, now())

    with Server(host, port, answers, say) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
