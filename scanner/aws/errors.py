"""AWS's own errors, by kind: bad credentials, a missing right, what may pass, what is gone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scanner.errors import ScanError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)
_MISSING = frozenset({"NoSuchEntity", "ResourceNotFoundException", "UnknownOperationException"})
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
    return _code_and_status(error.response)[0]


def status_of(error: ClientError) -> int:
    """The HTTP status of an error's answer, 0 if it had none."""
    return _code_and_status(error.response)[1]


def is_bad_credentials(error: ClientError) -> bool:
    """Whether the credentials themselves were refused."""
    return error_code(error) in _BAD_CREDENTIALS


def is_denied(error: ClientError) -> bool:
    """Whether a right is missing."""
    return not is_bad_credentials(error) and (error_code(error) in _DENIED or status_of(error) == 403)


def is_passing(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    return is_passing_answer(error.response)


def is_passing_answer(answer: Mapping[str, Any]) -> bool:
    """Whether an answer is an error, and the same request may succeed later."""
    code, status = _code_and_status(answer)
    return code in _THROTTLED or status in (429, 500, 502, 503, 504)


def what_happened(answer: Mapping[str, Any]) -> str:
    """An error in a few words; AWS's own are of use where the request was at fault."""
    code, status = _code_and_status(answer)
    message = str(answer.get("Error", {}).get("Message", ""))[:200] if status < 500 else ""
    return f"{code} (HTTP {status})" + (f": {message}" if message else "")


def _code_and_status(answer: Mapping[str, Any]) -> tuple[str, int]:
    code = answer.get("Error", {}).get("Code", "")
    return str(code), int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing(error: ClientError) -> bool:
    """Whether what was asked for does not exist (any more)."""
    return error_code(error) in _MISSING or status_of(error) == 404


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
