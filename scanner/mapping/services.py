"""A service's name as any SDK spells it -> its IAM prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import orjson

from scanner.mapping.partitions import service_part

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
# "sqs-fips", "fips.s3", "s3-us-west-2": docs.aws.amazon.com/general/latest/gr/rande.html
_FIPS_OR_REGION = re.compile(r"^fips-|-fips$|(?<=^s3)-[a-z]{2}-[a-z-]+-\d$")
_VENDOR = re.compile(r"^(amazon|aws)(?=.)")
_SDK_NAME = re.compile(r"aws|boto", re.IGNORECASE)
# What instrumentations write around a service's name: "AWS.SDK.S3", "S3AsyncClient", "@aws-sdk/client-s3",
# "com.amazonaws.services.sqs", "github.com/aws/aws-sdk-go-v2/service/sqs". Names of clients:
# docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/ and docs.aws.amazon.com/java/api/latest/; the prefix:
# opentelemetry-collector-contrib's exporter/awsxrayexporter/internal/translator/segment.go.
_AROUND = re.compile(
    r"(?:com|software)?(?:amazonaws|amazonawssdk|awssdk|amazon|aws)?(?:sdk|services|client)*"
    r"(?P<name>.+?)(?:async)?(?:client)?"
)


@cache
def data() -> dict[str, Any]:
    """services.json, generated from botocore by scripts/refresh_services.py."""
    return dict(orjson.loads(resources.files("scanner.mapping").joinpath("data/services.json").read_bytes()))


def normalise(name: str) -> str:
    """The form in which names are compared: "Amazon S3", "S3" and "s3" are one."""
    return _VENDOR.sub("", _NOT_ALPHANUMERIC.sub("", name.lower()))


def _spellings(name: str) -> Iterator[str]:
    """The forms of a name to look up: as it is, then without what instrumentations write around it."""
    yield normalise(name)
    labels = re.split(r"[./:]+", name.rstrip("./:"))
    for part in (name, labels[-1]) if _SDK_NAME.search(name) else (name,):
        match = _AROUND.fullmatch(_NOT_ALPHANUMERIC.sub("", part.lower()))
        if match:
            yield normalise(match["name"])


@lru_cache(maxsize=1 << 12)
def prefix_of(service: str) -> str | None:
    """The IAM prefix of a service as a trace spells it, or of a host of it; None if it is unknown."""
    aliases: dict[str, str] = data()["aliases"]
    prefix = next((aliases[name] for name in _spellings(service) if name in aliases), None)
    part = service_part(service) if prefix is None else None
    if part is not None:
        # "bucket.s3.eu-west-1.amazonaws.com", "abc.execute-api.us-east-1.amazonaws.com"
        labels = [_FIPS_OR_REGION.sub("", label) for label in part.split(".")]
        known = [label for label in labels if normalise(label) in aliases]
        prefix = aliases[normalise(known[-1])] if known else None
    return prefix


def needs_no_permission(prefix: str, operation: str) -> bool:
    """Whether anybody may call the operation."""
    return operation in data()["no_permission"].get(prefix, ())


@cache
def _naming() -> frozenset[str]:
    naming: dict[str, list[str]] = data()["naming"]
    return frozenset(f"{prefix}:{name}".lower() for prefix, names in naming.items() for name in names)


def names_something(action: str) -> bool:
    """Whether requests of an action (lower case) name something, though IAM lists no type of resource for it.

    The token of SendTaskSuccess stands for an execution, so that templates grant it on a state machine. A
    request that names nothing (ListTables) is allowed on `*` alone.
    """
    return action in _naming()


def http_verb(operation: str) -> str | None:
    """The HTTP verb of an API Gateway operation: its IAM actions are named by these."""
    verb = data()["http_verbs"].get(operation)
    return None if verb is None else str(verb)
