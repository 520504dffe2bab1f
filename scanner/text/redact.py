"""Masking: access keys always, and names that identify an account where anybody may read. Pure.

What is masked may still hold markup: `escape` makes it harmless.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_SECRET_NAME = r"(?:access_?key(?:_?id)?|secret(?:_?access)?_?key|session_?token)"  # noqa: S105  # a pattern
_SECRET = re.compile(rf"({_SECRET_NAME}[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+", re.IGNORECASE)
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")

# docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: every account id has twelve digits
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
# In running text an ARN may hold blanks and quotes: everything up to the end of the line is taken for it.
_SECRET_IN_TEXT = re.compile(r"(secret:)(?![*?]+(?:\W|$)).*")
_OBJECT_IN_TEXT = re.compile(r"(arn:[^:\s]*:(?:s3[a-z-]*|\*):[^:\s]*:[^:\s]*:[^/\s]*/)(?!\*(?:\W|$)).*")
_NAMING_CONDITIONS = ("s3:", "secretsmanager:")


def keys_masked(text: str) -> str:
    """Text with access keys masked."""
    return _KEY_ID.sub("[access key]", _SECRET.sub(r"\1[redacted]", text))


@dataclass(frozen=True)
class Redaction:
    """How a line of text, a resource ARN and a policy are masked before they are shown."""

    text: Callable[[str], str]
    resource: Callable[[str], str]
    policy: Callable[[Any], Any]


def _public_text(text: str) -> str:
    """A line with account ids, names of secrets and keys of objects masked."""
    text = _OBJECT_IN_TEXT.sub(r"\1OBJECT_KEY", _SECRET_IN_TEXT.sub(r"\1SECRET_NAME", text))
    return _ACCOUNT.sub("ACCOUNT_ID", text)


def _public_resource(resource: str) -> str:
    """A resource pattern with the same masked. It may be an ARN, or only a part or a pattern of one."""
    before, secret, name = resource.partition("secret:")
    if secret and name.strip("*?"):
        resource = f"{before}{secret}SECRET_NAME"
    fields = resource.split(":", 5)
    if len(fields) == 6 and (fields[2].startswith("s3") or "*" in fields[2]):
        fields[5] = _public_object(fields[5])
        resource = ":".join(fields)
    return _ACCOUNT.sub("ACCOUNT_ID", resource)


def _public_object(rest: str) -> str:
    """The last field of an ARN of S3: `bucket/key`, `accesspoint/name/object/key`, `*key`."""
    for mark in ("/object/", "/"):
        before, separator, key = rest.partition(mark)
        if separator and not (mark == "/" and before == "accesspoint"):
            return f"{before}{mark}OBJECT_KEY" if key.strip("*") else rest
    return "OBJECT_KEY" if rest.startswith("*") and rest.strip("*") else rest


def _public_policy(value: Any, condition: str = "") -> Any:
    """A policy, or a part of one, with the same masked; also the values of conditions on keys and secrets."""
    if isinstance(value, Mapping):
        return {
            _public_text(str(key)): _public_policy(part, condition or (str(key) if ":" in str(key) else ""))
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_public_policy(part, condition) for part in value]
    if not isinstance(value, str):
        return value
    return "HIDDEN" if condition.lower().startswith(_NAMING_CONDITIONS) else _public_resource(value)


def _unchanged(value: Any) -> Any:
    return value


NO_REDACTION = Redaction(_unchanged, _unchanged, _unchanged)
PUBLIC_REDACTION = Redaction(_public_text, _public_resource, _public_policy)
