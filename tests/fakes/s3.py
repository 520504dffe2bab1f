"""S3 over HTTP, as far as a ledger needs it: conditional writes, and writers that come in between.

::

    with FakeS3() as s3:
        s3.faults = ["412", "409"]    # what befalls the next writes, in turn
        S3Store(s3, S3Place("bucket", "key"), ...).add(...)
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Self

from tests.fakes.clients import client_of
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.fakes.traces import REGION

BUCKET = "ledgers"


class FakeS3:
    """The bucket `ledgers`. It is its own clients: `client` and `region` are those of `scanner.aws.api.Aws`.

    Each write is befallen by the next of `faults`: "" (nothing), "409" or "412" (refused), "lost" (written,
    and the answer is an error), "removed" (the object goes first), "race" (`racer` is called first, as
    another run does). Reads are befallen by `read_fault`: an answer in the place of the object.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._stack = ExitStack()
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Forgets all objects, and what befalls requests."""
        self.faults: list[str] = []
        self.racer: Callable[[], object] = lambda: None
        self.read_fault: Answer | None = None
        self.write_fault: Answer | None = None
        self.objects: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        self.url = self._stack.enter_context(serving(self._answer))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def client(self, service: str, region: str) -> Any:
        return self._client

    @cached_property
    def _client(self) -> Any:
        return client_of("s3", self.url)

    def region(self) -> str:
        return REGION

    def _answer(self, request: HttpRequest) -> Answer:
        _, bucket, key = request.path.partition("?")[0].split("/", 2)
        if bucket != BUCKET:
            return s3_error(404, "NoSuchBucket")
        if request.method == "GET":
            return self.read_fault or self._get(key)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "race":
            self.racer()
        with self._lock:
            return self.write_fault or self._put(key, request, fault)

    def _get(self, key: str) -> Answer:
        content = self.objects.get(key)
        if content is None:
            return s3_error(404, "NoSuchKey")
        return Answer(200, content, {"ETag": _etag(content)})

    def _put(self, key: str, request: HttpRequest, fault: str) -> Answer:
        if fault == "409":
            return s3_error(409, "ConditionalRequestConflict")
        if fault == "412":
            return s3_error(412, "PreconditionFailed")
        if fault == "removed":
            self.objects.pop(key, None)
        before, headers = self.objects.get(key), request.headers
        if "if-match" in headers and before is None:
            return s3_error(404, "NoSuchKey")
        if "if-match" in headers and headers["if-match"] != _etag(before or b""):
            return s3_error(412, "PreconditionFailed")
        if headers.get("if-none-match") == "*" and before is not None:
            return s3_error(412, "PreconditionFailed")
        self.objects[key] = _body(request)
        return (
            s3_error(500, "InternalError")
            if fault == "lost"
            else Answer(200, b"", {"ETag": _etag(_body(request))})
        )


def s3_error(status: int, code: str, message: str = "") -> Answer:
    """An error as S3 answers."""
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _body(request: HttpRequest) -> bytes:
    """The object: botocore sends it in chunks where it adds a checksum at its end."""
    if "aws-chunked" not in request.headers.get("content-encoding", ""):
        return request.body
    content, rest = b"", request.body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            return content
        content, rest = content + rest[:length], rest[length + 2 :]
