"""Roles of accounts that are lost while they are read, refused, or throttled."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes import notes
from tests.fakes.moto_aws import MotoAws
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.integration.test_accounts import ONE, TWO, UNUSED, accounts_of, deployed, role_of, scan, verdicts

__all__ = ["deployed"]
DENIED = Answer(
    403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
)
THROTTLED = Answer(
    400,
    b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
)


@contextmanager
def sts(aws: MotoAws, fault: Callable[[str, int], Answer | None]) -> Iterator[str]:
    """STS whose credentials are renewed for each request. A fault goes by account and number of requests."""
    asked: dict[str, int] = {}

    def answer(request: HttpRequest) -> Answer:
        found = re.search(rb"%3A(\d{12})%3Arole", request.body)
        account = found[1].decode() if found else ""
        asked[account] = asked.get(account, 0) + 1
        failed = fault(account, asked[account])
        if failed:
            return failed
        headers = {name: request.headers[name] for name in ("authorization", "content-type")}
        forwarded = urllib.request.Request(aws.url, request.body, headers, method="POST")
        with urllib.request.urlopen(forwarded, timeout=10) as response:
            body = response.read()
        ends = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Answer(200, re.sub(rb"<Expiration>[^<]*", f"<Expiration>{ends}".encode(), body))

    with serving(answer) as url:
        yield url


@pytest.mark.parametrize("after", [1, 2, 14, 17])
def test_a_role_that_is_lost_while_its_account_is_read_is_a_warning(
    deployed: MotoAws, tmp_path: Path, after: int
) -> None:
    """While traces are read, functions, roles."""
    with sts(deployed, lambda account, number: DENIED if account == TWO and number > after else None) as url:
        ran = scan(tmp_path, deployed, "--sarif", "x.sarif", AWS_ENDPOINT_URL_STS=url)
    assert ran.code == 0, ran.err
    assert ran.warnings["account-unread"] == 1
    assert f"account {TWO} could not be read: sts:AssumeRole on {role_of(TWO)} is denied" in ran.warning_texts
    assert [bool(account["unread"]) for account in accounts_of(ran)] == [False, True]
    assert verdicts(ran)[ONE, UNUSED] == ("unused", True)
    assert not [finding for (account, _), (_, finding) in verdicts(ran).items() if account == TWO and finding]


def test_sts_that_throttles_is_asked_again(deployed: MotoAws, tmp_path: Path) -> None:
    with sts(deployed, lambda account, number: THROTTLED if number == 1 else None) as url:
        ran = scan(tmp_path, deployed, AWS_ENDPOINT_URL_STS=url)
    assert (ran.code, ran.warnings.get("account-unread")) == (0, None), ran.err
    assert verdicts(ran)[TWO, UNUSED] == ("unused", True)


def test_of_twelve_accounts_three_that_refuse_are_named(deployed: MotoAws, tmp_path: Path) -> None:
    many = [f"{number:012}" for number in range(1, 11)]
    refused = set(many[:3])
    with sts(deployed, lambda account, _: DENIED if account in refused else None) as url:
        ran = scan(tmp_path, deployed, accounts=" ".join([*many, ONE, TWO]), AWS_ENDPOINT_URL_STS=url)
    assert ran.code == 0, ran.err
    assert {account["id"] for account in accounts_of(ran) if account["unread"]} == refused
    assert len(accounts_of(ran)) == 12
    assert verdicts(ran)[ONE, UNUSED] == verdicts(ran)[TWO, UNUSED] == ("unused", True)


def test_a_role_that_is_lost_when_lines_are_looked_for_leaves_those_of_the_others(
    deployed: MotoAws, tmp_path: Path
) -> None:
    (tmp_path / "serverless.yml").write_text(notes.SERVERLESS)
    asked: dict[str, int] = {}

    def count(account: str, number: int) -> None:
        asked[account] = number

    with sts(deployed, count) as url:
        scan(tmp_path, deployed, AWS_ENDPOINT_URL_STS=url)
    enough = asked[TWO]
    with sts(deployed, lambda account, number: DENIED if account == TWO and number > enough else None) as url:
        ran = scan(tmp_path, deployed, "--sarif", "x.sarif", AWS_ENDPOINT_URL_STS=url)
    assert ran.code == 0, ran.err
    assert f"account {TWO}: stacks could not be read: sts:AssumeRole" in ran.warning_texts
    assert "lines of templates were not found" not in ran.err
