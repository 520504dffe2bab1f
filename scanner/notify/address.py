"""The address of a webhook: a secret, which nothing prints. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

_ADDRESS = re.compile(r"[!-~]+")


class AddressError(ValueError):
    """An address that is not used. The message says why, without any part of it."""


@dataclass(frozen=True)
class Address:
    """The address. Its text stands in `reveal()` alone, never in what Python shows of it."""

    _url: str = field(repr=False)
    is_loopback: bool

    def reveal(self) -> str:
        """The address itself, for the request."""
        return self._url

    def is_part(self, text: str) -> bool:
        """Whether the address holds a text."""
        return text.lower() in self._url.lower()


def address_of(text: str) -> Address:
    """The address that a text is. Raises AddressError."""
    url = text.strip()
    parts = _split(url)
    if parts.username is not None or parts.password is not None:
        raise AddressError("must not hold a user name or a password")
    is_loopback = _is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise AddressError("must begin with https://")
    return Address(parts._replace(fragment="").geturl(), is_loopback)


def _split(url: str) -> SplitResult:
    """The parts of an address; all that its parser could complain of, it does here, where nobody listens."""
    problem = "is no address such as https://example.com/hooks/123"
    if not _ADDRESS.fullmatch(url):
        raise AddressError(problem)
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        raise AddressError(problem) from None
    if not is_whole:
        raise AddressError(problem)
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
