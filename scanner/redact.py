"""What is not shown: credentials never, names that tell about an account not in public. Pure."""

from __future__ import annotations

import re

_SECRET_NAME = r"(?:access_?key(?:_?id)?|secret(?:_?access)?_?key|session_?token)"  # noqa: S105  # a pattern
_SECRET = re.compile(rf"({_SECRET_NAME}[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+", re.IGNORECASE)
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


def redacted(text: str) -> str:
    """Text less access keys."""
    return _KEY_ID.sub("[access key]", _SECRET.sub(r"\1[redacted]", text))


# docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: every account id has twelve digits
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
_SECRET_ARN = re.compile(r"(arn:[^:\s]*:secretsmanager:[^:\s]*:[^:\s]*:secret:)[^\s\"',\]]+")
_OBJECT_ARN = re.compile(r"(arn:[^:\s]*:s3:::[^/\s\"',\]]+/)(?!\*?(?:[\s\"',\]]|$))[^\s\"',\]]+")


def for_the_public(text: str) -> str:
    """Text less account ids, names of secrets and keys of objects, replaced the same way everywhere."""
    text = _SECRET_ARN.sub(r"\1SECRET_NAME", text)
    text = _OBJECT_ARN.sub(r"\1OBJECT_KEY", text)
    return _ACCOUNT.sub("ACCOUNT_ID", text)
