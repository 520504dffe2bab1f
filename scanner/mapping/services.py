"""A service's name as any SDK spells it -> its IAM prefix."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import orjson

from scanner.mapping.partitions import service_part

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
_VENDOR = re.compile(r"^(amazon|aws)(?=.)")


@cache
def data() -> dict[str, Any]:
    """services.json, generated from botocore by scripts/refresh_services.py."""
    return dict(orjson.loads(resources.files("scanner.mapping").joinpath("data/services.json").read_bytes()))


def normalise(name: str) -> str:
    """The form in which names are compared: "Amazon S3", "S3" and "s3" are one."""
    return _VENDOR.sub("", _NOT_ALPHANUMERIC.sub("", name.lower()))


@lru_cache(maxsize=1 << 12)
def prefix_of(service: str) -> str | None:
    """The IAM prefix of a service as a trace spells it, or of a host of it; None if it is unknown."""
    aliases: dict[str, str] = data()["aliases"]
    prefix = aliases.get(normalise(service))
    part = service_part(service) if prefix is None else None
    if part is not None:
        # "bucket.s3.eu-west-1.amazonaws.com", "abc.execute-api.us-east-1.amazonaws.com"
        labels = [label for label in part.split(".") if normalise(label) in aliases]
        prefix = aliases[normalise(labels[-1])] if labels else None
    return prefix


def needs_no_permission(prefix: str, operation: str) -> bool:
    """Whether anybody may call the operation."""
    return operation in data()["no_permission"].get(prefix, ())


def http_verb(operation: str) -> str | None:
    """The HTTP verb of an API Gateway operation: its IAM actions are named by these."""
    verb = data()["http_verbs"].get(operation)
    return None if verb is None else str(verb)
