"""Posting a message: bounded in time and tries, to one host only.

Nothing that a library says of a failure is passed on: it may hold the address.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from scanner import __version__
from scanner.notify.address import Address

_CODE_WORD = re.compile(rb"[a-z]+(?:_[a-z]+)+")  # `invalid_blocks`, as Slack answers
_LONGEST_ANSWER = 200
_BUSY = 429
_PROBLEMS: Mapping[int, str] = {
    400: "it does not take this message: does `notify-format` fit it?",
    401: "it asks for credentials, which a webhook has in its address",
    403: "the address is not valid, or no longer",
    404: "the address is not valid, or no longer",
    410: "the address is not valid any more",
    413: "the message is too long for it",
}


@dataclass(frozen=True)
class Patience:
    """How long a webhook is waited for, in seconds: `total` bounds all of it, whatever happens."""

    tries: int = 3
    timeout: float = 10.0
    total: float = 60.0
    pause: float = 1.0
    longest_pause: float = 30.0
    sleep: Callable[[float], object] = time.sleep


class _Outcome(NamedTuple):
    """How a try ended: why it failed, empty where it did not; how long to wait before the next, if any."""

    problem: str
    again: bool = False
    retry_after: float | None = None


def send(address: Address, body: bytes, patience: Patience | None = None) -> str:
    """Post a message. Returns why that failed, in a few words; empty where it did not."""
    limits = patience or Patience()
    outcomes: list[_Outcome] = []
    # no time limit of a socket holds for the look-up of a name, or for an answer that trickles
    thread = threading.Thread(target=_tries, args=(address, body, limits, outcomes), daemon=True)
    thread.start()
    thread.join(limits.total)
    if thread.is_alive() or not outcomes:
        return outcomes[-1].problem if outcomes else "it does not answer"
    return outcomes[-1].problem


def _tries(address: Address, body: bytes, limits: Patience, outcomes: list[_Outcome]) -> None:
    """Post until it works, or there is no use in it. What comes of each try is added to `outcomes`."""
    for number in range(limits.tries):
        outcome = _try(address, body, limits.timeout)
        outcomes.append(outcome)
        if not outcome.again or number + 1 == limits.tries:
            return
        pause = limits.pause * 2**number if outcome.retry_after is None else outcome.retry_after
        if pause > limits.longest_pause:
            return
        limits.sleep(pause)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the message is for one host alone."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """No request at all."""


def _try(address: Address, body: bytes, timeout: float) -> _Outcome:
    try:
        # the address is https, or of this machine (`address`)
        request = urllib.request.Request(  # noqa: S310
            address.reveal(),
            body,
            {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": f"xray-privilege-scan/{__version__}",
            },
            method="POST",
        )
        with _opener(address).open(request, timeout=timeout):
            return _Outcome("")
    except urllib.error.HTTPError as error:
        with error:
            return _answered(address, error)
    except Exception as error:
        return _unreached(error)


def _opener(address: Address) -> urllib.request.OpenerDirector:
    proxies = [urllib.request.ProxyHandler({})] if address.is_loopback else []
    context = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    return urllib.request.build_opener(_NoRedirect, context, *proxies)


def _answered(address: Address, answer: urllib.error.HTTPError) -> _Outcome:
    status = answer.code
    if 300 <= status < 400:
        return _Outcome(f"it answers {status} with another address, which is not followed")
    if status == _BUSY:
        return _Outcome("it answers 429: too many messages", True, _retry_after(answer.headers))
    if status >= 500:
        return _Outcome(f"it answers {status}: it fails by itself", True, _retry_after(answer.headers))
    problem = _PROBLEMS.get(status, "it refuses the message")
    word = _code_word(address, answer)
    return _Outcome(f"it answers {status}{f' ({word})' if word else ''}: {problem}")


def _code_word(address: Address, answer: urllib.error.HTTPError) -> str:
    """The word by which a service says what is wrong; nothing that the address could hold."""
    try:
        text = answer.read(_LONGEST_ANSWER).strip()
    except (OSError, http.client.HTTPException):
        return ""
    word = text.decode("ascii") if _CODE_WORD.fullmatch(text) else ""
    return "" if address.is_part(word) else word


def _retry_after(headers: Message) -> float | None:
    """The seconds of `Retry-After`: a number, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _unreached(error: BaseException) -> _Outcome:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _Outcome("its certificate is not trusted here (SSL_CERT_FILE names a file of authorities)")
    if isinstance(cause, TimeoutError):
        return _Outcome("it does not answer in time", True)
    if isinstance(cause, socket.gaierror):
        return _Outcome("its host is not known here", True)
    if isinstance(cause, ConnectionRefusedError):
        return _Outcome("it refuses the connection", True)
    if isinstance(cause, OSError | http.client.HTTPException):
        return _Outcome("it cannot be reached", True)
    return _Outcome(f"it cannot be reached ({type(cause).__name__})")
