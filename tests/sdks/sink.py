"""What the SDKs send: OTLP over HTTP, and datagrams to the X-Ray daemon's port."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response


class Sent(NamedTuple):
    """One message of an SDK: what it is made of, and its content."""

    form: str
    content: bytes


class Sink:
    """Keeps what arrives, in its order."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.port = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Whatever is asked over HTTP is well."""
        request = Request(environ)
        body = request.get_data()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if request.path.endswith("/v1/traces"):
            form = "json" if "json" in request.headers.get("Content-Type", "") else "protobuf"
            self.sent.append(Sent(form, body))
        return Response("{}", content_type="application/json")(environ, start_response)

    def listen(self, daemon: socket.socket) -> None:
        """Take datagrams until the socket is closed."""
        while True:
            try:
                message = daemon.recv(1 << 16)
            except OSError:
                return
            _, _, content = message.partition(b"\n")
            spans = content[:3] in (b"T1S", b"T1U")
            self.sent.append(Sent("base64", content[3:]) if spans else Sent("segment", content))


@contextmanager
def collecting() -> Iterator[Sink]:
    """A sink that listens on one port, as the daemon does: TCP and UDP."""
    sink = Sink()
    server, daemon = _listening(sink)
    with daemon:
        for target, arguments in ((server.serve_forever, ()), (sink.listen, (daemon,))):
            threading.Thread(target=target, args=arguments, daemon=True).start()
        try:
            yield sink
        finally:
            server.shutdown()


def _listening(sink: Sink) -> tuple[BaseWSGIServer, socket.socket]:
    """A server and a socket on one port: the next one, where somebody listens to datagrams there."""
    while True:
        server = make_server("127.0.0.1", 0, sink, threaded=True)
        daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            daemon.bind(("127.0.0.1", server.port))
        except OSError:
            daemon.close()
            server.server_close()
            continue
        sink.port = server.port
        return server, daemon
