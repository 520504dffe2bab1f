"""Credentials are never shown, written or kept. Pure."""

from __future__ import annotations

import re

_SECRET_NAME = r"(?:access_?key(?:_?id)?|secret(?:_?access)?_?key|session_?token)"  # noqa: S105  # a pattern
_SECRET = re.compile(rf"({_SECRET_NAME}[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+", re.IGNORECASE)
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


def redacted(text: str) -> str:
    """Text less access keys."""
    return _KEY_ID.sub("[access key]", _SECRET.sub(r"\1[redacted]", text))
