"""What of a span's attributes is kept: what a table names, without anything that is nobody's business. Pure.

Access keys become a salted hash that only this process can make, requests' ids whether there is one,
addresses of requests their host or the queue that they name. All else that writers put into spans
(statements, messages of models, bodies, headers) is never taken.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote

from scanner.spans.aliases import names_of, resource_names, span_names

SAMPLING = "_ot.th"
"""The name under which the sampling of a trace's state is kept."""

_salt = os.urandom(16)
_MAX_TEXT = 2048
_MAX_ITEMS = 100
_ADDRESS = re.compile(r"(?P<host>https?://)(?:[^/?#@\s]*@)?(?P<name>[^/?#@\s]+)(?P<path>[^?#\s]*)")
_THRESHOLD = re.compile(r"\bot=(?:[^,]*;)?th:([0-9a-f]{1,14})")
_QUEUE_PATH = re.compile(r"/(?:queue/)?\d{12}/[\w-]+(?:\.fifo)?")


def kept_attributes(attributes: Iterable[tuple[str, Any]] | Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a span that tables name, cleaned."""
    cleaners = span_cleaners()
    items = attributes.items() if isinstance(attributes, Mapping) else attributes
    kept: dict[str, Any] = {}
    for name, value in items:
        if name in cleaners:
            cleaner = cleaners[name]
            kept[name] = cleaner(value) if cleaner else plain(value)
    return kept


def kept_resource(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a resource that tables name."""
    names = resource_names()
    return {name: plain(value) for name, value in attributes.items() if name in names}


@cache
def span_cleaners() -> Mapping[str, Callable[[Any], Any] | None]:
    """The names of attributes that are kept, each with what its values are cleaned by."""
    cleaners: dict[str, Callable[[Any], Any] | None] = dict.fromkeys(span_names())
    for name in list(cleaners):
        cleaners.update(dict.fromkeys(f"{name}.{number}" for number in range(10)))
    cleaners.update(dict.fromkeys(names_of("request_id"), _presence))
    cleaners.update(dict.fromkeys(names_of("access_key"), credentials_of))
    addresses = {*names_of("call_host"), *names_of("parameter.queue_url")}
    cleaners.update(dict.fromkeys(addresses, _without_secrets))
    cleaners.update(dict.fromkeys(names_of("parameter.copy_source"), copied_bucket))
    return cleaners


def threshold_of(trace_state: Any) -> str:
    """What a trace's state says of the sampling: the share of traces that were dropped, empty for none.

    opentelemetry.io/docs/specs/otel/trace/tracestate-handling/#sampling-threshold-value-th
    """
    match = _THRESHOLD.search(trace_state) if isinstance(trace_state, str) else None
    return match[1] if match else ""


def plain(value: Any) -> Any:
    """A value without more than names have: texts cut, lists as tuples of texts."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else value[:_MAX_TEXT]
    if isinstance(value, list | tuple):
        return tuple(item[:_MAX_TEXT] for item in value[:_MAX_ITEMS] if isinstance(item, str))
    return value if isinstance(value, int | float) else None


def copied_bucket(value: Any) -> Any:
    """The bucket, or the ARN of the access point, of a CopySource; never the key of the object.

    docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    if not isinstance(value, str):
        return None
    source = unquote(value[:_MAX_TEXT]).lstrip("/")
    return source.partition("/object/" if source.startswith("arn:") else "/")[0] or None


def _presence(value: Any) -> Any:
    return True if value else None


# bench row "spans from one file": all calls of a process have one key
@lru_cache(maxsize=1 << 10)
def _hashed(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "replace"), key=_salt, digest_size=8).hexdigest()


def credentials_of(value: Any) -> Any:
    """What tells the credentials of a call from others, and nothing else."""
    return _hashed(value) if isinstance(value, str) and value else None


def _without_secrets(value: Any) -> Any:
    """An address without user, query and path, but for the path of a queue."""
    if not isinstance(value, str):
        return None
    return _address(value) if "/" in value or "@" in value else value[:_MAX_TEXT]


@lru_cache(maxsize=1 << 10)
def _address(text: str) -> str | None:
    match = _ADDRESS.match(text)
    if match is None:
        return None
    queue = _QUEUE_PATH.match(match["path"])
    return f"{match['host']}{match['name']}{queue.group() if queue else '/'}"[:_MAX_TEXT]
