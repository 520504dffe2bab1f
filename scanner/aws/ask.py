"""Asking AWS for evidence that a scan can do without: what is not to be had is a warning, never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials, is_denied
from scanner.errors import ScanError, Warnings

T = TypeVar("T")

THREADS = 8


class UnreadError(Exception):
    """AWS answered, though not with what was asked for. The message completes "could not be read: ..."."""


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
    from botocore.exceptions import ClientError

    try:
        return request()
    except ClientError as error:
        if is_bad_credentials(error):
            raise bad_credentials(error) from error
        if is_denied(error):
            warnings.add("right-missing", f"{question.action} is denied: {question.means}; allow it")
        else:
            warnings.add(question.code, f"{question.what} could not be read: {error_code(error)}")
    except ScanError:
        raise  # no client could be made: nothing at all can be asked
    except UnreadError as error:
        warnings.add(question.code, f"{question.what} could not be read: {error}")
    except Exception as error:  # no connection, or whatever botocore's parser trips over
        warnings.add(question.code, f"{question.what} could not be read: {error}")
    return None
