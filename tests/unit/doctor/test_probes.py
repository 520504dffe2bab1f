"""One harmless request for each right."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from scanner.aws.ask import Failure
from scanner.aws.rights import rights
from scanner.doctor.probes import PROBES, Answered, asked, check_rights, why_unanswered
from scanner.iam import catalog
from tests.unit.cases import ACCOUNT, NOW, REGION

ROLE = f"arn:aws:iam::{ACCOUNT}:role/of-function"
ACTIONS = [right.action for right in rights()]
SERVICES = {"functions": "lambda", "stepfunctions": "states"}


class Client:
    """A client that notes its requests, and refuses each with one error code."""

    def __init__(self, service: str, code: str, requests: list[str]) -> None:
        self._service = service
        self._code = code
        self._requests = requests

    def __getattr__(self, method: str) -> Any:
        operation = "".join(word.capitalize() for word in method.split("_"))

        def request(**parameters: Any) -> Any:
            self._requests.append(f"{self._service}:{operation}")
            raise ClientError({"Error": {"Code": self._code}}, operation)

        return request


class Aws:
    """Clients that refuse everything with one error code."""

    def __init__(self, code: str) -> None:
        self.requests: list[str] = []
        self._code = code

    def __getattr__(self, service: str) -> Any:
        return lambda *of: Client(
            self._named(of[0] if service == "client" else service), self._code, self.requests
        )

    def _named(self, service: str) -> str:
        return SERVICES.get(service, service)


def check(code: str) -> tuple[dict[str, Answered], list[str]]:
    aws: Any = Aws(code)
    return check_rights(aws, asked(REGION, "aws", "f", ROLE, NOW)), aws.requests


def test_every_right_is_an_action_of_iam() -> None:
    assert all(catalog.action(action) for action in ACTIONS)


def test_every_right_is_asked_for_once_by_the_request_that_it_allows() -> None:
    assert PROBES.keys() == set(ACTIONS)
    _, requests = check("AccessDenied")
    assert sorted(requests) == sorted(ACTIONS)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("AccessDenied", "denied"),
        ("AccessDeniedException", "denied"),
        ("NoSuchEntity", "allowed"),
        ("ResourceNotFoundException", "allowed"),
        ("ValidationError", "allowed"),
        ("InternalFailure", "unknown"),
        ("Throttling", "unknown"),
    ],
)
def test_a_missing_right_is_told_from_everything_else(code: str, state: str) -> None:
    answers, _ = check(code)
    assert {answered.state for answered in answers.values()} == {state}


def test_without_a_known_role_no_job_is_asked_of_a_foreign_account() -> None:
    aws: Any = Aws("AccessDenied")
    answers = check_rights(aws, asked(REGION, "aws", "", "", NOW))
    assert answers["iam:GenerateServiceLastAccessedDetails"].state == "unknown"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Throttling", "Throttling"),
        ("503", "AWS answered with the HTTP status 503"),
        ("", "AWS did not say why"),
        ("a word " * 100, f"{'a word ' * 28}a …"),
    ],
)
def test_why_a_right_is_not_known_is_whole_words_in_a_line(message: str, why: str) -> None:
    assert why_unanswered(Failure(message, message)) == why
