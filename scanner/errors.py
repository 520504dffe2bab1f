"""Errors for their reader, and how AWS's own are told apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from scanner.model import ScanWarning
from scanner.text.redact import redacted

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

EXIT_OK = 0
EXIT_GATE = 1
EXIT_USAGE = 2
EXIT_NOTHING_READ = 3
EXIT_FAULT = 70  # as sysexits.h has it: a fault of the program itself
EXIT_INTERRUPTED = 130

_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
    }
)


class ScanError(Exception):
    """The scan cannot go on. The message is one line: what happened, what it means, what to do."""

    def __init__(self, message: str, exit_code: int = EXIT_NOTHING_READ) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Warnings:
    """What the reader of the report must know; the same thing twice is counted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, code: str, message: str, count: int = 1) -> None:
        """Note a warning. `code` is for machines, `message` one line for people."""
        self._counts[(code, redacted(message))] += count

    def all(self) -> list[ScanWarning]:
        """All warnings, in the order in which they first came."""
        return [ScanWarning(code, message, count) for (code, message), count in self._counts.items()]


def error_code(error: ClientError) -> str:
    """AWS's code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status of an error's answer, 0 if it had none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_bad_credentials(error: ClientError) -> bool:
    """Whether the credentials themselves were refused."""
    return error_code(error) in _BAD_CREDENTIALS


def is_denied(error: ClientError) -> bool:
    """Whether a right is missing."""
    return not is_bad_credentials(error) and (error_code(error) in _DENIED or status_of(error) == 403)


def is_passing(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    return error_code(error) in _THROTTLED or status_of(error) in (429, 500, 502, 503, 504)


def is_missing(error: ClientError) -> bool:
    """Whether what was asked for does not exist (any more)."""
    return error_code(error) in ("NoSuchEntity", "ResourceNotFoundException") or status_of(error) == 404


def bad_credentials(error: ClientError) -> ScanError:
    """The error that says so."""
    return ScanError(
        f"AWS refused the credentials ({error_code(error)}): renew them (`aws sso login`, or the role of "
        "the CI job), or choose others with --profile"
    )
