"""An HTTP server that gives the answers of a function: the least that a fake needs.

::

    with serving(lambda request: Answer(200, b"{}")) as url:
        client_of("lambda", url).list_functions()
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

_POLL_SECONDS = 0.01  # how often the server looks whether it should end


class HttpRequest(NamedTuple):
    """A request: its method, its path with the query as it came, its body, its headers in lower case."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = {}


class Answer(NamedTuple):
    """An answer: its status, its body, further headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class PromptHandler(BaseHTTPRequestHandler):
    """Keeps connections, says nothing, and sends the body of an answer at once.

    Headers and body are two packets. By Nagle's algorithm the second would wait for the client to acknowledge
    the first, which takes it 40 ms.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


@contextmanager
def serving(answer: Callable[[HttpRequest], Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on a port of its own; its address."""

    class Handler(PromptHandler):
        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def do_PUT(self) -> None:
            self._respond()

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received = {name.lower(): value for name, value in self.headers.items()}
            status, content, headers = answer(HttpRequest(self.command, self.path, body, received))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of clients that hang up."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
