"""AWS's answer, or else a warning: never an error, unless nothing at all can be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from scanner.aws.ask import Failure, Question, UnreadError, ask, attempt
from scanner.aws.times import time_of
from scanner.errors import ScanError, Warnings

QUESTION = Question("x:Read", "what it holds is not known", "x-unread", "the x of y")


def fails(error: Exception) -> Callable[[], NoReturn]:
    def request() -> NoReturn:
        raise error

    return request


def denial(code: str, status: int = 400) -> ClientError:
    document: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(document, "ReadX")


def warned(request: Callable[[], Any]) -> tuple[str, str]:
    """The code and the text of the one warning where a request has no answer."""
    warnings = Warnings()
    assert ask(QUESTION, request, warnings) is None
    (warning,) = warnings.all()
    return warning.code, warning.message


def test_an_answer_is_handed_on_without_a_warning() -> None:
    warnings = Warnings()
    assert ask(QUESTION, lambda: 7, warnings) == attempt(lambda: 7) == 7
    assert not warnings.all()


def test_a_right_that_is_missing_is_named_with_what_it_means() -> None:
    text = "x:Read is denied: what it holds is not known; allow it"
    assert warned(fails(denial("AccessDenied"))) == ("right-missing", text)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (denial("Throttling"), "Throttling"),
        (UnreadError("it has no end"), "it has no end"),
        (OSError("no connection"), "no connection"),
        (OSError("no connection. Further retries may succeed:\n<html>"), "no connection"),
        (
            ResponseParserError("Unable to parse response (no element found), invalid XML received. Further"),
            "what answered is no answer of AWS: check the proxy (HTTPS_PROXY, NO_PROXY), and "
            "AWS_ENDPOINT_URL if it is set",
        ),
    ],
)
def test_whatever_else_fails_is_said_of_what_was_asked_for(error: Exception, why: str) -> None:
    assert warned(fails(error)) == ("x-unread", f"the x of y could not be read: {why}")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            denial("AccessDenied"),
            Failure("AccessDenied", "AccessDenied", "ReadX", denied=True, missing=False),
        ),
        (
            denial("NoSuchEntity", 404),
            Failure("NoSuchEntity", "NoSuchEntity", "ReadX", denied=False, missing=True),
        ),
        (KeyError("Functions"), Failure("'Functions'", "KeyError('Functions')")),
    ],
)
def test_why_there_is_no_answer(error: Exception, failure: Failure) -> None:
    assert attempt(fails(error)) == failure


@pytest.mark.parametrize("error", [denial("ExpiredToken", 403), ScanError("no AWS credentials")])
def test_without_credentials_nothing_can_be_asked(error: Exception) -> None:
    with pytest.raises(ScanError, match="credentials"):
        attempt(fails(error))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2018-02-04T23:13:08.219+0000", 1517785988.219),
        ("2018-02-04T23:13:08Z", 1517785988.0),
        ("2018-02-04T23:13:08", None),  # of an unknown zone
        ("yesterday", None),
        (1517785988.219, 1517785988.219),  # as version 1 of the AWS command line prints it
        (True, None),
        (1e30, None),
        (float("nan"), None),
    ],
)
def test_times_as_aws_writes_them(text: Any, seconds: float | None) -> None:
    time = time_of(text)
    assert (time.timestamp() if time else None) == seconds
