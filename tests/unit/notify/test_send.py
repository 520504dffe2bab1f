"""Posting over HTTP: how often, how long, to whom, and that nothing says the address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.notify import VARIABLE, Delivery, Webhook, deliver
from scanner.notify.address import AddressError, address_of
from scanner.notify.send import Patience
from tests.examples import examples
from tests.fakes.serving import Answer
from tests.unit.notify.reports import found, hook


class Pauses(list[float]):
    """Waits for nothing, and remembers for how long."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def told(url: str, pauses: Pauses | None = None, **limits: float) -> Delivery:
    patience = Patience(sleep=Pauses() if pauses is None else pauses, timeout=limits.get("timeout", 5.0))
    return deliver(found(), Webhook(url), patience=patience)


def test_a_message_is_posted_once_as_json() -> None:
    with hook() as received:
        assert told(received.url) == Delivery("webhook: told of 1 open")
    (request,) = received.requests
    assert (request.method, request.path) == ("POST", "/hooks/T0/B0/s3cr3tTok3n")
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"].startswith("xray-privilege-scan/")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_passes_is_tried_again(status: int) -> None:
    pauses = Pauses()
    with hook([Answer(status, b""), Answer(status, b""), Answer(202, b"")]) as received:
        assert not told(received.url, pauses).failed
    assert (len(received.requests), pauses) == (3, [1.0, 2.0])


@pytest.mark.parametrize("status", [429, 503])
def test_a_webhook_is_not_tried_for_ever(status: int) -> None:
    with hook([Answer(status, b"")]) as received:
        delivery = told(received.url)
    assert delivery.failed
    assert f"it answers {status}" in delivery.line
    assert len(received.requests) == 3


def test_retry_after_is_waited_for() -> None:
    pauses = Pauses()
    with hook([Answer(429, b"", {"Retry-After": "7"}), Answer(200, b"")]) as received:
        assert not told(received.url, pauses).failed
    assert pauses == [7.0]


@pytest.mark.parametrize(
    "wait", ["3600", "999999999999", "Fri, 31 Dec 2999 23:59:59 GMT"], ids=["hour", "ages", "date"]
)
def test_who_asks_for_too_long_a_wait_is_not_waited_for(wait: str) -> None:
    pauses = Pauses()
    with hook([Answer(429, b"", {"Retry-After": wait})]) as received:
        assert told(received.url, pauses).failed
    assert (len(received.requests), pauses) == (1, [])


@pytest.mark.parametrize("wait", ["soon", "-1", "Fri, 31 Feb 2026 99:99:99 GMT", "²"])
def test_a_wait_that_is_none_is_passed_over(wait: str) -> None:
    pauses = Pauses()
    with hook(
        [Answer(503, b"", {"Retry-After": wait.encode().decode("latin-1")}), Answer(200, b"")]
    ) as received:
        assert not told(received.url, pauses).failed
    assert pauses == [1.0]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "does `notify-format` fit it?"),
        (403, "the address is not valid"),
        (404, "the address is not valid"),
        (410, "not valid any more"),
        (413, "too long"),
        (418, "it refuses the message"),
    ],
)
def test_what_is_refused_is_not_tried_again(status: int, said: str) -> None:
    with hook([Answer(status, b"")]) as received:
        delivery = told(received.url)
    assert delivery.failed
    assert said in delivery.line
    assert len(received.requests) == 1


def test_the_word_by_which_slack_refuses_is_told() -> None:
    with hook([Answer(400, b"invalid_blocks")]) as received:
        assert "it answers 400 (invalid_blocks): " in told(received.url).line


@pytest.mark.parametrize("body", [b"<html>error", b"secret_token", b"INVALID", b"no", b"a" * 10_000])
def test_other_answers_are_not_told(body: bytes) -> None:
    with hook([Answer(404, body)], path="/a/secret_token") as received:
        assert told(received.url).line.endswith("it answers 404: the address is not valid, or no longer")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with hook() as elsewhere, hook([Answer(status, b"", {"Location": elsewhere.url})]) as received:
        delivery = told(received.url)
    assert delivery.failed
    assert f"it answers {status} with another address, which is not followed" in delivery.line
    assert elsewhere.requests == []
    assert len(received.requests) == 1


def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as proxy, hook() as received:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert not told(received.url).failed
    assert (len(proxy.requests), len(received.requests)) == (0, 1)


@contextmanager
def listening(answer: bytes) -> Iterator[str]:
    """A server that says so much to each that calls, and then nothing more."""
    server = socket.create_server(("127.0.0.1", 0))
    calls: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                call, _ = server.accept()
            except OSError:
                return
            calls.append(call)
            call.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
    finally:
        server.close()
        for call in calls:
            call.close()


def test_one_that_says_nothing_is_left() -> None:
    with listening(b"") as url:
        delivery = told(url, timeout=0.1)
    assert delivery.line == f"the webhook of {VARIABLE} was not told: it does not answer in time"


def test_one_that_is_never_done_is_left() -> None:
    """The bound on all of it holds where no time limit of a socket does."""
    with listening(b"HTTP/1.1 200 OK\r\n") as url:
        delivery = deliver(found(), Webhook(url), patience=Patience(timeout=30, total=0.2))
    assert delivery.line == f"the webhook of {VARIABLE} was not told: it does not answer"


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_a_warning(answer: bytes) -> None:
    with listening(answer) as url:
        assert told(url, timeout=1).line.endswith("it cannot be reached")


def test_nobody_there_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/hook"
    assert told(url).line.endswith("it refuses the connection")


# --- the address -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/hook", "must begin with https://"),
        ("ftp://127.0.0.1/hook", "must begin with https://"),
        ("file:///etc/passwd", "is no address"),
        ("https://", "is no address"),
        ("https:///hook", "is no address"),
        ("hooks.slack.com/services/T0", "is no address"),
        ("https://user@example.com/", "must not hold a user name"),
        ("https://:secret@example.com/", "must not hold a user name"),
        ("http://example.com@127.0.0.1/", "must not hold a user name"),
        ("http://127.0.0.1.example.com/", "must begin with https://"),
        ("https://example.com:99999/", "is no address"),
        ("https://[::1/hook", "is no address"),
        ("https://example.com/a b", "is no address"),
        ("https://example.com/a\r\nHost: x", "is no address"),
        ("https://exämple.com/", "is no address"),
    ],
)
def test_addresses_that_are_not_used(url: str, why: str) -> None:
    with pytest.raises(AddressError) as caught:
        address_of(url)
    assert why in str(caught.value)
    assert caught.value.__cause__ is None
    assert told(url).line.startswith(f"the webhook of {VARIABLE} was not told: the address {why}")


@pytest.mark.parametrize(
    "url", ["https://hooks.slack.com/services/T0/B0/x", "http://localhost:8080/", "http://[::1]/"]
)
def test_addresses_that_are(url: str) -> None:
    assert address_of(f" {url}\n").reveal() == url


def test_an_address_is_not_shown() -> None:
    assert "s3cr3t" not in repr(address_of("https://example.com/s3cr3t")) + repr(
        Webhook("https://e.com/s3cr3t")
    )


REASONS = {
    "is no address such as https://example.com/hooks/123",
    "must begin with https://",
    "must not hold a user name or a password",
}
ECHOED = st.sampled_from([b"{url}", b"{path}", b"no {path} here", b"", b"invalid_token"])
ANSWERS = st.tuples(st.sampled_from([200, 301, 307, 308, 400, 404, 429, 500, 503]), ECHOED, st.booleans())


@settings(examples(60, quick=5), suppress_health_check=[HealthCheck.too_slow])
@given(answers=st.lists(ANSWERS, min_size=1, max_size=3))
def test_no_line_holds_any_part_of_the_address(answers: list[tuple[int, bytes, bool]]) -> None:
    path = "/services/T0AAAAAAA/B0BBBBBBB/invalid_token"
    with hook(path=path) as base:
        url = base.url

    def filled(text: bytes) -> bytes:
        return text.replace(b"{url}", url.encode()).replace(b"{path}", path.encode())

    script = [
        Answer(status, filled(body), {"Location": url, "Retry-After": url} if located else {})
        for status, body, located in answers
    ]
    with hook(script, path) as received:
        line = told(received.url).line
    assert not [part for part in (received.url, path, *path.split("/")[2:]) if part in line]


@given(text=st.text(max_size=40) | st.text("htps:/@[]%#?.ab0\\ ", max_size=40))
def test_what_is_said_of_a_wrong_address_is_no_part_of_it(text: str) -> None:
    try:
        address_of(text)
    except AddressError as error:
        assert str(error) in REASONS
