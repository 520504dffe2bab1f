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
# Types that say no more than which client failed: with status 403 they are denials (a HEAD request's answer
# has no body). S3Exception and AmazonS3Exception are Java's, OperationError Go's, Http403Error Ruby's.
_VAGUE_TYPES = frozenset(
    {
        "",
        "amazons3exception",
        "clienterror",
        "error",
        "http403error",
        "operationerror",
        "s3exception",
        "unknown",
        "unknownerror",
    }
)
# With status 403 as well: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_OF_CREDENTIALS = re.compile(r"expired|security token|signature|exist in our records", re.IGNORECASE)
# What SDKs for Java and Go say of the answer in a message, and PHP's HTTP client
_STATUS_IN_MESSAGE = re.compile(r"Status ?Code: (\d{3})|resulted in a `(\d{3}) ")
_NAME = re.compile(r"[\w-]*\Z")
# Messages of denials: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED_MESSAGE = re.compile(r"not authorized to perform|access denied|AccessDenied", re.IGNORECASE)
# What botocore and the AWS SDKs for Java and Node put before a message (botocore/exceptions.py, ClientError),
# what those for Go (smithy-go/errors.go, GenericAPIError) and for Java 1 (AmazonServiceException) put into it
_CODE_IN_MESSAGE = re.compile(
    r"An error occurred \(([\w.-]{1,128})\)|\A([A-Za-z][\w.]{0,127}): "
    r"|api error ([\w.]{1,128}):|Error Code: ([\w.]{1,128})"
)
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
    status = status or _status_in(message)
    plain = {_plain(of_error) for of_error in types}
    if plain & _DENIED_TYPES or _DENIED_MESSAGE.search(message):
        return Outcome.DENIED
    if status == _FORBIDDEN and plain <= _VAGUE_TYPES and not _OF_CREDENTIALS.search(message):
        return Outcome.DENIED
    if status is None and not answered:
        return Outcome.NEVER_SENT
    return Outcome.FAILED


def _plain(of_error: str) -> str:
    """A type without packages and modules, however a language separates them."""
    match = _NAME.search(of_error)
    return match.group().lower() if match else ""


def _status_in(message: str) -> int | None:
    match = _STATUS_IN_MESSAGE.search(message)
    return int(match[1] or match[2]) if match else None


def codes_in(message: str) -> list[str]:
    """The types of errors that a message begins with."""
    return [code for match in _CODE_IN_MESSAGE.finditer(message) for code in match.groups() if code]
