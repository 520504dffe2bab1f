"""Roles of other accounts: assumed as asked, renewed in time, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from scanner.aws.api import AssumedRole
from scanner.aws.ask import attempt
from scanner.aws.clients import Clients
from scanner.errors import ScanError
from tests.fakes.serving import Answer, HttpRequest, serving

ROLE = AssumedRole("arn:aws:iam::111111111111:role/scan", "shop-1", "nightly")
KEY = "ASIA0123456789ABCD{:02}"
SECRET = "the-secret-of-the-session"  # of nobody


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "own")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


class Sts:
    """STS, and any other service, which answers with nothing. `keys` are those that requests came with."""

    def __init__(self, lasting: timedelta = timedelta(hours=1)) -> None:
        self.lasting = lasting
        self.assumed: list[dict[str, list[str]]] = []
        self.keys: list[str] = []
        self.refuse: Callable[[], Answer | None] = lambda: None

    def __call__(self, request: HttpRequest) -> Answer:
        credential = request.headers["authorization"].partition("Credential=")[2]
        if b"Action=AssumeRole" not in request.body:
            self.keys.append(credential.partition("/")[0])
            return Answer(200, b"{}")
        self.assumed.append(parse_qs(request.body.decode()))
        return self.refuse() or self._granted(credential.partition("/")[0])

    def _granted(self, by: str) -> Answer:
        assert by == "own"
        ends = (datetime.now(UTC) + self.lasting).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Answer(
            200,
            f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>"
            f"{KEY.format(len(self.assumed))}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>t</SessionToken><Expiration>{ends}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>".encode(),
        )


def refused(code: str, message: str, status: int = 403) -> Callable[[], Answer | None]:
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return lambda: Answer(status, text.encode())


@contextmanager
def own(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with serving(sts) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield Clients("eu-west-1", None)


def test_a_role_is_assumed_with_the_id_and_the_name_that_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = Sts()
    with own(sts, monkeypatch) as clients:
        of_role = clients.assuming(ROLE)
        assert clients.assuming(ROLE) is of_role
        of_role.xray("eu-west-1").get_trace_segment_destination()
        clients.xray("eu-west-1").get_trace_segment_destination()
    (asked,) = sts.assumed
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == (
        [ROLE.arn],
        ["shop-1"],
        ["nightly"],
    )
    assert sts.keys == [KEY.format(1), "own"]
    assert of_role.region() == "eu-west-1"


def test_credentials_that_are_about_to_expire_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = Sts(timedelta(minutes=5))
    with own(sts, monkeypatch) as clients:
        xray = clients.assuming(ROLE).xray("eu-west-1")
        sts.lasting = timedelta(hours=1)
        for _ in range(3):
            xray.get_trace_segment_destination()
    assert len(set(sts.keys)) <= 2
    assert sts.keys[-1] == KEY.format(len(sts.assumed))
    assert len(sts.assumed) > 1


def test_a_role_that_may_no_longer_be_assumed_ends_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = Sts(timedelta(minutes=5))
    with own(sts, monkeypatch) as clients:
        xray = clients.assuming(ROLE).xray("eu-west-1")
        sts.refuse = refused("AccessDenied", "no")
        with pytest.raises(ScanError, match="sts:AssumeRole"):
            attempt(lambda: xray.get_trace_segment_destination())


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        (
            "AccessDenied",
            403,
            r"sts:AssumeRole on arn:aws:iam::111111111111:role/scan is denied: .* external id in the trust",
        ),
        ("RegionDisabledException", 403, "STS is not active in the configured region"),
        ("ExpiredTokenException", 400, "AWS refused the credentials"),
        ("MalformedPolicyDocument", 400, "could not be assumed: MalformedPolicyDocument"),
    ],
)
def test_a_refusal_says_what_to_do(
    code: str, status: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = Sts()
    sts.refuse = refused(code, f"{KEY.format(1)} {SECRET}", status)
    with own(sts, monkeypatch) as clients, pytest.raises(ScanError, match=says) as raised:
        clients.assuming(ROLE)
    assert SECRET not in str(raised.value)
    assert "ASIA" not in str(raised.value)


def test_an_interruption_ends_requests_of_all_accounts_but_those_that_end_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with own(Sts(), monkeypatch) as clients:
        of_role = clients.assuming(ROLE)
        clients.interruption.begin()
        for account in (clients, of_role):
            with pytest.raises(KeyboardInterrupt):
                account.xray("eu-west-1").get_trace_segment_destination()
            account.client("logs", "eu-west-1").stop_query(queryId="1")
        clients.interruption.end()
        of_role.xray("eu-west-1").get_trace_segment_destination()
