"""Asking AWS for what a scan can do without: what is not to be had is a warning, never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials, is_denied, is_missing
from scanner.errors import ScanError, Warnings

T = TypeVar("T")

THREADS = 8


class UnreadError(Exception):
    """AWS answered, though not with what was asked for. The message completes "could not be read: ..."."""


class Failure(NamedTuple):
    """Why AWS gave no answer.

    `message` is AWS's code of the error or else a sentence of the exception, `detail` the code or else the
    exception with its type. `operation` is AWS's name of the request ("GetRole"), empty where no answer was
    understood. `denied` tells that a right is missing, `missing` that what was asked for does not exist.
    `unreachable` says why AWS could not be reached and what to do, empty where it could.
    """

    message: str
    detail: str
    operation: str = ""
    denied: bool = False
    missing: bool = False
    unreachable: str = ""


def attempt(request: Callable[[], T]) -> T | Failure:
    """The answer to a request, or why there is none.

    Raises ScanError where the credentials themselves are missing or refused, and nothing else.
    """
    from botocore.exceptions import ClientError

    try:
        return request()
    except ClientError as error:
        if is_bad_credentials(error):
            raise bad_credentials(error) from error
        code = error_code(error)
        return Failure(
            message=code,
            detail=code,
            operation=error.operation_name,
            denied=is_denied(error),
            missing=is_missing(error),
        )
    except ScanError:
        raise  # no client could be made: nothing at all can be asked
    except Exception as error:  # no connection, or whatever botocore's parser trips over
        from scanner.aws.failures import sentence, unreachable

        return Failure(sentence(error), repr(error), unreachable=unreachable(error))


class Question(NamedTuple):
    """What is asked for, in the words of its warnings.

    `means` says what stays unknown where the IAM action `action` is denied. `code` and `what` are the
    warning's and the subject of "could not be read", where it fails otherwise.
    """

    action: str
    means: str
    code: str
    what: str


def ask(question: Question, request: Callable[[], T], warnings: Warnings) -> T | None:
    """The answer to a question, None (and a warning) where there is none.

    Raises ScanError where the credentials themselves are missing or refused, and nothing else.
    """
    answer = attempt(request)
    if not isinstance(answer, Failure):
        return answer
    if answer.denied:
        warn_of_denial(question.action, question.means, warnings)
    else:
        warnings.add(question.code, f"{question.what} could not be read: {answer.message}")
    return None


def warn_of_denial(action: str, means: str, warnings: Warnings) -> None:
    """Warn that an IAM action is denied; `means` says what stays unknown for that."""
    warnings.add("right-missing", f"{action} is denied: {means}; allow it")
