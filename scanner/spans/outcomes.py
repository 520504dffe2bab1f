"""How a call ended, by what was recorded of it: one rule for spans and for segment documents. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from scanner.model import Outcome

_DENIED_TYPES = frozenset(
    {
        "accessdenied",
        "accessdeniedexception",
        "accessdeniedfault",
        "authorizationerror",
        "authorizationerrorexception",
        "forbidden",
        "forbiddenexception",
        "notauthorized",
        "unauthorizedaccess",
        "unauthorizedoperation",
        "403",
    }
)
# Types that say nothing: with status 403 they are denials (a HEAD request's answer has no body).
_VAGUE_TYPES = frozenset({"clienterror", "", "unknown", "unknownerror", "error"})
# Messages of denials: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED_MESSAGE = re.compile(r"not authorized to perform|access denied|AccessDenied", re.IGNORECASE)
# What botocore and the AWS SDKs for Java and Node put before a message: botocore/exceptions.py, ClientError
_CODE_IN_MESSAGE = re.compile(r"An error occurred \(([\w.-]{1,128})\)|\A([A-Za-z][\w.]{0,127}): ")
_FORBIDDEN = 403


def outcome_of(
    *, failed: bool, status: int | None, types: Collection[str], message: str, answered: bool
) -> Outcome:
    """How a call ended.

    `failed` tells that its record says so, whatever the status. `types` are those of its errors, with or
    without packages. `answered` tells that a request id of AWS was recorded.
    """
    if not failed and (status is None or status < 400):
        return Outcome.OK
    plain = {of_error.lower().rpartition(".")[2] for of_error in types}
    if plain & _DENIED_TYPES or _DENIED_MESSAGE.search(message):
        return Outcome.DENIED
    if status == _FORBIDDEN and all(_is_vague(of_error) for of_error in plain):
        return Outcome.DENIED
    if status is None and not answered:
        return Outcome.NEVER_SENT
    return Outcome.FAILED


def _is_vague(of_error: str) -> bool:
    """Whether a type says no more than which client failed: "S3Exception" of the SDK for Java."""
    return of_error in _VAGUE_TYPES or of_error == "s3exception"


def codes_in(message: str) -> list[str]:
    """The types of errors that a message begins with."""
    return [code for match in _CODE_IN_MESSAGE.finditer(message) for code in match.groups() if code]
