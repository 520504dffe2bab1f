"""AWS's own errors, by kind: bad credentials, a missing right, what may pass, what is gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanner.errors import ScanError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

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
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# What AWS says where a clock is wrong:
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_SKEWED = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_OUT_OF_TIME = re.compile(r"Signature expired|Signature not yet current")
_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
    }
)


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
    code = error_code(error)
    if code in _SKEWED or _OUT_OF_TIME.search(_message(error)):
        return ScanError(
            f"AWS refused the time of a request ({code}): the clock of this machine is wrong; set it, then "
            "scan again"
        )
    return ScanError(
        f"AWS refused the credentials ({code}): renew them (`aws sso login`, or the role of "
        "the CI job), or choose another profile (AWS_PROFILE)"
    )


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))
